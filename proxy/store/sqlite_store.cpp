#include "proxy/store/sqlite_store.h"

#include "proxy/store/sqlite_impl.h"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <sqlite3.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace stepgate::proxy::store
{

namespace
{

constexpr int busy_ms = 5000;
// The schema, step by step. A step is never changed once released: a store carries the number of steps it has seen.
constexpr std::array<const char*, 10> migrations{R"sql(
CREATE TABLE users (
    name TEXT PRIMARY KEY, handle BLOB NOT NULL UNIQUE, auditor INTEGER NOT NULL, admin INTEGER NOT NULL,
    disabled INTEGER NOT NULL, scram_verifier TEXT NOT NULL, created INTEGER NOT NULL) STRICT;
CREATE TABLE user_groups (
    user TEXT NOT NULL REFERENCES users(name) ON DELETE CASCADE, name TEXT NOT NULL, PRIMARY KEY (user, name)) STRICT, WITHOUT ROWID;
CREATE TABLE passkeys (
    id BLOB PRIMARY KEY, user TEXT NOT NULL REFERENCES users(name) ON DELETE CASCADE, public_key BLOB NOT NULL,
    algorithm INTEGER NOT NULL, sign_count INTEGER NOT NULL, name TEXT NOT NULL, created INTEGER NOT NULL, last_used INTEGER) STRICT;
CREATE INDEX passkeys_user ON passkeys(user);
CREATE TABLE totps (
    id BLOB PRIMARY KEY, user TEXT NOT NULL REFERENCES users(name) ON DELETE CASCADE, sealed_secret BLOB NOT NULL,
    last_step INTEGER NOT NULL, name TEXT NOT NULL, created INTEGER NOT NULL, last_used INTEGER) STRICT;
CREATE INDEX totps_user ON totps(user);
CREATE TABLE failures (user TEXT NOT NULL, factor TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
CREATE INDEX failures_user ON failures(user, factor, at);
CREATE TABLE enrolments (
    token_hash BLOB PRIMARY KEY, user TEXT NOT NULL REFERENCES users(name) ON DELETE CASCADE, expires INTEGER NOT NULL,
    redeemed INTEGER) STRICT;
CREATE TABLE web_sessions (
    token_hash BLOB PRIMARY KEY, user TEXT NOT NULL REFERENCES users(name) ON DELETE CASCADE, csrf TEXT NOT NULL,
    enrolment_only INTEGER NOT NULL, strong INTEGER NOT NULL, created INTEGER NOT NULL, last_seen INTEGER NOT NULL,
    expires INTEGER NOT NULL, client_address TEXT NOT NULL, user_agent TEXT NOT NULL) STRICT;
CREATE INDEX web_sessions_user ON web_sessions(user);
CREATE TABLE changes (users INTEGER NOT NULL) STRICT;
INSERT INTO changes VALUES (0);
)sql",
                                                 R"sql(
CREATE TABLE user_changes (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, user TEXT NOT NULL, change TEXT NOT NULL,
    at INTEGER NOT NULL DEFAULT (CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) * 1000000)) STRICT;
CREATE TRIGGER user_added AFTER INSERT ON users BEGIN
    UPDATE changes SET users = users + 1;
    INSERT INTO user_changes (user, change) VALUES (new.name, 'added');
END;
CREATE TRIGGER user_removed AFTER DELETE ON users BEGIN
    UPDATE changes SET users = users + 1;
    INSERT INTO user_changes (user, change) VALUES (old.name, 'removed');
END;
CREATE TRIGGER user_updated AFTER UPDATE ON users BEGIN
    UPDATE changes SET users = users + 1;
    INSERT INTO user_changes (user, change) SELECT old.name, 'removed' WHERE old.name <> new.name;
    INSERT INTO user_changes (user, change) SELECT new.name, 'added' WHERE old.name <> new.name;
    INSERT INTO user_changes (user, change)
        SELECT new.name, iif(new.disabled, 'disabled', 'enabled') WHERE old.disabled <> new.disabled;
    INSERT INTO user_changes (user, change) SELECT new.name, 'password changed' WHERE old.scram_verifier <> new.scram_verifier;
    INSERT INTO user_changes (user, change)
        SELECT new.name, 'roles changed' WHERE old.auditor <> new.auditor OR old.admin <> new.admin;
END;
)sql",
                                                 R"sql(
CREATE TABLE catalog_lineage (
    listener TEXT NOT NULL, database TEXT NOT NULL, lineage TEXT NOT NULL, PRIMARY KEY (listener, database)) STRICT, WITHOUT ROWID;
)sql",
                                                 R"sql(
