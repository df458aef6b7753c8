#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace stepgate::challenge_web::factors
{

// The adapter of libsodium: argon2id (RFC 9106) for secrets that people remember. It takes a good part of a second and
// a lot of memory on purpose: worker threads only.

/// What one guess costs somebody who stole the store. libsodium's moderate limits; tests take less.
struct HashCost {
    unsigned long long passes = 3;
    std::size_t memory = std::size_t{256} << 20; // bytes
};

/// "$argon2id$…" with its salt and cost. nullopt: no memory for it.
[[nodiscard]] std::optional<std::string> password_hash(std::string_view secret, HashCost cost);

enum class HashMatch { yes, no, failed }; // failed: no memory for it, so nobody knows
[[nodiscard]] HashMatch password_matches_hash(std::string_view secret, const std::string& hash);

} // namespace stepgate::challenge_web::factors
