#include "policies/statement/facts.h"

#include <algorithm>

namespace stepgate::policies::statement
{

std::string_view to_string(Where where)
{
    switch (where) {
    case Where::none:
        return "none";
    case Where::missing:
        return "missing";
    case Where::always_true:
        return "always_true";
    case Where::present:
        return "present";
    }
    return {};
}

bool StatementFacts::does(Kind wanted) const
{
    return kind == wanted || std::ranges::find(inner, wanted, &Inner::kind) != inner.end();
}

} // namespace stepgate::policies::statement
