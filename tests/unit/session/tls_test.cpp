#include "certificates.h"
#include "relay.h"

#include "protocols/postgres/startup.h"

#include <gtest/gtest.h>

#include <openssl/ssl.h>

#include <memory>

namespace stepgate::test
{
namespace tls_test
{

namespace pg = protocols::postgres;

struct FreeSsl {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};

/// A blocking TLS client on a Peer's descriptor.
class TlsClient
{
  public:
    explicit TlsClient(int descriptor, bool alpn) : context_{SSL_CTX_new(TLS_client_method())}
    {
        ssl_.reset(SSL_new(context_.get()));
        SSL_set_fd(ssl_.get(), descriptor);
        const unsigned char protocol[] = "\x0apostgresql";
        if (alpn)
            SSL_set_alpn_protos(ssl_.get(), protocol, sizeof protocol - 1);
    }
    bool shake() { return SSL_connect(ssl_.get()) == 1; }
    void send(const wire::Bytes& bytes) { (void)SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())); }
    char first_byte()
    {
        char byte = 0;
        return SSL_read(ssl_.get(), &byte, 1) == 1 ? byte : '\0';
    }
    std::string read_some()
    {
        std::string text(4096, '\0');
        const int got = SSL_read(ssl_.get(), text.data(), static_cast<int>(text.size()));
        text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        return text;
    }

  private:
    std::unique_ptr<SSL_CTX, FreeSsl> context_;
    std::unique_ptr<SSL, FreeSsl> ssl_;
};

Relay::Setup with_tls(Certificates& certificates, proxy::net::ServerTlsMode mode)
{
    certificates.issue("server");
    Relay::Setup setup;
    setup.listener.tls = {mode, certificates.certificate("server"), certificates.key("server"), ""};
    return setup;
}

wire::Bytes ssl_request()
{
    wire::Bytes out;
    pg::encode_ssl_request(out);
    return out;
}

TEST(TlsDoor, SslRequestThenScramPlusIsOffered)
{
    Certificates certificates;
    Relay relay{with_tls(certificates, proxy::net::ServerTlsMode::require)};
    auto client = relay.connect();
    client.send(ssl_request());
    ASSERT_EQ(client.receive_byte(), 'S');
    TlsClient tls{client.descriptor(), false};
    ASSERT_TRUE(tls.shake());
    tls.send(startup("alice"));
    const auto offer = tls.read_some();
    EXPECT_EQ(offer[0], 'R');
    EXPECT_NE(offer.find("SCRAM-SHA-256-PLUS"), std::string::npos);
}

TEST(TlsDoor, DirectTlsNeedsAlpn)
{
    Certificates certificates;
    Relay relay{with_tls(certificates, proxy::net::ServerTlsMode::prefer)};
    auto client = relay.connect();
    TlsClient tls{client.descriptor(), true};
    ASSERT_TRUE(tls.shake());
    tls.send(startup("alice"));
    EXPECT_EQ(tls.first_byte(), 'R');

    auto without = relay.connect();
    TlsClient bare{without.descriptor(), false};
    (void)bare.shake();
    bare.send(startup("alice"));
    EXPECT_EQ(bare.first_byte(), '\0');
}

TEST(TlsDoor, RequireRefusesClearText)
{
    Certificates certificates;
    Relay relay{with_tls(certificates, proxy::net::ServerTlsMode::require)};
    auto client = relay.connect();
    client.send(startup("alice"));
    const auto fatal = client.receive();
    EXPECT_EQ(fatal.type, 'E');
    EXPECT_EQ(fatal.code(), "28000");
}

TEST(TlsDoor, PreferTakesClearTextToo)
{
    Certificates certificates;
    Relay relay{with_tls(certificates, proxy::net::ServerTlsMode::prefer)};
    auto session = relay.session();
    session.client.send(query("select 1"));
    EXPECT_EQ(session.server.receive().type, 'Q');
}

TEST(TlsDoor, AWantedClientCertificateMustBeThere)
{
    Certificates certificates;
    auto setup = with_tls(certificates, proxy::net::ServerTlsMode::require);
    setup.listener.tls.client_ca_file = certificates.ca();
    Relay relay{std::move(setup)};
    auto client = relay.connect();
    client.send(ssl_request());
    ASSERT_EQ(client.receive_byte(), 'S');
    TlsClient tls{client.descriptor(), false};
    ASSERT_TRUE(tls.shake());
    tls.send(startup("alice"));
    const auto fatal = tls.read_some();
    EXPECT_EQ(fatal[0], 'E');
    EXPECT_NE(fatal.find("asks for a client certificate"), std::string::npos);
}

TEST(TlsDoor, ReloadedCertificatesAreForNewConnections)
{
    Certificates certificates;
    Relay relay{with_tls(certificates, proxy::net::ServerTlsMode::prefer)};
    EXPECT_EQ(relay.proxy->reload_certificates(), "");
    std::filesystem::remove(certificates.key("server"));
    EXPECT_NE(relay.proxy->reload_certificates(), "");
    auto client = relay.connect(); // the old ones still work
    TlsClient tls{client.descriptor(), true};
    EXPECT_TRUE(tls.shake());
}

} // namespace tls_test
} // namespace stepgate::test
