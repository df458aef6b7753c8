#pragma once

#include "policies/rules/verdict.h"

#include <boost/json/object.hpp>

namespace stepgate::challenge_web::challenges
{

/// {"level", "factors", "approvals", "approvers"}, as pages, programs and the terminal's data have it. `approvers`: the
/// group whose members may approve; null where nobody else is asked.
[[nodiscard]] boost::json::object requirement_json(const policies::rules::Requirement& requirement);

} // namespace stepgate::challenge_web::challenges
