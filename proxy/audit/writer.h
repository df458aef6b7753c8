#pragma once

#include "proxy/audit/errc.h"
#include "proxy/audit/record.h"

#include <boost/system/result.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string_view>

namespace stepgate::proxy::audit {

/// A statement on its way, for the hot path: views are copied into the lane before `statement` returns.
struct StatementEvent {
    std::int64_t at_ns = 0;          // wall clock, ns since 1970
    std::uint64_t session = 0;       // number given by session_start
    std::uint64_t statement = 0;     // number within the session, to join the outcome
    std::string_view text;           // already redacted where it must be
    std::string_view action;         // "allow", …
    std::string_view rules;          // comma-joined ids, "" for none
    std::string_view labels;         // comma-joined
    std::string_view kinds;          // comma-joined kinds, "select"
    std::uint64_t shape = 0;         // of the text, to group executions; 0: none
    bool redacted = false;
};
struct OutcomeEvent {
    std::int64_t at_ns = 0;
    std::uint64_t session = 0, statement = 0;
    std::int64_t duration_ns = 0;
    std::int64_t rows = -1;          // -1: the server did not say
    char sqlstate[6] = "00000";
};

struct WriterOptions {
    std::filesystem::path directory;        // segments, keys
    std::size_t segment_bytes = 64u << 20;  // rotate after
    std::size_t lane_bytes = 1u << 20;      // queue of one I/O thread
    std::chrono::milliseconds flush_every{50};
    std::chrono::seconds checkpoint_every{10};
};

class Lane;

/// The journal's writer: one thread, one chain. Producers never wait for the disk: each I/O thread has a lane, others
/// share `submit`. Thread-safe but for `Lane`, which belongs to one thread.
class Writer
{
  public:
    [[nodiscard]] static boost::system::result<std::unique_ptr<Writer>> open(WriterOptions options);
    ~Writer();                       // drains, signs a last checkpoint, closes

    /// A lane for the calling I/O thread.
    [[nodiscard]] std::unique_ptr<Lane> make_lane();

    /// Any event, from any thread. `on_durable` (may be empty) is called on the writer's thread once the record and all
    /// submitted before it by this thread are on disk (fsync), or with an error when they cannot be. Must only post.
    /// False: the queue is full or the journal has failed; nothing was taken.
    [[nodiscard]] bool submit(Record record, std::function<void(boost::system::error_code)> on_durable = {});

    /// False once writing failed: the gate then refuses. Lock-free, for the relay path.
    [[nodiscard]] bool healthy() const noexcept;
    [[nodiscard]] std::uint64_t records_written() const noexcept;
    [[nodiscard]] std::uint64_t queued_bytes() const noexcept;

  private:
    Writer();
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// Single-producer queue from one I/O thread to the writer. No allocation, no lock, no system call in steady state.
class Lane
{
  public:
    virtual ~Lane() = default;
    /// False: full (slow the session down and try again after `writable`) or the journal has failed.
    [[nodiscard]] virtual bool statement(const StatementEvent& event) = 0;
    [[nodiscard]] virtual bool outcome(const OutcomeEvent& event) = 0;
    /// Room for the largest statement event again?
    [[nodiscard]] virtual bool writable(std::size_t text_bytes) const = 0;
};

} // namespace stepgate::proxy::audit
