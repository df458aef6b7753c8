#include "tests/oracle/witness/relations.h"

#include <libpq-fe.h>

#include <charconv>
#include <memory>
#include <string_view>

namespace stepgate::oracle
{
namespace
{

using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

// Sequences and toast tables can be read too; indexes and composite types cannot.
constexpr const char* relations_sql =
    "SELECT c.oid, CASE WHEN n.nspname LIKE 'pg\\_temp\\_%' THEN 'pg_temp' ELSE n.nspname END || '.' || c.relname,"
    " c.relkind, c.relfilenode,"
    " (SELECT pg_catalog.string_agg(a.attnum || ':' || a.attname, pg_catalog.chr(31)) FROM pg_catalog.pg_attribute a"
    "  WHERE a.attrelid = c.oid AND a.attnum > 0)"
    " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 't') AND c.oid ";
Result rows(PGconn* connection, const std::string& sql)
{
    Result result{PQexec(connection, sql.c_str()), &PQclear};
    if (PQresultStatus(result.get()) != PGRES_TUPLES_OK)
        result.reset();
    return result;
}

Oid number(std::string_view text)
{
    Oid value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

std::map<int, std::string> columns_of(std::string_view list)
{
    std::map<int, std::string> columns;
    while (!list.empty()) {
        const auto end = std::min(list.find('\x1f'), list.size());
        const std::string_view item = list.substr(0, end);
        const auto colon = item.find(':');
        columns.emplace(static_cast<int>(number(item.substr(0, colon))), item.substr(colon + 1));
        list.remove_prefix(std::min(end + 1, list.size()));
    }
    return columns;
}

bool load(PGconn* connection, const std::string& which, std::map<Oid, Relation>& out)
{
    const Result result = rows(connection, relations_sql + which);
    if (!result)
        return false;
    for (int row = 0; row < PQntuples(result.get()); ++row) {
        const auto field = [&](int column) { return PQgetvalue(result.get(), row, column); };
        out[number(field(0))] = {field(1), *field(2), number(field(3)), columns_of(field(4))};
    }
    return true;
}

bool of_system(std::string_view table)
{
    return table.starts_with("pg_catalog.") || table.starts_with("information_schema.") ||
           table.starts_with("pg_toast.");
}

} // namespace

bool Relations::load_system(PGconn* connection)
{
    return load(connection, "< 16384", system_);
}

bool Relations::refresh(PGconn* connection)
{
    if (system_.empty() && !load_system(connection))
        return false;
    std::map<Oid, Relation> fresh;
    if (!load(connection, ">= 16384", fresh))
        return false;
    before_ = std::exchange(now_, std::move(fresh));
    return true;
}

const Relation* Relations::find(Oid relation) const
{
    // A name that changed in the meantime is the old one to the statement that changed it.
    for (const auto* map : {&before_, &now_, &system_})
        if (const auto found = map->find(relation); found != map->end())
            return &found->second;
    return nullptr;
}

void Relations::name(Access& access) const
{
    if (access.relation == 0) {
        if (access.table.starts_with("pg_temp_"))
            access.table = "pg_temp" + access.table.substr(access.table.find('.'));
        access.system = of_system(access.table);
        return;
    }
    const Relation* relation = find(access.relation);
    if (relation == nullptr)
        return;
    access.table = relation->table;
    access.kind = relation->kind;
    access.system = of_system(access.table);
    for (const int attribute : access.selected) {
        if (attribute == 0)
            access.columns.insert("*");
        const auto column = relation->columns.find(attribute);
        if (attribute > 0 && column != relation->columns.end())
            access.columns.insert(column->second);
        else if (attribute > 0) // added by the same statement
            if (const auto fresh = now_.find(access.relation); fresh != now_.end())
                if (const auto added = fresh->second.columns.find(attribute); added != fresh->second.columns.end())
                    access.columns.insert(added->second);
    }
}

std::vector<Access> Relations::changed() const
{
    std::vector<Access> found;
    for (const auto& [oid, old] : before_) {
        if (old.kind == 't' || old.kind == 'S' || of_system(old.table))
            continue;
        const auto fresh = now_.find(oid);
        if (fresh != now_.end() && fresh->second == old)
            continue;
        Access access;
        access.relation = oid;
        access.written = true;
        access.source = {fresh == now_.end()                ? "dropped"
                         : fresh->second.file != old.file   ? "rewritten"
                         : fresh->second.table != old.table ? "renamed"
                                                            : "altered"};
        found.push_back(std::move(access));
    }
    return found;
}

} // namespace stepgate::oracle
