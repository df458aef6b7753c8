#include "policies/rules/policy.h"

#include "policies/rules/sql_regexes.h"

namespace stepgate::policies::rules
{

Policy::Policy() : sql_regexes_(std::make_unique<SqlRegexes>())
{
    default_opaque_.action = Action::challenge;
    default_opaque_.requirement.level = 2;
}

Policy::~Policy() = default;

} // namespace stepgate::policies::rules
