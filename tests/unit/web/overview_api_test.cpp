#include "tests/unit/web/site_fixture.h"

namespace stepgate::tests
{
namespace overview_api_test
{

class OverviewApi : public testing::Test
{
  protected:
    void SetUp() override
    {
        world.add_user("alice");
        world.add_passkey("alice", key);
        browser.sign_in(key);
    }
    World world;
    SoftAuthenticator key{origin};
    Browser browser{world};
};

TEST_F(OverviewApi, HistoryIsOfTheOneWhoAsks)
{
    ASSERT_EQ(browser.get("history?outcome=denied&before=77&limit=200").status, 200);
    EXPECT_EQ(world.overviews.asked->person, "alice");
    EXPECT_EQ(world.overviews.asked->outcome, "denied");
    EXPECT_EQ(world.overviews.asked->before, 77);
    EXPECT_EQ(world.overviews.asked->limit, 200);
    ASSERT_EQ(browser.get("history?outcome=&limit=").status, 200);
    EXPECT_EQ(world.overviews.asked->outcome, "") << "an empty filter is none";
}

TEST_F(OverviewApi, WhatIsNotUnderstoodIsRefused)
{
    for (const auto* query : {"person=bob", "user=bob", "outcome=lost", "limit=0", "limit=201", "before=0", "before=x"})
        EXPECT_EQ(browser.get(std::string{"history?"} + query).code(), "bad_request") << query;
    EXPECT_FALSE(world.overviews.asked);
}

TEST_F(OverviewApi, PolicyIsForAuditorsAndAdmins)
{
    EXPECT_EQ(browser.get("policy").code(), "needs_role");
    for (const bool auditor : {true, false}) {
        auto user = world.add_user(auditor ? "rita" : "root", auditor);
        user.admin = !auditor;
        ASSERT_TRUE(world.users.update_user(user));
        SoftAuthenticator own{origin};
        world.add_passkey(user.name, own);
        Browser other{world};
        other.sign_in(own, user.name);
        EXPECT_EQ(other.get("policy").status, 200) << user.name;
        world.overviews.available = false;
        EXPECT_EQ(other.get("policy").status, 503) << user.name;
        EXPECT_EQ(other.get("history").status, 503) << user.name;
        world.overviews.available = true;
    }
}

} // namespace overview_api_test
} // namespace stepgate::tests
