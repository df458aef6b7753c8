#include "challenge-web/server/json_body.h"

#include "challenge-web/server/replies.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>

namespace stepgate::challenge_web::server
{

namespace json = boost::json;

namespace
{

bool is_json(std::string_view content_type)
{
    const auto type = content_type.substr(0, content_type.find(';'));
    constexpr std::string_view wanted = "application/json";
    const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; };
    const auto end = type.find_last_not_of(' ');
    return end != std::string_view::npos &&
           std::equal(type.begin(), type.begin() + static_cast<std::ptrdiff_t>(end) + 1, wanted.begin(), wanted.end(),
                      same);
}

json::string_view view(std::string_view text)
{
    return {text.data(), text.size()};
}

} // namespace

JsonBody::JsonBody(const Request& request)
{
    if (request.body.empty())
        return;
    if (!is_json(request.header("content-type"))) {
        wrong_media_type_ = true;
        fail("Send JSON, with Content-Type: application/json.");
        return;
    }
    json::parse_options options;
    options.max_depth = 8;
    json::error_code code;
    auto parsed = json::parse(view(request.body), code, {}, options);
    if (code || !parsed.is_object()) {
        fail("The body is not a JSON object.");
        return;
    }
    object_ = std::move(parsed.as_object());
}

void JsonBody::fail(std::string message)
{
    if (message_.empty())
        message_ = std::move(message);
}

const json::value* JsonBody::find(std::string_view key)
{
    asked_.push_back(key);
    return object_.if_contains(view(key));
}

std::string JsonBody::text(std::string_view key, std::size_t most)
{
    auto value = optional_text(key, most);
    if (value.empty())
        fail("\"" + std::string{key} + "\" is missing or empty.");
    return value;
}

std::string JsonBody::optional_text(std::string_view key, std::size_t most)
{
    const auto* value = find(key);
    if (value == nullptr)
        return {};
    if (!value->is_string() || value->as_string().size() > most ||
        value->as_string().find('\0') != json::string::npos) {
        fail("\"" + std::string{key} + "\" must be a string of at most " + std::to_string(most) + " bytes.");
        return {};
    }
    return {value->as_string().data(), value->as_string().size()};
}

bool JsonBody::flag(std::string_view key)
{
    const auto* value = find(key);
    if (value == nullptr)
        return false;
    if (!value->is_bool())
        fail("\"" + std::string{key} + "\" must be true or false.");
    return value->is_bool() && value->as_bool();
}

std::int64_t JsonBody::integer(std::string_view key, std::int64_t least, std::int64_t most, std::int64_t otherwise)
{
    const auto* value = find(key);
    if (value == nullptr)
        return otherwise;
    const auto* number = value->if_int64();
    if (number != nullptr && *number >= least && *number <= most)
        return *number;
    fail("\"" + std::string{key} + "\" must be a number from " + std::to_string(least) + " to " + std::to_string(most) +
         ".");
    return otherwise;
}

std::vector<std::string> JsonBody::texts(std::string_view key, std::size_t most)
{
    constexpr std::size_t most_items = 100;
    const auto* value = find(key);
    std::vector<std::string> out;
    const bool good = value != nullptr && value->is_array() && value->as_array().size() <= most_items &&
                      std::all_of(value->as_array().begin(), value->as_array().end(), [&](const json::value& item) {
                          if (!item.is_string() || item.as_string().empty() || item.as_string().size() > most)
                              return false;
                          out.emplace_back(item.as_string().data(), item.as_string().size());
                          return true;
                      });
    if (!good)
        fail("\"" + std::string{key} + "\" must be a list of strings of at most " + std::to_string(most) + " bytes.");
    return out;
}

std::optional<std::vector<std::string>> JsonBody::optional_texts(std::string_view key, std::size_t most)
{
    return find(key) == nullptr ? std::nullopt : std::optional{texts(key, most)};
}

std::string JsonBody::object(std::string_view key)
{
    const auto* value = find(key);
    if (value == nullptr || !value->is_object()) {
        fail("\"" + std::string{key} + "\" must be an object.");
        return {};
    }
    return json::serialize(*value);
}

std::optional<Response> JsonBody::problem() const
{
    if (wrong_media_type_)
        return error_reply(415, "unsupported_media_type", message_);
    if (!message_.empty())
        return bad_request(message_);
    for (const auto& entry : object_)
        if (std::find(asked_.begin(), asked_.end(), std::string_view{entry.key().data(), entry.key().size()}) ==
            asked_.end())
            return bad_request("The body has a key that this operation does not know.");
    return std::nullopt;
}

} // namespace stepgate::challenge_web::server
