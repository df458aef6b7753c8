#include "challenge-web/server/handlers.h"
#include "challenge-web/server/json_body.h"
#include "challenge-web/server/readable.h"
#include "challenge-web/server/replies.h"
#include "challenge-web/server/secrets.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <algorithm>
#include <map>

namespace stepgate::challenge_web::server
{

namespace json = boost::json;

namespace
{

constexpr std::size_t longest_shown = 256;

std::string readable_text(const std::string& value)
{
    return readable(value, longest_shown).text;
}

/// A name for a web session that says nothing about its cookie.
std::string public_id(const accounts::WebSession& session)
{
    return token_hash("session " + session.token_hash).substr(0, 32);
}

result<std::vector<accounts::WebSession>> live_sessions(const Call& call)
{
    auto all = call.services.use.accounts.web_sessions(call.user(), call.now);
    if (all.has_error())
        return all.error();
    std::erase_if(*all, [&](const accounts::WebSession& session) {
        return call.now - session.last_seen >= call.services.limits.session_idle;
    });
    return all;
}

/// Own ones, or for an admin everyone's.
std::vector<DatabaseSession> visible_sessions(const Call& call)
{
    return call.services.use.database_sessions.list(call.visitor->user.admin ? std::string{} : call.user());
}

/// Which sessions wait for an answer to which challenge.
std::map<std::string, std::string> holds_of(const Call& call, const std::vector<DatabaseSession>& sessions)
{
    std::map<std::string, std::string> held;
    for (const auto& session : sessions)
        held[session.user] = {};
    std::map<std::string, std::string> found;
    for (const auto& [user, none] : held)
        for (const auto& challenge : call.services.use.challenges.of_user(user))
            if (challenge.state == challenges::State::pending)
                found[challenge.question.session] = challenge.code;
    return found;
}

} // namespace

Response list_web_sessions(Call& call)
{
    const auto all = live_sessions(call);
    if (all.has_error())
        return unavailable();
    json::array list;
    for (const auto& session : *all)
        list.emplace_back(json::object{{"id", public_id(session)},
                                       {"current", session.token_hash == call.visitor->session.token_hash},
                                       {"strong", session.strong},
                                       {"created", rfc3339(session.created)},
                                       {"last_seen", rfc3339(session.last_seen)},
                                       {"expires", rfc3339(session.expires)},
                                       {"client_address", session.client_address},
                                       {"browser", readable_text(session.user_agent)}});
    return json_reply(200, json::object{{"sessions", std::move(list)}});
}

Response end_web_session(Call& call)
{
    JsonBody body(call.request);
    if (auto problem = body.problem())
        return *problem;
    const auto all = live_sessions(call);
    if (all.has_error())
        return unavailable();
    const auto found = std::find_if(all->begin(), all->end(), [&](const accounts::WebSession& session) {
        return public_id(session) == call.parameters[0];
    });
    if (found == all->end())
        return not_found();
    if (found->token_hash == call.visitor->session.token_hash)
        return sign_out(call);
    (void)call.services.use.recorder.record("web_sign_out", call.user(),
                                            {{"client_address", found->client_address}, {"by", call.user()}});
    if (call.services.use.accounts.remove_web_session(found->token_hash).has_error())
        return unavailable();
    call.services.hub.end_session(found->token_hash);
    call.services.use.challenges.end_elevations(call.user(), "signed out", call.now);
    return no_content();
}

Response sign_out_everywhere(Call& call)
{
    JsonBody body(call.request);
    if (auto problem = body.problem())
        return *problem;
    auto& services = call.services;
    // Also when the audit cannot take it, as in sign_out.
    (void)services.use.recorder.record("web_sign_out", call.user(),
                                       {{"client_address", call.request.client_address}, {"reason", "everywhere"}});
    services.use.challenges.end_elevations(call.user(), "signed out everywhere", call.now);
    if (services.use.accounts.remove_web_sessions_of(call.user()).has_error() ||
        services.use.accounts.remove_database_password(call.user(), {}).has_error() ||
        services.use.accounts.remove_api_token(call.user(), {}, call.changed_by()).has_error())
        return unavailable();
    services.use.users_changed();
    services.hub.end_user(call.user());
    auto response = no_content();
    if (services.sessions.end(call.visitor->session, response).has_error())
        return unavailable();
    return response;
}

Response list_database_sessions(Call& call)
{
    const auto all = visible_sessions(call);
    const auto held = holds_of(call, all);
    json::array list;
    for (const auto& session : all) {
        const auto code = held.find(session.id);
        list.emplace_back(
            json::object{{"id", session.id},
                         {"user", readable_text(session.user)},
                         {"listener", readable_text(session.listener)},
                         {"dialect", session.dialect},
                         {"database", readable_text(session.database)},
                         {"role", readable_text(session.role)},
                         {"client_address", session.client_address},
                         {"application", readable_text(session.application_name)},
                         {"started", rfc3339(session.started)},
                         {"held", code == held.end() ? json::value(nullptr) : json::value(code->second)}});
    }
    return json_reply(200, json::object{{"sessions", std::move(list)}});
}

Response end_database_session(Call& call)
{
    JsonBody body(call.request);
    if (auto problem = body.problem())
        return *problem;
    const auto all = visible_sessions(call);
    const auto& id = call.parameters[0];
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const DatabaseSession& session) { return session.id == id; });
    if (found == all.end())
        return not_found();
    if (!call.services.use.recorder.record(
            "session_end_asked", found->user,
            {{"session", found->id}, {"by", call.user()}, {"client_address", call.request.client_address}}))
        return unavailable();
    return call.services.use.database_sessions.end(id, call.user()) ? no_content() : not_found();
}

} // namespace stepgate::challenge_web::server
