#include "policies/postgres/bodies.h"

#include "policies/postgres/body_source.h"
#include "policies/postgres/builtins.h"
#include "policies/postgres/looped_change.h"
#include "policies/postgres/names.h"
#include "policies/postgres/raw_parser.h"
#include "policies/postgres/walk.h"
#include "policies/statement/ascii.h"
#include "policies/statement/weaker.h"

#include <algorithm>

namespace stepgate::policies::postgres
{
namespace
{

using catalog::Function;
using catalog::Relation;
using catalog::RelationKind;

constexpr int deepest_type = 8;

/// What the server prints for itself: names are qualified, strings are standard.
const SessionState& printed_state()
{
    static const SessionState state = [] {
        SessionState::Start start;
        start.search_path.clear();
        return SessionState{std::move(start)};
    }();
    return state;
}

/// Casts between a type of users and one of the server's count where the former is used.
bool counts_for(const catalog::Cast& cast, catalog::Oid type)
{
    return type >= catalog::first_user_oid ||
           (cast.source < catalog::first_user_oid && cast.target < catalog::first_user_oid);
}

/// Compiled functions that are not volatile are trusted to compute only where they are a type's own, its casts or in an
/// index: every read of a column would have to be held otherwise, and only a superuser can make them.
bool only_computes(const Function& function)
{
    const bool compiled = function.language == "c" || function.language == "internal";
    return compiled && function.volatility != catalog::Volatility::volatile_;
}

/// "CHECK (…) NOT VALID", as constraints are printed, without what is not the expression.
std::string bare_check(std::string text)
{
    if (starts_with_word(text, "check"))
        text.erase(0, text.find('('));
    for (const std::string_view ending : {" NOT VALID", " NO INHERIT"})
        if (text.ends_with(ending))
            text.erase(text.size() - ending.size());
    return text;
}

} // namespace

std::string name_of(const Relation& relation)
{
    return joined(relation.schema, relation.name);
}

bool starts_with_word(std::string_view text, std::string_view word)
{
    const std::size_t begin = text.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos || text.size() - begin <= word.size())
        return false;
    return same_word(text.substr(begin, word.size()), word);
}

void append(Footprint& to, Footprint from)
{
    const auto move_all = [](auto& target, auto& source) {
        target.insert(target.end(), std::make_move_iterator(source.begin()), std::make_move_iterator(source.end()));
    };
    move_all(to.facts.reads, from.facts.reads);
    move_all(to.facts.writes, from.facts.writes);
    move_all(to.facts.calls, from.facts.calls);
    move_all(to.facts.inner, from.facts.inner);
    move_all(to.facts.effects, from.facts.effects);
    move_all(to.opaque_reasons, from.opaque_reasons);
    move_all(to.touches, from.touches);
    move_all(to.built, from.built);
    to.facts.destructive = to.facts.destructive || from.facts.destructive;
    to.facts.where = statement::weaker(to.facts.where, from.facts.where);
}

void call_system(const std::string& name, Footprint& to)
{
    constexpr std::string_view prefix = "pg_catalog.";
    const std::string_view bare = std::string_view{name}.substr(std::min(name.size(), prefix.size()));
    if (!name.starts_with(prefix) || builtin_function(bare).trust == Builtin::Trust::dangerous)
        to.opaque_reasons.push_back("calls " + name + ", which is not known to be harmless");
}

bool is_harmless_code(const Function& function)
{
    return function.language == "internal" ? is_harmless_symbol(function.body)
                                           : function.language == "c" && is_harmless_library(function.definition);
}

Bodies::Bodies(const catalog::Catalog& catalog, const Limits& limits) : catalog_(&catalog), limits_(limits)
{
    const auto& relations = catalog.contents().relations;
    for (const Relation& parent : relations)
        for (const catalog::ReferencedBy& key : parent.referenced_by)
            if (const Relation* child = catalog.relation(key.relation))
                references_[child].push_back({&parent, &key.our_columns, &key.columns});
    std::unordered_map<catalog::Oid, bool> code;
    const auto has = [&](catalog::Oid type) {
        const auto found = code.find(type);
        return found != code.end() ? found->second : code.emplace(type, has_code(type)).first->second;
    };
    for (const Relation& relation : relations) {
        Traits traits;
        const auto& columns = relation.columns;
        const bool types = std::ranges::any_of(columns, has, &catalog::Column::type);
        const bool hierarchy = !relation.parents.empty() || !relation.children.empty();
        traits.read_plain = !is_view(relation) && !hierarchy && !relation.row_security && !types &&
                            relation.index_functions.empty() && relation.handler.empty();
        traits.write_plain = traits.read_plain && relation.triggers.empty() && relation.rules.empty() &&
                             relation.referenced_by.empty() && relation.checks.empty() &&
                             relation.index_expressions.empty() && !references_.contains(&relation) &&
                             std::ranges::all_of(columns, [](const auto& column) { return column.expression.empty(); });
        traits_.emplace(&relation, traits);
    }
}

