#include "proxy/audit/journal.h"

#include <utility>

namespace stepgate::proxy::audit
{

namespace
{

// A burst may have made the buffer large: do not keep that for ever.
constexpr std::size_t keep_capacity = 8u << 20;

} // namespace

Journal::Journal(Options options, std::shared_ptr<Files> files, SigningKey key, Tail tail,
                 std::function<void(const SegmentFile&)> on_closed)
    : options_(std::move(options)), files_(std::move(files)), key_(std::move(key)), sealer_(tail.next, tail.previous),
      on_closed_(std::move(on_closed)), segment_(tail.open_segment), size_(tail.open_size),
      last_checkpoint_(tail.last_checkpoint)
{
}

boost::system::error_code Journal::commit(bool durable, TimePoint now)
{
    if (sync_failed_)
        return errc::io;
    if (file_)
        if (auto error = file_->still_at(segment_->path))
            return error;
    if (auto error = write_pending())
        return error;
    if (durable)
        if (auto error = sync())
            return error;
    if (auto error = settle_head())
        return error;
    return rotating_ || size_ >= options_.segment_bytes ? rotate(now) : boost::system::error_code{};
}

boost::system::error_code Journal::checkpoint(TimePoint now, std::string_view reason)
{
    append_checkpoint(now, reason);
    return commit(true, now);
}

void Journal::append_checkpoint(TimePoint now, std::string_view reason)
{
    const std::uint64_t sequence = sealer_.next();
    const auto signature = key_.sign(checkpoint_message(sequence, sealer_.previous(), to_ns(now)));
    Record record{Type::checkpoint, now, "", "", {}};
    record.fields.emplace_back("key", key_.public_key().id());
    record.fields.emplace_back("reason", std::string{reason});
    record.fields.emplace_back("signature", signature ? to_base64url(*signature) : std::string{});
    sealer_.append(pending_, record);
    since_checkpoint_ = 0;
    head_due_ = Head{sequence, sealer_.previous(), to_ns(now), reason == "stop", {}};
}

boost::system::error_code Journal::write_pending()
{
    if (pending_.empty())
        return {};
    if (!file_)
        if (auto error = begin_segment())
            return error;
    std::size_t written = 0;
    const auto error = file_->write(pending_, written);
    size_ += written;
    dirty_ = dirty_ || written > 0;
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(written));
    if (pending_.empty() && pending_.capacity() > keep_capacity)
        cbor::Buffer{}.swap(pending_);
    return error;
}

boost::system::error_code Journal::sync()
{
    if (!dirty_)
        return {};
    if (auto error = file_->sync()) {
        sync_failed_ = true;
        return error;
    }
    dirty_ = false;
    return {};
}

boost::system::error_code Journal::settle_head()
{
    if (!head_due_)
        return {};
    if (auto error = sync()) // the head must never know more than the segments
        return error;
    if (auto error = write_head(*files_, options_.directory, *head_due_, key_))
        return error;
    last_checkpoint_ = head_due_->sequence;
    last_checkpoint_ns_ = head_due_->at_ns;
    head_due_.reset();
    return {};
}

/// Opens the segment to append to; a new one gets its name only once its header is on disk.
boost::system::error_code Journal::begin_segment()
{
    if (segment_) {
        auto opened = files_->append_to(segment_->path);
        if (!opened)
            return opened.error();
        file_ = std::move(*opened);
        return {};
    }
    // Pending records are not in a file yet: the header describes the first of them.
    RecordView first;
    std::span<const std::byte> pending{pending_};
    std::size_t length = 0;
    for (std::size_t i = 0; i < 4; ++i)
        length = length << 8 | std::to_integer<std::size_t>(pending[i]);
    if (!decode(pending.subspan(4, length), first))
        return errc::malformed;
    const auto path = options_.directory / segment_name(first.sequence);
    auto temporary = path;
    temporary += ".tmp";
    auto created = files_->create(temporary);
    if (!created)
        return created.error();
    const auto header = encode(SegmentHeader{first.sequence, first.previous});
    std::size_t written = 0;
    if (auto error = (*created)->write(header, written))
        return error;
    if (auto error = (*created)->sync())
        return error;
    if (auto error = files_->rename(temporary, path))
        return error;
    // From here on the file exists; should the next step fail, a retry opens it by name.
    segment_ = SegmentFile{first.sequence, path, false};
    size_ = SegmentHeader::size;
    if (auto error = files_->sync_directory(options_.directory))
        return error;
    file_ = std::move(*created);
    return {};
}

boost::system::error_code Journal::rotate(TimePoint now)
{
    if (!rotating_) {
        rotating_ = true;
        append_checkpoint(now, "rotation");
    }
    if (auto error = write_pending())
        return error;
    if (auto error = sync())
        return error;
    if (auto error = settle_head())
        return error;
    file_.reset();
    on_closed_(*segment_);
    segment_.reset();
    size_ = 0;
    rotating_ = false;
    return {};
}

} // namespace stepgate::proxy::audit
