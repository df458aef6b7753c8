#pragma once

#include "proxy/audit/errc.h"
#include "proxy/audit/record.h"

#include <boost/system/result.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace stepgate::proxy::audit
{

/// What the challenges of one person have come to. Never more than they may see: their own, and those of others that
/// they have decided.
struct HistoryQuery {
    std::string person;
    std::string outcome{};                // "" for any; see PastChallenge
    std::optional<std::int64_t> before{}; // paging: `HistoryPage::next`
    int limit = 50;                       // at most 200
};

struct PastChallenge {
    struct Answer {
        std::string user, factor;
        TimePoint at{};
    };
    std::int64_t sequence = 0; // of challenge_opened
    std::string challenge, code, user, listener, database, text;
    std::vector<std::string> rules, labels;
    TimePoint opened{};
    /// "pending", "approved", "consumed", "denied", "expired", "cancelled". One that was open when stepgate stopped is
    /// cancelled.
    std::string outcome = "pending";
    std::optional<TimePoint> closed;
    std::string by, reason;
    std::vector<Answer> answers;
    std::int64_t releases = 0;
};

struct HistoryPage {
    std::vector<PastChallenge> challenges; // newest first
    std::optional<std::int64_t> next;      // there may be more: ask with this as `before`
};

/// What one rule has done, by whole hours of the clock.
struct RuleTally {
    struct Counts {
        std::int64_t matched = 0, held = 0, approved = 0, denied = 0, expired = 0;
    };
    std::string rule;
    Counts day, week;              // this hour and the 24, or the 168, before it
    std::optional<TimePoint> last; // that it decided on a statement; nullopt: never
};

/// Reads the index for the pages of people who do not search. A connection of its own: a reviewer's long search does
/// not keep them waiting. Blocking; thread-safe (one mutex).
class Lookback
{
  public:
    [[nodiscard]] static boost::system::result<std::unique_ptr<Lookback>, Problem>
    open(const std::filesystem::path& directory);
    ~Lookback();

    [[nodiscard]] boost::system::result<HistoryPage, Problem> history(const HistoryQuery& query);
    /// Of every rule that ever matched.
    [[nodiscard]] boost::system::result<std::vector<RuleTally>, Problem> tallies(TimePoint now);

  private:
    struct Impl;
    explicit Lookback(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace stepgate::proxy::audit
