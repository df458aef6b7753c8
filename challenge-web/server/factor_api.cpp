#include "challenge-web/server/handlers.h"
#include "challenge-web/server/json_body.h"
#include "challenge-web/server/readable.h"
#include "challenge-web/server/replies.h"
#include "challenge-web/server/session_json.h"
#include "challenge-web/server/step_up.h"

#include "challenge-web/challenges/base64url.h"
#include "challenge-web/challenges/digest.h"
#include "challenge-web/factors/pin.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <mutex>

namespace stepgate::challenge_web::server
{

namespace json = boost::json;

namespace
{

constexpr std::size_t longest_name = 64;

/// A credential as the page sees it.
struct Factor {
    std::string id;     // in the API
    std::string stored; // in the accounts
    std::string kind, name;
    std::string public_key; // of a passkey: base64url of its COSE_Key
    TimePoint created{};
    std::optional<TimePoint> last_used;
    std::string browser{}; // of a push: says to the browser that it is this one, and to nobody where it is reached
};

std::string fingerprint(const accounts::PushCredential& push)
{
    return challenges::base64url_encode(challenges::bytes_of(challenges::sha256(push.endpoint)));
}

result<std::vector<Factor>> factors_of(Services& services, const std::string& user)
{
    const auto passkeys = services.use.accounts.passkeys(user);
    if (passkeys.has_error())
        return passkeys.error();
    const auto totps = services.use.accounts.totps(user);
    if (totps.has_error())
        return totps.error();
    const auto sheet = services.use.accounts.recovery_sheet(user);
    if (sheet.has_error())
        return sheet.error();
    const auto pin = services.use.accounts.pin(user);
    if (pin.has_error())
        return pin.error();
    const auto pushes = services.use.accounts.pushes(user);
    if (pushes.has_error())
        return pushes.error();
    std::vector<Factor> found;
    for (const auto& key : *passkeys)
        found.push_back({challenges::base64url_encode(key.id), key.id, "passkey", key.name,
                         challenges::base64url_encode(key.public_key), key.created, key.last_used});
    for (const auto& totp : *totps)
        found.push_back({totp.id, totp.id, "totp", totp.name, {}, totp.created, std::nullopt});
    if (*sheet)
        found.push_back({(*sheet)->id,
                         (*sheet)->id,
                         "recovery_code",
                         (*sheet)->name + " (" + std::to_string((*sheet)->unused.size()) + " left)",
                         {},
                         (*sheet)->created,
                         (*sheet)->last_used});
    if (*pin)
        found.push_back({(*pin)->id, (*pin)->id, "pin", (*pin)->name, {}, (*pin)->created, (*pin)->last_used});
    for (const auto& push : *pushes)
        found.push_back({push.id, push.id, "push", push.name, {}, push.created, push.last_used, fingerprint(push)});
    std::stable_sort(found.begin(), found.end(),
                     [](const Factor& a, const Factor& b) { return a.created < b.created; });
    return found;
}

json::object factor_json(const Factor& factor)
{
    json::object out{{"id", factor.id},
                     {"kind", factor.kind},
                     {"name", readable(factor.name, 4 * longest_name).text},
                     {"created", rfc3339(factor.created)},
                     {"last_used", factor.last_used ? json::value(rfc3339(*factor.last_used)) : json::value(nullptr)}};
    if (!factor.browser.empty())
        out["browser"] = factor.browser;
    return out;
}

constexpr std::string_view to_do = "change your factors";

/// Through an enrolment link only the very first one may be added.
std::optional<Response> refuse_another_first(Call& call)
{
    const auto kinds = factor_kinds(call.services, call.user());
    if (kinds.has_error())
        return unavailable();
    return kinds->empty() ? std::nullopt : refuse_weak_session(call, to_do);
}

/// Who begins to add a factor has just shown a passkey, or has none.
std::optional<Response> refuse_beginning(Call& call)
{
    return call.visitor->session.enrolment_only ? refuse_another_first(call) : refuse_without_step_up(call, to_do);
}

/// Who ends it began in the same session, some minutes ago at most.
std::optional<Response> refuse_finishing(Call& call)
{
    return call.visitor->session.enrolment_only ? refuse_another_first(call) : refuse_weak_session(call, to_do);
}

struct Begun {
    std::string ceremony;
    json::object options;
};

result<Begun> keep(Call& call, result<factors::Enrolment> enrolment, Ceremony::Kind kind)
{
    if (enrolment.has_error())
        return enrolment.error();
    Begun begun;
    begun.options = json::parse(enrolment->options).as_object();
    Ceremony ceremony;
    ceremony.kind = kind;
    ceremony.session = call.visitor->session.token_hash;
    ceremony.expires = std::min(enrolment->expires, call.now + call.services.limits.ceremony);
    ceremony.enrolment = std::move(*enrolment);
    auto id = call.services.ceremonies.begin(std::move(ceremony), call.now);
    if (!id)
        return factors::make_error_code(factors::errc::no_randomness);
    begun.ceremony = std::move(*id);
    return begun;
}

result<Begun> begin(Call& call, factors::Factor& factor, Ceremony::Kind kind)
{
    return keep(call, factor.begin_enrolment(call.visitor->user, call.now), kind);
}

Response refused_factor(boost::system::error_code why)
{
    if (why == factors::errc::store_unavailable || why == factors::errc::no_randomness)
        return unavailable();
    if (why == factors::errc::exists)
        return error_reply(409, "exists", "This credential is enrolled already.");
    if (why == factors::errc::expired)
        return error_reply(410, "ceremony_expired", "That took too long. Start again.");
    if (why == factors::errc::untrusted)
        return error_reply(400, "authenticator_refused",
                           "Authenticators of this model may not be used here. Ask your administrator which ones may.");
    if (why == factors::errc::refused_endpoint)
        return error_reply(400, "push_service_refused",
                           "Messages may not go to this browser's push service. Ask your administrator.");
    if (why == factors::errc::busy)
        return error_reply(503, "push_failed", "No message could be sent now. Try again in a minute.");
    if (why == factors::errc::weak)
        return error_reply(400, "weak_pin",
                           "Choose at least six characters that nobody would try first: no runs, no repetitions.");
    if (why == factors::errc::wrong_code || why == factors::errc::replayed)
        return error_reply(400, "wrong_code", "That code is not right. Enter the newest one.");
    return error_reply(400, "factor_refused", "That could not be verified. Try again.");
}

/// Takes back what was just stored, as the audit could not take it.
Response undo(Call& call, const Factor& added)
{
    (void)call.services.use.accounts.remove_credential(call.user(), added.stored);
    return unavailable();
}

/// The session is replaced after a factor was added: what it may do has changed. How long ago its owner showed a
/// passkey has not, unless this is the first one.
Response replace_session(Call& call, const Factor& added)
{
    const auto& old = call.visitor->session;
    // The first passkey: its owner holds the only strong factor there is, so asking for it again proves nothing more.
    const bool strong = old.strong || added.kind == "passkey";
    Response cookie;
    const auto session =
        call.services.sessions.start(call.request, call.user(), strong ? Strength::strong : Strength::weak,
                                     old.strong ? old.created : call.now, call.now, cookie);
    if (session.has_error())
        return unavailable();
    call.services.hub.end_session(old.token_hash);
    auto body = session_json(call.services, *session, call.visitor->user);
    if (body.has_error())
        return unavailable();
    auto response = json_reply(201, json::object{{"factor", factor_json(added)}, {"session", std::move(*body)}});
    response.headers = std::move(cookie.headers);
    return response;
}

/// What was stored goes to the audit, or is taken back. `replaced`: the credential whose place it took, or "".
Response added(Call& call, const factors::Enrolled& enrolled, const std::string& replaced = {})
{
    const auto all = factors_of(call.services, call.user());
    if (all.has_error())
        return unavailable();
    const auto found =
        std::find_if(all->begin(), all->end(), [&](const Factor& f) { return f.id == enrolled.credential; });
    if (found == all->end())
        return unavailable();
    std::vector<std::pair<std::string, std::string>> fields{{"client_address", call.request.client_address},
                                                            {"factor", found->kind},
                                                            {"credential", found->id},
                                                            {"name", readable(found->name, 4 * longest_name).text}};
    if (!found->public_key.empty()) // `stepgate audit verify` accepts proofs of this key only
        fields.emplace_back("public_key", found->public_key);
    if (!enrolled.model.empty())
        fields.emplace_back("aaguid", enrolled.model);
    if (!replaced.empty())
        fields.emplace_back("replaces", replaced);
    if (!call.services.use.recorder.record("factor_enrolled", call.user(), std::move(fields)))
        return undo(call, *found);
    call.services.use.challenges.end_elevations(call.user(), "a factor was added", call.now);
    return replace_session(call, *found);
}

Response finish(Call& call, factors::Factor& factor, Ceremony::Kind kind, const std::string& id,
                const std::string& answer, const std::string& name)
{
    auto& services = call.services;
    if (auto refused = call.limit("proof user " + call.user(), services.limits.proof_user))
        return *refused;
    const std::lock_guard alone{services.use.factor_changes};
    if (auto refused = refuse_finishing(call))
        return *refused;
    auto ceremony = services.ceremonies.take(id, kind, call.visitor->session.token_hash, call.now);
    if (!ceremony)
        return refused_factor(factors::errc::expired);
    const auto enrolled = factor.finish_enrolment(ceremony->enrolment, answer, name, call.now);
    if (enrolled.has_error()) {
        const bool again = enrolled.error() == factors::errc::wrong_code;
        if (again && ++ceremony->tries < services.limits.wrong_enrolment_codes)
            services.ceremonies.put_back(id, std::move(*ceremony));
        return refused_factor(enrolled.error());
    }
    return added(call, *enrolled);
}

/// Why this one cannot go, if it cannot.
std::optional<Response> refuse_removal(const std::vector<Factor>& all, const Factor& factor)
{
    const auto passkeys = std::count_if(all.begin(), all.end(), [](const Factor& f) { return f.kind == "passkey"; });
    if (all.size() == 1)
        return error_reply(409, "last_factor", "This is your only factor. Add another one first.");
    if (factor.kind == "passkey" && passkeys == 1)
        return error_reply(
            409, "last_factor",
            "This is your only passkey; without one you could not add factors any more. Add another one first.");
    return std::nullopt;
}

} // namespace

Response list_factors(Call& call)
{
    const auto all = factors_of(call.services, call.user());
    if (all.has_error())
        return unavailable();
    json::array list;
    for (const auto& factor : *all)
        list.emplace_back(factor_json(factor));
    return json_reply(200, json::object{{"factors", std::move(list)}});
}

Response begin_passkey_enrolment(Call& call)
{
    JsonBody body(call.request);
    if (auto problem = body.problem())
        return *problem;
    if (auto refused = refuse_beginning(call))
        return *refused;
    auto begun = begin(call, call.services.use.passkey, Ceremony::Kind::add_passkey);
    if (begun.has_error())
        return unavailable();
    return json_reply(200, json::object{{"ceremony", begun->ceremony}, {"options", std::move(begun->options)}});
}

Response finish_passkey_enrolment(Call& call)
{
    JsonBody body(call.request);
    const auto id = body.text("ceremony", 64);
    const auto name = body.optional_text("name", longest_name);
    const auto credential = body.object("credential");
    if (auto problem = body.problem())
        return *problem;
    return finish(call, call.services.use.passkey, Ceremony::Kind::add_passkey, id, credential,
                  name.empty() ? "Passkey" : name);
}

Response begin_totp_enrolment(Call& call)
{
    JsonBody body(call.request);
    if (auto problem = body.problem())
        return *problem;
    if (auto refused = refuse_beginning(call))
        return *refused;
    auto begun = begin(call, call.services.use.totp, Ceremony::Kind::add_totp);
    if (begun.has_error())
        return unavailable();
    return json_reply(200, json::object{{"ceremony", begun->ceremony},
                                        {"secret", begun->options["secret"]},
                                        {"otpauth_uri", begun->options["uri"]}});
}

Response finish_totp_enrolment(Call& call)
{
    JsonBody body(call.request);
    const auto id = body.text("ceremony", 64);
    const auto name = body.optional_text("name", longest_name);
    const auto code = body.text("code", 16);
    if (auto problem = body.problem())
        return *problem;
    return finish(call, call.services.use.totp, Ceremony::Kind::add_totp, id,
                  json::serialize(json::object{{"code", code}}), name.empty() ? "Authenticator app" : name);
}

/// Recovery codes are for people who have another factor: never the first one.
Response begin_recovery_codes(Call& call)
{
    JsonBody body(call.request);
    if (auto problem = body.problem())
        return *problem;
    if (auto refused = refuse_without_step_up(call, to_do))
        return *refused;
    auto begun = begin(call, call.services.use.recovery_codes, Ceremony::Kind::add_recovery_codes);
    if (begun.has_error())
        return unavailable();
    return json_reply(200, json::object{{"ceremony", begun->ceremony}, {"codes", begun->options["codes"]}});
}

Response finish_recovery_codes(Call& call)
{
    JsonBody body(call.request);
    const auto id = body.text("ceremony", 64);
    if (auto problem = body.problem())
        return *problem;
    return finish(call, call.services.use.recovery_codes, Ceremony::Kind::add_recovery_codes, id, "{}",
                  "Recovery codes");
}

/// A PIN is for people who have a passkey, too. Choosing another one takes the old one's place.
Response set_pin(Call& call)
{
    JsonBody body(call.request);
    const auto pin = body.text("pin", factors::Pin::longest);
    if (auto problem = body.problem())
        return *problem;
    if (auto refused = call.limit("proof user " + call.user(), call.services.limits.proof_user))
        return *refused;
    if (auto refused = refuse_without_step_up(call, to_do))
        return *refused;
    auto& use = call.services.use;
    const std::lock_guard alone{use.factor_changes};
    const auto old = use.accounts.pin(call.user());
    const auto enrolment = use.pin.begin_enrolment(call.visitor->user, call.now);
    if (old.has_error() || enrolment.has_error())
        return unavailable();
    const auto enrolled =
        use.pin.finish_enrolment(*enrolment, json::serialize(json::object{{"pin", pin}}), {}, call.now);
    if (enrolled.has_error())
        return refused_factor(enrolled.error());
    return added(call, *enrolled, *old ? (*old)->id : std::string{});
}

Response get_push(Call& call)
{
    const auto& push = call.services.use.push;
    return json_reply(200, json::object{{"public_key", push.available() ? json::value(push.public_key()) : nullptr}});
}

/// Like recovery codes never the first factor.
Response begin_push_enrolment(Call& call)
{
    JsonBody body(call.request);
    factors::PushSubscription subscription;
    subscription.endpoint = body.text("endpoint", 1024);
    const auto public_key = challenges::base64url_decode(body.text("p256dh", 128));
    const auto auth = challenges::base64url_decode(body.text("auth", 64));
    if (auto problem = body.problem())
        return *problem;
    auto& push = call.services.use.push;
    if (!push.available())
        return not_found();
    if (auto refused = refuse_without_step_up(call, to_do))
        return *refused;
    subscription.public_key = public_key.value_or("");
    subscription.auth = auth.value_or("");
    const auto begun = keep(call, push.subscribe(call.visitor->user, subscription, call.now), Ceremony::Kind::add_push);
    return begun ? json_reply(200, json::object{{"ceremony", begun->ceremony}}) : refused_factor(begun.error());
}

Response finish_push_enrolment(Call& call)
{
    JsonBody body(call.request);
    const auto id = body.text("ceremony", 64);
    const auto name = body.optional_text("name", longest_name);
    const auto token = body.text("token", 64);
    if (auto problem = body.problem())
        return *problem;
    return finish(call, call.services.use.push, Ceremony::Kind::add_push, id,
                  json::serialize(json::object{{"token", token}}), name);
}

Response remove_factor(Call& call)
{
    JsonBody body(call.request);
    if (auto problem = body.problem())
        return *problem;
    if (auto refused = refuse_without_step_up(call, to_do))
        return *refused;
    const std::lock_guard alone{call.services.use.factor_changes};
    const auto all = factors_of(call.services, call.user());
    if (all.has_error())
        return unavailable();
    const auto found =
        std::find_if(all->begin(), all->end(), [&](const Factor& factor) { return factor.id == call.parameters[0]; });
    if (found == all->end())
        return not_found();
    if (auto refused = refuse_removal(*all, *found))
        return *refused;
    if (!call.services.use.recorder.record(
            "factor_removed", call.user(),
            {{"client_address", call.request.client_address}, {"factor", found->kind}, {"credential", found->id}}))
        return unavailable();
    if (call.services.use.accounts.remove_credential(call.user(), found->stored).has_error())
        return unavailable();
    call.services.use.challenges.end_elevations(call.user(), "a factor was removed", call.now);
    return no_content();
}

} // namespace stepgate::challenge_web::server
