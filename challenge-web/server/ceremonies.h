#pragma once

#include "challenge-web/factors/factor.h"
#include "challenge-web/factors/identity_provider.h"

#include <chrono>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

namespace stepgate::challenge_web::server
{

/// Something begun that the page comes back to finish: a sign-in, a login elsewhere or the enrolment of a factor.
struct Ceremony {
    enum class Kind : std::uint8_t {
        sign_in,
        add_passkey,
        add_totp,
        add_recovery_codes,
        add_push,
        provider_sign_in,
        provider_proof,
    } kind = Kind::sign_in;
    std::string session;          // hash of the session that began it; "" for sign-ins
    factors::Ask ask;             // sign-ins and proofs
    factors::Enrolment enrolment; // the others
    factors::ProviderLogin login; // with an identity provider
    int tries = 0;
    factors::TimePoint expires{};
};

/// Ceremonies under way, in memory: a restart ends them. Thread-safe; bounded; each is taken once.
class Ceremonies
{
  public:
    explicit Ceremonies(std::size_t most) : most_(most) {}

    /// Its id (random), or nullopt when there are too many or no random numbers. The oldest sign-in gives way.
    [[nodiscard]] std::optional<std::string> begin(Ceremony ceremony, factors::TimePoint now);
    /// Takes it out: only with the kind and the session that began it, and before it expires.
    [[nodiscard]] std::optional<Ceremony> take(const std::string& id, Ceremony::Kind kind, const std::string& session,
                                               factors::TimePoint now);
    /// After a wrong code: back under the same id for another try.
    void put_back(const std::string& id, Ceremony ceremony);

  private:
    void forget_a_sign_in();

    std::mutex mutex_;
    std::size_t most_;
    std::unordered_map<std::string, Ceremony> ceremonies_;
};

} // namespace stepgate::challenge_web::server
