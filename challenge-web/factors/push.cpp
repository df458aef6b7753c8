#include "challenge-web/factors/push.h"

#include "challenge-web/challenges/base64url.h"
#include "challenge-web/challenges/digest.h"
#include "challenge-web/challenges/requirement.h"
#include "challenge-web/challenges/solver.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_from.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace stepgate::challenge_web::factors
{

namespace
{

namespace json = boost::json;

constexpr std::size_t longest_endpoint = 1024, longest_rules = 200;
constexpr std::size_t browsers_written_to = 5; // of one user: the newest
constexpr std::size_t messages_a_minute = 5;   // for one user: nobody is worn down until they say yes
constexpr int wrong_numbers_a_day = 10;
constexpr std::chrono::hours vapid_lives{12};
constexpr int gone = 410, not_found = 404;

struct Address {
    std::string_view host; // with its port, if there is one
    std::string_view name; // without it
};

/// Only the characters that host names and ports have, so that no other parser reads another host out of it.
std::optional<Address> address_of(std::string_view endpoint)
{
    constexpr std::string_view scheme = "https://";
    if (endpoint.size() > longest_endpoint || !endpoint.starts_with(scheme) ||
        std::any_of(endpoint.begin(), endpoint.end(), [](char c) { return c <= ' ' || c > '~'; }))
        return std::nullopt;
    const auto rest = endpoint.substr(scheme.size());
    const auto host = rest.substr(0, rest.find('/'));
    if (host.size() == rest.size() || host.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-:") != host.npos)
        return std::nullopt;
    const auto name = host.substr(0, host.find(':'));
    if (name.empty() || name.front() == '.' || name.back() == '.')
        return std::nullopt;
    return Address{host, name};
}

bool names_host(std::string_view pattern, const Address& address)
{
    if (!pattern.starts_with("*."))
        return pattern == address.host;
    return address.host == address.name && address.name.size() > pattern.size() - 1 &&
           address.name.ends_with(pattern.substr(1));
}

/// Of a level that a push does not reach, or of a rule that names other factors, no way has it.
bool can_use_push(const policies::rules::Requirement& requirement, const std::string& requester)
{
    std::vector<std::string> all;
    for (const auto& worth : challenges::factor_worths())
        all.emplace_back(worth.name);
    const auto solution = challenges::solve(requirement, requester, {}, all, all);
    return std::any_of(solution.ways.begin(), solution.ways.end(),
                       [](const auto& way) { return std::find(way.begin(), way.end(), "push") != way.end(); });
}

std::string rules_of(const std::vector<std::string>& rules)
{
    auto text = policies::rules::rule_list(rules);
    if (text.size() > longest_rules)
        text = std::to_string(rules.size()) + " rules";
    return text;
}

PushSubscription subscription_of(const accounts::PushCredential& credential)
{
    return {credential.endpoint, credential.public_key, credential.auth};
}

/// What an enrolment keeps between its two halves.
std::string state_of(const PushSubscription& subscription, const std::string& token)
{
    return json::serialize(json::object{{"endpoint", subscription.endpoint},
                                        {"public_key", challenges::base64url_encode(subscription.public_key)},
                                        {"auth", challenges::base64url_encode(subscription.auth)},
                                        {"token", token}});
}

std::string state_text(const json::object& object, std::string_view key)
{
    return std::string{object.at(key).as_string()};
}

} // namespace

std::optional<std::string> push_origin(std::string_view endpoint, const std::vector<std::string>& hosts)
{
    const auto address = address_of(endpoint);
    if (!address ||
        std::none_of(hosts.begin(), hosts.end(), [&](const auto& host) { return names_host(host, *address); }))
        return std::nullopt;
    return "https://" + std::string{address->host};
}

Push::Push(accounts::Accounts& accounts, PushSettings settings, PushPorts ports, challenges::RandomSource random)
    : GuessedFactor(accounts, "push", wrong_numbers_a_day), accounts_(accounts), settings_(std::move(settings)),
      ports_(std::move(ports)), random_(std::move(random))
{
}

std::string Push::public_key() const
{
    const auto key = push_public_key(settings_.key);
    return key ? challenges::base64url_encode(*key) : std::string{};
}

result<bool> Push::enrolled(const std::string& user)
{
    if (!available())
        return false;
    const auto browsers = accounts_.pushes(user);
    if (!browsers)
        return errc::store_unavailable;
    return !browsers->empty();
}

void Push::refresh()
{
    if (!available())
        return;
    const auto users = accounts_.push_users();
    if (!users) // the old ones stay: a number that nobody is asked for does no harm
        return;
    const std::lock_guard lock{mutex_};
    users_ = {users->begin(), users->end()};
}

bool Push::has_browser(const std::string& user) const
{
    const std::lock_guard lock{mutex_};
    return users_.contains(user);
}

bool Push::take_turn(const std::string& who, TimePoint now)
{
    const std::lock_guard lock{mutex_};
    const auto since = now - std::chrono::minutes{1};
    std::erase_if(turns_, [&](const auto& entry) { return entry.second.back() <= since; });
    auto& turns = turns_[who];
    while (!turns.empty() && turns.front() <= since)
        turns.pop_front();
    if (turns.size() >= messages_a_minute)
        return false;
    turns.push_back(now);
    return true;
}

void Push::on_challenge(const challenges::Event& event)
{
    using What = challenges::Event::What;
    if (!available())
        return;
    switch (event.what) {
    case What::opened:
        opened(event.challenge, event.at);
        tell_approvers(event.challenge, event.at);
        return;
    case What::escalated:
        tell_approvers(event.challenge, event.at);
        return;
    case What::denied:
    case What::expired:
    case What::cancelled:
    case What::consumed:
        questions_.forget(event.challenge.digest);
        return;
    case What::proof_accepted:
    case What::proof_rejected:
    case What::approved:
    case What::reason_given:
    case What::impact_known:
        return;
    }
}

void Push::opened(const challenges::Snapshot& challenge, TimePoint now)
{
    const auto& question = challenge.question;
    if (!has_browser(question.user) || !can_use_push(question.verdict.requirement, question.user) ||
        !take_turn(question.user, now))
        return;
    if (!questions_.ask(challenge.digest,
                        {question.user, challenge.id, challenge.code, question.verdict.rules, challenge.expires},
                        random_))
        return;
    if (!ports_.run([this, digest = challenge.digest, now] { send_question(digest, now); }))
        questions_.forget(challenge.digest); // no number is shown where no message comes
}

/// Runs on a worker.
void Push::send_question(const challenges::Digest& digest, TimePoint now)
{
    const auto about = questions_.open(digest, now);
    if (!about)
        return;
    for (const auto& browser : browsers_of(about->user)) {
        const auto token = questions_.new_token(digest, browser.id, random_, now);
        if (!token) // it was answered meanwhile
            return;
        Message message;
        message.title = "A statement of yours is held: " + about->code;
        message.body = rules_of(about->rules) + ". Open to see it; if you did not send it, deny it there.";
        message.url = "/c/" + about->challenge + "#push=" + *token;
        message.tag = about->challenge;
        message.expires = about->expires;
        send_to_one(browser, message, now);
    }
}

/// A message with a link for those who may decide.
void Push::tell_approvers(const challenges::Snapshot& challenge, TimePoint now)
{
    if (challenges::approvals_needed(challenge.question.verdict.requirement) == 0)
        return;
    std::vector<std::string> users;
    {
        const std::lock_guard lock{mutex_};
        users = {users_.begin(), users_.end()};
    }
    if (users.empty())
        return;
    challenges::Snapshot asked; // without the statements, which may be long
    asked.id = challenge.id;
    asked.code = challenge.code;
    asked.state = challenge.state;
    asked.expires = challenge.expires;
    asked.escalated = challenge.escalated;
    asked.question.user = challenge.question.user;
    asked.question.verdict = challenge.question.verdict;
    (void)ports_.run([this, challenge = std::move(asked), users = std::move(users), now] {
        Message message;
        message.title = "Your approval is asked for: " + challenge.code;
        message.body = challenge.question.user + ", " + rules_of(challenge.question.verdict.rules) + '.';
        message.url = "/c/" + challenge.id;
        message.tag = challenge.id;
        message.expires = challenge.expires;
        for (const auto& user : users)
            if (user != challenge.question.user && ports_.may_decide(challenge, user) &&
                take_turn("approver " + user, now))
                send_to(browsers_of(user), message, now);
    });
}

/// The newest ones; none for who must not answer, or without the store.
std::vector<accounts::PushCredential> Push::browsers_of(const std::string& user)
{
    const auto known = accounts_.find_user(user);
    auto browsers = accounts_.pushes(user);
    if (!known || !browsers || !known->has_value() || (*known)->disabled)
        return {};
    if (browsers->size() > browsers_written_to)
        browsers->erase(browsers->begin(), browsers->end() - static_cast<std::ptrdiff_t>(browsers_written_to));
    return std::move(*browsers);
}

void Push::send_to(const std::vector<accounts::PushCredential>& browsers, const Message& message, TimePoint now)
{
    for (const auto& browser : browsers)
        send_to_one(browser, message, now);
}

void Push::send_to_one(const accounts::PushCredential& browser, const Message& message, TimePoint now)
{
    const auto status = deliver(subscription_of(browser), message, now);
    if (status != gone && status != not_found)
        return;
    // RFC 8030 section 7.3: the subscription has ended.
    if (ports_.remove(browser.user, browser.id))
        refresh();
}

std::optional<int> Push::deliver(const PushSubscription& subscription, const Message& message, TimePoint now)
{
    // Once more, as the configuration may have changed since.
    const auto origin = push_origin(subscription.endpoint, settings_.hosts);
    const auto key = new_push_key();
    const auto salt = challenges::random_bytes(random_, push_salt_bytes);
    if (!origin || !key || !salt) {
        ports_.log(origin ? "no random numbers" : "its push service is not one of [factors.push] hosts");
        return std::nullopt;
    }
    json::object text{{"title", message.title}, {"body", message.body}, {"url", message.url}, {"tag", message.tag}};
    if (!message.enrol.empty())
        text["enrol"] = message.enrol;
    auto body = encrypt_push(json::serialize(text), subscription, *key, *salt);
    const auto authorization = vapid_authorization(*origin, settings_.subject, settings_.key, now + vapid_lives);
    if (!body || !authorization) {
        ports_.log("it could not be encrypted");
        return std::nullopt;
    }
    const auto left = std::chrono::duration_cast<std::chrono::seconds>(message.expires - now);
    const auto topic = challenges::base64url_encode(challenges::sha256(message.tag)).substr(0, 32);
    const auto status = ports_.send(
        {subscription.endpoint,
         {"TTL: " + std::to_string(std::max<std::int64_t>(left.count(), 0)), "Urgency: high", "Topic: " + topic,
          "Content-Encoding: aes128gcm", "Content-Type: application/octet-stream", "Authorization: " + *authorization},
         std::move(*body)});
    if (status && (*status < 200 || *status > 299))
        ports_.log("the push service answers " + std::to_string(*status));
    return status;
}

bool Push::waits_for(const Ask& ask) const
{
    const auto about = questions_.open(ask.challenge, ask.now);
    return about && about->user == ask.user;
}

result<std::string> Push::begin(const Ask& ask)
{
    if (ask.purpose != Ask::Purpose::challenge)
        return errc::unsupported;
    if (!waits_for(ask))
        return errc::not_enrolled;
    if (!take_turn(ask.user, ask.now) ||
        !ports_.run([this, digest = ask.challenge, now = ask.now] { send_question(digest, now); }))
        return errc::busy;
    return std::string{"{}"};
}

result<std::string> Push::choices(const Ask& ask, const std::string& token) const
{
    const auto numbers = questions_.numbers(ask, token);
    if (!numbers)
        return numbers.error();
    return json::serialize(json::object{{"numbers", json::value_from(*numbers)}});
}

result<Proof> Push::verify(const Ask& ask, std::string_view answer)
{
    if (ask.purpose != Ask::Purpose::challenge)
        return errc::unsupported;
    const auto token = text_of(answer, "token"), number = text_of(answer, "number");
    if (!token || !number)
        return errc::malformed;
    return guesses_.guess(ask.user, ask.now, [&] { return check_number(ask, *token, *number); });
}

result<Proof> Push::check_number(const Ask& ask, const std::string& token, const std::string& number)
{
    const auto known = accounts_.find_user(ask.user);
    if (!known)
        return errc::store_unavailable;
    if (!known->has_value() || (*known)->disabled)
        return errc::not_enrolled;
    const auto credential = questions_.answer(ask, token, number);
    if (!credential)
        return credential.error();
    // It may have been removed since the message went.
    if (const auto used = accounts_.push_used(*credential, ask.now); !used)
        return used.error() == make_error_code(accounts::errc::not_found) ? errc::unknown_credential
                                                                          : errc::store_unavailable;
    return proof_of(ask.user, "possession", *credential);
}

result<Enrolment> Push::begin_enrolment(const accounts::User&, TimePoint)
{
    return errc::unsupported;
}

result<Enrolment> Push::subscribe(const accounts::User& user, const PushSubscription& subscription, TimePoint now)
{
    if (!available())
        return errc::unsupported;
    if (!push_origin(subscription.endpoint, settings_.hosts))
        return errc::refused_endpoint;
    const auto key = new_push_key();
    const auto bytes = challenges::random_bytes(random_, PushQuestions::token_bytes);
    if (!key || !bytes)
        return errc::no_randomness;
    if (!encrypt_push("", subscription, *key, std::string(push_salt_bytes, '\0'))) // can it be written to at all?
        return errc::malformed;
    Message message;
    message.title = "stepgate";
    message.body = "This browser receives messages. Go back to the page to finish.";
    message.url = "/factors";
    message.tag = "enrolment";
    message.enrol = challenges::base64url_encode(*bytes);
    message.expires = now + enrolment_time;
    if (!take_turn("enrolment " + user.name, now) ||
        !ports_.run([this, subscription, message, now] { (void)deliver(subscription, message, now); }))
        return errc::busy;
    return Enrolment{user.name, "{}", state_of(subscription, message.enrol), message.expires};
}

result<Enrolled> Push::finish_enrolment(const Enrolment& enrolment, std::string_view answer, const std::string& name,
                                        TimePoint now)
{
    if (now >= enrolment.expires)
        return errc::expired;
    const auto token = text_of(answer, "token");
    if (!token)
        return token.error();
    if (name.size() > longest_name)
        return errc::malformed;
    const auto state = json::parse(enrolment.state).as_object();
    if (!same_code(*token, state_text(state, "token")))
        return errc::wrong_code;
    const auto id = challenges::random_id(random_);
    if (!id)
        return errc::no_randomness;
    accounts::PushCredential credential;
    credential.id = *id;
    credential.user = enrolment.user;
    credential.endpoint = state_text(state, "endpoint");
    credential.public_key = challenges::base64url_decode(state_text(state, "public_key")).value();
    credential.auth = challenges::base64url_decode(state_text(state, "auth")).value();
    credential.name = name.empty() ? "Browser" : name;
    credential.created = now;
    if (const auto added = accounts_.add_push(credential); !added)
        return added.error() == make_error_code(accounts::errc::exists) ? errc::exists : errc::store_unavailable;
    refresh();
    return Enrolled{"push", credential.id, credential.name};
}

} // namespace stepgate::challenge_web::factors
