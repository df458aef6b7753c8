#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace stepgate::proxy::app
{

/// How many connections may be open at a time, so that those of one kind leave descriptors to the others, and all of
/// them to the audit and the store: without them nothing is released.
struct DescriptorShare {
    std::size_t sessions; // two descriptors each
    std::size_t pages;    // of browsers and programs that use the API, one each

    bool operator==(const DescriptorShare&) const = default;
};

/// Of `limit` descriptors; `own` are stepgate's. Nothing if they are too few to be of use.
[[nodiscard]] std::optional<DescriptorShare> share_descriptors(std::size_t limit, std::size_t own,
                                                               const DescriptorShare& wanted);

/// Raises the process's limit as far as it may, and shares. nullopt, and `why` says what to do.
[[nodiscard]] std::optional<DescriptorShare> take_descriptors(std::size_t connections, std::size_t loops,
                                                              std::size_t listeners, std::string& why);

} // namespace stepgate::proxy::app
