#pragma once

#include "policies/postgres/parse_tree.h"
#include "policies/postgres/same_value.h"

#include <span>

namespace stepgate::policies::postgres
{

/// A literal array without elements: '{}', array[]::int[]. Nothing is any of them, everything differs from all.
[[nodiscard]] bool is_empty_array(const ::Node* node);
/// A range without bounds, as it is written: '(,)', int4range(NULL, NULL).
[[nodiscard]] bool is_endless_range(const ::Node* range);

/// Tells what an expression is whatever the row, NULLs aside. `values` and `literals_consulted`, which is set when a
/// literal told, must outlive it.
class KnownValue
{
  public:
    KnownValue(SameValue& values, bool& literals_consulted) : values_(values), literals_(literals_consulted) {}

    /// The same for every row: it reads no column, or takes it out again (x - x, x * 0).
    [[nodiscard]] bool settled(const ::Node* node);
    /// A length, an absolute value, a square and the like.
    [[nodiscard]] bool never_negative(const ::Node* node);
    /// x + 1 beside x: never equal to it, and greater (or less) for every row.
    [[nodiscard]] bool shifted(const ::Node* plain, const ::Node* computed);
    /// The range begins or ends with the value, which is in it, and has no other bound: int4range(x, NULL).
    [[nodiscard]] bool around(const ::Node* range, const ::Node* value);
    /// x % 2 beside 0 and 1: what numbers give that are not negative, as keys are.
    [[nodiscard]] bool all_remainders(const ::Node* value, std::span<const ::ListCell> items);

  private:
    SameValue& values_;
    bool& literals_;
};

} // namespace stepgate::policies::postgres
