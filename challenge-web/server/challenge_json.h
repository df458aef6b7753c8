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

/// Who looks at a challenge, the kinds of factor that they have, and those that there are here.
struct Viewer {
    const std::string& user;
    std::span<const std::string> enrolled, offered;
};

/// openapi.yaml's Challenge.
[[nodiscard]] boost::json::object challenge_json(const challenges::Snapshot& challenge, const Viewer& viewer,
                                                 challenges::TimePoint now);

} // namespace stepgate::challenge_web::server
