#include "proxy/audit/lookback.h"

#include "proxy/audit/hash.h"
#include "proxy/audit/index.h"
#include "proxy/audit/index_values.h"
#include "proxy/audit/tallies.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include <algorithm>
#include <mutex>

namespace stepgate::proxy::audit
{

namespace
{

constexpr int patience_ms = 5000;
constexpr int most_a_page = 200;
constexpr int most_looked_at = 2000; // with a filter that few match: the next page goes on

/// The fields of a row's details.
class Details
{
  public:
    explicit Details(const SQLite::Column& column)
    {
        boost::system::error_code malformed;
        value_ = boost::json::parse(text_of(column), malformed);
    }
    [[nodiscard]] std::string text(std::string_view key) const
    {
        const auto* object = value_.if_object();
        const auto* found = object ? object->if_contains(key) : nullptr;
        const auto* string = found ? found->if_string() : nullptr;
        return string ? std::string{string->begin(), string->end()} : std::string{};
    }

  private:
    boost::json::value value_;
};

void end_as(PastChallenge& past, const char* outcome, TimePoint at, const Details& details)
{
    past.outcome = outcome;
    past.closed = at;
    past.by = details.text("by");
    past.reason = details.text("reason");
}

/// What happened to it next.
void happened(PastChallenge& past, const std::string& type, TimePoint at, const Details& details)
{
    if (type == "proof_accepted") {
        past.answers.push_back({details.text("proof_user"), details.text("factor"), at});
    } else if (type == "release") {
        ++past.releases;
        past.outcome = "consumed";
        past.closed = at;
    } else if (past.releases > 0) {
        return; // what ends afterwards is the record of it, not the statement
    } else if (type == "challenge_approved") {
        past.outcome = "approved";
    } else if (type == "challenge_denied") {
        end_as(past, "denied", at, details);
    } else if (type == "challenge_expired") {
        end_as(past, "expired", at, details);
    } else if (type == "challenge_cancelled") {
        end_as(past, "cancelled", at, details);
    }
}

void add_counts(RuleTally::Counts& counts, SQLite::Statement& row)
{
    counts.matched += row.getColumn(2).getInt64();
    counts.held += row.getColumn(3).getInt64();
    counts.approved += row.getColumn(4).getInt64();
    counts.denied += row.getColumn(5).getInt64();
    counts.expired += row.getColumn(6).getInt64();
}

} // namespace

struct Lookback::Impl {
    explicit Impl(const std::filesystem::path& directory)
        : db(Index::file(directory).string(), SQLite::OPEN_READONLY, patience_ms)
    {
        if (db.execAndGet("PRAGMA user_version").getInt() != Index::version)
            throw SQLite::Exception("it is of another version");
    }

    PastChallenge read(SQLite::Statement& row);

