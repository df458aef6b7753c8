#include "proxy/session/server.h"

#include "proxy/session/mysql_login_keys.h"
#include "proxy/session/mysql_session.h"
#include "proxy/session/postgres_session.h"
#include "proxy/session/worker.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <future>
#include <thread>

#include <pthread.h>

namespace stepgate::proxy::session
{

namespace asio = boost::asio;

namespace
{

constexpr auto tick = std::chrono::milliseconds{250};
constexpr auto end_patience = std::chrono::milliseconds{1500};

std::string load(const ListenerOptions& options, Certificates& certificates)
{
    std::string why;
    if (options.tls.mode != net::ServerTlsMode::disable) {
        const auto server = net::make_server_context(options.tls, why);
        if (!server)
            return "listener " + options.name + ": " + options.tls.certificate_file + ", " + options.tls.key_file +
                   ": " + server.error().message() + " (" + why + ")";
        certificates.server = *server;
        certificates.server_hash = net::end_point_hash(certificates.server);
    }
    if (options.upstream.tls.mode != net::ClientTlsMode::disable) {
        const auto client = net::make_client_context(options.upstream.tls, why);
        if (!client)
            return "listener " + options.name + ": upstream: " + options.upstream.tls.ca_file + ": " +
                   client.error().message() + " (" + why + ")";
        certificates.client = *client;
    }
    return {};
}

std::string cannot_accept(const std::string& listener, const boost::system::error_code& why)
{
    std::string text = "listener " + listener + ": connections wait: " + why.message();
    if (why.value() == EMFILE || why.value() == ENFILE)
        text += "; each session needs two descriptors: raise the hard limit (LimitNOFILE= of the systemd unit, "
                "`ulimit -Hn` in a shell, fs.file-max of the system), or lower limits.connections";
    return text;
}

net::Task<void> keep_ticking(Worker& worker)
{
    net::Timer timer{worker.io.get_executor()};
    std::vector<std::shared_ptr<Session>> now_here;
    for (;;) {
        co_await timer.wait_for(tick);
        worker.look_at_clocks();
        now_here.clear();
        for (Session* session : worker.sessions) // a tick may end sessions
            if (auto held = session->weak_from_this().lock())
                now_here.push_back(std::move(held));
        for (const auto& session : now_here)
            session->on_tick(worker.now);
    }
}

} // namespace

std::string check_certificates(const ListenerOptions& options)
{
    Certificates certificates;
    return load(options, certificates);
}

struct Proxy::Impl {
    Impl(Services services, ProxyOptions options) : shared{std::move(services), options} {}

    std::string prepare(std::vector<ListenerOptions> options);
    std::string bind(const std::shared_ptr<const policies::rules::Policy>& policy);
    std::string bind_one(Worker& worker, std::size_t index);
    void run();
    /// Runs on the thread of each worker; returns when all have.
    template <class Action>
    void everywhere(Action action);
    void for_sessions(void (Session::*what)());
    bool wait_until_empty(std::chrono::milliseconds at_most, const std::function<bool()>& hurried = {});

