#include "proxy/upstream/mysql_written_body.h"

#include <algorithm>
#include <cstddef>

namespace stepgate::proxy::upstream
{

namespace
{

constexpr auto end_of_text = std::string_view::npos;

bool in_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$' ||
           (c & 0x80) != 0;
}

/// Behind what stands in quotes at `at`. A doubled quote is two quotes that touch, which does no harm here.
std::size_t behind_quotes(std::string_view text, std::size_t at, bool backslashes)
{
    const char quote = text[at];
    for (++at; at < text.size() && text[at] != quote; ++at)
        if (text[at] == '\\' && backslashes && quote != '`')
            ++at;
    return std::min(at + 1, text.size());
}

/// Behind a comment that begins at `at`, or `at`.
std::size_t behind_comment(std::string_view text, std::size_t at)
{
    const auto rest = text.substr(at);
    std::size_t end = 0;
    if (rest.starts_with("/*"))
        end = text.find("*/", at + 2);
    else if (rest.starts_with("#") || rest.starts_with("-- ") || rest.starts_with("--\t") || rest.starts_with("--\n"))
        end = text.find('\n', at);
    else
        return at;
    return end == end_of_text ? text.size() : end + (rest.starts_with("/*") ? 2 : 1);
}

} // namespace

bool may_be_written_otherwise(std::string_view shown)
{
    return shown.find_first_of("'\"\\") != end_of_text;
}

std::string_view written_body(std::string_view created, std::string_view shown, bool backslashes)
{
    const auto start = shown.substr(0, shown.find_first_of("'\"\\"));
    if (start.empty())
        return {};
    int depth = 0; // of parentheses: parameters
    for (std::size_t at = 0; at < created.size();) {
        const bool begins = at > 0 && !in_name(created[at - 1]) && depth == 0;
        if (begins && created.substr(at).starts_with(start))
            return created.substr(at);
        const char c = created[at];
        if (const auto behind = behind_comment(created, at); behind != at) {
            at = behind;
        } else if (c == '\'' || c == '"' || c == '`') {
            at = behind_quotes(created, at, backslashes);
        } else {
            depth += c == '(' ? 1 : c == ')' ? -1 : 0;
            ++at;
        }
    }
    return {};
}

} // namespace stepgate::proxy::upstream
