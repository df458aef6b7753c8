#pragma once

#include "policies/rules/matched_facts.h"
#include "proxy/session/session.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace stepgate::proxy::session
{

/// Which names of a server are plain tables. stepgate has no catalog of MySQL's servers yet: it does not look through
/// views, triggers and cascades, so statements that meet them are not understood (and held by default). Shared by the
/// sessions of a listener; they ask the server on their own connections. Thread-safe.
class MySqlTables
{
  public:
    struct Table {
        bool triggers = false; // changing rows runs code
        bool cascades = false; // deleting or changing rows changes rows of other tables
    };
    struct Snapshot {
        std::unordered_map<std::string, Table> tables; // "schema.name"
        std::uint64_t changes = 0;                     // that were announced before it was read
        SteadyTime read_at{};
        std::uint64_t revision = 0;
    };

    explicit MySqlTables(std::chrono::seconds refresh) : refresh_{refresh} {}

    /// What is known now; null if the server has to be asked (again).
    [[nodiscard]] std::shared_ptr<const Snapshot> now(SteadyTime at) const;
    /// A statement that may define something is about to be forwarded, or has ended.
    void changing() { changes_.fetch_add(1); }
    /// To be remembered from before the server is asked.
    [[nodiscard]] std::uint64_t changes() const { return changes_.load(); }
    void replace(Snapshot snapshot);

    /// The question, and one row of its answer: kind, hex of the schema, hex of the name.
    static constexpr std::string_view question =
        "SELECT 'B', HEX(TABLE_SCHEMA), HEX(TABLE_NAME) FROM information_schema.TABLES"
        " WHERE TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')"
        " UNION ALL SELECT 'T', HEX(EVENT_OBJECT_SCHEMA), HEX(EVENT_OBJECT_TABLE) FROM information_schema.TRIGGERS"
        " UNION ALL SELECT 'C', HEX(UNIQUE_CONSTRAINT_SCHEMA), HEX(REFERENCED_TABLE_NAME)"
        " FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE NOT (DELETE_RULE IN ('NO ACTION', 'RESTRICT')"
        " AND UPDATE_RULE IN ('NO ACTION', 'RESTRICT')) LIMIT 18446744073709551615";
    /// False: the row makes no sense.
    [[nodiscard]] static bool add(Snapshot& snapshot, std::string_view kind, std::string_view schema_hex,
                                  std::string_view name_hex);

  private:
    std::chrono::seconds refresh_;
    std::atomic<std::uint64_t> changes_{1};
    mutable std::mutex mutex_;
    std::shared_ptr<const Snapshot> newest_;
};

/// The statement names tables, so that a snapshot is needed to judge it.
[[nodiscard]] bool names_tables(const policies::statement::Facts& facts);
/// The text may define something that a snapshot shows.
[[nodiscard]] bool changes_tables(const policies::statement::Facts& facts);
/// Why the statement is not understood without a catalog; "" if it is. `known` null: the server did not say.
[[nodiscard]] std::string not_plain(const policies::rules::MatchedFacts& facts, const MySqlTables::Snapshot* known);

} // namespace stepgate::proxy::session
