#include "challenge-web/server/step_up.h"

#include "challenge-web/server/replies.h"

#include <chrono>
#include <string>

namespace stepgate::challenge_web::server
{

std::optional<Response> refuse_weak_session(const Call& call, std::string_view what)
{
    if (call.visitor->session.strong)
        return std::nullopt;
    return error_reply(403, "needs_strong_session", "Sign in with a passkey to " + std::string{what} + '.');
}

std::optional<Response> refuse_old_session(const Call& call, std::string_view what)
{
    // A session begins with its proof; a strong one keeps that time when it is replaced. A clock that was set back does
    // not make a proof new.
    if (std::chrono::abs(call.now - call.visitor->session.created) < call.services.limits.step_up)
        return std::nullopt;
    if (call.visitor->session.strong)
        return error_reply(403, "needs_step_up",
                           "You signed in a while ago. Use your passkey again to " + std::string{what} + '.');
    return error_reply(403, "needs_new_sign_in",
                       "You signed in a while ago. Sign out and in again to " + std::string{what} + '.');
}

std::optional<Response> refuse_without_step_up(const Call& call, std::string_view what)
{
    if (auto refused = refuse_weak_session(call, what))
        return refused;
    return refuse_old_session(call, what);
}

} // namespace stepgate::challenge_web::server
