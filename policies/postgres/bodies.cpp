#include "policies/postgres/bodies.h"

#include "policies/postgres/builtins.h"
#include "policies/postgres/identifier_list.h"
#include "policies/postgres/looped_change.h"
#include "policies/postgres/names.h"
#include "policies/postgres/plpgsql_reader.h"
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
using catalog::FunctionKind;
using catalog::Relation;
using catalog::RelationKind;
using statement::SetParameter;

constexpr std::size_t longest_body = std::size_t{256} * 1024;
constexpr std::size_t most_read = std::size_t{8} * 1024 * 1024; // of bodies not read before, for one statement
constexpr std::size_t most_lookups = 1'000'000;                 // pieces of a body times its variables
constexpr std::size_t most_contexts = 200;
constexpr std::size_t most_functions = 20'000;
constexpr int deepest_type = 8;

std::string name_of(const Relation& relation)
{
    return joined(relation.schema, relation.name);
}

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

bool starts_with_word(std::string_view text, std::string_view word)
{
    const std::size_t begin = text.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos || text.size() - begin <= word.size())
        return false;
    return same_word(text.substr(begin, word.size()), word);
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

/// A function of the server's own, as "pg_catalog.name".
void call_system(const std::string& name, Footprint& to)
{
    constexpr std::string_view prefix = "pg_catalog.";
    const std::string_view bare = std::string_view{name}.substr(std::min(name.size(), prefix.size()));
    if (!name.starts_with(prefix) || builtin_function(bare).trust == Builtin::Trust::dangerous)
        to.opaque_reasons.push_back("calls " + name + ", which is not known to be harmless");
}

bool any_changes_names(const Footprint& footprint)
{
    return std::ranges::any_of(footprint.facts.effects, changes_names);
}

/// Nobody knows when a body is through with what it sets, or whether it comes to it.
void doubt(std::vector<statement::Effect>& effects)
{
    for (statement::Effect& effect : effects) {
        if (auto* set = std::get_if<SetParameter>(&effect)) {
            set->unknown = true;
            set->value.reset();
        } else if (auto* change = std::get_if<statement::Redefine>(&effect)) {
            change->gone = false;
        }
    }
}

} // namespace

bool is_harmless_code(const Function& function)
{
    return function.language == "internal" ? is_harmless_symbol(function.body)
                                           : function.language == "c" && is_harmless_library(function.definition);
}

/// A text of the catalog, and what the names in it mean.
struct Bodies::Source {
    enum class Form : unsigned char { statements, expression, rule, atomic } form = Form::statements;
    std::string_view what; // for people: "public.purge"
    const SessionState* state = nullptr;
    const Relation* row = nullptr; // bare columns are its
    bool row_is_read = false;      // naming them reads the table
    const Relation* trigger = nullptr;
    bool trigger_is_read = false; // NEW and OLD are looked at, not only passed on
    std::string_view self;        // the function, which may stand before its parameters' names
    const std::vector<std::string>* variables = nullptr;
    bool variables_hide = false;        // columns of their name
    const Function* function = nullptr; // whose body it is
    bool again = false;                 // as PlPiece has it
};

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
            one.inner.push_back(one.kind);
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

int Bodies::context(const SessionState& state)
{
    if (const auto found = context_numbers_.find(state.settings_key()); found != context_numbers_.end())
        return found->second;
    contexts_.push_back(state.without_names());
    const int number = static_cast<int>(contexts_.size()) - 1;
    context_numbers_.emplace(state.settings_key(), number);
    return number;
}

/// Before a statement is followed: what was kept may go.
int Bodies::begin(const SessionState& state)
{
    read_ = 0;
    if (contexts_.size() > most_contexts || functions_.size() > most_functions) {
        functions_.clear();
        contexts_.clear();
        context_numbers_.clear();
    }
    return context(state);
}

/// Not kept: another statement may read the body.
const Footprint& Bodies::too_much()
{
    static const Footprint answer = [] {
        Footprint footprint;
        footprint.opaque_reasons.emplace_back("leads to more code than is read for one statement");
        return footprint;
    }();
    return answer;
}

const Footprint& Bodies::function(const Function& function, int context, const Relation* trigger)
{
    auto& kept = functions_[{&function, context, trigger}];
    if (!kept && read_ > most_read)
        return too_much();
    if (!kept)
        kept = std::make_unique<Footprint>(build(function, context, trigger));
    return *kept;
}

