#include "proxy/session/mysql_front_door.h"

#include "protocols/mysql/command.h"
#include "protocols/mysql/reply.h"
#include "protocols/mysql/server_login.h"
#include "protocols/postgres/crypto.h"
#include "protocols/postgres/scram_keys.h"
#include "proxy/session/guessing.h"
#include "proxy/session/mysql_login_keys.h"
#include "proxy/session/signal.h"
#include "proxy/session/verifiers.h"
#include "proxy/upstream/random.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <functional>
#include <memory>

namespace stepgate::proxy::session
{

namespace my = protocols::mysql;
namespace pg = protocols::postgres;
using my::Capability;

namespace
{

constexpr auto compressions = Capability::compress | Capability::zstd_compression_algorithm;

Rejected broke_protocol(const boost::system::error_code& error)
{
    if (error.category() != my::mysql_category())
        return {};
    return {Rejected::Kind::protocol, "08P01", error.message()};
}

Rejected access_denied(const std::string& user, std::string log)
{
    return {Rejected::Kind::login, "28000", "Access denied for user '" + user + "' (stepgate)", {}, std::move(log)};
}

Rejected cannot_check()
{
    return {Rejected::Kind::login, "XX000", "stepgate cannot check passwords now", {}, "no mock verifier"};
}

/// The password is one that a stored verifier was made from; they have one salt. Takes as long for an unknown user.
bool is_password(std::string_view password, const std::vector<pg::ScramVerifier>& verifiers, bool known)
{
    const auto keys = pg::derive_scram_keys(password, verifiers.front().salt, verifiers.front().iterations);
    if (!keys)
        return false;
    const auto stored = pg::sha256(keys->client);
    bool matches = false;
    for (const auto& verifier : verifiers)
        matches |= stored && pg::equal_secretly(*stored, verifier.stored_key);
    return matches && known;
}

/// One client's way through its handshake.
class Entry
{
  public:
    Entry(net::Stream& stream, net::Buffer& in, std::shared_ptr<const Listening> listening,
          const Certificates& certificates, Worker& worker, MySqlClient& client)
        : stream_{stream}, in_{in}, listening_{std::move(listening)},
          certificates_{certificates}, worker_{worker}, client_{client}
    {
    }
    net::Task<std::optional<Rejected>> receive(const upstream::MySqlGreeting& server);
    net::Task<std::optional<Rejected>> change_user();

  private:
    net::Task<boost::system::error_code> read_packet();
    net::Task<std::optional<Rejected>> start_tls(bool& asked);
    using Step = std::function<my::ServerLogin::Action(my::ServerLogin&, wire::View)>;
    net::Task<void> take(Step step);
    net::Task<std::optional<Rejected>> log_in(std::optional<Rejected> rejected);
    net::Task<std::optional<Rejected>> prove();
    std::optional<Rejected> on_response(my::Capabilities offered);
    std::optional<Rejected> check_certificate() const;
    bool begin_login();
    void make_nonce();
    std::optional<Rejected> on_change(const my::ChangeUser& change);
    /// True: an answer of the client follows.
    bool act(my::ServerLogin::Action action, wire::Bytes& out, std::optional<Rejected>& rejected);
    void consume()
    {
        client_.sequence = static_cast<std::uint8_t>(frame_.last + 1);
        in_.consume(frame_.bytes.size());
    }

