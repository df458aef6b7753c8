#pragma once

#include "policies/rules/policy.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::policies::rules
{

/// The policy of one text; a failure and the empty policy if it has errors.
inline std::shared_ptr<const Policy> policy_of(std::string_view text)
{
    const PolicySource source{"test.toml", std::string{text}};
    const auto loaded = load_policy({&source, 1});
    if (const auto* policy = std::get_if<std::shared_ptr<const Policy>>(&loaded))
        return *policy;
    for (const auto& error : std::get<std::vector<PolicyError>>(loaded))
        ADD_FAILURE() << to_string(error);
    return std::make_shared<const Policy>();
}

} // namespace stepgate::policies::rules
