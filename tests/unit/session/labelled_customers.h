#pragma once

#include "policies/rules/policy.h"

#include <memory>
#include <utility>
#include <variant>

namespace stepgate::proxy::session
{

/// A policy that labels one column, wherever a table of that name is.
inline std::shared_ptr<const policies::rules::Policy> labelled_customers()
{
    const policies::rules::PolicySource source{"test.toml", R"(
[[label]]
table = "customers"
columns = {ssn = ["pii"]}
)"};
    auto loaded = policies::rules::load_policy({&source, 1});
    return std::get<std::shared_ptr<const policies::rules::Policy>>(std::move(loaded));
}

} // namespace stepgate::proxy::session
