#include "challenge-web/factors/attestation.h"

#include "challenge-web/challenges/digest.h"
#include "challenge-web/factors/passkey.h"
#include "tests/support/fake_accounts.h"
#include "tests/support/soft_authenticator.h"

#include <gtest/gtest.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>

namespace stepgate::challenge_web::factors
{
namespace attestation_test
{

using namespace std::chrono_literals;
using tests::AuthenticatorKnobs;
using tests::FakeAccounts;
using tests::SoftAuthenticator;

const std::string origin = "https://stepgate.example";
const std::string model_text = "ee882879-721c-4913-9775-3dfcce97072a";
const std::string model = parse_aaguid(model_text), other_model(16, 'x');
const TimePoint start{std::chrono::seconds{1'700'000'000}};

TEST(Attestation, AaguidsAreUuids)
{
    EXPECT_EQ(model, "\xee\x88\x28\x79\x72\x1c\x49\x13\x97\x75\x3d\xfc\xce\x97\x07\x2a");
    EXPECT_EQ(parse_aaguid("EE882879-721C-4913-9775-3DFCCE97072A"), model);
    EXPECT_EQ(format_aaguid(model), model_text);
    EXPECT_EQ(format_aaguid(std::string(16, '\0')), "00000000-0000-0000-0000-000000000000");
    for (const std::string_view bad : {"", "ee882879721c491397753dfcce97072a", "ee882879-721c-4913-9775-3dfcce97072",
                                       "ee882879-721c-4913-9775-3dfcce97072g", "ee882879-721c-4913-97753-dfcce97072a",
                                       "{ee882879-721c-4913-9775-3dfcce97072a}"})
        EXPECT_EQ(parse_aaguid(bad), "") << bad;
}

/// What to do wrong in a certificate.
struct CertificateKnobs {
    bool authority = false;
    std::string unit = "Authenticator Attestation";
    std::string aaguid = model; // "": no extension
    bool critical = false, twice = false;
    int from = -1, until = 365; // days around `start`
    long version = X509_VERSION_3;
};

/// A maker: keys and certificates that lead to a root.
struct Issued {
    std::shared_ptr<EVP_PKEY> key{EVP_EC_gen("P-256"), EVP_PKEY_free};
    std::shared_ptr<X509> certificate{X509_new(), X509_free};

    [[nodiscard]] std::string der() const
    {
        unsigned char* out = nullptr;
        const int size = i2d_X509(certificate.get(), &out);
        std::string bytes{reinterpret_cast<char*>(out), static_cast<std::size_t>(size)};
        OPENSSL_free(out);
        return bytes;
    }
    [[nodiscard]] std::string pem() const
    {
        BIO* out = BIO_new(BIO_s_mem());
        PEM_write_bio_X509(out, certificate.get());
        char* text = nullptr;
        const auto size = BIO_get_mem_data(out, &text);
        std::string pem{text, static_cast<std::size_t>(size)};
        BIO_free(out);
        return pem;
    }
};

void add_aaguid(X509* certificate, const std::string& aaguid, bool critical)
{
    const std::string inner = "\x04\x10" + aaguid;
    ASN1_OCTET_STRING* value = ASN1_OCTET_STRING_new();
    ASN1_OCTET_STRING_set(value, reinterpret_cast<const unsigned char*>(inner.data()), static_cast<int>(inner.size()));
    ASN1_OBJECT* name = OBJ_txt2obj("1.3.6.1.4.1.45724.1.1.4", 1);
    X509_EXTENSION* extension = X509_EXTENSION_create_by_OBJ(nullptr, name, critical ? 1 : 0, value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    ASN1_OBJECT_free(name);
    ASN1_OCTET_STRING_free(value);
}

Issued issue(const std::string& name, const Issued* issuer, const CertificateKnobs& knobs)
{
    Issued out;
    X509* certificate = out.certificate.get();
    X509_set_version(certificate, knobs.version);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 7);
    const auto day = 24 * 3600;
    ASN1_TIME_set(X509_getm_notBefore(certificate), std::chrono::system_clock::to_time_t(start) + knobs.from * day);
    ASN1_TIME_set(X509_getm_notAfter(certificate), std::chrono::system_clock::to_time_t(start) + knobs.until * day);
    X509_NAME* subject = X509_get_subject_name(certificate);
    const auto add = [&](const char* field, const std::string& text) {
        X509_NAME_add_entry_by_txt(subject, field, MBSTRING_ASC, reinterpret_cast<const unsigned char*>(text.c_str()),
                                   -1, -1, 0);
    };
    add("C", "SE");
    add("O", "Maker");
    if (!knobs.unit.empty())
        add("OU", knobs.unit);
    add("CN", name);
    X509_set_issuer_name(certificate,
                         X509_get_subject_name(issuer != nullptr ? issuer->certificate.get() : certificate));
    X509_set_pubkey(certificate, out.key.get());
    if (knobs.version == X509_VERSION_3) {
        X509_EXTENSION* basic = X509V3_EXT_conf_nid(nullptr, nullptr, NID_basic_constraints,
                                                    knobs.authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
        X509_add_ext(certificate, basic, -1);
        X509_EXTENSION_free(basic);
        if (!knobs.aaguid.empty())
            add_aaguid(certificate, knobs.aaguid, knobs.critical);
        if (knobs.twice)
            add_aaguid(certificate, knobs.aaguid, false);
    }
    X509_sign(certificate, (issuer != nullptr ? issuer->key : out.key).get(), EVP_sha256());
    return out;
}

std::string cbor_head(unsigned major, std::size_t size)
{
    if (size < 24)
        return std::string(1, static_cast<char>(major << 5U | size));
    if (size < 256)
        return std::string{static_cast<char>(major << 5U | 24U), static_cast<char>(size)};
    return std::string{static_cast<char>(major << 5U | 25U), static_cast<char>(size >> 8U),
                       static_cast<char>(size & 255U)};
}

/// {"alg": -7, "sig": …, "x5c": [ … ]}
std::string packed(const Issued& signer, const std::vector<std::string>& chain, const std::string& signed_bytes)
{
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    std::size_t size = 0;
    const auto* in = reinterpret_cast<const unsigned char*>(signed_bytes.data());
    EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, signer.key.get());
    EVP_DigestSign(context, nullptr, &size, in, signed_bytes.size());
    std::string signature(size, '\0');
    EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size, in, signed_bytes.size());
    EVP_MD_CTX_free(context);
    signature.resize(size);
    std::string out = cbor_head(5, 3) + "\x63" + "alg" + "\x26" + "\x63" + "sig" + cbor_head(2, size) + signature +
                      "\x63" + "x5c" + cbor_head(4, chain.size());
    for (const auto& certificate : chain)
        out += cbor_head(2, certificate.size()) + certificate;
    return out;
}

// Every check was taken out once, and tests of this file failed.
struct AttestationTest : testing::Test {
    FakeAccounts accounts;
    accounts::User alice = accounts.make_user("alice");
    Issued root = issue("Root", nullptr, {.authority = true, .aaguid = ""});
    Issued stranger = issue("Root", nullptr, {.authority = true, .aaguid = ""}); // the same name, another key
    int enrolled = 0;

    boost::system::error_code enrol(const AttestationPolicy& policy, const AuthenticatorKnobs& knobs)
    {
        Passkey passkey{{"stepgate.example", origin, "stepgate"}, accounts, {}, challenges::system_random(), policy};
        SoftAuthenticator authenticator{origin};
        const auto enrolment = passkey.begin_enrolment(alice, start).value();
        const bool direct = enrolment.options.find(R"("attestation":"direct")") != std::string::npos;
        EXPECT_EQ(direct, !policy.any());
        const auto done =
            passkey.finish_enrolment(enrolment, authenticator.create(enrolment.options, knobs), "key", start);
        return done.has_value() ? boost::system::error_code{} : done.error();
    }
    [[nodiscard]] AttestationPolicy verified() const { return {{other_model, model}, root.pem()}; }

    /// A packed attestation by a certificate that `issuer` made, or the root.
    AuthenticatorKnobs attested(const CertificateKnobs& knobs, const Issued* issuer = nullptr,
                                std::vector<std::string> above = {}, const std::string& aaguid = model)
    {
        const auto leaf = issue("Leaf", issuer != nullptr ? issuer : &root, knobs);
        AuthenticatorKnobs out;
        out.format = "packed";
        out.aaguid = aaguid;
        above.insert(above.begin(), leaf.der());
        out.statement = [leaf, above](const std::string& bytes) { return packed(leaf, above, bytes); };
        return out;
    }
};

const boost::system::error_code good, untrusted = make_error_code(errc::untrusted);

TEST_F(AttestationTest, AnyIsTheDefault)
{
    EXPECT_EQ(enrol({}, {}), good);
    EXPECT_EQ(enrol({}, attested({})), good);
}

TEST_F(AttestationTest, AMakersCertificateForTheModelIsNeeded)
{
    EXPECT_EQ(enrol(verified(), attested({})), good);
    EXPECT_EQ(enrol(verified(), {}), untrusted) << "none";
    EXPECT_EQ(enrol(verified(), {.aaguid = model}), untrusted) << "none, of the right model";
    EXPECT_EQ(enrol(verified(), {.format = "packed", .aaguid = model}), untrusted) << "by itself";
    EXPECT_EQ(enrol(verified(), attested({}, nullptr, {}, std::string(16, 'y'))), untrusted)
        << "a model that is not allowed";
    EXPECT_EQ(enrol(verified(), attested({.aaguid = std::string(16, 'y')}, nullptr, {}, std::string(16, 'y'))),
              untrusted);
    EXPECT_EQ(enrol(verified(), attested({}, nullptr, {}, other_model)), untrusted)
        << "another allowed model than its certificate's";
    EXPECT_EQ(enrol(verified(), attested({.aaguid = other_model}, nullptr, {}, other_model)), good);
    EXPECT_EQ(enrol(verified(), attested({.aaguid = ""})), untrusted) << "a certificate of no model";
    EXPECT_EQ(enrol(verified(), attested({.critical = true})), untrusted);
    EXPECT_EQ(enrol(verified(), attested({.twice = true})), untrusted);
    EXPECT_EQ(enrol(verified(), attested({.unit = "Web Server"})), untrusted);
    EXPECT_EQ(enrol(verified(), attested({.unit = ""})), untrusted);
    EXPECT_EQ(enrol(verified(), attested({.authority = true})), untrusted) << "an authority attests nothing";
    EXPECT_EQ(enrol(verified(), attested({.version = X509_VERSION_1})), untrusted);
}

TEST_F(AttestationTest, TheCertificateLeadsToARoot)
{
    EXPECT_EQ(enrol(verified(), attested({}, &stranger)), untrusted);
    EXPECT_EQ(enrol(verified(), attested({}, &stranger, {stranger.der()})), untrusted) << "a root that came along";
    EXPECT_EQ(enrol(verified(), attested({.from = -9, .until = -1})), untrusted) << "expired";
    EXPECT_EQ(enrol(verified(), attested({.from = 1})), untrusted) << "not yet valid";
    const auto between = issue("Between", &root, {.authority = true, .aaguid = ""});
    EXPECT_EQ(enrol(verified(), attested({}, &between)), untrusted) << "the one between is missing";
    EXPECT_EQ(enrol(verified(), attested({}, &between, {between.der()})), good);
    EXPECT_EQ(enrol({{model}, between.pem()}, attested({}, &between)), good) << "a lower authority is named";
    const auto no_authority = issue("Between", &root, {});
    EXPECT_EQ(enrol(verified(), attested({}, &no_authority, {no_authority.der()})), untrusted);
    EXPECT_EQ(enrol({{model}, "no certificate"}, attested({})), untrusted);
    const auto another = issue("Another root", nullptr, {.authority = true, .aaguid = ""});
    EXPECT_EQ(enrol({{model}, another.pem() + root.pem()}, attested({})), good);
}

TEST_F(AttestationTest, ASignatureOfAnotherKeyIsNone)
{
    const auto leaf = issue("Leaf", &root, {}), thief = issue("Leaf", &root, {});
    AuthenticatorKnobs knobs;
    knobs.format = "packed";
    knobs.aaguid = model;
    knobs.statement = [&](const std::string& bytes) { return packed(thief, {leaf.der()}, bytes); };
    EXPECT_EQ(enrol(verified(), knobs), make_error_code(errc::bad_signature));
    knobs.statement = [&](const std::string& bytes) { return packed(leaf, {leaf.der()}, bytes + "x"); };
    EXPECT_EQ(enrol(verified(), knobs), make_error_code(errc::bad_signature));
    knobs.statement = [&](const std::string& bytes) { return packed(leaf, {leaf.der() + "x"}, bytes); };
    EXPECT_NE(enrol(verified(), knobs), good);
    knobs.statement = [&](const std::string& bytes) { return packed(leaf, {}, bytes); };
    EXPECT_NE(enrol(verified(), knobs), good);
    knobs.statement = [&](const std::string& bytes) {
        return packed(leaf, std::vector<std::string>(9, leaf.der()), bytes);
    };
    EXPECT_NE(enrol(verified(), knobs), good) << "too many";
}

TEST_F(AttestationTest, OtherFormatsProveNothingHere)
{
    const auto leaf = issue("Leaf", &root, {});
    AttestationObject attestation{"packed", packed(leaf, {leaf.der()}, "signed"), {}};
    EXPECT_TRUE(check_attestation(verified(), attestation, model, start));
    attestation.format = "fido-u2f";
    EXPECT_FALSE(check_attestation(verified(), attestation, model, start));
}

TEST_F(AttestationTest, OnTheirWordOnlyTheModelIsCompared)
{
    const AttestationPolicy on_their_word{{model}, {}};
    EXPECT_EQ(enrol(on_their_word, {.aaguid = model}), good);
    EXPECT_EQ(enrol(on_their_word, {.format = "packed", .aaguid = model}), good);
    EXPECT_EQ(enrol(on_their_word, {}), untrusted) << "an AAGUID of zeros";
    EXPECT_EQ(enrol(on_their_word, {.aaguid = other_model}), untrusted);
}

TEST_F(AttestationTest, CertificatesAreCounted)
{
    EXPECT_EQ(certificates_in(""), 0U);
    EXPECT_EQ(certificates_in("text"), 0U);
    EXPECT_EQ(certificates_in(root.pem() + "\n# another\n" + stranger.pem()), 2U);
    auto broken = stranger.pem();
    broken[60] = broken[60] == 'A' ? 'B' : 'A';
    broken[61] = '!';
    EXPECT_EQ(certificates_in(root.pem() + broken), 0U);
}

} // namespace attestation_test
} // namespace stepgate::challenge_web::factors
