#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stepgate::challenge_web::server
{

using TimePoint = std::chrono::system_clock::time_point;

/// What the audit explorer asks for. Empty fields match everything.
struct AuditQuery {
    std::string user, session, type, action, label, rule, table, text; // text: full-text over statement shapes
    std::string challenge;                                             // id or short code
    std::optional<TimePoint> from, to;
    std::optional<std::int64_t> before; // paging: only records with a smaller sequence number
    int limit = 50;                     // at most 500
};

/// The audit as the web sees it; proxy/app connects it to proxy/audit. Blocking, thread-safe.
class AuditSource
{
  public:
    virtual ~AuditSource() = default;
    /// Newest first; each row a complete JSON object as openapi.yaml's AuditRecord. nullopt: the index is not
    /// available.
    [[nodiscard]] virtual std::optional<std::vector<std::string>> search(const AuditQuery& query) = 0;
    /// One record, in the same form; "": there is none. nullopt: the index or the journal cannot be read.
    [[nodiscard]] virtual std::optional<std::string> record(std::int64_t sequence) = 0;
    /// Chain state for the explorer's banner, JSON as openapi.yaml's AuditStatus.
    [[nodiscard]] virtual std::string status() = 0;
};

/// What somebody looks back on: their own challenges, and those of others that they have decided.
struct HistoryQuery {
    std::string person, outcome;        // outcome: a challenge's state; "" for any
    std::optional<std::int64_t> before; // paging: `next` of the answer before
    int limit = 50;                     // at most 200
};

/// What has been, added up for pages. Answers are JSON as openapi.yaml has it; nullopt: the index is not available.
/// Blocking, thread-safe.
class Overviews
{
  public:
    virtual ~Overviews() = default;
    [[nodiscard]] virtual std::optional<std::string> history(const HistoryQuery& query) = 0; // openapi.yaml's History
    [[nodiscard]] virtual std::optional<std::string> policy(TimePoint now) = 0;              // openapi.yaml's Policy
};

/// Events of the web that belong into the audit ("web_sign_in", "factor_enrolled", "audit_read", …): type names of
/// proxy/audit/record.h. False: the audit cannot take it, and the caller must refuse what it was about to do.
class Recorder
{
  public:
    virtual ~Recorder() = default;
    /// Does it take records now? For what is recorded elsewhere, after it was done.
    [[nodiscard]] virtual bool available() = 0;
    [[nodiscard]] virtual bool record(std::string_view type, const std::string& user,
                                      std::vector<std::pair<std::string, std::string>> fields) = 0;
};

/// A connection to a database, as the relay knows it.
struct DatabaseSession {
    std::string id, user, listener, dialect, database, role, client_address, application_name;
    TimePoint started{};
};

/// The connections that live now. Thread-safe.
class DatabaseSessions
{
  public:
    virtual ~DatabaseSessions() = default;
    /// Newest first; "" for everyone's.
    [[nodiscard]] virtual std::vector<DatabaseSession> list(const std::string& user) = 0;
    /// Asks one to end, with what it holds; its client is told by whom. False: there is no such session.
    [[nodiscard]] virtual bool end(const std::string& id, const std::string& by) = 0;
};

/// For /healthz, /readyz and /metrics.
class Diagnostics
{
  public:
    virtual ~Diagnostics() = default;
    [[nodiscard]] virtual bool healthy() = 0;                       // the process works
    [[nodiscard]] virtual std::optional<std::string> unready() = 0; // why not ready, or nullopt
    [[nodiscard]] virtual std::string metrics() = 0;                // Prometheus text format
};

} // namespace stepgate::challenge_web::server
