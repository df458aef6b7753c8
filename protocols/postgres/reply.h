#pragma once

#include "protocols/postgres/errc.h"
#include "protocols/postgres/frame.h"
#include "protocols/postgres/query.h"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace stepgate::protocols::postgres
{

// What servers send after the login. All views point into the frame and are valid as long as it is.

/// ReadyForQuery's status.
enum class Transaction : char {
    idle = 'I',   // not in a transaction
    open = 'T',   // in one
    failed = 'E', // in one that can only be rolled back
};
[[nodiscard]] result<Transaction> decode_ready_for_query(const Frame& frame);
void encode_ready_for_query(wire::Bytes& out, Transaction status);

/// ParameterStatus ('S').
struct ParameterStatus {
    std::string_view name, value;
};
[[nodiscard]] result<ParameterStatus> decode_parameter_status(const Frame& frame);
void encode_parameter_status(wire::Bytes& out, const ParameterStatus& parameter);

/// CommandComplete ('C').
struct CommandComplete {
    std::string_view tag;              // "INSERT 0 5"
    std::optional<std::uint64_t> rows; // its last word, if that is a number
};
[[nodiscard]] result<CommandComplete> decode_command_complete(const Frame& frame);
void encode_command_complete(wire::Bytes& out, std::string_view tag);

/// CopyInResponse ('G'), CopyOutResponse ('H'), CopyBothResponse ('W').
struct CopyResponse {
    bool binary = false;
    IntegerList<std::int16_t> column_formats;
};
[[nodiscard]] result<CopyResponse> decode_copy_response(const Frame& frame);

/// NotificationResponse ('A').
struct Notification {
    std::int32_t process = 0;
    std::string_view channel, payload;
};
[[nodiscard]] result<Notification> decode_notification(const Frame& frame);

/// One column of a RowDescription ('T').
struct Column {
    std::string_view name;
    std::uint32_t table = 0; // OID of the table or view that it comes from; 0: from none
    std::int16_t number = 0; // its attribute number there; 0: none, or the whole row
    std::uint32_t type = 0;
    std::int16_t type_size = 0;
    std::int32_t type_modifier = 0;
    std::int16_t format = 0;
};
/// Fills `columns`, which a caller can use again and again without allocating.
[[nodiscard]] result<void> decode_row_description(const Frame& frame, std::vector<Column>& columns);
void encode_row_description(wire::Bytes& out, const std::vector<Column>& columns);

/// DataRow ('D') of one column that is not NULL: its bytes.
[[nodiscard]] result<std::string_view> decode_only_value(const Frame& frame);
void encode_only_value(wire::Bytes& out, std::string_view value);

/// ParameterDescription ('t'): OIDs.
[[nodiscard]] result<IntegerList<std::uint32_t>> decode_parameter_description(const Frame& frame);

} // namespace stepgate::protocols::postgres
