#include "challenge-web/factors/identity_provider.h"

#include "challenge-web/challenges/base64url.h"
#include "challenge-web/challenges/digest.h"
#include "challenge-web/factors/jws.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_to.hpp>
#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <functional>
#include <map>
#include <memory>

namespace stepgate::challenge_web::factors
{
namespace identity_provider_test
{

namespace json = boost::json;
using namespace std::chrono_literals;
using challenges::base64url_encode;

const TimePoint start{std::chrono::seconds{1'700'000'000}};
constexpr std::int64_t now_seconds = 1'700'000'000;

/// A provider's RSA key: what it publishes, and tokens signed with it.
class SigningKey
{
  public:
    explicit SigningKey(std::string kid) : kid_(std::move(kid)), key_(EVP_RSA_gen(2048), &EVP_PKEY_free) {}

    [[nodiscard]] json::object jwk() const
    {
        return {{"kty", "RSA"}, {"kid", kid_}, {"use", "sig"}, {"n", number("n")}, {"e", number("e")}};
    }
    [[nodiscard]] std::string token(const json::object& claims, json::object header = {}) const
    {
        if (!header.contains("alg"))
            header["alg"] = "RS256";
        if (!header.contains("kid"))
            header["kid"] = kid_;
        const auto text = base64url_encode(json::serialize(header)) + "." + base64url_encode(json::serialize(claims));
        return text + "." + base64url_encode(signature(text));
    }

  private:
    [[nodiscard]] std::string number(const char* name) const
    {
        BIGNUM* value = nullptr;
        EVP_PKEY_get_bn_param(key_.get(), name, &value);
        std::string bytes(static_cast<std::size_t>(BN_num_bytes(value)), '\0');
        BN_bn2bin(value, reinterpret_cast<unsigned char*>(bytes.data()));
        BN_free(value);
        return base64url_encode(bytes);
    }
    [[nodiscard]] std::string signature(const std::string& text) const
    {
        const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
        std::string out(256, '\0');
        std::size_t size = out.size();
        EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get());
        EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size,
                       reinterpret_cast<const unsigned char*>(text.data()), text.size());
        out.resize(size);
        return out;
    }

    std::string kid_;
    std::shared_ptr<EVP_PKEY> key_;
};

const SigningKey& first_key()
{
    static const SigningKey key{"one"};
    return key;
}
const SigningKey& second_key()
{
    static const SigningKey key{"two"};
    return key;
}

// Every check was taken out once, and tests of this file failed.
struct IdentityProviderTest : testing::Test {
    json::object document{{"issuer", "https://login.example.com"},
                          {"authorization_endpoint", "https://login.example.com/auth"},
                          {"token_endpoint", "https://login.example.com/token"},
                          {"jwks_uri", "https://login.example.com/keys"}};
    json::array keys{first_key().jwk()};
    json::object claims{{"iss", "https://login.example.com"}, {"aud", "stepgate"},  {"sub", "u-1"},
                        {"exp", now_seconds + 300},           {"iat", now_seconds}, {"auth_time", now_seconds},
                        {"preferred_username", "alice"},      {"acr", "pwd"}};
    std::function<std::string()> token = [this] { return first_key().token(claims); };
    int token_status = 200;
    std::vector<WebRequest> asked;
    IdentityProvider provider{settings(), [this](const WebRequest& request) { return answer(request); }};

