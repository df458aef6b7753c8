#pragma once

#include "challenge-web/challenges/random.h"
#include "challenge-web/factors/factor.h"
#include "challenge-web/factors/guesses.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace stepgate::challenge_web::factors
{

/// The six digits of RFC 6238 (SHA-1, 30 s) for a time step.
[[nodiscard]] std::string totp_code(std::string_view secret, std::int64_t step);
[[nodiscard]] std::int64_t totp_step(TimePoint now);
/// otpauth:// address for a QR code, issuer "stepgate".
[[nodiscard]] std::string otpauth_uri(std::string_view user, std::string_view secret);

/// Authenticator apps. Possession, not phishing-resistant: the code is not bound to the statement, only the server's
/// bookkeeping binds it, so rules ask for more than level 1 where that matters. One step of drift either way, each step
/// once, five wrong codes in five minutes lock the factor for the user (kept in the accounts, so over restarts too).
class Totp final : public GuessedFactor
{
  public:
    /// `accounts` outlives this.
    explicit Totp(accounts::Accounts& accounts, challenges::RandomSource random = challenges::system_random());

    [[nodiscard]] std::string_view name() const override { return "totp"; }
    [[nodiscard]] result<bool> enrolled(const std::string& user) override;
    /// {"digits":6}
    [[nodiscard]] result<std::string> begin(const Ask& ask) override;
    /// {"code":"123456"}; spaces inside are fine. errc::wrong_code counts, errc::replayed does not.
    [[nodiscard]] result<Proof> verify(const Ask& ask, std::string_view answer) override;
    /// {"secret":"BASE32","uri":"otpauth://…"}
    [[nodiscard]] result<Enrolment> begin_enrolment(const accounts::User& user, TimePoint now) override;
    /// {"code":"123456"}: nothing is stored before a right code came back. errc::wrong_code: ask again.
    [[nodiscard]] result<Enrolled> finish_enrolment(const Enrolment& enrolment, std::string_view answer,
                                                    const std::string& name, TimePoint now) override;

  private:
    [[nodiscard]] result<Proof> check_code(const std::string& user, const std::string& code, TimePoint now);

    accounts::Accounts& accounts_;
    challenges::RandomSource random_;
};

} // namespace stepgate::challenge_web::factors
