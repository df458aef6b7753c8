#include "proxy/net/stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <limits>

namespace stepgate::proxy::net
{

namespace asio = boost::asio;
using boost::system::error_code;

namespace
{

int clamp_length(std::size_t bytes)
{
    return static_cast<int>(std::min<std::size_t>(bytes, std::numeric_limits<int>::max()));
}

bool is_ip_address(const std::string& host)
{
    error_code ec;
    asio::ip::make_address(host, ec);
    return !ec;
}

std::string common_name(const X509* certificate)
{
    const X509_NAME* subject = X509_get_subject_name(certificate);
    const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0)
        return {};
    unsigned char* text = nullptr;
    const int length = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    if (length < 0)
        return {};
    std::string name(reinterpret_cast<const char*>(text), static_cast<std::size_t>(length));
    OPENSSL_free(text);
    return name.find('\0') == std::string::npos ? name : std::string{}; // an embedded NUL is an old trick
}

void add_alternative_names(const X509* certificate, std::vector<std::string>& names)
{
    auto* all = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
    for (int i = 0; i < sk_GENERAL_NAME_num(all); ++i) {
        const GENERAL_NAME* one = sk_GENERAL_NAME_value(all, i);
        if (one->type != GEN_DNS && one->type != GEN_EMAIL)
            continue;
        const ASN1_IA5STRING* text = one->d.ia5;
        names.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                           static_cast<std::size_t>(ASN1_STRING_length(text)));
        if (names.back().find('\0') != std::string::npos)
            names.pop_back();
    }
    GENERAL_NAMES_free(all);
}

// How OpenSSL reads and writes (BIO_meth_new(3)): as everybody does, by the socket.

Socket& socket_of(BIO* bio)
{
    return *static_cast<Socket*>(BIO_get_data(bio));
}

int read_for_tls(BIO* bio, char* into, std::size_t room, std::size_t* read)
{
    const auto [status, bytes] = socket_of(bio).read({reinterpret_cast<std::byte*>(into), room});
    *read = bytes;
    BIO_clear_retry_flags(bio);
    if (status == Io::would_block)
        BIO_set_retry_read(bio);
    if (status == Io::closed)
        BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    return status == Io::done ? 1 : 0;
}

int write_for_tls(BIO* bio, const char* from, std::size_t length, std::size_t* written)
{
    const auto [status, bytes] = socket_of(bio).write({reinterpret_cast<const std::byte*>(from), length});
    *written = bytes;
    BIO_clear_retry_flags(bio);
    if (status == Io::would_block)
        BIO_set_retry_write(bio);
    return status == Io::done ? 1 : 0;
}

long control_for_tls(BIO* bio, int what, long /*argument*/, void* /*more*/)
{
    if (what == BIO_CTRL_EOF)
        return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
    return what == BIO_CTRL_FLUSH ? 1 : 0; // nothing else is done here
}

const BIO_METHOD* socket_method()
{
    static BIO_METHOD* const method = [] {
        BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stepgate's sockets");
        if (made != nullptr) {
            BIO_meth_set_read_ex(made, read_for_tls);
            BIO_meth_set_write_ex(made, write_for_tls);
            BIO_meth_set_ctrl(made, control_for_tls);
        }
        return made;
    }();
    return method;
}

} // namespace

void Stream::FreeSsl::operator()(SSL* ssl) const
{
    SSL_free(ssl);
}

Stream::Stream(Socket socket) : socket_(std::move(socket))
{
    if (socket_.is_open())
        tune(socket_);
}
Stream::Stream(Stream&&) noexcept = default;
Stream& Stream::operator=(Stream&&) noexcept = default;
Stream::~Stream() = default;

IoResult Stream::try_read(std::span<std::byte> into)
{
    return layered_ ? read_layered(into) : receive(into);
}

IoResult Stream::try_write(std::span<const std::byte> from)
{
    return layered_ ? write_layered(from) : send(from);
}

void Stream::add_layer(std::unique_ptr<Layer> layer)
{
    layered_ = std::make_unique<Layered>();
    layered_->layer = std::move(layer);
}

IoResult Stream::read_layered(std::span<std::byte> into)
{
    for (auto& layer = *layered_->layer;;) {
        if (const auto bytes = layer.take(into); bytes > 0)
            return {Io::done, bytes};
        if (layer.failed())
            return {Io::failed};
        const auto [status, bytes] = receive(layer.room());
        layer.commit(bytes);
        if (status != Io::done)
            return {status};
    }
}

/// As OpenSSL does it: done when all that carries the caller's bytes is written.
IoResult Stream::write_layered(std::span<const std::byte> from)
{
    auto& [layer, pending, begin, taken] = *layered_;
    if (pending.empty())
        taken = layer->put(from, pending);
    while (begin < pending.size()) {
        const auto [status, bytes] = send(std::span{pending}.subspan(begin));
        if (status != Io::done)
            return {status};
        begin += bytes;
    }
    pending = {};
    begin = 0;
    return {Io::done, taken};
}

IoResult Stream::receive(std::span<std::byte> into)
{
    if (!ssl_)
        return socket_.read(into);
    return tls_outcome(SSL_read(tls(), into.data(), clamp_length(into.size())), read_wants_);
}

IoResult Stream::send(std::span<const std::byte> from)
{
    if (!ssl_)
        return socket_.write(from);
    return tls_outcome(SSL_write(tls(), from.data(), clamp_length(from.size())), write_wants_);
}

bool Stream::buffered() const
{
    return (layered_ && layered_->layer->buffered()) || (ssl_ && SSL_has_pending(ssl_.get()) == 1);
}

