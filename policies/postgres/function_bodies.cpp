// What functions, procedures and DO blocks do: their bodies in SQL and PL/pgSQL.

#include "policies/postgres/bodies.h"
#include "policies/postgres/body_source.h"
#include "policies/postgres/identifier_list.h"
#include "policies/postgres/names.h"
#include "policies/postgres/plpgsql_reader.h"
#include "policies/postgres/raw_parser.h"
#include "policies/postgres/walk.h"

#include <algorithm>
#include <iterator>

namespace stepgate::policies::postgres
{
namespace
{

using catalog::Function;
using catalog::FunctionKind;
using catalog::Relation;
using statement::SetParameter;

constexpr std::size_t most_lookups = 1'000'000; // pieces of a body times its variables
constexpr std::size_t most_contexts = 200;
constexpr std::size_t most_functions = 20'000;

bool may_read_strings_otherwise(const std::vector<statement::Effect>& changes)
{
    return std::ranges::any_of(changes, [](const statement::Effect& effect) {
        const auto* const set = std::get_if<SetParameter>(&effect);
        return std::holds_alternative<statement::ResetAll>(effect) ||
               (set != nullptr && set->name == "standard_conforming_strings");
    });
}

/// Of a relation, a function or a type.
bool redefines(const statement::Effect& effect)
{
    return std::holds_alternative<statement::Redefine>(effect) || std::holds_alternative<statement::MakeType>(effect);
}

/// From now on names are those of any schema.
void doubt_names(SessionState& state, bool strings)
{
    statement::StatementFacts unknown;
    unknown.effects.emplace_back(SetParameter{.name = "search_path", .value = {}, .unknown = true});
    if (strings)
        unknown.effects.emplace_back(SetParameter{.name = "standard_conforming_strings", .value = {}, .unknown = true});
    state.apply(unknown);
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

int Bodies::context(const SessionState& state, bool changing)
{
    const std::string key = changing ? state.settings_key() + '\x13' : state.settings_key();
    if (const auto found = context_numbers_.find(key); found != context_numbers_.end())
        return found->second;
    contexts_.push_back({state.without_names(), changing});
    const int number = static_cast<int>(contexts_.size()) - 1;
    context_numbers_.emplace(key, number);
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

SessionState Bodies::beside(const SessionState& state, const std::vector<statement::Effect>& changes)
{
    SessionState unsure = state.without_names();
    doubt_names(unsure, may_read_strings_otherwise(changes));
    statement::StatementFacts redefined;
    std::ranges::copy_if(changes, std::back_inserter(redefined.effects), redefines);
    unsure.apply(redefined);
    return unsure;
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
    SessionState state = contexts_[static_cast<std::size_t>(context)].state;
    const bool changing = contexts_[static_cast<std::size_t>(context)].changing;
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
    if (changing)
        doubt_names(state, state.lexing() == Lexing::both);
    std::vector<std::string> variables = function.argument_names;
    Source source;
    source.what = what;
    source.state = &state;
    source.trigger = trigger;
    source.self = function.name;
    source.variables = &variables;
    source.function = &function;
    Footprint body = read_body(source, function.language, function.body);
    read_again(source, state, function.language, function.body, body);
    Source defaults;
    defaults.what = what;
    for (const std::string& expression : function.default_expressions)
        add_expression(defaults, expression, body);
    doubt(body.facts.effects);
    const int inside = this->context(state, changing);
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
    const SessionState state = contexts_[static_cast<std::size_t>(built.context)].state;
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

/// A body that changes what names mean: those before the change, and those behind it, which may be of any schema or of
/// what it renamed.
void Bodies::read_again(const Source& source, SessionState& state, std::string_view language, const std::string& text,
                        Footprint& body)
{
    if (!any_changes_names(body))
        return;
    doubt_names(state, true);
    statement::StatementFacts changes;
    changes.effects = body.facts.effects;
    std::erase_if(changes.effects, [](const statement::Effect& effect) { return !redefines(effect); });
    state.apply(changes);
    Footprint again = read_body(source, language, text);
    for (statement::Effect& effect : again.facts.effects) // the first time knew what was renamed
        if (!redefines(effect) && std::ranges::find(body.facts.effects, effect) == body.facts.effects.end())
            body.facts.effects.push_back(std::move(effect));
    again.facts.effects = std::move(body.facts.effects);
    body = std::move(again);
}

Footprint Bodies::block(std::string_view language, const std::string& body, const SessionState& state, bool beside)
{
    SessionState alone = state.without_names();
    Source source;
    source.what = "the block";
    source.state = &alone;
    Footprint out = read_body(source, language, body);
    read_again(source, alone, language, body, out);
    doubt(out.facts.effects);
    const int inside = context(alone, beside);
    for (Touch& touch : out.touches)
        if (touch.context == Touch::inherit)
            touch.context = inside;
    return out;
}

} // namespace stepgate::policies::postgres
