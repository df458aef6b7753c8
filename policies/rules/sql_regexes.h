#pragma once

#include "policies/rules/policy_error.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace re2
{
class RE2;
}

namespace stepgate::policies::rules
{

/// Compiles a regular expression with the limits used for all of them. Null: `error` says why.
[[nodiscard]] std::shared_ptr<const re2::RE2> compile_regex(const std::string& pattern, std::string& error);
[[nodiscard]] bool regex_matches(const re2::RE2& regex, std::string_view text);

/// The sql_regex conditions of all rules in one automaton, matched once a statement. Add all, then `compile`, then only
/// `match`, from any thread.
class SqlRegexes
{
  public:
    SqlRegexes();
    ~SqlRegexes();

    /// The index of the pattern, or why it is refused.
    [[nodiscard]] std::optional<int> add(const std::string& pattern, std::string& error);
    /// False: together they need too much memory.
    [[nodiscard]] bool compile();
    [[nodiscard]] bool empty() const { return count_ == 0; }

    /// Indexes of those found in the text go to `found`, in no order. False: it could not be decided (the automaton ran
    /// out of memory), and the caller must take every pattern as found.
    [[nodiscard]] bool match(std::string_view sql, std::vector<int>& found) const;

  private:
    struct Set;
    std::unique_ptr<Set> set_;
    int count_ = 0;
};

} // namespace stepgate::policies::rules
