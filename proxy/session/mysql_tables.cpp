#include "proxy/session/mysql_tables.h"

#include <algorithm>
#include <optional>

namespace stepgate::proxy::session
{

using policies::statement::Facts;
using policies::statement::Kind;
using policies::statement::StatementFacts;
using policies::statement::TableAccess;

namespace
{

std::optional<std::string> from_hex(std::string_view text)
{
    const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; };
    if (text.size() % 2 != 0)
        return std::nullopt;
    std::string bytes;
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const int high = digit(text[i]), low = digit(text[i + 1]);
        if (high < 0 || low < 0)
            return std::nullopt;
        bytes.push_back(static_cast<char>(high * 16 + low));
    }
    return bytes;
}

/// The server's own, in which nobody can make anything. Their names are written in any case.
bool is_servers_own(std::string_view table)
{
    constexpr std::string_view schema = "information_schema.";
    return table.size() > schema.size() &&
           std::ranges::equal(table.substr(0, schema.size()), schema,
                              [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; });
}

bool defines(const StatementFacts& statement)
{
    return statement.does(Kind::create) || statement.does(Kind::alter) || statement.does(Kind::drop) ||
           statement.does(Kind::rename) || statement.does(Kind::call) || statement.does(Kind::do_block) ||
           statement.does(Kind::execute) || statement.does(Kind::load);
}

/// What it names as written to need not be there before, or is what it changes the definition of.
bool only_defines(const StatementFacts& statement)
{
    return statement.kind == Kind::create || statement.kind == Kind::alter || statement.kind == Kind::drop ||
           statement.kind == Kind::rename;
}

std::string why_not_read(const TableAccess& access, const MySqlTables::Snapshot* known)
{
    if (is_servers_own(access.table))
        return {};
    if (known == nullptr)
        return "names " + access.table + ", and the server did not say what that is";
    if (!known->tables.contains(access.table))
        return "names " + access.table + ", which is not a table that stepgate can see (a view is not looked through)";
    return {};
}

std::string why_not_written(const TableAccess& access, const MySqlTables::Snapshot* known)
{
    if (auto why = why_not_read(access, known); !why.empty() || is_servers_own(access.table))
        return why;
    const auto& table = known->tables.at(access.table);
    if (table.triggers)
        return "changes " + access.table + ", whose triggers are not looked through";
    if (table.cascades)
        return "changes " + access.table + ", whose foreign keys change rows of other tables";
    return {};
}

std::string why_not(const StatementFacts& statement, const MySqlTables::Snapshot* known)
{
    for (const auto& access : statement.reads)
        if (auto why = why_not_read(access, known); !why.empty())
            return why;
    if (only_defines(statement))
        return {};
    for (const auto& access : statement.writes)
        if (auto why = why_not_written(access, known); !why.empty())
            return why;
    return {};
}

} // namespace

std::shared_ptr<const MySqlTables::Snapshot> MySqlTables::now(SteadyTime at) const
{
    const std::lock_guard lock{mutex_};
    const bool good = newest_ && newest_->changes == changes_.load() && at - newest_->read_at < refresh_;
    return good ? newest_ : nullptr;
}

void MySqlTables::replace(Snapshot snapshot)
{
    const std::lock_guard lock{mutex_};
    if (newest_ && newest_->changes > snapshot.changes)
        return;
    snapshot.revision = newest_ ? newest_->revision + 1 : 1;
    newest_ = std::make_shared<const Snapshot>(std::move(snapshot));
}

bool MySqlTables::add(Snapshot& snapshot, std::string_view kind, std::string_view schema_hex, std::string_view name_hex)
{
    const auto schema = from_hex(schema_hex), name = from_hex(name_hex);
    if (!schema || !name || kind.size() != 1)
        return false;
    // "a.b"."c" and "a"."b.c" look alike here: neither is known.
    if (schema->find('.') != std::string::npos || name->find('.') != std::string::npos)
        return true;
    const auto full = *schema + "." + *name;
    if (kind == "B")
        snapshot.tables.try_emplace(full);
    else if (kind == "T") // only tables have these
        snapshot.tables[full].triggers = true;
    else if (kind == "C")
        snapshot.tables[full].cascades = true;
    return kind == "B" || kind == "T" || kind == "C";
}

bool names_tables(const Facts& facts)
{
    return std::ranges::any_of(facts.statements, [](const StatementFacts& statement) {
        return !statement.reads.empty() || !statement.writes.empty();
    });
}

bool changes_tables(const Facts& facts)
{
    return facts.opaque || std::ranges::any_of(facts.statements, defines);
}

std::string not_plain(const policies::rules::MatchedFacts& matched, const MySqlTables::Snapshot* known)
{
    const auto& facts = *matched.facts;
    if (facts.statements.size() > 1 && std::ranges::any_of(facts.statements, defines) && names_tables(facts))
        return "defines something and goes on: what its names mean then is not known";
    for (std::size_t i = 0; i < facts.statements.size(); ++i) {
        const auto& statement = facts.statements[i];
        if (auto why = why_not(statement, known); !why.empty())
            return why;
        // Labels follow names: nothing remembers yet that another name is the same table.
        const bool renames = statement.does(Kind::alter) || statement.does(Kind::rename);
        if (renames && i < matched.statements.size() &&
            std::ranges::any_of(matched.statements[i].writes, [](const auto& labels) { return !labels.empty(); }))
            return "changes what a labelled table is called or made of";
    }
    return {};
}

} // namespace stepgate::proxy::session
