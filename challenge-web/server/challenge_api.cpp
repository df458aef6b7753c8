#include "challenge-web/server/challenge_json.h"
#include "challenge-web/server/handlers.h"
#include "challenge-web/server/json_body.h"
#include "challenge-web/server/provider_login.h"
#include "challenge-web/server/readable.h"
#include "challenge-web/server/replies.h"
#include "challenge-web/server/session_json.h"

#include "challenge-web/factors/pin.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <functional>
#include <shared_mutex>

namespace stepgate::challenge_web::server
{

namespace json = boost::json;
using challenges::Snapshot;

namespace
{

/// A challenge that the visitor is asked about, as requester or as second person; any other is as good as none.
std::optional<Snapshot> asked_challenge(Call& call)
{
    const auto& all = call.services.use.challenges;
    auto found = all.find(call.parameters[0]);
    if (found.has_error() || !all.may_decide(*found, call.user()))
        return std::nullopt;
    return std::move(*found);
}

constexpr std::size_t longest_reason = 200;  // of an answer, in bytes: a terminal's line or two
constexpr std::size_t longest_request = 500; // of a requester's reason

std::string one_line(std::string text)
{
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c == '\n' || c == '\t'; }, ' ');
    return text;
}

Response closed()
{
    return error_reply(409, "challenge_closed", "This challenge is decided already.");
}

Response expired()
{
    return error_reply(410, "challenge_expired",
                       "This challenge has expired. Run the statement again to get a new one.");
}

std::optional<Response> refuse_closed(const Snapshot& challenge, TimePoint now)
{
    if (challenge.state == challenges::State::expired)
        return expired();
    if (challenge.state != challenges::State::pending)
        return closed();
    if (now >= challenge.expires)
        return expired();
    return std::nullopt;
}

/// The challenge that is asked about, if it still takes answers, or what to say instead.
struct OpenChallenge {
    std::optional<Snapshot> found;
    Response refused;
};

OpenChallenge open_challenge(Call& call)
{
    auto found = asked_challenge(call);
    if (!found)
        return {std::nullopt, not_found()};
    if (auto refused = refuse_closed(*found, call.now))
        return {std::nullopt, std::move(*refused)};
    return {std::move(found), {}};
}

factors::Ask ask_for(const Call& call, const Snapshot& challenge)
{
    factors::Ask ask;
    ask.purpose = factors::Ask::Purpose::challenge;
    ask.user = call.user();
    ask.challenge = challenge.digest;
    ask.user_verification = challenge.question.verdict.requirement.level >= 3;
    ask.short_code = challenge.code;
    ask.now = call.now;
    return ask;
}

Response challenge_reply(Call& call, const Snapshot& challenge)
{
    auto enrolled = answer_kinds(call.services, call.user());
    if (enrolled.has_error())
        return unavailable();
    auto offered = offered_factors(call.services);
    // Only the message that went out for this challenge can be answered, once, and only by its requester.
    const auto push = call.services.use.push.name();
    if (!call.services.use.push.waits_for(ask_for(call, challenge)) &&
        (std::erase(*enrolled, push) > 0 || challenge.question.user != call.user()))
        std::erase(offered, push);
    return json_reply(200, challenge_json(challenge, {call.user(), *enrolled, offered}, call.now));
}

Response present_challenge(Call& call)
{
    const auto challenge = asked_challenge(call);
    return challenge ? challenge_reply(call, *challenge) : not_found();
}

Response refused_answer(boost::system::error_code why)
{
    if (why == factors::errc::store_unavailable || why == factors::errc::no_randomness)
        return unavailable();
    if (why == factors::errc::not_enrolled)
        return error_reply(409, "no_factor", "You have not enrolled this factor.");
    if (why == factors::errc::locked_out) {
        auto response =
            error_reply(429, "locked_out", "Too many wrong answers. Wait five minutes or longer, or use a passkey.");
        response.headers.emplace_back("Retry-After", "300");
        return response;
    }
    if (why == factors::errc::provider_unavailable)
        return error_reply(503, "provider_unavailable", "The identity provider does not answer. Use another factor.");
    if (why == factors::errc::not_fresh || why == factors::errc::too_weak)
        return error_reply(400, "login_not_enough", "The identity provider did not ask for what is needed here.");
    if (why == factors::errc::busy)
        return error_reply(503, "mail_failed", "The message could not be sent now. Use another factor.");
    if (why == factors::errc::replayed)
        return error_reply(400, "wrong_answer", "This code was used already. Wait for the next one.");
    return error_reply(400, "wrong_answer", "That answer is not right. Nothing was approved.");
}

