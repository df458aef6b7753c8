#include "proxy/net/tls.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <ctime>
#include <string_view>

namespace stepgate::proxy::net
{

namespace
{

// ALPN in wire form: length byte, name. PostgreSQL 17 demands it for direct TLS.
constexpr std::array<unsigned char, 11> alpn{10, 'p', 'o', 's', 't', 'g', 'r', 'e', 's', 'q', 'l'};

int select_alpn(SSL*, const unsigned char** out, unsigned char* out_length, const unsigned char* offered,
                unsigned int offered_length, void*)
{
    unsigned char* chosen = nullptr;
    const int outcome = SSL_select_next_proto(&chosen, out_length, alpn.data(), alpn.size(), offered, offered_length);
    if (outcome != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

TlsContext new_context(const SSL_METHOD* method)
{
    TlsContext context{SSL_CTX_new(method), SSL_CTX_free};
    if (!context)
        return context;
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    SSL_CTX_set_mode(context.get(),
                     SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_read_ahead(context.get(), 1); // one recv a record instead of two
    return context;
}

std::optional<std::chrono::system_clock::time_point> time_of(const ASN1_TIME* time)
{
    std::tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1)
        return std::nullopt;
    return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

template <class T>
using Owned = std::unique_ptr<T, void (*)(T*)>;

Owned<BIO> open_pem(const std::string& file)
{
    return {BIO_new_file(file.c_str(), "r"), BIO_free_all};
}

/// The file's first one, or null.
Owned<X509> read_certificate(const std::string& file)
{
    const auto pem = open_pem(file);
    return {pem ? PEM_read_bio_X509(pem.get(), nullptr, nullptr, nullptr) : nullptr, X509_free};
}

/// OpenSSL's own would ask the terminal.
int no_passphrase(char*, int, int, void* asked)
{
    *static_cast<bool*>(asked) = true;
    return -1;
}

bool use_certificate(SSL_CTX* context, const std::string& certificate_file, const std::string& key_file)
{
    return SSL_CTX_use_certificate_chain_file(context, certificate_file.c_str()) == 1 &&
           SSL_CTX_use_PrivateKey_file(context, key_file.c_str(), SSL_FILETYPE_PEM) == 1 &&
           SSL_CTX_check_private_key(context) == 1;
}

bool ask_for_client_certificates(SSL_CTX* context, const std::string& ca_file)
{
    if (SSL_CTX_load_verify_locations(context, ca_file.c_str(), nullptr) != 1)
        return false;
    STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(ca_file.c_str());
    if (names == nullptr)
        return false;
    SSL_CTX_set_client_CA_list(context, names);
    // A certificate that is given must verify; whether one must be given is the session's decision.
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    return true;
}

result<TlsContext> failure(std::string& why)
{
    why = take_tls_errors();
    return errc::certificate_unreadable;
}

} // namespace

result<TlsContext> make_server_context(const ServerTlsOptions& options, std::string& why)
{
    auto context = new_context(TLS_server_method());
    if (!context || !use_certificate(context.get(), options.certificate_file, options.key_file))
        return failure(why);
    if (!options.client_ca_file.empty() && !ask_for_client_certificates(context.get(), options.client_ca_file))
        return failure(why);
    SSL_CTX_set_alpn_select_cb(context.get(), select_alpn, nullptr);
    // Sessions are as long as connections; resumption would let a revoked client certificate live on.
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context.get(), 0);
    SSL_CTX_set_options(context.get(), SSL_OP_NO_TICKET);
    return context;
}

result<TlsContext> make_client_context(const ClientTlsOptions& options, std::string& why)
{
    auto context = new_context(TLS_client_method());
    if (!context)
        return failure(why);
    if (!options.certificate_file.empty() &&
        !use_certificate(context.get(), options.certificate_file, options.key_file))
        return failure(why);
    const bool verify = options.mode == ClientTlsMode::verify_ca || options.mode == ClientTlsMode::verify_full;
    if (verify) {
        const int loaded = options.ca_file.empty()
                               ? SSL_CTX_set_default_verify_paths(context.get())
                               : SSL_CTX_load_verify_locations(context.get(), options.ca_file.c_str(), nullptr);
        if (loaded != 1)
            return failure(why);
        SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    }
    SSL_CTX_set_alpn_protos(context.get(), alpn.data(), alpn.size());
    return context;
}

std::vector<std::byte> end_point_hash(const X509* certificate)
{
    int digest_nid = NID_undef;
    if (certificate == nullptr || OBJ_find_sigid_algs(X509_get_signature_nid(certificate), &digest_nid, nullptr) != 1)
        return {};
    // RFC 5929: MD5 and SHA-1 are replaced by SHA-256. Algorithms without a digest (Ed25519) have no definition.
    if (digest_nid == NID_md5 || digest_nid == NID_sha1)
        digest_nid = NID_sha256;
    const EVP_MD* digest = EVP_get_digestbynid(digest_nid);
    std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
    unsigned int length = 0;
    if (digest == nullptr || X509_digest(certificate, digest, hash.data(), &length) != 1)
        return {};
    const auto* first = reinterpret_cast<const std::byte*>(hash.data());
    return {first, first + length};
}

std::vector<std::byte> end_point_hash(const TlsContext& context)
{
    return context ? end_point_hash(SSL_CTX_get0_certificate(context.get())) : std::vector<std::byte>{};
}

std::optional<Validity> validity(const std::string& certificate_file)
{
    const auto certificate = read_certificate(certificate_file);
    if (!certificate) {
        ERR_clear_error();
        return std::nullopt;
    }
    const auto from = time_of(X509_get0_notBefore(certificate.get()));
    const auto until = time_of(X509_get0_notAfter(certificate.get()));
    return from && until ? std::optional{Validity{*from, *until}} : std::nullopt;
}

KeyPair check_key_pair(const std::string& certificate_file, const std::string& key_file)
{
    bool locked = false;
    const auto certificate = read_certificate(certificate_file);
    const auto pem = open_pem(key_file);
    const Owned<EVP_PKEY> key{pem ? PEM_read_bio_PrivateKey(pem.get(), nullptr, no_passphrase, &locked) : nullptr,
                              EVP_PKEY_free};
    const bool pair = certificate && key && X509_check_private_key(certificate.get(), key.get()) == 1;
    ERR_clear_error();
    if (!certificate)
        return KeyPair::no_certificate;
    if (!key)
        return locked ? KeyPair::locked_key : KeyPair::no_key;
    return pair ? KeyPair::good : KeyPair::mismatch;
}

std::string take_tls_errors()
{
    std::string text;
    std::array<char, 256> numbers{};
    while (const unsigned long code = ERR_get_error()) {
        const char* reason = ERR_reason_error_string(code);
        if (reason == nullptr) {
            ERR_error_string_n(code, numbers.data(), numbers.size());
            reason = numbers.data();
        }
        if (!text.empty())
            text += "; ";
        text += reason;
    }
    return text;
}

} // namespace stepgate::proxy::net
