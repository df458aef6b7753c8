#include "policies/postgres/plpgsql_words.h"

#include "policies/postgres/identifier_list.h"
#include "policies/statement/ascii.h"

#include <algorithm>

namespace stepgate::policies::postgres
{
namespace
{

constexpr std::size_t most_tokens = 200'000;

} // namespace

PlWords::PlWords(std::string_view body, bool backslashes) : text_(body)
{
    Tokenizer tokens{body, backslashes};
    for (Token token; tokens.next(token) && tokens_.size() <= most_tokens;)
        push(token);
    if (!tokens.sound())
        problem_ = "its text cannot be cut into words";
    else if (tokens_.size() > most_tokens)
        problem_ = "it is too long";
    words_.reserve(tokens_.size());
    for (const Token& token : tokens_)
        words_.push_back(token.kind == TokenKind::word ? lower(text_.substr(token.begin, token.end - token.begin))
                                                       : std::string{});
}

/// "9..1" is 9, "..", 1 and never 9, ".", .1: the lexer takes the two dots first.
void PlWords::push(Token token)
{
    const bool after_dot = !tokens_.empty() && !token.gap_before && tokens_.back().kind == TokenKind::symbol &&
                           text_[tokens_.back().begin] == '.';
    if (after_dot && token.kind == TokenKind::number && text_[token.begin] == '.') {
        Token dot = token;
        dot.kind = TokenKind::symbol;
        dot.end = dot.begin + 1;
        tokens_.push_back(dot);
        ++token.begin;
    }
    tokens_.push_back(token);
}

bool PlWords::one_of(std::size_t i, Words words) const
{
    return std::ranges::find(words, word(i)) != words.end() && !word(i).empty();
}

std::string PlWords::name(std::size_t i) const
{
    if (tokens_[i].kind == TokenKind::word)
        return std::string{cut_name(words_[i])};
    std::string out{text_.substr(tokens_[i].content_begin, tokens_[i].content_end - tokens_[i].content_begin)};
    for (std::size_t at = 0; (at = out.find("\"\"", at)) != std::string::npos; ++at)
        out.erase(at, 1);
    return std::string{cut_name(out)};
}

std::string PlWords::slice(std::size_t begin, std::size_t end) const
{
    if (begin >= end || end > tokens_.size())
        return {};
    return std::string{text_.substr(tokens_[begin].begin, tokens_[end - 1].end - tokens_[begin].begin)};
}

std::size_t PlWords::until(std::size_t from, Words words) const
{
    int depth = 0;
    for (std::size_t i = from; i < tokens_.size(); ++i) {
        if (symbol(i, '(') || symbol(i, '['))
            ++depth;
        else if (symbol(i, ')') || symbol(i, ']'))
            --depth;
        else if (symbol(i, ';') || (depth == 0 && one_of(i, words)))
            return i;
    }
    return tokens_.size();
}

std::size_t PlWords::closing(std::size_t open) const
{
    int depth = 0;
    for (std::size_t i = open; i < tokens_.size(); ++i) {
        depth += symbol(i, '(') ? 1 : 0;
        depth -= symbol(i, ')') ? 1 : 0;
        if (depth == 0)
            return i;
    }
    return tokens_.size();
}

} // namespace stepgate::policies::postgres
