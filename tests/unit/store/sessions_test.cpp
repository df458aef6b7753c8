#include "tests/unit/store/store_fixture.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace stepgate::proxy::store
{
namespace sessions_test
{

using challenge_web::accounts::errc;

TEST_F(StoreTest, WhatAClockMadeThatWasAheadIsGoodNoMore)
{
    add("ann");
    const auto ahead = at(365 * 24 * 3600);
    for (const auto& [name, made] : {std::pair{"a little", at(300)}, std::pair{"far", ahead}}) {
        ASSERT_TRUE(store_->add_web_session(
            {name, "ann", "c", false, true, made, made, ahead + std::chrono::hours{1}, "", ""}));
        ASSERT_TRUE(store_->add_api_token(
            {name, "ann", name, "job", {"a:b"}, made, ahead + std::chrono::hours{1}, {}, {}}, boss));
    }
    EXPECT_TRUE(store_->find_web_session("a little", at(0))->has_value());
    EXPECT_FALSE(store_->find_web_session("far", at(0))->has_value());
    EXPECT_TRUE(store_->find_web_session("far", ahead)->has_value());
    EXPECT_TRUE(store_->find_api_token("a little", at(0))->has_value());
    EXPECT_FALSE(store_->find_api_token("far", at(0))->has_value());
}

TEST_F(StoreTest, WebSessionsEnd)
{
    add("ann");
    SqliteStore::WebSession session;
    session.user = "ann";
    session.csrf = "c";
    session.strong = true;
    session.created = session.last_seen = at(0);
    session.expires = at(100);
    session.client_address = "127.0.0.1";
    session.user_agent = "browser";
    for (const char* token : {"a", "b", "c"}) {
        session.token_hash = token;
        ASSERT_TRUE(store_->add_web_session(session));
    }
    ASSERT_TRUE(store_->touch_web_session("a", at(50)));
    const auto found = *store_->find_web_session("a", at(99));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->last_seen, at(50));
    EXPECT_TRUE(found->strong);
    EXPECT_FALSE(found->enrolment_only);
    EXPECT_EQ(found->user_agent, "browser");
    EXPECT_FALSE(*store_->find_web_session("a", at(100)));
    const auto all = *store_->web_sessions("ann", at(99));
    ASSERT_EQ(all.size(), 3U);
    EXPECT_EQ(all[0].token_hash, "a");
    EXPECT_EQ(all[0].last_seen, at(50));
    EXPECT_TRUE(store_->web_sessions("ann", at(100))->empty());
    EXPECT_TRUE(store_->web_sessions("bob", at(0))->empty());
    ASSERT_TRUE(store_->remove_web_session("a"));
    EXPECT_FALSE(*store_->find_web_session("a", at(1)));
    auto ann = **store_->find_user("ann");
    ann.disabled = true;
    ASSERT_TRUE(put(*store_, ann));
    EXPECT_FALSE(*store_->find_web_session("b", at(1)));
    ann.disabled = false;
    ASSERT_TRUE(put(*store_, ann));
    ASSERT_TRUE(store_->remove_web_sessions_of("ann"));
    EXPECT_FALSE(*store_->find_web_session("b", at(1)));
    EXPECT_EQ(store_->touch_web_session("b", at(1)).error(), errc::not_found);
}

TEST_F(StoreTest, ApiTokens)
{
    add("ann");
    add("bob");
    ASSERT_TRUE(store_->add_api_token({"t1", "ann", "hash 1", "job", {"a:b", "c:d"}, at(0), at(100), {}, {}}, boss));
    ASSERT_TRUE(store_->add_api_token({"t2", "bob", "hash 2", "other", {"a:b"}, at(1), at(50), {}, {}}, boss));
    auto found = *store_->find_api_token("hash 1", at(99));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->id, "t1");
    EXPECT_EQ(found->user, "ann");
    EXPECT_EQ(found->name, "job");
    EXPECT_EQ(found->scopes, (std::vector<std::string>{"a:b", "c:d"}));
    EXPECT_EQ(found->created, at(0));
    EXPECT_EQ(found->expires, at(100));
    EXPECT_EQ(found->last_used, std::nullopt);
    EXPECT_FALSE(*store_->find_api_token("hash 1", at(100))) << "it has expired";
    EXPECT_FALSE(*store_->find_api_token("hash", at(0)));
    EXPECT_EQ(*store_->api_token_knows("t1", "::1"), 0);
    ASSERT_TRUE(store_->api_token_used("t1", "::1", at(7)));
    ASSERT_TRUE(store_->api_token_used("t1", "::1", at(8)));
    EXPECT_EQ(*store_->api_token_knows("t1", "::1"), 1);
    EXPECT_EQ(*store_->api_token_knows("t2", "::1"), 0);
    found = *store_->find_api_token("hash 1", at(9));
    EXPECT_EQ(found->last_used, at(8));
    EXPECT_EQ(found->last_address, "::1");
    EXPECT_EQ(store_->api_tokens("", at(9))->size(), 2U);
    EXPECT_EQ(store_->api_tokens("ann", at(9))->size(), 1U);
    EXPECT_EQ(store_->remove_api_token("bob", "t1", boss).error(), errc::not_found) << "not bob's";
    auto ann = **store_->find_user("ann");
    ann.disabled = true;
    ASSERT_TRUE(put(*store_, ann));
    EXPECT_FALSE(*store_->find_api_token("hash 1", at(9))) << "its user is disabled";
    ASSERT_TRUE(store_->remove_api_token("ann", "t1", boss));
    ASSERT_TRUE(store_->remove_api_token("ann", "", boss));
    EXPECT_EQ(store_->api_token_used("t1", "::1", at(9)).error(), errc::not_found);
    std::vector<std::string> changes;
    for (const auto& change : *store_->user_changes(0))
        if (change.change.starts_with("API token"))
            changes.push_back(change.user + " " + change.change);
    EXPECT_EQ(changes,
              (std::vector<std::string>{"ann API token added", "bob API token added", "ann API token removed"}));
}

