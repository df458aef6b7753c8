#pragma once

#include "challenge-web/factors/email_code.h"
#include "challenge-web/factors/passkey.h"
#include "challenge-web/factors/pin.h"
#include "challenge-web/factors/push.h"
#include "challenge-web/factors/recovery_codes.h"
#include "challenge-web/factors/totp.h"
#include "challenge-web/server/secrets.h"
#include "challenge-web/server/site.h"
#include "tests/support/fake_accounts.h"
#include "tests/support/push_reader.h"
#include "tests/support/soft_authenticator.h"

#include <boost/json/value.hpp>
#include <boost/json/value_to.hpp>
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

namespace stepgate::tests
{

namespace server = challenge_web::server;
namespace challenges = challenge_web::challenges;
namespace factors = challenge_web::factors;
namespace json = boost::json;
using server::Method;
using server::Request;
using server::Response;

inline constexpr const char* origin = "https://stepgate.example";

/// Remembers what was recorded; can refuse.
class FakeRecorder final : public server::Recorder
{
  public:
    bool record(std::string_view type, const std::string& user,
                std::vector<std::pair<std::string, std::string>> fields) override;
    bool available() override { return works; }
    std::vector<std::string> types;  // "type user"
    std::function<void()> meanwhile; // what others do while this is recorded; once
    bool works = true;
};

class FakeAudit final : public server::AuditSource
{
  public:
    std::optional<std::vector<std::string>> search(const server::AuditQuery& query) override;
    std::optional<std::string> record(std::int64_t sequence) override;
    std::string status() override { return R"({"last_sequence":7,"indexed_sequence":7,"healthy":true})"; }
    std::optional<server::AuditQuery> asked;
    bool available = true;
};

/// Remembers what was asked; can be gone.
class FakeOverviews final : public server::Overviews
{
  public:
    std::optional<std::string> history(const server::HistoryQuery& query) override
    {
        asked = query;
        return available ? std::optional<std::string>{R"({"challenges":[],"next":null})"} : std::nullopt;
    }
    std::optional<std::string> policy(server::TimePoint) override
    {
        return available ? std::optional<std::string>{R"({"revision":"r","rules":[]})"} : std::nullopt;
    }
    std::optional<server::HistoryQuery> asked;
    bool available = true;
};

class FakeDiagnostics final : public server::Diagnostics
{
  public:
    bool healthy() override { return works; }
    std::optional<std::string> unready() override { return why; }
    std::string metrics() override { return "stepgate_up 1\n"; }
    bool works = true;
    std::optional<std::string> why;
};

class FakeDatabaseSessions final : public server::DatabaseSessions
{
  public:
    std::vector<server::DatabaseSession> list(const std::string& user) override;
    bool end(const std::string& id, const std::string& by) override;
    std::vector<server::DatabaseSession> sessions;
    std::vector<std::string> ended; // "id by"
};

struct Reply {
    Response response;
    int status = 0;
    json::value body;                       // null when there is no JSON
    [[nodiscard]] std::string code() const; // of an error, or ""
    [[nodiscard]] std::string header(std::string_view name) const;
};

/// What a program without a cookie sees.
[[nodiscard]] Reply reply_of(Response response);

class World;

/// A browser: keeps the cookie and the CSRF token, sends what browsers send.
class Browser
{
  public:
    explicit Browser(World& world, std::string address = "192.0.2.7") : world_(world), address_(std::move(address)) {}

    Reply get(const std::string& path);
    Reply post(const std::string& path, const json::value& body = nullptr);
    Reply remove(const std::string& path);
    Reply send(Method method, const std::string& path, std::string body);

    /// Signs in with the passkey; fails the test if that does not work.
    void sign_in(SoftAuthenticator& key, const std::string& user = "");
    [[nodiscard]] Request request(Method method, const std::string& path, std::string body) const;

    std::string cookie, csrf;

  private:
    World& world_;
    std::string address_;
};

/// Everything a Site needs, with a clock that tests set.
class World
{
  public:
    explicit World(server::ApiLimits limits = {});

    accounts::TimePoint now = std::chrono::sys_days{std::chrono::year{2026} / 3 / 1} + std::chrono::hours{12};
    std::chrono::steady_clock::time_point steady{std::chrono::hours{1}};
    FakeAccounts users;
    accounts::Lockout lockout;
    std::shared_mutex factor_changes;
    FakeRecorder recorder;
    FakeAudit audit;
    FakeOverviews overviews;
    FakeDiagnostics diagnostics;
    FakeDatabaseSessions database_sessions;
    challenges::Challenges held;
    factors::Passkey passkey;
    factors::Totp totp;
    factors::RecoveryCodes recovery_codes;
    factors::Pin pin;
    std::vector<std::string> mails; // their texts
    factors::EmailCode email_code;
    std::vector<factors::PushRequest> pushed;
    factors::Push push;

    [[nodiscard]] server::Dependencies dependencies();
    [[nodiscard]] server::ConnectOptions connect_options();
    [[nodiscard]] factors::PushPorts push_ports();
    int passwords_changed = 0;
    /// Time passes for the clock and for the rate limits.
    void pass(std::chrono::seconds time);

    /// A user whose password is "pass word".
    accounts::User add_user(const std::string& name, bool auditor = false, std::vector<std::string> groups = {});
    /// A passkey made without the web.
    void add_passkey(const std::string& user, SoftAuthenticator& key);
    /// Its test message came back. Nothing is left of it in `pushed`.
    void add_push(const std::string& user, const PushReader& browser);
    std::string add_totp(const std::string& user); // the secret
    std::string add_link(const std::string& user); // the token
    [[nodiscard]] std::string code(const std::string& secret) const;

    challenges::Opened hold(const std::string& user, int level = 1,
                            std::chrono::seconds time = std::chrono::minutes{5});

    server::Site site; // last: it uses the others
};

} // namespace stepgate::tests
