#pragma once

#include "policies/mysql/expression.h"

#include <cstddef>
#include <cstdint>

namespace stepgate::policies::mysql
{

/// Between which numbers the value of a function is by what its arguments are (`length('')`, `sign(id)`), NULL aside;
/// `function` is `hash_of` its name. What is not known of here gives nothing.
[[nodiscard]] Span number_of_call(std::uint64_t function, const Expression& first, const Expression& second,
                                  std::size_t count);

} // namespace stepgate::policies::mysql
