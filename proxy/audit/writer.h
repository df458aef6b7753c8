#pragma once

#include "proxy/audit/errc.h"
#include "proxy/audit/event.h"
#include "proxy/audit/keys.h"
#include "proxy/audit/record.h"

#include <boost/system/result.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace stepgate::proxy::audit
{

class Files;

struct WriterOptions {
    std::filesystem::path directory;           // segments, keys, head.json; made (0700) if it is not there
    std::size_t segment_bytes = 64u << 20;     // rotate after
    std::size_t lane_bytes = 1u << 18;         // queue of one I/O thread; rounded up to a power of two
    std::size_t submit_bytes = 64u << 20;      // bound of what `submit` keeps waiting
    std::chrono::milliseconds flush_every{25}; // a lane that stays small stays in the processor's cache
    std::chrono::seconds checkpoint_every{10};
    bool compress = true;                                  // closed segments become .sgj.zst
    std::string version;                                   // of stepgate, for the start record
    std::function<TimePoint()> clock;                      // of checkpoints; empty: the system's
    std::function<void(const std::string&)> on_problem;    // a line for the log; called on the writer's threads
    std::function<void(const std::string&)> on_recovery{}; // the same, once it is over
    std::shared_ptr<Files> files;                          // tests make the disk fail; empty: the real one
};

/// How the journal is doing, for metrics and the explorer's banner.
struct WriterStatus {
    bool healthy = true;
    std::uint64_t last_sequence = 0;   // of the last record encoded
    std::uint64_t last_checkpoint = 0; // sequence of the last signed checkpoint on disk
    TimePoint last_checkpoint_at{};
    std::string error; // "" when healthy
};

class Lane;

/// The journal's writer: one thread, one chain. Producers never wait for the disk: each I/O thread has a lane, others
/// share `submit`. Thread-safe but for `Lane`, which belongs to one thread.
/// Order: what one thread pushed to its lane and submitted stays in that thread's order, lane and submit together.
/// A `start` record is written by `open` and a `stop` record by the destructor.
class Writer
{
  public:
    /// The message of the Problem names the file, what is wrong and what to do.
    [[nodiscard]] static boost::system::result<std::unique_ptr<Writer>, Problem> open(WriterOptions options);
    ~Writer(); // drains, signs a last checkpoint, closes. Lanes may outlive it: they answer false.

    /// A lane for the calling I/O thread.
    [[nodiscard]] std::unique_ptr<Lane> make_lane();

    /// Any event, from any thread. `on_durable` (may be empty) is called on the writer's thread once the record and all
    /// that this thread pushed or submitted before it are on disk (fdatasync), or with an error when they cannot be.
    /// Must only post. False: the queue is full or the journal has failed; nothing was taken.
    [[nodiscard]] bool submit(Record record, std::function<void(boost::system::error_code)> on_durable = {});

    /// False once writing failed: the gate then refuses. True again when the disk takes records again. Lock-free.
    [[nodiscard]] bool healthy() const noexcept;
    [[nodiscard]] std::uint64_t records_written() const noexcept;
    [[nodiscard]] std::uint64_t queued_bytes() const noexcept;
    [[nodiscard]] WriterStatus status() const;
    /// Key for keyed hashes of redacted literals: 32 bytes, the same for as long as the journal lives.
    [[nodiscard]] const RedactionKey& redaction_key() const noexcept;

    struct Impl;

  private:
    explicit Writer(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

/// Single-producer queue from one I/O thread to the writer. No allocation, no lock, no system call in steady state.
/// A text that is larger than a quarter of the lane takes the way of `Writer::submit` instead.
class Lane
{
  public:
    virtual ~Lane() = default;
    /// False: full (slow the session down and try again after `writable`) or the journal has failed.
    [[nodiscard]] virtual bool statement(const StatementEvent& event) = 0;
    [[nodiscard]] virtual bool outcome(const OutcomeEvent& event) = 0;
    /// Is there room for a statement event with this much text (and an outcome)? False when the journal has failed.
    [[nodiscard]] virtual bool writable(std::size_t text_bytes) const = 0;
};

} // namespace stepgate::proxy::audit
