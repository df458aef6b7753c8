#include "challenge-web/factors/totp.h"

#include "challenge-web/factors/base32.h"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <utility>

namespace stepgate::challenge_web::factors
{

namespace
{

namespace json = boost::json;

constexpr int digits = 6;
constexpr std::chrono::seconds period{30};
constexpr std::int64_t drift_steps = 1;
constexpr std::size_t secret_size = 20; // RFC 4226 section 4, R6
constexpr int wrong_codes_a_day = 50;   // five each five minutes would be 1440: one guess in 700 days' worth is right

// The step a code is for, looking at every step of the window whichever matches.
std::optional<std::int64_t> matching_step(std::string_view secret, const std::string& code, std::int64_t now_step)
{
    std::optional<std::int64_t> out;
    for (std::int64_t step = now_step - drift_steps; step <= now_step + drift_steps; ++step)
        if (same_code(totp_code(secret, step), code))
            out = step;
    return out;
}

std::string percent_encoded(std::string_view text)
{
    constexpr std::string_view hex = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                           c == '.' || c == '_' || c == '~';
        if (plain)
            out += c;
        else
            (out += '%', out += hex[byte >> 4], out += hex[byte & 15]);
    }
    return out;
}

} // namespace

std::string totp_code(std::string_view secret, std::int64_t step)
{
    std::array<unsigned char, 8> counter{};
    for (std::size_t i = 0; i < counter.size(); ++i)
        counter[i] = static_cast<unsigned char>(static_cast<std::uint64_t>(step) >> (56 - 8 * i) & 0xFF);
    std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
    unsigned size = 0;
    HMAC(EVP_sha1(), secret.data(), static_cast<int>(secret.size()), counter.data(), counter.size(), mac.data(), &size);
    // Dynamic truncation, RFC 4226 section 5.3.
    const std::size_t at = mac[19] & 15u;
    std::uint32_t value = (mac[at] & 0x7Fu) << 24 | static_cast<std::uint32_t>(mac[at + 1]) << 16 |
                          static_cast<std::uint32_t>(mac[at + 2]) << 8 | mac[at + 3];
    std::string code(digits, '0');
    for (auto it = code.rbegin(); it != code.rend(); ++it, value /= 10)
        *it = static_cast<char>('0' + value % 10);
    return code;
}

std::int64_t totp_step(TimePoint now)
{
    return std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()) / period;
}

std::string otpauth_uri(std::string_view user, std::string_view secret)
{
    return "otpauth://totp/stepgate:" + percent_encoded(user) + "?secret=" + base32_encode(secret) +
           "&issuer=stepgate&algorithm=SHA1&digits=6&period=30";
}

Totp::Totp(accounts::Accounts& accounts, challenges::RandomSource random)
    : GuessedFactor(accounts, "totp", wrong_codes_a_day), accounts_(accounts), random_(std::move(random))
{
}

result<bool> Totp::enrolled(const std::string& user)
{
    const auto credentials = accounts_.totps(user);
    if (!credentials)
        return errc::store_unavailable;
    return !credentials->empty();
}

result<std::string> Totp::begin(const Ask& ask)
{
    if (ask.purpose == Ask::Purpose::challenge) {
        const auto has = enrolled(ask.user);
        if (!has)
            return has.error();
        if (!*has)
            return errc::not_enrolled;
    }
    return json::serialize(json::object{{"digits", digits}});
}

result<Proof> Totp::verify(const Ask& ask, std::string_view answer)
{
    const auto code = code_of(answer);
    if (!code)
        return code.error();
    return guesses_.guess(ask.user, ask.now, [&] { return check_code(ask.user, *code, ask.now); });
}

result<Proof> Totp::check_code(const std::string& user, const std::string& code, TimePoint now)
{
    const auto known = accounts_.find_user(user);
    const auto credentials = accounts_.totps(user);
    if (!known || !credentials)
        return errc::store_unavailable;
    if (!known->has_value() || (*known)->disabled)
        return errc::wrong_code;
    for (const auto& credential : *credentials) {
        const auto step = matching_step(credential.secret, code, totp_step(now));
        if (!step)
            continue;
        if (const auto used = accounts_.totp_used(credential.id, *step, now); !used)
            return used.error() == make_error_code(accounts::errc::replayed)    ? errc::replayed
                   : used.error() == make_error_code(accounts::errc::not_found) ? errc::wrong_code
                                                                                : errc::store_unavailable;
        Proof proof;
        proof.user = user;
        proof.factor = "totp";
        proof.kind = "possession";
        proof.credential = credential.id;
        proof.evidence =
            json::serialize(json::object{{"type", "totp"}, {"credential", credential.id}, {"step", *step}});
        return proof;
    }
    return errc::wrong_code;
}

result<Enrolment> Totp::begin_enrolment(const accounts::User& user, TimePoint now)
{
    const auto secret = challenges::random_bytes(random_, secret_size);
    if (!secret)
        return errc::no_randomness;
    const json::object options{{"secret", base32_encode(*secret)}, {"uri", otpauth_uri(user.name, *secret)}};
    return Enrolment{user.name, json::serialize(options), *secret, now + enrolment_time};
}

result<Enrolled> Totp::finish_enrolment(const Enrolment& enrolment, std::string_view answer, const std::string& name,
                                        TimePoint now)
{
    if (now >= enrolment.expires)
        return errc::expired;
    const auto code = code_of(answer);
    if (!code)
        return code.error();
    if (name.size() > longest_name || enrolment.state.size() != secret_size)
        return errc::malformed;
    const auto step = matching_step(enrolment.state, *code, totp_step(now));
    if (!step)
        return errc::wrong_code;
    const auto id = challenges::random_id(random_);
    if (!id)
        return errc::no_randomness;
    accounts::TotpCredential credential;
    credential.id = *id;
    credential.user = enrolment.user;
    credential.secret = enrolment.state;
    credential.last_step = *step; // the code that confirmed is spent
    credential.name = name.empty() ? "Authenticator app" : name;
    credential.created = now;
    if (const auto added = accounts_.add_totp(credential); !added)
        return added.error() == make_error_code(accounts::errc::exists) ? errc::exists : errc::store_unavailable;
    return Enrolled{"totp", credential.id, credential.name};
}

} // namespace stepgate::challenge_web::factors
