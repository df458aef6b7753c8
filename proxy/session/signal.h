#pragma once

#include "proxy/net/loop.h"
#include "proxy/session/session.h"

namespace stepgate::proxy::session
{

/// Wakes the one coroutine that waits on it, at the latest at a given time. Raised before the wait, it is not lost.
/// One thread.
class Signal
{
  public:
    explicit Signal(net::Executor executor) : timer_{executor} {}

    void raise()
    {
        raised_ = true;
        timer_.cancel();
    }
    [[nodiscard]] net::Task<void> wait_until(SteadyTime latest)
    {
        if (!raised_) {
            co_await timer_.wait_until(latest);
        }
        raised_ = false;
    }

  private:
    net::Timer timer_;
    bool raised_ = false;
};

} // namespace stepgate::proxy::session
