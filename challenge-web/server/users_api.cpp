#include "challenge-web/server/handlers.h"
#include "challenge-web/server/json_body.h"
#include "challenge-web/server/readable.h"
#include "challenge-web/server/replies.h"
#include "challenge-web/server/secrets.h"
#include "challenge-web/server/session_json.h"
#include "challenge-web/server/step_up.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <algorithm>
#include <functional>

namespace stepgate::challenge_web::server
{

namespace json = boost::json;

namespace
{

result<json::object> user_json(Services& services, const accounts::User& user)
{
    auto out = standing_json(services, user);
    if (out.has_error())
        return out.error();
    out->emplace("name", user.name);
    out->emplace("disabled", user.disabled);
    out->emplace("created", rfc3339(user.created));
    return out;
}

Response user_reply(Call& call, int status, const accounts::User& user)
{
    auto body = user_json(call.services, user);
    return body ? json_reply(status, std::move(*body)) : unavailable();
}

/// Who changes others has just shown a passkey (or made the token after that), and does not change themselves: nobody
/// gives themselves a group. What is changed is recorded from the accounts' own notes: later is not never, but nothing
/// is changed while the audit takes no records.
std::optional<Response> refuse_change(const Call& call, const std::string& name)
{
    if (!call.services.use.recorder.available())
        return unavailable();
    if (!call.by_token)
        if (auto refused = refuse_without_step_up(call, "change users"))
            return refused;
    if (name == call.user())
        return error_reply(403, "not_yourself", "Another admin has to change you.");
    return std::nullopt;
}

std::vector<std::string> as_stored(std::vector<std::string> groups)
{
    std::sort(groups.begin(), groups.end());
    groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
    return groups;
}

std::vector<std::string> groups_of(JsonBody& body)
{
    return as_stored(body.texts("groups", longest_user_name));
}

std::optional<Response> refuse_groups(const std::vector<std::string>& groups)
{
    if (std::all_of(groups.begin(), groups.end(), is_name))
        return std::nullopt;
    return bad_request("A group's name has no spaces, quotes or characters that cannot be seen.");
}

/// What an operation on one user finds, or the answer to give.
struct FoundUser {
    std::optional<accounts::User> user;
    Response refused;
};

FoundUser target_user(Call& call, const JsonBody& body)
{
    if (auto problem = body.problem())
        return {std::nullopt, std::move(*problem)};
    if (auto refused = refuse_change(call, call.parameters[0]))
        return {std::nullopt, std::move(*refused)};
    auto found = call.services.use.accounts.find_user(call.parameters[0]);
    if (found.has_error())
        return {std::nullopt, unavailable()};
    if (!*found)
        return {std::nullopt, not_found()};
    return {std::move(*found), {}};
}

Response store_change(Call& call, const std::function<void(accounts::User&)>& change)
{
    const auto changed = call.services.use.accounts.change_user(call.parameters[0], change, call.changed_by());
    if (changed.has_error())
        return unavailable();
    call.services.use.users_changed();
    return user_reply(call, 200, *changed);
}

} // namespace

Response list_users(Call& call)
{
    const auto users = call.services.use.accounts.list_users();
    if (users.has_error())
        return unavailable();
    json::array list;
    for (const auto& user : *users) {
        auto one = user_json(call.services, user);
        if (one.has_error())
            return unavailable();
        list.emplace_back(std::move(*one));
    }
    return json_reply(200, json::object{{"users", std::move(list)}});
}

Response add_user(Call& call)
{
    JsonBody body(call.request);
    const auto name = body.text("name", longest_user_name);
    const auto groups = groups_of(body);
    const bool auditor = body.flag("auditor");
    if (auto problem = body.problem())
        return *problem;
    if (auto refused = refuse_change(call, name))
        return *refused;
    if (!is_name(name))
        return bad_request("A user's name has no spaces, quotes or characters that cannot be seen.");
    if (auto refused = refuse_groups(groups))
        return *refused;
    auto& use = call.services.use;
    auto user = use.make_user(name);
    if (!user)
        return unavailable();
    user->groups = groups;
    user->auditor = auditor;
    const auto known = use.accounts.find_user(name);
    if (known.has_error())
        return unavailable();
    if (*known)
        return error_reply(409, "exists", "There is a user with this name.");
    if (const auto added = use.accounts.add_user(*user, call.changed_by()); added.has_error())
        return added.error() == accounts::errc::exists ? error_reply(409, "exists", "There is a user with this name.")
                                                       : unavailable();
    use.users_changed();
    return user_reply(call, 201, *user);
}

Response set_user_groups(Call& call)
{
    JsonBody body(call.request);
    const auto groups = groups_of(body);
    const auto instead_of = body.optional_texts("instead_of", longest_user_name);
    const auto [user, refused] = target_user(call, body);
    if (!user)
        return refused;
    if (auto wrong = refuse_groups(groups))
        return *wrong;
    bool as_seen = true; // nobody else's change is taken back unseen
    auto response = store_change(call, [&](accounts::User& stored) {
        as_seen = !instead_of || as_stored(*instead_of) == stored.groups;
        if (as_seen)
            stored.groups = groups;
    });
    if (!as_seen)
        return error_reply(409, "changed", "Somebody else has changed these groups meanwhile. Look at them again.");
    call.services.use.challenges.end_elevations(user->name, "user groups changed", call.now);
    return response;
}

Response disable_user(Call& call)
{
    const JsonBody body(call.request);
    const auto [user, refused] = target_user(call, body);
    if (!user)
        return refused;
    auto& use = call.services.use;
    use.challenges.end_elevations(user->name, "user disabled", call.now);
    auto response = store_change(call, [](accounts::User& stored) { stored.disabled = true; });
    if (use.accounts.remove_web_sessions_of(user->name).has_error() ||
        use.accounts.remove_database_password(user->name, {}).has_error() ||
        use.accounts.remove_api_token(user->name, {}, call.changed_by()).has_error())
        return unavailable();
    use.users_changed();
    call.services.hub.end_user(user->name);
    for (const auto& session : use.database_sessions.list(user->name))
        (void)use.database_sessions.end(session.id, call.user());
    return response;
}

Response enable_user(Call& call)
{
    const JsonBody body(call.request);
    const auto [user, refused] = target_user(call, body);
    if (!user)
        return refused;
    return store_change(call, [](accounts::User& stored) { stored.disabled = false; });
}

Response make_enrolment_link(Call& call)
{
    const JsonBody body(call.request);
    const auto [user, refused] = target_user(call, body);
    if (!user)
        return refused;
    if (user->disabled)
        return error_reply(409, "disabled", "Enable this user first.");
    const auto kinds = factor_kinds(call.services, user->name);
    if (kinds.has_error())
        return unavailable();
    if (!kinds->empty())
        return error_reply(409, "has_factor",
                           "This user has a factor. For somebody who lost it: stepgate enroll --reset.");
    const auto token = random_token();
    if (!token)
        return unavailable();
    const auto expires = call.now + call.services.limits.enrolment_link;
    if (call.services.use.accounts.add_enrolment(token_hash(*token), user->name, expires, call.changed_by())
            .has_error())
        return unavailable();
    call.services.use.users_changed();
    return json_reply(
        201, json::object{{"link", call.services.url.origin + "/enrol#" + *token}, {"expires", rfc3339(expires)}});
}

} // namespace stepgate::challenge_web::server
