#include "challenge-web/factors/guesses.h"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include <utility>

namespace stepgate::challenge_web::factors
{

namespace
{

namespace json = boost::json;

constexpr int wrong_codes_allowed = 5;
constexpr std::chrono::minutes lockout_window{5};
constexpr std::size_t longest_user = 128, longest_answer = 1024;

} // namespace

result<std::string> code_of(std::string_view answer)
{
    if (answer.size() > longest_answer)
        return errc::malformed;
    boost::system::error_code failed;
    const auto value = json::parse(answer, failed);
    if (failed || !value.is_object())
        return errc::malformed;
    const auto* code = value.get_object().if_contains("code");
    if (code == nullptr || !code->is_string())
        return errc::malformed;
    std::string out;
    for (const char c : code->get_string())
        if (c != ' ')
            out += c;
    return out;
}

Guesses::Guesses(accounts::Accounts& accounts, std::string factor) : accounts_(accounts), factor_(std::move(factor))
{
}

result<Proof> Guesses::guess(const std::string& user, TimePoint now, const std::function<result<Proof>()>& check)
{
    // A name that no user can have is not worth a row in the store.
    if (user.empty() || user.size() > longest_user)
        return errc::wrong_code;
    const std::lock_guard one_guess{one_at_a_time_};
    const auto failures = accounts_.failures(user, factor_, now - lockout_window);
    if (!failures)
        return errc::store_unavailable;
    if (*failures >= wrong_codes_allowed)
        return errc::locked_out;
    auto proof = check();
    if (!proof && proof.error() == make_error_code(errc::wrong_code)) {
        // A guess that cannot be counted must not be answered.
        if (const auto counted = accounts_.add_failure(user, factor_, now); !counted)
            return errc::store_unavailable;
    }
    if (proof)
        if (const auto cleared = accounts_.clear_failures(user, factor_); !cleared)
            return errc::store_unavailable;
    return proof;
}

} // namespace stepgate::challenge_web::factors
