#pragma once

#include "policies/postgres/parse_tree.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string_view>
#include <vector>

namespace stepgate::policies::postgres
{

/// A column that a FROM item without a table behind it surely has.
struct Output {
    std::string_view name;
    bool composite = false; // its value is a row, so that (item.name).field is no call
};
struct Outputs {
    std::vector<Output> columns;
    bool complete = true; // there are no others
};

/// One query of a WITH.
struct Cte {
    std::string_view name;
    Outputs outputs;
    const ::CommonTableExpr* definition;
    std::size_t sees; // how many of its frame its own query can name
};
struct CteFrame {
    const CteFrame* outer = nullptr;
    std::vector<Cte> ctes;
};

/// Where a name may mean a query of a WITH: the first ones of a frame, and all of those around it.
struct CtePlace {
    const CteFrame* frame = nullptr;
    std::size_t visible = static_cast<std::size_t>(-1);
};
struct FoundCte {
    const Cte* cte = nullptr;
    CtePlace inside; // what its own query sees
};

/// Counts steps of looking names up; false: there were too many, and the text is opaque. Empty: they do not count.
using Spend = std::function<bool(std::size_t)>;

/// The nearest query of that name; no `cte`: the name is a table's, or the steps are used up.
inline FoundCte find_cte(const ::RangeVar& relation, CtePlace place, const Spend& spend)
{
    if (relation.schemaname != nullptr)
        return {};
    for (; place.frame != nullptr; place = {place.frame->outer}) {
        const auto& ctes = place.frame->ctes;
        const std::size_t visible = std::min(place.visible, ctes.size());
        if (spend && !spend(visible))
            return {};
        const auto end = ctes.begin() + static_cast<std::ptrdiff_t>(visible);
        const auto found = std::ranges::find(ctes.begin(), end, view_of(relation.relname), &Cte::name);
        if (found != end)
            return {&*found, {place.frame, found->sees}};
    }
    return {};
}

} // namespace stepgate::policies::postgres
