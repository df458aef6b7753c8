// Browsers that messages are pushed to, and secrets of the installation.
#include "proxy/store/sqlite_impl.h"

#include <sodium/crypto_generichash.h>

namespace stepgate::proxy::store
{

namespace
{

/// Two credentials must not share an endpoint; sealed ones cannot be compared.
std::string endpoint_hash(const std::string& endpoint)
{
    std::string hash(crypto_generichash_BYTES, '\0');
    crypto_generichash(reinterpret_cast<unsigned char*>(hash.data()), hash.size(),
                       reinterpret_cast<const unsigned char*>(endpoint.data()), endpoint.size(), nullptr, 0);
    return hash;
}

constexpr std::size_t public_key_bytes = 65, auth_bytes = 16;

} // namespace

SqliteStore::result<std::vector<SqliteStore::PushCredential>> SqliteStore::pushes(const std::string& user)
{
    return impl_->run(false, [&]() -> result<std::vector<PushCredential>> {
        std::vector<PushCredential> found;
        SQLite::Statement query{impl_->db, "SELECT id, sealed, name, created, last_used FROM pushes "
                                           "WHERE user = ? ORDER BY created, id"};
        query.bind(1, user);
        while (query.executeStep()) {
            PushCredential credential;
            credential.id = blob(query.getColumn(0));
            credential.user = user;
            const auto address = impl_->box.unseal(credential.id, blob(query.getColumn(1)));
            if (!address || address->size() <= public_key_bytes + auth_bytes) // another key, or a changed row
                return boost::system::error_code{errc::store_unavailable};
            credential.public_key = address->substr(0, public_key_bytes);
            credential.auth = address->substr(public_key_bytes, auth_bytes);
            credential.endpoint = address->substr(public_key_bytes + auth_bytes);
            credential.name = query.getColumn(2).getString();
            credential.created = to_time(query.getColumn(3).getInt64());
            if (!query.getColumn(4).isNull())
                credential.last_used = to_time(query.getColumn(4).getInt64());
            found.push_back(std::move(credential));
        }
        return found;
    });
}

SqliteStore::result<void> SqliteStore::add_push(const PushCredential& credential)
{
    return impl_->run(true, [&]() -> result<void> {
        if (credential.public_key.size() != public_key_bytes || credential.auth.size() != auth_bytes)
            return boost::system::error_code{errc::store_unavailable};
        SQLite::Statement insert{
            impl_->db, "INSERT INTO pushes (id, user, endpoint_hash, sealed, name, created) VALUES (?, ?, ?, ?, ?, ?)"};
        bind_blob(insert, 1, credential.id);
        insert.bind(2, credential.user);
        bind_blob(insert, 3, endpoint_hash(credential.endpoint));
        bind_blob(insert, 4,
                  impl_->box.seal(credential.id, credential.public_key + credential.auth + credential.endpoint));
        insert.bind(5, credential.name);
        insert.bind(6, to_column(credential.created));
        insert.exec();
        return {};
    });
}

SqliteStore::result<void> SqliteStore::push_used(const std::string& id, TimePoint now)
{
    return impl_->run(true, [&]() -> result<void> {
        SQLite::Statement update{impl_->db, "UPDATE pushes SET last_used = ? WHERE id = ?"};
        update.bind(1, to_column(now));
        bind_blob(update, 2, id);
        if (update.exec() != 1)
            return boost::system::error_code{errc::not_found};
        return {};
    });
}

SqliteStore::result<std::vector<std::string>> SqliteStore::push_users()
{
    return impl_->run(false, [&]() -> result<std::vector<std::string>> {
        std::vector<std::string> users;
        SQLite::Statement query{impl_->db, "SELECT DISTINCT user FROM pushes"};
        while (query.executeStep())
            users.push_back(query.getColumn(0).getString());
        return users;
    });
}

SqliteStore::result<std::string> SqliteStore::secret(const std::string& name,
                                                     const std::function<std::optional<std::string>()>& make)
{
    return impl_->run(true, [&]() -> result<std::string> {
        SQLite::Statement query{impl_->db, "SELECT sealed FROM secrets WHERE name = ?"};
        query.bind(1, name);
        if (query.executeStep()) {
            const auto kept = impl_->box.unseal("secret " + name, blob(query.getColumn(0)));
            if (!kept)
                return boost::system::error_code{errc::store_unavailable};
            return *kept;
        }
        const auto made = make();
        if (!made)
            return boost::system::error_code{errc::store_unavailable};
        SQLite::Statement insert{impl_->db, "INSERT INTO secrets VALUES (?, ?)"};
        insert.bind(1, name);
        bind_blob(insert, 2, impl_->box.seal("secret " + name, *made));
        insert.exec();
        return *made;
    });
}

} // namespace stepgate::proxy::store
