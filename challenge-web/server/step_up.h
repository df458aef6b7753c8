#pragma once

#include "challenge-web/server/call.h"

#include <optional>
#include <string_view>

namespace stepgate::challenge_web::server
{

/// What decides who can prove what (factors, tokens, users) is changed by people who have shown a passkey just now: a
/// browser that was left open, or a stolen cookie, is not enough. `what` ends "Sign in with a passkey to …". The answer
/// to give to anybody else.
[[nodiscard]] std::optional<Response> refuse_without_step_up(const Call& call, std::string_view what);

/// The same by whatever factor the person signed in with: for what opens a door to the databases.
[[nodiscard]] std::optional<Response> refuse_old_session(const Call& call, std::string_view what);

/// As refuse_without_step_up, however long ago: for what ends something that a step-up began.
[[nodiscard]] std::optional<Response> refuse_weak_session(const Call& call, std::string_view what);

} // namespace stepgate::challenge_web::server
