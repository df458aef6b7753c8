#include "challenge-web/accounts/scope.h"
#include "challenge-web/server/bearer.h"
#include "challenge-web/server/handlers.h"
#include "challenge-web/server/json_body.h"
#include "challenge-web/server/new_token.h"
#include "challenge-web/server/readable.h"
#include "challenge-web/server/replies.h"
#include "challenge-web/server/step_up.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value_from.hpp>

#include <algorithm>

namespace stepgate::challenge_web::server
{

namespace json = boost::json;

namespace
{

constexpr std::size_t most_tokens = 20; // of one user at once

json::object token_json(const accounts::ApiToken& token)
{
    return {{"id", token.id},
            {"user", token.user},
            {"name", readable(token.name, 4 * longest_token_name).text},
            {"scopes", json::value_from(token.scopes)},
            {"created", rfc3339(token.created)},
            {"expires", rfc3339(token.expires)},
            {"last_used", token.last_used ? json::value(rfc3339(*token.last_used)) : json::value(nullptr)},
            {"last_address", token.last_address}};
}

/// Everyone's for an admin, one's own for all others.
result<std::vector<accounts::ApiToken>> visible_tokens(const Call& call)
{
    return call.services.use.accounts.api_tokens(call.visitor->user.admin ? std::string{} : call.user(), call.now);
}

/// Why these scopes cannot be had, if they cannot.
std::optional<Response> refuse_scopes(const Call& call, const std::vector<std::string>& scopes)
{
    if (scopes.empty())
        return bad_request("A token needs a scope.");
    for (const auto& name : scopes) {
        const auto scope = accounts::scope_from_string(name);
        if (!scope)
            return bad_request("There is no such scope.");
        if (!fits(*scope, call.visitor->user))
            return error_reply(403, "needs_role", "You have not the role for this scope.");
    }
    return std::nullopt;
}

} // namespace

Response list_api_tokens(Call& call)
{
    const auto all = visible_tokens(call);
    if (all.has_error())
        return unavailable();
    json::array list;
    for (const auto& token : *all)
        list.emplace_back(token_json(token));
    return json_reply(200, json::object{{"tokens", std::move(list)},
                                        {"scopes", json::value_from(accounts::scopes_for(call.visitor->user))}});
}

Response add_api_token(Call& call)
{
    JsonBody body(call.request);
    const auto name = body.text("name", longest_token_name);
    auto scopes = body.texts("scopes", 64);
    const auto days = body.integer("days", 1, most_token_days, default_token_days);
    if (auto problem = body.problem())
        return *problem;
    if (auto refused = refuse_without_step_up(call, "make a token"))
        return *refused;
    if (auto refused = refuse_scopes(call, scopes))
        return *refused;
    auto& use = call.services.use;
    if (!use.recorder.available())
        return unavailable();
    const auto mine = use.accounts.api_tokens(call.user(), call.now);
    if (mine.has_error())
        return unavailable();
    if (mine->size() >= most_tokens)
        return error_reply(409, "too_many", "You have twenty tokens already. Revoke one.");
    const auto made = new_token(call.user(), name, std::move(scopes), static_cast<int>(days), call.now);
    if (!made)
        return unavailable();
    const auto& token = made->token;
    if (use.accounts.add_api_token(token, call.changed_by()).has_error())
        return unavailable();
    use.users_changed();
    auto answer = token_json(token);
    answer["token"] = made->secret;
    return json_reply(201, answer);
}

Response revoke_api_token(Call& call)
{
    JsonBody body(call.request);
    if (auto problem = body.problem())
        return *problem;
    const auto all = visible_tokens(call);
    if (all.has_error())
        return unavailable();
    const auto found =
        std::find_if(all->begin(), all->end(), [&](const auto& token) { return token.id == call.parameters[0]; });
    if (found == all->end())
        return not_found();
    auto& use = call.services.use;
    const auto removed = use.accounts.remove_api_token(found->user, found->id, call.changed_by());
    if (removed.has_error())
        return removed.error() == accounts::errc::not_found ? not_found() : unavailable();
    call.services.hub.end_session(session_of_token(found->hash));
    use.users_changed(); // also when the audit takes it later: a token that ends is never the riskier choice
    return no_content();
}

} // namespace stepgate::challenge_web::server
