#include "challenge-web/challenges/requirement_json.h"

#include "challenge-web/challenges/requirement.h"

#include <boost/json/value_from.hpp>

namespace stepgate::challenge_web::challenges
{

namespace json = boost::json;

json::object requirement_json(const policies::rules::Requirement& requirement)
{
    const int approvals = approvals_needed(requirement);
    return {{"level", requirement.level},
            {"factors", json::value_from(requirement.factors)},
            {"approvals", approvals},
            {"approvers", approvals > 0 ? json::value(approver_group(requirement)) : json::value(nullptr)}};
}

} // namespace stepgate::challenge_web::challenges
