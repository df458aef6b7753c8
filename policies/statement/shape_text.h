#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace stepgate::policies::statement
{

/// Writes the tokens of a statement for people who must see nothing of its literals. A quoted name may spell anything,
/// so only those that could stand without their quotes are shown; others are "…".
class ShapeText
{
  public:
    static constexpr std::string_view hidden = "…";

    explicit ShapeText(std::size_t most) : most_(most) {}

    /// Space before the next token.
    void gap() { gap_ = true; }
    void add(std::string_view token);
    /// A keyword or a name, in lower case.
    void word(std::string_view text);
    /// Of a name in quotes, or behind a mark: how it is written, and what it says.
    void name(std::string_view written, std::string_view name);
    /// Nothing more needs to be added.
    [[nodiscard]] bool full() const { return text_.size() > most_; }
    /// At most `most` bytes, cut before a character, then "…".
    [[nodiscard]] std::string take();

  private:
    const std::size_t most_;
    std::string text_;
    bool gap_ = false;
};

} // namespace stepgate::policies::statement