bool Bodies::plain_to_read(const Relation& relation) const
{
    const auto found = traits_.find(&relation);
    return found != traits_.end() && found->second.read_plain;
}

bool Bodies::plain_to_write(const Relation& relation) const
{
    const auto found = traits_.find(&relation);
    return found != traits_.end() && found->second.write_plain;
}

const std::vector<Reference>& Bodies::references(const Relation& relation) const
{
    static const std::vector<Reference> none;
    const auto found = references_.find(&relation);
    return found == references_.end() ? none : found->second;
}

/// A value of the type runs code of users: its own functions, its checks, casts.
bool Bodies::has_code(catalog::Oid oid, int depth) const
{
    const catalog::Type* const type = catalog_->type(oid);
    if (type == nullptr || depth > deepest_type)
        return false;
    if (!type->functions.empty() || !type->checks.empty() ||
        std::ranges::any_of(catalog_->casts(oid), [oid](const auto* cast) { return counts_for(*cast, oid); }))
        return true;
    if ((type->element != 0 && has_code(type->element, depth + 1)) ||
        (type->base != 0 && has_code(type->base, depth + 1)))
        return true;
    const Relation* const row = type->relation == 0 ? nullptr : catalog_->relation(type->relation);
    return row != nullptr && std::ranges::any_of(row->columns, [&](const catalog::Column& column) {
               return has_code(column.type, depth + 1);
           });
}

void Bodies::add_call(catalog::Oid oid, Footprint& to) const
{
    const Function* const function = catalog_->function(oid);
    if (function == nullptr || only_computes(*function))
        return;
    to.facts.calls.push_back(joined(function->schema, function->name));
    Touch touch;
    touch.kind = Touch::Kind::call;
    touch.function = function;
    to.touches.push_back(std::move(touch));
}

void Bodies::add_type(catalog::Oid oid, Footprint& to, int depth)
{
    const catalog::Type* const type = catalog_->type(oid);
    if (type == nullptr || depth > deepest_type)
        return;
    for (const catalog::Oid function : type->functions)
        add_call(function, to);
    for (const catalog::Cast* cast : catalog_->casts(oid))
        if (cast->function != 0 && counts_for(*cast, oid) && catalog_->function(cast->function) == nullptr)
            call_system(cast->function_name, to);
        else if (cast->function != 0 && counts_for(*cast, oid))
            add_call(cast->function, to);
    Source initial;
    initial.what = type->name;
    add_expression(initial, type->default_expression, to);
    static const std::vector<std::string> value{"value"};
    for (const std::string& check : type->checks) {
        Source source;
        source.what = type->name;
        source.variables = &value;
        add_expression(source, bare_check(check), to);
    }
    if (type->element != 0)
        add_type(type->element, to, depth + 1);
    if (type->base != 0)
        add_type(type->base, to, depth + 1);
    if (const Relation* row = type->relation == 0 ? nullptr : catalog_->relation(type->relation))
        for (const catalog::Column& column : row->columns)
            if (has_code(column.type))
                add_type(column.type, to, depth + 1);
}

bool Bodies::runs_when_prepared(const statement::Facts& facts)
{
    if (!catalog_->checks_values())
        return false;
    if (!early_) {
        early_.emplace();
        for (const catalog::Type& type : catalog_->contents().types)
            if ((type.element != 0 || type.relation != 0) && has_code(type.oid))
                add_type(type.oid, *early_);
    }
    const auto runs_early = [this](const std::string& called) {
        return std::ranges::find(early_->facts.calls, called) != early_->facts.calls.end();
    };
    const bool some = !early_->touches.empty() || !early_->opaque_reasons.empty();
    return (some && (facts.opaque || !facts.parsed)) || std::ranges::any_of(facts.statements, [&](const auto& one) {
               return std::ranges::any_of(one.calls, runs_early);
           });
}

