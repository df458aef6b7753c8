#include "policies/mysql/builtins.h"
#include "policies/mysql/parser.h"
#include "policies/statement/ascii.h"

#include <algorithm>

namespace stepgate::policies::mysql
{
namespace
{

using statement::Effect;
using statement::SetParameter;
using statement::TableAccess;
using statement::Where;

int strength(Where where)
{
    switch (where) {
    case Where::missing:
        return 0;
    case Where::always_true:
        return 1;
    case Where::present:
        return 2;
    case Where::none:
        return 3;
    }
    return 0;
}

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
    return full;
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
    for (std::size_t i = 0; i < reads_.size(); ++i)
        if (reads_[i].table == table)
            return static_cast<int>(i);
    reads_.push_back({table, known, {}});
    return static_cast<int>(reads_.size() - 1);
}

void Parser::read_column(Item& item, std::string_view column)
{
    if (item.table.empty())
        return;
    if (item.read < 0)
        item.read = read_index(item.table, item.known);
    auto& columns = reads_[static_cast<std::size_t>(item.read)].columns;
    if (!column.empty() && (columns.empty() || columns.back() != column))
        columns.push_back(column);
}

void Parser::read_table(const TableName& table, std::string_view column)
{
    Item item = item_of(table, {});
    read_column(item, column);
}

Parser::Access& Parser::write_of(const std::string& table, bool known)
{
    const auto found = std::ranges::find(writes_, table, &Access::table);
    return found != writes_.end() ? *found : writes_.emplace_back(Access{table, known, {}});
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

void Parser::reference(std::string_view table, std::string_view column)
{
    ++reference_count_;
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
            read_column(items_[i], reference.name);
            settled = true;
        }
        return settled;
    }
    if (reference.name == "*") {
        for (std::size_t i = items; i < items_.size(); ++i)
            read_column(items_[i], "*");
        return true;
    }
    for (std::size_t i = items; i < items_.size() && !settled; ++i)
        for (std::size_t k = items_[i].begin; k < items_[i].end && !settled; ++k)
            settled = same_word(outputs_[k], reference.name);
    for (std::size_t i = items; i < items_.size() && !settled; ++i)
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
        else if (resolve_one(one, items))
            continue;
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

void Parser::called(std::string_view function, bool keyword_syntax)
{
    std::string call = lower(function);
    const Builtin builtin = builtin_function(call, keyword_syntax, reading_.version);
    if (builtin.trust == Builtin::Trust::dangerous) {
        opaque("calls " + call + ", which " + std::string{builtin.danger});
    } else if (builtin.trust == Builtin::Trust::unknown) {
        opaque("calls " + call + ", whose body is not known");
    }
    if (std::ranges::find(calls_, call) == calls_.end())
        calls_.push_back(std::move(call));
}

/// A stored routine: its body may do anything.
void Parser::called_stored(const TableName& routine)
{
    bool known = false;
    std::string call = full_name(routine, known);
    opaque("calls " + call + ", whose body is not known");
    calls_.push_back(std::move(call));
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
    if (strength(where) < strength(facts_.where))
        facts_.where = where;
    if (where == Where::missing || where == Where::always_true)
        facts_.destructive = true;
}

void Parser::is(Kind kind, std::string_view object)
{
    facts_.kind = kind;
    facts_.object = object;
}

void Parser::also(Kind kind)
{
    facts_.inner.push_back(kind);
}

void Parser::begin_statement()
{
    facts_ = {};
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

void Parser::finish_statement()
{
    const auto accesses = [](std::vector<Access>& from, bool fold) {
        std::vector<TableAccess> to;
        to.reserve(from.size());
        for (Access& access : from) {
            TableAccess made{std::move(access.table), access.known, {}};
            sort_once(access.columns);
            made.columns.reserve(access.columns.size());
            for (const std::string_view column : access.columns)
                made.columns.push_back(fold ? lower(column) : std::string{column});
            if (std::ranges::find(made.columns, "*") != made.columns.end()) {
                made.columns = {"*"};
            } else {
                sort_once(made.columns);
            }
            to.push_back(std::move(made));
        }
        std::ranges::sort(to, by_table);
        return to;
    };
    facts_.reads = accesses(reads_, true);
    facts_.writes = accesses(writes_, true);
    sort_once(calls_);
    facts_.calls = std::move(calls_);
    calls_ = {};
    sort_once(facts_.inner);
    out_.facts.statements.push_back(std::move(facts_));
    facts_ = {};
}

} // namespace stepgate::policies::mysql
