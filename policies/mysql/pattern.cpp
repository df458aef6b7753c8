#include "policies/mysql/pattern.h"

#include <cstddef>

namespace stepgate::policies::mysql
{

bool like_matches_all(std::string_view pattern)
{
    return !pattern.empty() && pattern.find_first_not_of('%') == std::string_view::npos;
}

/// Brackets, braces and backslashes are not looked into: what holds some may leave texts out.
bool regexp_matches_all(std::string_view pattern)
{
    bool takes = true, begins = false, ends = false, loose = false;
    const auto branch = [&] { return takes && (loose || !(begins && ends)); };
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        const char next = i + 1 < pattern.size() ? pattern[i + 1] : '\0';
        switch (pattern[i]) {
        case '|':
            if (branch())
                return true;
            takes = true;
            begins = ends = loose = false;
            break;
        case '^':
            begins = true;
            break;
        case '$':
            ends = true;
            break;
        case '.':
            loose = loose || next == '*';
            takes = takes && (next == '*' || next == '?');
            break;
        case '(':
        case ')':
        case '*':
        case '+':
        case '?':
            break;
        case '[':
        case '{':
        case '\\':
            return false;
        default:
            takes = takes && (next == '*' || next == '?');
        }
    }
    return branch();
}

} // namespace stepgate::policies::mysql