CREATE TABLE recovery_sheets (
    id BLOB PRIMARY KEY, user TEXT NOT NULL UNIQUE REFERENCES users(name) ON DELETE CASCADE, name TEXT NOT NULL,
    created INTEGER NOT NULL, last_used INTEGER) STRICT;
CREATE TABLE recovery_codes (
    sheet BLOB NOT NULL REFERENCES recovery_sheets(id) ON DELETE CASCADE, hash BLOB NOT NULL, PRIMARY KEY (sheet, hash)) STRICT, WITHOUT ROWID;
)sql",
                                                 R"sql(
CREATE TABLE pins (
    user TEXT PRIMARY KEY REFERENCES users(name) ON DELETE CASCADE, id BLOB NOT NULL UNIQUE, hash TEXT NOT NULL, name TEXT NOT NULL,
    created INTEGER NOT NULL, last_used INTEGER) STRICT;
)sql",
                                                 R"sql(
CREATE TABLE database_passwords (
    id TEXT PRIMARY KEY, user TEXT NOT NULL REFERENCES users(name) ON DELETE CASCADE, verifier TEXT NOT NULL,
    created INTEGER NOT NULL, expires INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TRIGGER database_password_added AFTER INSERT ON database_passwords BEGIN UPDATE changes SET users = users + 1; END;
CREATE TRIGGER database_password_removed AFTER DELETE ON database_passwords BEGIN UPDATE changes SET users = users + 1; END;
)sql",
                                                 R"sql(
ALTER TABLE users ADD COLUMN email TEXT NOT NULL DEFAULT '';
CREATE TRIGGER user_email AFTER UPDATE OF email ON users WHEN old.email <> new.email BEGIN
    INSERT INTO user_changes (user, change) VALUES (new.name, 'e-mail address changed');
END;
)sql",
                                                 R"sql(
CREATE TABLE pushes (
    id BLOB PRIMARY KEY, user TEXT NOT NULL REFERENCES users(name) ON DELETE CASCADE, endpoint_hash BLOB NOT NULL UNIQUE,
    sealed BLOB NOT NULL, name TEXT NOT NULL, created INTEGER NOT NULL, last_used INTEGER) STRICT;
CREATE INDEX pushes_user ON pushes(user);
CREATE TRIGGER push_added AFTER INSERT ON pushes BEGIN UPDATE changes SET users = users + 1; END;
CREATE TRIGGER push_removed AFTER DELETE ON pushes BEGIN UPDATE changes SET users = users + 1; END;
CREATE TABLE secrets (name TEXT PRIMARY KEY, sealed BLOB NOT NULL) STRICT, WITHOUT ROWID;
)sql",
                                                 R"sql(
CREATE TABLE api_tokens (
    id TEXT PRIMARY KEY, user TEXT NOT NULL REFERENCES users(name) ON DELETE CASCADE, hash BLOB NOT NULL UNIQUE, name TEXT NOT NULL,
    scopes TEXT NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL, last_used INTEGER, last_address TEXT NOT NULL DEFAULT '') STRICT, WITHOUT ROWID;
CREATE INDEX api_tokens_user ON api_tokens(user);
CREATE TABLE api_token_addresses (
    token TEXT NOT NULL REFERENCES api_tokens(id) ON DELETE CASCADE, address TEXT NOT NULL, PRIMARY KEY (token, address)) STRICT, WITHOUT ROWID;
CREATE TRIGGER api_token_added AFTER INSERT ON api_tokens BEGIN
    INSERT INTO user_changes (user, change) VALUES (new.user, 'API token added');
END;
CREATE TRIGGER api_token_removed AFTER DELETE ON api_tokens BEGIN
    INSERT INTO user_changes (user, change) VALUES (old.user, 'API token removed');
END;
)sql",
                                                 R"sql(
ALTER TABLE user_changes ADD COLUMN made_by TEXT NOT NULL DEFAULT '';
ALTER TABLE user_changes ADD COLUMN client_address TEXT NOT NULL DEFAULT '';
ALTER TABLE user_changes ADD COLUMN details TEXT NOT NULL DEFAULT '{}';
DROP TRIGGER api_token_added;
DROP TRIGGER api_token_removed;
CREATE TRIGGER api_token_added AFTER INSERT ON api_tokens BEGIN
    INSERT INTO user_changes (user, change, details) VALUES (new.user, 'API token added',
        json_object('credential', new.id, 'name', new.name, 'scopes', new.scopes,
                    'expires', strftime('%Y-%m-%dT%H:%M:%SZ', new.expires / 1000000000, 'unixepoch')));
