#pragma once

#include "policies/statement/facts.h"

namespace stepgate::policies::postgres
{

/// The one of the two that lets more rows through: missing, always_true, present, none.
[[nodiscard]] inline statement::Where weaker(statement::Where one, statement::Where other)
{
    const auto strength = [](statement::Where where) {
        switch (where) {
        case statement::Where::missing:
            return 0;
        case statement::Where::always_true:
            return 1;
        case statement::Where::present:
            return 2;
        case statement::Where::none:
            return 3;
        }
        return 0;
    };
    return strength(other) < strength(one) ? other : one;
}

} // namespace stepgate::policies::postgres
