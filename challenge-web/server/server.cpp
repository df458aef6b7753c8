#include "challenge-web/server/server.h"

#include "challenge-web/server/public_url.h"
#include "challenge-web/server/tls.h"
#include "challenge-web/server/transport.h"

#include <mutex>
#include <thread>

#include <pthread.h>

namespace stepgate::challenge_web::server
{

struct Server::Impl {
    Impl(PublicUrl url, ServerOptions given, Dependencies dependencies)
        : options(std::move(given)), site(std::move(url), options.api, std::move(dependencies)),
          transport(site, options.transport, options.workers)
    {
    }

    boost::system::result<void> load_certificates();

    ServerOptions options;
    Site site;
    Transport transport;
    std::uint16_t port = 0, admin_port = 0;
    std::mutex stopping;
    std::thread thread;
};

boost::system::result<void> Server::Impl::load_certificates()
{
    if (!options.listen || options.plain())
        return {};
    auto context = make_tls_context(options.certificate_file, options.key_file);
    if (context.has_error())
        return context.error();
    transport.set_tls(std::move(*context));
    return {};
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl))
{
}

boost::system::result<std::unique_ptr<Server>> Server::start(ServerOptions options, Dependencies dependencies)
{
    auto url = parse_public_url(options.public_url);
    if (!url)
        return make_error_code(errc::invalid_public_url);
    auto impl = std::make_unique<Impl>(std::move(*url), std::move(options), std::move(dependencies));
    auto& transport = impl->transport;
    if (const auto& site = impl->options.listen) {
        if (const auto certificates = impl->load_certificates(); certificates.has_error())
            return certificates.error();
        const auto plain = impl->options.forwarded_for ? Transport::Door::forwarded : Transport::Door::plain;
        const auto door = impl->options.plain() ? plain : Transport::Door::tls;
        const auto port = transport.listen(site->host, site->port, door);
        if (port.has_error())
            return port.error();
        impl->port = *port;
    }
    if (const auto& admin = impl->options.admin) {
        const auto admin_port = transport.listen(admin->host, admin->port, Transport::Door::admin);
        if (admin_port.has_error())
            return admin_port.error();
        impl->admin_port = *admin_port;
    }
    impl->thread = std::thread([&transport] {
        ::pthread_setname_np(::pthread_self(), "web"); // for `top -H`, and a test of what must not run here
        transport.run();
    });
    return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::~Server()
{
    stop();
}

void Server::on_challenge(const challenges::Event& event)
{
    impl_->site.on_challenge(event);
}

boost::system::result<void> Server::reload_certificates()
{
    return impl_->load_certificates();
}

void Server::stop()
{
    const std::lock_guard lock(impl_->stopping);
    if (!impl_->thread.joinable())
        return;
    impl_->transport.stop();
    impl_->thread.join();
}

std::uint16_t Server::port() const
{
    return impl_->port;
}

std::uint16_t Server::admin_port() const
{
    return impl_->admin_port;
}

} // namespace stepgate::challenge_web::server
