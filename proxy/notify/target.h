#pragma once

#include "proxy/notify/notice.h"
#include "proxy/notify/signature.h"
#include "proxy/outbound/https_client.h"
#include "proxy/outbound/job_queue.h"
#include "proxy/outbound/mail_message.h"
#include "proxy/outbound/mail_sender.h"
#include "proxy/outbound/retry.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace stepgate::proxy::notify
{

enum class Kind : std::uint8_t { webhook, slack, teams, email };

/// Somebody who wants to be told, as the configuration says.
struct TargetSettings {
    std::string name;
    Kind kind{};
    std::string url;             // but for e-mail; a secret, as far as anybody can tell: never logged
    std::string ca_file;         // "": the system's authorities
    SigningKeys keys;            // of webhooks
    std::vector<std::string> to; // fixed addresses of e-mail
    std::string group;           // e-mail to its members; "": none
    bool approvers = false;      // e-mail to those whose approval a challenge asks for
    std::vector<Event> events;
    std::vector<std::string> rules, labels; // only challenges with one of these; empty: all
    int level = 0;                          // only challenges of this level or more
    outbound::Retry retry;
    std::size_t queue = 1000; // messages that wait

    bool operator==(const TargetSettings&) const = default;
};

/// A message that nobody got, for the log and the audit.
struct Failure {
    std::string target, event, challenge;
    std::string id; // of the message
    int tries = 0;
    std::string problem; // a sentence; says nothing of the address
};

/// What targets need of others. All may be called on any thread.
struct Outlets {
    std::function<std::optional<outbound::HttpsAnswer>(const outbound::HttpsRequest&, std::string& problem)> https =
        outbound::https_request;
    /// As `MailSender::send`.
    std::function<bool(outbound::Mail, outbound::OnSent)> mail;
    /// Where the members of a group get mail, but for one of them; may block.
    std::function<std::vector<std::string>(const std::string& group, const std::string& but_not)> addresses;
    std::function<void(const Failure&)> failed;
    std::function<TimePoint()> now = [] { return std::chrono::system_clock::now(); };
};

/// The request that carries a notice; `id` is the same whenever it is tried again.
[[nodiscard]] outbound::HttpsRequest make_request(const TargetSettings& settings, const Notice& notice,
                                                  const std::string& id, TimePoint now);
/// "msg_" and 32 random digits; "" without randomness.
[[nodiscard]] std::string message_id();

/// Sends to one target on a thread of its own, again and again for a time if need be; whoever is down holds up nobody
/// else. Thread-safe; must outlive what its outlet for mail was given.
class Target
{
  public:
    struct Counts {
        std::uint64_t sent = 0, retried = 0, failed = 0;
        std::size_t waiting = 0;
    };

    Target(TargetSettings settings, const Outlets& outlets);

    [[nodiscard]] const TargetSettings& settings() const { return settings_; }
    [[nodiscard]] bool wants(const Notice& notice) const;
    void tell(std::shared_ptr<const Notice> notice);
    [[nodiscard]] Counts counts() const;
    /// The receiver has said that it is gone.
    [[nodiscard]] bool gone() const { return gone_; }
    /// What waits has failed then, and so does whatever is told afterwards.
    void stop() { queue_.stop(); }

  private:
    struct Delivery {
        std::shared_ptr<const Notice> notice;
        std::string id;
        std::string to; // e-mail only; "": the addresses are still to be found
        int failures = 0;
        outbound::JobQueue::Clock::time_point first{};
    };
    using Shared = std::shared_ptr<Delivery>;

    void enqueue(Shared delivery, std::chrono::milliseconds pause);
    void attempt(const Shared& delivery);
    void address_mail(const Delivery& delivery);
    void post(const Shared& delivery);
    void mail(const Shared& delivery);
    void settle(const Shared& delivery, const std::string& problem);
    void fail(const Delivery& delivery, std::string problem);

    const TargetSettings settings_;
    const Outlets& outlets_;
    std::atomic<std::uint64_t> sent_{0}, retried_{0}, failed_{0};
    std::atomic<bool> gone_{false}; // the receiver said so
    outbound::JobQueue queue_;      // last: its thread uses the others
};

} // namespace stepgate::proxy::notify
