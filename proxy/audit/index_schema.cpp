#include "proxy/audit/index_schema.h"

#include "proxy/audit/index.h"

#include <SQLiteCpp/SQLiteCpp.h>

#include <fcntl.h>
#include <string>
#include <unistd.h>

namespace stepgate::proxy::audit
{

namespace
{

constexpr int busy_ms = 5000;

constexpr const char* schema = R"sql(
CREATE TABLE state (cursor INTEGER NOT NULL, cursor_hash TEXT NOT NULL) STRICT;
INSERT INTO state VALUES (0, '');
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, number INTEGER NOT NULL, user TEXT NOT NULL, listener TEXT NOT NULL,
    database TEXT NOT NULL, client_address TEXT NOT NULL, started INTEGER NOT NULL, ended INTEGER) STRICT;
CREATE INDEX sessions_name ON sessions(name);
CREATE INDEX sessions_user ON sessions(user);
CREATE INDEX sessions_open ON sessions(id) WHERE ended IS NULL;
CREATE TABLE texts (id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, text TEXT NOT NULL) STRICT;
CREATE VIRTUAL TABLE words USING fts5(text, content = 'texts', content_rowid = 'id', tokenize = "unicode61 tokenchars '_'");
CREATE TABLE entries (
    sequence INTEGER PRIMARY KEY, last_sequence INTEGER NOT NULL, time INTEGER NOT NULL, last_time INTEGER NOT NULL,
    type TEXT NOT NULL, session_id INTEGER, session TEXT, user TEXT, text INTEGER, action TEXT,
    rules TEXT, labels TEXT, kinds TEXT, tables TEXT, count INTEGER NOT NULL, errors INTEGER NOT NULL,
    rows INTEGER, duration_ns INTEGER, sqlstate TEXT, challenge TEXT, details TEXT) STRICT;
CREATE INDEX entries_session ON entries(session_id, sequence);
CREATE INDEX entries_text ON entries(text, sequence) WHERE text IS NOT NULL;
CREATE INDEX entries_special ON entries(type, sequence) WHERE type <> 'statement';
CREATE INDEX entries_held ON entries(action, sequence) WHERE action <> 'allow';
CREATE INDEX entries_challenge ON entries(challenge) WHERE challenge IS NOT NULL;
CREATE TABLE tags (tag TEXT NOT NULL, sequence INTEGER NOT NULL, PRIMARY KEY (tag, sequence)) STRICT, WITHOUT ROWID;
CREATE TABLE rule_hours (
    rule TEXT NOT NULL, hour INTEGER NOT NULL, matched INTEGER NOT NULL, held INTEGER NOT NULL, approved INTEGER NOT NULL,
    denied INTEGER NOT NULL, expired INTEGER NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (rule, hour)) STRICT, WITHOUT ROWID;
)sql";

void make_private(const std::filesystem::path& file)
{
    const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0)
        ::close(fd);
}

SQLite::Database open(const std::filesystem::path& file)
{
    make_private(file);
    SQLite::Database db{file.string(), SQLite::OPEN_READWRITE, busy_ms};
    db.exec("PRAGMA journal_mode = WAL");
    db.exec("PRAGMA synchronous = NORMAL"); // a crash may lose the newest batch; the cursor goes with it
    if (db.execAndGet("PRAGMA user_version").getInt() == 0) {
        SQLite::Transaction transaction{db, SQLite::TransactionBehavior::IMMEDIATE};
        db.exec(schema);
        db.exec("PRAGMA user_version = " + std::to_string(Index::version));
        transaction.commit();
    }
    return db;
}

} // namespace

void delete_index(const std::filesystem::path& file)
{
    std::error_code ignored;
    for (const char* suffix : {"", "-wal", "-shm"})
        std::filesystem::remove(file.string() + suffix, ignored);
}

SQLite::Database open_index_for_writing(const std::filesystem::path& file)
{
    try {
        SQLite::Database db = open(file);
        if (db.execAndGet("PRAGMA user_version").getInt() == Index::version)
            return db;
    } catch (const SQLite::Exception& error) {
        const bool damaged =
            error.getErrorCode() == 11 /* SQLITE_CORRUPT */ || error.getErrorCode() == 26 /* SQLITE_NOTADB */;
        if (!damaged)
            throw;
    }
    delete_index(file);
    return open(file);
}

} // namespace stepgate::proxy::audit
