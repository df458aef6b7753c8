#include "proxy/upstream/target.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/basic_resolver.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <vector>

namespace stepgate::proxy::upstream
{

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace
{

using Endpoints = std::vector<tcp::endpoint>;

std::optional<Endpoints> literal(const Target& target)
{
    error_code ec;
    const auto address = asio::ip::make_address(target.host, ec);
    if (ec)
        return std::nullopt;
    return Endpoints{tcp::endpoint{address, target.port}};
}

net::Task<Endpoints> resolve(net::Executor executor, const Target& target, error_code& failed)
{
    if (auto found = literal(target))
        co_return std::move(*found);
    asio::ip::basic_resolver<tcp, net::Executor> resolver{executor};
    auto [ec, answers] = co_await resolver.async_resolve(target.host, std::to_string(target.port), net::use_task);
    failed = ec;
    Endpoints found;
    for (const auto& answer : answers)
        found.push_back(answer.endpoint());
    co_return found;
}

net::Task<error_code> connect_any(net::Socket& socket, const Target& target)
{
    error_code failed;
    const auto endpoints = co_await resolve(socket.get_executor(), target, failed);
    for (const auto& endpoint : endpoints) {
        failed = co_await socket.connect(endpoint);
        if (!failed || failed == asio::error::operation_aborted)
            break;
    }
    if (!failed && endpoints.empty())
        failed = net::errc::bad_address;
    co_return failed;
}

net::Task<void> close_late(net::Executor executor, std::weak_ptr<net::Stream> stream)
{
    constexpr auto patience = std::chrono::seconds{10};
    net::Timer timer{executor};
    co_await timer.wait_for(patience);
    if (const auto open = stream.lock())
        open->close();
}

} // namespace

Failure failure(const Target& target, Failure::Kind kind, std::string_view why)
{
    std::string text = target.host + ":" + std::to_string(target.port) + ": ";
    text += why;
    return {kind, std::move(text)};
}

net::Task<std::optional<Failure>> connect(net::Stream& stream, const Target& target)
{
    const auto ec = co_await connect_any(stream.socket(), target);
    if (ec)
        co_return failure(target, Failure::Kind::unreachable, ec.message());
    net::tune(stream.socket());
    co_return std::nullopt;
}

std::shared_ptr<net::Stream> short_conversation(net::Executor executor)
{
    auto stream = std::make_shared<net::Stream>(net::Socket{executor});
    asio::co_spawn(executor, close_late(executor, stream), asio::detached);
    return stream;
}

} // namespace stepgate::proxy::upstream
