#pragma once

#include "policies/postgres/session_state.h"

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace stepgate::policies::postgres
{

/// 128-bit keyed hash of a statement's token stream, literals replaced by their class.
struct ShapeKey {
    std::uint64_t high = 0, low = 0;
    bool operator==(const ShapeKey&) const = default;
};

/// Secret of the hash, so that nobody can construct two texts with one key. Random, one a process.
using ShapeSecret = std::array<std::uint64_t, 2>;
[[nodiscard]] ShapeSecret random_shape_secret();

/// The shape of a text. Two texts with the same key have the same parse tree but for the values of literals of one
/// class. `sound` is false when the tokenizer does not vouch for that (unterminated quotes, bytes it does not know,
/// readings that differ): such texts are never looked up by shape.
struct Shape {
    ShapeKey key;
    bool sound = false;
    bool has_literals = false; // that the key does not tell from others of their class
};
[[nodiscard]] Shape shape_of(std::string_view sql, Lexing lexing, const ShapeSecret& secret,
                             std::string_view salt = {});

/// A text for people who must see nothing of its literals: "select * from t where id = $1". Comments and spare white
/// space dropped, words in lower case, literals numbered after the text's own highest parameter, names that could not
/// stand without quotes "…". At most `max_bytes`, then "…". A text that cannot be cut into tokens, or differently where
/// backslashes escape, is "…" alone.
[[nodiscard]] std::string shape_text(std::string_view sql, std::size_t max_bytes = 8192);

} // namespace stepgate::policies::postgres