Response refused_proof(boost::system::error_code why)
{
    if (why == challenges::errc::expired)
        return expired();
    if (why == challenges::errc::not_found || why == challenges::errc::wrong_user)
        return not_found();
    if (why == challenges::errc::replayed)
        return error_reply(409, "already_proved", "This factor was counted already. Another one is needed.");
    if (why == challenges::errc::wrong_digest)
        return error_reply(400, "wrong_answer", "That answer is for another statement.");
    return closed();
}

/// What only the requester may do.
Response refused_request(boost::system::error_code why)
{
    if (why == challenges::errc::wrong_user)
        return error_reply(403, "not_requester", "Only the one who asks may do that.");
    return refused_proof(why);
}

/// What somebody wrote, for a page or a terminal: what a terminal could obey is shown by its number.
std::string written_reason(JsonBody& body, std::size_t longest)
{
    return one_line(readable(body.optional_text("reason", longest), 4 * longest).text);
}

/// Does something with the challenge that is asked about, and shows what became of it.
template <class Act>
Response decide(Call& call, Response (*refuse)(boost::system::error_code), Act act)
{
    const auto challenge = asked_challenge(call);
    if (!challenge)
        return not_found();
    const result<void> done = act(call.services.use.challenges, challenge->id);
    return done ? present_challenge(call) : refuse(done.error());
}

/// What an answer to the challenge proves, if anything.
using Verify = std::function<factors::result<factors::Proof>(const factors::Ask&)>;

Response prove(Call& call, std::string_view factor, const Verify& verify, std::string reason)
{
    auto& use = call.services.use;
    if (auto too_many = call.limit("proof user " + call.user(), call.services.limits.proof_user))
        return *too_many;
    const auto [challenge, refused] = open_challenge(call);
    if (!challenge)
        return refused;
    auto proof = verify(ask_for(call, *challenge));
    if (proof.has_error()) {
        challenges::Proof attempt;
        attempt.user = call.user();
        attempt.factor = factor;
        attempt.from = call.request.client_address;
        use.challenges.reject(challenge->id, attempt, proof.error().message(), call.now);
        return refused_answer(proof.error());
    }
    proof->reason = std::move(reason);
    proof->from = call.request.client_address;
    const auto state = use.challenges.prove(challenge->id, challenge->digest, std::move(*proof), call.now);
    if (state.has_error())
        return refused_proof(state.error());
    return present_challenge(call);
}

Response prove(Call& call, factors::Factor& factor, const std::string& answer, std::string reason)
{
    const std::shared_lock enrolled{call.services.use.factor_changes};
    const auto verify = [&](const factors::Ask& ask) { return factor.verify(ask, answer); };
    return prove(call, factor.name(), verify, std::move(reason));
}

/// A factor of which people type codes.
Response prove_with_code(Call& call, factors::Factor& factor, std::size_t longest_code)
{
    JsonBody body(call.request);
    const auto code = body.text("code", longest_code);
    auto reason = written_reason(body, longest_reason);
    if (auto problem = body.problem())
        return *problem;
    return prove(call, factor, json::serialize(json::object{{"code", code}}), std::move(reason));
}

} // namespace

Response list_challenges(Call& call)
{
    const auto& all = call.services.use.challenges;
    json::array list;
    for (const auto& challenge : all.of_user(call.user()))
        list.emplace_back(summary_json(challenge));
    for (const auto& challenge : all.for_approver(call.user()))
        list.emplace_back(summary_json(challenge));
    return json_reply(200, json::object{{"challenges", std::move(list)}});
}

Response get_challenge(Call& call)
{
    return present_challenge(call);
}

Response begin_passkey_proof(Call& call)
{
    JsonBody body(call.request);
    if (auto problem = body.problem())
        return *problem;
    const auto [challenge, refused] = open_challenge(call);
    if (!challenge)
        return refused;
    const auto options = call.services.use.passkey.begin(ask_for(call, *challenge));
    if (options.has_error())
        return refused_answer(options.error());
    return json_reply(200, json::object{{"options", json::parse(*options)}});
}

Response prove_with_passkey(Call& call)
{
    JsonBody body(call.request);
    const auto credential = body.object("credential");
    auto reason = written_reason(body, longest_reason);
    if (auto problem = body.problem())
        return *problem;
    return prove(call, call.services.use.passkey, credential, std::move(reason));
}

Response prove_with_totp(Call& call)
{
    return prove_with_code(call, call.services.use.totp, 16);
}

Response prove_with_recovery_code(Call& call)
{
    return prove_with_code(call, call.services.use.recovery_codes, 32);
}

Response prove_with_pin(Call& call)
{
    JsonBody body(call.request);
    const auto pin = body.text("pin", factors::Pin::longest);
    auto reason = written_reason(body, longest_reason);
    if (auto problem = body.problem())
        return *problem;
    return prove(call, call.services.use.pin, json::serialize(json::object{{"pin", pin}}), std::move(reason));
}