    Shared shared;
    std::vector<std::shared_ptr<Listening>> listenings;
    std::vector<std::uint16_t> ports;
    std::vector<std::shared_ptr<Worker>> workers;
    std::vector<std::jthread> threads;
};

std::string Proxy::Impl::prepare(std::vector<ListenerOptions> options)
{
    for (auto& one : options) {
        Certificates certificates;
        if (auto problem = load(one, certificates); !problem.empty())
            return problem;
        if (one.protocol == Protocol::postgres) {
            listenings.push_back(std::make_shared<Listening>(std::move(one), std::move(certificates)));
            continue;
        }
        auto keys = std::make_shared<MySqlLoginKeys>();
        if (auto rsa = protocols::mysql::RsaKey::generate())
            keys->rsa = std::move(*rsa);
        listenings.push_back(std::make_shared<Listening>(std::move(one), std::move(certificates), std::move(keys)));
    }
    ports.assign(listenings.size(), 0);
    return {};
}

std::string Proxy::Impl::bind_one(Worker& worker, std::size_t index)
{
    const auto& listening = listenings[index];
    const auto& options = listening->options;
    auto listener = std::make_unique<net::Listener>(worker.io);
    const auto port = ports[index] != 0 ? ports[index] : options.port; // all threads share the port of the first
    if (const auto failed = listener->bind(options.address, port))
        return "listener " + options.name + ": cannot bind " + options.address + ":" + std::to_string(port) + ": " +
               failed.message();
    ports[index] = listener->port();
    const auto accepted = [&worker, listening](net::Socket socket, const asio::ip::tcp::endpoint& from) {
        worker.look_at_clocks();
        if (listening->options.protocol == Protocol::mysql)
            std::make_shared<MySqlSession>(worker, listening, std::move(socket), from)->start();
        else
            std::make_shared<PostgresSession>(worker, listening, std::move(socket), from)->start();
    };
    listener->start(accepted, [&worker, listening](const boost::system::error_code& why) {
        worker.shared.log(LogLevel::error, {}, cannot_accept(listening->options.name, why));
    });
    worker.listeners.push_back(std::move(listener));
    return {};
}

std::string Proxy::Impl::bind(const std::shared_ptr<const policies::rules::Policy>& policy)
{
    auto count = shared.options.threads;
    if (count == 0)
        count = std::max(1U, std::thread::hardware_concurrency());
    for (std::size_t i = 0; i < count; ++i) {
        workers.push_back(std::make_shared<Worker>(shared, policy));
        for (std::size_t index = 0; index < listenings.size(); ++index)
            if (auto problem = bind_one(*workers.back(), index); !problem.empty())
                return problem;
    }
    return {};
}

void Proxy::Impl::run()
{
    for (const auto& worker : workers) {
        asio::co_spawn(worker->io.get_executor(), keep_ticking(*worker), asio::detached);
        threads.emplace_back([&io = worker->io] {
            ::pthread_setname_np(::pthread_self(), "relay"); // for `top -H`, and a test of what must not run here
            io.run();
        });
    }
}

template <class Action>
void Proxy::Impl::everywhere(Action action)
{
    std::vector<std::future<void>> done;
    for (const auto& worker : workers) {
        auto task = std::make_shared<std::packaged_task<void()>>([&worker = *worker, action] { action(worker); });
        done.push_back(task->get_future());
        asio::post(worker->io, [task] { (*task)(); });
    }
    for (auto& one : done)
        one.get();
}

void Proxy::Impl::for_sessions(void (Session::*what)())
{
    everywhere([what](Worker& worker) {
        std::vector<std::shared_ptr<Session>> now_here;
        for (Session* session : worker.sessions)
            if (auto held = session->weak_from_this().lock())
                now_here.push_back(std::move(held));
        worker.look_at_clocks();
        for (const auto& session : now_here)
            ((*session).*what)();
    });
}

bool Proxy::Impl::wait_until_empty(std::chrono::milliseconds at_most, const std::function<bool()>& hurried)
{
    const auto latest = std::chrono::steady_clock::now() + at_most;
    for (;;) {
        std::atomic<std::size_t> left{0};
        everywhere([&left](Worker& worker) { left += worker.sessions.size(); });
        if (left == 0)
            return true;
        if (std::chrono::steady_clock::now() >= latest || (hurried && hurried()))
            return false;
        std::this_thread::sleep_for(std::chrono::milliseconds{10}); // the main thread has nothing else to do
    }
}

Proxy::Proxy(Services services, ProxyOptions options) : impl_{std::make_unique<Impl>(std::move(services), options)}
{
}

Proxy::~Proxy()
{
    stop();
}

std::string Proxy::start(std::vector<ListenerOptions> listeners, std::shared_ptr<const policies::rules::Policy> policy)
{
    auto problem = impl_->prepare(std::move(listeners));
    if (problem.empty())
        problem = impl_->bind(policy);
    if (problem.empty()) {
        impl_->run();
        return problem;
    }
    impl_->workers.clear();
    impl_->listenings.clear();
    return problem;
}

void Proxy::reload(std::shared_ptr<const policies::rules::Policy> policy)
{
    impl_->everywhere([policy](Worker& worker) { worker.judge.replace(policy); });
}

std::string Proxy::reload_certificates()
{
    std::vector<Certificates> fresh(impl_->listenings.size());
    for (std::size_t i = 0; i < fresh.size(); ++i)
        if (auto problem = load(impl_->listenings[i]->options, fresh[i]); !problem.empty())
            return problem;
    for (std::size_t i = 0; i < fresh.size(); ++i)
        impl_->listenings[i]->replace(std::move(fresh[i]));
    return {};
}

std::uint16_t Proxy::port(std::string_view listener) const
{
    for (std::size_t i = 0; i < impl_->listenings.size(); ++i)
        if (impl_->listenings[i]->options.name == listener)
            return impl_->ports[i];
    return 0;
}

void Proxy::drain(std::chrono::milliseconds deadline, const std::function<bool()>& hurried)
{
    if (impl_->threads.empty())
        return;
    impl_->everywhere([](Worker& worker) {
        worker.draining = true;
        for (const auto& listener : worker.listeners)
            listener->close();
    });
    impl_->for_sessions(&Session::drain);
    if (impl_->wait_until_empty(deadline, hurried))
        return;
    impl_->for_sessions(&Session::end);
    (void)impl_->wait_until_empty(end_patience);
}

void Proxy::stop()
{
    if (impl_->threads.empty())
        return;
    drain(std::chrono::milliseconds{0});
    for (const auto& worker : impl_->workers)
        worker->io.stop();
    impl_->threads.clear(); // joins; the workers stay for `metrics`
}

MetricsSnapshot Proxy::metrics() const
{
    MetricsSnapshot sum;
    for (const auto& worker : impl_->workers)
        add(sum, worker->metrics);
    return sum;
}

} // namespace stepgate::proxy::session
