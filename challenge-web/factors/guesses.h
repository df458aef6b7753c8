#pragma once

#include "challenge-web/factors/factor.h"

#include <functional>
#include <mutex>
#include <string>
#include <string_view>

namespace stepgate::challenge_web::factors
{

/// The code of {"code":"123 456"}, without its spaces; errc::malformed.
[[nodiscard]] result<std::string> code_of(std::string_view answer);

/// Guards a factor whose answers could be guessed: one guess at a time, so that parallel ones do not slip past the
/// count, and five wrong ones in five minutes lock the factor for the user (kept in the accounts, so over restarts
/// too). Thread-safe.
class Guesses
{
  public:
    /// `accounts` outlives this; `factor` is the name under which wrong answers are counted.
    Guesses(accounts::Accounts& accounts, std::string factor);

    /// What `check` says. Its errc::wrong_code counts; errc::locked_out instead of asking it when there were too many.
    [[nodiscard]] result<Proof> guess(const std::string& user, TimePoint now,
                                      const std::function<result<Proof>()>& check);

  private:
    accounts::Accounts& accounts_;
    std::string factor_;
    std::mutex one_at_a_time_;
};

} // namespace stepgate::challenge_web::factors
