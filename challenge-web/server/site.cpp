#include "challenge-web/server/site.h"

#include "challenge-web/server/bearer.h"
#include "challenge-web/server/challenge_json.h"
#include "challenge-web/server/replies.h"
#include "challenge-web/server/router.h"

#include <boost/json/serialize.hpp>

#include <exception>

namespace stepgate::challenge_web::server
{

namespace
{

Response text_reply(int status, std::string body)
{
    Response response;
    response.status = status;
    response.content_type = "text/plain; charset=utf-8";
    response.body = std::move(body);
    return response;
}

Response health(Diagnostics& diagnostics)
{
    return diagnostics.healthy() ? text_reply(200, "ok\n") : text_reply(503, "unhealthy\n");
}

/// The reason is for operators: the public address says only that there is one.
Response readiness(Diagnostics& diagnostics, bool with_reason)
{
    const auto unready = diagnostics.unready();
    if (!unready)
        return text_reply(200, "ready\n");
    return text_reply(503, with_reason ? "not ready: " + *unready + "\n" : "not ready\n");
}

Response pages(Services& services, const Request& request, const Target& target)
{
    if (request.method != Method::get && request.method != Method::head)
        return error_reply(405, "method_not_allowed", "This address does not take that method.");
    if (target.path == "/healthz")
        return health(services.use.diagnostics);
    if (target.path == "/readyz")
        return readiness(services.use.diagnostics, false);
    return static_file(services.use.assets, request, target);
}

} // namespace

Response Site::handle(const Request& request)
{
    const auto target = parse_target(request.target);
    const bool api = target && !target->segments.empty() && target->segments.front() == "api";
    Response response;
    try {
        if (!target)
            response = bad_request("The address is malformed.");
        else if (api)
            response = route_api(services_, request, *target);
        else
            response = pages(services_, request, *target);
    } catch (const std::exception&) {
        // A bug, or no memory: this request fails, and says nothing of the inside.
        response = error_reply(500, "internal", "Something went wrong in stepgate. Nothing was done.");
    }
    add_security_headers(response, api || !target);
    return response;
}

Response Site::handle_admin(const Request& request)
{
    auto& diagnostics = services_.use.diagnostics;
    const std::string_view path = std::string_view{request.target}.substr(0, request.target.find('?'));
    if (request.method != Method::get && request.method != Method::head)
        return text_reply(405, "only GET\n");
    try {
        if (path == "/healthz")
            return health(diagnostics);
        if (path == "/readyz")
            return readiness(diagnostics, true);
        if (path != "/metrics")
            return text_reply(404, "not found\n");
        auto response = text_reply(200, diagnostics.metrics());
        response.content_type = "text/plain; version=0.0.4; charset=utf-8";
        return response;
    } catch (const std::exception&) {
        return text_reply(500, "internal error\n");
    }
}

void Site::on_challenge(const challenges::Event& event)
{
    if (event.what == challenges::Event::What::proof_rejected)
        return; // nothing changed
    const auto& question = event.challenge.question;
    const auto news = format_event("challenge", boost::json::serialize(summary_json(event.challenge)));
    services_.hub.publish(question.user, news);
    if (challenges::approvals_needed(question.verdict.requirement) == 0)
        return;
    for (const auto& user : services_.hub.users())
        if (user != question.user && services_.use.challenges.may_decide(event.challenge, user))
            services_.hub.publish(user, news);
}

bool Site::session_alive(const std::string& token_hash)
{
    if (const auto hash = token_of_session(token_hash)) {
        const auto token = services_.use.accounts.find_api_token(*hash, services_.use.now());
        return token && *token;
    }
    const auto visitor = services_.sessions.visitor_of(token_hash, services_.use.now());
    return visitor && *visitor;
}

} // namespace stepgate::challenge_web::server
