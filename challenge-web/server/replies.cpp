#include "challenge-web/server/replies.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <charconv>
#include <ctime>

namespace stepgate::challenge_web::server
{

namespace json = boost::json;

namespace
{

bool number(std::string_view text, std::size_t at, std::size_t length, int& value)
{
    if (at + length > text.size())
        return false;
    const char* first = text.data() + at;
    const auto parsed = std::from_chars(first, first + length, value);
    return parsed.ec == std::errc{} && parsed.ptr == first + length && *first != '-';
}

/// The part behind the seconds: "Z" or ".1Z" to ".123456Z", in microseconds.
std::optional<int> fraction(std::string_view text)
{
    if (text == "Z")
        return 0;
    if (text.size() < 3 || text.size() > 8 || text.front() != '.' || text.back() != 'Z')
        return std::nullopt;
    int value = 0;
    const auto digits = text.size() - 2;
    if (!number(text, 1, digits, value))
        return std::nullopt;
    for (auto i = digits; i < 6; ++i)
        value *= 10;
    return value;
}

} // namespace

std::optional<std::chrono::system_clock::time_point> parse_rfc3339(std::string_view text)
{
    std::tm parts{};
    const bool shape =
        text.size() >= 20 && text[4] == '-' && text[7] == '-' && text[10] == 'T' && text[13] == ':' && text[16] == ':';
    if (!shape || !number(text, 0, 4, parts.tm_year) || !number(text, 5, 2, parts.tm_mon) ||
        !number(text, 8, 2, parts.tm_mday) || !number(text, 11, 2, parts.tm_hour) ||
        !number(text, 14, 2, parts.tm_min) || !number(text, 17, 2, parts.tm_sec))
        return std::nullopt;
    const auto micros = fraction(text.substr(19));
    const auto day = std::chrono::year_month_day{std::chrono::year{parts.tm_year},
                                                 std::chrono::month{static_cast<unsigned>(parts.tm_mon)},
                                                 std::chrono::day{static_cast<unsigned>(parts.tm_mday)}};
    // Years that the clock's nanoseconds can count.
    const bool countable = parts.tm_year >= 1970 && parts.tm_year <= 2200;
    if (!micros || !countable || !day.ok() || parts.tm_hour > 23 || parts.tm_min > 59 || parts.tm_sec > 59)
        return std::nullopt;
    return std::chrono::sys_days{day} + std::chrono::hours{parts.tm_hour} + std::chrono::minutes{parts.tm_min} +
           std::chrono::seconds{parts.tm_sec} + std::chrono::microseconds{*micros};
}

Response json_text_reply(int status, std::string text)
{
    Response response;
    response.status = status;
    response.content_type = "application/json";
    response.body = std::move(text);
    return response;
}

Response json_reply(int status, const json::value& value)
{
    return json_text_reply(status, json::serialize(value));
}

Response no_content()
{
    Response response;
    response.status = 204;
    return response;
}

Response error_reply(int status, std::string_view code, std::string_view message)
{
    const json::object error{{"code", json::string_view{code.data(), code.size()}},
                             {"message", json::string_view{message.data(), message.size()}}};
    return json_reply(status, json::object{{"error", error}});
}

Response bad_request(std::string_view message)
{
    return error_reply(400, "bad_request", message);
}

Response not_found()
{
    return error_reply(404, "not_found", "There is nothing here for you.");
}

Response unavailable()
{
    return error_reply(503, "unavailable", "stepgate cannot use its store or its audit right now. Nothing was done.");
}

Response rate_limited(std::chrono::seconds retry_after)
{
    auto response = error_reply(429, "rate_limited", "Too many requests. Wait a moment and try again.");
    response.headers.emplace_back("Retry-After", std::to_string(retry_after.count()));
    return response;
}

} // namespace stepgate::challenge_web::server
