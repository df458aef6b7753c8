#include "challenge-web/server/session_keeper.h"

#include "challenge-web/server/http_text.h"
#include "challenge-web/server/secrets.h"

namespace stepgate::challenge_web::server
{

namespace
{

// "__Host-": browsers take it only with Secure, Path=/ and no Domain, so no other host and no plain page can set it.
constexpr std::string_view cookie_name = "__Host-stepgate";
constexpr std::string_view cookie_attributes = "; Path=/; Secure; HttpOnly; SameSite=Strict";
constexpr std::chrono::seconds touch_interval{60}; // one write a minute, not one a request

std::optional<std::string> cookie_hash(const Request& request)
{
    const auto cookie = find_cookie(request.header("cookie"), cookie_name);
    if (!cookie || cookie->size() != 43) // 32 bytes as base64url
        return std::nullopt;
    return token_hash(*cookie);
}

} // namespace

result<std::optional<Visitor>> SessionKeeper::visitor(const Request& request, accounts::TimePoint now) const
{
    const auto hash = cookie_hash(request);
    if (!hash)
        return std::optional<Visitor>{};
    auto found = visitor_of(*hash, now);
    if (found && *found && now - (*found)->session.last_seen >= touch_interval) {
        if (const auto touched = accounts_.touch_web_session(*hash, now); touched.has_error())
            return touched.error();
        (*found)->session.last_seen = now;
    }
    return found;
}

result<std::optional<Visitor>> SessionKeeper::visitor_of(const std::string& hash, accounts::TimePoint now) const
{
    auto session = accounts_.find_web_session(hash, now);
    if (session.has_error())
        return session.error();
    if (!*session || now >= (*session)->expires || now - (*session)->last_seen >= limits_.session_idle)
        return std::optional<Visitor>{};
    auto user = accounts_.find_user((*session)->user);
    if (user.has_error())
        return user.error();
    if (!*user || (*user)->disabled)
        return std::optional<Visitor>{};
    return std::optional<Visitor>{Visitor{std::move(**session), std::move(**user)}};
}

result<accounts::WebSession> SessionKeeper::start(const Request& request, const std::string& user, Strength strength,
                                                  accounts::TimePoint signed_in, accounts::TimePoint now,
                                                  Response& response)
{
    const auto token = random_token();
    const auto csrf = random_token();
    if (!token || !csrf)
        return accounts::make_error_code(accounts::errc::store_unavailable);
    if (const auto old = cookie_hash(request)) {
        const auto removed = accounts_.remove_web_session(*old);
        if (removed.has_error() && removed.error() == accounts::errc::store_unavailable)
            return removed.error();
    }
    accounts::WebSession session;
    session.token_hash = token_hash(*token);
    session.user = user;
    session.csrf = *csrf;
    session.enrolment_only = strength == Strength::enrolment_only;
    session.strong = strength == Strength::strong;
    session.created = signed_in;
    session.last_seen = now;
    session.expires = signed_in + (session.enrolment_only ? limits_.enrolment_session : limits_.session_absolute);
    session.client_address = request.client_address;
    session.user_agent = std::string{request.header("user-agent").substr(0, 256)};
    if (const auto added = accounts_.add_web_session(session); added.has_error())
        return added.error();
    response.headers.emplace_back("Set-Cookie",
                                  std::string{cookie_name} + "=" + *token + std::string{cookie_attributes});
    return session;
}

result<void> SessionKeeper::end(const accounts::WebSession& session, Response& response)
{
    response.headers.emplace_back("Set-Cookie",
                                  std::string{cookie_name} + "=" + std::string{cookie_attributes} + "; Max-Age=0");
    const auto removed = accounts_.remove_web_session(session.token_hash);
    if (removed.has_error() && removed.error() == accounts::errc::store_unavailable)
        return removed.error();
    return {};
}

} // namespace stepgate::challenge_web::server
