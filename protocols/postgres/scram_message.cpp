#include "protocols/postgres/scram_message.h"

#include <algorithm>
#include <charconv>

namespace stepgate::protocols::postgres
{

namespace
{

constexpr std::size_t most_digits = 9; // fits into an int

bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

} // namespace

std::optional<std::string_view> ScramMessage::take(char name)
{
    if (peek() != name) {
        left_ = {};
        return std::nullopt;
    }
    const auto comma = left_.find(',');
    const auto value = left_.substr(2, comma == std::string_view::npos ? comma : comma - 2);
    left_ = comma == std::string_view::npos ? std::string_view{} : left_.substr(comma + 1);
    if (comma != std::string_view::npos && left_.empty())
        left_ = ","; // a comma at the end announces an attribute that is not there: never done()
    return value;
}

char ScramMessage::peek() const
{
    const bool is_attribute = left_.size() >= 2 && left_[1] == '=' && is_letter(left_[0]);
    return is_attribute ? left_[0] : '\0';
}

void ScramMessage::skip_until(char name)
{
    while (peek() != '\0' && peek() != name)
        take(peek());
}

bool is_nonce(std::string_view text)
{
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f' && c != ','; });
}

std::optional<int> iterations_of(std::string_view text)
{
    int iterations = 0;
    const bool plain = !text.empty() && text.size() <= most_digits && text[0] >= '1' && text[0] <= '9';
    if (!plain)
        return std::nullopt;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), iterations);
    if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size())
        return std::nullopt;
    return iterations;
}

} // namespace stepgate::protocols::postgres
