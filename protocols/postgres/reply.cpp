#include "protocols/postgres/reply.h"

#include "protocols/postgres/message_writer.h"

#include <algorithm>
#include <charconv>

namespace stepgate::protocols::postgres
{

namespace
{

/// The last word of a command tag, if it is a number ("INSERT 0 5", "SELECT 3"; not "BEGIN").
std::optional<std::uint64_t> rows_of(std::string_view tag)
{
    const auto space = tag.rfind(' ');
    if (space == std::string_view::npos)
        return std::nullopt;
    const auto word = tag.substr(space + 1);
    std::uint64_t rows = 0;
    const auto parsed = std::from_chars(word.data(), word.data() + word.size(), rows);
    if (word.empty() || parsed.ec != std::errc{} || parsed.ptr != word.data() + word.size())
        return std::nullopt;
    return rows;
}

constexpr std::size_t smallest_column = 19; // an empty name and the fixed fields

Column column(wire::Cursor& in)
{
    Column column;
    column.name = in.c_string();
    column.table = in.uint32();
    column.number = in.int16();
    column.type = in.uint32();
    column.type_size = in.int16();
    column.type_modifier = in.int32();
    column.format = in.int16();
    return column;
}

} // namespace

result<Transaction> decode_ready_for_query(const Frame& frame)
{
    if (!frame.is(Backend::ready_for_query))
        return errc::unexpected_message;
    wire::Cursor in{frame.body()};
    const auto status = static_cast<Transaction>(in.character());
    if (status != Transaction::idle && status != Transaction::open && status != Transaction::failed)
        in.fail();
    return in.finish(status, errc::malformed_ready);
}

void encode_ready_for_query(wire::Bytes& out, Transaction status)
{
    MessageWriter{out, Backend::ready_for_query}.character(static_cast<char>(status));
}

result<ParameterStatus> decode_parameter_status(const Frame& frame)
{
    if (!frame.is(Backend::parameter_status))
        return errc::unexpected_message;
    wire::Cursor in{frame.body()};
    ParameterStatus parameter;
    parameter.name = in.c_string();
    parameter.value = in.c_string();
    return in.finish(parameter, errc::malformed_parameter);
}

void encode_parameter_status(wire::Bytes& out, const ParameterStatus& parameter)
{
    MessageWriter message{out, Backend::parameter_status};
    message.c_string(parameter.name);
    message.c_string(parameter.value);
}

result<CommandComplete> decode_command_complete(const Frame& frame)
{
    if (!frame.is(Backend::command_complete))
        return errc::unexpected_message;
    wire::Cursor in{frame.body()};
    CommandComplete complete;
    complete.tag = in.c_string();
    complete.rows = rows_of(complete.tag);
    return in.finish(complete, errc::malformed_complete);
}

void encode_command_complete(wire::Bytes& out, std::string_view tag)
{
    MessageWriter{out, Backend::command_complete}.c_string(tag);
}

result<CopyResponse> decode_copy_response(const Frame& frame)
{
    if (!frame.is(Backend::copy_in_response) && !frame.is(Backend::copy_out_response) &&
        !frame.is(Backend::copy_both_response))
        return errc::unexpected_message;
    wire::Cursor in{frame.body()};
    CopyResponse response;
    const std::uint8_t format = in.uint8();
    if (format > 1)
        in.fail();
    response.binary = format == 1;
    const std::size_t count = in.count(in.uint16(), sizeof(std::int16_t));
    response.column_formats = IntegerList<std::int16_t>{in.bytes(count * sizeof(std::int16_t))};
    return in.finish(response, errc::malformed_copy);
}

result<Notification> decode_notification(const Frame& frame)
{
    if (!frame.is(Backend::notification_response))
        return errc::unexpected_message;
    wire::Cursor in{frame.body()};
    Notification notification;
    notification.process = in.int32();
    notification.channel = in.c_string();
    notification.payload = in.c_string();
    return in.finish(notification, errc::malformed_notification);
}

result<void> decode_row_description(const Frame& frame, std::vector<Column>& columns)
{
    columns.clear();
    if (!frame.is(Backend::row_description))
        return errc::unexpected_message;
    wire::Cursor in{frame.body()};
    const std::size_t count = in.count(in.uint16(), smallest_column);
    for (std::size_t i = 0; i < count && in.good(); ++i)
        columns.push_back(column(in));
    if (in.good() && in.left() == 0)
        return {};
    columns.clear();
    return errc::malformed_row;
}

result<std::string_view> decode_only_value(const Frame& frame)
{
    if (!frame.is(Backend::data_row))
        return errc::unexpected_message;
    wire::Cursor in{frame.body()};
    const std::uint16_t columns = in.uint16();
    const std::int32_t size = in.int32();
    if (columns != 1 || size < 0)
        return errc::malformed_row;
    const wire::View value = in.bytes(static_cast<std::size_t>(size));
    if (!in.good() || in.left() != 0)
        return errc::malformed_row;
    return wire::as_text(value);
}

void encode_only_value(wire::Bytes& out, std::string_view value)
{
    MessageWriter message{out, Backend::data_row};
    message.uint16(1);
    message.int32(static_cast<std::int32_t>(value.size()));
    message.bytes(wire::as_bytes(value));
}

void encode_row_description(wire::Bytes& out, const std::vector<Column>& columns)
{
    MessageWriter message{out, Backend::row_description};
    message.uint16(static_cast<std::uint16_t>(columns.size()));
    for (const Column& column : columns) {
        message.c_string(column.name);
        message.uint32(column.table);
        message.int16(column.number);
        message.uint32(column.type);
        message.int16(column.type_size);
        message.int32(column.type_modifier);
        message.int16(column.format);
    }
}

result<IntegerList<std::uint32_t>> decode_parameter_description(const Frame& frame)
{
    if (!frame.is(Backend::parameter_description))
        return errc::unexpected_message;
    wire::Cursor in{frame.body()};
    const std::size_t count = in.count(in.uint16(), sizeof(std::uint32_t));
    const IntegerList<std::uint32_t> types{in.bytes(count * sizeof(std::uint32_t))};
    return in.finish(types, errc::malformed_row);
}

} // namespace stepgate::protocols::postgres
