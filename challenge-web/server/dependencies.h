#pragma once

#include "challenge-web/accounts/accounts.h"
#include "challenge-web/accounts/lockout.h"
#include "challenge-web/challenges/challenges.h"
#include "challenge-web/factors/email_code.h"
#include "challenge-web/factors/factor.h"
#include "challenge-web/factors/identity_provider.h"
#include "challenge-web/factors/push.h"
#include "challenge-web/server/ports.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::challenge_web::server
{

/// A file of the web app. Views live as long as the process.
struct Asset {
    std::string_view content_type;
    std::span<const unsigned char> bytes;
    bool gzip = false;      // `bytes` are compressed
    std::string_view etag;  // with its quotes
    bool immutable = false; // the name has the content's hash in it
};
/// By path ("/index.html", "/assets/app-1a2b.js").
using FindAsset = std::function<std::optional<Asset>(std::string_view path)>;

/// A listener, as people reach it.
struct ConnectTarget {
    std::string listener;
    bool mysql = false;
    std::string host;
    std::uint16_t port = 0;
    std::string database; // "": the client names one
    bool tls = false;     // it offers TLS
};

/// Short-lived passwords for databases.
struct ConnectOptions {
    std::vector<ConnectTarget> targets;
    std::chrono::seconds lifetime{3600};
    bool long_lived = true; // other passwords open the listeners too
    /// The verifier of a password, with salt and rounds of another verifier; nullopt: it cannot be made.
    std::function<std::optional<std::string>(const std::string& verifier, const std::string& password)> make_verifier =
        [](const std::string&, const std::string&) { return std::nullopt; };
    std::function<void()> passwords_changed = [] {}; // the relay may look again
};

/// What the server works with. The references outlive it.
struct Dependencies {
    accounts::Accounts& accounts;
    accounts::Lockout& lockout;
    /// Shared while a factor is verified and its proof recorded; alone while factors come and go and that is recorded:
    /// the journal has no proof by a factor before its enrolment or after its removal.
    std::shared_mutex& factor_changes;
    challenges::Challenges& challenges;
    factors::Factor& passkey;
    factors::Factor& totp;
    factors::Factor& recovery_codes;
    factors::Factor& pin;
    factors::EmailCode& email_code;
    factors::Push& push;
    std::vector<factors::IdentityProvider*> identity_providers; // as configured
    AuditSource& audit;
    Overviews& overviews;
    Recorder& recorder;
    Diagnostics& diagnostics;
    DatabaseSessions& database_sessions;
    ConnectOptions connect;
    /// Somebody new with a password that nobody knows; nullopt: no randomness.
    std::function<std::optional<accounts::User>(const std::string& name)> make_user;
    /// What handlers have changed of users is to take effect, and to be recorded, before they answer.
    std::function<void()> users_changed = [] {};
    FindAsset assets;
    std::function<TimePoint()> now = [] { return std::chrono::system_clock::now(); };
    std::function<std::chrono::steady_clock::time_point()> steady = [] { return std::chrono::steady_clock::now(); };
};

} // namespace stepgate::challenge_web::server
