#include "tests/unit/web/site_fixture.h"

namespace stepgate::tests
{
namespace sessions_api_test
{

using std::chrono::minutes;
using std::chrono::seconds;

class Sessions : public testing::Test
{
  protected:
    void SetUp() override
    {
        world.add_user("alice");
        world.add_user("bob");
        auto boss = world.add_user("boss");
        boss.admin = true;
        ASSERT_TRUE(world.users.update_user(boss).has_value());
        world.add_passkey("alice", key);
        world.add_passkey("bob", bobs_key);
        world.add_passkey("boss", boss_key);
        alice.sign_in(key);
        bob.sign_in(bobs_key);
        admin.sign_in(boss_key);
        world.database_sessions.sessions = {database_session("s-1", "alice"), database_session("s-2", "bob")};
    }
    static server::DatabaseSession database_session(const std::string& id, const std::string& user)
    {
        server::DatabaseSession session;
        session.id = id;
        session.user = user;
        session.listener = "shop-pg";
        session.database = "shop";
        session.application_name = "ps\xffql";
        return session;
    }
    static std::vector<std::string> ids(const Reply& reply, const char* list = "sessions")
    {
        std::vector<std::string> out;
        for (const auto& one : reply.body.at(list).as_array())
            out.push_back(json::value_to<std::string>(one.at("id")));
        return out;
    }
    std::string elevate(const std::string& user)
    {
        challenges::Question question;
        question.user = user;
        question.session = "s-1";
        question.client_address = "10.0.0.5";
        question.statements = {{"select 1", {}}};
        question.verdict.action = policies::rules::Action::challenge;
        question.verdict.requirement.level = 1;
        question.verdict.rules = {"read-pii"};
        question.verdict.elevation = policies::rules::ElevationOffer{seconds{600}};
        const auto opened = world.held.open(std::move(question), seconds{60}, world.now, {});
        challenges::Proof proof;
        proof.user = user;
        proof.factor = "totp";
        proof.kind = "possession";
        EXPECT_TRUE(world.held.prove(opened->id, opened->digest, proof, world.now).has_value());
        EXPECT_TRUE(world.held.consume(opened->id, opened->digest, world.now).has_value());
        return opened->id;
    }

