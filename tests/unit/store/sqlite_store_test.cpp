#include "proxy/store/sqlite_store.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <sys/resource.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace stepgate::proxy::store
{
namespace sqlite_store_test
{

using challenge_web::accounts::errc;
using challenge_web::accounts::TimePoint;
using std::chrono::seconds;

TimePoint at(int second)
{
    return TimePoint{seconds{1'700'000'000 + second}};
}

const SqliteStore::ChangedBy boss{"boss", {}};

class StoreTest : public testing::Test
{
  protected:
    StoreTest()
    {
        std::string pattern = (std::filesystem::temp_directory_path() / "stepgate-store-XXXXXX").string();
        directory_ = mkdtemp(pattern.data());
        store_ = reopen();
    }
    ~StoreTest() override
    {
        store_.reset();
        std::filesystem::remove_all(directory_);
    }
    [[nodiscard]] std::filesystem::path file() const { return directory_ / "stepgate.db"; }
    [[nodiscard]] std::string bytes_of_files() const
    {
        std::string bytes;
        for (const auto& entry : std::filesystem::directory_iterator{directory_}) {
            std::ifstream in{entry.path(), std::ios::binary};
            bytes.append(std::istreambuf_iterator<char>{in}, {});
        }
        return bytes;
    }
    [[nodiscard]] std::unique_ptr<SqliteStore> reopen() const
    {
        auto opened = SqliteStore::open(file());
        EXPECT_TRUE(opened.has_value()) << (opened ? "" : opened.error().message);
        return opened ? std::move(*opened) : nullptr;
    }
    void add(const std::string& name)
    {
        SqliteStore::User user;
        user.name = name;
        user.handle = "handle of " + name;
        user.created = at(0);
        ASSERT_TRUE(store_->add_user(user, boss).has_value());
    }
    static auto put(SqliteStore& store, const SqliteStore::User& user, const SqliteStore::ChangedBy& by = boss)
    {
        return store.change_user(
            user.name, [&](SqliteStore::User& stored) { stored = user; }, by);
    }
    SqliteStore::TotpCredential totp(const std::string& id)
    {
        SqliteStore::TotpCredential credential;
        credential.id = id;
        credential.user = "ann";
        credential.secret = std::string{"top\0secret-bytes", 16};
        credential.name = "phone";
        return credential;
    }

    std::filesystem::path directory_;
    std::unique_ptr<SqliteStore> store_;
};

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

TEST_F(StoreTest, FilesArePrivate)
{
    add("ann");
    for (const auto& entry : std::filesystem::directory_iterator{directory_})
        EXPECT_EQ(std::filesystem::status(entry.path()).permissions() & std::filesystem::perms::all,
                  std::filesystem::perms::owner_read | std::filesystem::perms::owner_write)
            << entry.path();
}

TEST_F(StoreTest, AGoneFileMakesEveryMethodRefuse)
{
    add("ann");
    std::filesystem::rename(file(), directory_ / "elsewhere");
    const SqliteStore::User user;
    const SqliteStore::WebSession session;
    const auto error = [](const auto& result) {
        return result.has_value() ? boost::system::error_code{} : result.error();
    };
    SqliteStore& s = *store_;
    const std::pair<const char*, std::function<boost::system::error_code()>> methods[] = {
        {"find_user", [&] { return error(s.find_user("ann")); }},
        {"find_user_by_handle", [&] { return error(s.find_user_by_handle("h")); }},
        {"list_users", [&] { return error(s.list_users()); }},
        {"add_user", [&] { return error(s.add_user(user, boss)); }},
        {"change_user",
         [&] {
             return error(s.change_user(
                 "ann", [](SqliteStore::User&) {}, boss));
         }},
        {"passkeys", [&] { return error(s.passkeys("ann")); }},
        {"find_passkey", [&] { return error(s.find_passkey("i")); }},
        {"add_passkey", [&] { return error(s.add_passkey({})); }},
        {"passkey_used", [&] { return error(s.passkey_used("i", 1, at(0))); }},
        {"totps", [&] { return error(s.totps("ann")); }},
        {"add_totp", [&] { return error(s.add_totp(totp("t"))); }},
        {"totp_used", [&] { return error(s.totp_used("t", 1, at(0))); }},
        {"reset_factors", [&] { return error(s.reset_factors("ann", boss)); }},
        {"remove_credential", [&] { return error(s.remove_credential("ann", "t")); }},
        {"failures", [&] { return error(s.failures("ann", "totp", at(0))); }},
        {"add_failure", [&] { return error(s.add_failure("ann", "totp", at(0))); }},
        {"clear_failures", [&] { return error(s.clear_failures("ann", "totp")); }},
        {"add_enrolment", [&] { return error(s.add_enrolment("h", "ann", at(0), boss)); }},
        {"redeem_enrolment", [&] { return error(s.redeem_enrolment("h", at(0))); }},
        {"add_web_session", [&] { return error(s.add_web_session(session)); }},
        {"find_web_session", [&] { return error(s.find_web_session("h", at(0))); }},
        {"web_sessions", [&] { return error(s.web_sessions("ann", at(0))); }},
        {"touch_web_session", [&] { return error(s.touch_web_session("h", at(0))); }},
        {"remove_web_session", [&] { return error(s.remove_web_session("h")); }},
        {"remove_web_sessions_of", [&] { return error(s.remove_web_sessions_of("ann")); }},
        {"add_database_password", [&] { return error(s.add_database_password({})); }},
        {"database_passwords", [&] { return error(s.database_passwords("", at(0))); }},
        {"remove_database_password", [&] { return error(s.remove_database_password("ann", "i")); }},
        {"change_counter", [&] { return error(s.change_counter()); }},
        {"user_changes", [&] { return error(s.user_changes(0)); }},
        {"forget_user_changes", [&] { return error(s.forget_user_changes(1)); }},
    };
    for (const auto& [name, call] : methods)
        EXPECT_EQ(call(), errc::store_unavailable) << name;
}

TEST_F(StoreTest, AFullDiskIsNoticedUntilAWriteSucceeds)
{
    add("ann");
    ASSERT_TRUE(store_->change_counter());
    // A limit on the size of files stands in for a full disk.
    struct rlimit before {
    };
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
    struct rlimit none = before;
    none.rlim_cur = 0;
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &none), 0);
    const auto written = store_->add_failure("ann", "totp", at(0));
    const auto counted = store_->change_counter();
    const auto read = store_->find_user("ann");
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    std::signal(SIGXFSZ, handler);
    EXPECT_EQ(written.error(), errc::store_unavailable);
    EXPECT_EQ(counted.error(), errc::store_unavailable);
    EXPECT_TRUE(read) << "what is there can still be read";
    EXPECT_TRUE(store_->change_counter());
    EXPECT_TRUE(store_->add_failure("ann", "totp", at(0)));
}

TEST(StoreOpen, SaysWhatIsWrong)
{
    std::string pattern = (std::filesystem::temp_directory_path() / "stepgate-store-XXXXXX").string();
    const std::filesystem::path directory = mkdtemp(pattern.data());
    const auto message = [](const std::filesystem::path& file) {
        auto opened = SqliteStore::open(file);
        return opened ? std::string{} : opened.error().message;
    };
    EXPECT_NE(message(directory / "no/such/dir/x.db").find("No such file or directory"), std::string::npos);
    std::ofstream{directory / "text.db"} << std::string(5000, 'x');
    EXPECT_NE(message(directory / "text.db").find("not a SQLite database"), std::string::npos);
    SqliteStore::open(directory / "newer.db").value();
    SQLite::Database{(directory / "newer.db").string(), SQLite::OPEN_READWRITE}.exec("PRAGMA user_version = 99");
    EXPECT_NE(message(directory / "newer.db").find("newer stepgate"), std::string::npos);
    std::filesystem::remove_all(directory);
}

} // namespace sqlite_store_test
} // namespace stepgate::proxy::store
