#include "policies/rules/toml_values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

namespace stepgate::policies::rules
{
namespace
{

constexpr std::size_t short_list = 12;

/// "12unit": the number, and the unit through `unit`.
std::optional<std::uint64_t> take_number(std::string_view text, std::string_view& unit)
{
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{})
        return std::nullopt;
    unit = text.substr(static_cast<std::size_t>(end - text.data()));
    return number;
}

/// Insertions, deletions, replacements and swapped neighbours ("tsl"), each counted as one.
std::size_t edit_distance(std::string_view a, std::string_view b)
{
    std::vector<std::size_t> before(b.size() + 1), row(b.size() + 1), next(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        next[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = row[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            next[j] = std::min({replaced, row[j] + 1, next[j - 1] + 1});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                next[j] = std::min(next[j], before[j - 2] + 1);
        }
        std::swap(before, row);
        std::swap(row, next);
    }
    return row[b.size()];
}

} // namespace

std::optional<std::chrono::seconds> parse_duration(std::string_view text)
{
    std::string_view unit;
    const auto number = take_number(text, unit);
    if (!number || *number > std::uint64_t{1'000'000'000})
        return std::nullopt;
    static constexpr std::array<std::pair<std::string_view, std::int64_t>, 4> units{
        {{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}}};
    if (unit.empty() && *number == 0)
        return std::chrono::seconds{0};
    for (const auto& [name, seconds] : units)
        if (unit == name)
            return std::chrono::seconds{static_cast<std::int64_t>(*number) * seconds};
    return std::nullopt;
}

std::optional<std::size_t> parse_size(std::string_view text)
{
    std::string_view unit;
    const auto number = take_number(text, unit);
    static constexpr std::array<std::pair<std::string_view, int>, 4> units{
        {{"", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}}};
    for (const auto& [name, shift] : units)
        if (number && unit == name && *number <= (std::numeric_limits<std::size_t>::max() >> shift))
            return static_cast<std::size_t>(*number) << shift;
    return std::nullopt;
}

std::optional<std::string_view> nearest(std::string_view written, std::span<const std::string_view> candidates)
{
    if (written.size() > 100) // a typo is short, and the distance costs the product of the lengths
        return std::nullopt;
    std::optional<std::string_view> best;
    std::size_t distance = std::max<std::size_t>(1, written.size() / 3) + 1;
    for (const auto candidate : candidates) {
        const std::size_t here = edit_distance(written, candidate);
        if (here < distance) {
            distance = here;
            best = candidate;
        }
    }
    return best;
}

std::string suggestion(std::string_view written, std::span<const std::string_view> candidates)
{
    if (const auto near = nearest(written, candidates))
        return "did you mean \"" + std::string{*near} + "\"?";
    if (candidates.empty() || candidates.size() > short_list)
        return {};
    std::string list = "one of: ";
    for (const auto candidate : candidates)
        list.append(candidate).append(candidate == candidates.back() ? "" : ", ");
    return list;
}

} // namespace stepgate::policies::rules
