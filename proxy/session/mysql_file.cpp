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

/// What `LOAD DATA LOCAL INFILE '…'` names in the text that departs; nothing of a text that may be read in two ways.
std::vector<std::string> MySqlSession::files_named() const
{
    std::vector<std::string> files;
    const auto& facts = *inspected_.facts->facts;
    const bool loads = std::ranges::any_of(facts.statements, [](const auto& one) {
        return one.kind == policies::statement::Kind::copy_from && one.object == "local file";
    });
    if (!loads || state_.modes().size() != 1 || !state_.refusal(inspected_.sql).empty())
        return files;
    const auto reading = state_.reading(state_.modes().front());
    mysql::Lexer tokens{inspected_.sql, reading};
    bool is_next = false;
    for (auto token = tokens.next(); token.kind != mysql::TokenKind::end; token = tokens.next()) {
        if (is_next && token.kind == mysql::TokenKind::string && !token.escaped)
            files.emplace_back(token.text);
        is_next = token.kind == mysql::TokenKind::word && token.word == mysql::Word::k_infile;
    }
    return files;
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