Footprint Bodies::build(const Function& function, int context, const Relation* trigger)
{
    const std::string what = joined(function.schema, function.name);
    Footprint out;
    for (const catalog::Oid used : function.uses) {
        Touch touch;
        touch.kind = Touch::Kind::call;
        touch.function = catalog_->function(used);
        if (touch.function == nullptr)
            continue;
        out.facts.calls.push_back(joined(touch.function->schema, touch.function->name));
        out.touches.push_back(std::move(touch));
    }
    for (const std::string& used : function.uses_system)
        call_system(used, out);
    for (const auto& types : {function.argument_types, function.output_types, {function.returns}})
        for (const catalog::Oid type : types)
            add_type(type, out);
    if (function.kind == FunctionKind::aggregate)
        return out;
    if (is_harmless_code(function))
        return out;
    if (function.language == "internal") {
        out.opaque_reasons.push_back("calls " + what + ", which is the server's own " + function.body);
        return out;
    }
    SessionState state = contexts_[static_cast<std::size_t>(context)];
    statement::StatementFacts settings;
    if (function.security_definer) // the owner's "$user"
        settings.effects.emplace_back(SetParameter{.name = "role", .value = {}, .unknown = true});
    for (const auto& [name, value] : function.settings) {
        SetParameter set{.name = name, .value = std::vector<std::string>{value}};
        if (name == "search_path")
            set.value = identifier_list(value, ',');
        set.unknown = !set.value;
        if (reads_otherwise(set))
            out.opaque_reasons.push_back("calls " + what + ", which sets " + name +
                                         ", with which texts mean something else");
        settings.effects.emplace_back(std::move(set));
    }
    state.apply(settings);
    std::vector<std::string> variables = function.argument_names;
    Source source;
    source.what = what;
    source.state = &state;
    source.trigger = trigger;
    source.self = function.name;
    source.variables = &variables;
    source.function = &function;
    Footprint body = read_body(source, function.language, function.body);
    if (any_changes_names(body)) { // names before and after the change: of any schema
        SetParameter path{.name = "search_path", .value = {}, .unknown = true};
        SetParameter strings{.name = "standard_conforming_strings", .value = {}, .unknown = true};
        statement::StatementFacts unknown;
        unknown.effects = {path, strings};
        state.apply(unknown);
        body = read_body(source, function.language, function.body);
    }
    Source defaults;
    defaults.what = what;
    for (const std::string& expression : function.default_expressions)
        add_expression(defaults, expression, body);
    doubt(body.facts.effects);
    const int inside = this->context(state);
    for (Touch& touch : body.touches)
        if (touch.context == Touch::inherit)
            touch.context = inside;
    for (BuiltText& built : body.built)
        built.context = inside;
    append(out, std::move(body));
    return out;
}

Footprint Bodies::run(const BuiltText& built, const std::string& text)
{
    const SessionState state = contexts_[static_cast<std::size_t>(built.context)];
    const std::string what = joined(built.function->schema, built.function->name);
    Source source; // without the function's variables: what EXECUTE runs does not see them
    source.what = what;
    source.state = &state;
    if (read_ > most_read)
        return too_much();
    Footprint out = analyze(source, text);
    if (any_changes_names(out))
        out.opaque_reasons.push_back(what + " runs SQL that changes what names mean");
    doubt(out.facts.effects);
    for (Touch& touch : out.touches)
        if (touch.context == Touch::inherit)
            touch.context = built.context;
    return out;
}

Footprint Bodies::read_body(Source source, std::string_view language, const std::string& body)
{
    if (source.state->lexing() == Lexing::both && body.find('\\') != std::string::npos) {
        Footprint out;
        out.opaque_reasons.push_back(std::string{source.what} +
                                     " may be read in two ways, since the session changed standard_conforming_strings");
        return out;
    }
    if (language == "sql") {
        const bool atomic = starts_with_word(body, "begin atomic") || starts_with_word(body, "return");
        source.form = atomic ? Source::Form::atomic : Source::Form::statements;
        if (atomic)
            return analyze(source, "create function f() returns int language sql " + body);
        return analyze(source, body);
    }
    if (language == "plpgsql")
        return read_plpgsql_body(source, body);
    Footprint out;
    out.opaque_reasons.push_back("calls " + std::string{source.what} + ", which is written in " +
                                 std::string{language});
    return out;
}

