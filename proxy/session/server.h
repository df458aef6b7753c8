#pragma once

#include "proxy/session/metrics.h"
#include "proxy/session/options.h"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace stepgate::policies::rules
{
class Policy;
}

namespace stepgate::proxy::session
{

/// Loads the certificates, keys and CA files that `options` name. "" or what is wrong with them.
[[nodiscard]] std::string check_certificates(const ListenerOptions& options);

/// The relay: listeners on one loop a thread, and the sessions they accept. All methods are for one thread (the
/// app's main thread); none of them waits for clients but `drain` and `stop`.
class Proxy
{
  public:
    Proxy(Services services, ProxyOptions options);
    ~Proxy(); // stops
    Proxy(const Proxy&) = delete;
    Proxy& operator=(const Proxy&) = delete;

    /// Loads certificates, binds all listeners and starts the threads. On failure nothing runs, and the returned text
    /// says what is wrong ("listener shop-pg: cannot bind 127.0.0.1:6432: Address already in use"); "" is success.
    [[nodiscard]] std::string start(std::vector<ListenerOptions> listeners,
                                    std::shared_ptr<const policies::rules::Policy> policy);

    /// A new policy, for the next statement of every session (held ones are judged again before they run).
    void reload(std::shared_ptr<const policies::rules::Policy> policy);
    /// Reads certificate, key and CA files again, for new connections. "" or what is wrong: then nothing changed.
    [[nodiscard]] std::string reload_certificates();

    /// Port that a listener is bound to; 0 if there is no such listener.
    [[nodiscard]] std::uint16_t port(std::string_view listener) const;

    /// Stops accepting; idle sessions get FATAL 57P01 at once, busy ones when their statement is done, all at the
    /// deadline or once `hurried` says so. Returns when no session is left.
    void drain(std::chrono::milliseconds deadline, const std::function<bool()>& hurried = {});
    /// Ends everything now and joins the threads. Idempotent.
    void stop();

    /// Sums over all threads. Any thread.
    [[nodiscard]] MetricsSnapshot metrics() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace stepgate::proxy::session
