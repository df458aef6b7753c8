#pragma once

#include "challenge-web/challenges/random.h"

#include <optional>
#include <string>

namespace stepgate::challenge_web::challenges
{

/// Six characters that people do not mistake for each other (no 0, O, 1, I, L), as "KX4-7PM". Not a secret: it lets a
/// person see that terminal and page speak of the same statement. nullopt: the random source failed.
[[nodiscard]] std::optional<std::string> make_short_code(const RandomSource& random);

} // namespace stepgate::challenge_web::challenges
