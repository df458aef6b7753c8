#pragma once

#include <cstddef>
#include <functional>
#include <span>

namespace stepgate::challenge_web::challenges
{

/// Fills the span with unpredictable bytes; false if it cannot, and the caller refuses. Thread-safe.
using RandomSource = std::function<bool(std::span<std::byte>)>;

/// OpenSSL's generator. Tests pass their own.
[[nodiscard]] RandomSource system_random();

} // namespace stepgate::challenge_web::challenges