    std::mutex mutex;
    SQLite::Database db;
    SQLite::Statement opened{
        db, "SELECT e.sequence, e.challenge, e.user, e.rules, e.labels, e.time, h.text, e.details FROM "
            "tags t JOIN entries e ON e.sequence = t.sequence LEFT JOIN texts h ON h.id = e.text "
            "WHERE t.tag = 'person:' || ? AND t.sequence < ? ORDER BY t.sequence DESC LIMIT ?"};
    SQLite::Statement events{
        db, "SELECT type, time, details FROM entries WHERE challenge = ? AND sequence > ? ORDER BY sequence"};
    SQLite::Statement last_start{db, "SELECT coalesce(max(sequence), 0) FROM entries WHERE type = 'start'"};
    SQLite::Statement hours{
        db, "SELECT rule, hour, matched, held, approved, denied, expired FROM rule_hours WHERE rule = ? "
            "AND hour >= ?"};
    // The last hour that a rule matched in, by its key: not a walk over all of them.
    SQLite::Statement rules{db,
                            "WITH RECURSIVE r(rule) AS (SELECT min(rule) FROM rule_hours UNION ALL SELECT (SELECT "
                            "min(rule) FROM rule_hours WHERE rule > r.rule) FROM r WHERE r.rule IS NOT NULL) SELECT "
                            "rule, (SELECT last FROM rule_hours WHERE rule_hours.rule = r.rule AND last > 0 ORDER BY "
                            "hour DESC LIMIT 1) FROM r WHERE rule IS NOT NULL"};
};

PastChallenge Lookback::Impl::read(SQLite::Statement& row)
{
    PastChallenge past;
    past.sequence = row.getColumn(0).getInt64();
    past.challenge = text_of(row.getColumn(1));
    past.user = text_of(row.getColumn(2));
    past.rules = split(text_of(row.getColumn(3)));
    past.labels = split(text_of(row.getColumn(4)));
    past.opened = from_ns(row.getColumn(5).getInt64());
    past.text = text_of(row.getColumn(6));
    const Details shown{row.getColumn(7)};
    past.code = shown.text("code");
    past.listener = shown.text("listener");
    past.database = shown.text("database");
    events.reset();
    events.bind(1, past.challenge);
    events.bind(2, past.sequence);
    while (events.executeStep())
        happened(past, text_of(events.getColumn(0)), from_ns(events.getColumn(1).getInt64()),
                 Details{events.getColumn(2)});
    events.reset();
    return past;
}

boost::system::result<std::unique_ptr<Lookback>, Problem> Lookback::open(const std::filesystem::path& directory)
{
    try {
        return std::unique_ptr<Lookback>{new Lookback{std::make_unique<Impl>(directory)}};
    } catch (const SQLite::Exception& error) {
        return Problem{errc::index_unavailable, std::string{"the audit index cannot be opened: "} + error.what()};
    }
}

Lookback::Lookback(std::unique_ptr<Impl> impl) : impl_(std::move(impl))
{
}
Lookback::~Lookback() = default;

boost::system::result<HistoryPage, Problem> Lookback::history(const HistoryQuery& query)
{
    const std::lock_guard lock{impl_->mutex};
    const auto limit = static_cast<std::size_t>(std::clamp(query.limit, 1, most_a_page));
    try {
        HistoryPage page;
        impl_->last_start.reset();
        impl_->last_start.executeStep();
        const std::int64_t started = impl_->last_start.getColumn(0).getInt64();
        impl_->last_start.reset();
        auto& opened = impl_->opened;
        opened.reset();
        opened.bind(1, query.person);
        opened.bind(2, query.before.value_or(INT64_MAX));
        opened.bind(3, most_looked_at);
        int looked_at = 0;
        while (opened.executeStep()) {
            ++looked_at;
            auto past = impl_->read(opened);
            if (past.sequence < started && (past.outcome == "pending" || past.outcome == "approved")) {
                past.outcome = "cancelled";
                past.reason = "stepgate was started anew";
            }
            if (looked_at == most_looked_at)
                page.next = past.sequence;
            if (query.outcome.empty() || query.outcome == past.outcome)
                page.challenges.push_back(std::move(past));
            if (page.challenges.size() > limit) { // one more than asked for: there is another page
                page.challenges.pop_back();
                page.next = page.challenges.back().sequence;
                break;
            }
        }
        opened.reset();
        return page;
    } catch (const SQLite::Exception& error) {
        return Problem{errc::index_unavailable, std::string{"the audit index cannot be read: "} + error.what()};
    }
}

boost::system::result<std::vector<RuleTally>, Problem> Lookback::tallies(TimePoint now)
{
    const std::lock_guard lock{impl_->mutex};
    const std::int64_t hour = to_ns(now) / Tallies::hour_ns;
    try {
        std::vector<RuleTally> tallies;
        impl_->rules.reset();
        while (impl_->rules.executeStep()) {
            RuleTally tally;
            tally.rule = text_of(impl_->rules.getColumn(0));
            if (!impl_->rules.getColumn(1).isNull())
                tally.last = from_ns(impl_->rules.getColumn(1).getInt64());
            auto& hours = impl_->hours;
            hours.reset();
            hours.bind(1, tally.rule);
            hours.bind(2, hour - 168);
            while (hours.executeStep()) {
                add_counts(tally.week, hours);
                if (hours.getColumn(1).getInt64() >= hour - 24)
                    add_counts(tally.day, hours);
            }
            hours.reset();
            tallies.push_back(std::move(tally));
        }
        impl_->rules.reset();
        return tallies;
    } catch (const SQLite::Exception& error) {
        return Problem{errc::index_unavailable, std::string{"the audit index cannot be read: "} + error.what()};
    }
}

} // namespace stepgate::proxy::audit
