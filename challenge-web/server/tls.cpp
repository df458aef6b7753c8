#include "challenge-web/server/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <string_view>

namespace stepgate::challenge_web::server
{

namespace ssl = boost::asio::ssl;

namespace
{

constexpr const char* tls12_ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                                      "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                                      "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

/// RFC 7301: a client that names protocols but not ours gets the alert, not a connection it misunderstands.
int select_protocol(SSL*, const unsigned char** out, unsigned char* length, const unsigned char* offered,
                    unsigned offered_length, void*)
{
    static constexpr unsigned char ours[] = "\x08http/1.1";
    unsigned char* chosen = nullptr;
    const int found = SSL_select_next_proto(&chosen, length, ours, sizeof(ours) - 1, offered, offered_length);
    *out = chosen;
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

} // namespace

boost::system::result<std::shared_ptr<ssl::context>> make_tls_context(const std::string& certificate_file,
                                                                      const std::string& key_file)
{
    auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
    auto* native = context->native_handle();
    if (SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(native, tls12_ciphers) != 1)
        return make_error_code(errc::tls_setup);
    SSL_CTX_set_options(native, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                    SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(native, 0); // TLS 1.3 has its own
    SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_alpn_select_cb(native, select_protocol, nullptr);
    if (SSL_CTX_use_certificate_chain_file(native, certificate_file.c_str()) != 1)
        return make_error_code(errc::certificate_unreadable);
    if (SSL_CTX_use_PrivateKey_file(native, key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
        // OpenSSL compares with the certificate already here.
        const auto reason = ERR_GET_REASON(ERR_peek_last_error());
        return make_error_code(reason == X509_R_KEY_VALUES_MISMATCH || reason == X509_R_KEY_TYPE_MISMATCH
                                   ? errc::key_mismatch
                                   : errc::key_unreadable);
    }
    if (SSL_CTX_check_private_key(native) != 1)
        return make_error_code(errc::key_mismatch);
    return context;
}

} // namespace stepgate::challenge_web::server
