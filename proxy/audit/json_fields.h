#pragma once

#include <boost/json/object.hpp>

#include <string>
#include <string_view>

namespace stepgate::proxy::audit
{

/// A text of a JSON object from a file or a record; "" if it is not there or no text.
[[nodiscard]] inline std::string text_at(const boost::json::object& object, std::string_view key)
{
    const auto* value = object.if_contains(key);
    const auto* text = value ? value->if_string() : nullptr;
    return text ? std::string{*text} : std::string{};
}

} // namespace stepgate::proxy::audit
