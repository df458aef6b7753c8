#include "proxy/upstream/libpq_options.h"

#include <openssl/x509.h>

#include <algorithm>
#include <filesystem>

namespace stepgate::proxy::upstream
{

namespace
{

/// libpq before version 16 knows no "the system's": the file that OpenSSL would take, or the one of Debian.
std::string system_certificates()
{
    std::error_code ignored;
    const std::string file = X509_get_default_cert_file();
    return std::filesystem::exists(file, ignored) ? file : "/etc/ssl/certs/ca-certificates.crt";
}

} // namespace

LibpqConnection::Options libpq_options(const CatalogSource& source, std::string_view application)
{
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(source.connect_timeout).count();
    LibpqConnection::Options options{
        {"host", source.host},
        {"port", std::to_string(source.port)},
        {"dbname", source.database},
        {"user", source.user},
        {"password", source.password},
        {"passfile", "/dev/null"}, // only what the configuration says
        {"sslmode", source.tls_mode},
        {"gssencmode", "disable"},
        {"connect_timeout", std::to_string(std::max<long long>(seconds, 2))}, // libpq takes 1 for 2
        {"keepalives_idle", "10"},
        {"tcp_user_timeout", std::to_string(source.statement_timeout.count() + 10'000)},
        {"application_name", std::string{application}},
        {"client_encoding", "UTF8"},
    };
    if (source.tls_mode.starts_with("verify"))
        options.emplace_back("sslrootcert", source.ca.empty() ? system_certificates() : source.ca);
    if (!source.certificate.empty()) {
        options.emplace_back("sslcert", source.certificate);
        options.emplace_back("sslkey", source.key);
    }
    return options;
}

} // namespace stepgate::proxy::upstream
