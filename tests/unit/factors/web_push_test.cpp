#include "challenge-web/factors/web_push.h"

#include "challenge-web/challenges/base64url.h"
#include "challenge-web/factors/jws.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <gtest/gtest.h>

#include <set>

namespace stepgate::challenge_web::factors
{
namespace web_push_test
{

using challenges::base64url_decode;
using challenges::base64url_encode;

std::string bytes(std::string_view text)
{
    return base64url_decode(text).value();
}

// RFC 8291, section 5 and appendix A.
struct Example {
    std::string text = "When I grow up, I want to be a watermelon";
    std::string sender_key = bytes("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw");
    std::string sender_public =
        bytes("BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8");
    std::string salt = bytes("DGv6ra1nlYgDCS1FRnbzlw");
    PushSubscription subscription{
        "https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV",
        bytes("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"),
        bytes("BTBZMqHH6r4Tts7J_aSIgg")};
    std::string_view message =
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3"
        "jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";
};

TEST(WebPush, EncryptsAsTheExampleOfRfc8291)
{
    const Example example;
    EXPECT_EQ(push_public_key(example.sender_key).value(), example.sender_public);
    const auto message = encrypt_push(example.text, example.subscription, example.sender_key, example.salt);
    EXPECT_EQ(base64url_encode(message.value()), example.message);
}

TEST(WebPush, RefusesKeysThatAreNone)
{
    const auto refused = [](auto change) {
        Example example;
        change(example);
        const auto message = encrypt_push(example.text, example.subscription, example.sender_key, example.salt);
        return message.has_error() && message.error() == make_error_code(errc::malformed);
    };
    EXPECT_FALSE(refused([](Example&) {}));
    EXPECT_TRUE(refused([](Example& e) { e.subscription.public_key[64] ^= 1; })) << "not on the curve";
    EXPECT_TRUE(refused([](Example& e) { e.subscription.public_key.pop_back(); }));
    EXPECT_TRUE(refused([](Example& e) { e.subscription.public_key[0] = '\x02'; })) << "compressed, but too long";
    EXPECT_TRUE(refused([](Example& e) { e.subscription.public_key.clear(); }));
    EXPECT_TRUE(refused([](Example& e) { e.subscription.auth.pop_back(); }));
    EXPECT_TRUE(refused([](Example& e) { e.salt += 'x'; }));
    EXPECT_TRUE(refused([](Example& e) { e.sender_key = std::string(32, '\0'); }));
    EXPECT_TRUE(refused([](Example& e) { e.sender_key = std::string(32, '\xff'); })) << "above the order";
    EXPECT_TRUE(refused([](Example& e) { e.text = std::string(longest_push + 1, 'x'); }));
    EXPECT_FALSE(refused([](Example& e) { e.text = std::string(longest_push, 'x'); }));
}

TEST(WebPush, TheLongestMessageFitsInWhatServicesTake)
{
    const Example example;
    const auto message =
        encrypt_push(std::string(longest_push, 'x'), example.subscription, example.sender_key, example.salt);
    EXPECT_EQ(message->size(), 4096U);
}

TEST(WebPush, KeysAreNewAndGood)
{
    std::set<std::string> keys;
    for (int i = 0; i < 8; ++i) {
        const auto key = new_push_key();
        ASSERT_TRUE(key);
        EXPECT_EQ(push_public_key(*key)->size(), PushSubscription::public_key_bytes);
        keys.insert(*key);
    }
    EXPECT_EQ(keys.size(), 8U);
}

/// The set with one key, as verify_token takes it.
std::string key_set(const std::string& public_key)
{
    namespace json = boost::json;
    const json::object key{{"kty", "EC"},
                           {"crv", "P-256"},
                           {"x", base64url_encode(public_key.substr(1, 32))},
                           {"y", base64url_encode(public_key.substr(33, 32))}};
    return json::serialize(json::object{{"keys", json::array{key}}});
}

// RFC 8292, section 2.4. Signatures of ES256 differ each time: what is signed is compared byte for byte, and the
// example's signature and ours are verified by the same code.
constexpr std::string_view example_key =
    "BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs";
constexpr std::string_view example_token =
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJhdWQiOiJodHRwczovL3B1c2guZXhhbXBsZS5uZXQiLCJleHAiOjE0NTM1MjM3NjgsInN1YiI6"
    "Im1haWx0bzpwdXNoQGV4YW1wbGUuY29tIn0.i3CYb7t4xfxCDquptFOepC9GAu_HLGkMlMuCGSK2rpiUfnK9ojFwDXb1JrErtmysazNjjvW2L9OkSS"
    "HzvoD1oA";

TEST(WebPush, SignsAsTheExampleOfRfc8292)
{
    EXPECT_TRUE(verify_token(example_token, key_set(bytes(example_key))));
    const auto key = new_push_key().value();
    const auto authorization =
        vapid_authorization("https://push.example.net", "mailto:push@example.com", key,
                            std::chrono::system_clock::time_point{std::chrono::seconds{1'453'523'768}})
            .value();
    ASSERT_TRUE(authorization.starts_with("vapid t="));
    const auto comma = authorization.find(", k=");
    ASSERT_NE(comma, std::string::npos);
    const auto token = authorization.substr(8, comma - 8);
    EXPECT_EQ(token.substr(0, token.rfind('.')), example_token.substr(0, example_token.rfind('.')));
    EXPECT_EQ(bytes(authorization.substr(comma + 4)), push_public_key(key).value());
    EXPECT_TRUE(verify_token(token, key_set(push_public_key(key).value())));
    EXPECT_FALSE(verify_token(token, key_set(bytes(example_key)))) << "another key";
}

TEST(WebPush, ABadKeySignsNothing)
{
    EXPECT_FALSE(vapid_authorization("https://push.example.net", "mailto:x@example.com", std::string(32, '\0'), {}));
    EXPECT_FALSE(vapid_authorization("https://push.example.net", "mailto:x@example.com", "short", {}));
}

} // namespace web_push_test
} // namespace stepgate::challenge_web::factors
