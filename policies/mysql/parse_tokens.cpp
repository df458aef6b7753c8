#include "policies/mysql/parser.h"
#include "policies/statement/ascii.h"

#include <algorithm>
#include <charconv>

namespace stepgate::policies::mysql
{
namespace
{

bool is_high(char c)
{
    return static_cast<unsigned char>(c) >= 0x80;
}

/// Names are compared by a collation under which letters with marks are their plain ones, so a name with such letters
/// may stand for another. Chinese, Japanese and Korean characters stand for themselves only.
bool stands_for_itself(std::string_view name)
{
    for (std::size_t i = 0; i < name.size(); ++i) {
        if (!is_high(name[i]))
            continue;
        const auto byte = [&](std::size_t k) {
            return k < name.size() ? static_cast<unsigned>(static_cast<unsigned char>(name[k])) : 0U;
        };
        const unsigned code = (byte(i) & 0x0fU) << 12 | (byte(i + 1) & 0x3fU) << 6 | (byte(i + 2) & 0x3fU);
        const bool three = (byte(i) & 0xf0U) == 0xe0 && (byte(i + 1) & 0xc0U) == 0x80 && (byte(i + 2) & 0xc0U) == 0x80;
        const bool plain = (code >= 0x3040 && code <= 0x30ff) || (code >= 0x4e00 && code <= 0x9fff) ||
                           (code >= 0xac00 && code <= 0xd7a3);
        if (!three || !plain)
            return false;
        i += 2;
    }
    return true;
}

} // namespace

Parser::Parser(std::string_view sql, const SessionState& state, const SqlMode& mode, const Limits& limits,
               Analysis& out, const Behind& behind)
    : sql_(sql), state_(&state), reading_(state.reading(mode)), limits_(limits), out_(out), behind_(behind),
      lexer_(sql, reading_)
{
    if (behind.parameters != nullptr)
        declared_.assign(behind.parameters->begin(), behind.parameters->end());
}

const Token& Parser::peek(std::size_t ahead)
{
    while (ring_size_ <= ahead) {
        Token& slot = ring_[(ring_begin_ + ring_size_) % ring_.size()];
        if (failed_) {
            slot = Token{};
        } else {
            slot = lexer_.next();
            if (!lexer_.trouble().empty())
                fail(std::string{lexer_.trouble()});
        }
        ++ring_size_;
    }
    return ring_[(ring_begin_ + ahead) % ring_.size()];
}

void Parser::advance()
{
    last_end_ = cur().end;
    ring_begin_ = (ring_begin_ + 1) % ring_.size();
    --ring_size_;
}

/// Forgets tokens read ahead.
void Parser::restart_lexer(std::size_t position)
{
    lexer_.restart(position);
    ring_size_ = 0;
}

/// Ends the reading: from here on there are no tokens, so that every loop ends.
void Parser::fail(std::string reason)
{
    if (failed_)
        return;
    failed_ = true;
    out_.facts.parsed = false;
    out_.facts.runs_when_prepared = out_.facts.runs_when_prepared || may_run_early();
    opaque(std::move(reason));
    ring_size_ = 0;
    ring_begin_ = 0;
}

void Parser::opaque(std::string reason)
{
    constexpr std::size_t most_reasons = 20;
    out_.facts.opaque = true;
    if (out_.facts.opaque_reasons.size() < most_reasons &&
        std::ranges::find(out_.facts.opaque_reasons, reason) == out_.facts.opaque_reasons.end())
        out_.facts.opaque_reasons.push_back(std::move(reason));
}

void Parser::unexpected()
{
    if (failed_)
        return;
    const std::size_t where = cur().begin;
    if (!failed_) // reading on may have found trouble of its own
        fail(at(TokenKind::end) ? "does not parse: it ends too early"
                                : "does not parse: not expected at byte " + std::to_string(where + 1));
}

bool Parser::spend(std::size_t steps)
{
    work_ += steps;
    if (work_ <= limits_.max_work)
        return true;
    fail("names too many tables and columns");
    return false;
}

bool Parser::next_is(std::size_t ahead, Word word)
{
    const Token& token = peek(ahead);
    return token.kind == TokenKind::word && token.word == word;
}

bool Parser::next_is(std::size_t ahead, char c)
{
    const Token& token = peek(ahead);
    return token.kind == TokenKind::symbol && token.symbol == symbol(c);
}

bool Parser::accept(Word word)
{
    if (!at(word))
        return false;
    advance();
    return true;
}

bool Parser::accept(char c)
{
    return accept(symbol(c));
}

bool Parser::accept(Symbol mark)
{
    if (!at(mark))
        return false;
    advance();
    return true;
}

void Parser::expect(Word word)
{
    if (!accept(word))
        unexpected();
}

void Parser::expect(char c)
{
    expect(symbol(c));
}

void Parser::expect(Symbol mark)
{
    if (!accept(mark))
        unexpected();
}

bool Parser::is_name(const Token& token) const
{
    return token.kind == TokenKind::quoted_name ||
           (token.kind == TokenKind::word && !is_reserved(token.word, mariadb()));
}

/// The name that a token spells. Holds the text if the name may stand for another one.
std::string_view Parser::name_of(const Token& token)
{
    std::string_view text = token.text;
    if (token.escaped)
        text = names_.emplace_back(unescaped(token, reading_));
    if (std::ranges::any_of(text, is_high) && (reading_.charset > Charset::utf8mb3 || !stands_for_itself(text)))
        opaque("holds a name outside ASCII, which may stand for another name");
    return text;
}

std::string_view Parser::name()
{
    if (!at_name()) {
        unexpected();
        return {};
    }
    const Token token = cur();
    advance();
    return name_of(token);
}

std::string_view Parser::name_or_text()
{
    if (!at(TokenKind::string))
        return name();
    const Token token = cur();
    out_.literals_consulted = true; // a string that names something
    advance();
    return token.escaped ? std::string_view{names_.emplace_back(unescaped(token, reading_))} : token.text;
}

/// [database .] table, or ". table" for one of the current database. After a point any word is a name.
TableName Parser::table_name()
{
    TableName table;
    if (!at('.')) {
        table.name = name();
        if (!at('.'))
            return table;
        table.database = table.name;
    }
    expect('.');
    table.name = name();
    return table;
}

std::string Parser::string_value()
{
    if (!at(TokenKind::string)) {
        unexpected();
        return {};
    }
    std::string value;
    while (at(TokenKind::string)) {
        value += unescaped(cur(), reading_);
        advance();
    }
    return value;
}

std::uint64_t Parser::integer_value()
{
    std::uint64_t value = 0;
    if (!at(TokenKind::integer)) {
        unexpected();
        return value;
    }
    const std::string_view text = cur().text;
    std::from_chars(text.data(), text.data() + text.size(), value);
    advance();
    return value;
}

void Parser::if_exists()
{
    if (!at(Word::k_if) || !next_is(1, Word::k_exists))
        return;
    advance();
    advance();
}

void Parser::if_not_exists()
{
    if (!at(Word::k_if) || !next_is(1, Word::k_not))
        return;
    advance();
    advance();
    expect(Word::k_exists);
}

/// Parentheses around what names nothing that matters: types, lists of columns, options.
void Parser::skip_group()
{
    in_group([] { return false; });
}

} // namespace stepgate::policies::mysql
