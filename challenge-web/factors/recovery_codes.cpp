#include "challenge-web/factors/recovery_codes.h"

#include "challenge-web/challenges/digest.h"
#include "challenge-web/factors/base32.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <utility>

namespace stepgate::challenge_web::factors
{

namespace
{

namespace json = boost::json;

constexpr std::size_t codes_on_a_sheet = 10;
constexpr std::size_t code_bytes = 10; // 16 letters
constexpr std::size_t hash_bytes = 32;

/// As it was hashed: capital letters, no hyphens.
std::string plain(std::string_view code)
{
    std::string out;
    for (const char c : code)
        if (c != '-')
            out += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return out;
}

std::string grouped(std::string_view code)
{
    std::string out;
    for (std::size_t i = 0; i < code.size(); ++i) {
        if (i > 0 && i % 4 == 0)
            out += '-';
        out += code[i];
    }
    return out;
}

std::string hash_of(std::string_view code)
{
    return std::string{challenges::bytes_of(challenges::sha256(code))};
}

} // namespace

RecoveryCodes::RecoveryCodes(accounts::Accounts& accounts, challenges::RandomSource random)
    : GuessedFactor(accounts, "recovery_code"), accounts_(accounts), random_(std::move(random))
{
}

result<bool> RecoveryCodes::enrolled(const std::string& user)
{
    const auto sheet = accounts_.recovery_sheet(user);
    if (!sheet)
        return errc::store_unavailable;
    return sheet->has_value() && !(*sheet)->unused.empty();
}

result<std::string> RecoveryCodes::begin(const Ask& ask)
{
    if (ask.purpose == Ask::Purpose::sign_in)
        return std::string{"{}"};
    const auto sheet = accounts_.recovery_sheet(ask.user);
    if (!sheet)
        return errc::store_unavailable;
    if (!sheet->has_value() || (*sheet)->unused.empty())
        return errc::not_enrolled;
    return json::serialize(json::object{{"left", (*sheet)->unused.size()}});
}

result<Proof> RecoveryCodes::verify(const Ask& ask, std::string_view answer)
{
    const auto code = code_of(answer);
    if (!code)
        return code.error();
    return guesses_.guess(ask.user, ask.now, [&] { return check_code(ask.user, *code, ask.now); });
}

result<Proof> RecoveryCodes::check_code(const std::string& user, const std::string& code, TimePoint now)
{
    const auto known = accounts_.find_user(user);
    const auto sheet = accounts_.recovery_sheet(user);
    if (!known || !sheet)
        return errc::store_unavailable;
    if (!known->has_value() || (*known)->disabled || !sheet->has_value())
        return errc::wrong_code;
    // The store looks a hash up: what its time could tell is about the hash of a guess, not about a code.
    if (const auto used = accounts_.recovery_code_used((*sheet)->id, hash_of(plain(code)), now); !used)
        return used.error() == make_error_code(accounts::errc::not_found) ? errc::wrong_code : errc::store_unavailable;
    return proof_of(user, "possession", (*sheet)->id);
}

result<Enrolment> RecoveryCodes::begin_enrolment(const accounts::User& user, TimePoint now)
{
    json::array codes;
    std::string hashes;
    for (std::size_t i = 0; i < codes_on_a_sheet; ++i) {
        const auto bytes = challenges::random_bytes(random_, code_bytes);
        if (!bytes)
            return errc::no_randomness;
        const std::string code = base32_encode(*bytes);
        codes.emplace_back(grouped(code));
        hashes += hash_of(code);
    }
    return Enrolment{user.name, json::serialize(json::object{{"codes", std::move(codes)}}), std::move(hashes),
                     now + enrolment_time};
}

result<Enrolled> RecoveryCodes::finish_enrolment(const Enrolment& enrolment, std::string_view, const std::string& name,
                                                 TimePoint now)
{
    if (now >= enrolment.expires)
        return errc::expired;
    if (name.size() > longest_name || enrolment.state.size() != codes_on_a_sheet * hash_bytes)
        return errc::malformed;
    const auto id = challenges::random_id(random_);
    if (!id)
        return errc::no_randomness;
    accounts::RecoverySheet sheet;
    sheet.id = *id;
    sheet.user = enrolment.user;
    sheet.name = name.empty() ? "Recovery codes" : name;
    sheet.created = now;
    for (std::size_t i = 0; i < codes_on_a_sheet; ++i)
        sheet.unused.push_back(enrolment.state.substr(i * hash_bytes, hash_bytes));
    if (const auto added = accounts_.add_recovery_sheet(sheet); !added)
        return added.error() == make_error_code(accounts::errc::exists) ? errc::exists : errc::store_unavailable;
    return Enrolled{"recovery_code", sheet.id, sheet.name};
}

} // namespace stepgate::challenge_web::factors
