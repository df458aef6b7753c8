#pragma once

#include "protocols/postgres/framer.h"
#include "proxy/net/buffer.h"
#include "proxy/net/stream.h"

#include <span>

namespace stepgate::proxy::upstream
{

/// Reads more of the stream behind what the buffer has, waiting for it.
[[nodiscard]] net::Task<boost::system::error_code> read_more(net::Stream& stream, net::Buffer& buffer);

/// The next whole message before or during a login, waiting for it. It stays in the buffer: the caller consumes
/// `frame.bytes.size()` when it is done with the frame. Deadlines are the session's: they close the stream.
[[nodiscard]] net::Task<net::result<protocols::postgres::Frame>>
next_message(net::Stream& stream, net::Buffer& buffer, protocols::postgres::MessageFramer framer);
[[nodiscard]] net::Task<net::result<protocols::postgres::Frame>>
next_startup_packet(net::Stream& stream, net::Buffer& buffer, protocols::postgres::StartupFramer framer);

} // namespace stepgate::proxy::upstream
