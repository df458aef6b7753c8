#pragma once

#include "challenge-web/factors/factor.h"

#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace stepgate::challenge_web::factors
{

/// The text under `key` of a small JSON object; errc::malformed.
[[nodiscard]] result<std::string> text_of(std::string_view answer, std::string_view key);
/// The code of {"code":"123 456"}, without its spaces; errc::malformed.
[[nodiscard]] result<std::string> code_of(std::string_view answer);
/// Takes the same time wherever they differ.
[[nodiscard]] bool same_code(const std::string& a, const std::string& b);

/// Guards a factor whose answers could be guessed: one guess at a time, so that parallel ones do not slip past the
/// count, and five wrong ones in five minutes lock the factor for the user (kept in the accounts, so over restarts
/// too). A right one clears the count. Thread-safe.
class Guesses
{
  public:
    /// `accounts` outlives this; `factor` is the name under which wrong answers are counted. `a_day`: so many in 24
    /// hours lock it as well; 0: no such limit, for what is too long to guess or changes.
    Guesses(accounts::Accounts& accounts, std::string factor, int a_day = 0);

    /// What `check` says. Its errc::wrong_code counts; errc::locked_out instead of asking it when there were too many.
    [[nodiscard]] result<Proof> guess(const std::string& user, TimePoint now,
                                      const std::function<result<Proof>()>& check);
    /// Who hears that a wrong answer has locked it: the user and the factor, on the thread of that answer; must not
    /// block. Once, before the first guess.
    void observe(std::function<void(const std::string& user, const std::string& factor)> observer);

  private:
    [[nodiscard]] result<void> count(const std::string& user, TimePoint now, bool locks);

    accounts::Accounts& accounts_;
    std::string factor_;
    int a_day_;
    std::mutex one_at_a_time_;
    std::function<void(const std::string&, const std::string&)> observer_;
};

/// A factor whose answers could be guessed.
class GuessedFactor : public Factor
{
  public:
    /// As `Guesses::observe`.
    void observe_lockouts(std::function<void(const std::string& user, const std::string& factor)> observer)
    {
        guesses_.observe(std::move(observer));
    }

  protected:
    GuessedFactor(accounts::Accounts& accounts, std::string factor, int a_day = 0)
        : guesses_(accounts, std::move(factor), a_day)
    {
    }

    Guesses guesses_;
};

} // namespace stepgate::challenge_web::factors
