#pragma once

#include "proxy/audit/event.h"
#include "proxy/audit/record.h"
#include "proxy/audit/ring.h"
#include "proxy/audit/writer.h"

#include <boost/container/small_vector.hpp>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <variant>
#include <vector>

namespace stepgate::proxy::audit
{

/// A statement too large for a lane.
struct LargeStatement {
    StatementEvent event; // its views point into `storage`
    std::string storage;
};

/// Something submitted, and how far each lane had got at that moment: what was pushed before goes before it.
struct Submitted {
    std::variant<Record, std::unique_ptr<LargeStatement>> what;
    std::function<void(boost::system::error_code)> on_durable;
    boost::container::small_vector<std::uint64_t, 8> lanes;
    std::size_t bytes = 0;
};

/// What producers and the writer's thread share. Producers may outlive the writer: `open` is false then.
struct Queue {
    explicit Queue(std::size_t limit) : limit_bytes(limit) {}

    bool submit(Submitted item);
    void wake(); // lock-free unless the writer sleeps

    const std::size_t limit_bytes;
    std::atomic<bool> open{true}, healthy{true}, sleeping{false};
    std::atomic<std::uint64_t> bytes{0};

    std::mutex mutex;
    std::condition_variable changed;
    // Under the mutex:
    std::vector<Submitted> items;
    std::vector<std::shared_ptr<Ring>> lanes;
    bool urgent = false; // somebody waits for durability, or a queue is half full
    bool stop = false;
};

[[nodiscard]] std::unique_ptr<Lane> make_lane(std::shared_ptr<Queue> queue, std::size_t bytes);

using LaneEvent = std::variant<StatementEvent, OutcomeEvent>;
/// The outcome that a lane put into its ring, if the message is one.
[[nodiscard]] std::optional<OutcomeEvent> read_lane_outcome(std::span<const std::byte> message);
/// What a lane put into its ring. Views point into `message`.
[[nodiscard]] LaneEvent read_lane_message(std::span<const std::byte> message);

} // namespace stepgate::proxy::audit