Footprint Bodies::analyze(const Source& source, std::string text, const std::string& rows)
{
    Footprint out;
    const std::string what{source.what};
    read_ += text.size() + rows.size() + 100;
    if (text.size() > longest_body) {
        out.opaque_reasons.push_back(what + " is too long to read");
        return out;
    }
    const RawParse parse{text, source.state->lexing() != Lexing::backslashes};
    if (!parse.good()) {
        out.opaque_reasons.push_back(what + " holds SQL that does not parse");
        return out;
    }
    Scope base;
    const auto derived = [&base](std::string_view alias) -> Item& {
        Item& item = base.items.emplace_back();
        item.alias = alias;
        item.outputs.complete = false;
        return item;
    };
    const auto table = [&](std::string_view alias, const Relation& relation) -> Item& {
        Item& item = derived(alias);
        item.table = name_of(relation);
        item.known = true;
        item.relation = &relation;
        return item;
    };
    if (source.row != nullptr && source.row_is_read) {
        table(source.row->name, *source.row);
    } else if (source.row != nullptr) {
        Item& item = derived(source.row->name);
        for (const catalog::Column& column : source.row->columns)
            item.outputs.columns.push_back({column.name, true});
    }
    if (source.trigger != nullptr)
        for (const std::string_view alias : {"new", "old"})
            (source.trigger_is_read ? table(alias, *source.trigger) : derived(alias)).qualified_only = true;
    if (source.variables != nullptr) {
        std::vector<Output> outputs;
        for (const std::string& variable : *source.variables) {
            derived(variable);
            outputs.push_back({variable, true});
        }
        derived(source.self).outputs.columns = std::move(outputs);
    }
    Analysis analysis;
    Walk walk{text, *source.state, catalog_, limits_, analysis, this};
    walk.within(base, source.variables_hide ? source.variables : nullptr, source.again);
    for (const ::ListCell& cell : cells(parse.statements())) {
        const ::Node* statement = as<::RawStmt>(node_of(cell)).stmt;
        const LoopedChange looped{statement, rows, source.state->lexing() != Lexing::backslashes};
        statement = looped.statement();
        if (source.form == Source::Form::rule)
            walk.rule_actions(as<::RuleStmt>(statement));
        else if (source.form == Source::Form::atomic)
            walk.atomic_body(statement);
        else
            walk.body_statement(statement);
    }
    out.touches = walk.take_touches();
    for (statement::StatementFacts& one : analysis.facts.statements) {
        Footprint part;
        if (one.kind != statement::Kind::select && one.kind != statement::Kind::empty)
            one.inner.push_back(one.itself());
        part.facts = std::move(one);
        append(out, std::move(part));
    }
    for (std::string& reason : analysis.facts.opaque_reasons)
        out.opaque_reasons.push_back(what + ' ' + std::move(reason));
    return out;
}

void Bodies::add_expression(Source source, const std::string& expression, Footprint& to)
{
    if (expression.empty())
        return;
    source.form = Source::Form::expression;
    if (source.state == nullptr)
        source.state = &printed_state();
    append(to, analyze(source, "select " + expression));
}

const Footprint& Bodies::view(const Relation& view)
{
    auto& kept = views_[&view];
    if (kept)
        return *kept;
    if (read_ > most_read)
        return too_much();
    Source source;
    const std::string what = name_of(view);
    source.what = what;
    source.state = &printed_state();
    kept = std::make_unique<Footprint>();
    if (view.definition.empty())
        kept->opaque_reasons.push_back("reads " + what + ", a view whose definition is not known");
    else
        *kept = analyze(source, view.definition);
    kept->facts.inner.clear();
    return *kept;
}

/// A view over one relation lets its rows be changed through it (docs, CREATE VIEW, "Updatable Views").
const std::vector<const Relation*>& Bodies::written_through(const Relation& view)
{
    const auto [kept, fresh] = written_through_.try_emplace(&view);
    if (!fresh || view.definition.size() > longest_body)
        return kept->second;
    const RawParse parse{view.definition, true};
    for (const ::ListCell& cell : cells(parse.statements())) {
        const auto* select = if_tag<::SelectStmt>(as<::RawStmt>(node_of(cell)).stmt, T_SelectStmt);
        const auto sources = cells(select == nullptr ? nullptr : select->fromClause);
        const auto* table = sources.size() == 1 ? if_tag<::RangeVar>(node_of(sources.front()), T_RangeVar) : nullptr;
        if (table == nullptr || table->schemaname == nullptr)
            continue;
        if (const Relation* base = catalog_->relation(table->schemaname, table->relname))
            kept->second.push_back(base);
    }
    return kept->second;
}

