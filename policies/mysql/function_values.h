#pragma once

#include "policies/mysql/expression.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace stepgate::policies::mysql
{

/// What is known of a function's value whatever it is given; `name` is `hash_of` its name. NULL aside.
[[nodiscard]] bool is_never_negative(std::uint64_t name);

/// The arguments of a call in a predicate, as they are read, and what they say of its value.
class Arguments
{
  public:
    Arguments(std::uint64_t function, bool& literals) : function_{function}, literals_{literals}, choice_{literals} {}
    void add(const Expression& argument);
    /// `made` is a value of which nothing is known besides.
    [[nodiscard]] Expression value_of(Expression made) const;

  private:
    [[nodiscard]] bool is_settled() const;
    void keep_number(Expression& made) const;
    void take_pattern(Expression& made) const;

    std::uint64_t function_;
    bool& literals_;
    std::size_t count_ = 0, filled_ = 0; // of which so many are no empty texts
    Expression first_, second_;
    bool twice_ = false;    // the second is the first
    bool not_null_ = false; // one of them
    bool texts_ = true;     // all are texts that LIKE takes for anything, or empty
    bool everything_ = false;
    bool joins_ = true; // all are texts as they stand
    std::optional<std::string> joined_;
    std::optional<Expression> arms_;     // what those have in common of which it is one
    Choice choice_;                      // of IF
    bool spanned_ = false;               // of one of the values it is known between which numbers it is
    Span within_;                        // what the values have in common that it may be
    Expression limit_;                   // the first that hangs on the row
    bool open_ = true;                   // nothing stands before that but what may be NULL
    std::optional<Expression> filtered_; // the first that hangs on the row, if so
};

} // namespace stepgate::policies::mysql
