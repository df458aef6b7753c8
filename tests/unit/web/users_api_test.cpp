#include "tests/unit/web/site_fixture.h"

#include <boost/json/serialize.hpp>

namespace stepgate::tests
{
namespace users_api_test
{

class Users : public testing::Test
{
  protected:
    void SetUp() override
    {
        world.add_user("alice", false, {"dba"});
        auto boss = world.add_user("boss");
        boss.admin = true;
        ASSERT_TRUE(world.users.update_user(boss).has_value());
        world.add_passkey("boss", key);
        admin.sign_in(key);
    }

    World world;
    SoftAuthenticator key{origin};
    Browser admin{world};
};

TEST_F(Users, AreAddedAndEnrolByALink)
{
    const auto added = admin.post("users", {{"name", "carol"}, {"groups", {"ops", "dba", "ops"}}, {"auditor", true}});
    ASSERT_EQ(added.status, 201) << added.response.body;
    EXPECT_EQ(json::serialize(added.body.at("groups")), R"(["dba","ops"])");
    EXPECT_EQ(json::serialize(added.body.at("roles")), R"(["auditor"])");
    EXPECT_EQ(world.users.take_changes().back(), "carol added by boss from 192.0.2.7");
    EXPECT_EQ(world.passwords_changed, 1) << "the relay and the audit hear of it before the answer";
    EXPECT_EQ(admin.post("users", {{"name", "carol"}, {"groups", json::array{}}}).code(), "exists");
    EXPECT_EQ(admin.get("users").body.at("users").as_array().size(), 3U);
    const auto link = admin.post("users/carol/enrolment");
    ASSERT_EQ(link.status, 201);
    const auto text = json::value_to<std::string>(link.body.at("link"));
    EXPECT_TRUE(text.starts_with("https://stepgate.example/enrol#"));
    EXPECT_EQ(world.users.take_changes().back(), "carol given a link by boss from 192.0.2.7");
    Browser carol(world);
    EXPECT_EQ(carol.post("session/enrolment", {{"token", text.substr(text.find('#') + 1)}}).body.at("user"), "carol");
    SoftAuthenticator carols(origin);
    world.add_passkey("carol", carols);
    EXPECT_EQ(admin.post("users/carol/enrolment").code(), "has_factor") << "a link adds first factors only";
}

TEST_F(Users, WhatAnotherProcessChangesMeanwhileStays)
{
    world.users.after_find_user["alice"] = [this] {
        auto alice = **world.users.find_user("alice");
        alice.disabled = true;
        ASSERT_TRUE(world.users.update_user(alice));
    };
    ASSERT_EQ(admin.post("users/alice/groups", {{"groups", {"ops"}}}).status, 200);
    const auto alice = **world.users.find_user("alice");
    EXPECT_TRUE(alice.disabled);
    EXPECT_EQ(alice.groups, std::vector<std::string>{"ops"});
}

TEST_F(Users, GroupsThatAnotherAdminChangedMeanwhileStay)
{
    const auto change = [&](json::array groups, json::array seen) {
        return admin.post("users/alice/groups", {{"groups", std::move(groups)}, {"instead_of", std::move(seen)}});
    };
    ASSERT_EQ(admin.post("users/alice/groups", {{"groups", {"dba", "ops"}}}).status, 200);
    EXPECT_EQ(change({"ops"}, {"ops", "dba"}).status, 200) << "in whatever order they were read";
    (void)world.users.take_changes();
    EXPECT_EQ(change({"dba", "ops", "approvers"}, {"dba", "ops"}).code(), "changed");
    EXPECT_EQ((**world.users.find_user("alice")).groups, std::vector<std::string>{"ops"});
    EXPECT_EQ(admin.post("users/alice/groups", {{"groups", {"ops"}}, {"instead_of", "dba"}}).status, 400);
}

TEST_F(Users, NamesAreWhatTheyLookLike)
{
    for (const auto* name : {"a b", "a\tb", "a\"b", "a\xe2\x80\x8b", "a\\b"}) {
        EXPECT_EQ(admin.post("users", {{"name", name}, {"groups", json::array{}}}).status, 400) << name;
        EXPECT_EQ(admin.post("users/alice/groups", {{"groups", {name}}}).status, 400) << name;
    }
    EXPECT_EQ(admin.post("users", {{"name", std::string(64, 'x')}, {"groups", json::array{}}}).status, 400);
    EXPECT_EQ(admin.post("users", {{"name", "x"}, {"groups", "dba"}}).status, 400);
    EXPECT_EQ(admin.post("users", {{"name", "x"}, {"groups", json::array{}}, {"admin", true}}).status, 400);
}

TEST_F(Users, GetOtherGroups)
{
    EXPECT_EQ(admin.post("users/alice/groups", {{"groups", {"ops"}}}).status, 200);
    EXPECT_EQ((**world.users.find_user("alice")).groups, std::vector<std::string>{"ops"});
    EXPECT_EQ(world.users.take_changes().back(), "alice updated by boss from 192.0.2.7");
    EXPECT_EQ(admin.post("users/nobody/groups", {{"groups", {"ops"}}}).status, 404);
    EXPECT_EQ(admin.post("users/boss/groups", {{"groups", {"approvers"}}}).code(), "not_yourself");
    EXPECT_TRUE((**world.users.find_user("boss")).groups.empty());
}

TEST_F(Users, AreDisabledWithAllThatTheyHaveOpen)
{
    SoftAuthenticator alices(origin);
    world.add_passkey("alice", alices);
    Browser alice(world);
    alice.sign_in(alices);
    EXPECT_EQ(alice.post("database-passwords").status, 201);
    server::DatabaseSession session;
    session.id = "s-1";
    session.user = "alice";
    world.database_sessions.sessions = {session};
    EXPECT_EQ(admin.post("users/alice/disable").status, 200);
    EXPECT_EQ(alice.get("session").status, 401);
    EXPECT_EQ(world.database_sessions.ended, std::vector<std::string>{"s-1 boss"});
    EXPECT_TRUE(world.users.database_passwords("alice", world.now)->empty());
    EXPECT_EQ(admin.post("users/alice/enrolment").code(), "disabled");
    EXPECT_EQ(admin.post("users/alice/enable").status, 200);
    EXPECT_EQ(alice.get("session").status, 401) << "signed out for good";
    EXPECT_EQ(admin.post("users/boss/disable").code(), "not_yourself");
}

// Fails without the look at the audit in `refuse_change`.
TEST_F(Users, AreChangedByWhoSignedInWithAPasskeyAndOnlyWithARecord)
{
    world.recorder.works = false;
    (void)world.users.take_changes();
    EXPECT_EQ(admin.post("users/alice/disable").status, 503);
    EXPECT_EQ(admin.post("users/alice/groups", {{"groups", {"ops"}}}).status, 503);
    EXPECT_EQ(admin.post("users/alice/enrolment").status, 503);
    EXPECT_EQ(admin.post("users", {{"name", "carol"}, {"groups", json::array{}}}).status, 503);
    EXPECT_EQ(world.users.take_changes(), std::vector<std::string>{});
    world.recorder.works = true;
    Browser weak(world);
    const auto secret = world.add_totp("boss");
    ASSERT_EQ(
        weak.post("session/totp", {{"user", "boss"}, {"password", "pass word"}, {"code", world.code(secret)}}).status,
        200);
    EXPECT_EQ(weak.get("users").status, 200);
    EXPECT_EQ(weak.post("users/alice/disable").code(), "needs_strong_session");
    EXPECT_EQ(weak.post("users", {{"name", "x"}, {"groups", json::array{}}}).code(), "needs_strong_session");
    world.pass(std::chrono::minutes{5});
    EXPECT_EQ(admin.get("users").status, 200);
    for (const auto* change : {"disable", "enable", "enrolment"})
        EXPECT_EQ(admin.post(std::string{"users/alice/"} + change).code(), "needs_step_up") << change;
}

} // namespace users_api_test
} // namespace stepgate::tests
