#include "proxy/upstream/messages.h"

namespace stepgate::proxy::upstream
{

using boost::system::error_code;
using protocols::postgres::Frame;
using protocols::postgres::MessageFramer;
using protocols::postgres::NeedMore;
using protocols::postgres::StartupFramer;

net::Task<error_code> read_more(net::Stream& stream, net::Buffer& buffer)
{
    for (;;) {
        const auto [status, bytes] = stream.try_read(buffer.room());
        switch (status) {
        case net::Io::done:
            buffer.commit(bytes);
            co_return error_code{};
        case net::Io::closed:
        case net::Io::failed:
            co_return net::errc::end_of_stream;
        case net::Io::would_block:
            break;
        }
        buffer.release_if_empty();
        const auto ec = co_await stream.readable();
        if (ec)
            co_return ec;
    }
}

namespace
{

template <class Framer>
net::Task<net::result<Frame>> next(net::Stream& stream, net::Buffer& buffer, Framer framer)
{
    for (;;) {
        const auto framed = framer.next(buffer.data());
        if (const auto* frame = std::get_if<Frame>(&framed))
            co_return *frame;
        if (const auto* error = std::get_if<protocols::postgres::errc>(&framed))
            co_return make_error_code(*error);
        const auto ec = co_await read_more(stream, buffer);
        if (ec)
            co_return ec;
    }
}

} // namespace

net::Task<net::result<Frame>> next_message(net::Stream& stream, net::Buffer& buffer, MessageFramer framer)
{
    return next(stream, buffer, framer);
}

net::Task<net::result<Frame>> next_startup_packet(net::Stream& stream, net::Buffer& buffer, StartupFramer framer)
{
    return next(stream, buffer, framer);
}

} // namespace stepgate::proxy::upstream