END;
CREATE TRIGGER api_token_removed AFTER DELETE ON api_tokens BEGIN
    INSERT INTO user_changes (user, change, details) VALUES (old.user, 'API token removed', json_object('credential', old.id));
END;
CREATE TRIGGER enrolment_added AFTER INSERT ON enrolments BEGIN
    INSERT INTO user_changes (user, change) VALUES (new.user, 'enrolment link');
END;
)sql"};

/// Makes the file with the right mode before SQLite would with the process's mask. Its journals take the mode over.
bool make_private(const std::filesystem::path& file)
{
    const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    const bool done = ::fchmod(fd, 0600) == 0;
    ::close(fd);
    return done;
}

void migrate(SQLite::Database& db)
{
    SQLite::Transaction transaction{db, SQLite::TransactionBehavior::IMMEDIATE};
    int version = db.execAndGet("PRAGMA user_version").getInt();
    const int known = static_cast<int>(migrations.size());
    if (version > known)
        throw SQLite::Exception("it was written by a newer stepgate (schema " + std::to_string(version) +
                                ", this build knows " + std::to_string(known) + ")");
    for (; version < known; ++version)
        db.exec(migrations[static_cast<std::size_t>(version)]);
    db.exec("PRAGMA user_version = " + std::to_string(known));
    transaction.commit();
}

std::vector<std::pair<std::string, std::string>> read_details(const std::string& text)
{
    boost::system::error_code failed;
    const auto value = boost::json::parse(text, failed);
    if (failed || !value.is_object())
        return {{"details", text}}; // a name that is no UTF-8
    std::vector<std::pair<std::string, std::string>> details;
    for (const auto& [key, one] : value.get_object())
        if (one.is_string())
            details.emplace_back(key, one.get_string());
    return details;
}

bool holds_secrets(const std::filesystem::path& file)
{
    SQLite::Database db{file.string(), SQLite::OPEN_READWRITE, busy_ms};
    for (const char* table : {"totps", "pushes", "secrets"})
        if (db.tableExists(table) && db.execAndGet(std::string{"SELECT count(*) FROM "} + table).getInt() > 0)
            return true;
    return false;
}

} // namespace

errc error_of(const SQLite::Exception& error)
{
    switch (error.getExtendedErrorCode()) {
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_ROWID:
        return errc::exists;
    case SQLITE_CONSTRAINT_FOREIGNKEY:
        return errc::not_found;
    default:
        return errc::store_unavailable;
    }
}

Noting::Noting(SQLite::Database& db)
    : db_(db), before_(db.execAndGet("SELECT coalesce(max(sequence), 0) FROM user_changes").getInt64())
{
}

void Noting::by(const SqliteStore::ChangedBy& who)
{
    SQLite::Statement note{db_, "UPDATE user_changes SET made_by = ?, client_address = ? WHERE sequence > ?"};
    note.bind(1, who.name);
    note.bind(2, who.client_address);
    note.bind(3, before_);
    note.exec();
}

void Noting::detail(const std::string& key, const std::string& value)
{
    SQLite::Statement note{db_, "UPDATE user_changes SET details = json_set(details, '$.' || ?, ?) WHERE sequence > ?"};
    note.bind(1, key);
    note.bind(2, value);
    note.bind(3, before_);
    note.exec();
}

SqliteStore::Impl::Impl(const std::filesystem::path& path, SecretBox secrets)
    : file(path), box(secrets), db(path.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_FULLMUTEX, busy_ms)
{
    struct stat status {
    };
    if (::stat(file.c_str(), &status) == 0) {
        device = status.st_dev;
        inode = status.st_ino;
    }
    db.exec("PRAGMA journal_mode = WAL");
    db.exec("PRAGMA synchronous = FULL"); // a claimed code or a spent link must survive a crash
    db.exec("PRAGMA foreign_keys = ON");
    db.exec("PRAGMA secure_delete = ON");
    migrate(db);
}

SqliteStore::Impl::~Impl()
{
    if (serving >= 0)
        ::close(serving);
}

bool SqliteStore::Impl::present() const
{
    struct stat status {
    };
    return ::stat(file.c_str(), &status) == 0 && status.st_dev == device && status.st_ino == inode;
}

