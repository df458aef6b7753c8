#pragma once

#include "policies/postgres/session_state.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace stepgate::policies::postgres
{

/// Why a text is not analysed at all, "" if it is: of `sql` as the client sent it, or as it was kept to be run later.
[[nodiscard]] std::string refusal(std::string_view sql, const SessionState& state, std::size_t max_bytes);

/// A name in the text may be another one in a database that is not in UTF8. Such a database cuts names where its own
/// encoding has 63 bytes, and one with an encoding of single bytes folds letters beyond ASCII, as its locale says.
[[nodiscard]] bool names_may_differ(std::string_view sql, std::string_view server_encoding);

} // namespace stepgate::policies::postgres
