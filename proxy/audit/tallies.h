#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace SQLite
{
class Database;
}

namespace stepgate::proxy::audit
{

/// How often a rule did what, by the hour: so that a page needs to add up a few rows, however much happened. Counts in
/// memory; `store` adds them to the index within the caller's transaction. Not thread-safe.
class Tallies
{
  public:
    enum class What : std::uint8_t { matched, held, approved, denied, expired };

    static constexpr std::int64_t hour_ns = 3'600'000'000'000;

    void count(std::string_view rule, What what, std::int64_t at_ns);
    void store(SQLite::Database& db);

  private:
    struct Counts {
        std::int64_t of[5] = {};
        std::int64_t last_ns = 0;
    };
    std::map<std::pair<std::string, std::int64_t>, Counts> counts_; // by rule and hour
};

} // namespace stepgate::proxy::audit
