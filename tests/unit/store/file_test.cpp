#include "tests/unit/store/store_fixture.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <sys/resource.h>
#include <utility>

namespace stepgate::proxy::store
{
namespace file_test
{

using challenge_web::accounts::errc;

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

} // namespace file_test
} // namespace stepgate::proxy::store
