#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace stepgate::proxy::app
{

/// Notices that the system's clock was set, beside one that only runs. For one thread.
class ClockWatch
{
  public:
    using Wall = std::chrono::system_clock::time_point;
    using Steady = std::chrono::steady_clock::time_point;

    /// A sentence for the log, or "" as nearly always.
    [[nodiscard]] std::string look(Wall wall, Steady steady);

  private:
    struct Seen {
        Wall wall;
        Steady steady;
    };
    std::optional<Seen> last_;
};

} // namespace stepgate::proxy::app
