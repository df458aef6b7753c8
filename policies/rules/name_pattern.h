#pragma once

#include <string>
#include <string_view>

namespace stepgate::policies::rules
{

/// A table or function name with `*` (any characters) and `?` (one character): "public.customers", "pg_read_*".
/// Without a schema it matches in every schema. Case does not count: erring on the strict side.
class NamePattern
{
  public:
    explicit NamePattern(std::string_view text);

    /// `name`: "schema.name" or "name". When its schema is not known, the schema of the pattern is not compared: a rule
    /// about public.customers must see `customers` of a session whose search path we cannot know.
    [[nodiscard]] bool matches(std::string_view name, bool schema_known) const;
    [[nodiscard]] const std::string& text() const { return text_; }

  private:
    std::string text_;
    std::string schema_; // empty: any
    std::string name_;
};

/// `*` and `?` against a whole string, without regard to ASCII case. Worst case: the product of the lengths.
[[nodiscard]] bool glob_match(std::string_view pattern, std::string_view text);

} // namespace stepgate::policies::rules
