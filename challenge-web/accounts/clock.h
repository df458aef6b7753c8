#pragma once

#include <chrono>

namespace stepgate::challenge_web::accounts
{

/// What was made further from now than this in the future was made by a clock that was ahead: it would last until long
/// after its time. It is good no more (and is again when its time comes, if it should).
constexpr std::chrono::minutes clock_slack{5};

} // namespace stepgate::challenge_web::accounts
