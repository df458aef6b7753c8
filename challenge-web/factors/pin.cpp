#include "challenge-web/factors/pin.h"

#include <boost/algorithm/string/case_conv.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <locale>
#include <set>
#include <utility>

namespace stepgate::challenge_web::factors
{

namespace
{

namespace json = boost::json;

constexpr int wrong_pins_a_day = 20; // of a million, at least, from somebody who is signed in as the user
constexpr std::size_t fewest_different = 3, longest_period = 3;

bool repeats(std::string_view text, std::size_t period)
{
    for (std::size_t i = period; i < text.size(); ++i)
        if (text[i] != text[i - period])
            return false;
    return true;
}

/// Each character is the one before plus `step`.
bool is_run(std::string_view text, int step)
{
    for (std::size_t i = 1; i < text.size(); ++i)
        if (text[i] - text[i - 1] != step)
            return false;
    return true;
}

} // namespace

bool weak_pin(std::string_view pin, std::string_view user)
{
    const std::string plain = boost::algorithm::to_lower_copy(std::string{pin}, std::locale::classic());
    if (plain.size() < Pin::shortest || std::set<char>(plain.begin(), plain.end()).size() < fewest_different ||
        plain == boost::algorithm::to_lower_copy(std::string{user}, std::locale::classic()) || is_run(plain, 1) ||
        is_run(plain, -1))
        return true;
    for (std::size_t period = 1; period <= longest_period; ++period)
        if (repeats(plain, period))
            return true;
    return false;
}

Pin::Pin(accounts::Accounts& accounts, HashCost cost, challenges::RandomSource random)
    : GuessedFactor(accounts, "pin", wrong_pins_a_day), accounts_(accounts), cost_(cost), random_(std::move(random))
{
}

result<bool> Pin::enrolled(const std::string& user)
{
    const auto pin = accounts_.pin(user);
    if (!pin)
        return errc::store_unavailable;
    return pin->has_value();
}

result<std::string> Pin::begin(const Ask& ask)
{
    if (ask.purpose != Ask::Purpose::challenge)
        return errc::unsupported;
    const auto has = enrolled(ask.user);
    if (!has)
        return has.error();
    if (!*has)
        return errc::not_enrolled;
    return std::string{"{}"};
}

result<Proof> Pin::verify(const Ask& ask, std::string_view answer)
{
    if (ask.purpose != Ask::Purpose::challenge)
        return errc::unsupported;
    const auto pin = text_of(answer, "pin");
    if (!pin)
        return pin.error();
    if (pin->size() > longest)
        return errc::malformed;
    return guesses_.guess(ask.user, ask.now, [&] { return check_pin(ask.user, *pin, ask.now); });
}

result<Proof> Pin::check_pin(const std::string& user, const std::string& pin, TimePoint now)
{
    const auto known = accounts_.find_user(user);
    const auto kept = accounts_.pin(user);
    if (!known || !kept)
        return errc::store_unavailable;
    if (!known->has_value() || (*known)->disabled)
        return errc::wrong_code;
    if (!kept->has_value())
        return errc::not_enrolled;
    HashMatch match{};
    {
        const std::lock_guard one{one_hash_};
        match = password_matches_hash(pin, (*kept)->hash);
    }
    if (match == HashMatch::failed)
        return errc::store_unavailable;
    if (match == HashMatch::no)
        return errc::wrong_code;
    // It may have been changed or removed while the hash was computed.
    if (const auto used = accounts_.pin_used((*kept)->id, now); !used)
        return used.error() == make_error_code(accounts::errc::not_found) ? errc::wrong_code : errc::store_unavailable;
    return proof_of(user, "knowledge", (*kept)->id);
}

result<Enrolment> Pin::begin_enrolment(const accounts::User& user, TimePoint now)
{
    return Enrolment{user.name,
                     json::serialize(json::object{{"shortest", shortest}, {"longest", longest}}),
                     {},
                     now + enrolment_time};
}

result<Enrolled> Pin::finish_enrolment(const Enrolment& enrolment, std::string_view answer, const std::string& name,
                                       TimePoint now)
{
    if (now >= enrolment.expires)
        return errc::expired;
    const auto pin = text_of(answer, "pin");
    if (!pin)
        return pin.error();
    if (name.size() > longest_name || pin->size() > longest)
        return errc::malformed;
    if (weak_pin(*pin, enrolment.user))
        return errc::weak;
    const auto id = challenges::random_id(random_);
    if (!id)
        return errc::no_randomness;
    std::optional<std::string> hash;
    {
        const std::lock_guard one{one_hash_};
        hash = password_hash(*pin, cost_);
    }
    if (!hash)
        return errc::store_unavailable;
    accounts::PinCredential credential;
    credential.id = *id;
    credential.user = enrolment.user;
    credential.hash = std::move(*hash);
    credential.name = name.empty() ? "PIN" : name;
    credential.created = now;
    if (!accounts_.set_pin(credential))
        return errc::store_unavailable;
    return Enrolled{"pin", credential.id, credential.name};
}

} // namespace stepgate::challenge_web::factors
