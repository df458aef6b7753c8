#include "policies/mysql/lexer.h"
#include "proxy/session/mysql_session.h"

#include <algorithm>

namespace stepgate::proxy::session
{

namespace my = protocols::mysql;
namespace mysql = policies::mysql;

namespace
{

constexpr std::size_t header_size = 4;

} // namespace

/// What `LOAD DATA LOCAL INFILE '…'` names in the text that departs, and in those that it executes.
std::vector<std::string> MySqlSession::files_named() const
{
    std::vector<std::string> files;
    const auto& facts = *inspected_.facts->facts;
    const auto loads = [](const auto& one) { return one.does(policies::statement::Kind::copy_from); };
    if (facts.opaque || std::ranges::any_of(facts.statements, loads)) {
        add_files_named(inspected_.sql, files);
        for (const auto& text : facts.runs)
            add_files_named(text, files);
    }
    return files;
}

/// What is not understood is read as far as it is ASCII: not of every character set is known what its other characters
/// hold. Nothing is added where a text may be read in two ways.
void MySqlSession::add_files_named(std::string_view sql, std::vector<std::string>& files) const
{
    if (state_.modes().size() != 1)
        return;
    if (!state_.refusal(sql).empty())
        sql = {sql.begin(), std::ranges::find_if(sql, [](char c) { return static_cast<unsigned char>(c) > 127; })};
    const auto reading = state_.reading(state_.modes().front());
    mysql::Lexer tokens{sql, reading};
    bool is_local = false, is_next = false;
    for (auto token = tokens.next(); token.kind != mysql::TokenKind::end; token = tokens.next()) {
        if (is_next && token.kind == mysql::TokenKind::string)
            files.push_back(mysql::unescaped(token, reading));
        const bool is_word = token.kind == mysql::TokenKind::word;
        is_next = is_local && is_word && token.word == mysql::Word::k_infile;
        is_local = is_word && token.word == mysql::Word::k_local;
    }
}

/// The server says which file it wants: the client would send it any.
bool MySqlSession::was_named(std::string_view file) const
{
    return std::ranges::find(flight_.files, file) != flight_.files.end();
}

/// Packets of the client are pieces of the file, until an empty one.
MySqlSession::Step MySqlSession::file_piece()
{
    const auto data = in_.data();
    std::size_t size = header_size;
    if (data.size() >= header_size)
        size += std::to_integer<std::size_t>(data[0]) | std::to_integer<std::size_t>(data[1]) << 8U |
                std::to_integer<std::size_t>(data[2]) << 16U;
    wanted_ = size;
    if (data.size() < header_size || data.size() < size)
        return Step::more;
    current_ = size;
    return Step::file;
}

/// The server has not seen the packets that were put in front of its question.
net::Task<bool> MySqlSession::forward_file_piece()
{
    const bool is_last = current_ == header_size;
    if (told_ != 0) {
        const auto data = in_.data().first(current_);
        scratch_.assign(data.begin(), data.end());
        scratch_[3] = static_cast<std::byte>(std::to_integer<unsigned>(scratch_[3]) - told_);
        in_.consume(current_);
        current_ = 0;
        rewritten_ = true;
    }
    if (is_last)
        tracker_->infile_end();
    co_return co_await forward();
}

} // namespace stepgate::proxy::session
