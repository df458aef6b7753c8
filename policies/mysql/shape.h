#pragma once

#include "policies/mysql/session_state.h"
#include "policies/statement/facts_cache.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace stepgate::policies::mysql
{

/// Secret of the hash, so that nobody can construct two texts with one key. Random, one a process.
using ShapeSecret = std::array<std::uint64_t, 2>;
[[nodiscard]] ShapeSecret random_shape_secret();

/// Keyed hash of a text's tokens, literals replaced by their class, and of the settings that it is read under. Two
/// texts with one key are read alike but for the values of literals of one class. Nothing where the lexer does not
/// vouch for the text, or more than one reading is possible: such texts are never looked up by shape.
[[nodiscard]] std::optional<statement::FactsCache::Key> shape_of(std::string_view sql, const SessionState& state,
                                                                 const ShapeSecret& secret);

} // namespace stepgate::policies::mysql
