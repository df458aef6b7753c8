#pragma once

#include "proxy/upstream/catalog_reader.h"

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace stepgate::proxy::upstream
{

/// A blocking connection to a MySQL or MariaDB server; the only user of MySQL Connector/C++, none of whose types or
/// exceptions leave it. After the first failure it asks nothing more, and `error` says what failed. One thread.
class ConnectorConnection
{
  public:
    /// A column is nothing where the server says NULL.
    using Row = std::vector<std::optional<std::string>>;

    /// `database`: the current one; "": none.
    explicit ConnectorConnection(const CatalogSource& source, const std::string& database = {});
    ~ConnectorConnection();
    ConnectorConnection(const ConnectorConnection&) = delete;
    ConnectorConnection& operator=(const ConnectorConnection&) = delete;

    [[nodiscard]] bool failed() const { return !error_.empty(); }
    [[nodiscard]] const std::string& error() const { return error_; }
    [[nodiscard]] bool alive() const { return alive_; }
    /// Gives the error and goes on with the next statement.
    [[nodiscard]] std::string take_error() { return std::exchange(error_, {}); }

    /// Calls `on_row` with each row of the statement's result.
    void query(const std::string& sql, const std::function<void(const Row&)>& on_row);
    void run(const std::string& sql);
    /// The same of many statements, as few journeys as may be. One that the server refuses has no rows, and is no
    /// failure.
    void query_each(const std::vector<std::string>& statements,
                    const std::function<void(std::size_t statement, const Row&)>& on_row);

  private:
    /// What the library threw.
    void fail(const std::exception& problem);

    struct Connection;
    std::unique_ptr<Connection> connection_;
    std::string error_;
    bool alive_ = false;
};

} // namespace stepgate::proxy::upstream
