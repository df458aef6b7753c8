#pragma once

#include "proxy/net/errc.h"

#include <boost/system/result.hpp>

#include <openssl/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace stepgate::proxy::net
{

template <class T>
using result = boost::system::result<T>;

/// What a listener offers its clients.
enum class ServerTlsMode : std::uint8_t { disable, prefer, require };
struct ServerTlsOptions {
    ServerTlsMode mode = ServerTlsMode::disable;
    std::string certificate_file, key_file; // PEM; the chain follows the certificate
    std::string client_ca_file;             // "" asks for no client certificates
};

/// What the proxy demands of a server.
enum class ClientTlsMode : std::uint8_t { disable, require, verify_ca, verify_full };
struct ClientTlsOptions {
    ClientTlsMode mode = ClientTlsMode::verify_full;
    std::string ca_file;                    // "" means the system's store
    std::string certificate_file, key_file; // "" presents none
};

/// A loaded context. Immutable and shared by the sessions that started with it: a reload makes a new one.
using TlsContext = std::shared_ptr<SSL_CTX>;

/// TLS 1.2 or newer, ALPN "postgresql". `why` gets OpenSSL's words when it fails.
[[nodiscard]] result<TlsContext> make_server_context(const ServerTlsOptions& options, std::string& why);
[[nodiscard]] result<TlsContext> make_client_context(const ClientTlsOptions& options, std::string& why);

/// Certificate hash of the channel binding tls-server-end-point (RFC 5929, 4.1); empty where it is not defined.
[[nodiscard]] std::vector<std::byte> end_point_hash(const X509* certificate);
/// Of the certificate that `context` presents.
[[nodiscard]] std::vector<std::byte> end_point_hash(const TlsContext& context);

/// From when and until when a certificate is good (RFC 5280, 4.1.2.5).
struct Validity {
    std::chrono::system_clock::time_point from, until;
};
/// Of a PEM file's first certificate; nothing if there is none.
[[nodiscard]] std::optional<Validity> validity(const std::string& certificate_file);

/// What is wrong with a certificate and its private key, both PEM files.
enum class KeyPair : std::uint8_t {
    good,
    no_certificate, // none in the file
    no_key,
    locked_key, // with a passphrase
    mismatch,   // the key is another certificate's
};
[[nodiscard]] KeyPair check_key_pair(const std::string& certificate_file, const std::string& key_file);

/// OpenSSL's pending errors of this thread as one line, and clears them.
[[nodiscard]] std::string take_tls_errors();

} // namespace stepgate::proxy::net
