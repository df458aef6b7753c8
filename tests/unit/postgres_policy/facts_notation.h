#pragma once

#include "policies/statement/facts.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::tests
{

/// Facts in the notation of tests/cases/postgres/*.facts (explained in that folder's README.md): one map a statement,
/// "kind" and the parts that say something, besides what holds for the whole text.
struct NotedFacts {
    std::vector<std::map<std::string, std::string>> statements;
    bool parsed = true;
    bool secret = false;
    bool opaque = false;
    std::string opaque_contains; // expected only
    bool operator==(const NotedFacts& other) const
    {
        return statements == other.statements && parsed == other.parsed && secret == other.secret &&
               opaque == other.opaque;
    }
};

/// What is created, altered, … inside of a statement only where it is `expected`.
[[nodiscard]] NotedFacts note(const policies::statement::Facts& facts, const NotedFacts& expected);
/// Nothing if the text is not in the notation; `problem` then says why.
[[nodiscard]] std::optional<NotedFacts> parse_notation(std::string_view text, std::string& problem);
[[nodiscard]] std::string to_text(const NotedFacts& noted);

} // namespace stepgate::tests
