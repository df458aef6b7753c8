#pragma once

#include "proxy/store/sqlite_store.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

namespace stepgate::proxy::store
{

inline challenge_web::accounts::TimePoint at(int second)
{
    return challenge_web::accounts::TimePoint{std::chrono::seconds{1'700'000'000 + second}};
}

inline const SqliteStore::ChangedBy boss{"boss", {}};

/// A store in a directory of its own, which goes with the test.
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

} // namespace stepgate::proxy::store
