#include "challenge-web/server/server.h"

#include "challenge-web/server/public_url.h"
#include "challenge-web/server/tls.h"
#include "challenge-web/server/transport.h"

#include <mutex>
#include <thread>

namespace stepgate::challenge_web::server
{

struct Server::Impl {
    Impl(PublicUrl url, ServerOptions given, Dependencies dependencies)
        : options(std::move(given)), site(std::move(url), options.api, std::move(dependencies)),
          transport(site, options.transport, options.workers)
    {
    }

    ServerOptions options;
    Site site;
    Transport transport;
    std::uint16_t port = 0, admin_port = 0;
    std::mutex stopping;
    std::thread thread;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl))
{
}

boost::system::result<std::unique_ptr<Server>> Server::start(ServerOptions options, Dependencies dependencies)
{
    auto url = parse_public_url(options.public_url);
    if (!url)
        return make_error_code(errc::invalid_public_url);
    auto context = make_tls_context(options.certificate_file, options.key_file);
    if (context.has_error())
        return context.error();
    auto impl = std::make_unique<Impl>(std::move(*url), std::move(options), std::move(dependencies));
    auto& transport = impl->transport;
    transport.set_tls(std::move(*context));
    const auto port = transport.listen(impl->options.listen.host, impl->options.listen.port, true);
    if (port.has_error())
        return port.error();
    impl->port = *port;
    if (const auto& admin = impl->options.admin) {
        const auto admin_port = transport.listen(admin->host, admin->port, false);
        if (admin_port.has_error())
            return admin_port.error();
        impl->admin_port = *admin_port;
    }
    impl->thread = std::thread([&transport] { transport.run(); });
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
    auto context = make_tls_context(impl_->options.certificate_file, impl_->options.key_file);
    if (context.has_error())
        return context.error();
    impl_->transport.set_tls(std::move(*context));
    return {};
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
