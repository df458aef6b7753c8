#include "tests/unit/store/store_fixture.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace stepgate::proxy::store
{
namespace credentials_test
{

using challenge_web::accounts::errc;

TEST_F(StoreTest, AResetTakesAllFactorsAndNotesEach)
{
    add("ann");
    add("bob");
    SqliteStore::PasskeyCredential key;
    key.id = std::string{"\0\xfb\xff", 3};
    key.user = "ann";
    ASSERT_TRUE(store_->add_passkey(key));
    ASSERT_TRUE(store_->add_totp(totp("t1")));
    ASSERT_TRUE(store_->add_push(
        {"p1", "ann", "https://push.example/1", std::string(65, 'k'), std::string(16, 'a'), "phone", at(0), {}}));
    ASSERT_TRUE(store_->add_push(
        {"p2", "bob", "https://push.example/2", std::string(65, 'k'), std::string(16, 'a'), "phone", at(0), {}}));
    ASSERT_TRUE(store_->add_api_token({"t1", "ann", "hash 1", "job", {"a:b"}, at(0), at(100), {}, {}}, boss));
    ASSERT_TRUE(store_->add_database_password({"d1", "ann", "v1", at(0), at(100)}));
    const auto before = store_->user_changes(0)->back().sequence;
    ASSERT_TRUE(store_->reset_factors("ann", boss));
    EXPECT_TRUE(store_->database_passwords("ann", at(1))->empty());
    EXPECT_TRUE(store_->passkeys("ann")->empty());
    EXPECT_TRUE(store_->totps("ann")->empty());
    EXPECT_TRUE(store_->pushes("ann")->empty());
    EXPECT_EQ(store_->pushes("bob")->size(), 1U);
    std::vector<std::string> told;
    for (const auto& change : *store_->user_changes(before)) {
        EXPECT_EQ(change.by.name, "boss");
        told.push_back(change.user + " " + change.change);
        for (const auto& [name, value] : change.details)
            told.back() += " " + value;
    }
    EXPECT_EQ(told, (std::vector<std::string>{"ann factor removed passkey APv_", "ann factor removed totp t1",
                                              "ann factor removed push p1", "ann API token removed t1"}));
}

TEST_F(StoreTest, PasskeyCountersGrow)
{
    add("ann");
    SqliteStore::PasskeyCredential key;
    key.id = std::string{"id\0\x80", 4};
    key.user = "ann";
    key.public_key = std::string{"\xa5\0", 2};
    key.algorithm = -257;
    key.name = "MacBook";
    key.created = at(2);
    ASSERT_TRUE(store_->add_passkey(key));
    EXPECT_EQ(store_->add_passkey(key).error(), errc::exists);
    struct Row {
        const char* name;
        std::uint32_t count;
        bool accepted;
    };
    const Row rows[] = {{"no counter", 0, true},       {"still none", 0, true}, {"begins", 5, true},
                        {"the same", 5, false},        {"less", 4, false},      {"back to none", 0, false},
                        {"largest", 4294967295, true}, {"wraps", 1, false}};
    for (const Row& row : rows) {
        SCOPED_TRACE(row.name);
        const auto used = store_->passkey_used(key.id, row.count, at(3));
        EXPECT_EQ(used.has_value(), row.accepted);
        EXPECT_EQ(used.has_value() || used.error() == errc::replayed, true);
    }
    EXPECT_EQ(store_->passkey_used("other", 1, at(3)).error(), errc::not_found);
    const auto found = *store_->find_passkey(key.id);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->public_key, key.public_key);
    EXPECT_EQ(found->sign_count, 4294967295U);
    EXPECT_EQ(found->last_used, at(3));
    EXPECT_EQ(store_->passkeys("ann")->size(), 1U);
    key.id = "foreign";
    key.user = "nobody";
    EXPECT_EQ(store_->add_passkey(key).error(), errc::not_found);
}

TEST_F(StoreTest, TotpStepsAreClaimedOnce)
{
    add("ann");
    ASSERT_TRUE(store_->add_totp(totp("t1")));
    EXPECT_TRUE(store_->totp_used("t1", 100, at(0)));
    EXPECT_EQ(store_->totp_used("t1", 100, at(0)).error(), errc::replayed);
    EXPECT_EQ(store_->totp_used("t1", 99, at(0)).error(), errc::replayed);
    EXPECT_TRUE(store_->totp_used("t1", 101, at(0)));
    EXPECT_EQ(store_->totp_used("t2", 1, at(0)).error(), errc::not_found);
    EXPECT_EQ(store_->totps("ann")->at(0).last_step, 101);
}

TEST_F(StoreTest, RecoveryCodesAreSpentOnceAndGoWithTheirSheet)
{
    add("ann");
    const std::string one(32, '\x01'), two(32, '\0');
    SqliteStore::RecoverySheet sheet;
    sheet.id = "s1";
    sheet.user = "ann";
    sheet.unused = {one, two};
    sheet.name = "Recovery codes";
    sheet.created = at(0);
    EXPECT_FALSE(store_->recovery_sheet("ann")->has_value());
    ASSERT_TRUE(store_->add_recovery_sheet(sheet));
    sheet.id = "s2";
    EXPECT_EQ(store_->add_recovery_sheet(sheet).error(), errc::exists) << "one a user";
    EXPECT_EQ((*store_->recovery_sheet("ann"))->unused.size(), 2U);
    EXPECT_TRUE(store_->recovery_code_used("s1", two, at(5)));
    EXPECT_EQ(store_->recovery_code_used("s1", two, at(6)).error(), errc::not_found);
    EXPECT_EQ(store_->recovery_code_used("s2", one, at(6)).error(), errc::not_found);
    EXPECT_EQ((*store_->recovery_sheet("ann"))->unused, std::vector{one});
    EXPECT_EQ((*store_->recovery_sheet("ann"))->last_used, at(5));
    EXPECT_EQ(store_->remove_credential("bob", "s1").error(), errc::not_found);
    EXPECT_TRUE(store_->remove_credential("ann", "s1"));
    EXPECT_EQ(store_->recovery_code_used("s1", one, at(7)).error(), errc::not_found);
}

TEST_F(StoreTest, APinIsOneAUserAndAnotherTakesItsPlace)
{
    add("ann");
    add("bob");
    SqliteStore::PinCredential pin;
    pin.id = "p1";
    pin.user = "ann";
    pin.hash = "$argon2id$one";
    pin.name = "PIN";
    pin.created = at(0);
    EXPECT_FALSE(store_->pin("ann")->has_value());
    ASSERT_TRUE(store_->set_pin(pin));
    EXPECT_TRUE(store_->pin_used("p1", at(5)));
    EXPECT_EQ((*store_->pin("ann"))->last_used, at(5));
    pin.id = "p2";
    pin.hash = "$argon2id$two";
    ASSERT_TRUE(store_->set_pin(pin));
    EXPECT_EQ(store_->pin_used("p1", at(6)).error(), errc::not_found);
    EXPECT_EQ((*store_->pin("ann"))->hash, "$argon2id$two");
    EXPECT_EQ((*store_->pin("ann"))->last_used, std::nullopt);
    EXPECT_EQ(store_->remove_credential("bob", "p2").error(), errc::not_found);
    EXPECT_TRUE(store_->remove_credential("ann", "p2"));
    EXPECT_FALSE(store_->pin("ann")->has_value());
}

TEST_F(StoreTest, ABrowserForMessagesIsKeptSealedAndOnce)
{
    add("ann");
    add("bob");
    const auto browser = [](const std::string& id, const std::string& user, const std::string& endpoint) {
        SqliteStore::PushCredential push;
        push.id = id;
        push.user = user;
        push.endpoint = endpoint;
        push.public_key = std::string(65, 'k');
        push.auth = std::string(16, 'a');
        push.name = "Phone";
        push.created = at(0);
        return push;
    };
    const auto before = *store_->change_counter();
    ASSERT_TRUE(store_->add_push(browser("b1", "ann", "https://push.example/very-secret")));
    EXPECT_GT(*store_->change_counter(), before) << "a server learns of it";
    EXPECT_EQ(store_->add_push(browser("b2", "bob", "https://push.example/very-secret")).error(), errc::exists);
    EXPECT_EQ(store_->add_push(browser("b2", "nobody", "https://push.example/2")).error(), errc::not_found);
    ASSERT_TRUE(store_->add_push(browser("b2", "bob", "https://push.example/2")));
    auto bad = browser("b3", "bob", "https://push.example/3");
    bad.auth.pop_back();
    EXPECT_FALSE(store_->add_push(bad));
    EXPECT_TRUE(store_->push_used("b1", at(5)));
    EXPECT_EQ(store_->push_used("b9", at(5)).error(), errc::not_found);
    const auto found = *store_->pushes("ann");
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].endpoint, "https://push.example/very-secret");
    EXPECT_EQ(found[0].public_key, std::string(65, 'k'));
    EXPECT_EQ(found[0].auth, std::string(16, 'a'));
    EXPECT_EQ(found[0].name, "Phone");
    EXPECT_EQ(found[0].last_used, at(5));
    EXPECT_EQ(store_->push_users()->size(), 2U);
    EXPECT_EQ(store_->remove_credential("bob", "b1").error(), errc::not_found);
    EXPECT_TRUE(store_->remove_credential("ann", "b1"));
    EXPECT_EQ(*store_->push_users(), std::vector<std::string>{"bob"});
    EXPECT_EQ(bytes_of_files().find("very-secret"), std::string::npos);
}

