#include "challenge-web/factors/attestation.h"

#include "challenge-web/factors/cbor.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <memory>
#include <optional>

namespace stepgate::challenge_web::factors
{

namespace
{

constexpr std::size_t aaguid_bytes = 16, most_certificates = 8;
constexpr const char* aaguid_extension = "1.3.6.1.4.1.45724.1.1.4"; // id-fido-gen-ce-aaguid

struct FreeCertificate {
    void operator()(X509* what) const { X509_free(what); }
};
struct FreeStack {
    void operator()(STACK_OF(X509) * what) const { sk_X509_free(what); } // not the certificates in it
};
struct FreeStore {
    void operator()(X509_STORE* what) const { X509_STORE_free(what); }
};
struct FreeVerification {
    void operator()(X509_STORE_CTX* what) const { X509_STORE_CTX_free(what); }
};
struct FreeObject {
    void operator()(ASN1_OBJECT* what) const { ASN1_OBJECT_free(what); }
};
struct FreeBio {
    void operator()(BIO* what) const { BIO_free(what); }
};
using Certificate = std::unique_ptr<X509, FreeCertificate>;
using Certificates = std::vector<Certificate>;

std::optional<Certificate> certificate_of(std::string_view der)
{
    const auto* from = reinterpret_cast<const unsigned char*>(der.data());
    const auto* const end = from + der.size();
    Certificate certificate{d2i_X509(nullptr, &from, static_cast<long>(der.size()))};
    if (!certificate || from != end)
        return std::nullopt;
    return certificate;
}

/// "x5c" of a packed statement: the attestation certificate, then those above it. Empty: there is none, or it is no
/// statement that we understand.
Certificates chain_of(std::string_view statement)
{
    CborReader in{statement};
    Certificates chain;
    const auto pairs = in.map();
    for (std::uint64_t i = 0; i < pairs && in.good(); ++i) {
        if (in.text() != "x5c") {
            in.item();
            continue;
        }
        const auto count = in.array();
        if (!chain.empty() || count > most_certificates)
            return {};
        for (std::uint64_t at = 0; at < count && in.good(); ++at) {
            auto certificate = certificate_of(in.bytes());
            if (!certificate)
                return {};
            chain.push_back(std::move(*certificate));
        }
    }
    return in.good() && in.at_end() ? std::move(chain) : Certificates{};
}

/// Empty if one of them cannot be read.
Certificates read_pem(const std::string& pem)
{
    const std::unique_ptr<BIO, FreeBio> in{BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))};
    Certificates found;
    while (Certificate next{in ? PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr) : nullptr})
        found.push_back(std::move(next));
    const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    return at_end ? std::move(found) : Certificates{};
}

/// WebAuthn 8.2.1.
bool is_attestation_certificate(X509* certificate)
{
    constexpr std::string_view unit = "Authenticator Attestation";
    if (X509_check_ca(certificate) != 0)
        return false;
    auto* subject = X509_get_subject_name(certificate);
    const int at = X509_NAME_get_index_by_NID(subject, NID_organizationalUnitName, -1);
    if (at < 0)
        return false;
    const auto* value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
    return std::string_view{reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                            static_cast<std::size_t>(ASN1_STRING_length(value))} == unit;
}

/// The certificate's own word for the model, once: an OCTET STRING in the extension's. (One that is critical is refused
/// with the chain, as OpenSSL does not know it; a certificate older than version 3 has none.)
bool is_for_aaguid(X509* certificate, std::string_view aaguid)
{
    const std::unique_ptr<ASN1_OBJECT, FreeObject> name{OBJ_txt2obj(aaguid_extension, 1)};
    const int at = name ? X509_get_ext_by_OBJ(certificate, name.get(), -1) : -1;
    if (at < 0 || X509_get_ext_by_OBJ(certificate, name.get(), at) >= 0)
        return false;
    auto* extension = X509_get_ext(certificate, at);
    const auto* value = X509_EXTENSION_get_data(extension);
    const std::string_view bytes{reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                                 static_cast<std::size_t>(ASN1_STRING_length(value))};
    return bytes.size() == 2 + aaguid_bytes && bytes.starts_with("\x04\x10") && bytes.substr(2) == aaguid;
}

bool leads_to(const Certificates& roots, const Certificates& chain, std::chrono::system_clock::time_point now)
{
    const std::unique_ptr<X509_STORE, FreeStore> store{X509_STORE_new()};
    const std::unique_ptr<X509_STORE_CTX, FreeVerification> verification{X509_STORE_CTX_new()};
    const std::unique_ptr<STACK_OF(X509), FreeStack> between{sk_X509_new_null()};
    if (!store || !verification || !between || roots.empty())
        return false;
    for (const auto& root : roots)
        if (X509_STORE_add_cert(store.get(), root.get()) != 1)
            return false;
    for (std::size_t i = 1; i < chain.size(); ++i)
        if (sk_X509_push(between.get(), chain[i].get()) == 0)
            return false;
    if (X509_STORE_CTX_init(verification.get(), store.get(), chain[0].get(), between.get()) != 1)
        return false;
    X509_STORE_CTX_set_time(verification.get(), 0, std::chrono::system_clock::to_time_t(now));
    X509_STORE_CTX_set_flags(verification.get(), X509_V_FLAG_PARTIAL_CHAIN); // a maker's lower authority may be named
    const bool good = X509_verify_cert(verification.get()) == 1;
    ERR_clear_error();
    return good;
}

// RFC 4122, 3
constexpr std::string_view uuid_form = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", uuid_digits = "0123456789abcdef";

} // namespace

std::string format_aaguid(std::string_view aaguid)
{
    std::string text;
    for (const char byte : aaguid) {
        if (uuid_form[text.size()] == '-')
            text += '-';
        text += uuid_digits[static_cast<unsigned char>(byte) >> 4U];
        text += uuid_digits[static_cast<unsigned char>(byte) & 15U];
    }
    return text;
}

std::string parse_aaguid(std::string_view text)
{
    if (text.size() != uuid_form.size())
        return {};
    std::string bytes;
    bool high = true;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i] >= 'A' && text[i] <= 'F' ? static_cast<char>(text[i] - 'A' + 'a') : text[i];
        const auto digit = uuid_digits.find(c);
        if (uuid_form[i] == '-' ? c != '-' : digit == std::string_view::npos)
            return {};
        if (uuid_form[i] == '-')
            continue;
        if (high)
            bytes += static_cast<char>(digit << 4U);
        else
            bytes.back() = static_cast<char>(static_cast<unsigned char>(bytes.back()) | digit);
        high = !high;
    }
    return bytes;
}

std::size_t certificates_in(const std::string& pem)
{
    return read_pem(pem).size();
}

boost::system::result<void> check_attestation(const AttestationPolicy& policy, const AttestationObject& attestation,
                                              std::string_view aaguid, std::chrono::system_clock::time_point now)
{
    if (policy.any())
        return {};
    if (std::find(policy.aaguids.begin(), policy.aaguids.end(), aaguid) == policy.aaguids.end())
        return errc::untrusted;
    if (policy.roots.empty())
        return {};
    if (attestation.format != "packed")
        return errc::untrusted;
    const auto chain = chain_of(attestation.statement);
    if (chain.empty() || !is_attestation_certificate(chain[0].get()) || !is_for_aaguid(chain[0].get(), aaguid) ||
        !leads_to(read_pem(policy.roots), chain, now))
        return errc::untrusted;
    return {};
}

} // namespace stepgate::challenge_web::factors
