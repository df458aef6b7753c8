#pragma once

#include <filesystem>
#include <string>

namespace stepgate::test
{

/// Throw-away certificates for tests, as PEM files in a temporary folder that goes with the object.
class Certificates
{
  public:
    Certificates();
    ~Certificates();
    Certificates(const Certificates&) = delete;
    Certificates& operator=(const Certificates&) = delete;

    [[nodiscard]] std::string ca() const { return path("ca.crt"); }
    /// Signed by `ca`; "server" has the names localhost and 127.0.0.1, others only their common name.
    void issue(const std::string& name);
    [[nodiscard]] std::string certificate(const std::string& name) const { return path(name + ".crt"); }
    [[nodiscard]] std::string key(const std::string& name) const { return path(name + ".key"); }

  private:
    [[nodiscard]] std::string path(const std::string& file) const { return (folder_ / file).string(); }
    void make(const std::string& name, const std::string& issuer);
    std::filesystem::path folder_;
};

} // namespace stepgate::test
