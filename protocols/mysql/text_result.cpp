#include "protocols/mysql/text_result.h"

#include "protocols/mysql/column.h"
#include "protocols/mysql/packet_writer.h"
#include "protocols/mysql/reply.h"

#include <algorithm>

namespace stepgate::protocols::mysql
{

namespace
{

constexpr std::uint16_t utf8mb4_general_ci = 45; // known to both servers' clients
constexpr std::uint32_t bytes_per_character = 4;

} // namespace

std::uint8_t encode_text_result(wire::Bytes& out, std::uint8_t sequence, std::string_view title, std::string_view text,
                                StatusFlags status, Capabilities capabilities)
{
    Column column;
    column.name = title;
    column.collation = utf8mb4_general_ci;
    column.length = static_cast<std::uint32_t>(std::max(title.size(), text.size())) * bytes_per_character;
    PacketWriter{out, sequence++}.lenenc(1); // columns
    encode_column(out, sequence++, column, capabilities);
    const bool ends_with_ok = capabilities.has(Capability::deprecate_eof);
    if (!ends_with_ok)
        encode_eof(out, sequence++, Eof{0, status});
    PacketWriter{out, sequence++}.lenenc_text(text);
    if (ends_with_ok) {
        Ok ok;
        ok.status = status;
        encode_ok(out, sequence++, ok, capabilities, eof_header);
    } else {
        encode_eof(out, sequence++, Eof{0, status});
    }
    return sequence;
}

} // namespace stepgate::protocols::mysql
