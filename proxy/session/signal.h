#pragma once

#include "proxy/net/task.h"
#include "proxy/session/session.h"

#include <boost/asio/basic_waitable_timer.hpp>

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
            timer_.expires_at(latest);
            co_await timer_.async_wait(net::use_task);
        }
        raised_ = false;
    }

  private:
    using Clock = std::chrono::steady_clock;
    boost::asio::basic_waitable_timer<Clock, boost::asio::wait_traits<Clock>, net::Executor> timer_;
    bool raised_ = false;
};

} // namespace stepgate::proxy::session
