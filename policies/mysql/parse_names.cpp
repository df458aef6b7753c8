#include "policies/mysql/builtins.h"
#include "policies/mysql/follow.h"
#include "policies/mysql/parser.h"
#include "policies/statement/ascii.h"
#include "policies/statement/weaker.h"

#include <algorithm>

namespace stepgate::policies::mysql
{
namespace
{

using statement::Effect;
using statement::SetParameter;
using statement::TableAccess;
using statement::Where;

template <typename Value>
void sort_once(std::vector<Value>& values)
{
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
}

bool by_table(const TableAccess& one, const TableAccess& other)
{
    return one.table < other.table;
}

void tidy(std::vector<TableAccess>& accesses)
{
    for (TableAccess& access : accesses) {
        if (std::ranges::find(access.columns, "*") != access.columns.end())
            access.columns = {"*"};
        else
            sort_once(access.columns);
    }
    std::ranges::sort(accesses, by_table);
}

} // namespace

/// "database.table"; the bare name where no database is chosen or only the server knows it.
std::string Parser::full_name(const TableName& table, bool& known)
{
    const std::string_view database =
        !table.database.empty() || !state_->database_known() ? table.database : state_->database();
    known = !database.empty();
    if (!known)
        return std::string{table.name};
    if (database.find('.') != std::string_view::npos)
        opaque("names a database with a point in it");
    std::string full;
    full.reserve(database.size() + 1 + table.name.size());
    full.append(database).append(1, '.').append(table.name);
    return folds_names() ? lower(full) : full;
}

Item Parser::item_of(const TableName& table, std::string_view alias)
{
    Item item;
    item.alias = alias.empty() ? table.name : alias;
    item.table = full_name(table, item.known);
    return item;
}

int Parser::read_index(const std::string& table, bool known)
{
    const auto found = spend(reads_.size()) ? std::ranges::find(reads_, table, &Access::table) : reads_.end();
    if (found != reads_.end())
        return static_cast<int>(found - reads_.begin());
    reads_.push_back({table, known, {}, {}, false});
    return static_cast<int>(reads_.size() - 1);
}

void Parser::read_column(Item& item, std::string_view column)
{
    if (item.table.empty())
        return;
    if (item.read < 0)
        item.read = read_index(item.table, item.known);
    Access& access = reads_[static_cast<std::size_t>(item.read)];
    access.leads = true;
    auto& columns = access.columns;
    if (!column.empty() && (columns.empty() || columns.back() != column))
        columns.push_back(column);
}

/// All columns that "*" stands for in a list.
void Parser::read_star(Item& item)
{
    const std::string_view bare = std::string_view{item.table}.substr(item.table.find('.') + 1);
    const auto* const table =
        behind_.bodies == nullptr || state_->temporary(bare) ? nullptr : behind_.bodies->relation(item.table);
    if (table == nullptr || std::ranges::none_of(table->columns, &catalog::Column::invisible))
        return read_column(item, "*");
    for (const catalog::Column& column : table->columns)
        if (!column.invisible && spend(1))
            read_column(item, column.name);
}

/// Without a column it is only named.
void Parser::read_table(const TableName& table, std::string_view column)
{
    if (column.empty()) {
        bool known = false;
        const std::string full = full_name(table, known);
        read_index(full, known);
        leads_.push_back({Lead::Kind::named, full, known, {}});
        return;
    }
    Item item = item_of(table, {});
    read_column(item, column);
}

Parser::Access& Parser::write_of(const std::string& table, bool known, bool leads)
{
    const auto found = spend(writes_.size()) ? std::ranges::find(writes_, table, &Access::table) : writes_.end();
    Access& access = found != writes_.end() ? *found : writes_.emplace_back(Access{table, known, {}, {}, false});
    if (leads && !changes_definitions(facts_.kind) && facts_.kind != Kind::grant && facts_.kind != Kind::revoke) {
        access.leads = true;
        if (table.starts_with("mysql."))
            opaque("changes rows of " + table + ", a table of the server's own");
        access.events.insert |= changing_.insert;
        access.events.update |= changing_.update;
        access.events.delete_rows |= changing_.delete_rows;
    }
    return access;
}

Parser::Access& Parser::write_table(const TableName& table)
{
    bool known = false;
    const std::string full = full_name(table, known);
    return write_of(full, known);
}

void Parser::write_column(const TableName& table, std::string_view column)
{
    write_table(table).columns.push_back(column);
}

/// It may stand there with its table, and the database of that.
void Parser::written_column(const TableName& table)
{
    std::string_view column = name();
    while (accept('.'))
        column = name();
    write_column(table, column);
}

void Parser::reference(std::string_view table, std::string_view column)
{
    ++reference_count_;
    if (judging_ && noting_)
        note_condition(table, column);
    if (behind_.rows != nullptr && (same_word(table, "old") || (behind_.new_is_stored && same_word(table, "new")))) {
        auto& columns = reads_[static_cast<std::size_t>(read_index(behind_.rows_name(), true))].columns;
        columns.push_back(column);
        return;
    }
    references_.push_back({table, column, 0});
}

/// Gives a reference to the tables in reach; false if it may be one of a query around this one too.
bool Parser::resolve_one(const Reference& reference, std::size_t items)
{
    bool settled = false;
    if (!reference.table.empty()) {
        for (std::size_t i = items; i < items_.size(); ++i) {
            if (!same_word(items_[i].alias, reference.table))
                continue;
            reference.name == "*" ? read_star(items_[i]) : read_column(items_[i], reference.name);
            // What that one has no column of is looked for around it, where a table may be called the same.
            settled = settled || reference.name == "*" || reference.name.empty() ||
                      has_column(items_[i], reference.name) == Has::yes;
        }
        return settled;
    }
    if (reference.name == "*" || reference.name.empty()) {
        for (std::size_t i = items; i < items_.size(); ++i)
            reference.name == "*" ? read_star(items_[i]) : read_column(items_[i], reference.name);
        return true;
    }
    for (std::size_t i = items; i < items_.size() && !settled; ++i)
        for (std::size_t k = items_[i].begin; k < items_[i].end && !settled; ++k)
            settled = same_word(outputs_[k].name, reference.name);
    // A table has a column of that name, too: then that other one is not in reach, or the server refuses the text.
    const auto has = [&](const Item& item) {
        const Has answer = item.table.empty() ? Has::no : has_column(item, reference.name);
        return answer == Has::yes || (answer == Has::maybe && reference.early);
    };
    for (std::size_t i = items; i < items_.size(); ++i)
        if (!settled || has(items_[i]))
            read_column(items_[i], reference.name);
    return settled;
}

/// The names since `references` are those of a query block whose tables are those since `items`. What may belong to a
/// query around it stays.
void Parser::resolve(std::size_t references, std::size_t items)
{
    if (!spend((references_.size() - references) * (items_.size() - items + 1)))
        return;
    std::size_t kept = references;
    for (std::size_t i = references; i < references_.size(); ++i) {
        Reference one = references_[i];
        if (one.skip > 0)
            --one.skip;
        else if (resolve_one(one, items) && !one.early)
            continue;
        else
            one.early = false;
        references_[kept++] = one;
    }
    references_.resize(kept);
}

/// What is left of a derived table or a CTE cannot be of the query block it stands in, but of those around that.
void Parser::skip_block(std::size_t references)
{
    for (std::size_t i = references; i < references_.size(); ++i)
        ++references_[i].skip;
}

/// What is named since `references` may be of some of the tables of the query block it stands in, or of one around it.
void Parser::reach_less(std::size_t references)
{
    for (std::size_t i = references; i < references_.size(); ++i)
        references_[i].early = true;
}

void Parser::called(std::string_view function, bool keyword_syntax)
{
    std::string call = lower(function);
    const Builtin builtin = builtin_function(call, keyword_syntax, reading_.version);
    if (builtin.trust == Builtin::Trust::dangerous) {
        opaque("calls " + call + ", which " + std::string{builtin.danger});
        may_run_when_prepared();
    } else if (builtin.trust == Builtin::Trust::unknown && !leads_to_stored(call)) {
        opaque("calls " + call + ", whose body is not known");
        may_run_when_prepared();
    }
    note_call(std::move(call));
}

void Parser::note_call(std::string call)
{
    if (!spend(calls_.size()) || std::ranges::find(calls_, call) == calls_.end())
        calls_.push_back(std::move(call));
}

/// A name that is none of the server's functions: a stored one of the current database, if there is one. True: `call`
/// is its whole name now.
bool Parser::leads_to_stored(std::string& call)
{
    if (behind_.bodies == nullptr || !state_->database_known() || behind_.bodies->loadable(call))
        return false;
    bool known = false;
    const std::string full = lower_routine(full_name({{}, call}, known));
    if (!known || behind_.bodies->routine(full, catalog::FunctionKind::function) == nullptr)
        return false;
    leads_.push_back({Lead::Kind::function, full, true, {}});
    call = full;
    return true;
}

/// A stored routine: its body may do anything.
void Parser::called_stored(const TableName& routine, Lead::Kind kind)
{
    bool known = false;
    std::string call = full_name(routine, known);
    if (behind_.bodies == nullptr) {
        opaque("calls " + call + ", whose body is not known");
        may_run_when_prepared();
    } else {
        leads_.push_back({kind, call = lower_routine(call), known, {}});
    }
    calls_.push_back(std::move(call));
}

/// Routines are found in any case; their databases are not.
std::string Parser::lower_routine(std::string_view full)
{
    const auto dot = std::min(full.find('.'), full.size());
    return std::string{full.substr(0, dot)} + lower(full.substr(dot));
}

/// `name` means something else afterwards, or nothing. What the rows of it were made from is in `copies`.
void Parser::redefine(const TableName& table, statement::Redefine change)
{
    bool known = false;
    change.relation = full_name(table, known);
    change.relation.erase(0, change.relation.find('.') + 1);
    effect(std::move(change));
}

/// What a statement does to the definitions of what it names, where nothing more is known of it.
void Parser::note_definitions()
{
    if (!changes_definitions(facts_.kind))
        return;
    const bool named = facts_.object == "table" || facts_.object == "view" || facts_.object == "sequence" ||
                       facts_.object == "index" || facts_.object == "trigger";
    for (const Access& access : writes_) {
        const std::string name = access.table.substr(access.table.find('.') + 1);
        const bool told = std::ranges::any_of(facts_.effects, [&name](const Effect& one) {
            const auto* change = std::get_if<statement::Redefine>(&one);
            return change != nullptr && change->relation == name;
        });
        if (named && !access.leads && !told)
            facts_.effects.emplace_back(statement::Redefine{
                .relation = name, .function = {}, .code = facts_.object == "view", .writes = true, .copies = {}});
    }
}

bool Parser::is_merge(std::string_view table) const
{
    if (state_->temporary_merge(table.substr(table.find('.') + 1)))
        return true;
    const auto* relation = behind_.bodies == nullptr ? nullptr : behind_.bodies->relation(table);
    return relation != nullptr && relation->kind == catalog::RelationKind::table && !relation->definition.empty();
}

/// Whatever is done with a MERGE table (but dropping it) opens those that it stands for, also where no rows are asked
/// for.
void Parser::open_merged()
{
    if (facts_.kind == Kind::drop && facts_.object != "trigger")
        return;
    for (const std::vector<Access>* accesses : {&reads_, &writes_})
        for (const Access& access : *accesses) {
            if (access.leads)
                continue;
            if (is_merge(access.table))
                leads_.push_back({Lead::Kind::read, access.table, access.known, {}});
        }
}

/// Follows what the statement names, if there is a catalog.
void Parser::follow()
{
    for (const std::vector<Access>* accesses : {&reads_, &writes_})
        for (const Access& access : *accesses)
            if (access.leads)
                leads_.push_back({accesses == &reads_ ? Lead::Kind::read : Lead::Kind::write, access.table,
                                  access.known, access.events});
    if (behind_.bodies == nullptr)
        return;
    open_merged();
    Defined defined = defined_;
    if (program_ || facts_.kind == Kind::do_block) // they use what they make
        note_defined(facts_, defined);
    for (Lead& lead : leads_) {
        if (lead.kind == Lead::Kind::values || lead.kind == Lead::Kind::named)
            continue;
        const auto found = defined.find(lead.name);
        lead.made = found != defined.end() && found->second;
        if (found != defined.end() && !found->second)
            opaque("names " + lead.name + ", which the same text changes");
    }
    if (!behind_.follows)
        return out_.leads.swap(leads_);
    std::vector<std::string> reasons;
    Follower follower{*behind_.bodies, *state_, facts_, reasons};
    follower.follow(leads_);
    out_.facts.runs_when_prepared = out_.facts.runs_when_prepared || follower.runs_early();
    for (std::string& reason : reasons)
        opaque(std::move(reason));
    note_defined(facts_, defined_);
}

/// The catalog does not show what a text does: a new table is known for what it is, other things are not. What is
/// dropped leaves nothing behind the name, or what the catalog shows.
void Parser::note_defined(const statement::StatementFacts& facts, Defined& defined) const
{
    for (const Effect& one : facts.effects) {
        const auto* change = std::get_if<statement::Redefine>(&one);
        if (change == nullptr || change->gone)
            continue;
        if (!change->function.empty())
            for (const catalog::Function& routine : behind_.bodies->catalog().contents().functions)
                if (routine.name == change->function)
                    defined[routine.schema + "." + routine.name] = false;
        const bool plain = !change->code && !change->writes;
        for (const auto* accesses : {&facts.reads, &facts.writes}) // a foreign key names its parent among what is read
            for (const TableAccess& access : *accesses)
                if (!change->relation.empty() && access.table.ends_with("." + change->relation))
                    defined[access.table] = plain && (!defined.contains(access.table) || defined[access.table]);
    }
}

void Parser::effect(Effect effect)
{
    facts_.effects.push_back(std::move(effect));
}

void Parser::set_effect(std::string name, std::optional<std::string> value)
{
    SetParameter parameter{.name = std::move(name), .value = {}};
    parameter.unknown = !value;
    if (value)
        parameter.value = std::vector<std::string>{std::move(*value)};
    effect(std::move(parameter));
}

void Parser::weaken_where(Where where)
{
    facts_.where = statement::weaker(facts_.where, where);
    if (where == Where::missing || where == Where::always_true)
        facts_.destructive = true;
}

void Parser::is(Kind kind, std::string_view object)
{
    facts_.kind = kind;
    facts_.object = object;
}

void Parser::also(statement::Inner inner)
{
    facts_.inner.push_back(std::move(inner));
}

void Parser::begin_statement()
{
    facts_ = {};
    leads_.clear();
    defined_table_.clear();
    in_elements_ = false;
    changing_ = {};
    reads_.clear();
    writes_.clear();
    calls_.clear();
    references_.clear();
    items_.clear();
    ctes_.clear();
    outputs_.clear();
    names_.clear();
    operators_ = 0;
}

/// Nothing that everybody has bears the name, so that no doubt about the temporary one can harm it.
bool Parser::is_plain_temporary(std::string_view table) const
{
    return behind_.bodies != nullptr && !state_->uncertain() && behind_.bodies->relation(table) == nullptr &&
           !state_->temporary_merge(table.substr(table.find('.') + 1));
}

void Parser::finish_statement()
{
    const auto accesses = [](const std::vector<Access>& from) {
        std::vector<TableAccess> to;
        to.reserve(from.size());
        for (const Access& access : from) {
            TableAccess& made = to.emplace_back(TableAccess{access.table, access.known, {}});
            made.columns.reserve(access.columns.size());
            for (const std::string_view column : access.columns)
                made.columns.push_back(lower(column));
        }
        return to;
    };
    note_definitions();
    facts_.reads = accesses(reads_);
    facts_.writes = accesses(writes_);
    facts_.calls = std::move(calls_);
    calls_ = {};
    follow();
    facts_.temporary = changes_tables_only(facts_) && std::ranges::all_of(facts_.writes, [this](const auto& write) {
                           return state_->own_tables().has(write.table) && is_plain_temporary(write.table);
                       });
    if (facts_.kind != Kind::create)
        facts_.makes_temporary.clear();
    tidy(facts_.reads);
    tidy(facts_.writes);
    sort_once(facts_.calls);
    sort_once(facts_.inner);
    out_.facts.statements.push_back(std::move(facts_));
    facts_ = {};
}

} // namespace stepgate::policies::mysql
