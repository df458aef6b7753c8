#include "proxy/upstream/mysql_catalog.h"

#include "proxy/upstream/connector_connection.h"
#include "proxy/upstream/mysql_catalog_queries.h"

#include <charconv>

namespace stepgate::proxy::upstream
{

using policies::catalog::Contents;

namespace
{

/// "10.11.6-MariaDB-1", "8.0.36": as a number, 101106 or 80036.
int version_number(std::string_view text)
{
    int parts[3] = {0, 0, 0};
    const char* at = text.data();
    const char* const end = at + text.size();
    for (int& part : parts) {
        at = std::from_chars(at, end, part).ptr;
        if (at == end || *at != '.')
            break;
        ++at;
    }
    return parts[0] * 10'000 + parts[1] * 100 + parts[2];
}

constexpr int oldest_mysql = 80'000, oldest_mariadb = 100'600;

} // namespace

std::string MySqlCatalogQueries::head()
{
    std::string version;
    std::int64_t taken = 0;
    server_.query("SELECT VERSION(), @@GLOBAL.lower_case_table_names, CURRENT_USER(),"
                  " CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)",
                  [&](const Row& row) {
                      version = text(row[0]);
                      contents_.mysql.folds_names = text(row[1]) != "0";
                      account_ = text(row[2]);
                      taken = number<std::int64_t>(row[3]);
                  });
    if (server_.failed())
        return server_.error();
    mariadb_ = version.find("MariaDB") != std::string::npos;
    contents_.mysql.vendor = mariadb_ ? "mariadb" : "mysql";
    contents_.server_version = version_number(version);
    contents_.taken = std::chrono::system_clock::time_point{std::chrono::microseconds{taken}};
    if (contents_.server_version < (mariadb_ ? oldest_mariadb : oldest_mysql))
        return "the server's version is " + version + "; catalogs are read from MySQL 8.0 and MariaDB 10.6 on";
    return {};
}

/// How definitions are written, and that nothing takes for ever.
void MySqlCatalogQueries::settings(std::chrono::milliseconds statement_timeout)
{
    const auto milliseconds = std::to_string(statement_timeout.count());
    const auto seconds = std::to_string(std::chrono::ceil<std::chrono::seconds>(statement_timeout).count());
    server_.run("SET SESSION sql_mode = '', lock_wait_timeout = " + seconds + ", group_concat_max_len = 1048576");
    server_.run(mariadb_ ? "SET SESSION max_statement_time = " + seconds
                         : "SET SESSION max_execution_time = " + milliseconds);
}

void MySqlCatalogQueries::schemas()
{
    server_.query("SELECT SCHEMA_NAME, DEFAULT_CHARACTER_SET_NAME FROM information_schema.SCHEMATA ORDER BY 1",
                  [this](const Row& row) {
                      contents_.schemas.push_back(table_name(row[0]));
                      contents_.mysql.charsets.emplace_back(table_name(row[0]), text(row[1]));
                  });
}

std::string MySqlCatalogQueries::grantee() const
{
    const auto at = account_.rfind('@');
    return "CONCAT(QUOTE(" + quoted(account_.substr(0, at)) + "), '@', QUOTE(" +
           quoted(at == std::string::npos ? "" : account_.substr(at + 1)) + "))";
}

/// What only SHOW GRANTS tells to anybody: schemas in which the account has not all that it has everywhere (MySQL's
/// partial_revokes: "REVOKE SELECT ON `a`.* FROM …"), and tables of which it has single columns, through roles too
/// ("GRANT SELECT (`x`) ON `a`.`b` TO …").
void MySqlCatalogQueries::grants()
{
    server_.query("SHOW GRANTS", [this](const Row& row) {
        const std::string grant = text(row[0]);
        bool quoted = false, columns = false;
        std::size_t at = 0;
        for (; at < grant.size() && (quoted || grant.compare(at, 4, " ON ") != 0); ++at) {
            quoted = quoted != (grant[at] == '`');
            columns = columns || (!quoted && grant[at] == '(');
        }
        std::vector<std::string> names; // of the schema and the table
        for (at += 4; at < grant.size() && (quoted || grant[at] != ' '); ++at) {
            const bool opens = grant[at] == '`' && !quoted;
            quoted = quoted != (grant[at] == '`');
            if (opens && grant[at - 1] != '`')
                names.emplace_back();
            else if (quoted)
                names.back().push_back(grant[at]); // "``" is one in a name
        }
        if (grant.starts_with("REVOKE ") && names.size() == 1)
            revoked_.insert(table_name(names[0]));
        if (columns && names.size() == 2)
            by_column_.emplace_back(names[0], names[1]);
    });
}

/// Triggers of a table are shown to those who have the privilege TRIGGER for it, routines to those who may run, make or
/// alter some. Whether that is so for a whole schema must be known: a trigger that is not shown runs all the same.
/// Grants to roles are not looked at.
void MySqlCatalogQueries::privileges()
{
    grants();
    const auto shown = [&](std::vector<std::string>& seen, const std::string& to) {
        const std::string condition = "PRIVILEGE_TYPE IN (" + to + ") AND GRANTEE = " + grantee();
        server_.query("SELECT 1 FROM information_schema.USER_PRIVILEGES WHERE " + condition,
                      [&seen](const Row&) { seen = {"*"}; });
        if (!seen.empty() && revoked_.empty())
            return;
        if (!seen.empty()) {
            seen = contents_.schemas;
            std::erase_if(seen, [this](const std::string& one) { return revoked_.contains(one); });
            return;
        }
        server_.query("SELECT DISTINCT s.SCHEMA_NAME FROM information_schema.SCHEMATA s"
                      " JOIN information_schema.SCHEMA_PRIVILEGES p ON s.SCHEMA_NAME LIKE p.TABLE_SCHEMA WHERE " +
                          condition,
                      [&](const Row& row) { seen.push_back(table_name(row[0])); });
    };
    shown(contents_.mysql.triggers_seen, "'TRIGGER'");
    shown(contents_.mysql.routines_seen, "'EXECUTE', 'CREATE ROUTINE', 'ALTER ROUTINE'");
}

/// Functions of libraries stand before stored ones of the same name. Who may not read of them sees none.
void MySqlCatalogQueries::loadable_functions()
{
    server_.query(mariadb_ ? "SELECT LOWER(name) FROM mysql.func"
                           : "SELECT LOWER(UDF_NAME) FROM performance_schema.user_defined_functions",
                  [this](const Row& row) { contents_.mysql.loadable.push_back(text(row[0])); });
    (void)server_.take_error();
}

CatalogRead read_mysql_catalog(const CatalogSource& source)
{
    ConnectorConnection server{source};
    Contents contents;
    MySqlCatalogQueries queries{server, contents};
    if (auto problem = server.failed() ? server.error() : queries.head(); !problem.empty())
        return {std::move(problem)};
    // First of all: what a thread that is gone has done is in the snapshot that follows.
    const bool gone = queries.threads_gone(source.backends);
    queries.settings(source.statement_timeout);
    queries.schemas();
    queries.privileges();
    queries.loadable_functions();
    queries.relations();
    queries.programs();
    if (server.failed())
        return {server.error()};
    return {std::move(contents), gone};
}

} // namespace stepgate::proxy::upstream
