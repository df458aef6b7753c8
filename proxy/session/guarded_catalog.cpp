#include "proxy/session/guarded_session.h"

#include <algorithm>

namespace stepgate::proxy::session
{
namespace
{

constexpr auto catalog_patience = std::chrono::seconds{10};
constexpr auto catalog_look = std::chrono::milliseconds{5};

} // namespace

/// Until the names can be looked up, or for long enough, or until the client cancels: then what needs them is judged as
/// not understood. Looks again and again, since the snapshot comes from another thread and this is rare. False: the
/// session is over.
net::Task<bool> GuardedSession::await_catalog()
{
    const auto latest = worker_.now + catalog_patience;
    stalled_ = true;
    while (catalog_.may_wait() && worker_.now < latest && !cancelled_ && !stopping_ && !server_ended_) {
        catalog_.want_snapshot();
        co_await signal_.wait_until(std::min(latest, worker_.now + catalog_look));
        worker_.look_at_clocks();
        if (catalog_.look())
            catalog_read();
    }
    stalled_ = false;
    if (catalog_.may_wait())
        catalog_.give_up();
    co_return !stopping_ && !server_ended_;
}

} // namespace stepgate::proxy::session
