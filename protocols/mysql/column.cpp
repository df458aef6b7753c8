#include "protocols/mysql/column.h"

#include "protocols/mysql/cursor.h"
#include "protocols/mysql/packet_writer.h"

#include <string_view>

namespace stepgate::protocols::mysql
{

namespace
{

constexpr std::size_t fixed_size = 12;
constexpr std::uint8_t extended_type = 0, extended_format = 1; // MariaDB's extended metadata

/// "def", whatever zero bytes stand between.
bool is_the_catalog(std::string_view name)
{
    std::string_view rest = "def";
    for (const char c : name) {
        if (c == '\0')
            continue;
        if (rest.empty() || c != rest.front())
            return false;
        rest.remove_prefix(1);
    }
    return rest.empty();
}

/// Pairs of what it is and a text.
void read_extended(Cursor& in, Column& column)
{
    Cursor pairs{in.lenenc_bytes()};
    while (pairs.good() && pairs.left() > 0) {
        const std::uint8_t what = pairs.uint8();
        const auto text = pairs.lenenc_text();
        if (what == extended_type)
            column.extended_type = text;
        if (what == extended_format)
            column.extended_format = text;
    }
    if (!pairs.good())
        in.fail();
}

void write_extended(Writer& out, const Column& column)
{
    wire::Bytes pairs;
    Writer writer{pairs};
    if (!column.extended_type.empty()) {
        writer.uint8(extended_type);
        writer.lenenc_text(column.extended_type);
    }
    if (!column.extended_format.empty()) {
        writer.uint8(extended_format);
        writer.lenenc_text(column.extended_format);
    }
    out.lenenc_text(wire::as_text(pairs));
}

} // namespace

bool is_definition(wire::View payload)
{
    return is_the_catalog(Cursor{payload}.lenenc_text());
}

result<Column> decode_column(wire::View payload, Capabilities capabilities, bool of_field_list)
{
    Cursor in{payload};
    if (!is_the_catalog(in.lenenc_text()))
        return errc::malformed_column;
    Column column;
    column.schema = in.lenenc_text();
    column.table = in.lenenc_text();
    column.original_table = in.lenenc_text();
    column.name = in.lenenc_text();
    column.original_name = in.lenenc_text();
    if (capabilities.has(Capability::extended_metadata))
        read_extended(in, column);
    if (in.lenenc() != fixed_size)
        return errc::malformed_column;
    column.collation = in.uint16();
    column.length = in.uint32();
    column.type = static_cast<FieldType>(in.uint8());
    column.flags = in.uint16();
    column.decimals = in.uint8();
    in.bytes(2);
    if (of_field_list && in.left() > 0) {
        const bool is_null = in.left() == 1 && payload.back() == std::byte{0xfb};
        is_null ? in.bytes(1) : in.lenenc_bytes();
    }
    return in.finish(column, errc::malformed_column);
}

void encode_column(wire::Bytes& out, std::uint8_t sequence, const Column& column, Capabilities capabilities)
{
    PacketWriter packet{out, sequence};
    packet.lenenc_text("def");
    packet.lenenc_text(column.schema);
    packet.lenenc_text(column.table);
    packet.lenenc_text(column.original_table);
    packet.lenenc_text(column.name);
    packet.lenenc_text(column.original_name);
    if (capabilities.has(Capability::extended_metadata))
        write_extended(packet, column);
    packet.lenenc(fixed_size);
    packet.uint16(column.collation);
    packet.uint32(column.length);
    packet.uint8(static_cast<std::uint8_t>(column.type));
    packet.uint16(column.flags);
    packet.uint8(column.decimals);
    packet.zeros(2);
}

} // namespace stepgate::protocols::mysql
