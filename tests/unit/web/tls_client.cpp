#include "tests/unit/web/tls_client.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>

namespace stepgate::tests
{

namespace
{

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

File open_file(const std::string& path)
{
    return {std::fopen(path.c_str(), "w"), &std::fclose};
}

} // namespace

TestCertificate::TestCertificate(const std::string& name)
{
    auto pattern = (std::filesystem::temp_directory_path() / "stepgate-web-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr)
        throw std::runtime_error("no temporary folder");
    folder_ = pattern;
    replace(name);
}

TestCertificate::~TestCertificate()
{
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

void TestCertificate::replace(const std::string& name)
{
    const Key key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
    const Certificate certificate(X509_new(), &X509_free);
    X509_set_version(certificate.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
    auto* subject = X509_get_subject_name(certificate.get());
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(name.c_str()), -1,
                               -1, 0);
    X509_set_issuer_name(certificate.get(), subject);
    X509_set_pubkey(certificate.get(), key.get());
    if (X509_sign(certificate.get(), key.get(), EVP_sha256()) == 0)
        throw std::runtime_error("no certificate");
    const auto certificate_out = open_file(certificate_file()), key_out = open_file(key_file());
    PEM_write_X509(certificate_out.get(), certificate.get());
    PEM_write_PrivateKey(key_out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
}

PlainClient::PlainClient(std::uint16_t port)
{
    std::signal(SIGPIPE, SIG_IGN); // OpenSSL writes without MSG_NOSIGNAL
    socket_ = ::socket(AF_INET, SOCK_STREAM, 0);
    const timeval patience{30, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        ::close(socket_);
        throw std::runtime_error("cannot connect");
    }
}

PlainClient::~PlainClient()
{
    if (socket_ >= 0)
        ::close(socket_);
}

long PlainClient::write_some(const char* data, std::size_t size)
{
    return ::send(socket_, data, size, MSG_NOSIGNAL);
}

long PlainClient::read_some(char* data, std::size_t size)
{
    return ::recv(socket_, data, size, 0);
}

void PlainClient::send(const std::string& bytes)
{
    for (std::size_t sent = 0; sent < bytes.size();) {
        const auto written = write_some(bytes.data() + sent, bytes.size() - sent);
        if (written <= 0)
            return;
        sent += static_cast<std::size_t>(written);
    }
}

std::size_t PlainClient::drip(const std::string& bytes, std::chrono::milliseconds pause)
{
    for (std::size_t sent = 0; sent < bytes.size(); ++sent) {
        // Something to read is the end (an alert or the closed connection): the request is not complete.
        pollfd readable{socket_, POLLIN, 0};
        if (::poll(&readable, 1, static_cast<int>(pause.count())) > 0 && !fill())
            return sent;
        if (write_some(&bytes[sent], 1) <= 0)
            return sent;
    }
    return bytes.size();
}

bool PlainClient::fill()
{
    std::array<char, 4096> scratch{};
    const auto read = read_some(scratch.data(), scratch.size());
    if (read <= 0)
        return false;
    buffer_.append(scratch.data(), static_cast<std::size_t>(read));
    return true;
}

std::string PlainClient::read_until(const std::string& end)
{
    auto at = buffer_.find(end);
    while (at == std::string::npos) {
        if (!fill())
            return "";
        at = buffer_.find(end);
    }
    auto found = buffer_.substr(0, at + end.size());
    buffer_.erase(0, at + end.size());
    return found;
}

std::string PlainClient::read_response()
{
    auto head = read_head();
    const auto length_at = head.find("Content-Length: ");
    const auto length = length_at == std::string::npos ? 0 : std::stoul(head.substr(length_at + 16));
    while (buffer_.size() < length)
        if (!fill())
            return "";
    head += buffer_.substr(0, length);
    buffer_.erase(0, length);
    return head;
}

std::string PlainClient::read_to_end()
{
    while (fill()) {
    }
    return std::move(buffer_);
}

TlsClient::TlsClient(std::uint16_t port, int highest_version)
    : PlainClient(port), context_(SSL_CTX_new(TLS_client_method()))
{
    SSL_CTX_set_security_level(context_, 0); // so that old versions are refused by the server, not by this client
    SSL_CTX_set_min_proto_version(context_, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context_, highest_version);
    tls_ = SSL_new(context_);
    SSL_set_fd(tls_, socket_);
    if (SSL_connect(tls_) != 1) {
        SSL_free(tls_);
        SSL_CTX_free(context_);
        throw std::runtime_error("TLS handshake failed");
    }
}

TlsClient::~TlsClient()
{
    close();
    SSL_free(tls_);
    SSL_CTX_free(context_);
}

void TlsClient::close()
{
    if (socket_ >= 0)
        ::close(socket_);
    socket_ = -1;
}

std::string TlsClient::certificate_name() const
{
    const Certificate certificate(SSL_get1_peer_certificate(tls_), &X509_free);
    std::array<char, 256> name{};
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, name.data(),
                              static_cast<int>(name.size()));
    return name.data();
}

long TlsClient::write_some(const char* data, std::size_t size)
{
    return SSL_write(tls_, data, static_cast<int>(size));
}

long TlsClient::read_some(char* data, std::size_t size)
{
    return SSL_read(tls_, data, static_cast<int>(size));
}

} // namespace stepgate::tests