    net::Stream& stream_;
    net::Buffer& in_;
    std::shared_ptr<const Listening> listening_;
    const Certificates& certificates_;
    Worker& worker_;
    MySqlClient& client_;
    my::MessageFramer framer_{my::login_limit};
    my::Frame frame_{};
    my::Nonce nonce_{};
    std::string verifier_; // as it is stored
    std::shared_ptr<my::ServerLogin> login_;
    Step first_; // of the login, with the packet that began it
    my::ServerLogin::Action action_ = my::ServerLogin::Reject{my::errc::unexpected_message};
};

std::optional<Rejected> Entry::check_certificate() const
{
    if (listening_->options.tls.client_ca_file.empty() || !stream_.encrypted())
        return std::nullopt;
    const auto names = stream_.peer_names();
    if (std::ranges::find(names, client_.user) != names.end())
        return std::nullopt;
    auto rejected = access_denied(client_.user, "no client certificate, or one that names somebody else");
    rejected.message = "this listener of stepgate wants a client certificate of user '" + client_.user + "'";
    return rejected;
}

/// Reads no byte behind the packet: clients do not wait for an answer to SSLRequest, and what they send next must come
/// to OpenSSL. Nothing that was sent in clear text is ever taken for something from inside TLS.
net::Task<boost::system::error_code> Entry::read_packet()
{
    for (;;) {
        const auto framed = framer_.next(in_.data());
        if (const auto* frame = std::get_if<my::Frame>(&framed)) {
            frame_ = *frame;
            co_return boost::system::error_code{};
        }
        if (const auto* error = std::get_if<my::errc>(&framed))
            co_return make_error_code(*error);
        const auto wanted = std::get<my::NeedMore>(framed).bytes;
        const auto [status, bytes] = stream_.try_read(in_.room(wanted).first(wanted));
        if (status == net::Io::done) {
            in_.commit(bytes);
            continue;
        }
        boost::system::error_code failed = net::errc::end_of_stream;
        if (status == net::Io::would_block) {
            failed = co_await stream_.readable();
        }
        if (failed)
            co_return failed;
    }
}

net::Task<std::optional<Rejected>> Entry::start_tls(bool& asked)
{
    asked = my::is_ssl_request(frame_.payload);
    if (!asked)
        co_return std::nullopt;
    const auto request = my::decode_ssl_request(frame_.payload);
    if (!request || !certificates_.server)
        co_return broke_protocol(my::errc::unexpected_message);
    consume();                           // all that was read: what comes behind belongs to TLS, whenever it was sent
    auto context = certificates_.server; // named: g++ 12 loses temporaries of a co_await
    const auto failed = co_await stream_.accept_tls(std::move(context));
    if (!failed)
        co_return std::nullopt;
    auto why = net::take_tls_errors();
    if (why.empty())
        why = stream_.peer_closed() ? "the client closed the connection"
                                    : "the client does not agree on TLS 1.2 or newer";
    co_return Rejected{Rejected::Kind::protocol, {}, {}, {}, "TLS handshake failed: " + why};
}

std::optional<Rejected> Entry::on_response(my::Capabilities offered)
{
    const auto response = my::decode_handshake_response(frame_.payload);
    if (!response)
        return broke_protocol(response.error());
    client_.user = response->user;
    client_.database = response->database;
    client_.program = response->attributes.find("program_name");
    const auto agreed = response->capabilities & offered;
    client_.capabilities = agreed.without(compressions); // the server is asked for none
    if (agreed.has(Capability::compress))                // both: the servers take zlib
        client_.compressed = MySqlCompressed{my::Compression::zlib, 0};
    else if (agreed.has(Capability::zstd_compression_algorithm))
        client_.compressed = MySqlCompressed{my::Compression::zstd, response->zstd_level};
    // Clients of MariaDB ask for progress reports with a flag that its servers understand, but do not offer.
    if (client_.capabilities.has(Capability::progress))
        client_.capabilities = client_.capabilities | (response->capabilities & Capability::progress_obsolete);
    client_.largest_packet = response->largest_packet;
    client_.collation = response->collation;
    const auto attributes = response->attributes.encoded();
    client_.attributes.assign(attributes.begin(), attributes.end());
    client_.sequence = static_cast<std::uint8_t>(frame_.last + 1);
    if (listening_->options.tls.mode == net::ServerTlsMode::require && !stream_.encrypted()) {
        auto rejected = access_denied(client_.user, "no TLS");
        rejected.sqlstate = "08004";
        rejected.message = "this listener of stepgate accepts TLS connections only: use --ssl";
        return rejected;
    }
    if (auto rejected = check_certificate())
        return rejected;
    if (auto refused = refuse_guessing(worker_, client_.user, client_.address, "28000"))
        return refused;
    if (!begin_login())
        return cannot_check();
    first_ = [](my::ServerLogin& login, wire::View payload) {
        const auto again = my::decode_handshake_response(payload);
        return again ? login.on(*again) : my::ServerLogin::Action{my::ServerLogin::Reject{my::errc::malformed_auth}};
    };
    return std::nullopt;
}

/// Unknown and disabled users get a verifier that nothing matches, so that the exchange takes its usual course.
bool Entry::begin_login()
{
    const auto found =
        worker_.shared.services.find_user ? worker_.shared.services.find_user(client_.user) : std::nullopt;
    const auto& secret = worker_.shared.services.audit->redaction_key();
    my::ServerLogin::Settings settings;
    settings.nonce = nonce_;
    settings.tls = stream_.encrypted();
    const auto& keys = *listening_->mysql_keys;
    settings.rsa = keys.rsa ? &*keys.rsa : nullptr;
    Verifiers usable;
    if (found)
        usable = usable_verifiers(*found);
    const bool known = !usable.all.empty();
    if (known) {
        verifier_ = usable.text;
        client_.groups = found->groups;
        settings.digest = keys.cache.find(client_.user, verifier_);
    } else {
        auto mock = pg::mock_verifier(client_.user, std::as_bytes(std::span{secret}));
        if (!mock)
            return false;
        usable.all.push_back(std::move(*mock));
    }
    settings.check = [verifiers = std::move(usable.all), known](std::string_view password) {
        return is_password(password, verifiers, known);
    };
    login_ = std::make_shared<my::ServerLogin>(std::move(settings));
    return true;
}

bool Entry::act(my::ServerLogin::Action action, wire::Bytes& out, std::optional<Rejected>& rejected)
{
    if (const auto* change = std::get_if<my::ServerLogin::Switch>(&action)) {
        my::encode_auth_switch(out, client_.sequence, {change->plugin, change->data});
        return true;
    }
    if (const auto* more = std::get_if<my::ServerLogin::More>(&action)) {
        my::encode_auth_more_data(out, client_.sequence, more->data);
        return true;
    }
    if (const auto* accept = std::get_if<my::ServerLogin::Accept>(&action)) {
        client_.fast_answer.assign(accept->data.begin(), accept->data.end());
        if (accept->learned)
            listening_->mysql_keys->cache.keep(client_.user, verifier_, *accept->learned);
        return false;
    }
    const auto error = std::get<my::ServerLogin::Reject>(action).error;
    const auto code = make_error_code(error);
    rejected = access_denied(client_.user,
                             error == my::errc::wrong_password ? "wrong password or unknown user" : code.message());
    rejected->guess = error == my::errc::wrong_password;
    if (error == my::errc::insecure || error == my::errc::unsupported_plugin) {
        rejected->sqlstate = "08004";
        rejected->message = "stepgate: " + code.message() + " (use TLS and caching_sha2_password)";
    }
    return false;
}

/// One step of the login, on a thread that relays nothing: a full proof costs some milliseconds of hashing. What it
/// works with is its own, since the session may be gone when it is done.
net::Task<void> Entry::take(Step step)
{
    struct Work {
        std::shared_ptr<my::ServerLogin> login;
        std::shared_ptr<const Listening> listening; // its key
        Step step;
        wire::Bytes payload;
        std::optional<my::ServerLogin::Action> action = std::nullopt;
        Signal* waiting = nullptr; // this and `done`: of the session's thread
        bool done = false;
    };
    struct Leaving {
        Work& work;
        ~Leaving() { work.waiting = nullptr; }
    };
    const auto bytes = frame_.payload;
    auto work = std::make_shared<Work>(Work{login_, listening_, std::move(step), {bytes.begin(), bytes.end()}});
    Signal signal{worker_.io.get_executor()};
    work->waiting = &signal;
    const Leaving leaving{*work};
    boost::asio::post(worker_.shared.hashing, [work, worker = worker_.shared_from_this()] {
        work->action = work->step(*work->login, work->payload);
        boost::asio::post(worker->io, [work] {
            work->done = true;
            if (work->waiting != nullptr)
                work->waiting->raise();
        });
    });
    while (!work->done) {
        co_await signal.wait_until(SteadyTime::max()); // the work ends by itself
    }
    action_ = *work->action;
}

net::Task<std::optional<Rejected>> Entry::prove()
{
    wire::Bytes out;
    std::optional<Rejected> rejected;
    while (act(action_, out, rejected)) {
        const auto lost = co_await stream_.write_all(out);
        if (lost)
            co_return Rejected{};
        out.clear();
        const auto frame = co_await upstream::next_mysql_message(stream_, in_, framer_);
        if (!frame)
            co_return broke_protocol(frame.error());
        frame_ = *frame;
        Step step = [](my::ServerLogin& login, wire::View payload) { return login.on_answer(payload); };
        co_await take(std::move(step));
        consume();
    }
    co_return rejected;
}

void Entry::make_nonce()
{
    std::array<std::byte, 20> random{};
    std::ranges::copy(upstream::random_bytes(random.size()), random.begin());
    nonce_ = my::nonce_of(random);
}

std::optional<Rejected> Entry::on_change(const my::ChangeUser& change)
{
    client_.user = change.user;
    client_.database = change.database;
    client_.program = change.attributes.find("program_name");
    client_.groups.clear();
    client_.fast_answer.clear();
    if (change.collation != 0)
        client_.collation = change.collation;
    const auto attributes = change.attributes.encoded();
    client_.attributes.assign(attributes.begin(), attributes.end());
    if (auto rejected = check_certificate())
        return rejected;
    if (auto refused = refuse_guessing(worker_, client_.user, client_.address, "28000"))
        return refused;
    make_nonce();
    if (!begin_login())
        return cannot_check();
    // The answer in the command is one to an old nonce: whoever can, is given a new one.
    const bool can_switch = client_.capabilities.has(Capability::plugin_auth);
    first_ = [can_switch](my::ServerLogin& login, wire::View) { return login.start({}, {}, can_switch); };
    return std::nullopt;
}

net::Task<std::optional<Rejected>> Entry::change_user()
{
    const auto failed = co_await read_packet();
    if (failed)
        co_return broke_protocol(failed);
    const auto change = my::decode_change_user(frame_.payload, client_.capabilities);
    if (!change)
        co_return broke_protocol(change.error());
    auto rejected = on_change(*change);
    co_return co_await log_in(std::move(rejected));
}

/// Behind the packet that named the user, which may have been enough to reject them.
net::Task<std::optional<Rejected>> Entry::log_in(std::optional<Rejected> rejected)
{
    if (!rejected) {
        co_await take(std::move(first_));
    }
    consume();
    if (rejected)
        co_return rejected;
    auto proved = co_await prove();
    note_guess(worker_, client_.user, client_.address, proved);
    co_return proved;
}

net::Task<std::optional<Rejected>> Entry::receive(const upstream::MySqlGreeting& server)
{
    const bool tls = certificates_.server != nullptr;
    const auto offered = offered_to_clients(server.capabilities, tls, listening_->options);
    make_nonce();
    my::Greeting greeting;
    greeting.server_version = server.version;
    greeting.thread = server.thread;
    greeting.nonce = nonce_;
    greeting.capabilities = offered;
    greeting.collation = server.collation;
    greeting.status = server.status;
    greeting.plugin = my::caching_sha2_password;
    wire::Bytes out;
    my::encode_greeting(out, greeting);
    const auto lost = co_await stream_.write_all(out);
    if (lost)
        co_return Rejected{};
    for (int packets = 0; packets < 2; ++packets) { // SSLRequest at most once
        const auto failed = co_await read_packet();
        if (failed)
            co_return broke_protocol(failed);
        bool asked = false;
        if (packets == 0) {
            auto rejected = co_await start_tls(asked);
            if (rejected)
                co_return rejected;
        }
        if (asked)
            continue;
        auto rejected = on_response(offered);
        co_return co_await log_in(std::move(rejected));
    }
    co_return broke_protocol(my::errc::unexpected_message);
}

} // namespace

my::Capabilities offered_to_clients(my::Capabilities server, bool tls, const ListenerOptions& options)
{
    // Files that a server asks for carry what nobody has judged; an expired password is the account's affair, not the
    // client's.
    const auto not_followed =
        Capability::bulk_unit_results | Capability::can_handle_expired_passwords | Capability::ssl;
    auto offered = (server & my::relayed).without(not_followed);
    if (!options.local_infile)
        offered = offered.without(Capability::local_files);
    offered = offered | Capability::protocol_41 | Capability::secure_connection | Capability::plugin_auth |
              Capability::plugin_auth_lenenc_client_data | Capability::connect_attrs | Capability::connect_with_db;
    if (options.compression)
        offered = offered | compressions;
    return tls ? offered | Capability::ssl : offered;
}

MySqlError mysql_error(std::string_view sqlstate)
{
    if (sqlstate == "28000")
        return {1045, "28000"};
    if (sqlstate == "08004")
        return {1251, "08004"};
    if (sqlstate == "57014")
        return {1317, "70100"};
    if (sqlstate == "53300")
        return {1040, "08004"};
    if (sqlstate == "57P01" || sqlstate == "57P03")
        return {1053, "08S01"};
    if (sqlstate == "57P05")
        return {4031, "HY000"};
    if (sqlstate == "08006")
        return {1429, "HY000"}; // numbers from 2000 on are the clients' own
    if (sqlstate == "08P01")
        return {1835, "HY000"};
    if (sqlstate == "26000")
        return {1615, "HY000"};
    return {1227, "42000"};
}

net::Task<std::optional<Rejected>> receive_mysql_client(net::Stream& stream, net::Buffer& in,
                                                        std::shared_ptr<const Listening> listening,
                                                        const Certificates& certificates, Worker& worker,
                                                        const upstream::MySqlGreeting& server, MySqlClient& client)
{
    Entry entry{stream, in, std::move(listening), certificates, worker, client};
    co_return co_await entry.receive(server);
}

net::Task<std::optional<Rejected>> change_mysql_user(net::Stream& stream, net::Buffer& in,
                                                     std::shared_ptr<const Listening> listening,
                                                     const Certificates& certificates, Worker& worker,
                                                     MySqlClient& client)
{
    Entry entry{stream, in, std::move(listening), certificates, worker, client};
    co_return co_await entry.change_user();
}

} // namespace stepgate::proxy::session