boost::system::result<std::unique_ptr<SqliteStore>, StoreError> SqliteStore::open(const std::filesystem::path& file)
{
    const auto refused = [&](const std::string& why) {
        return StoreError{"cannot open the store " + file.string() + ": " + why};
    };
    try {
        if (!make_private(file))
            return refused(std::string{std::strerror(errno)} + "; check the path and its permissions");
        std::string error;
        auto key_file = file;
        key_file += ".key";
        auto box = SecretBox::open(key_file, !holds_secrets(file), error);
        if (!box)
            return refused(error);
        return std::unique_ptr<SqliteStore>{new SqliteStore{std::make_unique<Impl>(file, *box)}};
    } catch (const SQLite::Exception& error) {
        if (error.getErrorCode() == SQLITE_NOTADB || error.getErrorCode() == SQLITE_CORRUPT)
            return refused("it is not a SQLite database or it is damaged; restore it from a backup");
        return refused(error.what());
    }
}

SqliteStore::SqliteStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl))
{
}
SqliteStore::~SqliteStore() = default;

boost::system::result<void, StoreError> SqliteStore::serve_alone()
{
    // The key and not the database: SQLite has locks of its own there, and without its key a store serves nobody.
    auto key = impl_->file;
    key += ".key";
    const int fd = ::open(key.c_str(), O_RDONLY | O_CLOEXEC); // it may be for reading only
    if (fd < 0)
        return StoreError{"cannot open " + key.string() + ": " + std::strerror(errno)};
    impl_->serving = fd;
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0)
        return StoreError{"another stepgate serves from the store " + impl_->file.string() +
                          ": stop it, or give this one a store of its own"};
    return {};
}

SqliteStore::result<std::int64_t> SqliteStore::change_counter()
{
    bool full = false;
    {
        const std::lock_guard lock{impl_->mutex};
        full = impl_->full;
    }
    // Where a write failed, reading alone does not show that the store works again.
    return impl_->run(full, [&]() -> result<std::int64_t> {
        if (full)
            impl_->db.exec("UPDATE changes SET users = users + 1"); // SQLite writes nothing where nothing changes
        return impl_->db.execAndGet("SELECT users FROM changes").getInt64();
    });
}

SqliteStore::result<std::vector<UserChange>> SqliteStore::user_changes(std::int64_t after)
{
    constexpr int at_once = 500;
    return impl_->run(false, [&]() -> result<std::vector<UserChange>> {
        std::vector<UserChange> changes;
        SQLite::Statement query{
            impl_->db,
            "SELECT sequence, user, change, made_by, client_address, details, at FROM user_changes WHERE sequence > ? "
            "ORDER BY sequence LIMIT ?"};
        query.bind(1, after);
        query.bind(2, at_once);
        while (query.executeStep())
            changes.push_back({query.getColumn(0).getInt64(),
                               query.getColumn(1).getString(),
                               query.getColumn(2).getString(),
                               {query.getColumn(3).getString(), query.getColumn(4).getString()},
                               read_details(query.getColumn(5).getString()),
                               to_time(query.getColumn(6).getInt64())});
        return changes;
    });
}

SqliteStore::result<void> SqliteStore::forget_user_changes(std::int64_t last)
{
    return impl_->run(true, [&]() -> result<void> {
        SQLite::Statement forget{impl_->db, "DELETE FROM user_changes WHERE sequence <= ?"};
        forget.bind(1, last);
        forget.exec();
        return {};
    });
}

SqliteStore::result<std::string> SqliteStore::lineage(const std::string& listener, const std::string& database)
{
    return impl_->run(false, [&]() -> result<std::string> {
        SQLite::Statement query{impl_->db, "SELECT lineage FROM catalog_lineage WHERE listener = ? AND database = ?"};
        query.bind(1, listener);
        query.bind(2, database);
        return query.executeStep() ? query.getColumn(0).getString() : std::string{};
    });
}

SqliteStore::result<void> SqliteStore::save_lineage(const std::string& listener, const std::string& database,
                                                    const std::string& lineage)
{
    return impl_->run(true, [&]() -> result<void> {
        SQLite::Statement write{impl_->db, "INSERT OR REPLACE INTO catalog_lineage VALUES (?, ?, ?)"};
        write.bind(1, listener);
        write.bind(2, database);
        write.bind(3, lineage);
        write.exec();
        return {};
    });
}

} // namespace stepgate::proxy::store
