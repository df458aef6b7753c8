#include "policies/mysql/whole_span.h"

namespace stepgate::policies::mysql
{

std::optional<bool> decided(const Span& left, Symbol op, const Span& right)
{
    if (!left.known || !right.known || (left.converted && right.converted))
        return std::nullopt;
    const bool open = left.open || right.open;
    const bool no_more = left.high <= right.low, no_less = left.low >= right.high;
    const bool below = open ? no_more : left.high < right.low, above = open ? no_less : left.low > right.high;
    const bool differ = below || above || left.open != right.open; // a whole number and a fraction
    const auto either_way = [](bool holds, bool fails) { return holds || fails ? std::optional{holds} : std::nullopt; };
    switch (op) {
    case Symbol::less:
        return either_way(below, no_less);
    case Symbol::less_equal:
        return either_way(no_more, above);
    case Symbol::greater:
        return either_way(above, no_more);
    case Symbol::greater_equal:
        return either_way(no_less, below);
    case Symbol::equal:
        return either_way(no_more && no_less && !differ, differ);
    case Symbol::not_equal:
        return either_way(differ, no_more && no_less && !differ);
    default:
        return std::nullopt;
    }
}

Span calculated(const Span& left, Symbol op, const Span& right)
{
    switch (op) {
    case Symbol::plus:
        return left + right;
    case Symbol::minus:
        return left - right;
    case Symbol::star:
        return left * right;
    case Symbol::percent:
        return left.modulo(right);
    case Symbol::slash:
    case Symbol::ampersand:
    case Symbol::shift_left:
    case Symbol::shift_right:
        return left.always_zero() && (op != Symbol::slash || right.never_zero()) ? left.as_number() : Span{};
    case Symbol::pipe:
    case Symbol::caret:
        return left.always_zero() ? right.as_number() : right.always_zero() ? left.as_number() : Span{};
    default:
        return {};
    }
}

} // namespace stepgate::policies::mysql
