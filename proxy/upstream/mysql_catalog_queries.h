#pragma once

#include "policies/catalog/catalog.h"
#include "proxy/upstream/connector_connection.h"

#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace stepgate::proxy::upstream
{

/// The questions behind `read_mysql_catalog`, one reading an object.
class MySqlCatalogQueries
{
  public:
    MySqlCatalogQueries(ConnectorConnection& server, policies::catalog::Contents& contents)
        : server_{server}, contents_{contents}
    {
    }

    // mysql_catalog.cpp
    [[nodiscard]] std::string head(); ///< "" or why nothing can be read
    void settings(std::chrono::milliseconds statement_timeout);
    void schemas();
    void privileges();
    void loadable_functions();
    // mysql_catalog_relations.cpp
    void relations();
    // mysql_catalog_programs.cpp
    void programs();
    [[nodiscard]] bool threads_gone(const std::vector<std::int32_t>& threads);

  private:
    using Row = ConnectorConnection::Row;
    using Cell = std::optional<std::string>;

    void grants();
    void tables();
    void merged_tables();
    void columns();
    void hidden_columns();
    void views();
    void checks();
    void indexes();
    void foreign_keys();
    void triggers();
    void routines();
    void parameters();
    void events();
    void written_bodies();
    [[nodiscard]] policies::catalog::Relation* relation(const Cell& schema, const Cell& name);

    /// "" for NULL.
    [[nodiscard]] static std::string text(const Cell& cell) { return cell.value_or(std::string{}); }
    template <class Integer>
    [[nodiscard]] static Integer number(const Cell& cell)
    {
        Integer value = 0;
        if (cell)
            std::from_chars(cell->data(), cell->data() + cell->size(), value);
        return value;
    }
    /// Of a schema or table: as statements are looked up with it.
    [[nodiscard]] std::string table_name(const Cell& cell) const;
    [[nodiscard]] static std::string lower(std::string text);
    [[nodiscard]] static std::string quoted(const std::string& value);
    [[nodiscard]] std::string grantee() const; ///< the account as information_schema calls it, as SQL
    [[nodiscard]] static std::string backquoted(const std::string& name);

    ConnectorConnection& server_;
    policies::catalog::Contents& contents_;
    bool mariadb_ = false;
    std::string account_;
    std::set<std::string> revoked_; // schemas in which the account has less than everywhere
    std::vector<std::pair<std::string, std::string>> by_column_; // tables of which it has single columns
    std::map<std::pair<std::string, std::string>, std::size_t> by_name_;
};

} // namespace stepgate::proxy::upstream
