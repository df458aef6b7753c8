#pragma once

#include "challenge-web/server/dependencies.h"
#include "challenge-web/server/ports.h"
#include "proxy/app/configuration.h"
#include "proxy/audit/search.h"
#include "proxy/audit/writer.h"
#include "proxy/session/live_sessions.h"

#include <filesystem>
#include <memory>
#include <mutex>

namespace stepgate::proxy::app
{

/// The audit explorer's view of proxy/audit. The index is opened when it is first asked for, since the feeder makes it.
class AuditSource final : public challenge_web::server::AuditSource
{
  public:
    AuditSource(std::filesystem::path directory, const audit::Writer& writer);

    std::optional<std::vector<std::string>> search(const challenge_web::server::AuditQuery& query) override;
    std::optional<std::string> record(std::int64_t sequence) override;
    std::string status() override;

  private:
    [[nodiscard]] audit::Search* index();

    std::filesystem::path directory_;
    const audit::Writer& writer_;
    std::mutex mutex_; // guards the opening
    std::unique_ptr<audit::Search> index_;
};

/// Events of the web into the journal.
class Recorder final : public challenge_web::server::Recorder
{
  public:
    explicit Recorder(audit::Writer& writer) : writer_(writer) {}
    bool available() override { return writer_.healthy(); }
    bool record(std::string_view type, const std::string& user,
                std::vector<std::pair<std::string, std::string>> fields) override;

  private:
    audit::Writer& writer_;
};

/// How people reach the listeners, and what they need to get in, for the Connect page.
[[nodiscard]] challenge_web::server::ConnectOptions connect_options(const Configuration& configuration);

/// The relay's sessions, for the web.
class DatabaseSessions final : public challenge_web::server::DatabaseSessions
{
  public:
    explicit DatabaseSessions(session::LiveSessions& live) : live_(live) {}
    std::vector<challenge_web::server::DatabaseSession> list(const std::string& user) override;
    bool end(const std::string& id, const std::string& by) override { return live_.end(id, by); }

  private:
    session::LiveSessions& live_;
};

} // namespace stepgate::proxy::app