TEST_F(StoreTest, ASecretIsMadeOnceAndKeptSealed)
{
    int made = 0;
    const auto make = [&] {
        ++made;
        return std::optional<std::string>{"a very secret key"};
    };
    EXPECT_FALSE(store_->secret("vapid", [] { return std::optional<std::string>{}; }));
    EXPECT_EQ(*store_->secret("vapid", make), "a very secret key");
    store_.reset();
    store_ = reopen();
    EXPECT_EQ(*store_->secret("vapid", make), "a very secret key");
    EXPECT_EQ(made, 1);
    EXPECT_EQ(bytes_of_files().find("very secret"), std::string::npos);
    store_.reset();
    std::filesystem::remove(file().string() + ".key");
    EXPECT_FALSE(SqliteStore::open(file())) << "another key would make another secret";
}

TEST_F(StoreTest, ATotpStepHasOneWinnerAmongThreadsAndProcesses)
{
    add("ann");
    ASSERT_TRUE(store_->add_totp(totp("t1")));
    const auto other = reopen();
    for (std::int64_t step = 1; step <= 10; ++step) {
        std::atomic<int> winners{0};
        std::vector<std::thread> threads;
        for (int i = 0; i < 4; ++i)
            threads.emplace_back([&, i] {
                if ((i % 2 ? *other : *store_).totp_used("t1", step, at(0)))
                    ++winners;
            });
        for (auto& thread : threads)
            thread.join();
        EXPECT_EQ(winners, 1);
    }
}

