#pragma once

#include <cstdint>

namespace stepgate::policies::mysql
{

// How tightly operators bind (MySQL 8.0 manual 14.4.1). Comparisons, LIKE, IN and BETWEEN take operands that bind
// tighter than themselves.
enum Power : int {
    power_or = 1,
    power_xor,
    power_and,
    power_not,
    power_comparison,
    power_bit_or,
    power_bit_and,
    power_shift,
    power_sum,
    power_product,
    power_bit_xor,
    power_concat,
    power_unary,
    power_none = -1,
};

// What parts an expression from others of the same operands.
enum Seed : std::uint64_t { row_seed = 100, query_seed, exists_seed, in_seed, between_seed, null_seed, value_seed };

} // namespace stepgate::policies::mysql
