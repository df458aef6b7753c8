// Users and what they got wrong.
#include "proxy/store/sqlite_impl.h"

namespace stepgate::proxy::store
{

namespace
{

using User = challenge_web::accounts::User;

constexpr const char* columns = "name, handle, auditor, admin, disabled, scram_verifier, created, email";

std::vector<std::string> groups_of(SQLite::Database& db, const std::string& user)
{
    std::vector<std::string> groups;
    SQLite::Statement query{db, "SELECT name FROM user_groups WHERE user = ? ORDER BY name"};
    query.bind(1, user);
    while (query.executeStep())
        groups.push_back(query.getColumn(0).getString());
    return groups;
}

User read_user(SQLite::Database& db, SQLite::Statement& row)
{
    User user;
    user.name = row.getColumn(0).getString();
    user.handle = blob(row.getColumn(1));
    user.auditor = row.getColumn(2).getInt() != 0;
    user.admin = row.getColumn(3).getInt() != 0;
    user.disabled = row.getColumn(4).getInt() != 0;
    user.scram_verifier = row.getColumn(5).getString();
    user.created = to_time(row.getColumn(6).getInt64());
    user.email = row.getColumn(7).getString();
    user.groups = groups_of(db, user.name);
    return user;
}

std::optional<User> read_user_named(SQLite::Database& db, const std::string& name)
{
    SQLite::Statement query{db, std::string{"SELECT "} + columns + " FROM users WHERE name = ?"};
    query.bind(1, name);
    if (!query.executeStep())
        return std::nullopt;
    return read_user(db, query);
}

std::string joined(const std::vector<std::string>& groups)
{
    std::string text;
    for (const auto& group : groups)
        text += (text.empty() ? "" : ",") + group;
    return text;
}

void write_groups(SQLite::Database& db, const User& user)
{
    SQLite::Statement clear{db, "DELETE FROM user_groups WHERE user = ?"};
    clear.bind(1, user.name);
    clear.exec();
    for (const auto& group : user.groups) {
        SQLite::Statement insert{db, "INSERT OR IGNORE INTO user_groups (user, name) VALUES (?, ?)"};
        insert.bind(1, user.name);
        insert.bind(2, group);
        insert.exec();
    }
}

/// Groups are written anew each time, so that triggers cannot tell a change.
void change_groups(SQLite::Database& db, const User& user)
{
    const auto before = groups_of(db, user.name);
    write_groups(db, user);
    if (groups_of(db, user.name) == before)
        return;
    SQLite::Statement note{db, "INSERT INTO user_changes (user, change, details) "
                               "VALUES (?, 'groups changed', json_object('groups', ?))"};
    note.bind(1, user.name);
    note.bind(2, joined(user.groups));
    note.exec();
}

} // namespace

SqliteStore::result<std::optional<SqliteStore::User>> SqliteStore::find_user(const std::string& name)
{
    return impl_->run(false, [&]() -> result<std::optional<User>> { return read_user_named(impl_->db, name); });
}

SqliteStore::result<std::optional<SqliteStore::User>> SqliteStore::find_user_by_handle(const std::string& handle)
{
    return impl_->run(false, [&]() -> result<std::optional<User>> {
        SQLite::Statement query{impl_->db, std::string{"SELECT "} + columns + " FROM users WHERE handle = ?"};
        bind_blob(query, 1, handle);
        if (!query.executeStep())
            return std::optional<User>{};
        return std::optional{read_user(impl_->db, query)};
    });
}

SqliteStore::result<std::vector<SqliteStore::User>> SqliteStore::list_users()
{
    return impl_->run(false, [&]() -> result<std::vector<User>> {
        std::vector<User> users;
        SQLite::Statement query{impl_->db, std::string{"SELECT "} + columns + " FROM users ORDER BY name"};
        while (query.executeStep())
            users.push_back(read_user(impl_->db, query));
        return users;
    });
}

SqliteStore::result<void> SqliteStore::add_user(const User& user, const ChangedBy& by)
{
    return impl_->run(true, [&]() -> result<void> {
        Noting noting{impl_->db};
        SQLite::Statement insert{impl_->db,
                                 std::string{"INSERT INTO users ("} + columns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?)"};
        insert.bind(1, user.name);
        bind_blob(insert, 2, user.handle);
        insert.bind(3, int{user.auditor});
        insert.bind(4, int{user.admin});
        insert.bind(5, int{user.disabled});
        insert.bind(6, user.scram_verifier);
        insert.bind(7, to_column(user.created));
        insert.bind(8, user.email);
        insert.exec();
        write_groups(impl_->db, user);
        noting.by(by);
        if (!user.groups.empty())
            noting.detail("groups", joined(user.groups));
        return {};
    });
}

SqliteStore::result<SqliteStore::User>
SqliteStore::change_user(const std::string& name, const std::function<void(User&)>& change, const ChangedBy& by)
{
    return impl_->run(true, [&]() -> result<User> {
        auto found = read_user_named(impl_->db, name);
        if (!found)
            return boost::system::error_code{errc::not_found};
        auto& user = *found;
        change(user);
        Noting noting{impl_->db};
        SQLite::Statement update{impl_->db, "UPDATE users SET handle = ?, auditor = ?, admin = ?, disabled = ?, "
                                            "scram_verifier = ?, email = ? WHERE name = ?"};
        bind_blob(update, 1, user.handle);
        update.bind(2, int{user.auditor});
        update.bind(3, int{user.admin});
        update.bind(4, int{user.disabled});
        update.bind(5, user.scram_verifier);
        update.bind(6, user.email);
        update.bind(7, name);
        update.exec();
        change_groups(impl_->db, user);
        if (user.disabled)
            erase_all(impl_->db, user.name, "enrolments");
        noting.by(by);
        return user;
    });
}

SqliteStore::result<int> SqliteStore::failures(const std::string& user, const std::string& factor, TimePoint since)
{
    return impl_->run(false, [&]() -> result<int> {
        SQLite::Statement query{impl_->db, "SELECT count(*) FROM failures WHERE user = ? AND factor = ? AND at >= ?"};
        query.bind(1, user);
        query.bind(2, factor);
        query.bind(3, to_column(since));
        query.executeStep();
        return query.getColumn(0).getInt();
    });
}

SqliteStore::result<void> SqliteStore::add_failure(const std::string& user, const std::string& factor, TimePoint now)
{
    return impl_->run(true, [&]() -> result<void> {
        // Nobody looks back further than a day: the table stays small under a guessing attack.
        SQLite::Statement forget{impl_->db, "DELETE FROM failures WHERE user = ? AND factor = ? AND at < ?"};
        forget.bind(1, user);
        forget.bind(2, factor);
        forget.bind(3, to_column(now - std::chrono::hours{24}));
        forget.exec();
        SQLite::Statement insert{impl_->db, "INSERT INTO failures (user, factor, at) VALUES (?, ?, ?)"};
        insert.bind(1, user);
        insert.bind(2, factor);
        insert.bind(3, to_column(now));
        insert.exec();
        return {};
    });
}

SqliteStore::result<void> SqliteStore::clear_failures(const std::string& user, const std::string& factor)
{
    return impl_->run(true, [&]() -> result<void> {
        SQLite::Statement clear{impl_->db, "DELETE FROM failures WHERE user = ? AND factor = ?"};
        clear.bind(1, user);
        clear.bind(2, factor);
        clear.exec();
        return {};
    });
}

} // namespace stepgate::proxy::store
