#pragma once

#include "policies/postgres/parse_tree.h"

namespace stepgate::policies::postgres
{

/// Whether an expression may name a column. One that surely names none is the same for every row.
[[nodiscard]] bool reads_column(const ::Node* expression);

} // namespace stepgate::policies::postgres
