#include "protocols/mysql/command.h"

#include "protocols/mysql/cursor.h"
#include "protocols/mysql/packet_writer.h"

#include <algorithm>

namespace stepgate::protocols::mysql
{

namespace
{

/// A cursor behind the command byte; spoilt if that is another.
Cursor body_of(wire::View payload, Command command)
{
    Cursor in{payload};
    if (static_cast<Command>(in.uint8()) != command)
        in.fail();
    return in;
}

result<std::string_view> text_of(wire::View payload, Command command)
{
    Cursor in = body_of(payload, command);
    const auto text = in.rest_text();
    return in.finish(text, errc::malformed_command);
}

} // namespace

Treatment treatment(Command command)
{
    switch (command) {
    case Command::quit:
    case Command::field_list:
    case Command::statistics:
    case Command::ping:
    case Command::stmt_close:
    case Command::stmt_reset:
        return Treatment::pass;
    case Command::query:
    case Command::stmt_prepare:
        return Treatment::text;
    case Command::stmt_execute:
    case Command::stmt_send_long_data:
    case Command::stmt_fetch:
    case Command::stmt_bulk_execute:
        return Treatment::execute;
    case Command::init_db:
    case Command::change_user:
    case Command::set_option:
    case Command::reset_connection:
        return Treatment::session;
    case Command::process_kill:
        return Treatment::kill;
    case Command::sleep:
    case Command::create_db:
    case Command::drop_db:
    case Command::refresh:
    case Command::shutdown:
    case Command::process_info:
    case Command::connect:
    case Command::debug:
    case Command::time:
    case Command::delayed_insert:
    case Command::binlog_dump:
    case Command::table_dump:
    case Command::connect_out:
    case Command::register_slave:
    case Command::daemon:
    case Command::binlog_dump_gtid:
    case Command::clone:
    case Command::subscribe_group_replication_stream:
    case Command::slave_worker:
    case Command::slave_io:
    case Command::slave_sql:
    case Command::multi:
        break;
    }
    return Treatment::refuse;
}

bool is_answered(Command command)
{
    return command != Command::stmt_close && command != Command::stmt_send_long_data && command != Command::quit;
}

std::string_view name(Command command)
{
    switch (command) {
    case Command::sleep:
        return "COM_SLEEP";
    case Command::quit:
        return "COM_QUIT";
    case Command::init_db:
        return "COM_INIT_DB";
    case Command::query:
        return "COM_QUERY";
    case Command::field_list:
        return "COM_FIELD_LIST";
    case Command::create_db:
        return "COM_CREATE_DB";
    case Command::drop_db:
        return "COM_DROP_DB";
    case Command::refresh:
        return "COM_REFRESH";
    case Command::shutdown:
        return "COM_SHUTDOWN";
    case Command::statistics:
        return "COM_STATISTICS";
    case Command::process_info:
        return "COM_PROCESS_INFO";
    case Command::connect:
        return "COM_CONNECT";
    case Command::process_kill:
        return "COM_PROCESS_KILL";
    case Command::debug:
        return "COM_DEBUG";
    case Command::ping:
        return "COM_PING";
    case Command::time:
        return "COM_TIME";
    case Command::delayed_insert:
        return "COM_DELAYED_INSERT";
    case Command::change_user:
        return "COM_CHANGE_USER";
    case Command::binlog_dump:
        return "COM_BINLOG_DUMP";
    case Command::table_dump:
        return "COM_TABLE_DUMP";
    case Command::connect_out:
        return "COM_CONNECT_OUT";
    case Command::register_slave:
        return "COM_REGISTER_SLAVE";
    case Command::stmt_prepare:
        return "COM_STMT_PREPARE";
    case Command::stmt_execute:
        return "COM_STMT_EXECUTE";
    case Command::stmt_send_long_data:
        return "COM_STMT_SEND_LONG_DATA";
    case Command::stmt_close:
        return "COM_STMT_CLOSE";
    case Command::stmt_reset:
        return "COM_STMT_RESET";
    case Command::set_option:
        return "COM_SET_OPTION";
    case Command::stmt_fetch:
        return "COM_STMT_FETCH";
    case Command::daemon:
        return "COM_DAEMON";
    case Command::binlog_dump_gtid:
        return "COM_BINLOG_DUMP_GTID";
    case Command::reset_connection:
        return "COM_RESET_CONNECTION";
    case Command::clone:
        return "COM_CLONE";
    case Command::subscribe_group_replication_stream:
        return "COM_SUBSCRIBE_GROUP_REPLICATION_STREAM";
    case Command::stmt_bulk_execute:
        return "COM_STMT_BULK_EXECUTE";
    case Command::slave_worker:
        return "COM_SLAVE_WORKER";
    case Command::slave_io:
        return "COM_SLAVE_IO";
    case Command::slave_sql:
        return "COM_SLAVE_SQL";
    case Command::multi:
        return "COM_MULTI";
    }
    return "unknown command";
}

std::optional<Command> command_of(wire::View payload)
{
    if (payload.empty())
        return std::nullopt;
    return static_cast<Command>(payload[0]);
}

result<Command> decode_command(const Frame& frame)
{
    if (frame.sequence != 0)
        return errc::out_of_order;
    if (frame.payload.empty())
        return errc::unexpected_message;
    return static_cast<Command>(frame.payload[0]);
}

result<std::string_view> decode_prepare(wire::View payload)
{
    return text_of(payload, Command::stmt_prepare);
}

result<std::string_view> decode_init_db(wire::View payload)
{
    return text_of(payload, Command::init_db);
}

result<Execute> decode_execute(wire::View payload)
{
    Cursor in = body_of(payload, Command::stmt_execute);
    Execute execute;
    execute.statement = in.uint32();
    execute.flags = in.uint8();
    in.uint32(); // iterations: always 1, and servers do not look at it
    execute.rest = in.rest();
    return in.finish(execute, errc::malformed_command);
}

result<BulkExecute> decode_bulk_execute(wire::View payload)
{
    Cursor in = body_of(payload, Command::stmt_bulk_execute);
    BulkExecute execute;
    execute.statement = in.uint32();
    execute.flags = in.uint16();
    execute.rest = in.rest();
    return in.finish(execute, errc::malformed_command);
}

result<SendLongData> decode_send_long_data(wire::View payload)
{
    Cursor in = body_of(payload, Command::stmt_send_long_data);
    SendLongData piece;
    piece.statement = in.uint32();
    piece.parameter = in.uint16();
    piece.data = in.rest();
    return in.finish(piece, errc::malformed_command);
}

result<Fetch> decode_fetch(wire::View payload)
{
    Cursor in = body_of(payload, Command::stmt_fetch);
    Fetch fetch;
    fetch.statement = in.uint32();
    fetch.rows = in.uint32();
    return in.finish(fetch, errc::malformed_command);
}

result<std::uint32_t> decode_statement_id(wire::View payload, Command command)
{
    Cursor in = body_of(payload, command);
    const std::uint32_t statement = in.uint32();
    return in.finish(statement, errc::malformed_command);
}

result<bool> decode_set_option(wire::View payload)
{
    Cursor in = body_of(payload, Command::set_option);
    const std::uint16_t option = in.uint16();
    if (option > 1)
        in.fail();
    return in.finish(option == 0, errc::malformed_command);
}

result<std::uint32_t> decode_process_kill(wire::View payload)
{
    Cursor in = body_of(payload, Command::process_kill);
    const std::uint32_t thread = in.uint32();
    return in.finish(thread, errc::malformed_command);
}

result<FieldList> decode_field_list(wire::View payload)
{
    Cursor in = body_of(payload, Command::field_list);
    FieldList list;
    list.table = in.c_string();
    list.wildcard = in.rest_text();
    return in.finish(list, errc::malformed_command);
}

result<ChangeUser> decode_change_user(wire::View payload, Capabilities capabilities)
{
    Cursor in = body_of(payload, Command::change_user);
    ChangeUser change;
    change.user = in.c_string();
    change.auth = capabilities.has(Capability::secure_connection) ? in.short_bytes() : wire::as_bytes(in.c_string());
    change.database = in.c_string();
    if (in.left() > 0)
        change.collation = in.uint16();
    if (capabilities.has(Capability::plugin_auth) && in.left() > 0)
        change.plugin = in.c_string();
    if (capabilities.has(Capability::connect_attrs) && in.left() > 0)
        change.attributes = decode_attributes(in);
    return in.finish(change, errc::malformed_command);
}

void encode_change_user(wire::Bytes& out, const ChangeUser& change, Capabilities capabilities)
{
    PacketWriter packet{out, 0};
    const auto auth = change.auth.first(std::min<std::size_t>(change.auth.size(), 0xff));
    packet.uint8(static_cast<std::uint8_t>(Command::change_user));
    packet.c_string(change.user);
    packet.uint8(static_cast<std::uint8_t>(auth.size()));
    packet.bytes(auth);
    packet.c_string(change.database);
    packet.uint16(change.collation);
    if (capabilities.has(Capability::plugin_auth))
        packet.c_string(change.plugin);
    if (capabilities.has(Capability::connect_attrs))
        packet.lenenc_text(wire::as_text(change.attributes.encoded()));
}

result<void> check_bare(wire::View payload)
{
    if (payload.size() != 1)
        return errc::malformed_command;
    return {};
}

void encode_command(wire::Bytes& out, Command command, std::string_view text)
{
    PacketWriter packet{out, 0};
    packet.uint8(static_cast<std::uint8_t>(command));
    packet.text(text);
}

void encode_query(wire::Bytes& out, std::string_view sql, Capabilities capabilities)
{
    PacketWriter packet{out, 0};
    packet.uint8(static_cast<std::uint8_t>(Command::query));
    if (capabilities.has(Capability::query_attributes)) {
        packet.lenenc(0); // attributes
        packet.lenenc(1); // sets of them
    }
    packet.text(sql);
}

void encode_prepare(wire::Bytes& out, std::string_view sql)
{
    PacketWriter packet{out, 0};
    packet.uint8(static_cast<std::uint8_t>(Command::stmt_prepare));
    packet.text(sql);
}

void encode_statement_id(wire::Bytes& out, Command command, std::uint32_t statement)
{
    PacketWriter packet{out, 0};
    packet.uint8(static_cast<std::uint8_t>(command));
    packet.uint32(statement);
}

} // namespace stepgate::protocols::mysql
