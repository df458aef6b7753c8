#include "protocols/mysql/text_result.h"

#include "protocols/mysql/column.h"
#include "protocols/mysql/packet_writer.h"
#include "protocols/mysql/reply.h"

#include <algorithm>
#include <vector>

namespace stepgate::protocols::mysql
{

namespace
{

constexpr std::uint16_t utf8mb4_general_ci = 45; // known to both servers' clients
constexpr std::uint32_t bytes_per_character = 4;

std::vector<std::string_view> lines_of(std::string_view text)
{
    std::vector<std::string_view> lines;
    std::size_t from = 0;
    for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n', from)) {
        lines.push_back(text.substr(from, end - from));
        from = end + 1;
    }
    lines.push_back(text.substr(from));
    return lines;
}

} // namespace

std::uint8_t encode_text_result(wire::Bytes& out, std::uint8_t sequence, std::string_view title, std::string_view text,
                                StatusFlags status, Capabilities capabilities)
{
    const auto lines = lines_of(text);
    std::size_t longest = title.size();
    for (const auto line : lines)
        longest = std::max(longest, line.size());
    Column column;
    column.name = title;
    column.collation = utf8mb4_general_ci;
    column.length = static_cast<std::uint32_t>(longest) * bytes_per_character;
    {
        PacketWriter count{out, sequence++};
        count.lenenc(1);
        if (capabilities.has(Capability::cache_metadata))
            count.uint8(1); // they follow
    }
    encode_column(out, sequence++, column, capabilities);
    const bool ends_with_ok = capabilities.has(Capability::deprecate_eof);
    if (!ends_with_ok)
        encode_eof(out, sequence++, Eof{0, status});
    for (const auto line : lines)
        PacketWriter{out, sequence++}.lenenc_text(line);
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