    static ProviderSettings settings()
    {
        ProviderSettings out;
        out.name = "corp";
        out.issuer = "https://login.example.com";
        out.client_id = "stepgate";
        out.client_secret = "s:cret";
        out.acr_values = {"phr", "pwd"};
        out.phishing_resistant = {"phr"};
        out.redirect_uri = "https://stepgate.example/provider";
        return out;
    }
    std::optional<WebAnswer> answer(const WebRequest& request)
    {
        asked.push_back(request);
        if (request.url.ends_with("/.well-known/openid-configuration"))
            return WebAnswer{200, json::serialize(document)};
        if (request.url.ends_with("/keys"))
            return WebAnswer{200, json::serialize(json::object{{"keys", keys}})};
        return WebAnswer{token_status, json::serialize(json::object{{"id_token", token()}})};
    }
    static Ask ask(unsigned char challenge = 1, TimePoint now = start)
    {
        Ask out;
        out.purpose = Ask::Purpose::challenge;
        out.user = "alice";
        out.challenge.fill(std::byte{challenge});
        out.now = now;
        return out;
    }
    /// Logs in as the claims say.
    result<Proof> log_in(const std::function<void(ProviderAnswer&)>& change = {}, const Ask& at_end = ask())
    {
        const auto begun = provider.start(ask());
        EXPECT_TRUE(begun);
        if (!claims.contains("nonce"))
            claims["nonce"] = begun->login.nonce;
        ProviderAnswer back{begun->login.state, "a code", "https://login.example.com"};
        if (change)
            change(back);
        return provider.finish(at_end, begun->login, back);
    }
};

TEST_F(IdentityProviderTest, AsksForANewLoginOfTheRightKind)
{
    const auto begun = provider.start(ask());
    ASSERT_TRUE(begun);
    const auto& url = begun->url;
    EXPECT_TRUE(url.starts_with("https://login.example.com/auth?response_type=code&client_id=stepgate&")) << url;
    for (const auto* part :
         {"redirect_uri=https%3A%2F%2Fstepgate.example%2Fprovider", "scope=openid%20profile", "prompt=login",
          "max_age=0", "acr_values=phr%20pwd", "code_challenge_method=S256", "login_hint=alice"})
        EXPECT_NE(url.find(part), std::string::npos) << part << " in " << url;
    EXPECT_NE(url.find("&state=" + begun->login.state), std::string::npos);
    EXPECT_NE(url.find("&nonce=" + begun->login.nonce), std::string::npos);
    EXPECT_EQ(url.find(begun->login.verifier), std::string::npos) << "the verifier stays";
    const auto other = provider.start(ask());
    EXPECT_NE(other->login.state, begun->login.state);
    EXPECT_NE(other->login.nonce, begun->login.nonce);
}

TEST_F(IdentityProviderTest, ALoginIsAProofForItsChallenge)
{
    const auto proof = log_in();
    ASSERT_TRUE(proof) << proof.error().message();
    EXPECT_EQ(proof->user, "alice");
    EXPECT_EQ(proof->factor, "identity_provider");
    EXPECT_EQ(proof->kind, "knowledge");
    EXPECT_FALSE(proof->phishing_resistant);
    EXPECT_EQ(proof->credential, "corp/u-1");
    const auto evidence = json::parse(proof->evidence);
    EXPECT_TRUE(verify_token(json::value_to<std::string>(evidence.at("id_token")),
                             json::serialize(json::object{{"keys", json::array{evidence.at("key")}}})))
        << "checked again from the evidence alone";
    const auto salt = challenges::base64url_decode(json::value_to<std::string>(evidence.at("salt")));
    EXPECT_EQ(base64url_encode(challenges::bytes_of(challenges::sha256(std::string(32, '\1') + *salt))),
              json::value_to<std::string>(claims.at("nonce")));
    EXPECT_EQ(asked.back().user, "stepgate");
    EXPECT_EQ(asked.back().password, "s%3Acret");
    EXPECT_NE(asked.back().body.find("code_verifier="), std::string::npos);
    claims.erase("nonce");
    claims["acr"] = "phr";
    EXPECT_FALSE(log_in()->phishing_resistant) << "the audit could not check it again";
}

struct Row {
    const char* name;
    std::function<void(IdentityProviderTest&)> change;
    errc expected;
};

TEST_F(IdentityProviderTest, TokensThatProveNothing)
{
    const auto claim = [](const char* key, json::value value) {
        return [key, value](IdentityProviderTest& t) { t.claims[key] = value; };
    };
    const auto no = [](const char* key) { return [key](IdentityProviderTest& t) { t.claims.erase(key); }; };
    const auto header = [](json::object with) {
        return [with](IdentityProviderTest& t) { t.token = [&t, with] { return first_key().token(t.claims, with); }; };
    };
    const std::vector<Row> rows{
        {"another issuer", claim("iss", "https://evil.example"), errc::wrong_origin},
        {"another client", claim("aud", "other"), errc::wrong_origin},
        {"two clients, for whom?", claim("aud", json::array{"stepgate", "other"}), errc::wrong_origin},
        {"for another party", claim("azp", "other"), errc::wrong_origin},
        {"no audience", no("aud"), errc::wrong_origin},
        {"another nonce", claim("nonce", "x"), errc::wrong_challenge},
        {"expired", claim("exp", now_seconds - 60), errc::expired},
        {"does not expire", no("exp"), errc::expired},
        {"expires in words", claim("exp", "tomorrow"), errc::expired},
        {"of the future", claim("iat", now_seconds + 61), errc::expired},
        {"an old login", claim("auth_time", now_seconds - 61), errc::not_fresh},
        {"login at an unknown time", no("auth_time"), errc::not_fresh},
        {"login in the future", claim("auth_time", now_seconds + 61), errc::not_fresh},
        {"another way to log in", claim("acr", "guest"), errc::too_weak},
        {"no acr", no("acr"), errc::too_weak},
        {"no subject", no("sub"), errc::malformed},
        {"nobody", no("preferred_username"), errc::malformed},
        {"somebody else", claim("preferred_username", "bob"), errc::unknown_credential},
        {"no signature", header({{"alg", "none"}}), errc::unsupported},
        {"a MAC under the public key", header({{"alg", "HS256"}}), errc::unsupported},
        {"another algorithm than the key's", header({{"alg", "ES256"}}), errc::unknown_credential},
        {"extensions that must be understood", header({{"crit", json::array{"b64"}}}), errc::unsupported},
        {"a key nobody published", header({{"kid", "three"}}), errc::unknown_credential},
        {"a key that was not used",
         [](IdentityProviderTest& t) { t.token = [&t] {
                                           return second_key().token(t.claims, {{"kid", "one"}});
                                       }; },
         errc::bad_signature},
        {"no token", [](IdentityProviderTest& t) { t.token = [] { return std::string{}; }; }, errc::malformed},
        {"words", [](IdentityProviderTest& t) { t.token = [] { return std::string{"not a token"}; }; },
         errc::malformed},
        {"a code that was used", [](IdentityProviderTest& t) { t.token_status = 400; }, errc::wrong_code},
        {"a provider that is ill", [](IdentityProviderTest& t) { t.token_status = 500; }, errc::provider_unavailable},
    };
    const auto good = claims;
    const auto good_token = token;
    for (const auto& row : rows) {
        claims = good;
        token = good_token;
        token_status = 200;
        const auto begun = provider.start(ask());
        claims["nonce"] = begun->login.nonce;
        row.change(*this);
        const auto proof = provider.finish(ask(), begun->login, {begun->login.state, "a code", ""});
        EXPECT_FALSE(proof) << row.name;
        if (!proof) {
            EXPECT_EQ(proof.error(), row.expected) << row.name << ": " << proof.error().message();
        }
    }
}

TEST_F(IdentityProviderTest, AnswersOfOthers)
{
    EXPECT_EQ(log_in([](ProviderAnswer& back) { back.state = "x"; }).error(), errc::wrong_challenge);
    EXPECT_EQ(log_in([](ProviderAnswer& back) { back.state.clear(); }).error(), errc::wrong_challenge);
    EXPECT_EQ(log_in([](ProviderAnswer& back) { back.issuer = "https://evil.example"; }).error(), errc::wrong_origin);
    EXPECT_EQ(log_in([](ProviderAnswer& back) { back.code.clear(); }).error(), errc::malformed);
    EXPECT_EQ(log_in({}, ask(2)).error(), errc::wrong_challenge) << "begun for another challenge";
    claims.erase("nonce");
    EXPECT_EQ(log_in({}, ask(1, start + 10min)).error(), errc::expired);
}

TEST_F(IdentityProviderTest, NewKeysAreFetchedWhenATokenNamesOne)
{
    ASSERT_TRUE(log_in());
    token = [this] { return second_key().token(claims); };
    claims.erase("nonce");
    EXPECT_EQ(log_in({}, ask(1, start + 29s)).error(), errc::unknown_credential) << "not sooner than after 30 s";
    keys.push_back(second_key().jwk());
    claims.erase("nonce");
    EXPECT_TRUE(log_in({}, ask(1, start + 31s)));
}

TEST_F(IdentityProviderTest, WhatWasReadByAWrongClockIsReadAgain)
{
    ASSERT_TRUE(provider.start(ask(1, start + 10h)));
    token = [this] { return second_key().token(claims); };
    keys = {second_key().jwk()};
    EXPECT_TRUE(log_in()); // the clock was set right
}

TEST_F(IdentityProviderTest, ADocumentOfAnotherIssuerOrWithoutTlsIsNone)
{
    document["issuer"] = "https://evil.example";
    EXPECT_EQ(provider.start(ask()).error(), errc::provider_unavailable);
    document["issuer"] = "https://login.example.com";
    document["token_endpoint"] = "http://login.example.com/token";
    EXPECT_EQ(provider.start(ask()).error(), errc::provider_unavailable);
    document["token_endpoint"] = "https://login.example.com/token";
    EXPECT_TRUE(provider.start(ask()));
    EXPECT_EQ(asked.size(), 4U) << "three documents and the keys, kept from then on";
    EXPECT_TRUE(provider.start(ask()));
    EXPECT_EQ(asked.size(), 4U);
    IdentityProvider alone{settings(), [](const WebRequest&) { return std::optional<WebAnswer>{}; }};
    EXPECT_EQ(alone.start(ask()).error(), errc::provider_unavailable);
    IdentityProvider unlucky{settings(), [this](const WebRequest& request) { return answer(request); },
                             [](std::span<std::byte>) { return false; }};
    EXPECT_EQ(unlucky.start(ask()).error(), errc::no_randomness);
}

TEST_F(IdentityProviderTest, AtSignInTheClaimSaysWho)
{
    Ask sign_in;
    sign_in.challenge.fill(std::byte{7});
    sign_in.now = start;
    const auto begun = provider.start(sign_in);
    EXPECT_EQ(begun->url.find("login_hint"), std::string::npos);
    claims["nonce"] = begun->login.nonce;
    claims["preferred_username"] = "carol";
    const auto proof = provider.finish(sign_in, begun->login, {begun->login.state, "a code", ""});
    ASSERT_TRUE(proof);
    EXPECT_EQ(proof->user, "carol");
    EXPECT_FALSE(proof->phishing_resistant);
    claims["acr"] = "phr";
    EXPECT_TRUE(provider.finish(sign_in, begun->login, {begun->login.state, "a code", ""})->phishing_resistant);
}

TEST_F(IdentityProviderTest, AnAddressCountsOnlyIfItWasVerified)
{
    auto by_address = settings();
    by_address.claim = "email";
    IdentityProvider mailed{by_address, [this](const WebRequest& request) { return answer(request); }};
    Ask sign_in;
    sign_in.challenge.fill(std::byte{7});
    sign_in.now = start;
    claims["email"] = "alice";
    const std::pair<json::value, bool> rows[] = {{nullptr, false}, {false, false}, {"false", false},
                                                 {1, false},       {true, true},   {"true", true}};
    for (const auto& [verified, good] : rows) {
        claims.erase("email_verified");
        if (!verified.is_null())
            claims["email_verified"] = verified;
        for (const auto& asked_for : {sign_in, ask()}) {
            const auto begun = mailed.start(asked_for);
            claims["nonce"] = begun->login.nonce;
            const auto proof = mailed.finish(asked_for, begun->login, {begun->login.state, "a code", ""});
            EXPECT_EQ(proof.has_value(), good) << json::serialize(verified);
        }
    }
}

} // namespace identity_provider_test
} // namespace stepgate::challenge_web::factors