Response begin_email_code_proof(Call& call)
{
    JsonBody body(call.request);
    if (auto problem = body.problem())
        return *problem;
    const auto [challenge, refused] = open_challenge(call);
    if (!challenge)
        return refused;
    if (auto too_many = call.limit("email user " + call.user(), call.services.limits.email_user))
        return *too_many;
    const auto begun = call.services.use.email_code.begin(ask_for(call, *challenge));
    if (begun.has_error())
        return refused_answer(begun.error());
    return json_reply(200, json::parse(*begun));
}

Response get_email_code(Call& call)
{
    const auto challenge = asked_challenge(call);
    if (!challenge)
        return not_found();
    const auto delivery = to_string(call.services.use.email_code.delivery(ask_for(call, *challenge)));
    return json_reply(200, json::object{{"delivery", json::string_view{delivery.data(), delivery.size()}}});
}

Response prove_with_email_code(Call& call)
{
    return prove_with_code(call, call.services.use.email_code, 16);
}

Response begin_push_proof(Call& call)
{
    JsonBody body(call.request);
    if (auto problem = body.problem())
        return *problem;
    const auto [challenge, refused] = open_challenge(call);
    if (!challenge)
        return refused;
    const auto begun = call.services.use.push.begin(ask_for(call, *challenge));
    return begun ? no_content() : refused_answer(begun.error());
}

Response open_push(Call& call)
{
    JsonBody body(call.request);
    const auto token = body.text("token", 64);
    if (auto problem = body.problem())
        return *problem;
    const auto [challenge, refused] = open_challenge(call);
    if (!challenge)
        return refused;
    const auto numbers = call.services.use.push.choices(ask_for(call, *challenge), token);
    return numbers ? json_reply(200, json::parse(*numbers)) : refused_answer(numbers.error());
}

Response prove_with_push(Call& call)
{
    JsonBody body(call.request);
    const auto token = body.text("token", 64);
    const auto number = body.text("number", 2);
    if (auto problem = body.problem())
        return *problem;
    return prove(call, call.services.use.push, json::serialize(json::object{{"token", token}, {"number", number}}), {});
}

Response begin_provider_proof(Call& call)
{
    JsonBody body(call.request);
    const auto name = body.text("provider", 64);
    if (auto problem = body.problem())
        return *problem;
    auto* provider = find_provider(call.services, name);
    if (provider == nullptr)
        return not_found();
    const auto [challenge, refused] = open_challenge(call);
    if (!challenge)
        return refused;
    Ceremony ceremony;
    ceremony.kind = Ceremony::Kind::provider_proof;
    ceremony.session = call.visitor->session.token_hash;
    ceremony.ask = ask_for(call, *challenge);
    return begin_provider_login(call, *provider, std::move(ceremony), refused_answer);
}

Response prove_with_identity_provider(Call& call)
{
    JsonBody body(call.request);
    const auto returned = read_provider_return(body);
    auto reason = written_reason(body, longest_reason);
    if (auto problem = body.problem())
        return *problem;
    const auto verify = [&](const factors::Ask& ask) -> factors::result<factors::Proof> {
        const auto ceremony = call.services.ceremonies.take(returned.ceremony, Ceremony::Kind::provider_proof,
                                                            call.visitor->session.token_hash, call.now);
        auto* provider = ceremony ? find_provider(call.services, ceremony->login.provider) : nullptr;
        if (provider == nullptr)
            return factors::make_error_code(factors::errc::expired);
        return provider->finish(ask, ceremony->login, returned.answer);
    };
    return prove(call, "identity_provider", verify, std::move(reason));
}

Response deny_challenge(Call& call)
{
    JsonBody body(call.request);
    const auto reason = written_reason(body, longest_reason);
    if (auto problem = body.problem())
        return *problem;
    return decide(call, refused_proof, [&](challenges::Challenges& all, const auto& id) {
        return all.deny(id, call.user(), call.now, reason, call.request.client_address);
    });
}

Response withdraw_challenge(Call& call)
{
    JsonBody body(call.request);
    if (auto problem = body.problem())
        return *problem;
    return decide(call, refused_request, [&](challenges::Challenges& all, const auto& id) {
        return all.withdraw(id, call.user(), call.now, call.request.client_address);
    });
}

Response give_request_reason(Call& call)
{
    JsonBody body(call.request);
    const auto reason = written_reason(body, longest_request);
    if (auto problem = body.problem())
        return *problem;
    return decide(call, refused_request, [&](challenges::Challenges& all, const auto& id) {
        return all.give_reason(id, call.user(), reason, call.now);
    });
}

} // namespace stepgate::challenge_web::server
