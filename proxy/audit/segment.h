#pragma once

#include "proxy/audit/errc.h"
#include "proxy/audit/hash.h"

#include <boost/system/result.hpp>

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace stepgate::proxy::audit
{

/// A segment starts with: eight bytes "sgjrnl1\n" (the digit is the format's version), the sequence number of its first
/// record (eight bytes, big-endian), and the hash of the last record before it.
struct SegmentHeader {
    static constexpr std::size_t size = 48;
    std::uint64_t first = 0;
    Hash previous{};
};
[[nodiscard]] std::array<std::byte, SegmentHeader::size> encode(const SegmentHeader& header);
[[nodiscard]] std::optional<SegmentHeader> decode_segment_header(std::span<const std::byte> bytes);

struct SegmentFile {
    std::uint64_t first = 0;
    std::filesystem::path path;
    bool compressed = false;
};
/// "journal-00000000000000000001.sgj"
[[nodiscard]] std::string segment_name(std::uint64_t first, bool compressed = false);
/// In order. Where a crash left a segment both plain and compressed, the plain one counts.
[[nodiscard]] boost::system::result<std::vector<SegmentFile>, Problem>
list_segments(const std::filesystem::path& directory);

/// Reads the frames of one segment, plain or compressed, in order. A plain one may still grow: after `end` or `torn`,
/// `next` looks again.
class SegmentReader
{
  public:
    enum class Status {
        record,
        end,     // nothing after the last complete record
        torn,    // the file ends inside a record, or in zeros that a crash left
        garbage, // a length that no record has
        failed,  // the file cannot be read or decompressed
    };

    [[nodiscard]] static boost::system::result<SegmentReader, Problem> open(const SegmentFile& file);
    SegmentReader(SegmentReader&&) noexcept;
    SegmentReader& operator=(SegmentReader&&) noexcept;
    ~SegmentReader();

    [[nodiscard]] const SegmentHeader& header() const { return header_; }
    /// On `record`, `bytes` is the record without its length, valid until the next call.
    [[nodiscard]] Status next(std::span<const std::byte>& bytes);
    /// Where the last complete record ends, in the plain file.
    [[nodiscard]] std::uint64_t good_end() const { return good_end_; }

    /// Memory that it holds: after a large record no more than before it.
    [[nodiscard]] std::size_t buffered() const { return buffer_.capacity(); }

    /// Largest record that is read; statements are bounded by the proxy's message size.
    static constexpr std::size_t max_record = 512u << 20;

    class Source;

  private:
    SegmentReader();
    bool fill(std::size_t need); // that many bytes from begin_ on, if the file has them
    std::unique_ptr<Source> source_;
    SegmentHeader header_;
    std::vector<std::byte> buffer_;
    std::size_t begin_ = 0, end_ = 0;
    std::uint64_t good_end_ = 0;
    bool failed_ = false;
};

} // namespace stepgate::proxy::audit
