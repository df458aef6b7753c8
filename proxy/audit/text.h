#pragma once

#include "proxy/audit/record_codec.h"

#include <string>
#include <string_view>

namespace stepgate::proxy::audit
{

/// Valid UTF-8 for JSON: every byte that is not becomes "\xNN".
[[nodiscard]] std::string clean_utf8(std::string_view text);
/// One line for a terminal: control characters, line separators and text-direction marks become escapes ("\n", "\x1b",
/// "\u202e"), so that a statement can neither move the cursor nor pretend to be another record.
[[nodiscard]] std::string one_line(std::string_view text);
/// A cell of RFC 4180 CSV. What a spreadsheet would take for a formula gets a leading '.
[[nodiscard]] std::string csv_cell(std::string_view text);
/// The fields of a record as a JSON object, without those that the caller shows elsewhere.
[[nodiscard]] std::string fields_json(const RecordView& record, std::initializer_list<std::string_view> without = {});
/// Everything of a record as one JSON object: sequence, time, type, session, user, fields.
[[nodiscard]] std::string record_json(const RecordView& record);

} // namespace stepgate::proxy::audit
