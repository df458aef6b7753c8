#include "policies/mysql/bodies.h"

#include "policies/mysql/parser.h"
#include "policies/statement/ascii.h"
#include "policies/statement/weaker.h"

#include <algorithm>

namespace stepgate::policies::mysql
{

using catalog::Function;
using catalog::FunctionKind;
using catalog::Relation;
using statement::StatementFacts;

namespace
{

ServerVersion version_of(const catalog::Contents& contents)
{
    ServerVersion version;
    version.mariadb = contents.mysql.vendor == "mariadb";
    version.low = version.high = static_cast<unsigned>(std::max(contents.server_version, 0));
    return version;
}

/// Of what runs behind a statement, the session learns that it may have changed, not to what.
void make_uncertain(std::vector<statement::Effect>& effects)
{
    for (statement::Effect& effect : effects) {
        if (auto* parameter = std::get_if<statement::SetParameter>(&effect)) {
            parameter->unknown = true;
            parameter->value.reset();
        } else if (auto* made = std::get_if<statement::PrepareStatement>(&effect)) {
            effect = statement::Deallocate{made->name};
        }
    }
}

template <class Value>
void append(std::vector<Value>& to, std::vector<Value>& from)
{
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

/// In a list of schemas, where "*" is all.
bool names(const std::vector<std::string>& schemas, std::string_view schema)
{
    return std::ranges::any_of(schemas, [schema](const auto& one) { return one == "*" || one == schema; });
}

std::string setting(const Function& routine, std::string_view name)
{
    for (const auto& [key, value] : routine.settings)
        if (key == name)
            return value;
    return {};
}

/// Out of the CREATE statement. "", which is no body, if none is found.
std::string_view body_of(std::string_view created, const SessionState& state, const Limits& limits)
{
    Analysis unused;
    const auto begin = Parser{created, state, state.modes().front(), limits, unused}.find_body();
    return begin == 0 ? std::string_view{} : created.substr(begin);
}

} // namespace

Bodies::Bodies(const catalog::Catalog& catalog, const Limits& limits)
    : catalog_(catalog), limits_(limits), version_(version_of(catalog.contents()))
{
    for (const Relation& one : catalog.contents().relations)
        for (const catalog::ReferencedBy& key : one.referenced_by)
            points_[key.relation].push_back({&one, &key});
    has_early_ = std::ranges::any_of(catalog.contents().functions, [this](const Function& one) {
        return one.kind == FunctionKind::function && one.schema != "sys" && runs_early(&one);
    });
}

bool Bodies::runs_early(const Function* function) const
{
    return version_.mariadb && (function == nullptr || function->volatility != catalog::Volatility::volatile_);
}

const std::vector<Bodies::Points>& Bodies::points(const Relation& table) const
{
    static const std::vector<Points> none;
    const auto found = points_.find(table.oid);
    return found != points_.end() ? found->second : none;
}

const Relation* Bodies::relation(std::string_view name) const
{
    const auto dot = name.find('.');
    if (dot == std::string_view::npos)
        return nullptr;
    const Relation* const found = catalog_.relation(name.substr(0, dot), name.substr(dot + 1));
    // "a.b"."c" and "a"."b.c" look alike: neither is known.
    return found != nullptr && found->name.find('.') == std::string::npos ? found : nullptr;
}

const Function* Bodies::routine(std::string_view name, FunctionKind kind) const
{
    const auto dot = name.find('.');
    if (dot == std::string_view::npos || name.find('.', dot + 1) != std::string_view::npos)
        return nullptr;
    for (const Function* one : catalog_.functions(name.substr(0, dot), name.substr(dot + 1)))
        if (one->kind == kind)
            return one;
    return nullptr;
}

bool Bodies::loadable(std::string_view name) const
{
    const auto& all = catalog_.contents().mysql.loadable;
    return std::ranges::find(all, name) != all.end();
}

bool Bodies::sees_triggers(std::string_view schema) const
{
    constexpr std::string_view without[] = {"mysql", "performance_schema", "information_schema"};
    if (std::ranges::find(without, schema) != std::end(without)) // nobody can make any there
        return true;
    return names(catalog_.contents().mysql.triggers_seen, schema);
}

bool Bodies::sees_routines(std::string_view schema) const
{
    return names(catalog_.contents().mysql.routines_seen, schema);
}

bool Bodies::lacks_schema(std::string_view schema) const
{
    const auto& seen = catalog_.contents().mysql.triggers_seen; // who may see triggers anywhere sees all databases
    return seen == std::vector<std::string>{"*"} &&
           std::ranges::none_of(catalog_.contents().schemas,
                                [schema](const std::string& one) { return same_word(one, schema); });
}

const Footprint& Bodies::definition(const Relation& relation)
{
    const bool view = relation.kind == catalog::RelationKind::view;
    return read(&relation, {.sql = relation.definition,
                            .schema = relation.schema,
                            .sql_mode = {},
                            .what = (view ? "the view " : "the MERGE table ") + relation.schema + "." + relation.name,
                            .reads = true});
}

const Footprint& Bodies::trigger(const Relation& table, const catalog::Trigger& trigger)
{
    const bool created = !trigger.definition.empty();
    return read(&trigger, {.sql = created ? trigger.definition : trigger.body,
                           .schema = table.schema,
                           .sql_mode = trigger.sql_mode,
                           .what = "the trigger " + table.schema + "." + trigger.name,
                           .rows = &table,
                           .new_is_stored = trigger.events.update,
                           .body = true,
                           .created = created});
}

const Footprint& Bodies::body(const Function& routine)
{
    const std::string mode = setting(routine, "sql_mode");
    const std::string what = routine.schema + "." + routine.name;
    if (routine.language != "sql") {
        auto& made = read_[&routine];
        if (!made)
            made = std::make_unique<const Footprint>(
                Footprint{{}, {}, {"runs " + what + ", which is written in a language that stepgate cannot read"}});
        return *made;
    }
    const bool created = !routine.definition.empty();
    return read(&routine, {.sql = created ? routine.definition : routine.body,
                           .schema = routine.schema,
                           .sql_mode = mode,
                           .what = what,
                           .body = true,
                           .created = created,
                           .parameters = &routine.argument_names});
}

/// Names in them are of the row alone; what they call counts, and the sequences that they advance.
const Footprint& Bodies::values(const Relation& table)
{
    const void* const key = &table.columns; // the relation itself stands for its definition
    if (const auto known = read_.find(key); known != read_.end() && known->second)
        return *known->second;
    std::string text;
    const auto add = [&text](const std::string& expression) {
        if (expression.find('(') != std::string::npos || expression.find(" for ") != std::string::npos)
            text.append(text.empty() ? "DO " : ", ").append(expression);
    };
    if (catalog_.contents().mysql.vendor == "mariadb") {
        for (const catalog::Column& column : table.columns)
            add(column.expression);
        for (const std::string& check : table.checks)
            add(check);
    }
    if (text.empty())
        return *(read_[key] = std::make_unique<const Footprint>());
    return read(key, {.sql = text,
                      .schema = table.schema,
                      .sql_mode = {},
                      .what = "the values of columns of " + table.schema + "." + table.name});
}

const Footprint& Bodies::read(const void* key, const Text& text)
{
    auto& known = read_[key];
    if (known)
        return *known;
    Footprint made;
    SessionState::Start start;
    start.version = version_;
    start.sql_mode = text.sql_mode;
    start.database = text.schema;
    const SessionState state{std::move(start)};
    Analysis analysis;
    if (text.sql.empty()) {
        made.opaque_reasons.push_back("reaches " + text.what + ", whose text the catalog's account may not see");
    } else if (auto refusal = state.refusal(text.sql); !refusal.empty() || text.sql.size() > limits_.max_bytes) {
        made.opaque_reasons.push_back("reaches " + text.what + ", which " +
                                      (refusal.empty() ? "is too large" : refusal));
    } else {
        const Behind behind{this, text.rows, text.new_is_stored, false, text.parameters};
        const auto sql = text.created ? body_of(text.sql, state, limits_) : text.sql;
        Parser parser{sql, state, state.modes().front(), limits_, analysis, behind};
        text.body ? parser.program() : parser.text();
    }
    for (auto& reason : analysis.facts.opaque_reasons)
        made.opaque_reasons.push_back("reaches " + text.what + ", which " + reason);
    StatementFacts& all = made.facts;
    for (StatementFacts& one : analysis.facts.statements) {
        if (text.body)
            all.inner.insert(all.inner.end(), one.inner.begin(), one.inner.end());
        append(all.reads, one.reads);
        append(all.writes, one.writes);
        append(all.calls, one.calls);
        append(all.effects, one.effects);
        all.destructive = all.destructive || one.destructive;
        all.where = statement::weaker(all.where, one.where);
    }
    if (text.reads) {
        all.writes.clear();
        all.effects.clear();
        all.destructive = false;
    }
    make_uncertain(all.effects);
    made.leads = std::move(analysis.leads);
    auto& place = read_[key]; // the parser may have read others
    place = std::make_unique<const Footprint>(std::move(made));
    return *place;
}

} // namespace stepgate::policies::mysql
