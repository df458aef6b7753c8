#include "proxy/audit/recovery.h"

#include "proxy/audit/head.h"
#include "proxy/audit/record_codec.h"

#include <string>

namespace stepgate::proxy::audit
{

namespace
{

const char* const advice =
    ". Run `stepgate audit verify`; to go on without repairing it, move the directory away: a new journal begins";

Problem damaged(const std::filesystem::path& file, const std::string& what)
{
    return {errc::damaged, file.string() + ": " + what + advice};
}

/// What the last segment says about the end, and the hash of the record that the head names.
struct Scan {
    Tail tail;
    std::optional<Hash> head_hash;
};

boost::system::result<Scan, Problem> scan_last(const SegmentFile& file, std::uint64_t head_sequence)
{
    auto opened = SegmentReader::open(file);
    if (!opened)
        return opened.error();
    SegmentReader reader = std::move(*opened);
    Scan scan;
    Tail& tail = scan.tail;
    tail.fresh = false;
    tail.next = reader.header().first;
    tail.previous = reader.header().previous;
    Hasher hash;
    RecordView record;
    std::span<const std::byte> bytes;
    auto status = SegmentReader::Status::end;
    while ((status = reader.next(bytes)) == SegmentReader::Status::record) {
        if (!decode(bytes, record))
            return damaged(file.path, "what follows record " + std::to_string(tail.next - 1) + " is not a record");
        if (record.sequence != tail.next || record.previous != tail.previous)
            return damaged(file.path, "record " + std::to_string(tail.next) + " is not in its place in the chain");
        tail.previous = hash(bytes);
        ++tail.next;
        tail.clean = record.type == Type::checkpoint && record.text("reason") == "stop";
        if (record.type == Type::checkpoint)
            tail.last_checkpoint = record.sequence;
        if (record.sequence == head_sequence)
            scan.head_hash = tail.previous;
    }
    if (status == SegmentReader::Status::garbage)
        return damaged(file.path, "what follows record " + std::to_string(tail.next - 1) + " is not a record");
    if (status == SegmentReader::Status::failed || (status == SegmentReader::Status::torn && file.compressed))
        return Problem{errc::damaged, file.path.string() + " cannot be read to its end" + advice};
    tail.open_size = reader.good_end();
    if (!file.compressed) {
        tail.open_segment = file;
        tail.torn_bytes = std::filesystem::file_size(file.path) - tail.open_size;
    }
    return scan;
}

bool remove_leftovers(const std::filesystem::path& directory, Files& files)
{
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator{directory, error})
        if (entry.path().extension() == ".tmp" && files.remove(entry.path()))
            return false;
    return !error;
}

boost::system::result<void, Problem> check_head(const std::filesystem::path& directory, const LoadedHead& loaded,
                                                const Scan& scan)
{
    const auto path = directory / "head.json";
    const std::uint64_t last = scan.tail.next - 1;
    if (!loaded.signature_good)
        return damaged(path, "is not signed by audit.key");
    if (loaded.head.sequence > last)
        return damaged(path, "knows records up to " + std::to_string(loaded.head.sequence) +
                                 ", but the last one in the segments is " + std::to_string(last) +
                                 ": records were cut off");
    if (scan.head_hash && *scan.head_hash != loaded.head.hash)
        return damaged(path, "record " + std::to_string(loaded.head.sequence) + " is not the one that was signed");
    return {};
}

} // namespace

bool has_journal(const std::filesystem::path& directory)
{
    const auto segments = list_segments(directory);
    return std::filesystem::exists(directory / "head.json") || !segments || !segments->empty();
}

boost::system::result<Tail, Problem> recover(const std::filesystem::path& directory, Files& files, const PublicKey* key)
{
    if (!remove_leftovers(directory, files))
        return Problem{errc::io, "cannot clean up " + directory.string() + ": check its permissions"};
    auto segments = list_segments(directory);
    if (!segments)
        return segments.error();
    std::optional<LoadedHead> head;
    if (key) {
        auto loaded = load_head(directory, *key);
        if (!loaded)
            return loaded.error();
        head = *loaded;
    }
    if (segments->empty()) {
        if (head && head->head.sequence > 0)
            return damaged(directory / "head.json",
                           "knows " + std::to_string(head->head.sequence) + " records, but there is no segment");
        return Tail{};
    }
    auto scanned = scan_last(segments->back(), head ? head->head.sequence : 0);
    if (!scanned)
        return scanned.error();
    if (head)
        if (auto checked = check_head(directory, *head, *scanned); !checked)
            return checked.error();
    Tail tail = std::move(scanned->tail);
    if (head && head->head.sequence > tail.last_checkpoint)
        tail.last_checkpoint = head->head.sequence;
    if (tail.torn_bytes > 0)
        if (auto error = files.truncate(tail.open_segment->path, tail.open_size))
            return Problem{errc::io, "cannot cut the incomplete record off " + tail.open_segment->path.string() + ": " +
                                         error.message()};
    segments->pop_back();
    for (auto& segment : *segments)
        if (!segment.compressed)
            tail.closed.push_back(std::move(segment));
    return tail;
}

} // namespace stepgate::proxy::audit
