#pragma once

#include "protocols/mysql/capabilities.h"
#include "protocols/mysql/frame.h"
#include "protocols/mysql/status.h"

#include <string_view>

namespace stepgate::protocols::mysql
{

/// A whole result of the text protocol with one column and a row for each line of `text`: what an interactive client
/// shows as a table. With more_results_exists in `status` it shows it at once and waits for what follows. Gives the
/// sequence id of the packet behind it: what is forwarded then must be shifted (SequenceShift).
[[nodiscard]] std::uint8_t encode_text_result(wire::Bytes& out, std::uint8_t sequence, std::string_view title,
                                              std::string_view text, StatusFlags status, Capabilities capabilities);

} // namespace stepgate::protocols::mysql
