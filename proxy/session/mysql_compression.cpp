#include "proxy/session/mysql_compression.h"

#include <algorithm>

namespace stepgate::proxy::session
{

namespace my = protocols::mysql;

namespace
{

constexpr std::size_t read_step = std::size_t{16} * 1024;
constexpr std::size_t most_read = std::size_t{256} * 1024;          // a header alone never makes us reserve more
constexpr std::size_t most_packed_at_once = std::size_t{64} * 1024; // others on this thread get their turn

} // namespace

MySqlCompression::MySqlCompression(MySqlCompressed agreed, std::size_t limit)
    : inflater_{agreed.algorithm, limit}, deflater_{agreed.algorithm, agreed.level}
{
}

/// Only asked for when no piece is left: nothing points into the memory then.
std::span<std::byte> MySqlCompression::room()
{
    if (begin_ > 0) {
        std::copy(memory_.begin() + static_cast<std::ptrdiff_t>(begin_),
                  memory_.begin() + static_cast<std::ptrdiff_t>(end_), memory_.begin());
        end_ -= begin_;
        begin_ = 0;
    }
    memory_.resize(std::max(memory_.size(), end_ + std::clamp(wanted_, read_step, most_read)));
    return std::span{memory_}.subspan(end_);
}

void MySqlCompression::commit(std::size_t bytes)
{
    end_ += bytes;
    if (begin_ == end_)
        memory_ = {}; // an idle session has none
}

std::size_t MySqlCompression::take(std::span<std::byte> into)
{
    if (piece_.empty() && !next_piece())
        return 0;
    const auto bytes = std::min(into.size(), piece_.size());
    std::ranges::copy(piece_.first(bytes), into.begin());
    piece_ = piece_.subspan(bytes);
    if (piece_.empty())
        consume();
    return bytes;
}

bool MySqlCompression::next_piece()
{
    const auto found = inflater_.next(wire::View{memory_}.subspan(begin_, end_ - begin_));
    if (const auto* more = std::get_if<my::NeedMore>(&found)) {
        wanted_ = more->bytes;
        return false;
    }
    if (const auto* error = std::get_if<my::errc>(&found)) {
        error_ = *error;
        return false;
    }
    const auto& inflated = std::get<my::Inflated>(found);
    if (!sequence_.received(inflated.sequence)) {
        error_ = my::errc::out_of_order;
        return false;
    }
    piece_ = inflated.piece;
    packet_ = inflated.bytes;
    return true;
}

void MySqlCompression::consume()
{
    begin_ += packet_;
    if (begin_ == end_)
        begin_ = end_ = 0;
}

std::size_t MySqlCompression::put(std::span<const std::byte> from, std::vector<std::byte>& out)
{
    const auto piece = from.first(std::min(from.size(), most_packed_at_once));
    deflater_.write(out, sequence_.take(), piece);
    return piece.size();
}

} // namespace stepgate::proxy::session
