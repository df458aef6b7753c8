#pragma once

#include "proxy/audit/record_codec.h"
#include "proxy/audit/segment.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace stepgate::proxy::audit
{

/// Sequence numbers of the first and the last record of a part.
struct Extent {
    std::uint64_t first = 0, last = 0;
};

/// Reads a journal from a sequence number on, over segments, while a writer may append to it and compress what is
/// closed. Goes on behind a segment that is missing. Does not check the chain (verify.h does). Not thread-safe.
class JournalReader
{
  public:
    enum class Status {
        record,
        end,    // nothing more for now: asking again later is fine
        failed, // see `problem`
    };

    JournalReader(std::filesystem::path directory, std::uint64_t from) : directory_(std::move(directory)), next_(from)
    {
    }

    /// The next record; views and `bytes` are valid until the next call.
    [[nodiscard]] Status next(RecordView& record, std::span<const std::byte>& bytes);
    /// As above, in two steps: its bytes, not looked at yet, then what they say (`record` or `failed`).
    [[nodiscard]] Status next(std::span<const std::byte>& bytes);
    [[nodiscard]] Status decode_into(RecordView& record, std::span<const std::byte> bytes);
    /// Of the record that `next` gave.
    [[nodiscard]] std::uint64_t sequence() const { return next_ - 1; }
    [[nodiscard]] const Problem& problem() const { return problem_; }
    /// The records that were missing where it went on, since this was asked last.
    [[nodiscard]] std::vector<Extent> take_gaps() { return std::exchange(gaps_, {}); }

  private:
    Status fail(Problem problem);
    bool find_first();
    std::optional<Status> open_next();
    std::optional<Status> skip_missing();

    std::filesystem::path directory_;
    std::uint64_t next_;   // sequence number wanted
    std::uint64_t at_ = 0; // of the record that the open segment gives next
    std::optional<SegmentReader> segment_;
    std::filesystem::file_time_type looked_{}; // at the directory, as it was then
    bool read_again_ = false;                  // the segment, after a later one was seen
    std::vector<Extent> gaps_;
    Problem problem_;
};

/// What there is; 0 when there is nothing (older segments may be archived).
[[nodiscard]] boost::system::result<Extent, Problem> journal_extent(const std::filesystem::path& directory);

} // namespace stepgate::proxy::audit
