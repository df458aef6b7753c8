#include "challenge-web/factors/passkey.h"

#include "challenge-web/challenges/base64url.h"
#include "challenge-web/challenges/digest.h"
#include "tests/support/fake_accounts.h"
#include "tests/support/soft_authenticator.h"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

namespace stepgate::challenge_web::factors
{
namespace passkey_test
{

using namespace std::chrono_literals;
using tests::AuthenticatorKnobs;
using tests::FakeAccounts;
using tests::SoftAuthenticator;

const TimePoint start{std::chrono::seconds{1'700'000'000}};
const std::string origin = "https://stepgate.example:8443";

boost::system::error_code error_of(const auto& result)
{
    return result.has_value() ? boost::system::error_code{} : result.error();
}

Ask ask_for(const std::string& user, bool user_verification = false)
{
    return {Ask::Purpose::challenge, user, challenges::sha256("the digest"), user_verification, start};
}

struct PasskeyTest : testing::Test {
    FakeAccounts accounts;
    Passkey passkey{{"stepgate.example", origin, "stepgate"}, accounts, challenges::sha256("decoy key")};
    accounts::User alice = accounts.make_user("alice");

    result<Enrolled> enrol(SoftAuthenticator& authenticator, const AuthenticatorKnobs& knobs = {},
                           const std::string& user = "alice")
    {
        const auto enrolment = passkey.begin_enrolment(accounts.make_user(user), start).value();
        return passkey.finish_enrolment(enrolment, authenticator.create(enrolment.options, knobs), "key", start);
    }
    result<Proof> answer(SoftAuthenticator& authenticator, const Ask& ask, const AuthenticatorKnobs& knobs = {})
    {
        const auto options = passkey.begin(ask);
        if (!options)
            return options.error();
        return passkey.verify(ask, authenticator.get(*options, knobs));
    }
};

TEST_F(PasskeyTest, BothAlgorithms)
{
    for (const int algorithm : {SoftAuthenticator::es256, SoftAuthenticator::rs256}) {
        SoftAuthenticator authenticator{origin, algorithm};
        const auto enrolled = enrol(authenticator);
        ASSERT_TRUE(enrolled) << enrolled.error().message();
        const auto proof = answer(authenticator, ask_for("alice", true));
        ASSERT_TRUE(proof) << proof.error().message();
        EXPECT_EQ(proof->user, "alice");
        EXPECT_EQ(proof->factor, "passkey");
        EXPECT_EQ(proof->kind, "possession");
        EXPECT_TRUE(proof->phishing_resistant);
        EXPECT_TRUE(proof->user_verified);
        EXPECT_EQ(proof->credential, enrolled->credential);
    }
}

TEST_F(PasskeyTest, TheEvidenceIsAllThatAnOfflineCheckNeeds)
{
    SoftAuthenticator authenticator{origin};
    ASSERT_TRUE(enrol(authenticator));
    const auto ask = ask_for("alice");
    const auto evidence = boost::json::parse(answer(authenticator, ask)->evidence).as_object();
    std::vector<std::string> keys;
    for (const auto& member : evidence)
        keys.emplace_back(member.key());
    EXPECT_EQ(keys, (std::vector<std::string>{"type", "credential_id", "public_key", "algorithm", "client_data_json",
                                              "authenticator_data", "signature", "origin", "rp_id"}));
    EXPECT_EQ(evidence.at("type").as_string(), "webauthn");
    EXPECT_EQ(evidence.at("algorithm").as_int64(), -7);
    EXPECT_EQ(evidence.at("public_key").as_string(), challenges::base64url_encode(authenticator.public_key()));
    EXPECT_EQ(evidence.at("origin").as_string(), origin);
    EXPECT_EQ(evidence.at("rp_id").as_string(), "stepgate.example");
    const auto client_data = *challenges::base64url_decode(evidence.at("client_data_json").as_string().c_str());
    EXPECT_EQ(boost::json::parse(client_data).at("challenge").as_string(),
              challenges::base64url_encode(std::span<const std::byte>{ask.challenge}));
}

struct Broken {
    const char* name;
    AuthenticatorKnobs knobs;
    boost::system::error_code error;
};

std::vector<Broken> broken_answers()
{
    std::vector<Broken> rows;
    const auto row = [&](const char* name, errc error, auto change) {
        rows.push_back({name, {}, error});
        change(rows.back().knobs);
    };
    using Knobs = AuthenticatorKnobs;
    row("another challenge", errc::wrong_challenge, [](Knobs& k) { k.challenge = std::string(43, 'A'); });
    row("a shorter challenge", errc::wrong_challenge, [](Knobs& k) { k.challenge = ""; });
    row("challenge not base64url", errc::malformed, [](Knobs& k) { k.challenge = "***"; });
    row("phishing site", errc::wrong_origin, [](Knobs& k) { k.origin = "https://stepgate.example.evil.example:8443"; });
    row("another port", errc::wrong_origin, [](Knobs& k) { k.origin = "https://stepgate.example"; });
    row("not TLS", errc::wrong_origin, [](Knobs& k) { k.origin = "http://stepgate.example:8443"; });
    row("origin in capitals", errc::wrong_origin, [](Knobs& k) { k.origin = "https://STEPGATE.example:8443"; });
    row("in a frame", errc::wrong_origin, [](Knobs& k) { k.cross_origin = true; });
    row("in a frame, told by top origin", errc::wrong_origin, [](Knobs& k) { k.top_origin = "https://evil.example"; });
    row("another relying party", errc::wrong_relying_party, [](Knobs& k) { k.rp_id = "evil.example"; });
    row("not present", errc::user_not_present, [](Knobs& k) { k.user_present = false; });
    row("made for something else", errc::wrong_type, [](Knobs& k) { k.type = "payment.get"; });
    row("bytes behind the data", errc::malformed, [](Knobs& k) { k.extra_auth_data = "x"; });
    row("client data not JSON", errc::malformed, [](Knobs& k) { k.extra_client_data = "oops"; });
    return rows;
}

TEST_F(PasskeyTest, EveryBrokenAssertionIsRefused)
{
    auto rows = broken_answers();
    rows.push_back({"made at enrolment", {.type = "webauthn.create"}, errc::wrong_type});
    rows.push_back({"signature broken", {.break_signature = true}, errc::bad_signature});
    rows.push_back({"not verified", {.user_verified = false}, errc::user_not_verified});
    rows.push_back({"counter the same", {.counter = 1}, errc::replayed});
    rows.push_back({"counter smaller", {.counter = 0}, errc::replayed});
    rows.push_back({"handle of another", {.user_handle = "bob"}, errc::unknown_credential});
    rows.push_back({"credential unknown", {.credential_id = "unknown"}, errc::unknown_credential});
    for (const int algorithm : {SoftAuthenticator::es256, SoftAuthenticator::rs256}) {
        SoftAuthenticator authenticator{origin, algorithm};
        ASSERT_TRUE(enrol(authenticator));
        for (const auto& row : rows) {
            // Enrolment left the counter at 1; a replayed counter must not go unnoticed because of the rows before.
            auto knobs = row.knobs;
            if (!knobs.counter)
                knobs.counter = 2;
            EXPECT_EQ(error_of(answer(authenticator, ask_for("alice", true), knobs)), row.error) << row.name;
        }
        EXPECT_TRUE(answer(authenticator, ask_for("alice", true), {.counter = 2})) << "none of them used the counter";
    }
}

TEST_F(PasskeyTest, EveryBrokenRegistrationIsRefused)
{
    auto rows = broken_answers();
    rows.push_back({"made at sign-in", {.type = "webauthn.get"}, errc::wrong_type});
    rows.push_back({"another credential's id", {.credential_id = "another"}, errc::malformed});
    rows.push_back({"unknown format", {.format = "tpm"}, errc::unsupported});
    rows.push_back({"self attestation broken", {.break_signature = true, .format = "packed"}, errc::bad_signature});
    for (const auto& row : rows) {
        SoftAuthenticator authenticator{origin};
        EXPECT_EQ(error_of(enrol(authenticator, row.knobs)), row.error) << row.name;
        EXPECT_FALSE(passkey.enrolled("alice").value()) << row.name;
    }
}

TEST_F(PasskeyTest, WhatDiffersButIsFine)
{
    SoftAuthenticator authenticator{origin}, self_attested{origin};
    EXPECT_TRUE(enrol(authenticator, {.extra_client_data = R"("other_keys_can_be_added_here":"do not compare")"}));
    EXPECT_EQ(error_of(enrol(self_attested, {.format = "packed"})), boost::system::error_code{});
    const auto unverified = answer(authenticator, ask_for("alice"), {.user_verified = false});
    ASSERT_TRUE(unverified);
    EXPECT_FALSE(unverified->user_verified);
    EXPECT_TRUE(answer(authenticator, ask_for("alice"), {.user_handle = ""}));
    EXPECT_TRUE(answer(authenticator, ask_for("alice"), {.extra_client_data = "\"x\":{\"y\":[1]}"}));
}

TEST_F(PasskeyTest, CountersThatStayZeroAreFine)
{
    SoftAuthenticator authenticator{origin};
    ASSERT_TRUE(enrol(authenticator, {.counter = 0}));
    EXPECT_TRUE(answer(authenticator, ask_for("alice"), {.counter = 0}));
    EXPECT_TRUE(answer(authenticator, ask_for("alice"), {.counter = 0}));
    EXPECT_TRUE(answer(authenticator, ask_for("alice"), {.counter = 5}));
    EXPECT_EQ(error_of(answer(authenticator, ask_for("alice"), {.counter = 0})), errc::replayed);
}

TEST_F(PasskeyTest, AnAnswerIsForItsChallengeOnly)
{
    SoftAuthenticator authenticator{origin};
    ASSERT_TRUE(enrol(authenticator));
    const auto ask = ask_for("alice");
    const auto given = authenticator.get(passkey.begin(ask).value());
    auto other = ask;
    other.challenge = challenges::sha256("another digest");
    EXPECT_EQ(error_of(passkey.verify(other, given)), errc::wrong_challenge);
    EXPECT_TRUE(passkey.verify(ask, given));
    EXPECT_EQ(error_of(passkey.verify(ask, given)), errc::replayed) << "the same answer again";
}

TEST_F(PasskeyTest, TheKeyOfAnotherUserIsRefused)
{
    SoftAuthenticator alices{origin}, bobs{origin};
    ASSERT_TRUE(enrol(alices));
    ASSERT_TRUE(enrol(bobs, {}, "bob"));
    EXPECT_EQ(error_of(answer(bobs, ask_for("alice"))), errc::unknown_credential);
    EXPECT_EQ(error_of(answer(bobs, ask_for("alice"), {.user_handle = "", .credential_id = alices.credential_id()})),
              errc::bad_signature);
    EXPECT_EQ(error_of(answer(bobs, ask_for(""))), errc::unknown_credential) << "a challenge has someone to answer it";
}

TEST_F(PasskeyTest, SignInWithAndWithoutAName)
{
    SoftAuthenticator authenticator{origin};
    ASSERT_TRUE(enrol(authenticator));
    auto ask = ask_for("alice");
    ask.purpose = Ask::Purpose::sign_in;
    EXPECT_TRUE(answer(authenticator, ask));
    ask.user = "";
    const auto options = boost::json::parse(passkey.begin(ask).value()).as_object();
    EXPECT_TRUE(options.at("allowCredentials").as_array().empty());
    EXPECT_EQ(answer(authenticator, ask)->user, "alice");
    EXPECT_EQ(error_of(answer(authenticator, ask, {.user_handle = ""})), errc::unknown_credential);
    alice.disabled = true;
    ASSERT_TRUE(accounts.update_user(alice));
    EXPECT_EQ(error_of(answer(authenticator, ask)), errc::unknown_credential);
}

TEST_F(PasskeyTest, SignInOptionsDoNotTellWhoExists)
{
    SoftAuthenticator authenticator{origin};
    ASSERT_TRUE(enrol(authenticator));
    accounts.make_user("bob");
    std::set<std::size_t> sizes; // authenticators differ in it, so an only one would tell
    const auto shape = [&](const std::string& user) {
        auto options =
            boost::json::parse(passkey.begin({Ask::Purpose::sign_in, user, {}, false, start}).value()).as_object();
        auto& allowed = options.at("allowCredentials").as_array();
        EXPECT_EQ(allowed.size(), 1u);
        auto& id = allowed.at(0).as_object().at("id").as_string();
        sizes.insert(challenges::base64url_decode(std::string_view{id})->size());
        id = "any";
        return boost::json::serialize(options);
    };
    for (int i = 0; i < 200; ++i)
        (void)shape("nobody" + std::to_string(i));
    EXPECT_EQ(sizes, (std::set<std::size_t>{16, 20, 32, 48, 64}));
    EXPECT_EQ(shape("alice"), shape("bob")) << "has no passkey";
    EXPECT_EQ(shape("alice"), shape("nobody")) << "does not exist";
    const Ask nobody{Ask::Purpose::sign_in, "nobody", {}, false, start},
        other{Ask::Purpose::sign_in, "other", {}, false, start};
    EXPECT_EQ(passkey.begin(nobody).value(), passkey.begin(nobody).value()) << "the same at every try";
    EXPECT_NE(passkey.begin(nobody).value(), passkey.begin(other).value());
    EXPECT_EQ(error_of(passkey.begin(ask_for("bob"))), errc::not_enrolled) << "a challenge may tell its own user";
}

TEST_F(PasskeyTest, EnrolmentOptions)
{
    SoftAuthenticator authenticator{origin};
    ASSERT_TRUE(enrol(authenticator));
    const auto one = passkey.begin_enrolment(alice, start).value(), two = passkey.begin_enrolment(alice, start).value();
    EXPECT_NE(one.state, two.state);
    const auto options = boost::json::parse(one.options).as_object();
    EXPECT_EQ(options.at("rp").at("id").as_string(), "stepgate.example");
    EXPECT_EQ(options.at("user").at("id").as_string(), challenges::base64url_encode(alice.handle));
    EXPECT_EQ(options.at("challenge").as_string(), challenges::base64url_encode(one.state));
    EXPECT_EQ(options.at("attestation").as_string(), "none");
    EXPECT_EQ(options.at("pubKeyCredParams").as_array().size(), 2u);
    ASSERT_EQ(options.at("excludeCredentials").as_array().size(), 1u);
    EXPECT_EQ(options.at("excludeCredentials").at(0).at("id").as_string(),
              challenges::base64url_encode(authenticator.credential_id()));
}

TEST_F(PasskeyTest, AnEnrolmentEndsAndACredentialIsEnrolledOnce)
{
    SoftAuthenticator authenticator{origin};
    const auto enrolment = passkey.begin_enrolment(alice, start).value();
    const auto made = authenticator.create(enrolment.options);
    EXPECT_EQ(error_of(passkey.finish_enrolment(enrolment, made, "key", start + 10min)), errc::expired);
    EXPECT_EQ(error_of(passkey.finish_enrolment(enrolment, made, std::string(129, 'n'), start)), errc::malformed);
    EXPECT_TRUE(passkey.finish_enrolment(enrolment, made, "key", start));
    EXPECT_EQ(error_of(passkey.finish_enrolment(enrolment, made, "key", start)), errc::exists);
}

TEST_F(PasskeyTest, EveryCutOfAnAnswerIsRefused)
{
    SoftAuthenticator authenticator{origin};
    ASSERT_TRUE(enrol(authenticator));
    const auto ask = ask_for("alice");
    const auto whole = authenticator.get(passkey.begin(ask).value());
    for (std::size_t size = 0; size < whole.size(); ++size)
        EXPECT_EQ(error_of(passkey.verify(ask, whole.substr(0, size))), errc::malformed) << size;
    for (const char* text :
         {"{}", "[]", R"({"id":"AAAA","response":[]})", R"({"id":"","response":{}})", R"({"id":1,"response":{}})"})
        EXPECT_EQ(error_of(passkey.verify(ask, text)), errc::malformed) << text;
    EXPECT_TRUE(passkey.verify(ask, whole));
}

TEST_F(PasskeyTest, WithoutAStoreNothingIsProven)
{
    SoftAuthenticator authenticator{origin};
    ASSERT_TRUE(enrol(authenticator));
    const auto ask = ask_for("alice");
    const auto given = authenticator.get(passkey.begin(ask).value());
    accounts.break_store(true);
    EXPECT_EQ(error_of(passkey.verify(ask, given)), errc::store_unavailable);
    EXPECT_EQ(error_of(passkey.begin(ask)), errc::store_unavailable);
    EXPECT_EQ(error_of(passkey.begin_enrolment(alice, start)), errc::store_unavailable);
    accounts.break_store(false);
    EXPECT_TRUE(passkey.verify(ask, given));
}

} // namespace passkey_test
} // namespace stepgate::challenge_web::factors
