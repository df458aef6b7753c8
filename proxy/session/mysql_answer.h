#pragma once

#include "protocols/mysql/capabilities.h"
#include "protocols/wire/bytes.h"

#include <cstddef>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

namespace stepgate::proxy::session
{

/// Reads the server's answer to a question of stepgate's own: one text result set, or an error. Packet in, rows out.
class MySqlAnswer
{
  public:
    using Row = std::vector<std::optional<std::string_view>>; // valid during the call
    using OnRow = std::function<void(const Row&)>;

    MySqlAnswer(protocols::mysql::Capabilities capabilities, OnRow on_row)
        : capabilities_{capabilities}, on_row_{std::move(on_row)}
    {
    }

    void on(wire::View payload);
    [[nodiscard]] bool done() const { return state_ == State::done || state_ == State::failed; }
    [[nodiscard]] bool failed() const { return state_ == State::failed; }

  private:
    enum class State { count, columns, columns_end, rows, done, failed };

    void on_count(wire::View payload);
    void on_row(wire::View payload);

    protocols::mysql::Capabilities capabilities_;
    OnRow on_row_;
    State state_ = State::count;
    std::size_t columns_ = 0, seen_ = 0;
};

} // namespace stepgate::proxy::session
