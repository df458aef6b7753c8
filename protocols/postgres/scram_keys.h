#pragma once

#include "protocols/postgres/scram_verifier.h"

#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace stepgate::protocols::postgres
{

/// ClientKey and ServerKey (RFC 5802, 3): who has them can log in. Wiped at their end.
struct ScramKeys {
    Sha256 client{}, server{};

    ScramKeys(const Sha256& its_client, const Sha256& its_server) : client{its_client}, server{its_server} {}
    ScramKeys(const ScramKeys&) = default;
    ScramKeys& operator=(const ScramKeys&) = default;
    ~ScramKeys();
};

/// Takes some milliseconds (PBKDF2). errc::crypto_failure.
[[nodiscard]] result<ScramKeys> derive_scram_keys(std::string_view password, wire::View salt, int iterations);

/// The keys of one account at one server. A server's salt is the same at each login, so only the first pays for PBKDF2,
/// and a rush of new sessions does not keep the others waiting. Any thread may ask.
class ScramKeyCache
{
  public:
    /// errc::crypto_failure.
    [[nodiscard]] result<ScramKeys> keys(std::string_view password, wire::View salt, int iterations);

  private:
    struct Entry {
        std::string password;
        wire::Bytes salt;
        int iterations;
        ScramKeys keys;
    };
    std::mutex mutex_;
    std::optional<Entry> newest_;
};

} // namespace stepgate::protocols::postgres
