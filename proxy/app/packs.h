#pragma once

#include <span>
#include <string_view>

namespace stepgate::proxy::app
{

/// A policy file that ships with stepgate (policies/packs), built into the program so that `init` can write it.
struct Pack {
    std::string_view name; // "destructive.toml"
    std::string_view text;
};
[[nodiscard]] std::span<const Pack> packs();

} // namespace stepgate::proxy::app
