#pragma once

#include "proxy/outbound/job_queue.h"
#include "proxy/outbound/mail_message.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace stepgate::proxy::outbound
{

enum class MailTls : std::uint8_t {
    starttls, // asked for, and nothing is sent without it
    smtps,    // from the first byte
};

/// The server that takes our mail. Its certificate is verified for its name in either mode.
struct MailServer {
    std::string host;
    std::uint16_t port = 587;
    MailTls tls = MailTls::starttls;
    std::string ca_file; // "": the system's authorities
    std::string from;    // a valid address
    std::string user;    // "": no login
    std::string password;
    std::chrono::seconds patience{20}; // for one message, all in all
    std::size_t queue = 200;           // messages that wait
};

/// Called once for each message that was taken, on the sender's thread: "" when the server has it, else why not, as a
/// sentence for the log (it may quote the server). Must not block.
using OnSent = std::function<void(const std::string& problem)>;

/// Sends mail, one message after the other, on a thread of its own. Thread-safe. Destroying it gives up what waits:
/// that is told, too.
class MailSender
{
  public:
    explicit MailSender(MailServer server);
    MailSender(const MailSender&) = delete;
    MailSender& operator=(const MailSender&) = delete;

    /// False: not taken, as the queue is full or the address is none; then `on_sent` is not called.
    [[nodiscard]] bool send(Mail mail, OnSent on_sent);

  private:
    [[nodiscard]] std::string deliver(const Mail& mail);

    const MailServer server_;
    JobQueue queue_; // last: its thread uses the other
};

} // namespace stepgate::proxy::outbound
