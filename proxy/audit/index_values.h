#pragma once

#include <SQLiteCpp/Column.h>

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::proxy::audit
{

// How lists and absent texts stand in the index's columns.

[[nodiscard]] inline std::string join(std::span<const std::string_view> items)
{
    std::string joined;
    for (const auto item : items) {
        if (!joined.empty())
            joined += ',';
        joined += item;
    }
    return joined;
}

[[nodiscard]] inline std::vector<std::string> split(const std::string& joined)
{
    std::vector<std::string> items;
    std::size_t from = 0;
    while (from < joined.size()) {
        const std::size_t comma = std::min(joined.find(',', from), joined.size());
        items.push_back(joined.substr(from, comma - from));
        from = comma + 1;
    }
    return items;
}

[[nodiscard]] inline std::string text_of(const SQLite::Column& column)
{
    return column.isNull() ? std::string{} : column.getString();
}

} // namespace stepgate::proxy::audit
