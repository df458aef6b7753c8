#pragma once

#include "proxy/store/secret_box.h"
#include "proxy/store/sqlite_store.h"

#include <SQLiteCpp/SQLiteCpp.h>

#include <chrono>
#include <mutex>
#include <string>
#include <sys/types.h>
#include <utility>

namespace stepgate::proxy::store
{

using challenge_web::accounts::errc;
using challenge_web::accounts::TimePoint;

/// The connection behind SqliteStore, and how its methods use it.
struct SqliteStore::Impl {
    Impl(const std::filesystem::path& path, SecretBox secrets);
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    ~Impl();

    /// Is the file that was opened still the one with this name? SQLite itself would go on with a deleted file.
    [[nodiscard]] bool present() const;

    /// Runs `work` alone on the connection, in a transaction that holds the write lock from its start if `write`.
    /// SQLite's errors become ours. `work` may answer an error: then nothing is written.
    template <class Work>
    auto run(bool write, Work&& work) -> decltype(work());

    std::filesystem::path file;
    SecretBox box;
    dev_t device = 0;
    ino_t inode = 0;
    std::mutex mutex;
    int serving = -1;  // the key's file, locked while this process serves
    bool full = false; // the last write did not work: no room, most likely
    SQLite::Database db;
};

/// Says who makes the changes of users that this transaction notes from here on: the database's triggers note what was
/// changed, and cannot know by whom.
class Noting
{
  public:
    explicit Noting(SQLite::Database& db);
    void by(const SqliteStore::ChangedBy& who);
    void detail(const std::string& key, const std::string& value);

  private:
    SQLite::Database& db_;
    std::int64_t before_; // the last one that was noted before
};

/// What an exception of SQLite means to a caller.
[[nodiscard]] errc error_of(const SQLite::Exception& error);

template <class Work>
auto SqliteStore::Impl::run(bool write, Work&& work) -> decltype(work())
{
    const std::lock_guard lock{mutex};
    if (!present())
        return boost::system::error_code{errc::store_unavailable};
    try {
        if (!write)
            return work();
        SQLite::Transaction transaction{db, SQLite::TransactionBehavior::IMMEDIATE};
        auto answer = work();
        if (answer)
            transaction.commit();
        full = false;
        return answer;
    } catch (const SQLite::Exception& error) {
        const auto what = error_of(error);
        full = full || (write && what == errc::store_unavailable);
        return boost::system::error_code{what};
    }
}

// Times are ns since 1970; a missing one is NULL. Ids, handles and hashes are blobs: they may hold any byte.
inline std::int64_t to_column(TimePoint at)
{
    return std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch()).count();
}
inline TimePoint to_time(std::int64_t ns)
{
    return TimePoint{std::chrono::duration_cast<TimePoint::duration>(std::chrono::nanoseconds{ns})};
}
inline std::string blob(const SQLite::Column& column)
{
    return {static_cast<const char*>(column.getBlob()), static_cast<std::size_t>(column.getBytes())};
}
inline void bind_blob(SQLite::Statement& statement, int index, const std::string& value)
{
    statement.bind(index, static_cast<const void*>(value.data()), static_cast<int>(value.size()));
}
/// Of a table of what users have, all that this one has.
inline void erase_all(SQLite::Database& db, const std::string& user, const char* table)
{
    SQLite::Statement erase{db, std::string{"DELETE FROM "} + table + " WHERE user = ?"};
    erase.bind(1, user);
    erase.exec();
}

} // namespace stepgate::proxy::store
