#include "proxy/app/diagnostics.h"

#include <prometheus/text_serializer.h>

#include <string>
#include <utility>

namespace stepgate::proxy::app
{
namespace
{

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

struct Labelled {
    std::string value; // of the one label; "" for none
    double number;
};

MetricFamily family(std::string name, std::string help, MetricType type, std::string label,
                    std::vector<Labelled> values)
{
    MetricFamily out;
    out.name = "stepgate_" + std::move(name);
    out.help = std::move(help);
    out.type = type;
    for (auto& [value, number] : values) {
        ClientMetric metric;
        if (!value.empty())
            metric.label.push_back({label, value});
        (type == MetricType::Gauge ? metric.gauge.value : metric.counter.value) = number;
        out.metric.push_back(std::move(metric));
    }
    return out;
}

MetricFamily gauge(std::string name, std::string help, double value)
{
    return family(std::move(name), std::move(help), MetricType::Gauge, "", {{"", value}});
}

MetricFamily counter(std::string name, std::string help, double value)
{
    return family(std::move(name), std::move(help), MetricType::Counter, "", {{"", value}});
}

MetricFamily hold_notice_histogram(const session::MetricsSnapshot& m)
{
    MetricFamily out;
    out.name = "stepgate_hold_notice_seconds";
    out.help = "From reading a held statement to writing its notice to the client";
    out.type = MetricType::Histogram;
    ClientMetric metric;
    std::uint64_t cumulative = 0;
    for (std::size_t i = 0; i < m.hold_notice.size(); ++i) {
        cumulative += m.hold_notice[i];
        const double bound = i < session::hold_notice_bounds.size() ? session::hold_notice_bounds[i]
                                                                    : std::numeric_limits<double>::infinity();
        metric.histogram.bucket.push_back({cumulative, bound});
    }
    metric.histogram.sample_count = cumulative;
    metric.histogram.sample_sum = static_cast<double>(m.hold_notice_nanoseconds) / 1e9;
    out.metric.push_back(std::move(metric));
    return out;
}

double number(std::uint64_t value)
{
    return static_cast<double>(value);
}

void add_relay(std::vector<MetricFamily>& out, const session::MetricsSnapshot& m)
{
    out.push_back(counter("connections_total", "Client connections accepted", number(m.connections)));
    out.push_back(
        counter("connections_refused_total", "Client connections over a limit", number(m.connections_refused)));
    out.push_back(gauge("sessions", "Sessions logged in now", number(m.sessions)));
    out.push_back(counter("logins_failed_total", "Logins that failed", number(m.logins_failed)));
    out.push_back(counter("protocol_errors_total", "Sessions closed for a protocol error", number(m.protocol_errors)));
    out.push_back(counter("upstream_failures_total", "Server connections that failed", number(m.upstream_failures)));
    out.push_back(family("statements_total", "Statements judged, by verdict", MetricType::Counter, "action",
                         {{"allow", number(m.statements_allowed)},
                          {"notify", number(m.statements_notified)},
                          {"challenge", number(m.statements_challenged)},
                          {"deny", number(m.statements_denied)}}));
    out.push_back(counter("statements_refused_audit_total",
                          "Statements refused because the journal could not take them",
                          number(m.statements_refused_audit)));
    out.push_back(counter("elevated_total", "Challenges spared by an elevation", number(m.elevated)));
    out.push_back(gauge("holds", "Statements held now", number(m.holds)));
    out.push_back(family("holds_ended_total", "Holds that ended, by how", MetricType::Counter, "outcome",
                         {{"released", number(m.holds_released)},
                          {"denied", number(m.holds_denied)},
                          {"expired", number(m.holds_expired)},
                          {"cancelled", number(m.holds_cancelled)}}));
    out.push_back(family("bytes_total", "Bytes relayed, by where they came from", MetricType::Counter, "from",
                         {{"client", number(m.bytes_from_clients)}, {"server", number(m.bytes_from_servers)}}));
    out.push_back(hold_notice_histogram(m));
}

using CatalogStatus = upstream::CatalogService::Status;

/// One family with a value a listener and database.
MetricFamily catalog_family(std::string name, std::string help, MetricType type, const std::vector<CatalogStatus>& all,
                            double (*value)(const CatalogStatus&))
{
    MetricFamily out;
    out.name = "stepgate_catalog_" + std::move(name);
    out.help = std::move(help);
    out.type = type;
    for (const auto& status : all) {
        ClientMetric metric;
        metric.label.push_back({"listener", status.listener});
        metric.label.push_back({"database", status.database});
        (type == MetricType::Gauge ? metric.gauge.value : metric.counter.value) = value(status);
        out.metric.push_back(std::move(metric));
    }
    return out;
}

void add_catalogs(std::vector<MetricFamily>& out, const std::vector<CatalogStatus>& all)
{
    using S = CatalogStatus;
    const auto gauges = MetricType::Gauge, counters = MetricType::Counter;
    out.push_back(catalog_family("available", "1 if there is a snapshot of the database's catalogs", gauges, all,
                                 [](const S& s) { return s.snapshot ? 1.0 : 0.0; }));
    out.push_back(catalog_family("stale", "1 while a change is not in the snapshot yet", gauges, all,
                                 [](const S& s) { return s.stale ? 1.0 : 0.0; }));
    out.push_back(catalog_family("age_seconds", "Since the catalogs were read last", gauges, all,
                                 [](const S& s) { return s.age_seconds; }));
    out.push_back(catalog_family("read_seconds", "What the last reading took", gauges, all,
                                 [](const S& s) { return s.read_seconds; }));
    out.push_back(catalog_family("relations", "Relations in the snapshot", gauges, all,
                                 [](const S& s) { return static_cast<double>(s.relations); }));
    out.push_back(catalog_family("functions", "Functions in the snapshot", gauges, all,
                                 [](const S& s) { return static_cast<double>(s.functions); }));
    out.push_back(catalog_family("reads_total", "Readings that worked", counters, all,
                                 [](const S& s) { return number(s.reads); }));
    out.push_back(catalog_family("failures_total", "Readings that failed", counters, all,
                                 [](const S& s) { return number(s.failures); }));
}

MetricFamily certificates_family(const std::vector<CertificateDates>& certificates)
{
    std::vector<Labelled> ends;
    for (const auto& [file, validity] : certificates)
        ends.push_back({file, std::chrono::duration<double>(validity.until.time_since_epoch()).count()});
    return family("certificate_not_after_timestamp_seconds",
                  "Until when each certificate is good, as it was read at the start or by SIGHUP", MetricType::Gauge,
                  "file", std::move(ends));
}

void add_notifications(std::vector<MetricFamily>& out, const notify::Notifier& notifier)
{
    MetricFamily messages, waiting;
    messages.name = "stepgate_notifications_total";
    messages.help = "Messages to targets of the configuration, by what became of them; no target: lost before";
    messages.type = MetricType::Counter;
    waiting.name = "stepgate_notifications_waiting";
    waiting.help = "Messages that wait, for their first try or for another one";
    waiting.type = MetricType::Gauge;
    for (const auto& [target, counts] : notifier.counts()) {
        for (const auto& [outcome, count] :
             {std::pair{"sent", counts.sent}, {"retried", counts.retried}, {"failed", counts.failed}}) {
            ClientMetric metric;
            metric.label = {{"target", target}, {"outcome", outcome}};
            metric.counter.value = number(count);
            messages.metric.push_back(std::move(metric));
        }
        ClientMetric metric;
        metric.label = {{"target", target}};
        metric.gauge.value = number(counts.waiting);
        waiting.metric.push_back(std::move(metric));
    }
    if (messages.metric.empty())
        return;
    out.push_back(std::move(messages));
    out.push_back(std::move(waiting));
}

} // namespace

Diagnostics::Diagnostics(const audit::Writer& writer, const audit::Feeder& feeder) : writer_(writer), feeder_(feeder)
{
}

bool Diagnostics::running() const
{
    const std::lock_guard asking{mutex_};
    return proxy_ != nullptr;
}

std::optional<std::string> Diagnostics::unready()
{
    if (draining_.load())
        return "draining";
    if (!running())
        return "starting";
    if (!writer_.healthy())
        return "the audit journal cannot be written: statements are refused";
    if (!store_available_.load())
        return "the store cannot be used: nobody can sign in or approve";
    return std::nullopt;
}

std::vector<MetricFamily> Diagnostics::collect() const
{
    std::vector<MetricFamily> out;
    const auto status = writer_.status();
    out.push_back(gauge("audit_healthy", "1 while the journal can be written", writer_.healthy() ? 1 : 0));
    out.push_back(counter("audit_records_total", "Audit records written", number(writer_.records_written())));
    out.push_back(gauge("audit_queued_bytes", "Audit records not yet written", number(writer_.queued_bytes())));
    out.push_back(gauge("audit_index_lag_records", "Records that are in the journal but not yet in the index",
                        number(status.last_sequence - std::min(status.last_sequence, feeder_.indexed()))));
    out.push_back(
        gauge("store_available", "1 while the store can be read and written", store_available_.load() ? 1 : 0));
    const std::lock_guard asking{mutex_};
    if (!certificates_.empty())
        out.push_back(certificates_family(certificates_));
    if (proxy_ != nullptr)
        add_relay(out, proxy_->metrics());
    if (catalogs_ != nullptr)
        add_catalogs(out, catalogs_->status());
    if (notifier_ != nullptr)
        add_notifications(out, *notifier_);
    return out;
}

std::string Diagnostics::metrics()
{
    return prometheus::TextSerializer().Serialize(collect());
}

} // namespace stepgate::proxy::app
