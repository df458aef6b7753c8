#pragma once

#include <openssl/ssl.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

namespace stepgate::tests
{

/// A self-signed certificate and its key in files of its own, removed at the end.
class TestCertificate
{
  public:
    explicit TestCertificate(const std::string& name = "stepgate.example");
    ~TestCertificate();
    TestCertificate(const TestCertificate&) = delete;
    TestCertificate& operator=(const TestCertificate&) = delete;
    void replace(const std::string& name); // a new key and certificate in the same files
    [[nodiscard]] std::string certificate_file() const { return (folder_ / "web.crt").string(); }
    [[nodiscard]] std::string key_file() const { return (folder_ / "web.key").string(); }

  private:
    std::filesystem::path folder_;
};

/// A blocking client of 127.0.0.1; every read gives up after ten seconds. Throws when it cannot connect.
class PlainClient
{
  public:
    explicit PlainClient(std::uint16_t port);
    virtual ~PlainClient();
    PlainClient(const PlainClient&) = delete;
    PlainClient& operator=(const PlainClient&) = delete;

    void send(const std::string& bytes);
    /// Writes byte by byte, reading nothing; how many went out before the server closed.
    std::size_t drip(const std::string& bytes, std::chrono::milliseconds pause);
    std::string read_until(const std::string& end); // with what came before; "" when the end never comes
    std::string read_head() { return read_until("\r\n\r\n"); }
    std::string read_response(); // head and body, by Content-Length
    std::string read_to_end();

  protected:
    virtual long write_some(const char* data, std::size_t size);
    virtual long read_some(char* data, std::size_t size);
    int socket_ = -1;

  private:
    bool fill();
    std::string buffer_;
};

class TlsClient final : public PlainClient
{
  public:
    explicit TlsClient(std::uint16_t port, int highest_version = TLS1_3_VERSION);
    ~TlsClient() override;
    void close();
    [[nodiscard]] std::string certificate_name() const;

  protected:
    long write_some(const char* data, std::size_t size) override;
    long read_some(char* data, std::size_t size) override;

  private:
    SSL_CTX* context_ = nullptr;
    SSL* tls_ = nullptr;
};

} // namespace stepgate::tests
