#pragma once

#include "protocols/mysql/framer.h"
#include "protocols/mysql/handshake.h"
#include "proxy/net/buffer.h"
#include "proxy/net/stream.h"
#include "proxy/upstream/target.h"

#include <cstdint>
#include <optional>
#include <string>

namespace stepgate::proxy::upstream
{

/// What a MySQL or MariaDB server says before anybody has logged in. Owned.
struct MySqlGreeting {
    std::string version, plugin;
    std::uint32_t thread = 0;
    protocols::mysql::Nonce nonce{};
    protocols::mysql::Capabilities capabilities;
    std::uint8_t collation = 0;
    protocols::mysql::StatusFlags status;
};

/// Who logs in, and what both sides will do.
struct MySqlLogin {
    std::string user, password, database; // no database: ""
    protocols::mysql::Capabilities capabilities;
    std::uint32_t largest_packet = 0;
    std::uint16_t collation = 0;
    wire::Bytes attributes; // as on the wire, without the length in front
};

/// Connects `stream` (not open yet) and reads the greeting. `buffer` is the session's for this stream.
[[nodiscard]] net::Task<std::optional<Failure>> greet(net::Stream& stream, net::Buffer& buffer, Target target,
                                                      MySqlGreeting& greeting);

/// Starts TLS as the target asks, and logs in: caching_sha2_password, mysql_native_password, client_ed25519, and
/// mysql_clear_password over TLS. Without TLS a password goes encrypted to the key that the server names only where the
/// server is this machine. A Failure's `server_error` is an ERR_Packet's payload.
[[nodiscard]] net::Task<std::optional<Failure>> login(net::Stream& stream, net::Buffer& buffer, Target target,
                                                      const MySqlGreeting& greeting, MySqlLogin login);

/// Logs in once more and ends another connection of the same account with what it runs (KILL): a server goes on with a
/// statement whose client has left.
[[nodiscard]] net::Task<void> send_kill(net::Executor executor, Target target, MySqlLogin login, std::uint32_t thread);

/// The next whole message before or during a login, waiting for it. It stays in the buffer: the caller consumes
/// `frame.bytes.size()`. Deadlines are the session's: they close the stream.
[[nodiscard]] net::Task<net::result<protocols::mysql::Frame>>
next_mysql_message(net::Stream& stream, net::Buffer& buffer, protocols::mysql::MessageFramer& framer);

} // namespace stepgate::proxy::upstream
