#include "tests/unit/web/site_fixture.h"

namespace stepgate::tests
{
namespace audit_api_test
{

class AuditApi : public testing::Test
{
  protected:
    void SetUp() override
    {
        world.add_user("rita", true);
        world.add_passkey("rita", key);
        browser.sign_in(key);
        world.recorder.types.clear();
    }
    World world;
    SoftAuthenticator key{origin};
    Browser browser{world};
};

TEST_F(AuditApi, SearchPassesEveryFilterAndIsRecorded)
{
    const auto reply =
        browser.get("audit/records?user=alice&session=s1&type=statement&action=challenge&label=pii&rule=r1"
                    "&table=t&text=delete+from&from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z"
                    "&before=77&limit=10");
    ASSERT_EQ(reply.status, 200);
    EXPECT_EQ(reply.response.body, R"({"records":[{"sequence":2},{"sequence":1}]})");
    const auto& query = *world.audit.asked;
    EXPECT_EQ(query.user, "alice");
    EXPECT_EQ(query.session, "s1");
    EXPECT_EQ(query.type, "statement");
    EXPECT_EQ(query.action, "challenge");
    EXPECT_EQ(query.label, "pii");
    EXPECT_EQ(query.rule, "r1");
    EXPECT_EQ(query.table, "t");
    EXPECT_EQ(query.text, "delete from");
    EXPECT_EQ(*query.to - *query.from, std::chrono::hours{31 * 24});
    EXPECT_EQ(query.before, 77);
    EXPECT_EQ(query.limit, 10);
    EXPECT_EQ(world.recorder.types, std::vector<std::string>{"audit_read rita"});
}

TEST_F(AuditApi, BadFiltersAreRefusedNotIgnored)
{
    for (const auto* query :
         {"usr=alice", "limit=0", "limit=501", "limit=x", "before=0", "before=-1", "from=yesterday", "to=2026"})
        EXPECT_EQ(browser.get(std::string{"audit/records?"} + query).code(), "bad_request") << query;
    EXPECT_FALSE(world.audit.asked);
    EXPECT_EQ(browser.get("audit/records?user=&limit=").status, 200) << "an empty filter is none";
}

TEST_F(AuditApi, OneRecordAndStatus)
{
    EXPECT_EQ(browser.get("audit/records/1").response.body, R"({"sequence":1})");
    EXPECT_EQ(browser.get("audit/records/2").status, 404);
    EXPECT_EQ(browser.get("audit/records/x").status, 404);
    EXPECT_EQ(browser.get("audit/status").body.at("healthy"), true);
}

TEST_F(AuditApi, WhatCannotBeRecordedIsNotShown)
{
    world.recorder.works = false;
    EXPECT_EQ(browser.get("audit/records").status, 503);
    EXPECT_EQ(browser.get("audit/records/1").status, 503);
    EXPECT_FALSE(world.audit.asked);
    world.recorder.works = true;
    world.audit.available = false;
    EXPECT_EQ(browser.get("audit/records").status, 503);
    EXPECT_EQ(browser.get("audit/records/1").status, 503) << "which is not to say that there is none";
}

} // namespace audit_api_test
} // namespace stepgate::tests
