#pragma once

#include "proxy/notify/target.h"
#include "proxy/outbound/job_queue.h"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace stepgate::proxy::notify
{

/// All targets of the configuration. Telling never blocks: a thread makes the notice, each target has one that sends.
/// Thread-safe but for `replace` and `stop`.
class Notifier
{
  public:
    Notifier(std::vector<TargetSettings> targets, Outlets outlets);
    ~Notifier() { stop(); }
    Notifier(const Notifier&) = delete;
    Notifier& operator=(const Notifier&) = delete;

    /// Does anybody want to hear of this? Costs nothing.
    [[nodiscard]] bool wants(Event event) const { return (wanted_.load() & bit(event)) != 0; }
    /// `make` is called on a thread of ours.
    void tell(Event event, std::function<Notice()> make);
    /// Counts of each target, by name; "" for notices that were never made as too many waited.
    [[nodiscard]] std::vector<std::pair<std::string, Target::Counts>> counts() const;

    /// Other settings. Targets that stay as they are go on with what waits, others give it up; one that had said that
    /// it is gone is asked again.
    void replace(std::vector<TargetSettings> targets);
    /// Gives up what waits. What mail still says of messages afterwards is welcome until the destructor.
    void stop();

  private:
    using Targets = std::vector<std::shared_ptr<Target>>;
    static std::uint32_t bit(Event event) { return std::uint32_t{1} << static_cast<unsigned>(event); }
    [[nodiscard]] Targets targets() const;
    void deliver(const std::function<Notice()>& make) const;

    const Outlets outlets_;
    std::atomic<std::uint32_t> wanted_{0};
    std::atomic<std::uint64_t> lost_{0};
    mutable std::mutex mutex_; // guards the list only
    Targets targets_;
    Targets retired_;           // mail may still call them
    outbound::JobQueue intake_; // last: its thread uses the others
};

} // namespace stepgate::proxy::notify
