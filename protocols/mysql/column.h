#pragma once

#include "protocols/mysql/capabilities.h"
#include "protocols/mysql/errc.h"
#include "protocols/mysql/parameters.h"

#include <cstdint>
#include <string_view>

namespace stepgate::protocols::mysql
{

/// ColumnDefinition41: one column of a result, or one parameter of a prepared statement. Views point into the payload.
///
/// The origin is what the server says, and can be made to say other things (a subquery with LIMIT on MySQL): it may
/// raise suspicion, never clear a statement.
struct Column {
    std::string_view schema, table, original_table, name, original_name; // without an origin: empty
    std::string_view extended_type, extended_format; // MariaDB's extended_metadata: "uuid", "json"; mostly empty
    std::uint16_t collation = 0;
    std::uint32_t length = 0;
    FieldType type = FieldType::var_string;
    std::uint16_t flags = 0;
    std::uint8_t decimals = 0;
};
/// Whether a packet is one: it begins with the name of the catalog, which is always "def", in character_set_results
/// (UTF-16 and UTF-32 have zero bytes between).
[[nodiscard]] bool is_definition(wire::View payload);
/// COM_FIELD_LIST has a default value behind it, which is passed over. errc::malformed_column.
[[nodiscard]] result<Column> decode_column(wire::View payload, Capabilities capabilities, bool of_field_list = false);
void encode_column(wire::Bytes& out, std::uint8_t sequence, const Column& column, Capabilities capabilities);

} // namespace stepgate::protocols::mysql
