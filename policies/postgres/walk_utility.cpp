#include "policies/postgres/bound_text.h"
#include "policies/postgres/builtins.h"
#include "policies/postgres/raw_parser.h"
#include "policies/postgres/readable.h"
#include "policies/postgres/tokenizer.h"
#include "policies/postgres/walk.h"
#include "policies/statement/ascii.h"
#include "policies/statement/secrets.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace stepgate::policies::postgres
{
namespace
{

using statement::SetParameter;

constexpr int deepest_run = 4; // of EXECUTE inside EXECUTE

/// The value as SET takes it: names and strings as they are, numbers as written.
std::string value_text(const ::Node* node)
{
    const ::A_Const* constant = constant_of(node);
    if (constant == nullptr || constant->isnull)
        return {};
    switch (constant->val.node.type) {
    case T_String:
        return constant->val.sval.sval;
    case T_Integer:
        return std::to_string(constant->val.ival.ival);
    case T_Float:
        return constant->val.fval.fval;
    case T_Boolean:
        return constant->val.boolval.boolval ? "true" : "false";
    default:
        return {};
    }
}

/// Of an option that is there twice the server takes the last (EXPLAIN; others refuse that).
bool option_set(const ::List* options, std::string_view name)
{
    bool set = false;
    for (const ::ListCell& cell : cells(options)) {
        const auto& option = as<::DefElem>(node_of(cell));
        if (view_of(option.defname) != name)
            continue;
        const std::string text = option.arg == nullptr ? "on" : lower(text_of(option.arg));
        const auto* number = if_tag<::Integer>(option.arg, T_Integer);
        set = number != nullptr ? number->ival != 0 : text != "false" && text != "off" && text != "0";
    }
    return set;
}

/// Of a string or a number.
std::optional<std::string> telling_literal_of(const void* node)
{
    const ::A_Const* const constant = constant_of(node);
    if (const char* const text = literal_of(constant))
        return telling_literal(text);
    if (constant == nullptr || constant->isnull)
        return std::nullopt;
    if (constant->val.node.type == T_Float)
        return telling_literal(constant->val.fval.fval);
    return constant->val.node.type == T_Integer ? telling_literal(std::to_string(constant->val.ival.ival))
                                                : std::nullopt;
}

} // namespace

void Walk::statement(const ::RawStmt& raw)
{
    begin();
    const auto begin = static_cast<std::size_t>(raw.stmt_location < 0 ? 0 : raw.stmt_location);
    const auto length = static_cast<std::size_t>(raw.stmt_len);
    text_ = begin <= sql_.size() ? sql_.substr(begin, length == 0 ? std::string_view::npos : length) : sql_;
    top(raw.stmt);
    finish();
}

bool Walk::top_query(const ::Node* node)
{
    switch (tag_of(node)) {
    case T_SelectStmt:
        is(Kind::select);
        break;
    case T_InsertStmt:
        is(Kind::insert);
        break;
    case T_UpdateStmt:
        is(Kind::update);
        break;
    case T_DeleteStmt:
        is(Kind::delete_rows);
        break;
    case T_MergeStmt:
        is(Kind::merge);
        break;
    default:
        return false;
    }
    certain_ = at_once_;
    query(node, base_, nullptr);
    certain_ = false;
    return true;
}

/// The whole of a statement. Kinds that the grammar makes and this does not know are opaque.
void Walk::top(const ::Node* node)
{
    if (node == nullptr)
        return is(Kind::empty);
    if (top_query(node))
        return;
    out_.options = true;
    if (utility(node) || object(node))
        return;
    is(Kind::unknown);
    opaque("is a statement that stepgate does not know (node " + std::to_string(tag_of(node)) + ")");
}

bool Walk::utility(const ::Node* node)
{
    switch (tag_of(node)) {
    case T_ExplainStmt:
        explain(as<::ExplainStmt>(node));
        return true;
    case T_CopyStmt:
        copy(as<::CopyStmt>(node));
        return true;
    case T_VariableSetStmt:
        variable_set(as<::VariableSetStmt>(node));
        return true;
    case T_VariableShowStmt:
        is(Kind::show);
        return true;
    case T_TransactionStmt:
        transaction(as<::TransactionStmt>(node));
        return true;
    case T_ConstraintsSetStmt:
        is(Kind::set_transaction, "constraints");
        return true;
    case T_PrepareStmt:
        prepare(as<::PrepareStmt>(node));
        return true;
    case T_ExecuteStmt:
        execute(as<::ExecuteStmt>(node));
        return true;
    case T_DeallocateStmt: {
        is(Kind::deallocate);
        const char* name = as<::DeallocateStmt>(node).name;
        effect(statement::Deallocate{name == nullptr ? std::nullopt : std::optional<std::string>{name}});
        return true;
    }
    case T_DeclareCursorStmt:
        declare_cursor(as<::DeclareCursorStmt>(node));
        return true;
    case T_FetchStmt:
        fetch(as<::FetchStmt>(node));
        return true;
    case T_ClosePortalStmt: {
        is(Kind::close_cursor);
        const char* name = as<::ClosePortalStmt>(node).portalname;
        effect(statement::CloseCursor{name == nullptr ? std::nullopt : std::optional<std::string>{name}});
        return true;
    }
    case T_CreateTableAsStmt:
        create_table_as(as<::CreateTableAsStmt>(node));
        return true;
    case T_CallStmt: {
        is(Kind::call);
        Scope scope = fresh_scope();
        function(*as<::CallStmt>(node).funccall, scope);
        return true;
    }
    case T_DoStmt:
        do_block(as<::DoStmt>(node));
        return true;
    case T_LockStmt:
        is(Kind::lock);
        for (const ::ListCell& cell : cells(as<::LockStmt>(node).relations))
            read_table(as<::RangeVar>(node_of(cell)), {});
        return true;
    case T_ListenStmt:
    case T_UnlistenStmt:
        is(Kind::listen);
        return true;
    case T_NotifyStmt:
        is(Kind::notify);
        return true;
    case T_DiscardStmt:
        discard(as<::DiscardStmt>(node));
        return true;
    case T_VacuumStmt:
        vacuum(as<::VacuumStmt>(node));
        return true;
    case T_CheckPointStmt:
        is(Kind::checkpoint);
        return true;
    case T_LoadStmt:
        is(Kind::load);
        opaque("loads a library into the server");
        return true;
    default:
        return false;
    }
}

/// Plain EXPLAIN may run stable functions but changes nothing: what the statement would write counts as read.
/// EXPLAIN ANALYZE runs the statement.
void Walk::explain(const ::ExplainStmt& explained)
{
    top(explained.query);
    statement::StatementFacts& done = facts();
    if (option_set(explained.options, "analyze")) {
        done.inner.push_back(done.itself());
        done.kind = Kind::explain;
        return;
    }
    is(Kind::explain);
    explained_ = true;
}

void Walk::copy(const ::CopyStmt& copied)
{
    is(copied.is_from ? Kind::copy_from : Kind::copy_to);
    if (copied.is_program) {
        opaque("runs a program on the server");
        out_.literals_consulted = true;
        out_.facts.carries_secret =
            out_.facts.carries_secret || statement::command_may_hold_secret(view_of(copied.filename));
        facts().destructive = true;
    } else if (copied.filename != nullptr) {
        opaque(copied.is_from ? "reads a file of the server" : "writes a file of the server");
        facts().destructive = facts().destructive || !copied.is_from;
    }
    if (copied.query != nullptr) {
        const Kind kind = facts().kind;
        top(copied.query);
        facts().inner.push_back(facts().itself());
        facts().kind = kind;
        return;
    }
    Scope scope = fresh_scope();
    add_target(*copied.relation, scope);
    expression(copied.whereClause, scope);
    std::vector<std::string> columns;
    for (const ::ListCell& cell : cells(copied.attlist))
        columns.emplace_back(text_of(node_of(cell)));
    if (columns.empty())
        columns.emplace_back("*");
    if (copied.is_from) {
        constexpr catalog::Events inserts{.insert = true, .update = false, .delete_rows = false, .truncate = false};
        auto& write = write_table(*copied.relation, inserts);
        write.columns.insert(write.columns.end(), columns.begin(), columns.end());
    } else {
        for (const std::string& column : columns)
            for (Item& item : scope.items)
                read_column(item, column);
    }
}

/// As a replica the session fires no triggers, and so checks no foreign keys (docs 20.11.1). With zero_damaged_pages,
/// whoever reads a page that looks damaged empties it (docs 20.17).
std::string_view unguarded(const SetParameter& parameter)
{
    struct Setting {
        std::string_view name, object;
        std::vector<std::string_view> harmless;
    };
    static const Setting settings[] = {{"session_replication_role", "replication role", {"origin", "local"}},
                                       {"zero_damaged_pages", "damaged pages", {"off", "false", "no", "0"}}};
    for (const auto& [name, object, harmless] : settings) {
        if (parameter.name != name)
            continue;
        if (parameter.unknown || !parameter.value)
            return parameter.unknown ? object : std::string_view{};
        const std::string value = parameter.value->empty() ? std::string{} : lower(parameter.value->front());
        return std::ranges::find(harmless, value) == harmless.end() ? object : std::string_view{};
    }
    return {};
}

/// With array_nulls off '{NULL}' holds a text, with transform_null_equals `x = NULL` asks for NULLs, and
/// plpgsql.variable_conflict chooses between variables and columns of a name (docs 20.13.1, 20.13.2, 43.11.1): neither
/// bodies nor WHERE are read so.
/// And with a threshold of 0 everything is as similar as pg_trgm's % and its like ask for.
bool reads_otherwise(const SetParameter& parameter)
{
    if (parameter.name.starts_with("pg_trgm.") && parameter.name.ends_with("similarity_threshold"))
        return parameter.unknown || (parameter.value && !parameter.value->empty() &&
                                     !(std::strtod(parameter.value->front().c_str(), nullptr) > 0));
    struct Setting {
        std::string_view name;
        std::vector<std::string_view> understood;
    };
    static const Setting settings[] = {{"array_nulls", {"on", "true", "yes", "1"}},
                                       {"transform_null_equals", {"off", "false", "no", "0"}},
                                       {"plpgsql.variable_conflict", {"error", "use_column"}}};
    const auto* const setting = std::ranges::find(settings, parameter.name, &Setting::name);
    if (setting == std::end(settings) || (!parameter.value && !parameter.unknown))
        return false;
    const std::string value = parameter.value && !parameter.value->empty() ? lower(parameter.value->front()) : "";
    return std::ranges::find(setting->understood, value) == setting->understood.end();
}

void Walk::variable_set(const ::VariableSetStmt& set)
{
    const std::string name = lower(view_of(set.name));
    if (set.kind == VAR_SET_MULTI)
        return is(Kind::set_transaction);
    is(name == "role" || name == "session_authorization" ? Kind::role : Kind::set);
    out_.literals_consulted = true;
    if (set.kind == VAR_RESET_ALL)
        return effect(statement::ResetAll{});
    SetParameter parameter{.name = name, .value = {}};
    parameter.local = set.is_local;
    parameter.unknown = set.kind == VAR_SET_CURRENT;
    if (set.kind == VAR_SET_VALUE) {
        parameter.value.emplace();
        Scope scope = fresh_scope();
        for (const ::ListCell& cell : cells(set.args)) {
            parameter.value->push_back(value_text(node_of(cell)));
            parameter.unknown = parameter.unknown || constant_of(node_of(cell)) == nullptr;
            expression(node_of(cell), scope);
        }
    }
    if (parameter.unknown)
        parameter.value.reset();
    if (const std::string_view object = unguarded(parameter); !object.empty()) {
        facts().object = object;
        facts().destructive = true;
    }
    if (reads_otherwise(parameter))
        opaque("sets " + name + ", with which texts mean something else");
    setting_of(&set);
    effect(std::move(parameter));
}

void Walk::transaction(const ::TransactionStmt& transaction)
{
    switch (transaction.kind) {
    case TRANS_STMT_BEGIN:
    case TRANS_STMT_START:
        return is(Kind::begin);
    case TRANS_STMT_COMMIT:
        return is(Kind::commit);
    case TRANS_STMT_ROLLBACK:
        return is(Kind::rollback);
    case TRANS_STMT_SAVEPOINT:
        return is(Kind::savepoint, "savepoint");
    case TRANS_STMT_RELEASE:
        return is(Kind::savepoint, "release");
    case TRANS_STMT_ROLLBACK_TO:
        return is(Kind::savepoint, "rollback to");
    case TRANS_STMT_PREPARE:
        return is(Kind::prepare_transaction, "prepare transaction");
    case TRANS_STMT_COMMIT_PREPARED:
        opaque("commits a prepared transaction, whose statements are not known");
        return is(Kind::prepare_transaction, "commit prepared");
    case TRANS_STMT_ROLLBACK_PREPARED:
        return is(Kind::prepare_transaction, "rollback prepared");
    }
    opaque("is a transaction statement that stepgate does not know");
}

/// The statement's text behind the first `keyword` outside parentheses: what PREPARE and DECLARE keep.
std::string_view Walk::text_after(std::string_view keyword) const
{
    Tokenizer tokens{text_, state_->lexing() == Lexing::backslashes};
    int depth = 0;
    for (Token token; tokens.next(token);) {
        const std::string_view text = text_.substr(token.begin, token.end - token.begin);
        if (text == "(")
            ++depth;
        else if (text == ")")
            --depth;
        else if (depth == 0 && token.kind == TokenKind::word && lower(text) == keyword)
            return text_.substr(std::min(text_.size(), text_.find_first_not_of(" \t\r\n\f", token.end)));
    }
    return {};
}

/// The body is judged each time it is executed. Where values of types run code as it is read, all of it counts.
void Walk::prepare(const ::PrepareStmt& prepared)
{
    is(Kind::prepare);
    out_.literals_consulted = true; // the effect holds text
    const std::string_view body = text_after("as");
    if (body.empty())
        opaque("prepares a statement whose text cannot be told");
    effect(statement::PrepareStatement{std::string{view_of(prepared.name)}, std::string{body},
                                       values_of(prepared.argtypes)});
    if (bodies_ == nullptr || !catalog_->checks_values())
        return;
    Analysis inner;
    inner.facts.parsed = true;
    Walk walk{body, *state_, catalog_, limits_, inner, bodies_};
    ::RawStmt query{};
    query.type = T_RawStmt;
    query.stmt = prepared.query;
    walk.statement(query);
    if (!bodies_->runs_when_prepared(inner.facts))
        return;
    run_text(std::string{body}, "PREPARE");
    facts().inner.push_back(facts().itself());
    is(Kind::prepare);
}

/// Of types of users, as they are found now: an EXECUTE under another search path has parameters of these.
std::string Walk::values_of(const ::List* types)
{
    std::string values;
    for (const ::ListCell& cell : cells(types)) {
        const auto parts = cells(as<::TypeName>(node_of(cell)).names);
        const std::string_view name = text_of(node_of(parts.back()));
        if (catalog_ == nullptr) {
            const bool named = parts.size() > 1;
            const std::string_view in = named ? text_of(node_of(parts[parts.size() - 2])) : names_->first_schema();
            if (named ? in != "pg_catalog" : !is_builtin_type(name))
                add_value(values, in, name);
            continue;
        }
        const auto look = [&](std::string_view schema) {
            const catalog::Type* const type = catalog_->type(schema, name);
            if (type != nullptr && type->oid >= catalog::first_user_oid)
                add_value(values, schema, name);
            return type != nullptr && names_->path_known();
        };
        const bool found = parts.size() > 1 ? look(text_of(node_of(parts[parts.size() - 2])))
                                            : std::ranges::any_of(names_->path(), look);
        if (!found && names_->path_known())
            add_value(values, names_->first_schema(), name);
    }
    return values;
}

void Walk::run_text(const std::string& sql, std::string_view what)
{
    run_bytes_ += sql.size();
    if (run_bytes_ > limits_.max_bytes) {
        opaque("runs prepared statements of more than " + std::to_string(limits_.max_bytes) + " bytes in all");
        return;
    }
    if (std::string reason = refusal(sql, *state_, limits_.max_bytes); !reason.empty())
        return opaque(std::string{what} + " runs a text that " + std::move(reason));
    if (++runs_ > deepest_run) {
        opaque(std::string{what} + " leads to another one too often");
    } else {
        const std::string_view outer_sql = sql_;
        const std::string_view outer_text = text_;
        sql_ = text_ = sql;
        {
            const RawParse parse{sql, state_->lexing() != Lexing::backslashes};
            const auto statements = cells(parse.statements());
            if (!parse.good() || statements.size() != 1)
                opaque(std::string{what} + " runs a text that does not parse");
            else
                top(as<::RawStmt>(node_of(statements.front())).stmt);
        }
        sql_ = outer_sql;
        text_ = outer_text;
    }
    --runs_;
}

void Walk::execute(const ::ExecuteStmt& executed)
{
    out_.facts.names_consulted = true;
    const std::string name{view_of(executed.name)};
    Scope scope = fresh_scope();
    expressions(executed.params, scope);
    if (const std::string* sql = state_->prepared(name)) {
        out_.facts.runs.push_back(*sql);
        if (const std::string values = state_->prepared_values(name); !values.empty())
            run_text(values, "EXECUTE " + name);
        const auto literal_for = [&executed](std::size_t number) -> std::optional<std::string> {
            const auto given = cells(executed.params);
            return number - 1 < given.size() ? telling_literal_of(node_of(given[number - 1])) : std::nullopt;
        };
        const auto bound = with_bound(*sql, state_->lexing() == Lexing::backslashes, literal_for);
        out_.literals_consulted = out_.literals_consulted || !cells(executed.params).empty();
        run_text(bound.value_or(*sql), "EXECUTE " + name);
        facts().inner.push_back(facts().itself());
    } else {
        opaque("executes " + name + ", a prepared statement that is not known");
    }
    is(Kind::execute);
}

/// A query that may run later, in parts, or not at all: what it changes in the session is not certain.
void Walk::top_some_time(const ::Node* node)
{
    const bool before = std::exchange(at_once_, false);
    top(node);
    at_once_ = before;
}

/// A cursor's query runs when rows are fetched, or at COMMIT.
void Walk::declare_cursor(const ::DeclareCursorStmt& declare)
{
    out_.literals_consulted = true; // the effect holds text
    top_some_time(declare.query);
    facts().inner.push_back(facts().itself());
    is(Kind::declare_cursor);
    const std::string_view body = text_after("for");
    if (body.empty())
        opaque("declares a cursor whose query cannot be told");
    effect(statement::OpenCursor{std::string{view_of(declare.portalname)}, (declare.options & CURSOR_OPT_HOLD) != 0,
                                 std::string{body}});
}

void Walk::fetch(const ::FetchStmt& fetched)
{
    out_.facts.names_consulted = true;
    const std::string name{view_of(fetched.portalname)};
    if (const std::string* sql = state_->cursor(name)) {
        const bool before = std::exchange(at_once_, false); // none of it, a part, or what is left
        out_.facts.runs.push_back(*sql);
        run_text(*sql, "FETCH from " + name);
        at_once_ = before;
        facts().inner.push_back(facts().itself());
    } else {
        opaque("fetches from " + name + ", a cursor that is not known");
    }
    is(Kind::fetch);
}

/// A relation without TEMP is one all the same where it goes to the schema of temporary ones (docs, CREATE TABLE).
void Walk::makes(const ::RangeVar& relation, ::OnCommitAction at_commit)
{
    const auto& path = state_->search_path();
    const std::string_view schema = relation.schemaname != nullptr                 ? view_of(relation.schemaname)
                                    : state_->search_path_known() && !path.empty() ? std::string_view{path.front()}
                                                                                   : std::string_view{};
    makes_ = view_of(relation.relname);
    makes_temporary_ = relation.relpersistence == RELPERSISTENCE_TEMP || schema.starts_with("pg_temp");
    makes_lasting_ = makes_temporary_ && at_commit != ONCOMMIT_DROP;
}

void Walk::create_table_as(const ::CreateTableAsStmt& create)
{
    top_some_time(create.query); // not at all WITH NO DATA, or IF NOT EXISTS; settings are taken back for a view
    facts().inner.push_back(facts().itself());
    is(Kind::create, object_name(create.objtype));
    makes(*create.into->rel, create.into->onCommit);
    may_be_there_ = create.if_not_exists;
    auto& write = write_table(*create.into->rel);
    write.columns.assign(1, "*");
    Scope scope = fresh_scope();
    expressions(create.into->options, scope);
}

void Walk::vacuum(const ::VacuumStmt& vacuum)
{
    is(vacuum.is_vacuumcmd ? Kind::vacuum : Kind::analyze);
    for (const ::ListCell& cell : cells(vacuum.rels))
        if (const ::RangeVar* relation = as<::VacuumRelation>(node_of(cell)).relation) {
            read_table(*relation, {});
            index_again(*relation);
        }
    if (vacuum.rels == nullptr)
        index_all({});
}

/// Expressions of indexes and statistics run for every row.
void Walk::index_again(const catalog::Relation* relation)
{
    if (relation == nullptr || bodies_->plain_to_write(*relation))
        return;
    Touch touch;
    touch.kind = Touch::Kind::index;
    touch.relation = relation;
    touches_.push_back(std::move(touch));
}

/// With its children.
void Walk::index_again(const ::RangeVar& table)
{
    if (bodies_ == nullptr)
        return;
    std::vector<const catalog::Relation*> family{find(table).relation};
    for (std::size_t i = 0; i < family.size() && spend(1); ++i) {
        index_again(family[i]);
        if (family[i] != nullptr)
            for (const catalog::Oid child : family[i]->children)
                family.push_back(catalog_->relation(child));
    }
}

/// All tables, or those of a schema.
void Walk::index_all(std::string_view schema)
{
    if (bodies_ == nullptr)
        return;
    for (const catalog::Relation& relation : catalog_->contents().relations)
        if (spend(1) && (schema.empty() || relation.schema == schema))
            index_again(&relation);
}

void Walk::discard(const ::DiscardStmt& discard)
{
    is(Kind::discard);
    if (discard.target == DISCARD_ALL)
        effect(statement::DiscardAll{});
    if (discard.target == DISCARD_ALL || discard.target == DISCARD_TEMP) {
        effect(statement::DiscardTemporary{});
        for (const std::string& name : state_->temporary_relations())
            write_index(joined("pg_temp", name), true, nullptr, ::RangeVar{}, {});
    }
}

} // namespace stepgate::policies::postgres