Footprint Bodies::read_plpgsql_body(Source source, const std::string& body)
{
    Footprint out;
    const std::string what{source.what};
    if (body.size() > longest_body) {
        out.opaque_reasons.push_back(what + " is too long to read");
        return out;
    }
    PlBody parts = read_plpgsql(body, source.state->lexing() == Lexing::backslashes);
    if (!parts.problem.empty())
        out.opaque_reasons.push_back(what + " cannot be read: " + parts.problem);
    if (source.variables != nullptr)
        parts.variables.insert(parts.variables.end(), source.variables->begin(), source.variables->end());
    source.variables = &parts.variables;
    source.variables_hide = parts.variables_hide;
    if (parts.takes_details)
        out.touches.emplace_back().kind = Touch::Kind::details;
    if (parts.pieces.size() * (parts.variables.size() + 1) > most_lookups) {
        out.opaque_reasons.push_back(what + " is too long to read");
        return out;
    }
    if (source.trigger != nullptr && !parts.assigned.empty())
        out.facts.writes.push_back({name_of(*source.trigger), true, std::move(parts.assigned)});
    std::vector<std::string_view> executed;
    for (const PlPiece& piece : parts.pieces)
        if (piece.kind == PlPiece::Kind::dynamic)
            executed.push_back(piece.text);
    for (const PlPiece& piece : parts.pieces) {
        if (piece.kind == PlPiece::Kind::row_type) {
            add_row_type(*source.state, piece.text, out);
            continue;
        }
        source.trigger_is_read = piece.kind != PlPiece::Kind::conduct;
        source.form = piece.kind == PlPiece::Kind::statement ? Source::Form::statements : Source::Form::expression;
        source.again = piece.again;
        if (piece.kind == PlPiece::Kind::statement) {
            append(out, analyze(source, piece.text, piece.rows));
            continue;
        }
        append(out, analyze(source, "select " + piece.text));
        if (piece.kind != PlPiece::Kind::dynamic)
            continue;
        if (const std::optional<std::string> text = constant_text("select " + piece.text))
            append(out, analyze(source, *text));
        else if (auto built = source.function == nullptr || source.state->lexing() != Lexing::standard
                                  ? std::nullopt
                                  : built_text(piece.text, executed, body, *source.function, *catalog_))
            out.built.push_back(std::move(*built));
        else
            out.opaque_reasons.push_back(what + " runs SQL that it builds");
    }
    return out;
}

/// One that the catalog does not know is of a table that the body, or the session, makes.
void Bodies::add_row_type(const SessionState& state, std::string_view relation, Footprint& to)
{
    const auto parts = identifier_list(relation, '.');
    if (!parts || parts->empty())
        return;
    const auto add = [&](std::string_view schema) {
        if (const catalog::Type* const type = catalog_->type(schema, parts->back()))
            add_type(type->oid, to);
    };
    if (parts->size() > 1)
        return add((*parts)[parts->size() - 2]);
    const Names names{state, catalog_};
    for (const std::string_view schema : names.path())
        add(schema);
}

std::optional<std::string> Bodies::constant_text(const std::string& select)
{
    const RawParse parse{select, true};
    const auto statements = cells(parse.statements());
    if (!parse.good() || statements.size() != 1 || select.find('\\') != std::string::npos)
        return std::nullopt;
    const auto* node = if_tag<::SelectStmt>(as<::RawStmt>(node_of(statements.front())).stmt, T_SelectStmt);
    const auto targets = cells(node == nullptr ? nullptr : node->targetList);
    if (targets.size() != 1)
        return std::nullopt;
    const auto* const constant = if_tag<::A_Const>(as<::ResTarget>(node_of(targets.front())).val, T_A_Const);
    const char* const text = literal_of(constant);
    return text != nullptr ? std::optional<std::string>{text} : std::nullopt;
}

Footprint Bodies::block(std::string_view language, const std::string& body, const SessionState& state)
{
    SessionState alone = state.without_names();
    Source source;
    source.what = "the block";
    source.state = &alone;
    Footprint out = read_body(source, language, body);
    if (any_changes_names(out)) {
        statement::StatementFacts unknown;
        unknown.effects = {SetParameter{.name = "search_path", .value = {}, .unknown = true},
                           SetParameter{.name = "standard_conforming_strings", .value = {}, .unknown = true}};
        alone.apply(unknown);
        out = read_body(source, language, body);
    }
    doubt(out.facts.effects);
    return out;
}

} // namespace stepgate::policies::postgres
