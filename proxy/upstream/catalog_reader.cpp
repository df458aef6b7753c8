#include "proxy/upstream/catalog_reader.h"

#include "proxy/upstream/catalog_queries.h"
#include "proxy/upstream/libpq_options.h"

#include <algorithm>

namespace stepgate::proxy::upstream
{

using policies::catalog::Contents;
using policies::catalog::Oid;

namespace
{

constexpr int oldest_version = 130000;

bool backends_gone(LibpqConnection& server, const std::vector<std::int32_t>& backends)
{
    if (backends.empty())
        return true;
    std::string list;
    for (const auto backend : backends)
        list.append(list.empty() ? "" : ", ").append(std::to_string(backend));
    bool gone = false;
    server.query("SELECT NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity WHERE pid IN (" + list + "))",
                 [&gone](const Row& row) { gone = row.flag(0); });
    return gone;
}

} // namespace

void CatalogQueries::head()
{
    server_.query("SELECT current_database(), (extract(epoch FROM now()) * 1000000)::bigint,"
                  " EXISTS (SELECT FROM pg_event_trigger WHERE evtenabled <> 'D')",
                  [this](const Row& row) {
                      contents_.database = row.text(0);
                      contents_.taken =
                          std::chrono::system_clock::time_point{std::chrono::microseconds{row.number<std::int64_t>(1)}};
                      contents_.event_triggers = row.flag(2);
                  });
    server_.query("SELECT DISTINCT evtfoid::oid FROM pg_event_trigger WHERE evtenabled <> 'D' ORDER BY 1",
                  [this](const Row& row) { contents_.event_trigger_functions.push_back(row.number<Oid>(0)); });
    contents_.server_version = version_;
    server_.query(
        "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp_' ORDER BY nspname COLLATE \"C\"",
        [this](const Row& row) { contents_.schemas.push_back(row.text(0)); });
    server_.query("SELECT extname FROM pg_extension ORDER BY extname COLLATE \"C\"",
                  [this](const Row& row) { contents_.extensions.push_back(row.text(0)); });
}

bool CatalogQueries::read(std::chrono::milliseconds statement_timeout)
{
    // With an empty search path the server prints every name with its schema, and no function of a user can stand in
    // for one of pg_catalog. All of it is one snapshot, and nothing waits for a lock for long.
    const auto timeout = std::to_string(statement_timeout.count());
    server_.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    server_.run("SET LOCAL search_path = ''");
    server_.run("SET LOCAL statement_timeout = " + timeout);
    server_.run("SET LOCAL lock_timeout = " + timeout);
    server_.run("SET LOCAL idle_in_transaction_session_timeout = " + timeout);
    server_.run("SET LOCAL quote_all_identifiers = off");
    server_.run("SET LOCAL standard_conforming_strings = on"); // how literals within definitions are written
    head();
    relations();
    functions();
    types();
    server_.run("COMMIT");
    return !server_.failed();
}

CatalogRead read_catalog(const CatalogSource& source)
{
    LibpqConnection server{libpq_options(source, "stepgate catalog"),
                           {source.statement_timeout + std::chrono::seconds{10}, source.stopping}};
    if (!server.failed() && server.server_version() < oldest_version)
        return {"the server's version is " + std::to_string(server.server_version() / 10000) +
                "; catalogs are read from version 13 on"};
    // First of all: what a process that is gone has done is in the snapshot that follows.
    const bool gone = backends_gone(server, source.backends);
    Contents contents;
    if (!CatalogQueries{server, contents}.read(source.statement_timeout))
        return {server.error()};
    return {std::move(contents), gone};
}

} // namespace stepgate::proxy::upstream
