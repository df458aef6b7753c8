#pragma once

#include "protocols/wire/bytes.h"
#include "proxy/session/words.h"

#include <string_view>

namespace stepgate::proxy::session
{

// A syntax error in every state of a transaction, so the server fails it for real (CLIENTS.md, PostgreSQL gotcha 1).
// It shows in the server's log, where it says what it is.
inline constexpr std::string_view failing_statement = "stepgate refused this statement";
inline constexpr std::string_view failing_name = "stepgate_refusal";

void encode_error(wire::Bytes& out, const Words& words);
void encode_notice(wire::Bytes& out, const Words& words);

} // namespace stepgate::proxy::session
