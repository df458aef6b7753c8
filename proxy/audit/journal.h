#pragma once

#include "proxy/audit/files.h"
#include "proxy/audit/head.h"
#include "proxy/audit/keys.h"
#include "proxy/audit/record_codec.h"
#include "proxy/audit/recovery.h"

#include <boost/system/result.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

namespace stepgate::proxy::audit
{

/// The journal as one thread sees it: records go into a buffer, `commit` puts them on disk, rotates and signs. After an
/// error nothing is lost: `commit` goes on where it was. Not thread-safe.
class Journal
{
  public:
    struct Options {
        std::filesystem::path directory;
        std::size_t segment_bytes = 64u << 20;
    };
    Journal(Options options, std::shared_ptr<Files> files, SigningKey key, Tail tail,
            std::function<void(const SegmentFile&)> on_closed);

    template <class Event>
    void append(const Event& event)
    {
        sealer_.append(pending_, event);
        ++since_checkpoint_;
    }

    /// Writes what is pending, and makes it durable if asked. Rotates when the segment is full.
    [[nodiscard]] boost::system::error_code commit(bool durable, TimePoint now);
    /// Signs: a checkpoint record, durable, and head.json. `reason`: "time", "rotation", "stop". After an error,
    /// `commit` or another call finishes the one that was begun.
    [[nodiscard]] boost::system::error_code checkpoint(TimePoint now, std::string_view reason);

    [[nodiscard]] std::uint64_t next() const { return sealer_.next(); }
    [[nodiscard]] std::uint64_t last_checkpoint() const { return last_checkpoint_; }
    [[nodiscard]] std::int64_t last_checkpoint_ns() const { return last_checkpoint_ns_; }
    [[nodiscard]] std::size_t pending_bytes() const { return pending_.size(); }
    [[nodiscard]] bool unsigned_records() const { return since_checkpoint_ > 0; }
    /// A failed fdatasync leaves unknown what is on disk and later calls may claim success: only a restart, which reads
    /// the file again, may go on.
    [[nodiscard]] bool beyond_retry() const { return sync_failed_; }

  private:
    boost::system::error_code write_pending();
    boost::system::error_code sync();
    boost::system::error_code settle_head();
    void append_checkpoint(TimePoint now, std::string_view reason);
    boost::system::error_code begin_segment();
    boost::system::error_code rotate(TimePoint now);

    Options options_;
    std::shared_ptr<Files> files_;
    SigningKey key_;
    Sealer sealer_;
    std::function<void(const SegmentFile&)> on_closed_;
    cbor::Buffer pending_;
    std::unique_ptr<OutFile> file_;
    std::optional<SegmentFile> segment_;
    std::uint64_t size_ = 0;
    std::uint64_t since_checkpoint_ = 0;
    std::uint64_t last_checkpoint_ = 0;
    std::int64_t last_checkpoint_ns_ = 0;
    std::optional<Head> head_due_; // its checkpoint is appended, head.json does not know it yet
    bool rotating_ = false;        // the checkpoint that closes the segment is appended
    bool dirty_ = false;           // written since the last sync
    bool sync_failed_ = false;
};

} // namespace stepgate::proxy::audit
