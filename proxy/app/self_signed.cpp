#include "proxy/app/self_signed.h"

#include "proxy/app/files.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>

#include <memory>

namespace stepgate::proxy::app
{
namespace
{

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

constexpr long lifetime_seconds = 825L * 24 * 3600; // the longest that browsers accept from a private CA

Key make_key()
{
    return {EVP_EC_gen("P-256"), EVP_PKEY_free};
}

std::string alternative_names(const std::vector<std::string>& names)
{
    std::string text;
    for (const auto& name : names) {
        in6_addr address{};
        const bool is_address =
            inet_pton(AF_INET, name.c_str(), &address) == 1 || inet_pton(AF_INET6, name.c_str(), &address) == 1;
        text.append(text.empty() ? "" : ",").append(is_address ? "IP:" : "DNS:").append(name);
    }
    return text;
}

bool add_extension(X509* certificate, X509* issuer, int nid, const std::string& value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension(
        X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()), X509_EXTENSION_free);
    return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

// RFC 5280: version 3, a random serial number of at most 20 octets.
Certificate begin_certificate(EVP_PKEY* key, const std::string& common_name)
{
    Certificate certificate(X509_new(), X509_free);
    unsigned char serial[16];
    if (!certificate || RAND_bytes(serial, sizeof serial) != 1)
        return {nullptr, X509_free};
    serial[0] &= 0x7f;
    std::unique_ptr<BIGNUM, decltype(&BN_free)> number(BN_bin2bn(serial, sizeof serial, nullptr), BN_free);
    X509_set_version(certificate.get(), 2);
    BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate.get()));
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), lifetime_seconds);
    X509_set_pubkey(certificate.get(), key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0);
    return certificate;
}

std::string pem_of(X509* certificate)
{
    std::unique_ptr<BIO, decltype(&BIO_free)> memory(BIO_new(BIO_s_mem()), BIO_free);
    PEM_write_bio_X509(memory.get(), certificate);
    char* data = nullptr;
    const long size = BIO_get_mem_data(memory.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

std::string pem_of(EVP_PKEY* key)
{
    std::unique_ptr<BIO, decltype(&BIO_free)> memory(BIO_new(BIO_s_mem()), BIO_free);
    PEM_write_bio_PKCS8PrivateKey(memory.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
    char* data = nullptr;
    const long size = BIO_get_mem_data(memory.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

} // namespace

std::string write_self_signed(const std::filesystem::path& directory, const std::vector<std::string>& names)
{
    const Key ca_key = make_key(), key = make_key();
    if (!ca_key || !key)
        return "cannot make a P-256 key";
    const Certificate ca = begin_certificate(ca_key.get(), "stepgate private CA");
    const Certificate server = begin_certificate(key.get(), names.front());
    if (!ca || !server)
        return "cannot make a certificate: no randomness";

    X509_set_issuer_name(ca.get(), X509_get_subject_name(ca.get()));
    X509_set_issuer_name(server.get(), X509_get_subject_name(ca.get()));
    const bool extended = add_extension(ca.get(), ca.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
                          add_extension(ca.get(), ca.get(), NID_key_usage, "critical,keyCertSign") &&
                          add_extension(ca.get(), ca.get(), NID_subject_key_identifier, "hash") &&
                          add_extension(server.get(), ca.get(), NID_basic_constraints, "critical,CA:FALSE") &&
                          add_extension(server.get(), ca.get(), NID_key_usage, "critical,digitalSignature") &&
                          add_extension(server.get(), ca.get(), NID_ext_key_usage, "serverAuth") &&
                          add_extension(server.get(), ca.get(), NID_authority_key_identifier, "keyid") &&
                          add_extension(server.get(), ca.get(), NID_subject_alt_name, alternative_names(names));
    if (!extended || X509_sign(ca.get(), ca_key.get(), EVP_sha256()) == 0 ||
        X509_sign(server.get(), ca_key.get(), EVP_sha256()) == 0)
        return "cannot sign a certificate for " + names.front();

    if (auto error = write_file(directory / "ca.crt", pem_of(ca.get()), FileMode::readable); !error.empty())
        return error;
    if (auto error = write_file(directory / "server.crt", pem_of(server.get()), FileMode::readable); !error.empty())
        return error;
    return write_file(directory / "server.key", pem_of(key.get()), FileMode::secret);
}

} // namespace stepgate::proxy::app
