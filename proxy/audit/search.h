#pragma once

#include "challenge-web/accounts/rfc3339.h"
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

/// What a reviewer asks for. Empty fields match everything.
struct Query {
    std::string user, session, type, action, label, rule, table, text; // text: words, full-text over statements
    std::string challenge;                                             // its id, or its short code
    std::optional<TimePoint> from, to;
    std::optional<std::int64_t> before; // paging: only rows with a smaller sequence number
    int limit = 50;                     // at most 500 a page
};

/// One answer. `count` > 1: that many executions of one shape by one session, all allowed; each is in the journal.
struct Row {
    std::int64_t sequence = 0, last_sequence = 0; // of the first and last record
    TimePoint at{}, last_at{};
    std::string type, session, user, listener, database, client_address;
    std::string text, action;
    std::vector<std::string> rules, labels, kinds, tables;
    std::int64_t count = 1, errors = 0;
    std::optional<std::int64_t> rows, duration_ns;
    std::string sqlstate; // of a group: of its newest failure, "00000" if none failed
    std::string challenge;
    std::string details; // JSON object: the other fields of the record, "" for none
};
/// openapi.yaml's AuditRecord: sequence, last_sequence, time, last_time (RFC 3339, ms), type, session, user, listener,
/// database, client_address, text, action, rules[], labels[], kinds[], tables[], count, errors, rows|null,
/// duration_ms|null, sqlstate|null, challenge|null, details{}.
[[nodiscard]] std::string to_json(const Row& row);
using challenge_web::accounts::rfc3339;
[[nodiscard]] std::optional<TimePoint> parse_rfc3339(std::string_view text); // also a date alone

/// Answers questions from the index and, for single records, from the journal. Blocking; thread-safe (one mutex).
class Search
{
  public:
    [[nodiscard]] static boost::system::result<std::unique_ptr<Search>, Problem>
    open(const std::filesystem::path& directory);
    ~Search();

    /// Newest first.
    [[nodiscard]] boost::system::result<std::vector<Row>, Problem> search(const Query& query);
    /// Which rows match, newest first: for answers of any length, where asking page by page would look up everything
    /// that has a tag again for each page. `query.limit` is not bounded here.
    [[nodiscard]] boost::system::result<std::vector<std::int64_t>, Problem> find(const Query& query);
    /// One of them; nothing if the index has it no more.
    [[nodiscard]] boost::system::result<std::optional<Row>, Problem> row(std::int64_t sequence);
    /// Everything about one record, as JSON: also its hash and the hash of the one before. errc::not_found.
    [[nodiscard]] boost::system::result<std::string, Problem> record(std::int64_t sequence);
    /// JSON: {"indexed":n,"checkpoint":{"sequence":n,"time":…,"key":…}|null,"segments":n}
    [[nodiscard]] std::string status();

  private:
    struct Impl;
    explicit Search(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace stepgate::proxy::audit