const std::vector<const Relation*>& Bodies::views_over(const std::string& table)
{
    static const std::vector<const Relation*> none;
    if (!views_over_) {
        views_over_.emplace();
        for (const Relation& relation : catalog_->contents().relations)
            if (is_view(relation))
                for (const statement::TableAccess& read : view(relation).facts.reads)
                    (*views_over_)[read.table].push_back(&relation);
    }
    const auto found = views_over_->find(table);
    return found == views_over_->end() ? none : found->second;
}

const Footprint& Bodies::policies(const Relation& relation)
{
    auto& kept = policies_[&relation];
    if (kept)
        return *kept;
    kept = std::make_unique<Footprint>();
    const std::string what = "row security of " + name_of(relation);
    Source source;
    source.what = what;
    source.row = &relation;
    source.row_is_read = true;
    for (const catalog::RowPolicy& policy : relation.policies) {
        add_expression(source, policy.using_expression, *kept);
        add_expression(source, policy.check_expression, *kept);
    }
    return *kept;
}

const Footprint& Bodies::values(const Relation& relation)
{
    auto& kept = values_[&relation];
    if (kept)
        return *kept;
    kept = std::make_unique<Footprint>();
    const std::string what = name_of(relation);
    Source source;
    source.what = what;
    source.row = &relation;
    for (const catalog::Column& column : relation.columns)
        add_expression(source, column.expression, *kept);
    for (const std::string& check : relation.checks)
        add_expression(source, bare_check(check), *kept);
    for (const std::string& expression : relation.index_expressions)
        add_expression(source, expression, *kept);
    source.trigger = &relation;
    for (const catalog::Trigger& trigger : relation.triggers)
        add_expression(source, trigger.when, *kept);
    // Defaults like now() are no news.
    std::erase_if(kept->facts.calls, [](const std::string& call) {
        constexpr std::string_view prefix = "pg_catalog.";
        return call.starts_with(prefix) &&
               builtin_function(std::string_view{call}.substr(prefix.size())).trust == Builtin::Trust::harmless;
    });
    return *kept;
}

const Footprint& Bodies::types(const Relation& relation)
{
    auto& kept = types_[&relation];
    if (kept)
        return *kept;
    kept = std::make_unique<Footprint>();
    for (const catalog::Column& column : relation.columns)
        if (has_code(column.type))
            add_type(column.type, *kept);
    for (const catalog::Oid function : relation.index_functions)
        add_call(function, *kept);
    return *kept;
}

const Footprint& Bodies::indexes(const Relation& relation)
{
    auto& kept = indexes_[&relation];
    if (kept)
        return *kept;
    kept = std::make_unique<Footprint>();
    const std::string what = "an index of " + name_of(relation);
    Source source;
    source.what = what;
    source.row = &relation;
    for (const std::string& expression : relation.index_expressions)
        add_expression(source, expression, *kept);
    std::erase_if(kept->touches,
                  [](const Touch& touch) { return touch.kind == Touch::Kind::call && only_computes(*touch.function); });
    return *kept;
}

Footprint Bodies::checked(const Relation& relation)
{
    Footprint out;
    const std::string what = name_of(relation);
    Source source;
    source.what = what;
    source.row = &relation;
    source.row_is_read = true;
    for (const std::string& check : relation.checks)
        add_expression(source, bare_check(check), out);
    return out;
}

const std::deque<RuleFootprint>& Bodies::rules(const Relation& relation)
{
    const auto [kept, fresh] = rules_.try_emplace(&relation);
    if (!fresh)
        return kept->second;
    const std::string what = "the rules of " + name_of(relation);
    for (const catalog::RewriteRule& rule : relation.rules) {
        Source source;
        source.form = Source::Form::rule;
        source.what = what;
        source.state = &printed_state();
        source.trigger = &relation;
        source.trigger_is_read = true;
        RuleFootprint& made = kept->second.emplace_back();
        made.events = {true, true, true, false}; // until its text says which
        const RawParse parse{rule.definition.substr(0, longest_body), true};
        const auto statements = cells(parse.statements());
        const auto* parsed = statements.size() == 1
                                 ? if_tag<::RuleStmt>(as<::RawStmt>(node_of(statements.front())).stmt, T_RuleStmt)
                                 : nullptr;
        if (parsed == nullptr) {
            made.footprint.opaque_reasons.push_back("follows the rule " + rule.name + ", which does not parse");
            continue;
        }
        made.events = {parsed->event == CMD_INSERT, parsed->event == CMD_UPDATE, parsed->event == CMD_DELETE, false};
        made.footprint = analyze(source, rule.definition);
    }
    return kept->second;
}

} // namespace stepgate::policies::postgres
