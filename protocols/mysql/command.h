#pragma once

#include "protocols/mysql/capabilities.h"
#include "protocols/mysql/errc.h"
#include "protocols/mysql/handshake.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace stepgate::protocols::mysql
{

/// What a client sends once it is logged in: the first byte of a message whose sequence id is 0 (MySQL internals,
/// "Command Phase"; MariaDB's own are above 0xf9). Names without COM_.
enum class Command : std::uint8_t {
    sleep = 0x00,
    quit = 0x01,
    init_db = 0x02,
    query = 0x03,
    field_list = 0x04,
    create_db = 0x05,
    drop_db = 0x06,
    refresh = 0x07,
    shutdown = 0x08,
    statistics = 0x09,
    process_info = 0x0a,
    connect = 0x0b,
    process_kill = 0x0c,
    debug = 0x0d,
    ping = 0x0e,
    time = 0x0f,
    delayed_insert = 0x10,
    change_user = 0x11,
    binlog_dump = 0x12,
    table_dump = 0x13,
    connect_out = 0x14,
    register_slave = 0x15,
    stmt_prepare = 0x16,
    stmt_execute = 0x17,
    stmt_send_long_data = 0x18,
    stmt_close = 0x19,
    stmt_reset = 0x1a,
    set_option = 0x1b,
    stmt_fetch = 0x1c,
    daemon = 0x1d,
    binlog_dump_gtid = 0x1e,
    reset_connection = 0x1f,
    clone = 0x20,
    subscribe_group_replication_stream = 0x21,
    stmt_bulk_execute = 0xfa, // MariaDB
    slave_worker = 0xfb,
    slave_io = 0xfc,
    slave_sql = 0xfd,
    multi = 0xfe,
};

/// What a relay must do with a command.
enum class Treatment : std::uint8_t {
    pass,    // has no SQL and changes nothing that SQL means
    text,    // carries SQL: COM_QUERY runs it, COM_STMT_PREPARE keeps it
    execute, // runs what was prepared, or goes on with it
    session, // changes what later SQL means, or which is allowed
    kill,    // ends another session's statement
    refuse,  // everything else: 1047
};

/// The allow-list. Bytes that are no command are refused.
[[nodiscard]] Treatment treatment(Command command);

/// The server answers it: all but COM_STMT_CLOSE, COM_STMT_SEND_LONG_DATA and COM_QUIT.
[[nodiscard]] bool is_answered(Command command);

/// For logs and the audit: "COM_STMT_EXECUTE", "unknown command". Static text.
[[nodiscard]] std::string_view name(Command command);

/// The command of a message: nothing, if it has none.
[[nodiscard]] std::optional<Command> command_of(wire::View payload);

/// The same of a message as it came: a command begins a new sequence. errc: out_of_order, unexpected_message.
[[nodiscard]] result<Command> decode_command(const Frame& frame);

/// A statement id that means, to MariaDB, the last one that was prepared; its answer may not be there yet.
inline constexpr std::uint32_t last_prepared = 0xffffffff;

// Decoders of the whole payload, command byte included. All views point into it. errc: unexpected_message for another
// command, malformed_command.

/// COM_QUERY without its attributes: decode_query in parameters.h. COM_STMT_PREPARE and COM_INIT_DB: SQL or a name to
/// the end of the message.
[[nodiscard]] result<std::string_view> decode_prepare(wire::View payload);
[[nodiscard]] result<std::string_view> decode_init_db(wire::View payload);

/// COM_STMT_EXECUTE up to its parameters, for which one must know the statement: decode_parameters.
struct Execute {
    std::uint32_t statement = 0;
    std::uint8_t flags = 0;
    wire::View rest;

    [[nodiscard]] bool opens_cursor() const { return (flags & 0x07U) != 0; }
    [[nodiscard]] bool counts_parameters() const { return (flags & 0x08U) != 0; }
};
[[nodiscard]] result<Execute> decode_execute(wire::View payload);

/// COM_STMT_BULK_EXECUTE up to its types: decode_bulk_parameters.
struct BulkExecute {
    std::uint32_t statement = 0;
    std::uint16_t flags = 0;
    wire::View rest;

    static constexpr std::uint16_t types_flag = 0x80;
    [[nodiscard]] bool brings_types() const { return (flags & types_flag) != 0; }
    /// Nothing else was asked for: results of each row would be (bulk_unit_results).
    [[nodiscard]] bool is_plain() const { return (flags & ~unsigned{types_flag}) == 0; }
};
[[nodiscard]] result<BulkExecute> decode_bulk_execute(wire::View payload);

/// COM_STMT_SEND_LONG_DATA: a piece of a parameter's value, ahead of the execution.
struct SendLongData {
    std::uint32_t statement = 0;
    std::uint16_t parameter = 0;
    wire::View data;
};
[[nodiscard]] result<SendLongData> decode_send_long_data(wire::View payload);

/// COM_STMT_FETCH.
struct Fetch {
    std::uint32_t statement = 0;
    std::uint32_t rows = 0;
};
[[nodiscard]] result<Fetch> decode_fetch(wire::View payload);

/// COM_STMT_CLOSE and COM_STMT_RESET: the statement.
[[nodiscard]] result<std::uint32_t> decode_statement_id(wire::View payload, Command command);

/// COM_SET_OPTION: whether multi-statements are on from now on.
[[nodiscard]] result<bool> decode_set_option(wire::View payload);

/// COM_PROCESS_KILL: the thread.
[[nodiscard]] result<std::uint32_t> decode_process_kill(wire::View payload);

/// COM_FIELD_LIST.
struct FieldList {
    std::string_view table, wildcard;
};
[[nodiscard]] result<FieldList> decode_field_list(wire::View payload);

/// COM_CHANGE_USER. `capabilities`: those of the login.
struct ChangeUser {
    std::string_view user;
    wire::View auth;
    std::string_view database;
    std::uint16_t collation = 0;
    std::string_view plugin;
    Attributes attributes;
};
[[nodiscard]] result<ChangeUser> decode_change_user(wire::View payload, Capabilities capabilities);
void encode_change_user(wire::Bytes& out, const ChangeUser& change, Capabilities capabilities);

/// COM_PING, COM_QUIT, COM_STATISTICS, COM_RESET_CONNECTION: nothing behind the command.
[[nodiscard]] result<void> check_bare(wire::View payload);

/// One of those, or with text behind it: COM_QUERY (without attributes), COM_INIT_DB, COM_STMT_PREPARE.
void encode_command(wire::Bytes& out, Command command, std::string_view text = {});
/// COM_QUERY as agreed: with no attributes before the SQL where the peers have query_attributes.
void encode_query(wire::Bytes& out, std::string_view sql, Capabilities capabilities);
/// COM_STMT_PREPARE of a text that fits in one packet.
void encode_prepare(wire::Bytes& out, std::string_view sql);
/// COM_STMT_CLOSE or COM_STMT_RESET.
void encode_statement_id(wire::Bytes& out, Command command, std::uint32_t statement);

} // namespace stepgate::protocols::mysql
