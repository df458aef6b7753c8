#include "protocols/mysql/parameters.h"

#include "protocols/mysql/cursor.h"
#include "protocols/mysql/packet_writer.h"

#include <algorithm>

namespace stepgate::protocols::mysql
{

namespace
{

constexpr std::size_t most_parameters = 65535;
constexpr std::uint8_t unsigned_flag = 0x80;

/// MySQL internals, "Binary Protocol Value".
wire::View read_value(Cursor& in, FieldType type)
{
    switch (type) {
    case FieldType::null:
        return {};
    case FieldType::tiny:
        return in.bytes(1);
    case FieldType::small:
    case FieldType::year:
        return in.bytes(2);
    case FieldType::integer:
    case FieldType::medium:
    case FieldType::single:
        return in.bytes(4);
    case FieldType::big:
    case FieldType::real:
        return in.bytes(8);
    case FieldType::date:
    case FieldType::datetime:
    case FieldType::timestamp: {
        const wire::View value = in.short_bytes();
        if (value.size() != 0 && value.size() != 4 && value.size() != 7 && value.size() != 11)
            in.fail();
        return value;
    }
    case FieldType::time: {
        const wire::View value = in.short_bytes();
        if (value.size() != 0 && value.size() != 8 && value.size() != 12)
            in.fail();
        return value;
    }
    case FieldType::decimal:
    case FieldType::varchar:
    case FieldType::bit:
    case FieldType::vector:
    case FieldType::json:
    case FieldType::new_decimal:
    case FieldType::enumeration:
    case FieldType::set:
    case FieldType::tiny_blob:
    case FieldType::medium_blob:
    case FieldType::long_blob:
    case FieldType::blob:
    case FieldType::var_string:
    case FieldType::string:
    case FieldType::geometry:
        return in.lenenc_bytes();
    case FieldType::timestamp2: // kept in tables, never sent
    case FieldType::datetime2:
    case FieldType::time2:
        break;
    }
    in.fail(); // of a newer server, or none: where the next value begins is not known
    return {};
}

bool has_bit(wire::View bitmap, std::size_t index)
{
    return (std::to_integer<unsigned>(bitmap[index / 8]) >> (index % 8) & 1U) != 0;
}

BoundType read_type(Cursor& in)
{
    const auto type = static_cast<FieldType>(in.uint8());
    const std::uint8_t flags = in.uint8();
    if ((flags & ~unsigned{unsigned_flag}) != 0) // another type, to the servers
        in.fail();
    return {type, flags != 0};
}

/// What stands before the values of an execution, and which values there are.
struct Layout {
    std::size_t count = 0;
    wire::View null_bitmap;
    bool brings_types = false;
};

Layout read_layout(Cursor& in, std::size_t count)
{
    Layout layout{count, {}, false};
    if (count > most_parameters)
        in.fail();
    if (count == 0 && in.left() == 1 && in.uint8() > 1) // npm mariadb says also of no types that it brings them
        in.fail();
    if (count == 0 || !in.good())
        return layout;
    layout.null_bitmap = in.bytes((count + 7) / 8);
    const std::uint8_t types = in.uint8();
    if (types > 1)
        in.fail();
    layout.brings_types = types == 1;
    return layout;
}

/// Types, and names behind each where they are sent.
void read_types(Cursor& in, bool named, std::size_t count, std::vector<BoundType>& types, std::vector<Parameter>& out)
{
    types.clear();
    for (std::size_t i = 0; i < count && in.good(); ++i) {
        types.push_back(read_type(in));
        if (named)
            out[i].name = in.lenenc_text();
    }
}

/// How many values follow. The servers count them from the statement, unless the client counts.
std::size_t read_count(Cursor& in, const Execute& execute, Capabilities capabilities, const Binding& binding)
{
    const bool counted =
        capabilities.has(Capability::query_attributes) && (binding.parameters > 0 || execute.counts_parameters());
    if (!counted)
        return binding.parameters;
    const std::uint64_t count = in.lenenc();
    if (count < binding.parameters || count > most_parameters)
        in.fail();
    return in.good() ? static_cast<std::size_t>(count) : 0;
}

void read_values(Cursor& in, const Layout& layout, const std::vector<BoundType>& types, const LongData* long_data,
                 std::vector<Parameter>& out)
{
    for (std::size_t i = 0; i < layout.count && in.good(); ++i) {
        Parameter& parameter = out[i];
        parameter.type = types[i];
        // What was sent ahead counts, whatever the bitmap says: as on both servers.
        const auto* bytes = long_data == nullptr ? nullptr : long_data->find(static_cast<std::uint16_t>(i));
        if (bytes != nullptr) {
            parameter.kind = Parameter::Kind::long_data;
            parameter.bytes = *bytes;
            continue;
        }
        if (has_bit(layout.null_bitmap, i))
            continue;
        parameter.kind = types[i].type == FieldType::null ? Parameter::Kind::null : Parameter::Kind::value;
        parameter.bytes = read_value(in, types[i].type);
    }
}

/// Types of an execution that is refused are not known to the server: none are, until the client sends some again.
result<void> finish(const Cursor& in, bool brings_types, Binding& binding)
{
    if (in.good() && in.left() == 0)
        return {};
    if (brings_types)
        binding.types.clear();
    return errc::malformed_parameters;
}

void write_type(PacketWriter& packet, BoundType type)
{
    packet.uint8(static_cast<std::uint8_t>(type.type));
    packet.uint8(type.is_unsigned ? unsigned_flag : 0);
}

/// MariaDB's enum_indicator_type.
Parameter::Kind read_indicator(Cursor& in)
{
    switch (in.uint8()) {
    case 0:
        return Parameter::Kind::value;
    case 1:
        return Parameter::Kind::null;
    case 2:
        return Parameter::Kind::by_default;
    case 3:
        return Parameter::Kind::ignored;
    default:
        in.fail(); // 4, "ignore the row", never comes from a client
        return Parameter::Kind::null;
    }
}

} // namespace

result<void> LongData::append(std::uint16_t parameter, wire::View data)
{
    if (overflowed_ || data.size() > *budget_) {
        overflowed_ = true;
        return errc::too_large;
    }
    auto known = std::ranges::find(pieces_, parameter, &Piece::parameter);
    if (known == pieces_.end())
        known = pieces_.insert(known, Piece{parameter, {}});
    known->bytes.insert(known->bytes.end(), data.begin(), data.end());
    *budget_ -= data.size();
    return {};
}

const wire::Bytes* LongData::find(std::uint16_t parameter) const
{
    const auto known = std::ranges::find(pieces_, parameter, &Piece::parameter);
    return known == pieces_.end() ? nullptr : &known->bytes;
}

std::size_t LongData::end() const
{
    std::size_t end = 0;
    for (const auto& piece : pieces_)
        end = std::max<std::size_t>(end, piece.parameter + std::size_t{1});
    return end;
}

void LongData::clear()
{
    for (const auto& piece : pieces_)
        *budget_ += piece.bytes.size();
    pieces_.clear();
    overflowed_ = false;
}

result<void> decode_parameters(const Execute& execute, Capabilities capabilities, Binding& binding,
                               std::vector<Parameter>& out)
{
    if (binding.long_data.overflowed())
        return errc::too_large;
    if (binding.long_data.end() > binding.parameters)
        return errc::malformed_parameters;
    Cursor in{execute.rest};
    const Layout layout = read_layout(in, read_count(in, execute, capabilities, binding));
    out.assign(in.good() ? layout.count : 0, Parameter{});
    binding.opens_cursor = execute.opens_cursor();
    binding.brings_types = layout.brings_types;
    if (layout.brings_types)
        read_types(in, capabilities.has(Capability::query_attributes), layout.count, binding.types, out);
    if (in.good() && binding.types.size() >= layout.count)
        read_values(in, layout, binding.types, &binding.long_data, out);
    else
        in.fail();
    return finish(in, layout.brings_types, binding);
}

result<void> decode_bulk_parameters(const BulkExecute& execute, Binding& binding, std::vector<Parameter>& out)
{
    out.clear();
    if (binding.long_data.overflowed() || !binding.long_data.empty() || binding.parameters == 0)
        return errc::malformed_parameters;
    Cursor in{execute.rest};
    binding.opens_cursor = false;
    binding.brings_types = execute.brings_types();
    if (execute.brings_types())
        read_types(in, false, binding.parameters, binding.types, out);
    if (binding.types.size() < binding.parameters)
        in.fail();
    do {
        for (std::size_t i = 0; i < binding.parameters && in.good(); ++i) {
            Parameter parameter{read_indicator(in), binding.types[i], {}, {}};
            if (parameter.kind == Parameter::Kind::value)
                parameter.bytes = read_value(in, parameter.type.type);
            out.push_back(parameter);
        }
    } while (in.good() && in.left() > 0);
    return finish(in, execute.brings_types(), binding);
}

result<void> encode_execute_with_types(wire::Bytes& out, wire::View payload, Capabilities capabilities,
                                       const Binding& binding)
{
    const auto execute = decode_execute(payload);
    if (!execute)
        return execute.error();
    const bool named = capabilities.has(Capability::query_attributes);
    Cursor in{execute->rest};
    const Layout layout = read_layout(in, read_count(in, *execute, capabilities, binding));
    if (!in.good() || binding.types.size() < layout.count)
        return errc::malformed_parameters;
    const wire::View rest = in.rest();
    const std::size_t types = layout.count * (named ? 3 : 2);
    if (payload.size() + types >= largest_packet)
        return errc::too_large;
    PacketWriter packet{out, 0};
    if (layout.brings_types || layout.count == 0) {
        packet.bytes(payload);
        return {};
    }
    packet.bytes(payload.first(payload.size() - rest.size() - 1));
    packet.uint8(1);
    for (std::size_t i = 0; i < layout.count; ++i) {
        write_type(packet, binding.types[i]);
        if (named)
            packet.lenenc(0);
    }
    packet.bytes(rest);
    return {};
}

result<void> encode_bulk_with_types(wire::Bytes& out, wire::View payload, const Binding& binding)
{
    const auto execute = decode_bulk_execute(payload);
    if (!execute)
        return execute.error();
    if (binding.types.size() < binding.parameters)
        return errc::malformed_parameters;
    if (payload.size() + binding.parameters * std::size_t{2} >= largest_packet)
        return errc::too_large;
    PacketWriter packet{out, 0};
    packet.uint8(static_cast<std::uint8_t>(Command::stmt_bulk_execute));
    packet.uint32(execute->statement);
    packet.uint16(static_cast<std::uint16_t>(execute->flags | BulkExecute::types_flag));
    for (std::size_t i = 0; i < binding.parameters && !execute->brings_types(); ++i)
        write_type(packet, binding.types[i]);
    packet.bytes(execute->rest);
    return {};
}

result<std::string_view> decode_query(wire::View payload, Capabilities capabilities, std::vector<Parameter>& out)
{
    Cursor in{payload};
    out.clear();
    if (static_cast<Command>(in.uint8()) != Command::query)
        return errc::malformed_command;
    if (capabilities.has(Capability::query_attributes)) {
        const std::uint64_t count = in.lenenc();
        if (count > most_parameters || in.lenenc() != 1) // of sets of attributes: servers take one
            in.fail();
        const Layout layout = read_layout(in, in.good() ? static_cast<std::size_t>(count) : 0);
        out.assign(in.good() ? layout.count : 0, Parameter{});
        std::vector<BoundType> types;
        if (layout.brings_types)
            read_types(in, true, layout.count, types, out);
        if (!in.good() || types.size() < layout.count)
            return errc::malformed_parameters;
        read_values(in, layout, types, nullptr, out);
    }
    const auto sql = in.rest_text();
    return in.finish(sql, errc::malformed_parameters);
}

} // namespace stepgate::protocols::mysql
