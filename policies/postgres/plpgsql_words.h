#pragma once

#include "policies/postgres/tokenizer.h"

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::policies::postgres
{

/// A PL/pgSQL body cut into words and symbols, which are asked for by their number; behind the last one nothing is true
/// and no word is one.
class PlWords
{
  public:
    using Words = std::initializer_list<std::string_view>;

    PlWords(std::string_view body, bool backslashes);

    /// "": it could be cut.
    [[nodiscard]] std::string_view problem() const { return problem_; }
    [[nodiscard]] std::size_t count() const { return tokens_.size(); }

    /// Folded to lower case, as keywords are read; "" for what is no word.
    [[nodiscard]] std::string_view word(std::size_t i) const
    {
        return i < words_.size() ? std::string_view{words_[i]} : std::string_view{};
    }
    [[nodiscard]] bool one_of(std::size_t i, Words words) const;
    [[nodiscard]] bool symbol(std::size_t i, char c) const
    {
        return is(i, TokenKind::symbol) && text_[tokens_[i].begin] == c;
    }
    /// Two symbols that the lexer takes as one: ":=", "..", "<<", ">>".
    [[nodiscard]] bool symbols(std::size_t i, char one, char other) const
    {
        return symbol(i, one) && symbol(i + 1, other) && !tokens_[i + 1].gap_before;
    }
    [[nodiscard]] bool is_parameter(std::size_t i) const { return is(i, TokenKind::parameter); }
    [[nodiscard]] bool is_name(std::size_t i) const { return is(i, TokenKind::word) || is(i, TokenKind::quoted_name); }
    [[nodiscard]] std::string name(std::size_t i) const; // of one that is_name

    [[nodiscard]] std::string slice(std::size_t begin, std::size_t end) const;
    /// The first token from `from` outside brackets that is one of the words, or ";", or the end.
    [[nodiscard]] std::size_t until(std::size_t from, Words words) const;
    /// The bracket that closes the one there, or the end.
    [[nodiscard]] std::size_t closing(std::size_t open) const;

  private:
    [[nodiscard]] bool is(std::size_t i, TokenKind kind) const { return i < tokens_.size() && tokens_[i].kind == kind; }
    void push(Token token);

    std::string_view text_;
    std::vector<Token> tokens_;
    std::vector<std::string> words_;
    std::string_view problem_;
};

} // namespace stepgate::policies::postgres
