#pragma once

#include "challenge-web/server/ports.h"
#include "proxy/app/certificate_dates.h"
#include "proxy/audit/feeder.h"
#include "proxy/audit/writer.h"
#include "proxy/notify/notifier.h"
#include "proxy/session/server.h"
#include "proxy/upstream/catalog_service.h"

#include <prometheus/metric_family.h>

#include <atomic>
#include <mutex>
#include <vector>

namespace stepgate::proxy::app
{

/// /healthz, /readyz and /metrics: collects what the relay and the audit count themselves. Thread-safe.
class Diagnostics final : public challenge_web::server::Diagnostics
{
  public:
    Diagnostics(const audit::Writer& writer, const audit::Feeder& feeder);

    /// What is asked once the relay runs; null when it no longer does: nobody asks it any more when this returns.
    void relay(const session::Proxy* proxy) { set(proxy_, proxy); }
    void catalogs(const upstream::CatalogService* catalogs) { set(catalogs_, catalogs); }
    void notifier(const notify::Notifier* notifier) { set(notifier_, notifier); }
    /// As they were read last, at the start or by SIGHUP.
    void certificates(std::vector<CertificateDates> dates)
    {
        const std::lock_guard nobody_asks{mutex_};
        certificates_ = std::move(dates);
    }
    void draining() { draining_.store(true); }
    void store_available(bool available) { store_available_.store(available); }

    bool healthy() override { return true; } // it answers: that is what a liveness probe asks
    std::optional<std::string> unready() override;
    std::string metrics() override;

  private:
    [[nodiscard]] bool running() const;
    [[nodiscard]] std::vector<prometheus::MetricFamily> collect() const;
    template <typename T>
    void set(const T*& asked, const T* now)
    {
        const std::lock_guard nobody_asks{mutex_};
        asked = now;
    }

    const audit::Writer& writer_;
    const audit::Feeder& feeder_;
    mutable std::mutex mutex_; // held while they are asked
    const session::Proxy* proxy_ = nullptr;
    const upstream::CatalogService* catalogs_ = nullptr;
    const notify::Notifier* notifier_ = nullptr;
    std::vector<CertificateDates> certificates_;
    std::atomic<bool> draining_{false};
    std::atomic<bool> store_available_{true};
};

} // namespace stepgate::proxy::app
