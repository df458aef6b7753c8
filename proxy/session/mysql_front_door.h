#pragma once

#include "protocols/mysql/fast_cache.h"
#include "protocols/mysql/framer.h"
#include "protocols/mysql/handshake.h"
#include "protocols/mysql/rsa_key.h"
#include "proxy/net/buffer.h"
#include "proxy/net/stream.h"
#include "proxy/session/mysql_compression.h"
#include "proxy/session/rejected.h"
#include "proxy/session/worker.h"
#include "proxy/upstream/mysql_server.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace stepgate::proxy::session
{

/// A client that has proven who it is, and what both sides of it will do.
struct MySqlClient {
    std::string user, database, program; // `program`: as it names itself
    std::string address;                 // where it comes from
    protocols::mysql::Capabilities capabilities;
    std::uint32_t largest_packet = 0;
    std::uint16_t collation = 0;
    wire::Bytes attributes;
    std::uint8_t sequence = 0; // of the next packet to the client
    wire::Bytes fast_answer;   // AuthMoreData to be sent before OK_Packet; empty: none
    std::vector<std::string> groups;
    std::optional<MySqlCompressed> compressed; // from the first packet behind the login on
};

/// Greets the client with the server's version and thread id, starts TLS if it asks, and proves who it is with
/// caching_sha2_password against stepgate's own users. The fast proof needs an earlier full one: only a SCRAM verifier
/// of the password is stored. The session's deadline closes the stream. `client` is filled as far as it is known.
[[nodiscard]] net::Task<std::optional<Rejected>> receive_mysql_client(net::Stream& stream, net::Buffer& in,
                                                                      std::shared_ptr<const Listening> listening,
                                                                      const Certificates& certificates, Worker& worker,
                                                                      const upstream::MySqlGreeting& server,
                                                                      MySqlClient& client);

/// COM_CHANGE_USER, which stands at the front of `in`: the same proof for whom it names. `client` is what it was, and
/// becomes the new one.
[[nodiscard]] net::Task<std::optional<Rejected>> change_mysql_user(net::Stream& stream, net::Buffer& in,
                                                                   std::shared_ptr<const Listening> listening,
                                                                   const Certificates& certificates, Worker& worker,
                                                                   MySqlClient& client);

/// What clients are offered: what the server can do and stepgate can follow. Compression ends at stepgate.
[[nodiscard]] protocols::mysql::Capabilities offered_to_clients(protocols::mysql::Capabilities server, bool tls,
                                                                const ListenerOptions& options);

/// ERR_Packet's number and state for an SQLSTATE as PostgreSQL has them.
struct MySqlError {
    std::uint16_t code;
    std::string_view sqlstate;
};
[[nodiscard]] MySqlError mysql_error(std::string_view sqlstate);

} // namespace stepgate::proxy::session
