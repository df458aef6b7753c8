#include "proxy/session/mysql_answer.h"

#include "protocols/mysql/cursor.h"
#include "protocols/mysql/reply.h"

namespace stepgate::proxy::session
{

namespace my = protocols::mysql;

namespace
{

constexpr std::size_t most_columns = 16; // no question of ours has more
constexpr std::byte null_value{0xfb};
constexpr std::size_t largest_end = 0xffffff;

} // namespace

void MySqlAnswer::on(wire::View payload)
{
    if (payload.empty() || my::is_progress(payload))
        state_ = payload.empty() ? State::failed : state_;
    else if (payload.front() == my::err_header && state_ != State::columns)
        state_ = State::failed;
    else if (state_ == State::count)
        on_count(payload);
    else if (state_ == State::columns && ++seen_ == columns_)
        state_ = capabilities_.has(my::Capability::deprecate_eof) ? State::rows : State::columns_end;
    else if (state_ == State::columns_end)
        state_ = payload.front() == my::eof_header ? State::rows : State::failed;
    else if (state_ == State::rows)
        on_row(payload);
}

void MySqlAnswer::on_count(wire::View payload)
{
    my::Cursor in{payload};
    columns_ = in.lenenc();
    // Behind the count of what was not prepared they follow always.
    const bool follow = !capabilities_.has(my::Capability::cache_metadata) || in.uint8() == 1;
    const bool good = in.good() && columns_ > 0 && columns_ <= most_columns && in.left() == 0;
    state_ = good && follow ? State::columns : State::failed;
}

void MySqlAnswer::on_row(wire::View payload)
{
    if (payload.front() == my::eof_header && payload.size() < largest_end) {
        state_ = State::done;
        return;
    }
    my::Cursor in{payload};
    Row row;
    for (std::size_t i = 0; i < columns_ && in.good(); ++i) {
        if (in.left() > 0 && payload[payload.size() - in.left()] == null_value) {
            (void)in.uint8();
            row.emplace_back();
        } else {
            row.emplace_back(in.lenenc_text());
        }
    }
    if (!in.good() || in.left() != 0)
        state_ = State::failed;
    else
        on_row_(row);
}

} // namespace stepgate::proxy::session
