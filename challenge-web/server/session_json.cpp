#include "challenge-web/server/session_json.h"

#include "challenge-web/server/replies.h"

#include <boost/json/value_from.hpp>

namespace stepgate::challenge_web::server
{

namespace json = boost::json;

namespace
{

std::vector<factors::Factor*> all_factors(const Services& services)
{
    const auto& use = services.use;
    std::vector<factors::Factor*> all{&use.passkey, &use.totp, &use.pin, &use.recovery_codes};
    if (use.push.available())
        all.push_back(&use.push);
    return all;
}

} // namespace

std::vector<std::string> offered_factors(const Services& services)
{
    std::vector<std::string> names;
    for (const auto* factor : all_factors(services))
        names.emplace_back(factor->name());
    if (!services.use.identity_providers.empty())
        names.emplace_back("identity_provider");
    if (services.use.email_code.available())
        names.emplace_back(services.use.email_code.name());
    return names;
}

result<std::vector<std::string>> answer_kinds(Services& services, const std::string& user)
{
    auto kinds = factor_kinds(services, user);
    if (kinds.has_error())
        return kinds.error();
    const auto mailed = services.use.email_code.enrolled(user);
    if (mailed.has_error())
        return mailed.error();
    if (*mailed)
        kinds->emplace_back(services.use.email_code.name());
    if (!services.use.identity_providers.empty()) // who has an account there it alone knows
        kinds->emplace_back("identity_provider");
    return kinds;
}

result<std::vector<std::string>> factor_kinds(Services& services, const std::string& user)
{
    std::vector<std::string> kinds;
    for (auto* factor : all_factors(services)) {
        const auto enrolled = factor->enrolled(user);
        if (enrolled.has_error())
            return enrolled.error();
        if (*enrolled)
            kinds.emplace_back(factor->name());
    }
    return kinds;
}

result<json::object> standing_json(Services& services, const accounts::User& user)
{
    auto kinds = factor_kinds(services, user.name);
    if (kinds.has_error())
        return kinds.error();
    json::array roles;
    if (user.auditor)
        roles.emplace_back("auditor");
    if (user.admin)
        roles.emplace_back("admin");
    return json::object{
        {"groups", json::value_from(user.groups)}, {"roles", std::move(roles)}, {"factors", json::value_from(*kinds)}};
}

result<json::object> session_json(Services& services, const accounts::WebSession& session, const accounts::User& user)
{
    auto out = standing_json(services, user);
    if (out.has_error())
        return out.error();
    out->emplace("user", user.name);
    out->emplace("csrf_token", session.csrf);
    out->emplace("enrolment_only", session.enrolment_only);
    out->emplace("strong", session.strong);
    out->emplace("created", rfc3339(session.created));
    out->emplace("expires", rfc3339(session.expires));
    out->emplace("idle_seconds", services.limits.session_idle.count());
    return out;
}

} // namespace stepgate::challenge_web::server