    World world;
    SoftAuthenticator key{origin}, bobs_key{origin}, boss_key{origin};
    Browser alice{world}, bob{world}, admin{world};
};

TEST_F(Sessions, BrowsersAreListedAndSignedOut)
{
    Browser other(world, "198.51.100.9");
    world.pass(seconds{1});
    other.sign_in(key);
    const auto list = alice.get("web-sessions");
    ASSERT_EQ(list.status, 200);
    ASSERT_EQ(ids(list).size(), 2U);
    const auto& newest = list.body.at("sessions").at(0);
    EXPECT_EQ(newest.at("current"), false);
    EXPECT_EQ(newest.at("client_address"), "198.51.100.9");
    EXPECT_EQ(list.body.at("sessions").at(1).at("current"), true);
    EXPECT_EQ(list.response.body.find(server::token_hash(other.cookie)), std::string::npos);
    EXPECT_EQ(bob.remove("web-sessions/" + ids(list)[0]).status, 404) << "not bob's";
    EXPECT_EQ(other.get("session").status, 200);
    EXPECT_EQ(alice.remove("web-sessions/" + ids(list)[0]).status, 204);
    EXPECT_EQ(other.get("session").status, 401);
    EXPECT_EQ(alice.remove("web-sessions/" + ids(list)[1]).status, 204) << "one's own";
    EXPECT_EQ(alice.get("session").status, 401);
    EXPECT_EQ(world.recorder.types.back(), "web_sign_out alice");
}

TEST_F(Sessions, OnesThatWereIdleForTooLongAreNoSessions)
{
    world.pass(minutes{20});
    EXPECT_EQ(alice.get("session").status, 200);
    world.pass(minutes{20});
    Browser other(world);
    other.sign_in(key);
    EXPECT_EQ(ids(alice.get("web-sessions")).size(), 2U);
    world.pass(minutes{20});
    EXPECT_EQ(ids(other.get("web-sessions")).size(), 2U);
    world.pass(minutes{20});
    EXPECT_EQ(ids(other.get("web-sessions")).size(), 1U);
}

// Fails without the end of the sessions, and of the streams.
TEST_F(Sessions, SigningOutEverywhereEndsAllOfOnePerson)
{
    Browser other(world);
    other.sign_in(key);
    elevate("alice");
    auto stream = world.site.hub().subscribe("alice", server::token_hash(other.cookie));
    const auto reply = alice.remove("web-sessions");
    EXPECT_EQ(reply.status, 204);
    EXPECT_NE(reply.header("Set-Cookie").find("Max-Age=0"), std::string::npos);
    EXPECT_EQ(other.get("session").status, 401);
    EXPECT_EQ(stream->take().ended, "session_ended");
    EXPECT_TRUE(world.held.elevations("alice", world.now).empty());
    EXPECT_EQ(bob.get("session").status, 200);
}

TEST_F(Sessions, DatabaseSessionsAreTheirUsersOrAnAdmins)
{
    const auto opened = world.hold("alice"); // its session is s-1
    const auto own = alice.get("database-sessions");
    EXPECT_EQ(ids(own), std::vector<std::string>{"s-1"});
    EXPECT_EQ(own.body.at("sessions").at(0).at("held"), opened.code.c_str());
    EXPECT_EQ(own.body.at("sessions").at(0).at("application"), "ps\\xFFql");
    EXPECT_EQ(ids(admin.get("database-sessions")), (std::vector<std::string>{"s-1", "s-2"}));
    EXPECT_EQ(alice.remove("database-sessions/s-2").status, 404);
    EXPECT_EQ(alice.remove("database-sessions/none").status, 404);
    EXPECT_TRUE(world.database_sessions.ended.empty());
    world.recorder.works = false;
    EXPECT_EQ(alice.remove("database-sessions/s-1").status, 503) << "not without a record";
    EXPECT_TRUE(world.database_sessions.ended.empty());
    world.recorder.works = true;
    EXPECT_EQ(alice.remove("database-sessions/s-1").status, 204);
    EXPECT_EQ(admin.remove("database-sessions/s-2").status, 204);
    EXPECT_EQ(world.database_sessions.ended, (std::vector<std::string>{"s-1 alice", "s-2 boss"}));
    EXPECT_EQ(world.recorder.types.back(), "session_end_asked bob");
}

TEST_F(Sessions, DatabasePasswordsAreShownOnceAndRevoked)
{
    const auto made = alice.post("database-passwords");
    ASSERT_EQ(made.status, 201);
    const auto secret = json::value_to<std::string>(made.body.at("password"));
    EXPECT_EQ(secret.size(), 43U);
    EXPECT_EQ(made.body.at("expires"), "2026-03-01T13:00:00.000Z");
    EXPECT_EQ(world.passwords_changed, 1);
    const auto stored = *world.users.database_passwords("alice", world.now);
    ASSERT_EQ(stored.size(), 1U);
    EXPECT_EQ(stored[0].verifier, (**world.users.find_user("alice")).scram_verifier + " " + secret);
    const auto list = alice.get("database-passwords");
    EXPECT_EQ(ids(list, "passwords"), std::vector<std::string>{stored[0].id});
    EXPECT_EQ(list.response.body.find(secret), std::string::npos);
    EXPECT_EQ(list.body.at("targets").at(0).at("command"),
              "psql 'host=db.example port=6432 user=alice sslmode=require dbname=shop'");
    EXPECT_EQ(list.body.at("targets").at(1).at("command"),
              "mysql --host=db.example --port=6433 --user=alice --password --database=DATABASE");
    EXPECT_EQ(bob.remove("database-passwords/" + stored[0].id).status, 404);
    EXPECT_EQ(alice.remove("database-passwords/" + stored[0].id).status, 204);
    EXPECT_EQ(alice.remove("database-passwords/" + stored[0].id).status, 404);
    EXPECT_EQ(world.passwords_changed, 2);
    EXPECT_EQ(world.recorder.types.back(), "database_password_revoked alice");
}

TEST_F(Sessions, NamesThatShellsAndLibpqWouldReadAsMoreAreQuoted)
{
    const std::string name = R"(o'ne $(x) \)";
    world.add_user(name);
    SoftAuthenticator other_key{origin};
    world.add_passkey(name, other_key);
    Browser other(world);
    other.sign_in(other_key);
    const auto targets = other.get("database-passwords?database=%2DMy+%22d%27b%22+%24%28x%29").body.at("targets");
    EXPECT_EQ(json::value_to<std::string>(targets.at(0).at("command")),
              R"(psql 'host=db.example port=6432 user='\''o\'\''ne $(x) \\'\'' sslmode=require dbname=shop')");
    EXPECT_EQ(
        json::value_to<std::string>(targets.at(1).at("command")),
        R"(mysql --host=db.example --port=6433 --user='o'\''ne $(x) \' --password --database='-My "d'\''b" $(x)')");
    for (const auto* bad : {"database=a%0Ab", "database=%1B%5B31m", "database=a%E2%80%AEb", "database=%FF", "other=1"})
        EXPECT_EQ(other.get("database-passwords?" + std::string{bad}).status, 400) << bad;
    EXPECT_EQ(other.get("database-passwords?database=" + std::string(257, 'x')).status, 400);
}

TEST_F(Sessions, DatabasePasswordsAreFewAndRecorded)
{
    world.recorder.works = false;
    EXPECT_EQ(alice.post("database-passwords").status, 503);
    EXPECT_TRUE(world.users.database_passwords("alice", world.now)->empty()) << "not without a record";
    world.recorder.works = true;
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(alice.post("database-passwords").status, 201) << i;
        world.pass(seconds{29}); // a sign-in counts for five minutes
    }
    EXPECT_EQ(alice.post("database-passwords").code(), "too_many");
    EXPECT_EQ(bob.post("database-passwords").status, 201);
    EXPECT_EQ(alice.remove("web-sessions").status, 204);
    EXPECT_TRUE(world.users.database_passwords("alice", world.now)->empty()) << "signed out everywhere";
    EXPECT_EQ(world.users.database_passwords("bob", world.now)->size(), 1U);
}

TEST_F(Sessions, ElevationsAreTheirUsersOrAnAdmins)
{
    const auto alices = elevate("alice"), bobs = elevate("bob");
    EXPECT_EQ(ids(alice.get("elevations"), "elevations"), std::vector<std::string>{alices});
    EXPECT_EQ(ids(admin.get("elevations"), "elevations"), (std::vector<std::string>{bobs, alices}));
    EXPECT_EQ(alice.get("elevations").body.at("elevations").at(0).at("expires"), "2026-03-01T12:10:00.000Z");
    EXPECT_EQ(alice.remove("elevations/" + bobs).status, 404);
    EXPECT_EQ(alice.remove("elevations/" + alices).status, 204);
    EXPECT_EQ(alice.remove("elevations/" + alices).status, 404);
    EXPECT_EQ(admin.remove("elevations/" + bobs).status, 204);
    EXPECT_TRUE(world.held.elevations("", world.now).empty());
}

TEST_F(Sessions, ElevationsEndWithTheSignOutAndWithFactors)
{
    elevate("alice");
    EXPECT_EQ(alice.remove("session").status, 204);
    EXPECT_TRUE(world.held.elevations("alice", world.now).empty());
    alice.sign_in(key);
    elevate("alice");
    world.pass(seconds{599});
    EXPECT_EQ(ids(alice.get("elevations"), "elevations").size(), 1U);
    world.pass(seconds{1});
    EXPECT_TRUE(ids(alice.get("elevations"), "elevations").empty());
}

} // namespace sessions_api_test
} // namespace stepgate::tests
