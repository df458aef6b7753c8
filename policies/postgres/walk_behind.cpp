#include "policies/postgres/readable.h"
#include "policies/postgres/walk.h"
#include "policies/statement/ascii.h"
#include "policies/statement/weaker.h"

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>
#include <variant>

namespace stepgate::policies::postgres
{
namespace
{

using statement::TableAccess;

void sort_unique(auto& values)
{
    std::ranges::sort(values);
    values.erase(std::unique(values.begin(), values.end()), values.end());
}

/// One entry a table. What is behind names adds many of one table.
void join_tables(std::vector<TableAccess>& accesses)
{
    std::ranges::sort(accesses, {}, &TableAccess::table);
    std::size_t kept = 0;
    for (std::size_t i = 1; i < accesses.size(); ++i) {
        TableAccess& last = accesses[kept];
        TableAccess& next = accesses[i];
        if (next.table == last.table) {
            last.schema_known = last.schema_known && next.schema_known;
            last.columns.insert(last.columns.end(), next.columns.begin(), next.columns.end());
        } else if (++kept != i) {
            accesses[kept] = std::move(next);
        }
    }
    accesses.resize(std::min(accesses.size(), kept + 1));
}

void tidy(std::vector<TableAccess>& accesses)
{
    join_tables(accesses);
    for (TableAccess& access : accesses) {
        if (std::ranges::find(access.columns, "*") != access.columns.end())
            access.columns.assign(1, "*");
        else
            sort_unique(access.columns);
    }
}

/// How bad a kind is to those who write rules: a WITH that deletes is a DELETE. MERGE keeps its name.
int weight(statement::Kind kind)
{
    switch (kind) {
    case statement::Kind::delete_rows:
        return 4;
    case statement::Kind::update:
        return 3;
    case statement::Kind::insert:
        return 2;
    case statement::Kind::select:
        return 1;
    default:
        return 0;
    }
}

} // namespace

void Walk::begin()
{
    current_ = out_.facts.statements.size();
    out_.facts.statements.emplace_back();
    readings_.clear();
    writings_.clear();
    explained_ = redefines_code_ = redefines_writes_ = generates_ = makes_temporary_ = makes_lasting_ = may_be_there_ =
        unknown_code_ = false;
    makes_ = {};
    context_.reset();
    block_.reset();
    keys_.clear();
    defined_ = nullptr;
    moved_to_ = {};
    if (base_ == nullptr)
        touches_.clear();
    else
        for (Item& item : base_->items)
            item.read = -1; // an index of the statement before
}

/// What the names of the statement lead to, where that is more than the names themselves.
void Walk::collect()
{
    auto& reads = facts().reads;
    auto& writes = facts().writes;
    for (std::size_t i = 0; i < writings_.size(); ++i)
        if (writings_[i].columns_of != i)
            writes[i].columns = writes[writings_[i].columns_of].columns;
    for (std::size_t i = 0; i < readings_.size(); ++i) {
        const Reading& reading = readings_[i];
        if (reading.relation == nullptr || bodies_->plain_to_read(*reading.relation))
            continue;
        Touch touch;
        touch.relation = reading.relation;
        touch.columns = reads[i].columns;
        touch.down = !reading.only;
        touches_.push_back(std::move(touch));
    }
    for (std::size_t i = 0; i < writings_.size(); ++i) {
        const Writing& writing = writings_[i];
        if (writing.relation == nullptr || bodies_->plain_to_write(*writing.relation))
            continue;
        Touch touch;
        touch.kind = Touch::Kind::write;
        touch.planned = explained_;
        touch.relation = writing.relation;
        touch.columns = writes[i].columns;
        touch.events = writing.events;
        touch.cascade = writing.cascade;
        touch.down = !writing.only;
        touches_.push_back(std::move(touch));
    }
}

/// A name that the session changed: what it was made from is read with it. What runs with it may be new.
void Walk::redefined(const Found& found)
{
    if (catalog_ == nullptr)
        return;
    if (state_->redefined_all() && !found.built_in)
        opaque("names " + found.table + ", which the session may have changed since the catalog was read");
    if (found.redefined == nullptr)
        return;
    if (base_ != nullptr && facts().kind == Kind::rename)
        return; // in a body, which is read with what it renames: nothing is read or run
    if (found.redefined->unknown())
        opaque("names " + found.table + ", which the session changed since the catalog was read");
    read_too(found.redefined->copies);
}

/// Reads that the session's own changes bring along.
void Walk::read_too(const std::vector<TableAccess>& accesses)
{
    for (const TableAccess& access : accesses) {
        if (!spend(1))
            return;
        facts().reads.push_back(access);
        const std::size_t dot = access.table.find('.');
        const auto* relation = catalog_->relation(access.table.substr(0, dot), access.table.substr(dot + 1));
        readings_.push_back({relation, false});
    }
}

/// Parents and children that the session made, to the end: whoever reads or changes one reads or changes the others.
void Walk::relatives(const Found& found, bool written, catalog::Events events)
{
    if (catalog_ == nullptr || found.redefined == nullptr || found.redefined->family.empty())
        return;
    events.insert = events.insert || events.update; // a row may move to another partition
    events.delete_rows = events.delete_rows || events.update;
    const bool rows = events.insert || events.delete_rows || events.truncate;
    std::vector<TableAccess> open = found.redefined->family;
    std::vector<std::string> seen{found.table};
    while (!open.empty() && spend(seen.size())) {
        const TableAccess one = std::move(open.back());
        open.pop_back();
        if (std::ranges::find(seen, one.table) != seen.end())
            continue;
        seen.push_back(one.table);
        const std::size_t dot = one.table.find('.');
        const std::string_view name = std::string_view{one.table}.substr(dot + 1);
        const auto* relation = catalog_->relation(one.table.substr(0, dot), name);
        facts().reads.push_back({one.table, one.schema_known, {"*"}});
        readings_.push_back({relation, false});
        ::RangeVar all{};
        all.inh = true;
        if (written)
            write_index(one.table, one.schema_known, relation, all, events);
        const SessionState::Redefined* const change = state_->redefined_relation(name);
        if (change == nullptr)
            continue;
        if (change->unknown() || (rows && change->does_more()))
            opaque("leads to " + one.table + ", which the session changed since the catalog was read");
        open.insert(open.end(), change->copies.begin(), change->copies.end());
        open.insert(open.end(), change->family.begin(), change->family.end());
    }
}

void Walk::relate(const ::RangeVar& child, const ::RangeVar& parent)
{
    const Found one = find(child), other = find(parent);
    // What the parent of a temporary relation means stays different for this session whatever a catalog says.
    const auto effect_of = [&](const Found& of, const Found& relative, bool own) {
        effect(statement::Redefine{.relation = std::string{bare(of.table)},
                                   .function = {},
                                   .temporary = own,
                                   .lasts = makes_lasting_,
                                   .copies = {},
                                   .family = {{relative.table, relative.known, {"*"}}}});
    };
    effect_of(one, other, makes_temporary_);
    effect_of(other, one, other.own);
}

/// The server looks for temporary relations first, unless the path places them elsewhere.
void Walk::drops_temporary(std::string_view schema, std::string_view name)
{
    if (schema.empty() ? state_->temporary_first() : schema.starts_with("pg_temp"))
        effect(statement::Redefine{.relation = std::string{name}, .function = {}, .gone = true, .copies = {}});
}

void Walk::redefine_function(const ::List* name)
{
    const auto parts = cells(name);
    if (!parts.empty())
        effect(
            statement::Redefine{.relation = {}, .function = std::string{text_of(node_of(parts.back()))}, .copies = {}});
}

/// Of what every definition runs, and every change of one (docs 40.1). Databases, roles and tablespaces fire none.
void Walk::fire_event_triggers()
{
    static constexpr statement::Kind firing[] = {Kind::create, Kind::alter,  Kind::drop,    Kind::rename, Kind::comment,
                                                 Kind::grant,  Kind::revoke, Kind::refresh, Kind::reindex};
    static constexpr std::string_view shared[] = {"database", "database settings", "role", "tablespace", "system"};
    const statement::StatementFacts& done = facts();
    if (std::ranges::none_of(firing, [&done](Kind kind) { return done.does(kind); }) ||
        std::ranges::find(shared, done.object) != std::end(shared))
        return;
    out_.facts.searches_catalog = out_.facts.searches_catalog || catalog_ == nullptr;
    if (catalog_ == nullptr || !catalog_->contents().event_triggers)
        return;
    const auto& functions = catalog_->contents().event_trigger_functions;
    bool all_known = !functions.empty();
    for (const catalog::Oid oid : functions) {
        Touch touch;
        touch.kind = Touch::Kind::call;
        touch.function = catalog_->function(oid);
        all_known = all_known && touch.function != nullptr;
        if (touch.function == nullptr)
            continue;
        facts().calls.push_back(joined(touch.function->schema, touch.function->name));
        touches_.push_back(std::move(touch));
    }
    if (all_known)
        return;
    opaque("fires event triggers whose functions are not known");
    unknown_code_ = true;
}

/// Of the calls since number `from`: one of a function whose body the session may change, or that is not known. Those
/// of extensions which only compute are none.
bool Walk::calls_code(std::size_t from)
{
    const auto is_code = [this](const std::string& call) {
        const std::size_t dot = call.find('.');
        const std::string_view schema = std::string_view{call}.substr(0, dot);
        std::vector<const catalog::Function*> functions;
        if (catalog_ != nullptr && spend(1))
            functions = catalog_->functions(schema, std::string_view{call}.substr(dot + 1));
        if (functions.empty())
            return schema != "pg_catalog";
        return !std::ranges::all_of(functions,
                                    [](const catalog::Function* function) { return is_harmless_code(*function); });
    };
    return std::ranges::any_of(std::span{facts().calls}.subspan(from), is_code);
}

/// What CREATE, ALTER, DROP and the like make of names. Types, roles, publications … are not looked up by statements
/// that a catalog is needed for.
void Walk::redefines()
{
    statement::StatementFacts& done = facts();
    switch (done.kind) {
    case Kind::create:
    case Kind::alter:
    case Kind::drop:
    case Kind::rename:
        break;
    default:
        return;
    }
    static constexpr std::string_view anything[] = {"cast",           "domain constraint", "extension", "language",
                                                    "operator class", "operator family",   "schema",    "transform",
                                                    "event trigger",  "foreign schema"};
    const bool made = done.kind == Kind::create;
    if (std::ranges::find(anything, done.object) != std::end(anything) && !(made && done.object == "schema"))
        return effect(statement::Redefine{});
    if (!made && (done.object == "domain" || done.object == "type" || done.object == "owned"))
        return effect(statement::Redefine{});
    const bool filled = made && (done.object == "table" || done.object == "view" || done.object == "materialized view");
    const bool code =
        redefines_code_ || done.kind == Kind::rename || done.object == "policy" || (made && calls_code(0));
    redefines_writes_ = redefines_writes_ || done.object == "trigger" || done.object == "rule";
    for (std::size_t i = 0; i < done.writes.size(); ++i) {
        const TableAccess& write = done.writes[i];
        if (std::ranges::count(write.table, '.') > 1) // which of them parts schema and name is not told here
            effect(statement::Redefine{});
        const bool own = i < writings_.size() && writings_[i].own;
        if (own && (done.kind == Kind::drop || (done.kind == Kind::rename && done.object != "column")))
            continue; // `drops_temporary` and `rename` have said so
        statement::Redefine change;
        change.relation = bare(write.table);
        change.code = code && !(done.kind == Kind::rename && done.object == "column");
        const bool new_one = made && change.relation == makes_;
        change.temporary = new_one ? makes_temporary_ : own;
        change.lasts = new_one && makes_lasting_;
        if (change.code && !moved_to_.empty()) {
            change.code = false;
            change.moved_to = moved_to_;
        }
        change.writes = redefines_writes_ || (made && done.object == "view");
        change.keys = keys_;
        if (filled || generates_)
            change.copies = done.reads;
        else if (done.kind == Kind::rename && done.object == "column")
            change.copies.push_back({write.table, write.schema_known, {"*"}});
        if (new_one && makes_temporary_ && !may_be_there_ && done.object == "table" && !change.code)
            done.makes_temporary = joined("pg_temp", makes_);
        effect(std::move(change));
    }
}

/// What a relation of the catalog is or does is not what the catalog shows.
bool Walk::does_otherwise(const SessionState::Redefined& change, bool written) const
{
    if (change.code || !change.copies.empty() || !change.family.empty() || (written && change.does_more()))
        return true;
    if (change.moved_to.empty())
        return false;
    const auto* const now = state_->redefined_relation(change.moved_to);
    return now == nullptr || now->unknown() || !now->family.empty() || (written && now->does_more());
}

/// What views, rules and the like lead to, read from a catalog that does not know what the session did since. Their own
/// names are bound to objects, so temporary ones of the session are not in their way; functions look names up, and were
/// read with the session's.
void Walk::doubt_redefined(const std::vector<TableAccess>& accesses, std::size_t from, bool written)
{
    if (!state_->redefined_relations())
        return;
    for (std::size_t i = from; i < accesses.size(); ++i) {
        const std::string& table = accesses[i].table;
        const auto* change = state_->redefined_relation(bare(table));
        if (change == nullptr || (change->temporary && !change->permanent))
            continue;
        if (does_otherwise(*change, written)) {
            opaque("leads to " + table + ", which the session changed since the catalog was read");
            unknown_code_ = true;
            return;
        }
    }
}

void Walk::finish()
{
    statement::StatementFacts& done = facts();
    if (catalog_ != nullptr)
        collect();
    if (done.kind == Kind::declare_cursor && std::ranges::any_of(done.effects, changes_names))
        opaque("declares a cursor that changes what names mean while it is read");
    if (explained_) {
        only_explained();
    } else {
        redefines();
        fire_event_triggers();
    }
    if (weight(done.kind) > 0) {
        done.inner.push_back(done.itself());
        done.kind = std::ranges::max(done.inner, {}, [](const auto& one) { return weight(one.kind); }).kind;
        std::erase(done.inner, Kind::select);
    }
    if (base_ == nullptr && catalog_ != nullptr) {
        const std::size_t reads = done.reads.size(), writes = done.writes.size();
        follow();
        doubt_redefined(done.reads, reads, false);
        doubt_redefined(done.writes, writes, true);
        doubt_path();
        defer_held_cursors();
        doubt_deferred();
    }
    // One for one, before they are sorted: what code behind the names changes has come in between.
    const bool sure = done.writes.size() == writings_.size() && std::ranges::all_of(writings_, &Writing::sure);
    tidy(done.reads);
    tidy(done.writes);
    sort_unique(done.calls);
    sort_unique(done.inner);
    std::erase_if(done.inner, [&done](const statement::Inner& one) {
        return one.kind == done.kind && (one.object.empty() || one.object == done.object);
    });
    done.temporary = sure && changes_tables_only(done);
}

void Walk::body_statement(const ::Node* node)
{
    begin();
    top(node);
    finish();
}

void Walk::rule_actions(const ::RuleStmt& rule)
{
    begin();
    is(Kind::select);
    Scope scope = fresh_scope();
    expression(rule.whereClause, scope);
    finish();
    for (const ::ListCell& cell : cells(rule.actions))
        body_statement(node_of(cell));
}

/// The body of CREATE FUNCTION … BEGIN ATOMIC … END, or RETURN expression.
void Walk::atomic_body(const ::Node* node)
{
    const auto* create = if_tag<::CreateFunctionStmt>(node, T_CreateFunctionStmt);
    if (create == nullptr || create->sql_body == nullptr)
        return opaque("has a body that stepgate does not know");
    const auto each = [this](const ::Node* statement) {
        const auto* returned = if_tag<::ReturnStmt>(statement, T_ReturnStmt);
        if (returned == nullptr)
            return body_statement(statement);
        begin();
        is(Kind::select);
        Scope scope = fresh_scope();
        expression(returned->returnval, scope);
        finish();
    };
    const auto* outer = if_tag<::List>(create->sql_body, T_List);
    if (outer == nullptr)
        return each(create->sql_body);
    for (const ::ListCell& cell : cells(outer)) {
        const auto* inner = if_tag<::List>(node_of(cell), T_List);
        if (inner == nullptr) {
            each(node_of(cell));
            continue;
        }
        for (const ::ListCell& statement : cells(inner))
            each(node_of(statement));
    }
}

/// Facts that were made elsewhere become the statement's own.
void Walk::take_footprint(Footprint footprint)
{
    statement::StatementFacts& to = facts();
    const auto take = [](auto& target, auto& source) {
        target.insert(target.end(), std::make_move_iterator(source.begin()), std::make_move_iterator(source.end()));
    };
    take(to.reads, footprint.facts.reads);
    take(to.writes, footprint.facts.writes);
    take(to.calls, footprint.facts.calls);
    take(to.inner, footprint.facts.inner);
    take(to.effects, footprint.facts.effects);
    readings_.resize(to.reads.size());
    writings_.resize(to.writes.size());
    for (std::size_t i = 0; i < writings_.size(); ++i)
        if (writings_[i].relation == nullptr)
            writings_[i].columns_of = i;
    to.destructive = to.destructive || footprint.facts.destructive;
    to.where = statement::weaker(to.where, footprint.facts.where);
    take(touches_, footprint.touches);
    cannot_follow(std::move(footprint.opaque_reasons));
}

/// The static statements of a DO block are its facts, if there is a catalog to look their names up in.
void Walk::do_block(const ::DoStmt& block)
{
    is(Kind::do_block);
    if (bodies_ == nullptr) {
        out_.facts.uses_types = true; // so that it waits for the catalog
        return opaque("runs a DO block, whose statements are not known");
    }
    out_.literals_consulted = true;
    std::string_view language = "plpgsql";
    const char* body = nullptr;
    for (const ::ListCell& cell : cells(block.args)) {
        const auto& option = as<::DefElem>(node_of(cell));
        if (view_of(option.defname) == "language")
            language = text_of(option.arg);
        else if (view_of(option.defname) == "as")
            body = if_tag<::String>(option.arg, T_String) == nullptr ? nullptr : as<::String>(option.arg).sval;
    }
    if (body == nullptr)
        return opaque("runs a DO block, whose statements are not known");
    if (!state_->names_are_utf8() && (!is_ascii(body) || names_may_differ(body, state_->server_encoding())))
        return opaque("runs a DO block with names that may be others in the database's encoding");
    (void)context();
    block_ = Block{language, body};
    take_footprint(bodies_->block(language, body, *state_));
}

} // namespace stepgate::policies::postgres
