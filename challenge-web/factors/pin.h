#pragma once

#include "challenge-web/challenges/random.h"
#include "challenge-web/factors/factor.h"
#include "challenge-web/factors/guesses.h"
#include "challenge-web/factors/password_hash.h"

#include <mutex>
#include <string>
#include <string_view>

namespace stepgate::challenge_web::factors
{

/// Is this so easy to guess that it proves nothing: short, hardly any different characters, a run ("123456"), a part
/// that repeats ("123123"), or the user's name?
[[nodiscard]] bool weak_pin(std::string_view pin, std::string_view user);

/// A PIN: something that only its owner knows, so that with a code of something they have it makes two kinds. Not
/// phishing-resistant; it never signs in. Kept as an argon2id hash; one is computed at a time, so that the memory for
/// it is bounded. Five wrong ones in five minutes, or twenty in a day, lock it.
class Pin final : public GuessedFactor
{
  public:
    static constexpr std::size_t shortest = 6, longest = 64; // bytes

    /// `accounts` outlives this.
    explicit Pin(accounts::Accounts& accounts, HashCost cost = {},
                 challenges::RandomSource random = challenges::system_random());

    [[nodiscard]] std::string_view name() const override { return "pin"; }
    [[nodiscard]] result<bool> enrolled(const std::string& user) override;
    /// {}. errc::unsupported at sign-in.
    [[nodiscard]] result<std::string> begin(const Ask& ask) override;
    /// {"pin":"…"}, byte for byte as it was chosen. errc::unsupported at sign-in.
    [[nodiscard]] result<Proof> verify(const Ask& ask, std::string_view answer) override;
    /// {"shortest":6,"longest":64}
    [[nodiscard]] result<Enrolment> begin_enrolment(const accounts::User& user, TimePoint now) override;
    /// {"pin":"…"}: takes the place of the user's PIN if there is one. errc::weak.
    [[nodiscard]] result<Enrolled> finish_enrolment(const Enrolment& enrolment, std::string_view answer,
                                                    const std::string& name, TimePoint now) override;

  private:
    [[nodiscard]] result<Proof> check_pin(const std::string& user, const std::string& pin, TimePoint now);

    accounts::Accounts& accounts_;
    HashCost cost_;
    challenges::RandomSource random_;
    std::mutex one_hash_;
};

} // namespace stepgate::challenge_web::factors
