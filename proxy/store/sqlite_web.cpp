// Enrolment links and browser sessions: only hashes of their tokens.
#include "proxy/store/sqlite_impl.h"

#include "challenge-web/accounts/clock.h"

namespace stepgate::proxy::store
{

using challenge_web::accounts::clock_slack;

namespace
{

/// The columns of a session from the first on; the token's hash is the caller's to set.
SqliteStore::WebSession read_web_session(SQLite::Statement& query)
{
    SqliteStore::WebSession session;
    session.user = query.getColumn(0).getString();
    session.csrf = query.getColumn(1).getString();
    session.enrolment_only = query.getColumn(2).getInt() != 0;
    session.strong = query.getColumn(3).getInt() != 0;
    session.created = to_time(query.getColumn(4).getInt64());
    session.last_seen = to_time(query.getColumn(5).getInt64());
    session.expires = to_time(query.getColumn(6).getInt64());
    session.client_address = query.getColumn(7).getString();
    session.user_agent = query.getColumn(8).getString();
    return session;
}

} // namespace

SqliteStore::result<void> SqliteStore::add_enrolment(const std::string& token_hash, const std::string& user,
                                                     TimePoint expires, const ChangedBy& by)
{
    return impl_->run(true, [&]() -> result<void> {
        Noting noting{impl_->db};
        // Who asks for another one has lost it, or fears that somebody else has it.
        SQLite::Statement forget{impl_->db, "DELETE FROM enrolments WHERE user = ? AND redeemed IS NULL"};
        forget.bind(1, user);
        forget.exec();
        SQLite::Statement end{impl_->db, "DELETE FROM web_sessions WHERE user = ? AND enrolment_only"};
        end.bind(1, user);
        end.exec();
        SQLite::Statement insert{impl_->db, "INSERT INTO enrolments (token_hash, user, expires) VALUES (?, ?, ?)"};
        bind_blob(insert, 1, token_hash);
        insert.bind(2, user);
        insert.bind(3, to_column(expires));
        insert.exec();
        noting.by(by);
        return {};
    });
}

SqliteStore::result<std::string> SqliteStore::redeem_enrolment(const std::string& token_hash, TimePoint now)
{
    return impl_->run(true, [&]() -> result<std::string> {
        SQLite::Statement query{impl_->db, "SELECT user, expires, redeemed FROM enrolments WHERE token_hash = ?"};
        bind_blob(query, 1, token_hash);
        if (!query.executeStep())
            return boost::system::error_code{errc::not_found};
        if (!query.getColumn(2).isNull())
            return boost::system::error_code{errc::used};
        if (to_time(query.getColumn(1).getInt64()) <= now)
            return boost::system::error_code{errc::expired};
        const std::string user = query.getColumn(0).getString();
        query.reset();
        SQLite::Statement spend{impl_->db,
                                "UPDATE enrolments SET redeemed = ? WHERE token_hash = ? AND redeemed IS NULL"};
        spend.bind(1, to_column(now));
        bind_blob(spend, 2, token_hash);
        if (spend.exec() != 1)
            return boost::system::error_code{errc::used};
        return user;
    });
}

SqliteStore::result<void> SqliteStore::add_web_session(const WebSession& session)
{
    return impl_->run(true, [&]() -> result<void> {
        SQLite::Statement forget{impl_->db, "DELETE FROM web_sessions WHERE expires <= ?"};
        forget.bind(1, to_column(session.created));
        forget.exec();
        SQLite::Statement insert{
            impl_->db, "INSERT INTO web_sessions (token_hash, user, csrf, enrolment_only, strong, created, last_seen, "
                       "expires, client_address, user_agent) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"};
        bind_blob(insert, 1, session.token_hash);
        insert.bind(2, session.user);
        insert.bind(3, session.csrf);
        insert.bind(4, int{session.enrolment_only});
        insert.bind(5, int{session.strong});
        insert.bind(6, to_column(session.created));
        insert.bind(7, to_column(session.last_seen));
        insert.bind(8, to_column(session.expires));
        insert.bind(9, session.client_address);
        insert.bind(10, session.user_agent);
        insert.exec();
        return {};
    });
}

SqliteStore::result<std::optional<SqliteStore::WebSession>> SqliteStore::find_web_session(const std::string& token_hash,
                                                                                          TimePoint now)
{
    return impl_->run(false, [&]() -> result<std::optional<WebSession>> {
        // The session of a user who was disabled is no session, from the next request on.
        SQLite::Statement query{
            impl_->db, "SELECT s.user, csrf, enrolment_only, strong, s.created, last_seen, expires, client_address, "
                       "user_agent FROM web_sessions s JOIN users u ON u.name = s.user AND NOT u.disabled "
                       "WHERE token_hash = ? AND expires > ? AND s.created <= ?"};
        bind_blob(query, 1, token_hash);
        query.bind(2, to_column(now));
        query.bind(3, to_column(now + clock_slack));
        if (!query.executeStep())
            return std::optional<WebSession>{};
        auto session = read_web_session(query);
        session.token_hash = token_hash;
        return std::optional{session};
    });
}

SqliteStore::result<std::vector<SqliteStore::WebSession>> SqliteStore::web_sessions(const std::string& user,
                                                                                    TimePoint now)
{
    return impl_->run(false, [&]() -> result<std::vector<WebSession>> {
        SQLite::Statement query{
            impl_->db,
            "SELECT user, csrf, enrolment_only, strong, created, last_seen, expires, client_address, user_agent, "
            "token_hash FROM web_sessions WHERE user = ? AND expires > ? ORDER BY created DESC, token_hash"};
        query.bind(1, user);
        query.bind(2, to_column(now));
        std::vector<WebSession> found;
        while (query.executeStep()) {
            found.push_back(read_web_session(query));
            found.back().token_hash = query.getColumn(9).getString();
        }
        return found;
    });
}

SqliteStore::result<void> SqliteStore::touch_web_session(const std::string& token_hash, TimePoint now)
{
    return impl_->run(true, [&]() -> result<void> {
        SQLite::Statement update{impl_->db, "UPDATE web_sessions SET last_seen = ? WHERE token_hash = ?"};
        update.bind(1, to_column(now));
        bind_blob(update, 2, token_hash);
        if (update.exec() == 0)
            return boost::system::error_code{errc::not_found};
        return {};
    });
}

SqliteStore::result<void> SqliteStore::remove_web_session(const std::string& token_hash)
{
    return impl_->run(true, [&]() -> result<void> {
        SQLite::Statement erase{impl_->db, "DELETE FROM web_sessions WHERE token_hash = ?"};
        bind_blob(erase, 1, token_hash);
        erase.exec();
        return {};
    });
}

SqliteStore::result<void> SqliteStore::remove_web_sessions_of(const std::string& user)
{
    return impl_->run(true, [&]() -> result<void> {
        SQLite::Statement erase{impl_->db, "DELETE FROM web_sessions WHERE user = ?"};
        erase.bind(1, user);
        erase.exec();
        return {};
    });
}

} // namespace stepgate::proxy::store
