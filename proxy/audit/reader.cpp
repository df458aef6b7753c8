#include "proxy/audit/reader.h"

namespace stepgate::proxy::audit
{

JournalReader::Status JournalReader::fail(Problem problem)
{
    problem_ = std::move(problem);
    return Status::failed;
}

/// Opens the segment that holds `next_`: the last one that does not start after it.
bool JournalReader::find_first()
{
    const auto segments = list_segments(directory_);
    if (!segments) {
        problem_ = segments.error();
        return false;
    }
    const SegmentFile* chosen = nullptr;
    for (const auto& segment : *segments)
        if (segment.first <= next_ || !chosen) // what is asked for was archived: begin with the oldest there is
            chosen = &segment;
    if (!chosen)
        return true;
    auto opened = SegmentReader::open(*chosen);
    if (!opened && !chosen->compressed) // compressed in between
        opened = SegmentReader::open({chosen->first, directory_ / segment_name(chosen->first, true), true});
    if (!opened) {
        problem_ = opened.error();
        return false;
    }
    segment_.emplace(std::move(*opened));
    at_ = chosen->first;
    return true;
}

/// After the end of a segment: is the one that goes on from there begun? nullopt: it is open now.
std::optional<JournalReader::Status> JournalReader::open_next()
{
    for (const bool compressed : {false, true}) {
        const SegmentFile file{at_, directory_ / segment_name(at_, compressed), compressed};
        if (!std::filesystem::exists(file.path) || segment_->header().first == at_)
            continue;
        auto opened = SegmentReader::open(file);
        if (!opened)
            continue; // renamed in this moment: the next call finds it
        segment_.emplace(std::move(*opened));
        return std::nullopt;
    }
    return skip_missing();
}

/// Is there a later segment, where the one that goes on from here is missing? Looks only where files have come or gone.
std::optional<JournalReader::Status> JournalReader::skip_missing()
{
    std::error_code ignored;
    const auto changed = std::filesystem::last_write_time(directory_, ignored);
    if (changed == looked_)
        return Status::end;
    const auto segments = list_segments(directory_);
    if (!segments)
        return Status::end;
    for (const auto& segment : *segments) {
        if (segment.first <= at_)
            continue;
        // The writer may have filled this segment and begun that one meanwhile: then there is more here now.
        if (!std::exchange(read_again_, true))
            return std::nullopt;
        auto opened = SegmentReader::open(segment);
        if (!opened)
            return Status::end; // renamed in this moment
        gaps_.push_back({at_, segment.first - 1});
        at_ = segment.first;
        segment_.emplace(std::move(*opened));
        return std::nullopt;
    }
    looked_ = changed;
    return Status::end;
}

JournalReader::Status JournalReader::next(RecordView& record, std::span<const std::byte>& bytes)
{
    const Status status = next(bytes);
    return status == Status::record ? decode_into(record, bytes) : status;
}

JournalReader::Status JournalReader::decode_into(RecordView& record, std::span<const std::byte> bytes)
{
    if (!decode(bytes, record) || record.sequence != sequence())
        return fail({errc::damaged, directory_.string() + ": record " + std::to_string(sequence()) +
                                        " is damaged; run `stepgate audit verify`"});
    return Status::record;
}

JournalReader::Status JournalReader::next(std::span<const std::byte>& bytes)
{
    if (!segment_ && !find_first())
        return Status::failed;
    if (!segment_)
        return Status::end;
    for (;;) {
        switch (segment_->next(bytes)) {
        case SegmentReader::Status::record:
            read_again_ = false;
            if (at_++ < next_)
                continue;
            next_ = at_;
            return Status::record;
        case SegmentReader::Status::end:
        case SegmentReader::Status::torn: // being written, or left by a crash
            if (const auto status = open_next())
                return *status;
            continue;
        case SegmentReader::Status::garbage:
        case SegmentReader::Status::failed:
            return fail({errc::damaged, directory_.string() + ": the segment that holds record " + std::to_string(at_) +
                                            " is damaged; run `stepgate audit verify`"});
        }
    }
}

boost::system::result<Extent, Problem> journal_extent(const std::filesystem::path& directory)
{
    const auto segments = list_segments(directory);
    if (!segments)
        return segments.error();
    if (segments->empty())
        return Extent{};
    Extent extent{segments->front().first, segments->back().first - 1};
    auto last = SegmentReader::open(segments->back());
    if (!last)
        return last.error();
    std::span<const std::byte> bytes;
    while (last->next(bytes) == SegmentReader::Status::record)
        ++extent.last;
    return extent;
}

} // namespace stepgate::proxy::audit
