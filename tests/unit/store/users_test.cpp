#include "tests/unit/store/store_fixture.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace stepgate::proxy::store
{
namespace users_test
{

using challenge_web::accounts::errc;
using std::chrono::seconds;

TEST_F(StoreTest, KeepsUsersOverARestart)
{
    SqliteStore::User ann;
    ann.name = "ann";
    ann.handle = std::string{"\0\xff handle", 9};
    ann.groups = {"dba", "dpo"};
    ann.auditor = true;
    ann.scram_verifier = "SCRAM-SHA-256$4096:x$y:z";
    ann.created = at(1);
    ASSERT_TRUE(store_->add_user(ann, boss));
    EXPECT_EQ(store_->add_user(ann, boss).error(), errc::exists);
    store_ = reopen();
    const auto found = store_->find_user_by_handle(ann.handle);
    ASSERT_TRUE(found && *found);
    EXPECT_EQ((*found)->name, "ann");
    EXPECT_EQ((*found)->groups, ann.groups);
    EXPECT_TRUE((*found)->auditor);
    EXPECT_FALSE((*found)->admin);
    EXPECT_EQ((*found)->scram_verifier, ann.scram_verifier);
    EXPECT_EQ((*found)->created, ann.created);
    EXPECT_FALSE(*store_->find_user("bob"));
}

TEST_F(StoreTest, UpdatesUsersAndCountsChanges)
{
    add("bob");
    add("ann");
    const auto before = *store_->change_counter();
    auto ann = **store_->find_user("ann");
    ann.disabled = true;
    ann.groups = {"ops"};
    // Another process: a second connection.
    const auto other = reopen();
    ASSERT_TRUE(put(*other, ann));
    EXPECT_GT(*store_->change_counter(), before);
    const auto users = *store_->list_users();
    ASSERT_EQ(users.size(), 2U);
    EXPECT_EQ(users[0].name, "ann");
    EXPECT_TRUE(users[0].disabled);
    EXPECT_EQ(users[0].groups, std::vector<std::string>{"ops"});
    const auto changed = store_->change_user(
        "ann", [](SqliteStore::User& user) { user.groups = {"dba"}; }, boss);
    ASSERT_TRUE(changed);
    EXPECT_TRUE(changed->disabled) << "as the other process left it";
    EXPECT_EQ((*store_->find_user("ann"))->groups, std::vector<std::string>{"dba"});
    ann.name = "nobody";
    EXPECT_EQ(put(*store_, ann).error(), errc::not_found);
}

TEST_F(StoreTest, KeepsEveryChangeOfAUserUntilItIsForgotten)
{
    const auto told = [](SqliteStore& store, std::int64_t after = 0) {
        std::vector<std::string> all;
        for (const auto& change : *store.user_changes(after))
            all.push_back(change.user + " " + change.change);
        return all;
    };
    using Told = std::vector<std::string>;
    add("ann");
    auto ann = **store_->find_user("ann");
    for (const bool disabled : {true, false}) { // as it was before, for who looks only now and then
        ann.disabled = disabled;
        ASSERT_TRUE(put(*store_, ann));
    }
    ann.groups = {"ops"};
    ann.admin = true;
    ann.scram_verifier = "another";
    ASSERT_TRUE(put(*store_, ann));
    ASSERT_TRUE(put(*store_, ann)); // nothing changes
    const Told expected{"ann added",         "ann disabled",      "ann enabled", "ann password changed",
                        "ann roles changed", "ann groups changed"};
    EXPECT_EQ(told(*store_), expected);
    store_ = reopen();
    EXPECT_EQ(told(*store_), expected);
    const auto changes = *store_->user_changes(0);
    EXPECT_LT(std::chrono::abs(changes[0].at - std::chrono::system_clock::now()), seconds{10});

    ASSERT_TRUE(store_->forget_user_changes(changes[4].sequence));
    EXPECT_EQ(told(*store_), Told{"ann groups changed"});
    ASSERT_TRUE(store_->forget_user_changes(changes[5].sequence));
    EXPECT_EQ(told(*store_), Told{});
    { // around the program
        SQLite::Database db{file().string(), SQLite::OPEN_READWRITE};
        db.exec("UPDATE users SET scram_verifier = 'stolen'; DELETE FROM users");
    }
    EXPECT_EQ(told(*store_, changes[5].sequence), (Told{"ann password changed", "ann removed"}));
}

TEST_F(StoreTest, AChangeSaysWhoMadeItAndOneAroundTheProgramSaysNobody)
{
    const auto told = [this](std::int64_t after = 0) {
        std::vector<std::string> all;
        for (const auto& change : *store_->user_changes(after)) {
            all.push_back(change.user + " " + change.change + " by " + change.by.name + " " + change.by.client_address);
            for (const auto& [key, value] : change.details)
                all.back() += " " + key + "=" + value;
        }
        return all;
    };
    using Told = std::vector<std::string>;
    const SqliteStore::ChangedBy carol{"carol", "10.0.0.1"};
    SqliteStore::User ann;
    ann.name = ann.handle = "ann";
    ann.groups = {"dba", "ops"};
    ASSERT_TRUE(store_->add_user(ann, boss));
    ann.disabled = true;
    ann.groups = {"ops"};
    ASSERT_TRUE(put(*store_, ann, carol));
    ASSERT_TRUE(store_->add_enrolment("hash", "ann", at(10), boss));
    EXPECT_EQ(told(), (Told{"ann added by boss  groups=dba,ops", "ann disabled by carol 10.0.0.1",
                            "ann groups changed by carol 10.0.0.1 groups=ops", "ann enrolment link by boss "}));
    const auto last = store_->user_changes(0)->back().sequence;
    ASSERT_TRUE(store_->forget_user_changes(last));
    ASSERT_TRUE(
        store_->add_api_token({"t1", "ann", "hash 1", "a \"job\"", {"a:b", "c:d"}, at(0), at(50), {}, {}}, carol));
    { // around the program
        SQLite::Database db{file().string(), SQLite::OPEN_READWRITE};
        db.exec("UPDATE users SET admin = 1");
    }
    ASSERT_TRUE(store_->add_api_token({"t2", "ann", "hash 2", "job", {"a:b"}, at(60), at(100), {}, {}}, boss));
    ASSERT_TRUE(store_->remove_api_token("ann", "t2", carol));
    EXPECT_EQ(told(last),
              (Told{"ann API token added by carol 10.0.0.1 credential=t1 name=a \"job\" scopes=a:b c:d "
                    "expires=2023-11-14T22:14:10Z",
                    "ann roles changed by  ", "ann API token removed by   credential=t1 reason=expired",
                    "ann API token added by boss  credential=t2 name=job scopes=a:b expires=2023-11-14T22:15:00Z",
                    "ann API token removed by carol 10.0.0.1 credential=t2"}));
}

TEST_F(StoreTest, AnAddressIsKeptAndItsChangeIsNoted)
{
    add("ann");
    auto user = **store_->find_user("ann");
    EXPECT_EQ(user.email, "");
    const auto noted = (*store_->user_changes(0)).size();
    user.email = "ann@example.com";
    ASSERT_TRUE(put(*store_, user));
    EXPECT_EQ((*store_->find_user("ann"))->email, "ann@example.com");
    const auto changes = *store_->user_changes(0);
    ASSERT_EQ(changes.size(), noted + 1);
    EXPECT_EQ(changes.back().change, "e-mail address changed");
}

TEST_F(StoreTest, FailuresAreCountedFromATime)
{
    for (int i = 0; i < 5; ++i)
        ASSERT_TRUE(store_->add_failure("ann", "totp", at(i)));
    ASSERT_TRUE(store_->add_failure("ann", "passkey", at(4)));
    store_ = reopen();
    EXPECT_EQ(*store_->failures("ann", "totp", at(0)), 5);
    EXPECT_EQ(*store_->failures("ann", "totp", at(3)), 2);
    EXPECT_EQ(*store_->failures("bob", "totp", at(0)), 0);
    ASSERT_TRUE(store_->clear_failures("ann", "totp"));
    EXPECT_EQ(*store_->failures("ann", "totp", at(0)), 0);
    EXPECT_EQ(*store_->failures("ann", "passkey", at(0)), 1);
}

TEST_F(StoreTest, EnrolmentLinksAreSpentOnce)
{
    add("ann");
    add("bob");
    ASSERT_TRUE(store_->add_enrolment("hash 1", "ann", at(10), boss));
    ASSERT_TRUE(store_->add_enrolment("hash 2", "bob", at(10), boss));
    EXPECT_EQ(store_->redeem_enrolment("hash 3", at(0)).error(), errc::not_found);
    EXPECT_EQ(store_->redeem_enrolment("hash 2", at(10)).error(), errc::expired);
    EXPECT_EQ(*store_->redeem_enrolment("hash 1", at(9)), "ann");
    EXPECT_EQ(store_->redeem_enrolment("hash 1", at(9)).error(), errc::used);
    EXPECT_EQ(store_->add_enrolment("hash 4", "nobody", at(10), boss).error(), errc::not_found);
}

TEST_F(StoreTest, TheNewestEnrolmentLinkIsTheOnlyOne)
{
    add("ann");
    ASSERT_TRUE(store_->add_enrolment("leaked", "ann", at(10), boss));
    ASSERT_TRUE(store_->add_enrolment("taken", "ann", at(10), boss));
    EXPECT_EQ(store_->redeem_enrolment("leaked", at(0)).error(), errc::not_found);
    ASSERT_TRUE(store_->redeem_enrolment("taken", at(0)));
    SqliteStore::WebSession session{"cookie", "ann", "csrf", true, false, at(0), at(0), at(10), "", ""};
    ASSERT_TRUE(store_->add_web_session(session));
    ASSERT_TRUE(store_->add_enrolment("new", "ann", at(10), boss));
    EXPECT_FALSE(store_->find_web_session("cookie", at(1))->has_value()) << "begun with the link before";
    ASSERT_TRUE(store_->reset_factors("ann", boss));
    EXPECT_EQ(store_->redeem_enrolment("new", at(1)).error(), errc::not_found);

    ASSERT_TRUE(store_->add_enrolment("before", "ann", at(10), boss));
    auto ann = **store_->find_user("ann");
    ann.disabled = true;
    ASSERT_TRUE(put(*store_, ann));
    ann.disabled = false;
    ASSERT_TRUE(put(*store_, ann));
    EXPECT_EQ(store_->redeem_enrolment("before", at(1)).error(), errc::not_found);
}

} // namespace users_test
} // namespace stepgate::proxy::store
