// API tokens: only hashes of them, and from where they were used.
#include "proxy/store/sqlite_impl.h"

#include "challenge-web/accounts/clock.h"

#include <sstream>

namespace stepgate::proxy::store
{

using challenge_web::accounts::clock_slack;

namespace
{

// The columns that `read_api_token` reads, in its order.
constexpr const char* token_columns = "SELECT t.id, t.user, t.name, t.scopes, t.created, t.expires, t.last_used, "
                                      "t.last_address, t.hash FROM api_tokens t ";

SqliteStore::ApiToken read_api_token(SQLite::Statement& query)
{
    SqliteStore::ApiToken token;
    token.id = query.getColumn(0).getString();
    token.user = query.getColumn(1).getString();
    token.name = query.getColumn(2).getString();
    std::istringstream scopes{query.getColumn(3).getString()};
    for (std::string scope; scopes >> scope;)
        token.scopes.push_back(scope);
    token.created = to_time(query.getColumn(4).getInt64());
    token.expires = to_time(query.getColumn(5).getInt64());
    if (!query.getColumn(6).isNull())
        token.last_used = to_time(query.getColumn(6).getInt64());
    token.last_address = query.getColumn(7).getString();
    token.hash = blob(query.getColumn(8));
    return token;
}

} // namespace

SqliteStore::result<void> SqliteStore::add_api_token(const ApiToken& token, const ChangedBy& by)
{
    return impl_->run(true, [&]() -> result<void> {
        Noting expiring{impl_->db};
        SQLite::Statement forget{impl_->db, "DELETE FROM api_tokens WHERE expires <= ?"};
        forget.bind(1, to_column(token.created));
        forget.exec();
        expiring.detail("reason", "expired");
        Noting noting{impl_->db};
        std::string scopes;
        for (const auto& scope : token.scopes)
            scopes += (scopes.empty() ? "" : " ") + scope;
        SQLite::Statement insert{impl_->db, "INSERT INTO api_tokens (id, user, hash, name, scopes, created, expires) "
                                            "VALUES (?, ?, ?, ?, ?, ?, ?)"};
        insert.bind(1, token.id);
        insert.bind(2, token.user);
        bind_blob(insert, 3, token.hash);
        insert.bind(4, token.name);
        insert.bind(5, scopes);
        insert.bind(6, to_column(token.created));
        insert.bind(7, to_column(token.expires));
        insert.exec();
        noting.by(by);
        return {};
    });
}

SqliteStore::result<std::vector<SqliteStore::ApiToken>> SqliteStore::api_tokens(const std::string& user, TimePoint now)
{
    return impl_->run(false, [&]() -> result<std::vector<ApiToken>> {
        SQLite::Statement query{impl_->db, std::string{token_columns} + "WHERE expires > ?1 AND (?2 = '' OR user = ?2) "
                                                                        "ORDER BY created DESC, id"};
        query.bind(1, to_column(now));
        query.bind(2, user);
        std::vector<ApiToken> found;
        while (query.executeStep())
            found.push_back(read_api_token(query));
        return found;
    });
}

SqliteStore::result<std::optional<SqliteStore::ApiToken>> SqliteStore::find_api_token(const std::string& hash,
                                                                                      TimePoint now)
{
    return impl_->run(false, [&]() -> result<std::optional<ApiToken>> {
        SQLite::Statement query{impl_->db, std::string{token_columns} +
                                               "JOIN users u ON u.name = t.user AND NOT u.disabled "
                                               "WHERE t.hash = ? AND t.expires > ? AND t.created <= ?"};
        bind_blob(query, 1, hash);
        query.bind(2, to_column(now));
        query.bind(3, to_column(now + clock_slack));
        if (!query.executeStep())
            return std::optional<ApiToken>{};
        return std::optional{read_api_token(query)};
    });
}

SqliteStore::result<int> SqliteStore::api_token_knows(const std::string& id, const std::string& address)
{
    return impl_->run(false, [&]() -> result<int> {
        SQLite::Statement query{impl_->db, "SELECT 1 FROM api_token_addresses WHERE token = ? AND address = ?"};
        query.bind(1, id);
        query.bind(2, address);
        return query.executeStep() ? 1 : 0;
    });
}

SqliteStore::result<void> SqliteStore::api_token_used(const std::string& id, const std::string& address, TimePoint now)
{
    return impl_->run(true, [&]() -> result<void> {
        SQLite::Statement update{impl_->db, "UPDATE api_tokens SET last_used = ?, last_address = ? WHERE id = ?"};
        update.bind(1, to_column(now));
        update.bind(2, address);
        update.bind(3, id);
        if (update.exec() == 0)
            return boost::system::error_code{errc::not_found};
        SQLite::Statement known{impl_->db, "INSERT OR IGNORE INTO api_token_addresses (token, address) VALUES (?, ?)"};
        known.bind(1, id);
        known.bind(2, address);
        known.exec();
        return {};
    });
}

SqliteStore::result<void> SqliteStore::remove_api_token(const std::string& user, const std::string& id,
                                                        const ChangedBy& by)
{
    return impl_->run(true, [&]() -> result<void> {
        Noting noting{impl_->db};
        SQLite::Statement erase{impl_->db, "DELETE FROM api_tokens WHERE user = ?1 AND (?2 = '' OR id = ?2)"};
        erase.bind(1, user);
        erase.bind(2, id);
        if (erase.exec() == 0 && !id.empty())
            return boost::system::error_code{errc::not_found};
        noting.by(by);
        return {};
    });
}

} // namespace stepgate::proxy::store
