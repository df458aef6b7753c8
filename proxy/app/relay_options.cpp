#include "proxy/app/relay_options.h"

namespace stepgate::proxy::app
{
namespace
{

net::ServerTlsMode tls_mode(ListenerTls mode)
{
    switch (mode) {
    case ListenerTls::disable:
        return net::ServerTlsMode::disable;
    case ListenerTls::prefer:
        return net::ServerTlsMode::prefer;
    case ListenerTls::require:
        return net::ServerTlsMode::require;
    }
    return net::ServerTlsMode::require;
}

net::ClientTlsMode tls_mode(UpstreamTls mode)
{
    switch (mode) {
    case UpstreamTls::disable:
        return net::ClientTlsMode::disable;
    case UpstreamTls::require:
        return net::ClientTlsMode::require;
    case UpstreamTls::verify_ca:
        return net::ClientTlsMode::verify_ca;
    case UpstreamTls::verify_full:
        return net::ClientTlsMode::verify_full;
    }
    return net::ClientTlsMode::verify_full;
}

session::Announce announce(Announce announce)
{
    switch (announce) {
    case Announce::automatic:
        return session::Announce::automatic;
    case Announce::wait:
        return session::Announce::wait;
    case Announce::retry:
        return session::Announce::retry;
    }
    return session::Announce::automatic;
}

session::UpstreamOptions upstream_options(const Upstream& upstream)
{
    session::UpstreamOptions out;
    out.host = upstream.host;
    out.port = upstream.port;
    out.tls = {tls_mode(upstream.tls), upstream.ca.string(), upstream.certificate.string(), upstream.key.string()};
    out.user = upstream.user;
    out.database = upstream.database;
    return out;
}

session::ListenerOptions listener_options(const Listener& listener)
{
    session::ListenerOptions out;
    out.name = listener.name;
    out.address = listener.listen.host;
    out.port = listener.listen.port;
    out.mode = listener.mode == Mode::enforce ? session::Mode::enforce : session::Mode::observe;
    out.authentication =
        listener.auth == Authentication::proxy ? session::Authentication::proxy : session::Authentication::passthrough;
    out.tls = {tls_mode(listener.tls), listener.certificate.string(), listener.key.string(),
               listener.client_ca.string()};
    out.upstream = upstream_options(listener.upstream);
    out.protocol = listener.protocol == Protocol::mysql ? session::Protocol::mysql : session::Protocol::postgres;
    out.announce = announce(listener.announce);
    out.local_infile = listener.local_infile;
    out.compression = listener.compression;
    return out;
}

} // namespace

std::variant<std::vector<session::ListenerOptions>, std::string> relay_listeners(const Configuration& configuration)
{
    std::vector<session::ListenerOptions> out;
    for (const auto& listener : configuration.listeners) {
        out.push_back(listener_options(listener));
        if (!listener.upstream.password)
            continue;
        auto password = listener.upstream.password->read();
        if (!password)
            return "listener " + listener.name + ": the upstream password cannot be read";
        out.back().upstream.password = std::move(*password);
    }
    return out;
}

session::ProxyOptions relay_options(const Configuration& configuration)
{
    session::ProxyOptions out;
    out.threads = configuration.threads;
    out.hold.timeout = configuration.hold.timeout;
    out.hold.in_transaction = configuration.hold.in_transaction;
    out.hold.silent = configuration.hold.silent;
    out.limits.connections = configuration.limits.connections;
    out.limits.connections_per_user = configuration.limits.connections_per_user;
    out.limits.connections_per_address = configuration.limits.connections_per_address;
    out.limits.message = configuration.limits.message;
    out.limits.login = configuration.limits.login;
    out.limits.idle = configuration.limits.idle;
    return out;
}

} // namespace stepgate::proxy::app
