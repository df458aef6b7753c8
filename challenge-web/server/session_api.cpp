#include "challenge-web/accounts/host_of.h"
#include "challenge-web/server/handlers.h"
#include "challenge-web/server/json_body.h"
#include "challenge-web/server/provider_login.h"
#include "challenge-web/server/replies.h"
#include "challenge-web/server/secrets.h"
#include "challenge-web/server/session_json.h"

#include "challenge-web/challenges/random.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace stepgate::challenge_web::server
{

namespace json = boost::json;

namespace
{

constexpr std::size_t longest_user = 128;

std::optional<Response> limit_address(const Call& call, const std::string& what, Rate rate)
{
    return call.limit(what + " address " + accounts::host_of(call.request.client_address), rate);
}

/// One answer for every wrong sign-in, given at the same time after the request whatever was wrong.
Response sign_in_failed(Call& call, const std::string& user, const std::string& factor, const std::string& why)
{
    const bool recorded = call.services.use.recorder.record(
        "web_sign_in_failed", user,
        {{"client_address", call.request.client_address}, {"factor", factor}, {"reason", why}});
    call.services.use.lockout.failed(user, call.request.client_address, call.services.use.steady());
    auto response = recorded
                        ? error_reply(401, "sign_in_failed", "That did not work. Check what you entered and try again.")
                        : unavailable();
    response.hold_for = call.services.limits.refused_sign_in;
    return response;
}

/// Guessing gets slower and slower; passkeys cannot be guessed, and stay a way in.
std::optional<Response> refuse_guessing(Call& call, const std::string& user, const std::string& factor)
{
    const auto wait = call.services.use.lockout.wait(user, call.request.client_address, call.services.use.steady());
    if (!wait)
        return std::nullopt;
    if (!call.services.use.recorder.record(
            "web_sign_in_failed", user,
            {{"client_address", call.request.client_address}, {"factor", factor}, {"reason", "locked out"}}))
        return unavailable();
    auto response = error_reply(429, "locked_out", "Too many wrong answers. Wait, or use a passkey.");
    response.headers.emplace_back("Retry-After", std::to_string(wait->count()));
    return response;
}

/// Starts the session of somebody who has just proved who they are; the audit hears of it first.
Response signed_in(Call& call, const accounts::User& user, Strength strength, const std::string& factor)
{
    auto& services = call.services;
    if (!services.use.recorder.record("web_sign_in", user.name,
                                      {{"client_address", call.request.client_address}, {"factor", factor}}))
        return unavailable();
    Response cookie;
    const auto session = services.sessions.start(call.request, user.name, strength, call.now, call.now, cookie);
    if (session.has_error())
        return unavailable();
    if (call.visitor)
        services.hub.end_session(call.visitor->session.token_hash);
    const auto body = session_json(services, *session, user);
    if (body.has_error())
        return unavailable();
    auto response = json_reply(200, *body);
    response.headers = std::move(cookie.headers);
    return response;
}

Response present_session(Call& call)
{
    const auto body = session_json(call.services, call.visitor->session, call.visitor->user);
    return body ? json_reply(200, *body) : unavailable();
}

/// A proof of sign-in was verified; the user may have been disabled since the factor looked.
Response accept_proof(Call& call, const factors::Proof& proof)
{
    const auto user = call.services.use.accounts.find_user(proof.user);
    if (user.has_error())
        return unavailable();
    if (!*user || (*user)->disabled)
        return sign_in_failed(call, proof.user, proof.factor, "disabled");
    return signed_in(call, **user, proof.phishing_resistant ? Strength::strong : Strength::weak, proof.factor);
}

Response provider_gone()
{
    return error_reply(503, "provider_unavailable", "The identity provider does not answer. Sign in another way.");
}

/// The database password, and a code of a factor of which people type codes.
Response sign_in_with_code(Call& call, factors::Factor& factor, std::size_t longest_code)
{
    if (auto refused = limit_address(call, "sign_in", call.services.limits.sign_in_address))
        return *refused;
    JsonBody body(call.request);
    const auto name = body.text("user", longest_user);
    const auto password = body.text("password", 1024);
    const auto code = body.text("code", longest_code);
    if (auto problem = body.problem())
        return *problem;
    // Where the user got in before, others who try do not keep them out.
    const auto& address = call.request.client_address;
    const bool known = call.services.use.lockout.knows(name, address);
    const auto from = known ? accounts::host_of(address) : std::string{"elsewhere"};
    if (auto refused = call.limit("sign_in user " + from + ' ' + name, call.services.limits.sign_in_user))
        return *refused;
    const std::string kind{factor.name()};
    if (auto refused = refuse_guessing(call, name, kind))
        return *refused;
    const auto user = call.services.use.accounts.find_user(name);
    if (user.has_error())
        return unavailable();
    // The hash is computed for users who do not exist, too.
    const bool right = password_matches(*user ? (*user)->scram_verifier : std::string{}, password);
    if (!*user || (*user)->disabled || !right)
        return sign_in_failed(call, name, kind, *user ? "wrong password or disabled" : "unknown user");
    factors::Ask ask;
    ask.user = name;
    ask.now = call.now;
    const auto proof = factor.verify(ask, json::serialize(json::object{{"code", code}}));
    if (proof.has_error() && proof.error() == factors::errc::store_unavailable)
        return unavailable();
    if (proof.has_error())
        return sign_in_failed(call, name, kind, proof.error().message());
    call.services.use.lockout.succeeded(name, call.request.client_address, call.services.use.steady());
    return accept_proof(call, *proof);
}

} // namespace

Response get_session(Call& call)
{
    return present_session(call);
}

Response sign_out(Call& call)
{
    // Also when the audit cannot take it: a session that ends is never the riskier choice.
    (void)call.services.use.recorder.record("web_sign_out", call.user(),
                                            {{"client_address", call.request.client_address}});
    call.services.hub.end_session(call.visitor->session.token_hash);
    call.services.use.challenges.end_elevations(call.user(), "signed out", call.now);
    auto response = no_content();
    if (call.services.sessions.end(call.visitor->session, response).has_error())
        return unavailable();
    return response;
}

Response begin_passkey_sign_in(Call& call)
{
    if (auto refused = limit_address(call, "sign_in", call.services.limits.sign_in_address))
        return *refused;
    JsonBody body(call.request);
    const auto user = body.optional_text("user", longest_user);
    if (auto problem = body.problem())
        return *problem;
    Ceremony ceremony;
    ceremony.kind = Ceremony::Kind::sign_in;
    ceremony.ask.purpose = factors::Ask::Purpose::sign_in;
    ceremony.ask.user = user;
    ceremony.ask.now = call.now;
    ceremony.expires = call.now + call.services.limits.ceremony;
    if (!challenges::system_random()(ceremony.ask.challenge))
        return unavailable();
    const auto options = call.services.use.passkey.begin(ceremony.ask);
    if (options.has_error())
        return unavailable();
    const auto id = call.services.ceremonies.begin(std::move(ceremony), call.now);
    if (!id)
        return unavailable();
    return json_reply(200, json::object{{"ceremony", *id}, {"options", json::parse(*options)}});
}

Response finish_passkey_sign_in(Call& call)
{
    if (auto refused = limit_address(call, "sign_in", call.services.limits.sign_in_address))
        return *refused;
    JsonBody body(call.request);
    const auto id = body.text("ceremony", 64);
    const auto credential = body.object("credential");
    if (auto problem = body.problem())
        return *problem;
    auto ceremony = call.services.ceremonies.take(id, Ceremony::Kind::sign_in, "", call.now);
    if (!ceremony)
        return sign_in_failed(call, "", "passkey", "no such ceremony");
    ceremony->ask.now = call.now;
    const auto proof = call.services.use.passkey.verify(ceremony->ask, credential);
    if (proof.has_error() && proof.error() == factors::errc::store_unavailable)
        return unavailable();
    if (proof.has_error())
        return sign_in_failed(call, ceremony->ask.user, "passkey", proof.error().message());
    return accept_proof(call, *proof);
}

Response sign_in_with_totp(Call& call)
{
    return sign_in_with_code(call, call.services.use.totp, 16);
}

Response sign_in_with_recovery_code(Call& call)
{
    return sign_in_with_code(call, call.services.use.recovery_codes, 32);
}

Response list_identity_providers(Call& call)
{
    json::array list;
    for (const auto* provider : call.services.use.identity_providers)
        list.emplace_back(json::object{{"name", provider->name()}, {"sign_in", provider->signs_in()}});
    return json_reply(200, json::object{{"identity_providers", std::move(list)}});
}

Response begin_provider_sign_in(Call& call)
{
    if (auto refused = limit_address(call, "sign_in", call.services.limits.sign_in_address))
        return *refused;
    JsonBody body(call.request);
    const auto name = body.text("provider", 64);
    if (auto problem = body.problem())
        return *problem;
    auto* provider = find_provider(call.services, name);
    if (provider == nullptr || !provider->signs_in())
        return not_found();
    Ceremony ceremony;
    ceremony.kind = Ceremony::Kind::provider_sign_in;
    ceremony.ask.purpose = factors::Ask::Purpose::sign_in;
    ceremony.ask.now = call.now;
    if (!challenges::system_random()(ceremony.ask.challenge))
        return unavailable();
    return begin_provider_login(call, *provider, std::move(ceremony), [](auto) { return provider_gone(); });
}

/// The ceremony's id is known to the browser that began only: nobody else's login can be finished in it.
Response finish_provider_sign_in(Call& call)
{
    if (auto refused = limit_address(call, "sign_in", call.services.limits.sign_in_address))
        return *refused;
    JsonBody body(call.request);
    const auto [id, answer] = read_provider_return(body);
    if (auto problem = body.problem())
        return *problem;
    const std::string kind = "identity_provider";
    auto ceremony = call.services.ceremonies.take(id, Ceremony::Kind::provider_sign_in, "", call.now);
    auto* provider = ceremony ? find_provider(call.services, ceremony->login.provider) : nullptr;
    if (provider == nullptr || !provider->signs_in())
        return sign_in_failed(call, "", kind, "no such ceremony");
    ceremony->ask.now = call.now;
    const auto proof = provider->finish(ceremony->ask, ceremony->login, answer);
    if (proof.has_error() && proof.error() == factors::errc::provider_unavailable)
        return provider_gone();
    if (proof.has_error())
        return sign_in_failed(call, "", kind, proof.error().message());
    return accept_proof(call, *proof);
}

Response redeem_enrolment(Call& call)
{
    if (auto refused = limit_address(call, "enrolment", call.services.limits.enrolment_address))
        return *refused;
    JsonBody body(call.request);
    const auto token = body.text("token", 128);
    if (auto problem = body.problem())
        return *problem;
    if (auto refused = refuse_guessing(call, {}, "enrolment_link"))
        return *refused;
    auto& use = call.services.use;
    const auto redeemed = use.accounts.redeem_enrolment(token_hash(token), call.now);
    if (redeemed.has_error() && redeemed.error() == accounts::errc::store_unavailable)
        return unavailable();
    const auto user =
        redeemed ? use.accounts.find_user(*redeemed) : result<std::optional<accounts::User>>{std::nullopt};
    if (user.has_error())
        return unavailable();
    if (!*user || (*user)->disabled) {
        auto refused =
            sign_in_failed(call, redeemed ? *redeemed : "", "enrolment_link", "unknown, used or expired link");
        if (refused.status == 503)
            return refused;
        auto response = error_reply(401, "enrolment_invalid",
                                    "This link is not valid: it was used, or it has expired. Ask for a new one.");
        response.hold_for = refused.hold_for;
        return response;
    }
    const auto kinds = factor_kinds(call.services, *redeemed);
    if (kinds.has_error())
        return unavailable();
    if (kinds->empty())
        return signed_in(call, **user, Strength::enrolment_only, "enrolment_link");
    // A link is a weak thing (it was mailed): it must not add a factor next to one that is there.
    if (call.visitor && call.user() == *redeemed && call.visitor->session.strong)
        return present_session(call);
    if (!use.recorder.record("web_sign_in_failed", *redeemed,
                             {{"client_address", call.request.client_address},
                              {"factor", "enrolment_link"},
                              {"reason", "has a factor and is not signed in with it"}}))
        return unavailable();
    return error_reply(403, "enrolment_needs_sign_in",
                       "You have a factor already. Sign in with your passkey and add the new one there.");
}

} // namespace stepgate::challenge_web::server
