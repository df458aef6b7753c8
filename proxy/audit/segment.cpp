#include "proxy/audit/segment.h"

#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <unistd.h>

namespace stepgate::proxy::audit
{

namespace
{

constexpr std::string_view magic = "sgjrnl1\n";
constexpr std::string_view prefix = "journal-";
constexpr std::size_t digits = 20;
constexpr std::size_t chunk = 256 * 1024;
constexpr std::size_t kept_bytes = 4 * chunk;

std::uint64_t big_endian(std::span<const std::byte> bytes)
{
    std::uint64_t value = 0;
    for (const std::byte byte : bytes)
        value = value << 8 | std::to_integer<std::uint64_t>(byte);
    return value;
}

std::optional<SegmentFile> parse_name(const std::filesystem::path& path)
{
    const std::string name = path.filename().string();
    if (!name.starts_with(prefix) || name.size() < prefix.size() + digits)
        return std::nullopt;
    const std::string suffix = name.substr(prefix.size() + digits);
    SegmentFile file{0, path, suffix == ".sgj.zst"};
    const char* first = name.data() + prefix.size();
    const auto parsed = std::from_chars(first, first + digits, file.first);
    if ((!file.compressed && suffix != ".sgj") || parsed.ptr != first + digits || parsed.ec != std::errc{})
        return std::nullopt;
    return file;
}

/// Adds the segments of `directory` to `found`: under both names the plain one counts.
std::optional<Problem> read_names(const std::filesystem::path& directory, std::map<std::uint64_t, SegmentFile>& found)
{
    std::error_code error;
    std::filesystem::directory_iterator entries{directory, error};
    for (; !error && entries != std::filesystem::directory_iterator{}; entries.increment(error)) {
        auto file = parse_name(entries->path());
        if (file && (!found.contains(file->first) || !file->compressed))
            found.insert_or_assign(file->first, *file);
    }
    if (error)
        return Problem{errc::io, "cannot read the audit directory " + directory.string() + ": " + error.message()};
    return std::nullopt;
}

} // namespace

std::array<std::byte, SegmentHeader::size> encode(const SegmentHeader& header)
{
    std::array<std::byte, SegmentHeader::size> bytes{};
    std::memcpy(bytes.data(), magic.data(), magic.size());
    for (std::size_t i = 0; i < 8; ++i)
        bytes[magic.size() + i] = static_cast<std::byte>(header.first >> (56 - 8 * i));
    std::copy(header.previous.begin(), header.previous.end(), bytes.begin() + 16);
    return bytes;
}

std::optional<SegmentHeader> decode_segment_header(std::span<const std::byte> bytes)
{
    if (bytes.size() < SegmentHeader::size || std::memcmp(bytes.data(), magic.data(), magic.size()) != 0)
        return std::nullopt;
    SegmentHeader header;
    header.first = big_endian(bytes.subspan(8, 8));
    std::copy_n(bytes.begin() + 16, header.previous.size(), header.previous.begin());
    return header;
}

std::string segment_name(std::uint64_t first, bool compressed)
{
    const std::string number = std::to_string(first);
    return std::string{prefix} + std::string(digits - number.size(), '0') + number + (compressed ? ".sgj.zst" : ".sgj");
}

boost::system::result<std::vector<SegmentFile>, Problem> list_segments(const std::filesystem::path& directory)
{
    // A directory is read in pieces, and what is renamed meanwhile may stand in none of them (readdir, POSIX). A
    // segment that one reading misses was compressed during it, so it has its last name in the other.
    std::map<std::uint64_t, SegmentFile> before, found;
    for (auto* reading : {&before, &found})
        if (auto problem = read_names(directory, *reading))
            return *problem;
    found.merge(before);
    std::vector<SegmentFile> files;
    for (auto& [first, file] : found)
        files.push_back(std::move(file));
    return files;
}

/// Bytes of a segment, wherever they come from.
class SegmentReader::Source
{
  public:
    explicit Source(int fd) : fd_(fd) {}
    Source(const Source&) = delete;
    Source& operator=(const Source&) = delete;
    virtual ~Source() { ::close(fd_); }
    /// How many bytes came; 0 at the end for now; -1 when reading failed.
    virtual std::ptrdiff_t read(std::span<std::byte> into) = 0;

  protected:
    std::ptrdiff_t read_file(std::span<std::byte> into) const
    {
        for (;;) {
            const auto n = ::read(fd_, into.data(), into.size());
            if (n >= 0 || errno != EINTR)
                return n;
        }
    }

