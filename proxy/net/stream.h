#pragma once

#include "proxy/net/layer.h"
#include "proxy/net/socket.h"
#include "proxy/net/tls.h"

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace stepgate::proxy::net
{

/// One TCP connection, with TLS on it or not, and with a layer over that or not. Reads and writes never block and never
/// wait: callers try, and wait for readiness only when told to. A write that would have blocked is tried again with the
/// same bytes at the front: some of them may be on their way. Owned by one session, used on its thread only.
class Stream
{
  public:
    explicit Stream(Socket socket);
    Stream(Stream&&) noexcept;
    Stream& operator=(Stream&&) noexcept;
    ~Stream();

    [[nodiscard]] IoResult try_read(std::span<std::byte> into);
    [[nodiscard]] IoResult try_write(std::span<const std::byte> from);
    /// True if a read may find bytes without the socket becoming readable again: TLS keeps whole records, a layer
    /// packets.
    [[nodiscard]] bool buffered() const;

    /// Waits until a read (write) that would have blocked is worth trying again. Ends with an error when the stream
    /// is cancelled or closed; deadlines are kept by the session's tick, which closes the stream.
    [[nodiscard]] Task<Waited> readable();
    [[nodiscard]] Task<Waited> writable();
    /// What was written leaves now (a small write otherwise at the end of the loop's round). would_block: the socket
    /// has not taken all of it; wait for writable() and ask again.
    Io flush() { return socket_.flush(); }
    /// Writes everything, waiting as needed until the socket has taken it.
    [[nodiscard]] Task<boost::system::error_code> write_all(std::span<const std::byte> from);

    /// Server side of the handshake. `already_read` must be empty: TLS starts on the socket's next byte.
    [[nodiscard]] Task<boost::system::error_code> accept_tls(TlsContext context);
    /// Client side; `host` is sent as SNI, and checked against the certificate with verify_full.
    [[nodiscard]] Task<boost::system::error_code> connect_tls(TlsContext context, std::string host, ClientTlsMode mode);

    /// From the next byte on, in both directions.
    void add_layer(std::unique_ptr<Layer> layer);

    [[nodiscard]] bool encrypted() const { return ssl_ != nullptr; }
    [[nodiscard]] std::string_view tls_version() const;
    [[nodiscard]] bool alpn_agreed() const;
    /// Right after accept_tls or connect_tls failed: the reason, most of it in OpenSSL's words. (Its queue of errors is
    /// the thread's: somebody else's reasons would be read later.)
    [[nodiscard]] std::string why_tls_failed();
    /// The peer's certificate was given and verified: its common name and DNS and e-mail names. Empty otherwise.
    [[nodiscard]] std::vector<std::string> peer_names() const;
    /// Channel binding of the certificate the peer presented (client side).
    [[nodiscard]] std::vector<std::byte> peer_end_point_hash() const;

    /// The peer has closed its side (or the connection broke), even if bytes of it are still unread.
    [[nodiscard]] bool peer_closed();
    [[nodiscard]] Socket& socket() { return socket_; }
    [[nodiscard]] bool open() const { return socket_.is_open(); }
    /// Ends waits with operation_aborted.
    void cancel();
    /// Says goodbye (close_notify, FIN) as far as that does not block; reads still work.
    void finish_writing();
    /// Waits and reads end as if the peer had closed; writes still work.
    void stop_reading();
    void close();

  private:
    struct Layered {
        std::unique_ptr<Layer> layer;
        std::vector<std::byte> pending; // what the connection has not taken yet
        std::size_t begin = 0;          // of it
        std::size_t taken = 0;          // bytes of the caller that it carries
    };
    enum class Want : std::uint8_t { read, write };
    [[nodiscard]] IoResult receive(std::span<std::byte> into);
    [[nodiscard]] IoResult send(std::span<const std::byte> from);
    [[nodiscard]] IoResult read_layered(std::span<std::byte> into);
    [[nodiscard]] IoResult write_layered(std::span<const std::byte> from);
    [[nodiscard]] IoResult tls_outcome(int returned, Want& want);
    [[nodiscard]] Task<boost::system::error_code> handshake();
    [[nodiscard]] bool attach(TlsContext context);
    [[nodiscard]] SSL* tls();

    Socket socket_;
    struct FreeSsl {
        void operator()(SSL* ssl) const;
    };
    std::unique_ptr<SSL, FreeSsl> ssl_;
    TlsContext context_;
    // What a blocked TLS operation waits for: a read may need to write (key update), and the other way round.
    Want read_wants_ = Want::read, write_wants_ = Want::write;
    std::unique_ptr<Layered> layered_;
};

} // namespace stepgate::proxy::net