IoResult Stream::tls_outcome(int returned, Want& want)
{
    if (returned > 0)
        return {Io::done, static_cast<std::size_t>(returned)};
    switch (SSL_get_error(ssl_.get(), returned)) {
    case SSL_ERROR_WANT_READ:
        want = Want::read;
        return {Io::would_block};
    case SSL_ERROR_WANT_WRITE:
        want = Want::write;
        return {Io::would_block};
    case SSL_ERROR_ZERO_RETURN:
        return {Io::closed};
    default: // OpenSSL's queue keeps why, until this thread's next operation: see why_tls_failed
        return {Io::failed};
    }
}

Task<Waited> Stream::readable()
{
    return ssl_ && read_wants_ == Want::write ? socket_.writable() : socket_.readable();
}

Task<Waited> Stream::writable()
{
    return ssl_ && write_wants_ == Want::read ? socket_.readable() : socket_.writable();
}

Task<error_code> Stream::write_all(std::span<const std::byte> from)
{
    while (!from.empty()) {
        const auto [status, bytes] = try_write(from);
        if (status == Io::done) {
            from = from.subspan(bytes);
            continue;
        }
        if (status != Io::would_block)
            co_return errc::end_of_stream;
        const auto ec = co_await writable();
        if (ec)
            co_return ec;
    }
    for (auto left = flush(); left != Io::done; left = flush()) {
        if (left == Io::failed)
            co_return errc::end_of_stream;
        const auto ec = co_await socket_.writable();
        if (ec)
            co_return ec;
    }
    co_return error_code{};
}

bool Stream::attach(TlsContext context)
{
    if (!context)
        return false;
    ssl_.reset(SSL_new(context.get()));
    context_ = std::move(context);
    BIO* bio = ssl_ ? BIO_new(socket_method()) : nullptr;
    if (bio == nullptr)
        return false;
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_.get(), bio, bio);
    return true;
}

/// For one operation: the socket moves with the stream.
SSL* Stream::tls()
{
    BIO_set_data(SSL_get_rbio(ssl_.get()), &socket_);
    ERR_clear_error();
    return ssl_.get();
}

Task<error_code> Stream::handshake()
{
    for (;;) {
        const auto [status, bytes] = tls_outcome(SSL_do_handshake(tls()), read_wants_);
        if (status == Io::done)
            co_return error_code{};
        if (status != Io::would_block)
            co_return errc::tls_failed;
        const auto ec = co_await readable();
        if (ec)
            co_return ec;
    }
}

Task<error_code> Stream::accept_tls(TlsContext context)
{
    if (!attach(std::move(context)))
        co_return errc::tls_failed;
    SSL_set_accept_state(ssl_.get());
    co_return co_await handshake();
}

Task<error_code> Stream::connect_tls(TlsContext context, std::string host, ClientTlsMode mode)
{
    if (!attach(std::move(context)))
        co_return errc::tls_failed;
    SSL_set_connect_state(ssl_.get());
    const bool address = is_ip_address(host);
    if (!address) // RFC 6066, 3: no literal addresses in SNI
        SSL_set_tlsext_host_name(ssl_.get(), host.c_str());
    if (mode == ClientTlsMode::verify_full) {
        X509_VERIFY_PARAM* parameters = SSL_get0_param(ssl_.get());
        const int set = address ? X509_VERIFY_PARAM_set1_ip_asc(parameters, host.c_str())
                                : X509_VERIFY_PARAM_set1_host(parameters, host.c_str(), host.size());
        if (set != 1)
            co_return errc::bad_address;
    }
    co_return co_await handshake();
}

std::string Stream::why_tls_failed()
{
    auto why = take_tls_errors();
    const long certificate = ssl_ ? SSL_get_verify_result(ssl_.get()) : X509_V_OK;
    if (certificate != X509_V_OK)
        return std::string{"the peer's certificate is not accepted: "} + X509_verify_cert_error_string(certificate);
    if (!why.empty())
        return why;
    return peer_closed() ? "the peer closed the connection" : "the connection broke";
}

std::string_view Stream::tls_version() const
{
    return ssl_ ? SSL_get_version(ssl_.get()) : "";
}

bool Stream::alpn_agreed() const
{
    if (!ssl_)
        return false;
    const unsigned char* chosen = nullptr;
    unsigned int length = 0;
    SSL_get0_alpn_selected(ssl_.get(), &chosen, &length);
    return length > 0;
}

std::vector<std::string> Stream::peer_names() const
{
    std::vector<std::string> names;
    const X509* certificate = ssl_ ? SSL_get0_peer_certificate(ssl_.get()) : nullptr;
    if (certificate == nullptr || SSL_get_verify_result(ssl_.get()) != X509_V_OK)
        return names;
    if (auto name = common_name(certificate); !name.empty())
        names.push_back(std::move(name));
    add_alternative_names(certificate, names);
    return names;
}

std::vector<std::byte> Stream::peer_end_point_hash() const
{
    return ssl_ ? end_point_hash(SSL_get0_peer_certificate(ssl_.get())) : std::vector<std::byte>{};
}

bool Stream::peer_closed()
{
    pollfd state{socket_.native_handle(), POLLRDHUP, 0};
    return !socket_.is_open() || (::poll(&state, 1, 0) == 1 && (state.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0);
}

void Stream::cancel()
{
    socket_.cancel();
}

void Stream::finish_writing()
{
    if (!socket_.is_open())
        return;
    if (ssl_ && SSL_is_init_finished(ssl_.get())) {
        SSL_shutdown(tls()); // sends close_notify; the answer is not waited for
        ERR_clear_error();
    }
    flush();
    ::shutdown(socket_.native_handle(), SHUT_WR);
}

void Stream::stop_reading()
{
    ::shutdown(socket_.native_handle(), SHUT_RD);
}

void Stream::close()
{
    socket_.close();
}

} // namespace stepgate::proxy::net
