#pragma once

#include "policies/catalog/by_catalog.h"
#include "policies/mysql/leads.h"
#include "policies/mysql/session_state.h"
#include "policies/statement/facts.h"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::policies::mysql
{

class Bodies;

/// What the analyzer accepts; anything beyond is opaque, never a crash.
struct Limits {
    std::size_t max_bytes = std::size_t{4} * 1024 * 1024; ///< of one text
    int max_depth = 300;                                  ///< of nested expressions, subqueries and blocks
    int max_statements = 10'000;                          ///< in one text
    std::size_t max_operators = 100'000;                  ///< in one statement
    std::size_t max_work = 5'000'000;                     ///< steps of looking names up, in one text
};

/// Facts, and whether they may stand for other texts of the same shape or other states with the same settings.
struct Analysis {
    statement::Facts facts;
    bool literals_consulted = false; ///< a decision looked at a literal's value
    bool names_consulted = false;    ///< a prepared statement or variable of the session was looked up
    std::vector<Lead> leads;         ///< of a body: what its statements name
};

/// Turns texts of MySQL and MariaDB into facts with a parser of our own. One a thread: it keeps what it read of the
/// bodies in a catalog. Never throws but for lack of memory.
///
/// The text is judged as a whole, as if multi-statements were on: settings, the current database and prepared
/// statements made by one statement count for the next.
class Analyzer
{
  public:
    explicit Analyzer(Limits limits = {});
    ~Analyzer();
    Analyzer(const Analyzer&) = delete;
    Analyzer& operator=(const Analyzer&) = delete;

    /// Why a text is not even read (too large, a character set or sql_mode that is refused); empty if it is.
    [[nodiscard]] std::string refusal(std::string_view sql, const SessionState& state) const;

    /// `catalog`: the server's snapshot that names are looked up in; null: there is none, and every name is taken as it
    /// stands. It must live as long as the call.
    [[nodiscard]] statement::Facts analyze(std::string_view sql, const SessionState& state,
                                           const catalog::Catalog* catalog = nullptr) const;
    [[nodiscard]] Analysis analyze_fully(std::string_view sql, const SessionState& state,
                                         const catalog::Catalog* catalog = nullptr) const;

  private:
    Limits limits_;
    std::unique_ptr<catalog::ByCatalog<Bodies>> bodies_; // what was read of catalogs
};

} // namespace stepgate::policies::mysql
