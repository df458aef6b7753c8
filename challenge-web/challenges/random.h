#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

namespace stepgate::challenge_web::challenges
{

/// Fills the span with unpredictable bytes; false if it cannot, and the caller refuses. Thread-safe.
using RandomSource = std::function<bool(std::span<std::byte>)>;

/// OpenSSL's generator. Tests pass their own.
[[nodiscard]] RandomSource system_random();

/// So many random bytes; nullopt if the source cannot.
[[nodiscard]] std::optional<std::string> random_bytes(const RandomSource& random, std::size_t size);
/// One of the numbers below `bound`, each as likely as any other; nullopt if the source cannot.
[[nodiscard]] std::optional<std::uint64_t> random_below(const RandomSource& random, std::uint64_t bound);
/// 16 random hex digits.
[[nodiscard]] std::optional<std::string> random_id(const RandomSource& random);

} // namespace stepgate::challenge_web::challenges
