#include "proxy/upstream/connector_connection.h"

#include <cppconn/connection.h>
#include <cppconn/exception.h>
#include <cppconn/resultset.h>
#include <cppconn/resultset_metadata.h>
#include <cppconn/statement.h>
#include <mysql_driver.h>

#include <algorithm>
#include <chrono>

namespace stepgate::proxy::upstream
{
namespace
{

/// The library keeps its drivers in a map that nothing guards: asked once, whichever thread comes first.
sql::mysql::MySQL_Driver& driver()
{
    static sql::mysql::MySQL_Driver* const made = sql::mysql::get_driver_instance();
    return *made;
}

/// The library keeps memory for each thread that uses it.
struct ThreadInLibrary {
    ThreadInLibrary() { driver().threadInit(); }
    ~ThreadInLibrary() { driver().threadEnd(); }
    ThreadInLibrary(const ThreadInLibrary&) = delete;
    ThreadInLibrary& operator=(const ThreadInLibrary&) = delete;
};

sql::ConnectOptionsMap options_for(const CatalogSource& source)
{
    const auto seconds = [](std::chrono::milliseconds time) {
        return static_cast<int>(std::chrono::ceil<std::chrono::seconds>(time).count());
    };
    sql::ConnectOptionsMap options;
    options["hostName"] = sql::SQLString{"tcp://" + source.host};
    options["port"] = static_cast<int>(source.port);
    options["userName"] = sql::SQLString{source.user};
    options["password"] = sql::SQLString{source.password};
    options["OPT_CONNECT_TIMEOUT"] = seconds(source.connect_timeout);
    options["OPT_READ_TIMEOUT"] = seconds(source.statement_timeout);
    options["OPT_WRITE_TIMEOUT"] = seconds(source.statement_timeout);
    options["OPT_CHARSET_NAME"] = sql::SQLString{"utf8mb4"};
    options["OPT_LOCAL_INFILE"] = 0; // the server chooses the file's name
    options["CLIENT_MULTI_STATEMENTS"] = true;
    if (source.tls_mode == "disable") {
        // The library would load whatever plugin the server names, also those that send the password as it is.
        options["pluginDir"] = sql::SQLString{"/nonexistent"};
        return options;
    }
    // With an authority the chain is verified, with sslVerify the server's name as well.
    options["sslEnforce"] = true;
    options["sslVerify"] = source.tls_mode == "verify-full";
    if (!source.ca.empty())
        options["sslCA"] = sql::SQLString{source.ca};
    else if (source.tls_mode != "require")
        options["sslCAPath"] = sql::SQLString{"/etc/ssl/certs"};
    if (!source.certificate.empty()) {
        options["sslCert"] = sql::SQLString{source.certificate};
        options["sslKey"] = sql::SQLString{source.key};
    }
    return options;
}

std::string reason_of(const std::exception& problem)
{
    const std::string text = problem.what();
    return text.empty() ? "failed without a reason" : text;
}

/// An error that the server has not sent: the connection is gone.
bool is_clients(int error)
{
    return error == 0 || (error >= 2000 && error < 3000);
}

void read_rows(sql::Statement& statement, const std::function<void(const ConnectorConnection::Row&)>& on_row)
{
    const std::unique_ptr<sql::ResultSet> result{statement.getResultSet()};
    const unsigned columns = result->getMetaData()->getColumnCount();
    ConnectorConnection::Row row(columns);
    while (result->next()) {
        for (unsigned i = 0; i < columns; ++i) {
            const auto text = result->getString(i + 1);
            row[i] = result->wasNull() ? std::nullopt : std::optional<std::string>{text.asStdString()};
        }
        on_row(row);
    }
}

} // namespace

struct ConnectorConnection::Connection {
    ThreadInLibrary thread;
    std::unique_ptr<sql::Connection> server;
};

ConnectorConnection::ConnectorConnection(const CatalogSource& source, const std::string& database)
    : connection_{std::make_unique<Connection>()}
{
    try {
        auto options = options_for(source);
        if (!database.empty())
            options["schema"] = sql::SQLString{database};
        connection_->server.reset(driver().connect(options));
        alive_ = true;
    } catch (const std::exception& problem) {
        fail(problem);
    }
}

ConnectorConnection::~ConnectorConnection() = default;

void ConnectorConnection::fail(const std::exception& problem)
{
    error_ = reason_of(problem);
    if (const auto* of_sql = dynamic_cast<const sql::SQLException*>(&problem);
        of_sql != nullptr && is_clients(of_sql->getErrorCode()))
        alive_ = false;
}

void ConnectorConnection::query(const std::string& sql, const std::function<void(const Row&)>& on_row)
{
    if (failed())
        return;
    try {
        const std::unique_ptr<sql::Statement> statement{connection_->server->createStatement()};
        if (statement->execute(sql))
            read_rows(*statement, on_row);
    } catch (const std::exception& problem) {
        fail(problem);
    }
}

void ConnectorConnection::query_each(const std::vector<std::string>& statements,
                                     const std::function<void(std::size_t, const Row&)>& on_row)
{
    constexpr std::size_t most = 100; // a journey
    for (std::size_t done = 0; done < statements.size() && !failed();) {
        std::string sql;
        const std::size_t end = std::min(done + most, statements.size());
        for (std::size_t i = done; i < end; ++i)
            sql.append(statements[i]).append(i + 1 < end ? ";" : "");
        try {
            const std::unique_ptr<sql::Statement> statement{connection_->server->createStatement()};
            for (bool rows = statement->execute(sql); done < end; rows = ++done < end && statement->getMoreResults())
                if (rows)
                    read_rows(*statement, [&](const Row& row) { on_row(done, row); });
        } catch (const sql::SQLException& problem) {
            if (is_clients(problem.getErrorCode()))
                fail(problem);
            ++done; // the server does not look at those behind it
        } catch (const std::exception& problem) {
            fail(problem);
        }
    }
}

void ConnectorConnection::run(const std::string& sql)
{
    query(sql, [](const Row&) {});
}

} // namespace stepgate::proxy::upstream
