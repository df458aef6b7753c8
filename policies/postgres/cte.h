#pragma once

#include "policies/postgres/parse_tree.h"

#include <algorithm>
#include <cstddef>
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

/// The nearest query of that name; no `cte`: the name is a table's.
inline FoundCte find_cte(const ::RangeVar& relation, CtePlace place)
{
    if (relation.schemaname != nullptr)
        return {};
    for (; place.frame != nullptr; place = {place.frame->outer}) {
        const auto end =
            place.frame->ctes.begin() + static_cast<std::ptrdiff_t>(std::min(place.visible, place.frame->ctes.size()));
        const auto found = std::find_if(place.frame->ctes.begin(), end,
                                        [&](const Cte& cte) { return cte.name == view_of(relation.relname); });
        if (found != end)
            return {&*found, {place.frame, found->sees}};
    }
    return {};
}

} // namespace stepgate::policies::postgres
