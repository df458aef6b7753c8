#include "certificates.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>

namespace stepgate::test
{

namespace
{

struct Free {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    void operator()(X509* certificate) const { X509_free(certificate); }
    void operator()(std::FILE* file) const { std::fclose(file); }
    void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

Owned<std::FILE> open(const std::string& path, const char* mode)
{
    Owned<std::FILE> file{std::fopen(path.c_str(), mode)};
    if (!file)
        throw std::runtime_error("cannot open " + path);
    return file;
}

void extend(X509* certificate, X509* issuer, int what, const char* value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    const Owned<X509_EXTENSION> extension{X509V3_EXT_conf_nid(nullptr, &context, what, value)};
    X509_add_ext(certificate, extension.get(), -1);
}

} // namespace

Certificates::Certificates()
{
    std::string name = (std::filesystem::temp_directory_path() / "stepgate-certificates-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    make("ca", "ca");
}

Certificates::~Certificates()
{
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

void Certificates::issue(const std::string& name)
{
    make(name, "ca");
}

void Certificates::make(const std::string& name, const std::string& issuer)
{
    const Owned<EVP_PKEY> own{EVP_EC_gen("P-256")};
    PEM_write_PrivateKey(open(key(name), "w").get(), own.get(), nullptr, nullptr, 0, nullptr, nullptr);
    const Owned<X509> made{X509_new()};
    X509_set_version(made.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), static_cast<long>(std::hash<std::string>{}(name) >> 2));
    X509_gmtime_adj(X509_getm_notBefore(made.get()), -60);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), 3600);
    X509_set_pubkey(made.get(), own.get());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    Owned<X509> signer;
    Owned<EVP_PKEY> signer_key;
    const bool is_ca = name == issuer;
    if (!is_ca) {
        signer.reset(PEM_read_X509(open(certificate(issuer), "r").get(), nullptr, nullptr, nullptr));
        signer_key.reset(PEM_read_PrivateKey(open(key(issuer), "r").get(), nullptr, nullptr, nullptr));
    }
    X509* by = is_ca ? made.get() : signer.get();
    X509_set_issuer_name(made.get(), X509_get_subject_name(by));
    extend(made.get(), by, NID_basic_constraints, is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (name == "server")
        extend(made.get(), by, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
    X509_sign(made.get(), is_ca ? own.get() : signer_key.get(), EVP_sha256());
    PEM_write_X509(open(certificate(name), "w").get(), made.get());
}

} // namespace stepgate::test
