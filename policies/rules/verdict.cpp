#include "policies/rules/verdict.h"

#include <boost/algorithm/string/join.hpp>

namespace stepgate::policies::rules
{

std::string_view to_string(Action action)
{
    switch (action) {
    case Action::allow:
        return "allow";
    case Action::notify:
        return "notify";
    case Action::challenge:
        return "challenge";
    case Action::deny:
        return "deny";
    }
    return "deny";
}

std::string_view to_string(ElevationScope scope)
{
    switch (scope) {
    case ElevationScope::statement:
        return "statement";
    case ElevationScope::session:
        return "session";
    case ElevationScope::user_address:
        return "user_address";
    case ElevationScope::label:
        return "label";
    }
    return "session";
}

std::string rule_list(const std::vector<std::string>& rules)
{
    return (rules.size() == 1 ? "rule " : "rules ") + boost::algorithm::join(rules, ", ");
}

} // namespace stepgate::policies::rules
