#pragma once

#include "policies/catalog/catalog.h"
#include "proxy/upstream/libpq_connection.h"

#include <chrono>
#include <string>
#include <unordered_map>
#include <utility>

namespace stepgate::proxy::upstream
{

/// The queries that fill a snapshot, over a connection within its transaction. Columns that differ by version are
/// chosen by the server's. Lives on the stack of `read_catalog`.
class CatalogQueries
{
  public:
    CatalogQueries(LibpqConnection& server, policies::catalog::Contents& contents)
        : server_{server}, contents_{contents}, version_{server.server_version()}
    {
    }

    /// All of it in one transaction of its own. False if a query failed: the connection knows which.
    bool read(std::chrono::milliseconds statement_timeout);

  private:
    void head();
    void relations(); // catalog_relations.cpp
    void functions(); // catalog_functions.cpp
    void types();     // catalog_types.cpp, and operators and casts

    /// SQL: the object is no part of the system. initdb gives numbers below 16384, whatever the schema.
    [[nodiscard]] static std::string by_user(std::string_view oid) { return std::string{oid} + " >= 16384"; }

    void columns();
    void inheritance();
    void triggers();
    void rules();
    void foreign_keys();
    void row_policies();
    void index_keys();
    void expressions();
    void index_functions();
    void arguments();
    void aggregates();
    void type_functions();
    void operators_and_casts();

    [[nodiscard]] policies::catalog::Relation* find(policies::catalog::Oid oid)
    {
        const auto found = relations_.find(oid);
        return found == relations_.end() ? nullptr : &contents_.relations[found->second];
    }
    /// Rows whose first column is the oid of a relation; those of relations that are not in the snapshot are skipped.
    template <class OnRow>
    void each_relation(const std::string& sql, OnRow on_row)
    {
        server_.query(sql, [&](const Row& row) {
            if (auto* relation = find(row.number<policies::catalog::Oid>(0)))
                on_row(*relation, row);
        });
    }
    /// The same for functions and types.
    template <class OnRow>
    void each_function(const std::string& sql, OnRow on_row)
    {
        server_.query(sql, [&](const Row& row) {
            const auto found = functions_.find(row.number<policies::catalog::Oid>(0));
            if (found != functions_.end())
                on_row(contents_.functions[found->second], row);
        });
    }
    template <class OnRow>
    void each_type(const std::string& sql, OnRow on_row)
    {
        server_.query(sql, [&](const Row& row) {
            const auto found = types_.find(row.number<policies::catalog::Oid>(0));
            if (found != types_.end())
                on_row(contents_.types[found->second], row);
        });
    }

    using Places = std::unordered_map<policies::catalog::Oid, std::size_t>; // into the lists of `contents_`

    LibpqConnection& server_;
    policies::catalog::Contents& contents_;
    int version_;
    Places relations_, functions_, types_;
};

} // namespace stepgate::proxy::upstream
