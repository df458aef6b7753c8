#pragma once

#include <cstdint>

namespace stepgate::protocols::mysql
{

/// SERVER_STATUS_flags_enum, without SERVER_STATUS_ and SERVER_.
enum class Status : std::uint16_t {
    in_trans = 1U << 0,
    autocommit = 1U << 1,
    more_results_exists = 1U << 3,
    no_good_index_used = 1U << 4,
    no_index_used = 1U << 5,
    cursor_exists = 1U << 6,
    last_row_sent = 1U << 7,
    db_dropped = 1U << 8,
    no_backslash_escapes = 1U << 9,
    metadata_changed = 1U << 10,
    query_was_slow = 1U << 11,
    ps_out_params = 1U << 12,
    in_trans_readonly = 1U << 13,
    session_state_changed = 1U << 14,
    ansi_quotes = 1U << 15, // MariaDB only
};

/// The flags of one OK_Packet or EOF_Packet.
class StatusFlags
{
  public:
    constexpr StatusFlags() = default;
    constexpr explicit StatusFlags(std::uint16_t bits) : bits_{bits} {}
    constexpr StatusFlags(Status one) : bits_{static_cast<std::uint16_t>(one)} {}

    [[nodiscard]] constexpr std::uint16_t bits() const { return bits_; }
    [[nodiscard]] constexpr bool has(Status one) const { return (bits_ & static_cast<std::uint16_t>(one)) != 0; }
    [[nodiscard]] constexpr StatusFlags with(Status one) const
    {
        return StatusFlags{static_cast<std::uint16_t>(bits_ | static_cast<std::uint16_t>(one))};
    }
    [[nodiscard]] constexpr StatusFlags without(Status one) const
    {
        return StatusFlags{static_cast<std::uint16_t>(bits_ & ~static_cast<unsigned>(one))};
    }
    friend constexpr bool operator==(StatusFlags, StatusFlags) = default;

  private:
    std::uint16_t bits_ = 0;
};

} // namespace stepgate::protocols::mysql
