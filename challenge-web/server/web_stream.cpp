#include "challenge-web/server/web_stream.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/stream_traits.hpp>

#include <utility>

namespace stepgate::challenge_web::server
{

namespace asio = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;

namespace
{

template <class Stream>
class StreamOf : public WebStream
{
  public:
    template <class... Arguments>
    explicit StreamOf(Arguments&&... arguments) : stream_(std::forward<Arguments>(arguments)...)
    {
    }

    asio::awaitable<std::size_t> read_some(asio::mutable_buffer into, error_code& failed) override
    {
        return stream_.async_read_some(into, asio::redirect_error(asio::use_awaitable, failed));
    }
    asio::awaitable<void> write(std::string_view bytes, error_code& failed) override
    {
        auto token = asio::redirect_error(asio::use_awaitable, failed);
        co_await asio::async_write(stream_, asio::buffer(bytes.data(), bytes.size()), token);
    }
    beast::tcp_stream& lowest() override { return beast::get_lowest_layer(stream_); }

  protected:
    Stream stream_;
};

class PlainStream final : public StreamOf<beast::tcp_stream>
{
  public:
    using StreamOf::StreamOf;

    asio::awaitable<void> begin(error_code& failed) override
    {
        failed = {};
        co_return;
    }
    asio::awaitable<void> end() override
    {
        error_code ignored;
        stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
        co_return;
    }
};

class TlsStream final : public StreamOf<asio::ssl::stream<beast::tcp_stream>>
{
  public:
    TlsStream(asio::ip::tcp::socket socket, std::shared_ptr<asio::ssl::context> context)
        : StreamOf(std::move(socket), *context), context_(std::move(context))
    {
    }

    asio::awaitable<void> begin(error_code& failed) override
    {
        return stream_.async_handshake(asio::ssl::stream_base::server,
                                       asio::redirect_error(asio::use_awaitable, failed));
    }
    asio::awaitable<void> end() override
    {
        error_code ignored;
        auto token = asio::redirect_error(asio::use_awaitable, ignored);
        co_await stream_.async_shutdown(token);
    }

  private:
    std::shared_ptr<asio::ssl::context> context_; // a reload replaces the server's
};

} // namespace

std::shared_ptr<WebStream> plain_stream(asio::ip::tcp::socket socket)
{
    return std::make_shared<PlainStream>(std::move(socket));
}

std::shared_ptr<WebStream> tls_stream(asio::ip::tcp::socket socket, std::shared_ptr<asio::ssl::context> context)
{
    return std::make_shared<TlsStream>(std::move(socket), std::move(context));
}

} // namespace stepgate::challenge_web::server
