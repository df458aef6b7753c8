#include "policies/sensitivity/labels.h"

#include <algorithm>

namespace stepgate::policies::sensitivity
{

LabelNames::LabelNames(std::vector<std::string> names) : names_(std::move(names))
{
    std::ranges::sort(names_);
    names_.erase(std::unique(names_.begin(), names_.end()), names_.end());
}

std::optional<LabelId> LabelNames::find(std::string_view name) const
{
    const auto found = std::ranges::lower_bound(names_, name);
    if (found == names_.end() || *found != name)
        return std::nullopt;
    return static_cast<LabelId>(found - names_.begin());
}

std::vector<std::string> LabelNames::names(LabelSet set) const
{
    std::vector<std::string> result;
    result.reserve(static_cast<std::size_t>(set.size()));
    for (std::size_t id = 0; id < names_.size(); ++id)
        if (set.contains(static_cast<LabelId>(id)))
            result.push_back(names_[id]);
    return result;
}

} // namespace stepgate::policies::sensitivity
