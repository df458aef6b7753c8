#pragma once

#include "challenge-web/challenges/challenges.h"
#include "protocols/postgres/frame.h"
#include "protocols/postgres/replies.h"
#include "proxy/audit/writer.h"
#include "proxy/session/live_sessions.h"
#include "proxy/session/server.h"
#include "proxy/upstream/impact.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::test
{

/// One message as it was on the wire, owned.
struct Message {
    char type = 0;
    wire::Bytes bytes;
    [[nodiscard]] protocols::postgres::Frame frame() const { return {type, bytes}; }
    [[nodiscard]] std::string body() const;
    /// Of an ErrorResponse or NoticeResponse.
    [[nodiscard]] std::string code() const;
    [[nodiscard]] std::string text() const;
};

/// A blocking socket with a script on top: the fake client and the fake server. Fails the test when nothing comes for
/// some seconds.
class Peer
{
  public:
    explicit Peer(int descriptor);
    Peer(Peer&& other) noexcept : descriptor_{other.descriptor_}, left_{std::move(other.left_)}
    {
        other.descriptor_ = -1;
    }
    Peer(const Peer&) = delete;
    Peer& operator=(Peer&&) = delete;
    ~Peer() { close(); }

    void send(wire::View bytes);
    void send(const std::vector<wire::Bytes>& messages); // in one write
    [[nodiscard]] Message receive();                     // type 0: the other side closed
    [[nodiscard]] Message receive_startup();             // no type byte
    [[nodiscard]] char receive_byte();
    /// Types of the next messages, as a string; stops short where the other side closed.
    [[nodiscard]] std::string receive_types(std::size_t count);
    /// True if nothing has arrived. Only meaningful after something proves that the proxy is done.
    [[nodiscard]] bool nothing();
    [[nodiscard]] bool closed(); // waits for the other side to close; discards what comes before
    void close();
    void reset(); // RST
    [[nodiscard]] int descriptor() const { return descriptor_; }

  private:
    bool fill();
    int descriptor_;
    wire::Bytes left_;
};

// Messages as clients and servers write them.
[[nodiscard]] wire::Bytes query(std::string_view sql);
[[nodiscard]] wire::Bytes parse(std::string_view name, std::string_view sql);
[[nodiscard]] wire::Bytes bind(std::string_view portal, std::string_view statement,
                               const std::vector<std::string>& values = {});
[[nodiscard]] wire::Bytes execute(std::string_view portal = "");
[[nodiscard]] wire::Bytes raw(char type, std::string_view body = "");
[[nodiscard]] wire::Bytes sync();
[[nodiscard]] wire::Bytes complete(std::string_view tag);
[[nodiscard]] wire::Bytes ready(char status = 'I');
[[nodiscard]] wire::Bytes error(std::string_view code, std::string_view severity = "ERROR");
[[nodiscard]] wire::Bytes startup(std::string_view user,
                                  const std::vector<std::pair<std::string, std::string>>& more = {},
                                  std::uint16_t minor = 0);

/// A proxy with one thread, a journal in a temporary folder, one listener, and a fake server's listening socket.
class Relay
{
  public:
    struct Setup {
        std::string policy; // TOML; "" for the one of the tests
        proxy::session::HoldOptions hold = {};
        proxy::session::Limits limits = {};
        proxy::session::ListenerOptions listener = {};
        std::shared_ptr<proxy::audit::Files> files = {};
        std::size_t submit_bytes = proxy::audit::WriterOptions{}.submit_bytes;
        std::function<void()> on_relay_thread = {}; // at each login
        std::shared_ptr<const policies::catalog::Catalog> catalog = {};
        std::function<void(std::string, proxy::upstream::ImpactRequest)> estimate_impact = {};
    };
    explicit Relay(Setup setup);
    Relay() : Relay(Setup{}) {}
    ~Relay();

    struct Session {
        Peer client, server;
        std::int32_t process = 0;
        std::string key;
    };
    /// A logged-in session. `server_messages`: what the server says at login besides the usual.
    [[nodiscard]] Session session(std::string_view user = "alice");
    [[nodiscard]] Peer connect(); // to the proxy
    [[nodiscard]] Peer accept();  // what the proxy connected
    void log_in(Peer& client, std::string_view user, std::string_view password,
                const std::vector<std::pair<std::string, std::string>>& more = {}); // start-up and SCRAM
    void greet(Peer& server);              // the server's side of a login without password
    void welcome(Peer& server);            // the same, when the start-up packet was read
    void let_in(Peer& server);             // without the question that follows, which physical replication never gets
    void answer_start_state(Peer& server); // the question

    /// The pending challenges of a user.
    [[nodiscard]] std::vector<challenge_web::challenges::Snapshot> pending(const std::string& user = "alice");
    /// Soon: whoever sees a closed connection may be a moment ahead of the relay's thread.
    [[nodiscard]] bool nothing_pending();
    void approve(const challenge_web::challenges::Snapshot& challenge);
    void approve() { approve(pending().at(0)); }
    void deny() { (void)challenges.deny(pending().at(0).id, "alice", std::chrono::system_clock::now()); }
    /// Records of the journal, after the proxy has stopped.
    void stop();

    challenge_web::challenges::Challenges challenges;
    proxy::session::LiveSessions live_sessions;
    std::unique_ptr<proxy::audit::Writer> writer;
    std::unique_ptr<proxy::session::Proxy> proxy;
    std::filesystem::path directory;
    std::shared_ptr<const policies::rules::Policy> policy;

  private:
    int listening_ = -1;
    std::uint16_t port_ = 0;
};

[[nodiscard]] std::shared_ptr<const policies::rules::Policy> make_policy(const std::string& toml);

} // namespace stepgate::test
