#include "tests/unit/web/site_fixture.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace stepgate::tests
{
namespace session_api_test
{

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

class Session : public testing::Test
{
  protected:
    void SetUp() override
    {
        world.add_user("alice", true);
        world.add_user("bob");
        world.add_passkey("alice", key);
    }
    Reply finish(Browser& from, const Reply& begun, const std::string& answer)
    {
        return from.post("session/passkey/finish",
                         {{"ceremony", begun.body.at("ceremony")}, {"credential", json::parse(answer)}});
    }

    World world;
    SoftAuthenticator key{origin};
    Browser browser{world};
};

TEST_F(Session, PasskeySignInWithoutAName)
{
    browser.sign_in(key);
    const auto session = browser.get("session");
    ASSERT_EQ(session.status, 200);
    EXPECT_EQ(session.body.at("user"), "alice");
    EXPECT_EQ(session.body.at("strong"), true);
    EXPECT_EQ(session.body.at("enrolment_only"), false);
    EXPECT_EQ(json::serialize(session.body.at("roles")), R"(["auditor"])");
    EXPECT_EQ(json::serialize(session.body.at("factors")), R"(["passkey"])");
    EXPECT_EQ(session.body.at("expires"), "2026-03-02T00:00:00.000Z");
    EXPECT_EQ(world.recorder.types, std::vector<std::string>{"web_sign_in alice"});
}

TEST_F(Session, CookieIsHostOnlySecureAndStrict)
{
    const auto begun = browser.post("session/passkey/begin");
    const auto reply = finish(browser, begun, key.get(json::serialize(begun.body.at("options"))));
    EXPECT_EQ(reply.header("Set-Cookie"),
              "__Host-stepgate=" + browser.cookie + "; Path=/; Secure; HttpOnly; SameSite=Strict");
    EXPECT_EQ(browser.cookie.size(), 43U);
    EXPECT_TRUE(world.users.find_web_session(server::token_hash(browser.cookie), world.now)->has_value());
    EXPECT_FALSE(world.users.find_web_session(browser.cookie, world.now)->has_value())
        << "the token itself is not stored";
}

TEST_F(Session, AskingForUsersTellsNothing)
{
    const auto known = browser.post("session/passkey/begin", {{"user", "alice"}});
    const auto without_key = browser.post("session/passkey/begin", {{"user", "bob"}});
    const auto unknown = browser.post("session/passkey/begin", {{"user", "nobody"}});
    for (const auto* reply : {&known, &without_key, &unknown}) {
        EXPECT_EQ(reply->status, 200);
        EXPECT_EQ(reply->body.at("options").at("allowCredentials").as_array().size(), 1U);
    }
}

TEST_F(Session, RefusedSignInsLookTheSame)
{
    const auto secret = world.add_totp("bob");
    auto disabled = world.add_user("carol");
    disabled.disabled = true;
    ASSERT_TRUE(world.users.update_user(disabled).has_value());
    const auto code = world.code(secret);
    const json::value bodies[] = {
        {{"user", "nobody"}, {"password", "pass word"}, {"code", code}},
        {{"user", "bob"}, {"password", "wrong"}, {"code", code}},
        {{"user", "bob"}, {"password", "pass word"}, {"code", "000000"}},
        {{"user", "bob"}, {"password", "pass word"}, {"code", "no code"}},
        {{"user", "alice"}, {"password", "pass word"}, {"code", code}}, // has no authenticator app
        {{"user", "carol"}, {"password", "pass word"}, {"code", code}},
    };
    const auto first = browser.post("session/totp", bodies[0]);
    EXPECT_EQ(first.code(), "sign_in_failed");
    for (const auto& body : bodies) {
        const auto reply = browser.post("session/totp", body);
        EXPECT_EQ(reply.status, 401) << json::serialize(body);
        EXPECT_EQ(reply.response.body, first.response.body) << json::serialize(body);
        EXPECT_EQ(reply.response.headers, first.response.headers) << json::serialize(body);
        EXPECT_EQ(reply.response.hold_for, std::chrono::milliseconds{500}) << "answered at a fixed time";
    }
    EXPECT_TRUE(browser.cookie.empty());
}

TEST_F(Session, TotpSignInIsWeakAndItsCodeWorksOnce)
{
    const auto secret = world.add_totp("bob");
    const json::value body{{"user", "bob"}, {"password", "pass word"}, {"code", world.code(secret)}};
    const auto reply = browser.post("session/totp", body);
    ASSERT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body.at("strong"), false);
    Browser other(world);
    EXPECT_EQ(other.post("session/totp", body).code(), "sign_in_failed");
}

TEST_F(Session, PasskeyAnswersThatMustFail)
{
    struct Row {
        const char* name;
        AuthenticatorKnobs knobs;
    };
    std::vector<Row> rows(6);
    rows[0].name = "other origin";
    rows[0].knobs.origin = "https://stepgate.example.evil";
    rows[1].name = "other challenge";
    rows[1].knobs.challenge = "AAAA";
    rows[2].name = "broken signature";
    rows[2].knobs.break_signature = true;
    rows[3].name = "other user's handle";
    rows[3].knobs.user_handle = "bob";
    rows[4].name = "other relying party";
    rows[4].knobs.rp_id = "evil.example";
    rows[5].name = "user not present";
    rows[5].knobs.user_present = false;
    for (const auto& row : rows) {
        const auto begun = browser.post("session/passkey/begin");
        const auto options = json::serialize(begun.body.at("options"));
        EXPECT_EQ(finish(browser, begun, key.get(options, row.knobs)).code(), "sign_in_failed") << row.name;
        EXPECT_EQ(finish(browser, begun, key.get(options)).code(), "sign_in_failed")
            << row.name << ": ceremony is spent";
    }
}

TEST_F(Session, ACeremonyWorksOnceAndInTime)
{
    const auto begun = browser.post("session/passkey/begin");
    const auto answer = key.get(json::serialize(begun.body.at("options")));
    EXPECT_EQ(finish(browser, begun, answer).status, 200);
    Browser other(world);
    EXPECT_EQ(finish(other, begun, answer).code(), "sign_in_failed");
    const auto late = other.post("session/passkey/begin");
    const auto late_answer = key.get(json::serialize(late.body.at("options")));
    world.pass(minutes{5});
    EXPECT_EQ(finish(other, late, late_answer).code(), "sign_in_failed");
}

TEST_F(Session, SignInReplacesASessionThatWasPlanted)
{
    browser.sign_in(key);
    const auto planted = browser.cookie, old_token = browser.csrf;
    browser.sign_in(key);
    EXPECT_NE(browser.cookie, planted);
    EXPECT_NE(browser.csrf, old_token);
    Browser attacker(world);
    attacker.cookie = planted;
    EXPECT_EQ(attacker.get("session").status, 401);
}

TEST_F(Session, IdleAndAbsoluteTimeouts)
{
    browser.sign_in(key);
    for (int i = 0; i < 28; ++i) {
        world.pass(minutes{25});
        EXPECT_EQ(browser.get("session").status, 200) << i;
    }
    world.pass(minutes{25}); // 12 h 5 min in all
    EXPECT_EQ(browser.get("session").status, 401);
    Browser idle(world);
    idle.sign_in(key);
    world.pass(minutes{30});
    EXPECT_EQ(idle.get("session").status, 401);
}

TEST_F(Session, DisabledUsersAreOutAtOnce)
{
    browser.sign_in(key);
    auto user = **world.users.find_user("alice");
    user.disabled = true;
    ASSERT_TRUE(world.users.update_user(user).has_value());
    EXPECT_EQ(browser.get("session").status, 401);
}

TEST_F(Session, SignOut)
{
    browser.sign_in(key);
    const auto cookie = browser.cookie;
    auto stream = world.site.hub().subscribe("alice", server::token_hash(cookie));
    const auto reply = browser.remove("session");
    EXPECT_EQ(reply.status, 204);
    EXPECT_EQ(reply.header("Set-Cookie"), "__Host-stepgate=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0");
    EXPECT_EQ(stream->take().ended, "session_ended");
    browser.cookie = cookie;
    EXPECT_EQ(browser.get("session").status, 401);
}

TEST_F(Session, NoAuditNoSession)
{
    world.recorder.works = false;
    const auto begun = browser.post("session/passkey/begin");
    const auto reply = finish(browser, begun, key.get(json::serialize(begun.body.at("options"))));
    EXPECT_EQ(reply.status, 503);
    EXPECT_TRUE(browser.cookie.empty());
}

TEST_F(Session, SignInIsRateLimitedPerUserAcrossAddresses)
{
    const json::value body{{"user", "bob"}, {"password", "x"}, {"code", "000000"}};
    int refused = 0;
    for (int i = 0; i < 12; ++i) {
        Browser from(world, "198.51.100." + std::to_string(i));
        refused += from.post("session/totp", body).code() == "rate_limited" ? 1 : 0;
    }
    EXPECT_EQ(refused, 2);
    const json::value other{{"user", "alice"}, {"password", "x"}, {"code", "000000"}};
    EXPECT_EQ(browser.post("session/totp", other).code(), "sign_in_failed");
}

TEST_F(Session, WhereTheUserGotInOthersDoNotKeepThemOut)
{
    const auto secret = world.add_totp("bob");
    const auto body = [&] {
        return json::value{{"user", "bob"}, {"password", "pass word"}, {"code", world.code(secret)}};
    };
    ASSERT_EQ(browser.post("session/totp", body()).status, 200);
    world.pass(minutes{1}); // its next code
    Browser attacker(world, "198.51.100.1");
    for (int i = 0; i < 12; ++i)
        (void)attacker.post("session/totp", {{"user", "bob"}, {"password", "x"}, {"code", "000000"}});
    Browser again(world);
    EXPECT_EQ(again.post("session/totp", body()).status, 200);
}

TEST_F(Session, EnrolmentLinkIsUsedOnceAndMakesALimitedSession)
{
    const auto token = world.add_link("bob");
    const auto reply = browser.post("session/enrolment", {{"token", token}});
    ASSERT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body.at("enrolment_only"), true);
    EXPECT_EQ(reply.body.at("expires"), "2026-03-01T12:15:00.000Z");
    Browser second(world);
    EXPECT_EQ(second.post("session/enrolment", {{"token", token}}).code(), "enrolment_invalid");
    EXPECT_EQ(second.post("session/enrolment", {{"token", "unknown"}}).code(), "enrolment_invalid");
    const auto late = world.add_link("bob");
    world.pass(hours{1});
    EXPECT_EQ(second.post("session/enrolment", {{"token", late}}).code(), "enrolment_invalid");
    EXPECT_EQ(browser.get("session").status, 401) << "the limited session is short";
}

TEST_F(Session, EnrolmentLinkOfAUserWithAFactorNeedsAStrongSession)
{
    EXPECT_EQ(browser.post("session/enrolment", {{"token", world.add_link("alice")}}).code(),
              "enrolment_needs_sign_in");
    EXPECT_TRUE(browser.cookie.empty());
    browser.sign_in(key);
    const auto reply = browser.post("session/enrolment", {{"token", world.add_link("alice")}});
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body.at("enrolment_only"), false);
    // Weakly signed in is not enough.
    const auto secret = world.add_totp("bob");
    Browser weak(world);
    ASSERT_EQ(
        weak.post("session/totp", {{"user", "bob"}, {"password", "pass word"}, {"code", world.code(secret)}}).status,
        200);
    EXPECT_EQ(weak.post("session/enrolment", {{"token", world.add_link("bob")}}).code(), "enrolment_needs_sign_in");
}

} // namespace session_api_test
} // namespace stepgate::tests
