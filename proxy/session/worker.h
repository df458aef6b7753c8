#pragma once

#include "challenge-web/challenges/challenges.h"
#include "policies/rules/judge.h"
#include "policies/sensitivity/origin_labels.h"
#include "protocols/postgres/scram_keys.h"
#include "proxy/audit/writer.h"
#include "proxy/net/buffer.h"
#include "proxy/net/listener.h"
#include "proxy/net/loop.h"
#include "proxy/session/connection_limits.h"
#include "proxy/session/learned_reads.h"
#include "proxy/session/live_sessions.h"
#include "proxy/session/metrics.h"
#include "proxy/session/options.h"
#include "proxy/session/retries.h"
#include "proxy/session/session.h"
#include "proxy/session/session_registry.h"

#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

namespace stepgate::proxy::session
{

struct MySqlLoginKeys;

/// What all threads share. Everything in it is thread-safe or never changes.
struct Shared {
    Shared(Services its_services, ProxyOptions its_options)
        : services{std::move(its_services)}, options{its_options}, connections{{options.limits.connections,
                                                                                options.limits.connections_per_address,
                                                                                options.limits.connections_per_user}}
    {
    }

    Services services;
    ProxyOptions options;
    ConnectionLimits connections;
    SessionRegistry registry;
    Retries retries;
    LearnedReads learned;
    std::atomic<std::uint64_t> next_session{1};
    boost::asio::thread_pool hashing{1}; // of passwords, which takes milliseconds. Last: it ends before what it uses

    void log(LogLevel level, std::string_view session, std::string_view text) const
    {
        if (services.log)
            services.log(level, session, text);
    }
};

/// Certificates of a listener as loaded. A reload makes a new one; sessions keep the one that they started with.
struct Certificates {
    net::TlsContext server, client;
    std::vector<std::byte> server_hash; // channel binding
};

/// A listener's options and certificates, shared by the threads.
class Listening
{
  public:
    Listening(ListenerOptions its_options, Certificates certificates, std::shared_ptr<MySqlLoginKeys> keys = {})
        : options{std::move(its_options)}, mysql_keys{std::move(keys)},
          certificates_{std::make_shared<const Certificates>(std::move(certificates))}
    {
    }
    const ListenerOptions options;
    const std::shared_ptr<protocols::postgres::ScramKeyCache> upstream_keys =
        std::make_shared<protocols::postgres::ScramKeyCache>();
    const std::shared_ptr<MySqlLoginKeys> mysql_keys; // null: another protocol

    [[nodiscard]] std::shared_ptr<const Certificates> certificates() const
    {
        const std::lock_guard lock{mutex_};
        return certificates_;
    }
    void replace(Certificates certificates)
    {
        auto fresh = std::make_shared<const Certificates>(std::move(certificates));
        const std::lock_guard lock{mutex_};
        certificates_.swap(fresh);
    }

  private:
    mutable std::mutex mutex_;
    std::shared_ptr<const Certificates> certificates_;
};

/// One thread: its loop and what its sessions use without locks. Shared with callbacks that other threads keep
/// and that post here: they may come when the proxy is gone.
class Worker : public std::enable_shared_from_this<Worker>
{
  public:
    Worker(Shared& its_shared, std::shared_ptr<const policies::rules::Policy> policy)
        : shared{its_shared}, judge{std::move(policy)}, lane{its_shared.services.audit->make_lane()}
    {
        look_at_clocks();
    }

    /// Clocks, looked at once a read instead of once a message.
    void look_at_clocks()
    {
        now = std::chrono::steady_clock::now();
        if (now - wall_checked_ > std::chrono::milliseconds{100}) {
            wall_checked_ = now;
            wall_offset_ = std::chrono::system_clock::now().time_since_epoch() -
                           std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch());
        }
    }
    [[nodiscard]] std::chrono::system_clock::time_point wall() const
    {
        return std::chrono::system_clock::time_point{
            std::chrono::duration_cast<std::chrono::system_clock::duration>(wall_offset_ + now.time_since_epoch())};
    }

    /// Labelled origins of a database's results under the policy of now; null: there are none, or there is no snapshot.
    /// Made once for all sessions of this thread. `view`: what the session judges with.
    [[nodiscard]] std::shared_ptr<const policies::sensitivity::OriginLabels>
    origins(const policies::sensitivity::CatalogView& view, std::string_view listener, std::string_view database);

    Shared& shared;
    net::BufferPool buffers;
    policies::rules::Judge judge;
    std::unique_ptr<audit::Lane> lane;
    Metrics metrics;
    std::unordered_set<Session*> sessions;
    SteadyTime now;
    bool draining = false;

  private:
    struct KnownOrigins {
        std::uint64_t view = 0; // its revision
        std::shared_ptr<const policies::rules::Policy> policy;
        std::string where;                                                 // listener and database
        std::shared_ptr<const policies::sensitivity::OriginLabels> labels; // null: none
    };
    std::vector<KnownOrigins> known_origins_;
    SteadyTime wall_checked_{};
    std::chrono::nanoseconds wall_offset_{0};

  public:
    // Last, so that they go first: sessions that still wait in the loop use what is above.
    net::Loop io; // one thread runs it
    std::vector<std::unique_ptr<net::Listener>> listeners;
};

} // namespace stepgate::proxy::session
