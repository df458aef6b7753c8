#include "policies/statement/shape_text.h"

#include "policies/statement/ascii.h"

#include <algorithm>
#include <utility>

namespace stepgate::policies::statement
{

namespace
{

constexpr std::size_t longest_name = 128; // servers take 63 or 64 characters

/// Could it be a name without quotes?
bool is_plain(std::string_view name)
{
    const auto starts = [](char c) { return is_letter(c) || c == '_' || static_cast<unsigned char>(c) >= 0x80; };
    return !name.empty() && name.size() <= longest_name && starts(name.front()) &&
           std::all_of(name.begin(), name.end(), [&](char c) { return starts(c) || is_digit(c) || c == '$'; });
}

} // namespace

void ShapeText::add(std::string_view token)
{
    if (gap_ && !text_.empty())
        text_ += ' ';
    gap_ = false;
    text_ += token;
}

void ShapeText::word(std::string_view text)
{
    add(is_plain(text) ? lower(text) : std::string{hidden});
}

void ShapeText::name(std::string_view written, std::string_view name)
{
    add(is_plain(name) ? written : hidden);
}

std::string ShapeText::take()
{
    if (!full())
        return std::move(text_);
    text_.resize(most_);
    while (!text_.empty() && (static_cast<unsigned char>(text_.back()) & 0xc0) == 0x80) // a character cut in two
        text_.pop_back();
    if (!text_.empty() && static_cast<unsigned char>(text_.back()) >= 0xc0)
        text_.pop_back();
    return std::move(text_.append(hidden));
}

} // namespace stepgate::policies::statement
