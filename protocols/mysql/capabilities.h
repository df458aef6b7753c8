#pragma once

#include <cstdint>

namespace stepgate::protocols::mysql
{

/// What a peer can do or, in a client's answer, what both will do: MySQL's 32 flags, and above them MariaDB's extended
/// ones. Names as the vendors' documents have them, without CLIENT_ and MARIADB_CLIENT_.
enum class Capability : std::uint64_t {
    long_password = 1U << 0, // MariaDB calls it CLIENT_MYSQL: a peer with it has no extended flags
    found_rows = 1U << 1,
    long_flag = 1U << 2,
    connect_with_db = 1U << 3,
    no_schema = 1U << 4, // names lose their database: `a.t` would be read as `t`
    compress = 1U << 5,
    odbc = 1U << 6,
    local_files = 1U << 7,
    ignore_space = 1U << 8, // the server begins with IGNORE_SPACE in sql_mode
    protocol_41 = 1U << 9,
    interactive = 1U << 10,
    ssl = 1U << 11,
    ignore_sigpipe = 1U << 12,
    transactions = 1U << 13,
    reserved = 1U << 14,
    secure_connection = 1U << 15,
    multi_statements = 1U << 16,
    multi_results = 1U << 17,
    ps_multi_results = 1U << 18,
    plugin_auth = 1U << 19,
    connect_attrs = 1U << 20,
    plugin_auth_lenenc_client_data = 1U << 21,
    can_handle_expired_passwords = 1U << 22,
    session_track = 1U << 23,
    deprecate_eof = 1U << 24,
    optional_resultset_metadata = 1U << 25,
    zstd_compression_algorithm = 1U << 26,
    query_attributes = 1U << 27,
    multi_factor_authentication = 1U << 28,
    progress_obsolete = 1U << 29, // MariaDB; MySQL calls it CLIENT_CAPABILITY_EXTENSION and has no use for it yet
    ssl_verify_server_cert = 1U << 30,
    remember_options = 1U << 31,
    progress = 1ULL << 32,
    com_multi = 1ULL << 33,
    stmt_bulk_operations = 1ULL << 34,
    extended_metadata = 1ULL << 35,
    cache_metadata = 1ULL << 36,
    bulk_unit_results = 1ULL << 37,
};

/// A set of capabilities.
class Capabilities
{
  public:
    constexpr Capabilities() = default;
    constexpr explicit Capabilities(std::uint64_t bits) : bits_{bits} {}
    constexpr Capabilities(Capability one) : bits_{static_cast<std::uint64_t>(one)} {}

    [[nodiscard]] constexpr std::uint64_t bits() const { return bits_; }
    [[nodiscard]] constexpr bool has(Capability one) const { return (bits_ & static_cast<std::uint64_t>(one)) != 0; }
    [[nodiscard]] constexpr bool has_all(Capabilities all) const { return (bits_ & all.bits_) == all.bits_; }
    [[nodiscard]] constexpr Capabilities without(Capabilities other) const
    {
        return Capabilities{bits_ & ~other.bits_};
    }

    friend constexpr Capabilities operator|(Capabilities a, Capabilities b) { return Capabilities{a.bits_ | b.bits_}; }
    friend constexpr Capabilities operator&(Capabilities a, Capabilities b) { return Capabilities{a.bits_ & b.bits_}; }
    friend constexpr bool operator==(Capabilities, Capabilities) = default;

  private:
    std::uint64_t bits_ = 0;
};

[[nodiscard]] constexpr Capabilities operator|(Capability a, Capability b)
{
    return Capabilities{a} | Capabilities{b};
}

/// Never offered to a client and never asked of a server: they would carry statements or results past this library, or
/// change what names mean. Bits that nobody has defined yet are masked too.
inline constexpr Capabilities masked =
    Capability::no_schema | Capability::compress | Capability::zstd_compression_algorithm |
    Capability::optional_resultset_metadata | Capability::multi_factor_authentication | Capability::com_multi;

/// All that a relay may let two peers agree on. local_files is in it: whether files may flow is the policy's to say.
inline constexpr Capabilities relayed = Capabilities{(1ULL << 38) - 1}.without(masked);

} // namespace stepgate::protocols::mysql