  private:
    int fd_;
};

namespace
{

class PlainSource final : public SegmentReader::Source
{
  public:
    using Source::Source;
    std::ptrdiff_t read(std::span<std::byte> into) override { return read_file(into); }
};

class ZstdSource final : public SegmentReader::Source
{
  public:
    explicit ZstdSource(int fd) : Source(fd), stream_(ZSTD_createDStream(), ZSTD_freeDStream), input_(chunk) {}

    std::ptrdiff_t read(std::span<std::byte> into) override
    {
        ZSTD_outBuffer out{into.data(), into.size(), 0};
        while (out.pos == 0) {
            if (in_.pos == in_.size) {
                const auto n = read_file(input_);
                if (n < 0 || (n == 0 && !whole_))
                    return -1; // the compressed file ends early
                if (n == 0)
                    return 0;
                in_ = {input_.data(), static_cast<std::size_t>(n), 0};
            }
            const std::size_t state = ZSTD_decompressStream(stream_.get(), &out, &in_);
            if (ZSTD_isError(state))
                return -1;
            whole_ = state == 0;
        }
        return static_cast<std::ptrdiff_t>(out.pos);
    }

  private:
    std::unique_ptr<ZSTD_DStream, decltype(&ZSTD_freeDStream)> stream_;
    std::vector<std::byte> input_;
    ZSTD_inBuffer in_{nullptr, 0, 0};
    bool whole_ = false; // a frame was decoded to its end, checksum included
};

} // namespace

SegmentReader::SegmentReader() = default;
SegmentReader::SegmentReader(SegmentReader&&) noexcept = default;
SegmentReader& SegmentReader::operator=(SegmentReader&&) noexcept = default;
SegmentReader::~SegmentReader() = default;

boost::system::result<SegmentReader, Problem> SegmentReader::open(const SegmentFile& file)
{
    const int fd = ::open(file.path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return Problem{errc::io, "cannot open " + file.path.string() + ": " + std::strerror(errno)};
    SegmentReader reader;
    if (file.compressed)
        reader.source_ = std::make_unique<ZstdSource>(fd);
    else
        reader.source_ = std::make_unique<PlainSource>(fd);
    const bool whole = reader.fill(SegmentHeader::size);
    const auto header = decode_segment_header(std::span{reader.buffer_}.first(whole ? SegmentHeader::size : 0));
    if (!header || header->first != file.first)
        return Problem{errc::damaged,
                       file.path.string() + " is not the segment that its name says: its header is damaged"};
    reader.header_ = *header;
    reader.begin_ = SegmentHeader::size;
    reader.good_end_ = SegmentHeader::size;
    return reader;
}

bool SegmentReader::fill(std::size_t need)
{
    if (end_ - begin_ >= need)
        return true;
    if (begin_ > 0) {
        std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
                  buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
        end_ -= begin_;
        begin_ = 0;
        if (buffer_.size() > kept_bytes && end_ <= chunk) { // a large record is done with
            std::vector<std::byte> smaller(chunk * 2);
            std::copy_n(buffer_.begin(), end_, smaller.begin());
            buffer_ = std::move(smaller);
        }
    }
    while (end_ < need && !failed_) {
        // Grow by what arrives, not by what a length promises.
        if (buffer_.size() - end_ < chunk)
            buffer_.resize(std::max(end_ + chunk, buffer_.size() + buffer_.size() / 2));
        const auto n = source_->read(std::span{buffer_}.subspan(end_));
        failed_ = n < 0;
        if (n <= 0)
            return false;
        end_ += static_cast<std::size_t>(n);
    }
    return end_ >= need;
}

SegmentReader::Status SegmentReader::next(std::span<const std::byte>& bytes)
{
    constexpr std::size_t length_bytes = 4;
    const auto cut = [this] { return failed_ ? Status::failed : begin_ == end_ ? Status::end : Status::torn; };
    if (!fill(length_bytes))
        return cut();
    const auto length = static_cast<std::size_t>(big_endian(std::span{buffer_}.subspan(begin_, length_bytes)));
    if (length == 0) {
        // A file system may keep a file's new size and lose its data in a crash: zeros up to the end. The scan stops
        // where it finds anything else.
        std::size_t zeros = 0;
        while (fill(zeros + 1) && buffer_[begin_ + zeros] == std::byte{0})
            ++zeros;
        return failed_ ? Status::failed : zeros == end_ - begin_ ? Status::torn : Status::garbage;
    }
    if (length > max_record)
        return Status::garbage;
    if (!fill(length_bytes + length))
        return cut();
    bytes = std::span{buffer_}.subspan(begin_ + length_bytes, length);
    begin_ += length_bytes + length;
    good_end_ += length_bytes + length;
    return Status::record;
}

} // namespace stepgate::proxy::audit
