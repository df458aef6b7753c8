#include "challenge-web/factors/guesses.h"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <openssl/crypto.h>

#include <utility>

namespace stepgate::challenge_web::factors
{

namespace
{

namespace json = boost::json;

constexpr int wrong_codes_allowed = 5;
constexpr std::chrono::minutes lockout_window{5};
constexpr std::chrono::hours day{24}; // the accounts remember no longer
constexpr std::size_t longest_user = 128, longest_answer = 1024;

} // namespace

result<std::string> text_of(std::string_view answer, std::string_view key)
{
    if (answer.size() > longest_answer)
        return errc::malformed;
    boost::system::error_code failed;
    const auto value = json::parse(answer, failed);
    if (failed || !value.is_object())
        return errc::malformed;
    const auto* text = value.get_object().if_contains(key);
    if (text == nullptr || !text->is_string())
        return errc::malformed;
    return std::string{text->get_string()};
}

result<std::string> code_of(std::string_view answer)
{
    auto code = text_of(answer, "code");
    if (code)
        std::erase(*code, ' ');
    return code;
}

bool same_code(const std::string& a, const std::string& b)
{
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

Guesses::Guesses(accounts::Accounts& accounts, std::string factor, int a_day)
    : accounts_(accounts), factor_(std::move(factor)), a_day_(a_day)
{
}

void Guesses::observe(std::function<void(const std::string& user, const std::string& factor)> observer)
{
    observer_ = std::move(observer);
}

/// A guess that cannot be counted must not be answered.
result<void> Guesses::count(const std::string& user, TimePoint now, bool locks)
{
    if (const auto counted = accounts_.add_failure(user, factor_, now); !counted)
        return errc::store_unavailable;
    if (locks && observer_)
        observer_(user, factor_);
    return {};
}

result<Proof> Guesses::guess(const std::string& user, TimePoint now, const std::function<result<Proof>()>& check)
{
    // A name that no user can have is not worth a row in the store.
    if (user.empty() || user.size() > longest_user)
        return errc::wrong_code;
    const std::lock_guard one_guess{one_at_a_time_};
    const auto failures = accounts_.failures(user, factor_, now - lockout_window);
    const auto today = a_day_ > 0 ? accounts_.failures(user, factor_, now - day) : failures;
    if (!failures || !today)
        return errc::store_unavailable;
    if (*failures >= wrong_codes_allowed || (a_day_ > 0 && *today >= a_day_))
        return errc::locked_out;
    auto proof = check();
    if (!proof && proof.error() == make_error_code(errc::wrong_code)) {
        const bool locks = *failures + 1 == wrong_codes_allowed || (a_day_ > 0 && *today + 1 == a_day_);
        if (const auto counted = count(user, now, locks); !counted)
            return counted.error();
    }
    if (proof)
        if (const auto cleared = accounts_.clear_failures(user, factor_); !cleared)
            return errc::store_unavailable;
    return proof;
}

} // namespace stepgate::challenge_web::factors
