#include "challenge-web/server/bearer.h"

#include "challenge-web/server/replies.h"
#include "challenge-web/server/secrets.h"

#include <boost/algorithm/string/predicate.hpp>

#include <algorithm>

namespace stepgate::challenge_web::server
{

namespace
{

constexpr std::string_view scheme = "Bearer ";
constexpr std::string_view session_prefix = "token ";
constexpr std::chrono::seconds token_touch_interval{60}; // one write a minute, not one a request

Response invalid_token()
{
    auto response = error_reply(401, "invalid_token", "This token is none, has expired or was revoked.");
    response.headers.emplace_back("WWW-Authenticate", "Bearer error=\"invalid_token\"");
    return response;
}

/// Guessing tokens counts like guessing passwords.
Response refuse_guess(const Call& call)
{
    call.services.use.lockout.failed({}, call.request.client_address, call.services.use.steady());
    return invalid_token();
}

/// Its first use from an address is recorded before anything is done.
bool note_use(const Call& call, const accounts::ApiToken& token)
{
    auto& accounts = call.services.use.accounts;
    const auto& address = call.request.client_address;
    const auto known = accounts.api_token_knows(token.id, address);
    if (known.has_error())
        return false;
    if (*known == 1 && token.last_used && token.last_address == address &&
        call.now - *token.last_used < token_touch_interval)
        return true;
    if (*known == 0 && !call.services.use.recorder.record("api_token_used", token.user,
                                                          {{"client_address", address}, {"credential", token.id}}))
        return false;
    return accounts.api_token_used(token.id, address, call.now).has_value();
}

Visitor visitor_with(const accounts::ApiToken& token, accounts::User user)
{
    Visitor visitor;
    visitor.session.token_hash = session_of_token(token.hash);
    visitor.session.user = token.user;
    visitor.session.created = token.created;
    visitor.session.expires = token.expires;
    visitor.user = std::move(user);
    return visitor;
}

} // namespace

std::string session_of_token(const std::string& hash)
{
    return std::string{session_prefix} + hash;
}

std::optional<std::string> token_of_session(std::string_view session)
{
    if (!session.starts_with(session_prefix))
        return std::nullopt;
    return std::string{session.substr(session_prefix.size())};
}

bool sends_token(const Request& request)
{
    return std::any_of(request.headers.begin(), request.headers.end(), [](const auto& header) {
        return header.first == "authorization" && boost::algorithm::istarts_with(header.second, scheme);
    });
}

std::optional<Response> admit_token(Call& call, accounts::Scope scope)
{
    auto& use = call.services.use;
    const auto header = call.request.header("authorization");
    if (call.request.count("authorization") > 1 || call.request.count("cookie") > 0)
        return error_reply(400, "two_credentials", "Send one token or one cookie, not both.");
    if (const auto wait = use.lockout.wait({}, call.request.client_address, use.steady()))
        return rate_limited(*wait);
    const auto found = use.accounts.find_api_token(token_hash(header.substr(scheme.size())), call.now);
    if (found.has_error())
        return unavailable();
    if (!*found)
        return refuse_guess(call);
    const auto& token = **found;
    if (auto too_many = call.limit("token " + token.id, call.services.limits.token))
        return too_many;
    if (scope == accounts::Scope::none)
        return error_reply(403, "not_for_tokens", "Only people may do that, on a page.");
    const auto name = to_string(scope);
    if (std::find(token.scopes.begin(), token.scopes.end(), name) == token.scopes.end())
        return error_reply(403, "needs_scope", "This token has not the scope " + std::string{name} + ".");
    auto user = use.accounts.find_user(token.user);
    if (user.has_error())
        return unavailable();
    if (!*user || (*user)->disabled)
        return invalid_token();
    if (!note_use(call, token))
        return unavailable();
    call.visitor = visitor_with(token, std::move(**user));
    call.by_token = true;
    return std::nullopt;
}

} // namespace stepgate::challenge_web::server