// Fails without the look at `expires`.
TEST_F(StoreTest, DatabasePasswordsEnd)
{
    add("ann");
    add("bob");
    const auto before = *store_->change_counter();
    ASSERT_TRUE(store_->add_database_password({"p1", "ann", "v1", at(0), at(100)}));
    ASSERT_TRUE(store_->add_database_password({"p2", "ann", "v2", at(1), at(50)}));
    ASSERT_TRUE(store_->add_database_password({"p3", "bob", "v3", at(2), at(100)}));
    EXPECT_GT(*store_->change_counter(), before) << "the relay looks again";
    const auto all = *store_->database_passwords("ann", at(49));
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].id, "p2");
    EXPECT_EQ(all[0].verifier, "v2");
    EXPECT_EQ(all[0].expires, at(50));
    EXPECT_EQ(store_->database_passwords("ann", at(50))->size(), 1U);
    EXPECT_EQ(store_->database_passwords("", at(0))->size(), 3U);
    EXPECT_EQ(store_->remove_database_password("bob", "p1").error(), errc::not_found) << "not bob's";
    ASSERT_TRUE(store_->add_database_password({"p4", "ann", "v4", at(60), at(100)}));
    EXPECT_EQ(store_->database_passwords("ann", at(0))->size(), 2U) << "what has expired is gone";
    ASSERT_TRUE(store_->remove_database_password("ann", "p1"));
    const auto counter = *store_->change_counter();
    ASSERT_TRUE(store_->remove_database_password("ann", ""));
    EXPECT_GT(*store_->change_counter(), counter);
    ASSERT_TRUE(store_->remove_database_password("ann", ""));
    EXPECT_TRUE(store_->database_passwords("ann", at(0))->empty());
    EXPECT_EQ(store_->database_passwords("bob", at(0))->size(), 1U);
}

} // namespace sessions_test
} // namespace stepgate::proxy::store
