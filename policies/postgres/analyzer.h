#pragma once

#include "policies/catalog/by_catalog.h"
#include "policies/postgres/session_state.h"
#include "policies/statement/facts.h"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace stepgate::policies::postgres
{

class Bodies;

/// What the analyzer accepts; anything beyond is opaque, never a crash.
struct Limits {
    std::size_t max_bytes = std::size_t{4} * 1024 * 1024; ///< of one text
    int max_depth = 400;                                  ///< of nested expressions and subqueries
    int max_statements = 10'000;                          ///< in one text
    std::size_t max_work = 5'000'000;                     ///< steps of looking names up, in one text
};

/// Facts, and whether they may stand for other texts of the same shape or other states with the same settings.
struct Analysis {
    statement::Facts facts;
    bool literals_consulted = false; ///< a decision looked at a literal's value
    bool options = false;            ///< not a query alone: what it does may stand in literals, EXPLAIN (ANALYZE 'on')
};

/// Turns PostgreSQL texts into facts with PostgreSQL's own raw parser. The parser's state is thread-local, so any
/// number of analyzers may work at once, each on one thread: it keeps what it read of the bodies in a catalog. Never
/// throws but for lack of memory.
///
/// The text is judged as a whole: settings, prepared statements and cursors made by one statement count for the next.
class Analyzer
{
  public:
    explicit Analyzer(Limits limits = {});
    ~Analyzer();
    Analyzer(const Analyzer&) = delete;
    Analyzer& operator=(const Analyzer&) = delete;

    /// Why a text is not even parsed (too large, a zero byte, not UTF-8); empty if it is.
    [[nodiscard]] std::string refusal(std::string_view sql, const SessionState& state) const;

    /// `catalog`: the snapshot that names are looked up in, of the session's database; null: there is none, and every
    /// name is taken as it stands. It must live as long as the call.
    [[nodiscard]] statement::Facts analyze(std::string_view sql, const SessionState& state,
                                           const catalog::Catalog* catalog = nullptr) const;
    [[nodiscard]] Analysis analyze_fully(std::string_view sql, const SessionState& state,
                                         const catalog::Catalog* catalog = nullptr) const;

  private:
    Limits limits_;
    std::unique_ptr<catalog::ByCatalog<Bodies>> bodies_; // what was read of catalogs
};

} // namespace stepgate::policies::postgres
