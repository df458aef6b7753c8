#include "challenge-web/factors/email_code.h"

#include "challenge-web/challenges/digest.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <array>
#include <map>
#include <mutex>
#include <utility>

namespace stepgate::challenge_web::factors
{

namespace
{

namespace json = boost::json;

constexpr std::chrono::minutes code_lives{10};
constexpr std::uint64_t codes_there_are = 100'000'000;

std::optional<std::string> random_code(const challenges::RandomSource& random)
{
    const auto number = challenges::random_below(random, codes_there_are);
    if (!number)
        return std::nullopt;
    const std::string code = std::to_string(*number);
    return std::string(EmailCode::digits - code.size(), '0') + code;
}

std::string message_for(const Ask& ask, const std::string& code, const std::string& public_url)
{
    return "A statement of yours, or one that you are asked to approve, waits in stepgate.\n"
           "Somebody who is signed in there as " +
           ask.user + " asked for this code:\n\n    " + code.substr(0, 4) + ' ' + code.substr(4) +
           "\n\nIt is for the challenge " + ask.short_code +
           " only: compare that with your terminal. It is good once, for ten minutes.\n\n"
           "Enter it on " +
           public_url + " and nowhere else, and give it to nobody.\n" +
           "If you did not ask for it, deny the challenge there and tell your administrator.\n";
}

} // namespace

std::string_view to_string(EmailCode::Delivery delivery)
{
    switch (delivery) {
    case EmailCode::Delivery::none:
        return "none";
    case EmailCode::Delivery::sending:
        return "sending";
    case EmailCode::Delivery::sent:
        return "sent";
    case EmailCode::Delivery::failed:
        return "failed";
    }
    return "none";
}

std::string masked_address(std::string_view address)
{
    const auto at = address.find('@');
    if (at == std::string_view::npos || at == 0)
        return "***";
    return std::string{address.substr(0, 1)} + "***" + std::string{address.substr(at)};
}

/// The newest code of each user. Thread-safe.
struct EmailCode::Codes {
    struct Code {
        std::string digits, address;
        std::array<std::byte, 32> challenge{};
        TimePoint expires{};
        std::uint64_t number = 0; // tells it from the user's next one
        Delivery delivery = Delivery::sending;
    };
    mutable std::mutex mutex;
    std::map<std::string, Code> of_user;
    std::uint64_t numbers = 0;

    std::uint64_t put(const std::string& user, Code code, TimePoint now)
    {
        const std::lock_guard lock{mutex};
        std::erase_if(of_user, [&](const auto& entry) { return entry.second.expires <= now; });
        code.number = ++numbers;
        of_user.insert_or_assign(user, std::move(code));
        return numbers;
    }
    void delivered(const std::string& user, std::uint64_t number, bool sent)
    {
        const std::lock_guard lock{mutex};
        const auto found = of_user.find(user);
        if (found == of_user.end() || found->second.number != number)
            return;
        found->second.delivery = sent ? Delivery::sent : Delivery::failed;
        if (!sent)
            found->second.digits.clear();
    }
    /// The address that the code went to, if it is the right one: it is gone then.
    std::optional<std::string> spend(const Ask& ask, const std::string& code)
    {
        const std::lock_guard lock{mutex};
        const auto found = of_user.find(ask.user);
        if (found == of_user.end() || found->second.challenge != ask.challenge || found->second.expires <= ask.now ||
            found->second.digits.size() != digits || !same_code(found->second.digits, code))
            return std::nullopt;
        auto address = std::move(found->second.address);
        of_user.erase(found);
        return address;
    }
    Delivery delivery_of(const Ask& ask) const
    {
        const std::lock_guard lock{mutex};
        const auto found = of_user.find(ask.user);
        if (found == of_user.end() || found->second.challenge != ask.challenge || found->second.expires <= ask.now)
            return Delivery::none;
        return found->second.delivery;
    }
};

EmailCode::EmailCode(accounts::Accounts& accounts, SendMail send, std::string public_url,
                     challenges::RandomSource random)
    : GuessedFactor(accounts, "email_code"), accounts_(accounts), send_(std::move(send)),
      public_url_(std::move(public_url)), random_(std::move(random)), codes_(std::make_shared<Codes>())
{
}

EmailCode::~EmailCode() = default;

/// errc::not_enrolled for those who have none, or must not answer.
result<std::string> EmailCode::address_of(const std::string& user)
{
    const auto known = accounts_.find_user(user);
    if (!known)
        return errc::store_unavailable;
    if (!send_ || !known->has_value() || (*known)->disabled || (*known)->email.empty())
        return errc::not_enrolled;
    return (*known)->email;
}

result<bool> EmailCode::enrolled(const std::string& user)
{
    const auto address = address_of(user);
    if (!address && address.error() == make_error_code(errc::store_unavailable))
        return errc::store_unavailable;
    return address.has_value();
}

result<std::string> EmailCode::begin(const Ask& ask)
{
    if (ask.purpose != Ask::Purpose::challenge)
        return errc::unsupported;
    const auto address = address_of(ask.user);
    if (!address)
        return address.error();
    const auto code = random_code(random_);
    if (!code)
        return errc::no_randomness;
    const auto number =
        codes_->put(ask.user, {*code, *address, ask.challenge, ask.now + code_lives, 0, Delivery::sending}, ask.now);
    auto done = [codes = codes_, user = ask.user, number](bool sent) { codes->delivered(user, number, sent); };
    if (!send_(*address, "stepgate: a code for challenge " + ask.short_code, message_for(ask, *code, public_url_),
               std::move(done))) {
        codes_->delivered(ask.user, number, false);
        return errc::busy;
    }
    return json::serialize(json::object{{"to", masked_address(*address)}, {"digits", digits}});
}

result<Proof> EmailCode::verify(const Ask& ask, std::string_view answer)
{
    if (ask.purpose != Ask::Purpose::challenge)
        return errc::unsupported;
    const auto code = code_of(answer);
    if (!code)
        return code.error();
    return guesses_.guess(ask.user, ask.now, [&] { return check_code(ask, *code); });
}

result<Proof> EmailCode::check_code(const Ask& ask, const std::string& code)
{
    const auto address = address_of(ask.user);
    if (!address)
        return address.error();
    const auto went_to = codes_->spend(ask, code);
    if (!went_to || *went_to != *address) // the address was changed since
        return errc::wrong_code;
    return proof_of(ask.user, "possession", *address);
}

result<Enrolment> EmailCode::begin_enrolment(const accounts::User&, TimePoint)
{
    return errc::unsupported;
}

result<Enrolled> EmailCode::finish_enrolment(const Enrolment&, std::string_view, const std::string&, TimePoint)
{
    return errc::unsupported;
}

EmailCode::Delivery EmailCode::delivery(const Ask& ask) const
{
    return codes_->delivery_of(ask);
}

} // namespace stepgate::challenge_web::factors
