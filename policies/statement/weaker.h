#pragma once

#include "policies/statement/facts.h"

namespace stepgate::policies::statement
{

/// The one of the two that lets more rows through: missing, always_true, present, none.
[[nodiscard]] inline Where weaker(Where one, Where other)
{
    const auto strength = [](Where where) {
        switch (where) {
        case Where::missing:
            return 0;
        case Where::always_true:
            return 1;
        case Where::present:
            return 2;
        case Where::none:
            return 3;
        }
        return 0;
    };
    return strength(other) < strength(one) ? other : one;
}

} // namespace stepgate::policies::statement