TEST_F(StoreTest, SecretsAreSealedAtRestAndBoundToTheirRow)
{
    add("ann");
    ASSERT_TRUE(store_->add_totp(totp("t1")));
    ASSERT_TRUE(store_->add_totp(totp("t2")));
    EXPECT_EQ(store_->totps("ann")->at(0).secret, totp("").secret);
    store_.reset();
    std::string bytes;
    for (const auto& entry : std::filesystem::directory_iterator{directory_}) {
        std::ifstream in{entry.path(), std::ios::binary};
        bytes.append(std::istreambuf_iterator<char>{in}, {});
    }
    EXPECT_EQ(bytes.find("secret-bytes"), std::string::npos);
    SQLite::Database{file().string(), SQLite::OPEN_READWRITE}.exec(
        "UPDATE totps SET sealed_secret = (SELECT sealed_secret FROM totps WHERE id = CAST('t1' AS BLOB))");
    store_ = reopen();
    EXPECT_EQ(store_->totps("ann").error(), errc::store_unavailable);
}

TEST_F(StoreTest, AMissingKeyIsNotReplacedWhileSecretsNeedIt)
{
    add("ann");
    store_.reset();
    std::filesystem::remove(file().string() + ".key");
    store_ = reopen(); // nothing was sealed yet: a new key will do
    ASSERT_TRUE(store_->add_totp(totp("t1")));
    store_.reset();
    std::filesystem::remove(file().string() + ".key");
    const auto opened = SqliteStore::open(file());
    ASSERT_FALSE(opened);
    EXPECT_NE(opened.error().message.find("stepgate.db.key is missing"), std::string::npos);
    std::ofstream{file().string() + ".key"} << "short";
    EXPECT_NE(SqliteStore::open(file()).error().message.find("32 bytes"), std::string::npos);
}

TEST_F(StoreTest, RemovesOnlyOnesOwnCredentials)
{
    add("ann");
    add("bob");
    ASSERT_TRUE(store_->add_totp(totp("t1")));
    EXPECT_EQ(store_->remove_credential("bob", "t1").error(), errc::not_found);
    EXPECT_TRUE(store_->remove_credential("ann", "t1"));
    EXPECT_TRUE(store_->totps("ann")->empty());
}

} // namespace credentials_test
} // namespace stepgate::proxy::store
