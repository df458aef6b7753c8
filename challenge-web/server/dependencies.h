#pragma once

#include "challenge-web/accounts/accounts.h"
#include "challenge-web/challenges/challenges.h"
#include "challenge-web/factors/factor.h"
#include "challenge-web/server/ports.h"

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

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

/// What the server works with. The references outlive it.
struct Dependencies {
    accounts::Accounts& accounts;
    challenges::Challenges& challenges;
    factors::Factor& passkey;
    factors::Factor& totp;
    factors::Factor& recovery_codes;
    factors::Factor& pin;
    AuditSource& audit;
    Recorder& recorder;
    Diagnostics& diagnostics;
    FindAsset assets;
    std::function<TimePoint()> now = [] { return std::chrono::system_clock::now(); };
    std::function<std::chrono::steady_clock::time_point()> steady = [] { return std::chrono::steady_clock::now(); };
};

} // namespace stepgate::challenge_web::server
