#include "policies/rules/name_pattern.h"

#include "policies/statement/ascii.h"

namespace stepgate::policies::rules
{

bool glob_match(std::string_view pattern, std::string_view text)
{
    std::size_t p = 0, t = 0;
    std::size_t star = std::string_view::npos, resume = 0; // where to go on when the last `*` must eat one more
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.size() && (pattern[p] == '?' || lower(pattern[p]) == lower(text[t]))) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*')
        ++p;
    return p == pattern.size();
}

NamePattern::NamePattern(std::string_view text) : text_(text)
{
    const auto dot = text.rfind('.');
    if (dot != std::string_view::npos)
        schema_ = text.substr(0, dot);
    name_ = dot == std::string_view::npos ? text : text.substr(dot + 1);
}

bool NamePattern::matches(std::string_view name, bool schema_known) const
{
    // Names may hold dots themselves: every cut is tried, a cut too many only makes a rule match more.
    std::size_t dot = name.find('.');
    if (dot == std::string_view::npos)
        return glob_match(name_, name);
    for (; dot != std::string_view::npos; dot = name.find('.', dot + 1)) {
        if (!glob_match(name_, name.substr(dot + 1)))
            continue;
        if (schema_.empty() || !schema_known || glob_match(schema_, name.substr(0, dot)))
            return true;
    }
    return false;
}

} // namespace stepgate::policies::rules
