// The MySQL wire library against real peers: logs in to a server and asks it something, or lets one client in and
// answers it. For tests/integration/test_mysql_wire.py.
//   mysql_peer client PORT USER PASSWORD [tls] [ask-for-key] [modern] [mariadb]
//   mysql_peer server CERTIFICATE KEY [native] [mariadb]     prints its port, then one line a client: what it said
#include "protocols/mysql/client_login.h"
#include "protocols/mysql/column.h"
#include "protocols/mysql/fast_cache.h"
#include "protocols/mysql/packet_writer.h"
#include "protocols/mysql/scanner.h"
#include "protocols/mysql/server_login.h"
#include "protocols/mysql/text_result.h"
#include "protocols/mysql/tracker.h"
#include "protocols/wire/buffer.h"

#include <openssl/ssl.h>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <iostream>
#include <set>
#include <stdexcept>

namespace
{

using namespace stepgate;
using namespace stepgate::protocols::mysql;

using Words = std::set<std::string>;

[[noreturn]] void fail(const std::string& why)
{
    throw std::runtime_error{why};
}

template <class T>
T must(result<T> value)
{
    if (!value)
        fail(value.error().message());
    return *value;
}

sockaddr_in loopback(int port)
{
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/// A blocking connection, with or without TLS.
class Peer
{
  public:
    explicit Peer(int socket) : socket_{socket} {}
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;
    ~Peer()
    {
        SSL_free(tls_);
        close(socket_);
    }

    void start_tls(SSL_CTX* context, bool as_server)
    {
        if (!in_.empty())
            fail("bytes before TLS");
        tls_ = SSL_new(context);
        SSL_set_fd(tls_, socket_);
        if ((as_server ? SSL_accept(tls_) : SSL_connect(tls_)) != 1)
            fail("no TLS");
    }

    void send(wire::Bytes& bytes)
    {
        const auto size = static_cast<int>(bytes.size());
        const auto sent = tls_ != nullptr ? SSL_write(tls_, bytes.data(), size)
                                          : static_cast<int>(::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
        if (sent != size)
            fail("the peer does not read");
        bytes.clear();
    }

    /// No more than are wanted: a client's first TLS bytes may come with what it asks for TLS with.
    void more(std::size_t wanted = 4096)
    {
        const auto room = in_.prepare(wanted).first(wanted);
        const auto size = static_cast<int>(room.size());
        const auto got = tls_ != nullptr ? SSL_read(tls_, room.data(), size)
                                         : static_cast<int>(recv(socket_, room.data(), room.size(), 0));
        if (got <= 0)
            fail("the peer has closed");
        in_.commit(static_cast<std::size_t>(got));
    }

    /// The next message; it is kept until the next call.
    const Frame& receive()
    {
        done();
        for (;;) {
            const auto found = framer_.next(in_.data());
            if (const auto* frame = std::get_if<Frame>(&found)) {
                frame_ = *frame;
                return frame_;
            }
            if (const auto* error = std::get_if<errc>(&found))
                fail(make_error_code(*error).message());
            more(std::get<NeedMore>(found).bytes);
        }
    }

    /// The message is not needed any more.
    void done()
    {
        in_.consume(frame_.bytes.size());
        frame_ = {};
    }

    [[nodiscard]] wire::Buffer& in() { return in_; }
    [[nodiscard]] bool has_tls() const { return tls_ != nullptr; }

  private:
    int socket_;
    SSL* tls_ = nullptr;
    wire::Buffer in_{1 << 24};
    MessageFramer framer_;
    Frame frame_;
};

std::string refused(wire::View payload)
{
    const auto err = must(decode_err(payload));
    return "refused " + std::to_string(err.code) + " " + std::string{err.message};
}

// The client.

std::string log_in(Peer& server, HandshakeResponse response, ClientLogin& login)
{
    wire::Bytes out;
    const auto greeting = must(decode_greeting(server.receive().payload));
    const auto action = login.on(greeting);
    const auto* answer = std::get_if<ClientLogin::Answer>(&action);
    if (answer == nullptr)
        fail("no answer to the greeting");
    response.capabilities = response.capabilities & greeting.capabilities;
    std::string path{answer->plugin};
    std::uint8_t sequence = 1;
    if (response.capabilities.has(Capability::ssl)) {
        server.done();
        encode_ssl_request(out, sequence++, {response.capabilities, response.largest_packet, response.collation});
        server.send(out);
        server.start_tls(SSL_CTX_new(TLS_client_method()), false);
    }
    response.auth = answer->auth;
    response.plugin = answer->plugin;
    encode_handshake_response(out, sequence, response);
    for (;;) {
        server.send(out);
        for (bool waits = true; waits;) {
            const Frame& frame = server.receive();
            if (frame.payload[0] == err_header)
                fail(refused(frame.payload));
            if (frame.payload[0] == ok_header) {
                if (!login.may_be_accepted())
                    fail("let in too early");
                (void)must(decode_ok(frame.payload, response.capabilities));
                server.done();
                return path;
            }
            ClientLogin::Action next;
            if (const auto change = decode_auth_switch(frame.payload)) {
                path += " -> " + std::string{change->plugin};
                next = login.on(*change);
            } else {
                const auto data = must(decode_auth_more_data(frame.payload));
                path += data.size() == 1 ? " " + std::to_string(std::to_integer<int>(data[0])) : " key";
                next = login.on_more(data);
            }
            if (const auto* failed = std::get_if<ClientLogin::Fail>(&next))
                fail(make_error_code(failed->error).message());
            if (const auto* respond = std::get_if<ClientLogin::Respond>(&next)) {
                encode_auth_response(out, static_cast<std::uint8_t>(frame.last + 1), respond->data);
                waits = false;
            }
        }
    }
}

/// Runs until all is answered; gives what came as words.
std::string answer(Peer& server, Tracker<int>& tracker, Scanner& scanner)
{
    std::string all;
    while (!tracker.quiet()) {
        const auto found = scanner.next(server.in().data(), tracker.rows_follow());
        if (std::holds_alternative<NeedMore>(found)) {
            server.more();
        } else if (const auto* pass = std::get_if<Pass>(&found)) {
            tracker.passed(pass->rows);
            server.in().consume(pass->bytes);
        } else if (const auto* frame = std::get_if<Frame>(&found)) {
            const auto event = must(tracker.received(frame->payload));
            if (event.kind == Event::Kind::column)
                all += std::string{must(decode_column(frame->payload, tracker.capabilities())).name} + " ";
            if (event.kind == Event::Kind::completed)
                all += std::to_string(event.rows) + (event.last ? "; " : ", ");
            if (event.kind == Event::Kind::failed)
                all += "error " + std::to_string(event.err.code) + "; ";
            server.in().consume(frame->bytes.size());
        } else {
            fail("the scanner gave up");
        }
    }
    return all;
}

std::string ask(Peer& server, Capabilities agreed, bool mariadb)
{
    Tracker<int> tracker{agreed};
    Scanner scanner;
    wire::Bytes out;
    const auto query = [&](std::string_view sql) {
        encode_query(out, sql, agreed);
        tracker.send(Command::query, 1);
    };
    query("select 1 as one union select 2; do 1; select nothing");
    encode_command(out, Command::stmt_prepare, "select ? as value, ? as other");
    tracker.prepare(7);
    encode_command(out, Command::ping);
    tracker.send(Command::ping);
    server.send(out);
    std::string all = answer(server, tracker, scanner);
    const std::uint32_t id = 1;
    const auto found = tracker.statements().find(mariadb ? last_prepared : id);
    if (found.statement == nullptr || found.statement->binding.parameters != 2)
        fail("the prepared statement is not known");
    {
        const bool named = agreed.has(Capability::query_attributes);
        PacketWriter packet{out, 0};
        packet.uint8(static_cast<std::uint8_t>(Command::stmt_execute));
        packet.uint32(mariadb ? last_prepared : id);
        packet.uint8(named ? 8 : 0);
        packet.uint32(1);
        if (named)
            packet.lenenc(2);
        packet.uint8(2); // the second is NULL
        packet.uint8(1);
        for (const auto type : {FieldType::big, FieldType::string}) {
            packet.uint8(static_cast<std::uint8_t>(type));
            packet.uint8(0);
            if (named)
                packet.lenenc(0);
        }
        packet.uint64(7);
    }
    tracker.execute(*found.statement, true, 2);
    for (const auto command : {Command::set_option, Command::reset_connection}) {
        encode_command(out, command, command == Command::set_option ? std::string_view{"\0\0", 2} : "");
        tracker.send(command);
    }
    query("select user() as me");
    server.send(out);
    return all + answer(server, tracker, scanner);
}

int run_client(int port, const std::string& user, const std::string& password, const Words& words)
{
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    const auto address = loopback(port);
    if (connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        fail("no connection");
    Peer server{socket};
    Capabilities wanted = Capability::protocol_41 | Capability::secure_connection | Capability::plugin_auth |
                          Capability::plugin_auth_lenenc_client_data | Capability::multi_statements |
                          Capability::multi_results | Capability::ps_multi_results | Capability::transactions;
    if (words.contains("tls"))
        wanted = wanted | Capability::ssl;
    if (words.contains("modern"))
        wanted = wanted | Capability::deprecate_eof | Capability::session_track | Capability::query_attributes;
    if (words.contains("mariadb"))
        wanted = wanted | Capability::progress | Capability::extended_metadata | Capability::stmt_bulk_operations;
    HandshakeResponse response;
    response.capabilities = wanted;
    response.largest_packet = 1 << 24;
    response.collation = 45;
    response.user = user;
    ClientLogin login{{password, words.contains("tls"), nullptr, words.contains("ask-for-key")}};
    std::cout << log_in(server, response, login) << std::endl;
    if (!words.contains("mariadb"))
        wanted = wanted.without(Capability::progress);
    // MariaDB has no query attributes and says so in its greeting; what both have is what was answered.
    const auto agreed = words.contains("mariadb") ? wanted.without(Capability::query_attributes) : wanted;
    std::cout << ask(server, agreed, words.contains("mariadb")) << std::endl;
    return 0;
}

// The server.

class Server
{
  public:
    Server(const char* certificate, const char* key, const Words& words) : words_{words}
    {
        if (SSL_CTX_use_certificate_file(context_, certificate, SSL_FILETYPE_PEM) != 1 ||
            SSL_CTX_use_PrivateKey_file(context_, key, SSL_FILETYPE_PEM) != 1)
            fail("no certificate");
    }

    std::string serve(Peer& client)
    {
        wire::Bytes out;
        Greeting greeting;
        greeting.server_version = words_.contains("mariadb") ? "5.5.5-10.11.6-MariaDB" : "8.4.0-stepgate";
        greeting.thread = 77;
        std::array<std::byte, 20> random;
        for (auto& octet : random)
            octet = static_cast<std::byte>(std::rand());
        greeting.nonce = nonce_of(random);
        greeting.capabilities = relayed;
        if (words_.contains("mariadb"))
            greeting.capabilities = greeting.capabilities.without(Capability::long_password);
        greeting.collation = 45;
        greeting.status = StatusFlags{Status::autocommit};
        greeting.plugin = caching_sha2_password;
        encode_greeting(out, greeting);
        client.send(out);
        const Frame* frame = &client.receive();
        if (is_ssl_request(frame->payload)) {
            (void)must(decode_ssl_request(frame->payload));
            client.done();
            client.start_tls(context_, true);
            frame = &client.receive();
        }
        return let_in(client, *frame, greeting);
    }

  private:
    std::string let_in(Peer& client, const Frame& first, const Greeting& greeting)
    {
        wire::Bytes out;
        const auto response = must(decode_handshake_response(first.payload));
        const Capabilities agreed = response.capabilities & greeting.capabilities;
        const std::string user{response.user};
        std::string said = user + (client.has_tls() ? " tls" : "");
        ServerLogin::Settings settings{greeting.nonce, client.has_tls(), &key_,
                                       [](std::string_view password) { return password == "secret"; }};
        settings.digest = cache_.find(user, "verifier");
        settings.allow_native = words_.contains("native");
        settings.native = *native_digest("secret");
        ServerLogin login{settings};
        auto action = login.on(response);
        std::uint8_t sequence = static_cast<std::uint8_t>(first.last + 1);
        for (;;) {
            if (const auto* change = std::get_if<ServerLogin::Switch>(&action)) {
                said += " switch";
                encode_auth_switch(out, sequence, {change->plugin, change->data});
            } else if (const auto* more = std::get_if<ServerLogin::More>(&action)) {
                said += more->data.size() == 1 ? " full" : " key";
                encode_auth_more_data(out, sequence, more->data);
            } else {
                break;
            }
            client.send(out);
            const Frame& frame = client.receive();
            action = login.on_answer(frame.payload);
            sequence = static_cast<std::uint8_t>(frame.last + 1);
        }
        if (const auto* reject = std::get_if<ServerLogin::Reject>(&action)) {
            encode_err(out, sequence, reject->error);
            client.send(out);
            return said + " rejected";
        }
        const auto& accept = std::get<ServerLogin::Accept>(action);
        if (!accept.data.empty()) {
            said += " fast";
            encode_auth_more_data(out, sequence++, accept.data);
        }
        if (accept.learned)
            cache_.keep(user, "verifier", *accept.learned);
        Ok ok;
        ok.status = StatusFlags{Status::autocommit};
        encode_ok(out, sequence, ok, agreed);
        client.send(out);
        return said + commands(client, agreed);
    }

    /// A table that says that the statement is held, and then another: for all but what clients ask for themselves,
    /// which expect one.
    static void encode_answer(wire::Bytes& out, Capabilities agreed, bool held)
    {
        const auto status = StatusFlags{Status::autocommit};
        std::uint8_t shift = 0;
        if (held)
            shift = static_cast<std::uint8_t>(encode_text_result(out, 1, "STATEMENT HELD", "Approve at https://x",
                                                                 status.with(Status::more_results_exists), agreed) -
                                              1);
        wire::Bytes behind;
        (void)encode_text_result(behind, 1, "answer", "42", status, agreed);
        SequenceShift{shift}.apply(behind);
        out.insert(out.end(), behind.begin(), behind.end());
    }

    std::string commands(Peer& client, Capabilities agreed)
    {
        wire::Bytes out;
        std::string said;
        std::vector<Parameter> attributes;
        for (;;) {
            const Frame& frame = client.receive();
            if (frame.sequence != 0 || command_of(frame.payload) == Command::quit)
                return said;
            if (command_of(frame.payload) == Command::query) {
                const std::string sql{must(decode_query(frame.payload, agreed, attributes))};
                const bool own = sql.find("@@") != std::string::npos;
                if (sql == "select $$") { // mysql 9 asks how the server reads it, and expects that it does not
                    encode_err(out, 1, Err{1064, "42000", "not SQL"});
                } else {
                    said += own ? "" : " | " + sql;
                    encode_answer(out, agreed, !own);
                }
            } else {
                encode_err(out, 1, errc::unknown_command);
            }
            client.send(out);
        }
    }

    Words words_;
    SSL_CTX* context_ = SSL_CTX_new(TLS_server_method());
    RsaKey key_ = *RsaKey::generate();
    FastCache cache_;
};

int run_server(const char* certificate, const char* key, const Words& words)
{
    const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
    auto address = loopback(0);
    socklen_t size = sizeof address;
    if (bind(listener, reinterpret_cast<const sockaddr*>(&address), size) != 0 || listen(listener, 5) != 0 ||
        getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0)
        fail("cannot listen");
    Server server{certificate, key, words};
    std::cout << ntohs(address.sin_port) << std::endl;
    for (;;) {
        Peer client{accept(listener, nullptr, nullptr)};
        try {
            std::cout << server.serve(client) << std::endl;
        } catch (const std::exception& error) {
            std::cout << "failed: " << error.what() << std::endl;
        }
    }
}

} // namespace

int main(int argc, char** argv)
{
    try {
        const std::string mode = argc > 1 ? argv[1] : "";
        if (mode == "client" && argc >= 5)
            return run_client(std::atoi(argv[2]), argv[3], argv[4], Words(argv + 5, argv + argc));
        if (mode == "server" && argc >= 4)
            return run_server(argv[2], argv[3], Words(argv + 4, argv + argc));
        std::cerr << "usage: mysql_peer client|server ..\n";
        return 2;
    } catch (const std::exception& error) {
        std::cout << "failed: " << error.what() << std::endl;
        return 1;
    }
}
