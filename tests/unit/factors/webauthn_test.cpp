#include "challenge-web/factors/webauthn.h"

#include "challenge-web/challenges/base64url.h"
#include "challenge-web/challenges/digest.h"
#include "tests/support/soft_authenticator.h"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace stepgate::challenge_web::factors
{
namespace webauthn_test
{

using namespace std::string_literals;
using challenges::base64url_decode;

const auto creation = R"({"rp":{"id":"stepgate.example"},"user":{"id":"aGFuZGxl"},"challenge":"AAAA"})";

std::string attestation_object(tests::SoftAuthenticator& authenticator)
{
    const auto answer = boost::json::parse(authenticator.create(creation)).as_object();
    return *base64url_decode(answer.at("response").at("attestationObject").as_string().c_str());
}

TEST(ClientData, Table)
{
    struct Row {
        const char* name;
        std::string json;
        bool good;
        bool cross_origin = false;
    };
    const Row rows[] = {
        {"plain", R"({"type":"t","challenge":"AAAA","origin":"o"})", true},
        {"not crossing", R"({"type":"t","challenge":"AAAA","origin":"o","crossOrigin":false})", true},
        {"crossing", R"({"type":"t","challenge":"AAAA","origin":"o","crossOrigin":true})", true, true},
        {"top origin", R"({"type":"t","challenge":"AAAA","origin":"o","topOrigin":"p"})", true, true},
        {"random member of Chromium",
         R"({"type":"t","challenge":"AAAA","origin":"o","other_keys_can_be_added_here":"x"})", true},
        {"crossOrigin is text", R"({"type":"t","challenge":"AAAA","origin":"o","crossOrigin":"false"})", false},
        {"no type", R"({"challenge":"AAAA","origin":"o"})", false},
        {"no challenge", R"({"type":"t","origin":"o"})", false},
        {"no origin", R"({"type":"t","challenge":"AAAA"})", false},
        {"origin is null", R"({"type":"t","challenge":"AAAA","origin":null})", false},
        {"padded challenge", R"({"type":"t","challenge":"AA==","origin":"o"})", false},
        {"array", R"([])", false},
        {"empty", "", false},
        {"something behind", R"({"type":"t","challenge":"AAAA","origin":"o"}x)", false},
        {"not UTF-8", "{\"type\":\"\xff\",\"challenge\":\"AAAA\",\"origin\":\"o\"}", false},
        {"deep", std::string(100, '['), false},
        {"too large", R"({"type":"t","challenge":"AAAA","origin":")" + std::string(9000, 'o') + "\"}", false},
    };
    for (const auto& row : rows) {
        const auto data = parse_client_data(row.json);
        EXPECT_EQ(data.has_value(), row.good) << row.name;
        if (data) {
            EXPECT_EQ(data->cross_origin, row.cross_origin) << row.name;
            EXPECT_EQ(data->challenge, std::string(3, '\0')) << row.name;
        }
    }
}

TEST(AuthenticatorData, Table)
{
    const std::string hash(32, 'h'), count("\0\0\1\2", 4);
    struct Row {
        const char* name;
        std::string bytes;
        bool good;
    };
    const Row rows[] = {
        {"present", hash + "\x01"s + count, true},
        {"backed up and eligible", hash + "\x19"s + count, true},
        {"backed up, not eligible", hash + "\x11"s + count, false},
        {"one byte short", hash + "\x01"s + count.substr(1), false},
        {"one byte long", hash + "\x01"s + count + "x", false},
        {"extensions", hash + "\x81"s + count + "\xa1\x61x\xf5"s, true},
        {"extensions are no map", hash + "\x81"s + count + "\x81\x01"s, false},
        {"extensions missing", hash + "\x81"s + count, false},
        {"extensions not announced", hash + "\x01"s + count + "\xa0"s, false},
        {"attested data missing", hash + "\x41"s + count, false},
        {"credential id empty", hash + "\x41"s + count + std::string(16, '\0') + "\0\0"s + "\xa0"s, false},
        {"credential id too long",
         hash + "\x41"s + count + std::string(16, '\0') + "\x04\0"s + std::string(1024, 'i') + "\xa0"s, false},
        {"credential", hash + "\x41"s + count + std::string(16, '\0') + "\0\1i"s + "\xa0"s, true},
    };
    for (const auto& row : rows) {
        const auto data = parse_authenticator_data(row.bytes);
        EXPECT_EQ(data.has_value(), row.good) << row.name;
        if (data) {
            EXPECT_EQ(data->sign_count, 258u) << row.name;
        }
    }
}

TEST(AttestationObject, EveryCutIsRefused)
{
    for (const int algorithm : {tests::SoftAuthenticator::es256, tests::SoftAuthenticator::rs256}) {
        tests::SoftAuthenticator authenticator{"https://stepgate.example", algorithm};
        const auto whole = attestation_object(authenticator);
        const auto object = parse_attestation_object(whole);
        ASSERT_TRUE(object);
        EXPECT_EQ(object->format, "none");
        for (std::size_t size = 0; size < whole.size(); ++size)
            EXPECT_FALSE(parse_attestation_object(std::string_view{whole}.substr(0, size))) << size;
        EXPECT_FALSE(parse_attestation_object(whole + "\xa0"));

        const auto& bytes = object->authenticator_data;
        const auto data = parse_authenticator_data(bytes);
        ASSERT_TRUE(data);
        EXPECT_EQ(data->credential_id, authenticator.credential_id());
        EXPECT_EQ(data->public_key, authenticator.public_key());
        for (std::size_t size = 0; size < bytes.size(); ++size)
            EXPECT_FALSE(parse_authenticator_data(std::string_view{bytes}.substr(0, size))) << size;

        const auto key = parse_cose_key(data->public_key);
        ASSERT_TRUE(key);
        EXPECT_EQ(key->algorithm, algorithm);
        for (std::size_t size = 0; size < data->public_key.size(); ++size)
            EXPECT_FALSE(parse_cose_key(std::string_view{data->public_key}.substr(0, size))) << size;
    }
}

TEST(AttestationObject, DuplicateAndUnknownMembersAreRefused)
{
    EXPECT_FALSE(parse_attestation_object("\xa3\x63"
                                          "fmt\x61"
                                          "a\x63"
                                          "fmt\x61"
                                          "b\x68"
                                          "authData\x41x"s));
    EXPECT_FALSE(parse_attestation_object("\xa3\x63"
                                          "fmt\x61"
                                          "a\x67"
                                          "attStmt\xa0\x61"
                                          "x\x00"s));
}

TEST(CoseKey, Table)
{
    const auto coordinate = "\x58\x20"s + std::string(32, 'x');
    const auto ec = [&](std::string head, const std::string& x, const std::string& y) {
        return "\xa5\x01"s + head + "\x21"s + x + "\x22"s + y;
    };
    struct Row {
        const char* name;
        std::string bytes;
        boost::system::error_code error;
    };
    const Row rows[] = {
        {"es256", ec("\x02\x03\x26\x20\x01"s, coordinate, coordinate), {}},
        {"other key type", ec("\x01\x03\x26\x20\x01"s, coordinate, coordinate), errc::malformed},
        {"other curve", ec("\x02\x03\x26\x20\x02"s, coordinate, coordinate), errc::malformed},
        {"es384", ec("\x02\x03\x38\x22\x20\x02"s, coordinate, coordinate), errc::unsupported},
        {"short coordinate", ec("\x02\x03\x26\x20\x01"s, "\x41x"s, coordinate), errc::malformed},
        {"algorithm twice", ec("\x02\x03\x26\x03\x26"s, coordinate, coordinate), errc::malformed},
        {"something behind", ec("\x02\x03\x26\x20\x01"s, coordinate, coordinate) + "x", errc::malformed},
        {"no map", "\x01"s, errc::malformed},
        {"many pairs", "\xb1"s + std::string(34, '\0'), errc::malformed},
    };
    for (const auto& row : rows) {
        const auto key = parse_cose_key(row.bytes);
        EXPECT_EQ(key.has_value() ? boost::system::error_code{} : key.error(), row.error) << row.name;
    }
}

} // namespace webauthn_test
} // namespace stepgate::challenge_web::factors
