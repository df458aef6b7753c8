#pragma once

#include "challenge-web/challenges/challenges.h"

#include <boost/json/object.hpp>

#include <span>
#include <string>
#include <vector>

namespace stepgate::challenge_web::server
{

/// openapi.yaml's ChallengeSummary.
[[nodiscard]] boost::json::object summary_json(const challenges::Snapshot& challenge);

/// openapi.yaml's Challenge. `enrolled`: the kinds of factor that the user has.
[[nodiscard]] boost::json::object challenge_json(const challenges::Snapshot& challenge,
                                                 std::span<const std::string> enrolled, challenges::TimePoint now);

} // namespace stepgate::challenge_web::server
