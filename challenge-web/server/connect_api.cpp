#include "challenge-web/server/connect_line.h"
#include "challenge-web/server/handlers.h"
#include "challenge-web/server/json_body.h"
#include "challenge-web/server/readable.h"
#include "challenge-web/server/replies.h"
#include "challenge-web/server/secrets.h"
#include "challenge-web/server/step_up.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <algorithm>

namespace stepgate::challenge_web::server
{

namespace json = boost::json;

namespace
{

constexpr std::size_t most_passwords = 10;    // of one user at once
constexpr std::size_t longest_database = 256; // bytes; both servers' names have 64 characters at most
// For who has not said which: clients would take another one without being asked (psql: the one named like the user).
constexpr const char* any_database = "DATABASE";

json::object password_json(const accounts::DatabasePassword& password)
{
    return {{"id", password.id}, {"created", rfc3339(password.created)}, {"expires", rfc3339(password.expires)}};
}

/// `wanted`: the database of who asks, for listeners that name none.
json::array targets_json(const Call& call, const std::string& wanted)
{
    json::array out;
    for (const auto& target : call.services.use.connect.targets) {
        const auto& database = target.database.empty() ? wanted : target.database;
        const Door door{target.host, std::to_string(target.port), target.tls};
        out.emplace_back(json::object{{"listener", target.listener},
                                      {"dialect", target.mysql ? "mysql" : "postgres"},
                                      {"host", target.host},
                                      {"port", target.port},
                                      {"database", target.database},
                                      {"command", target.mysql ? mysql_line(door, call.user(), database)
                                                               : psql_line(door, call.user(), database)}});
    }
    return out;
}

} // namespace

Response list_database_passwords(Call& call)
{
    std::string database = any_database;
    for (const auto& [name, value] : call.target.query) {
        // What cannot be seen must not come into a shell with a line that is pasted.
        if (name != "database" || value.size() > longest_database || readable(value, longest_database).text != value)
            return bad_request("This filter is unknown or its value cannot be read.");
        if (!value.empty())
            database = value;
    }
    const auto all = call.services.use.accounts.database_passwords(call.user(), call.now);
    if (all.has_error())
        return unavailable();
    json::array list;
    for (const auto& password : *all)
        list.emplace_back(password_json(password));
    return json_reply(200, json::object{{"passwords", std::move(list)},
                                        {"targets", targets_json(call, database)},
                                        {"lifetime_seconds", call.services.use.connect.lifetime.count()},
                                        {"long_lived", call.services.use.connect.long_lived}});
}

Response issue_database_password(Call& call)
{
    JsonBody body(call.request);
    if (auto problem = body.problem())
        return *problem;
    if (auto refused = refuse_old_session(call, "make a database password"))
        return *refused;
    if (auto refused = call.limit("database password " + call.user(), call.services.limits.database_password_user))
        return *refused;
    auto& use = call.services.use;
    const auto all = use.accounts.database_passwords(call.user(), call.now);
    if (all.has_error())
        return unavailable();
    if (all->size() >= most_passwords)
        return error_reply(409, "too_many",
                           "You have ten passwords already. Revoke one, or wait until one has expired.");
    auto secret = random_token(), id = random_token();
    if (!secret || !id)
        return unavailable();
    accounts::DatabasePassword password;
    password.id = token_hash(*id).substr(0, 16);
    password.user = call.user();
    const auto verifier = use.connect.make_verifier(call.visitor->user.scram_verifier, *secret);
    if (!verifier)
        return unavailable();
    password.verifier = *verifier;
    password.created = call.now;
    password.expires = call.now + use.connect.lifetime;
    if (!use.recorder.record("database_password_issued", call.user(),
                             {{"client_address", call.request.client_address},
                              {"credential", password.id},
                              {"expires", rfc3339(password.expires)}}))
        return unavailable();
    if (use.accounts.add_database_password(password).has_error())
        return unavailable();
    use.connect.passwords_changed();
    auto answer = password_json(password);
    answer["password"] = *secret;
    return json_reply(201, answer);
}

Response revoke_database_password(Call& call)
{
    JsonBody body(call.request);
    if (auto problem = body.problem())
        return *problem;
    auto& use = call.services.use;
    const auto removed = use.accounts.remove_database_password(call.user(), call.parameters[0]);
    if (removed.has_error())
        return removed.error() == accounts::errc::not_found ? not_found() : unavailable();
    use.connect.passwords_changed();
    // Also when the audit cannot take it: a password that ends is never the riskier choice.
    (void)use.recorder.record("database_password_revoked", call.user(),
                              {{"client_address", call.request.client_address}, {"credential", call.parameters[0]}});
    return no_content();
}

} // namespace stepgate::challenge_web::server
