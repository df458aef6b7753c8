#pragma once

#include "challenge-web/challenges/random.h"
#include "challenge-web/factors/factor.h"
#include "challenge-web/factors/guesses.h"

#include <string>
#include <string_view>

namespace stepgate::challenge_web::factors
{

/// Ten codes on a sheet of paper, each good once, for the day when phone and key are lost. 80 random bits each, so the
/// accounts keep plain SHA-256 hashes. Possession (NIST SP 800-63B section 5.1.2, look-up secrets), not
/// phishing-resistant: enough for level 1, and never for adding another factor.
class RecoveryCodes final : public GuessedFactor
{
  public:
    /// `accounts` outlives this.
    explicit RecoveryCodes(accounts::Accounts& accounts, challenges::RandomSource random = challenges::system_random());

    [[nodiscard]] std::string_view name() const override { return "recovery_code"; }
    /// Is there a code left?
    [[nodiscard]] result<bool> enrolled(const std::string& user) override;
    /// {"left":7}; at sign-in {}, as for users that do not exist.
    [[nodiscard]] result<std::string> begin(const Ask& ask) override;
    /// {"code":"ABCD-EFGH-IJKL-MNOP"}; case, hyphens and spaces do not matter. A code that was used is a wrong one.
    [[nodiscard]] result<Proof> verify(const Ask& ask, std::string_view answer) override;
    /// {"codes":[…]}: the only time that they are shown.
    [[nodiscard]] result<Enrolment> begin_enrolment(const accounts::User& user, TimePoint now) override;
    /// {}: the user says that they are kept. One sheet a user: errc::exists while there is another.
    [[nodiscard]] result<Enrolled> finish_enrolment(const Enrolment& enrolment, std::string_view answer,
                                                    const std::string& name, TimePoint now) override;

  private:
    [[nodiscard]] result<Proof> check_code(const std::string& user, const std::string& code, TimePoint now);

    accounts::Accounts& accounts_;
    challenges::RandomSource random_;
};

} // namespace stepgate::challenge_web::factors
