#pragma once

#include "protocols/mysql/crypto.h"

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace stepgate::protocols::mysql
{

/// The digests of passwords that users have proved in full since this program began, in memory only, as MySQL's own
/// server does it: so that their next logins need neither the password itself nor slow hashing. An entry counts only as
/// long as the user's stored verifier is the one that the password was checked against. Any thread may ask.
class FastCache
{
  public:
    /// `most`: users; beyond it others are forgotten, and prove their password in full again.
    explicit FastCache(std::size_t most = 10'000) : most_{most} {}
    FastCache(const FastCache&) = delete;
    FastCache& operator=(const FastCache&) = delete;
    ~FastCache();

    [[nodiscard]] std::optional<Sha256> find(std::string_view user, std::string_view verifier) const;
    void keep(std::string_view user, std::string_view verifier, const Sha256& digest);

  private:
    struct Entry {
        std::string verifier;
        Sha256 digest;
    };
    std::size_t most_;
    mutable std::mutex mutex_;
    std::map<std::string, Entry, std::less<>> entries_;
};

} // namespace stepgate::protocols::mysql
