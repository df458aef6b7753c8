// Short-lived passwords for databases: only their verifiers.
#include "proxy/store/sqlite_impl.h"

namespace stepgate::proxy::store
{

SqliteStore::result<void> SqliteStore::add_database_password(const DatabasePassword& password)
{
    return impl_->run(true, [&]() -> result<void> {
        SQLite::Statement forget{impl_->db, "DELETE FROM database_passwords WHERE expires <= ?"};
        forget.bind(1, to_column(password.created));
        forget.exec();
        SQLite::Statement insert{
            impl_->db, "INSERT INTO database_passwords (id, user, verifier, created, expires) VALUES (?, ?, ?, ?, ?)"};
        insert.bind(1, password.id);
        insert.bind(2, password.user);
        insert.bind(3, password.verifier);
        insert.bind(4, to_column(password.created));
        insert.bind(5, to_column(password.expires));
        insert.exec();
        return {};
    });
}

SqliteStore::result<std::vector<SqliteStore::DatabasePassword>> SqliteStore::database_passwords(const std::string& user,
                                                                                                TimePoint now)
{
    return impl_->run(false, [&]() -> result<std::vector<DatabasePassword>> {
        SQLite::Statement query{impl_->db, "SELECT id, user, verifier, created, expires FROM database_passwords "
                                           "WHERE expires > ? AND (user = ? OR ? = '') ORDER BY created DESC, id"};
        query.bind(1, to_column(now));
        query.bind(2, user);
        query.bind(3, user);
        std::vector<DatabasePassword> found;
        while (query.executeStep())
            found.push_back({query.getColumn(0).getString(), query.getColumn(1).getString(),
                             query.getColumn(2).getString(), to_time(query.getColumn(3).getInt64()),
                             to_time(query.getColumn(4).getInt64())});
        return found;
    });
}

SqliteStore::result<void> SqliteStore::remove_database_password(const std::string& user, const std::string& id)
{
    return impl_->run(true, [&]() -> result<void> {
        SQLite::Statement erase{impl_->db, "DELETE FROM database_passwords WHERE user = ? AND (id = ? OR ? = '')"};
        erase.bind(1, user);
        erase.bind(2, id);
        erase.bind(3, id);
        if (erase.exec() == 0 && !id.empty())
            return boost::system::error_code{errc::not_found};
        return {};
    });
}

} // namespace stepgate::proxy::store
