#include "proxy/net/loop.h"
#include "proxy/upstream/mysql_server.h"
#include "proxy/upstream/server_probe.h"

#include <boost/asio/co_spawn.hpp>

#include <charconv>
#include <cstdlib>
#include <exception>

namespace stepgate::proxy::upstream
{
namespace
{

namespace my = protocols::mysql;

constexpr auto patience = std::chrono::seconds{10};

/// "mysql://user[:password]@host[:port]/database". False: it is none.
bool parse(std::string_view url, ServerDescription& out)
{
    constexpr std::string_view scheme = "mysql://";
    url.remove_prefix(scheme.size());
    const auto at = url.rfind('@');
    if (at == std::string_view::npos || url.find('?', at) != std::string_view::npos)
        return false;
    const auto account = url.substr(0, at);
    url.remove_prefix(at + 1);
    const auto colon = account.find(':');
    out.user = account.substr(0, colon);
    if (colon != std::string_view::npos)
        out.password = account.substr(colon + 1);
    else if (const char* secret = std::getenv("MYSQL_PWD"))
        out.password = secret;
    const auto slash = url.find('/');
    if (slash != std::string_view::npos)
        out.database = url.substr(slash + 1);
    auto place = url.substr(0, slash);
    out.port = 3306;
    const auto port = place.rfind(':');
    if (port != std::string_view::npos && !place.ends_with(']')) {
        const auto digits = place.substr(port + 1);
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out.port);
        if (error != std::errc{} || end != digits.data() + digits.size())
            return false;
        place = place.substr(0, port);
    }
    if (place.starts_with('[') && place.ends_with(']'))
        place = place.substr(1, place.size() - 2);
    out.host = place;
    return !out.host.empty() && !out.user.empty();
}

net::Task<void> close_late(net::Executor executor, net::Stream& stream, bool& late)
{
    net::Timer timer{executor};
    co_await timer.wait_for(patience);
    late = true;
    stream.close();
}

net::Task<void> visit(net::Stream& stream, net::Buffer& buffer, Target& target, ServerDescription& out,
                      std::string& problem)
{
    MySqlGreeting greeting;
    auto failed = co_await greet(stream, buffer, target, greeting);
    if (!failed) {
        out.tls = greeting.capabilities.has(my::Capability::ssl);
        if (!out.tls)
            target.tls_mode = net::ClientTlsMode::disable;
        MySqlLogin login{out.user, out.password, out.database, my::Capability::protocol_41, 0, greeting.collation, {}};
        failed = co_await upstream::login(stream, buffer, target, greeting, std::move(login));
    }
    if (failed)
        problem = failed->text;
    // MariaDB since 10 pretends to be 5.5.5 for old replicas; 11 does not any more.
    constexpr std::string_view pretended = "5.5.5-";
    std::string_view version = greeting.version;
    const bool mariadb = version.find("MariaDB") != std::string_view::npos;
    if (version.starts_with(pretended))
        version.remove_prefix(pretended.size());
    out.version = (mariadb ? "MariaDB " : "MySQL ") + std::string{version.substr(0, version.find('-'))};
}

} // namespace

std::variant<ServerDescription, std::string> probe_mysql(const std::string& url)
{
    ServerDescription out;
    out.mysql = true;
    if (!parse(url, out))
        return "--upstream must be like mysql://user@host:port/database, without parameters";
    std::string problem;
    const net::ClientTlsOptions options{net::ClientTlsMode::require, {}, {}, {}};
    const auto context = net::make_client_context(options, problem);
    if (!context)
        return problem;
    net::BufferPool pool;
    net::Loop loop;
    Target target{out.host, out.port, net::ClientTlsMode::require, *context};
    net::Stream stream{net::Socket{loop.get_executor()}};
    net::Buffer buffer{pool};
    bool late = false;
    boost::asio::co_spawn(loop.get_executor(), close_late(loop.get_executor(), stream, late),
                          [](std::exception_ptr) {});
    boost::asio::co_spawn(loop.get_executor(), visit(stream, buffer, target, out, problem),
                          [&loop, &problem](std::exception_ptr failure) {
                              if (failure)
                                  problem = "asking the server failed";
                              loop.stop();
                          });
    loop.run();
    if (late)
        return out.host + ":" + std::to_string(out.port) + " did not answer within " +
               std::to_string(patience.count()) + " s; is a MySQL or MariaDB there?";
    if (!problem.empty())
        return problem;
    return out;
}

} // namespace stepgate::proxy::upstream
