#pragma once

#include <cstdint>

namespace stepgate::policies::mysql
{

/// What is known of a function's value whatever it is given; `name` is `hash_of` its name. NULL aside.
[[nodiscard]] bool is_never_negative(std::uint64_t name);
/// f(x, x) is the same for all x.
[[nodiscard]] bool is_settled_by_twice_the_same(std::uint64_t name);

} // namespace stepgate::policies::mysql
