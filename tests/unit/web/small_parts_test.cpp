#include "challenge-web/server/ceremonies.h"
#include "challenge-web/server/event_hub.h"
#include "challenge-web/server/json_body.h"
#include "challenge-web/server/public_url.h"
#include "challenge-web/server/rate_limiter.h"
#include "challenge-web/server/replies.h"
#include "challenge-web/server/secrets.h"

#include <gtest/gtest.h>

namespace stepgate::challenge_web::server
{
namespace small_parts_test
{

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(RateLimiter, BurstThenRefill)
{
    RateLimiter limiter;
    RateLimiter::TimePoint now{seconds{100}};
    const Rate rate{2, milliseconds{3000}};
    EXPECT_FALSE(limiter.take("a", rate, now));
    EXPECT_FALSE(limiter.take("a", rate, now));
    EXPECT_EQ(limiter.take("a", rate, now), seconds{3});
    EXPECT_FALSE(limiter.take("b", rate, now)) << "keys do not share";
    EXPECT_EQ(limiter.take("a", rate, now + seconds{2}), seconds{1});
    EXPECT_FALSE(limiter.take("a", rate, now + seconds{3}));
    EXPECT_TRUE(limiter.take("a", rate, now)) << "a clock that runs back gives nothing";
    EXPECT_FALSE(limiter.take("a", rate, now + seconds{3600}));
    EXPECT_FALSE(limiter.take("a", rate, now + seconds{3600}));
    EXPECT_TRUE(limiter.take("a", rate, now + seconds{3600})) << "never more than the burst";
}

TEST(RateLimiter, BoundedAndFailsClosed)
{
    RateLimiter limiter(2);
    RateLimiter::TimePoint now{seconds{100}};
    const Rate rate{2, milliseconds{1000}};
    EXPECT_FALSE(limiter.take("a", rate, now));
    EXPECT_FALSE(limiter.take("b", rate, now));
    EXPECT_TRUE(limiter.take("c", rate, now)) << "no bucket is full again: no room";
    EXPECT_FALSE(limiter.take("c", rate, now + seconds{5})) << "full ones were forgotten";
}

TEST(PublicUrl, Table)
{
    struct Row {
        const char *url, *origin, *host;
    };
    const Row rows[] = {
        {"https://stepgate.example", "https://stepgate.example", "stepgate.example"},
        {"https://stepgate.example/", "https://stepgate.example", "stepgate.example"},
        {"https://StepGate.Example:443", "https://stepgate.example", "stepgate.example"},
        {"https://localhost:8443", "https://localhost:8443", "localhost"},
        {"http://stepgate.example", "refused", ""},
        {"https://stepgate.example/path", "refused", ""},
        {"https://user@stepgate.example", "refused", ""},
        {"https://stepgate.example?x", "refused", ""},
        {"https://stepgate.example:0", "refused", ""},
        {"https://stepgate.example:99999", "refused", ""},
        {"https://", "refused", ""},
        {"stepgate.example", "refused", ""},
        {"", "refused", ""},
    };
    for (const auto& row : rows) {
        const auto url = parse_public_url(row.url);
        EXPECT_EQ(url ? url->origin : "refused", row.origin) << row.url;
        EXPECT_EQ(url ? url->host : "", row.host) << row.url;
    }
    EXPECT_TRUE(parse_public_url("https://127.0.0.1:8443")->address);
    EXPECT_FALSE(parse_public_url("https://localhost:8443")->address);
}

TEST(Time, RoundTripAndRefusals)
{
    const auto time = parse_rfc3339("2026-01-31T23:59:58.120Z");
    ASSERT_TRUE(time);
    EXPECT_EQ(rfc3339(*time), "2026-01-31T23:59:58.120Z");
    EXPECT_EQ(rfc3339(*parse_rfc3339("2026-01-31T23:59:58Z")), "2026-01-31T23:59:58.000Z");
    for (const auto* bad :
         {"", "2026-01-31", "2026-02-30T00:00:00Z", "2026-01-31T24:00:00Z", "2026-01-31T23:59:58",
          "2026-01-31T23:59:58+01:00", "2026-01-31T23:59:58.Z", "2026-01-31T23:59:-1Z", "2026-01-31T23:59:58.1234567Z",
          "2026-01-31 23:59:58Z", "1013-01-31T12:00:00Z", "9999-01-31T12:00:00Z"})
        EXPECT_FALSE(parse_rfc3339(bad)) << bad;
}

TEST(Password, Table)
{
    // RFC 7677 section 3: user "user", password "pencil", 4096 iterations; StoredKey from its exchange.
    const std::string good = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
                             ":wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
    EXPECT_TRUE(password_matches(good, "pencil"));
    EXPECT_FALSE(password_matches(good, "Pencil"));
    EXPECT_FALSE(password_matches(good, ""));
    for (const auto* bad : {"", "md5abc", "SCRAM-SHA-256$", "SCRAM-SHA-256$4096:$:", "SCRAM-SHA-256$-1:QUJD$QUJD:QUJD",
                            "SCRAM-SHA-256$4096:QUJD$QUJD:QUJD", "SCRAM-SHA-256$4096:QUJD$:QUJD"})
        EXPECT_FALSE(password_matches(bad, "")) << bad;
    for (std::size_t length = 0; length < good.find("=:"); ++length)
        EXPECT_FALSE(password_matches(good.substr(0, length), "pencil")) << length;
}

TEST(Secrets, TokensDifferAndCompare)
{
    const auto a = random_token(), b = random_token();
    ASSERT_TRUE(a && b);
    EXPECT_EQ(a->size(), 43U);
    EXPECT_NE(*a, *b);
    EXPECT_TRUE(same_secret(*a, *a));
    EXPECT_FALSE(same_secret(*a, *b));
    EXPECT_FALSE(same_secret(*a, ""));
    EXPECT_EQ(token_hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(JsonBody, Table)
{
    struct Row {
        const char *name, *type, *body;
        int status; // 0: fine
    };
    const Row rows[] = {
        {"good", "application/json", R"({"code":"1","extra":{"a":[1]}})", 0},
        {"type with parameter", "Application/JSON; charset=utf-8", R"({"code":"1","extra":{}})", 0},
        {"form", "application/x-www-form-urlencoded", "code=1", 415},
        {"text/plain, as a cross-site form can send", "text/plain", R"({"code":"1","extra":{}})", 415},
        {"no type", "", R"({"code":"1","extra":{}})", 415},
        {"not JSON", "application/json", "{", 400},
        {"not an object", "application/json", "[]", 400},
        {"missing key", "application/json", R"({"extra":{}})", 400},
        {"empty string", "application/json", R"({"code":"","extra":{}})", 400},
        {"too long", "application/json", R"({"code":"12345","extra":{}})", 400},
        {"wrong type", "application/json", R"({"code":1,"extra":{}})", 400},
        {"NUL in a string", "application/json", R"({"code":"a\u0000b","extra":{}})", 400},
        {"object expected", "application/json", R"({"code":"1","extra":"x"})", 400},
        {"unknown key", "application/json", R"({"code":"1","extra":{},"admin":true})", 400},
        {"too deep", "application/json", R"({"code":"1","extra":{"a":[[[[[[[[[]]]]]]]]]}})", 400},
        {"bad UTF-8", "application/json", "{\"code\":\"\xff\",\"extra\":{}}", 400},
    };
    for (const auto& row : rows) {
        Request request;
        request.headers = {{"content-type", row.type}};
        request.body = row.body;
        JsonBody body(request);
        (void)body.text("code", 4);
        (void)body.object("extra");
        const auto problem = body.problem();
        EXPECT_EQ(problem ? problem->status : 0, row.status) << row.name;
    }
}

TEST(Ceremonies, TakenOnceByWhoBegan)
{
    Ceremonies ceremonies(2);
    const factors::TimePoint now{seconds{1000}};
    Ceremony ceremony;
    ceremony.kind = Ceremony::Kind::add_totp;
    ceremony.session = "mine";
    ceremony.expires = now + seconds{10};
    const auto id = ceremonies.begin(ceremony, now);
    ASSERT_TRUE(id);
    EXPECT_FALSE(ceremonies.take(*id, Ceremony::Kind::add_passkey, "mine", now)) << "other kind";
    EXPECT_FALSE(ceremonies.take(*id, Ceremony::Kind::add_totp, "other", now)) << "other session";
    EXPECT_FALSE(ceremonies.take("x", Ceremony::Kind::add_totp, "mine", now)) << "unknown";
    EXPECT_TRUE(ceremonies.take(*id, Ceremony::Kind::add_totp, "mine", now));
    EXPECT_FALSE(ceremonies.take(*id, Ceremony::Kind::add_totp, "mine", now)) << "twice";
    const auto late = ceremonies.begin(ceremony, now);
    EXPECT_FALSE(ceremonies.take(*late, Ceremony::Kind::add_totp, "mine", now + seconds{10})) << "expired";
    EXPECT_TRUE(ceremonies.begin(ceremony, now) && ceremonies.begin(ceremony, now));
    EXPECT_FALSE(ceremonies.begin(ceremony, now)) << "full";
    EXPECT_TRUE(ceremonies.begin(ceremony, now + seconds{10})) << "expired ones make room";
}

TEST(Ceremonies, AFloodOfSignInsKeepsNobodyOut)
{
    Ceremonies ceremonies(3);
    const factors::TimePoint now{seconds{1000}};
    Ceremony mine;
    mine.kind = Ceremony::Kind::add_totp;
    mine.session = "mine";
    mine.expires = now + seconds{1};
    const auto kept = ceremonies.begin(mine, now);
    Ceremony sign_in;
    std::vector<std::string> begun;
    for (int i = 0; i < 5; ++i) {
        sign_in.expires = now + seconds{10 + i};
        const auto id = ceremonies.begin(sign_in, now);
        ASSERT_TRUE(id) << i;
        begun.push_back(*id);
    }
    EXPECT_FALSE(ceremonies.take(begun[0], Ceremony::Kind::sign_in, "", now)) << "the oldest gave way";
    EXPECT_TRUE(ceremonies.take(begun[4], Ceremony::Kind::sign_in, "", now));
    EXPECT_TRUE(ceremonies.take(*kept, Ceremony::Kind::add_totp, "mine", now)) << "of somebody who is signed in";
}

TEST(EventHub, DeliversToTheUsersStreamsOnly)
{
    EventHub hub(2, 2);
    int woken = 0;
    auto alice = hub.subscribe("alice", "s1");
    alice->on_ready([&] { ++woken; });
    auto bob = hub.subscribe("bob", "s2");
    hub.publish("alice", "event");
    EXPECT_EQ(woken, 1);
    EXPECT_EQ(alice->take().text, "event");
    EXPECT_EQ(bob->take().text, "");
    auto second = hub.subscribe("alice", "s3");
    EXPECT_EQ(hub.subscribe("alice", "s3"), nullptr) << "limit of streams";
    second.reset();
    EXPECT_NE(hub.subscribe("alice", "s3"), nullptr) << "a closed one makes room";
    for (int i = 0; i < 3; ++i)
        hub.publish("bob", "x");
    EXPECT_EQ(bob->take().ended, "too_slow");
    hub.end_session("s1");
    EXPECT_EQ(alice->take().ended, "session_ended");
    EXPECT_EQ(format_event("a", "{}"), "event: a\ndata: {}\n\n");
}

} // namespace small_parts_test
} // namespace stepgate::challenge_web::server
