// Passkeys, authenticator apps, recovery codes and PINs.
#include "proxy/store/sqlite_impl.h"

#include <sodium/utils.h>

#include <utility>

namespace stepgate::proxy::store
{

namespace
{

using PasskeyCredential = challenge_web::accounts::PasskeyCredential;

constexpr const char* passkey_columns =
    "SELECT id, user, public_key, algorithm, sign_count, name, created, last_used FROM passkeys";

PasskeyCredential read_passkey(SQLite::Statement& row)
{
    PasskeyCredential credential;
    credential.id = blob(row.getColumn(0));
    credential.user = row.getColumn(1).getString();
    credential.public_key = blob(row.getColumn(2));
    credential.algorithm = row.getColumn(3).getInt();
    credential.sign_count = static_cast<std::uint32_t>(row.getColumn(4).getInt64());
    credential.name = row.getColumn(5).getString();
    credential.created = to_time(row.getColumn(6).getInt64());
    if (!row.getColumn(7).isNull())
        credential.last_used = to_time(row.getColumn(7).getInt64());
    return credential;
}

/// Where the credentials of each factor are.
constexpr std::pair<const char*, const char*> factor_tables[] = {{"passkey", "passkeys"},
                                                                 {"totp", "totps"},
                                                                 {"recovery_code", "recovery_sheets"},
                                                                 {"pin", "pins"},
                                                                 {"push", "pushes"}};

/// Ids of passkeys are any bytes.
std::string public_id(const std::string& factor, const std::string& id)
{
    if (factor != "passkey")
        return id;
    constexpr int variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
    std::string text(sodium_base64_encoded_len(id.size(), variant), '\0');
    sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(id.data()), id.size(), variant);
    text.pop_back(); // the 0 behind it
    return text;
}

void note_removals(SQLite::Database& db, const std::string& user, const char* factor, const char* table)
{
    SQLite::Statement query{db, std::string{"SELECT id FROM "} + table + " WHERE user = ?"};
    query.bind(1, user);
    while (query.executeStep()) {
        SQLite::Statement note{db, "INSERT INTO user_changes (user, change, details) VALUES (?, 'factor removed', "
                                   "json_object('factor', ?, 'credential', ?))"};
        note.bind(1, user);
        note.bind(2, factor);
        note.bind(3, public_id(factor, blob(query.getColumn(0))));
        note.exec();
    }
}

bool exists(SQLite::Database& db, const char* sql, const std::string& id)
{
    SQLite::Statement query{db, sql};
    bind_blob(query, 1, id);
    return query.executeStep();
}

} // namespace

SqliteStore::result<std::vector<SqliteStore::PasskeyCredential>> SqliteStore::passkeys(const std::string& user)
{
    return impl_->run(false, [&]() -> result<std::vector<PasskeyCredential>> {
        std::vector<PasskeyCredential> found;
        SQLite::Statement query{impl_->db, std::string{passkey_columns} + " WHERE user = ? ORDER BY created, id"};
        query.bind(1, user);
        while (query.executeStep())
            found.push_back(read_passkey(query));
        return found;
    });
}

SqliteStore::result<std::optional<SqliteStore::PasskeyCredential>> SqliteStore::find_passkey(const std::string& id)
{
    return impl_->run(false, [&]() -> result<std::optional<PasskeyCredential>> {
        SQLite::Statement query{impl_->db, std::string{passkey_columns} + " WHERE id = ?"};
        bind_blob(query, 1, id);
        if (!query.executeStep())
            return std::optional<PasskeyCredential>{};
        return std::optional{read_passkey(query)};
    });
}

SqliteStore::result<void> SqliteStore::add_passkey(const PasskeyCredential& credential)
{
    return impl_->run(true, [&]() -> result<void> {
        SQLite::Statement insert{impl_->db,
                                 "INSERT INTO passkeys (id, user, public_key, algorithm, sign_count, name, created) "
                                 "VALUES (?, ?, ?, ?, ?, ?, ?)"};
        bind_blob(insert, 1, credential.id);
        insert.bind(2, credential.user);
        bind_blob(insert, 3, credential.public_key);
        insert.bind(4, credential.algorithm);
        insert.bind(5, std::int64_t{credential.sign_count});
        insert.bind(6, credential.name);
        insert.bind(7, to_column(credential.created));
        insert.exec();
        return {};
    });
}

SqliteStore::result<void> SqliteStore::passkey_used(const std::string& id, std::uint32_t sign_count, TimePoint now)
{
    return impl_->run(true, [&]() -> result<void> {
        // Web Authentication 7.2, step 22: it grows, unless the authenticator has no counter (both zero).
        SQLite::Statement update{impl_->db, "UPDATE passkeys SET sign_count = ?1, last_used = ?2 WHERE id = ?3 "
                                            "AND (sign_count < ?1 OR (sign_count = 0 AND ?1 = 0))"};
        update.bind(1, std::int64_t{sign_count});
        update.bind(2, to_column(now));
        bind_blob(update, 3, id);
        if (update.exec() == 1)
            return {};
        const bool known = exists(impl_->db, "SELECT 1 FROM passkeys WHERE id = ?", id);
        return boost::system::error_code{known ? errc::replayed : errc::not_found};
    });
}

SqliteStore::result<std::vector<SqliteStore::TotpCredential>> SqliteStore::totps(const std::string& user)
{
    return impl_->run(false, [&]() -> result<std::vector<TotpCredential>> {
        std::vector<TotpCredential> found;
        SQLite::Statement query{impl_->db, "SELECT id, user, sealed_secret, last_step, name, created FROM totps "
                                           "WHERE user = ? ORDER BY created, id"};
        query.bind(1, user);
        while (query.executeStep()) {
            TotpCredential credential;
            credential.id = blob(query.getColumn(0));
            credential.user = query.getColumn(1).getString();
            auto secret = impl_->box.unseal(credential.id, blob(query.getColumn(2)));
            if (!secret) // another key, or a changed row: no code may pass
                return boost::system::error_code{errc::store_unavailable};
            credential.secret = std::move(*secret);
            credential.last_step = query.getColumn(3).getInt64();
            credential.name = query.getColumn(4).getString();
            credential.created = to_time(query.getColumn(5).getInt64());
            found.push_back(std::move(credential));
        }
        return found;
    });
}

SqliteStore::result<void> SqliteStore::add_totp(const TotpCredential& credential)
{
    return impl_->run(true, [&]() -> result<void> {
        SQLite::Statement insert{
            impl_->db,
            "INSERT INTO totps (id, user, sealed_secret, last_step, name, created) VALUES (?, ?, ?, ?, ?, ?)"};
        bind_blob(insert, 1, credential.id);
        insert.bind(2, credential.user);
        bind_blob(insert, 3, impl_->box.seal(credential.id, credential.secret));
        insert.bind(4, credential.last_step);
        insert.bind(5, credential.name);
        insert.bind(6, to_column(credential.created));
        insert.exec();
        return {};
    });
}

SqliteStore::result<void> SqliteStore::totp_used(const std::string& id, std::int64_t step, TimePoint now)
{
    return impl_->run(true, [&]() -> result<void> {
        SQLite::Statement update{impl_->db,
                                 "UPDATE totps SET last_step = ?1, last_used = ?2 WHERE id = ?3 AND last_step < ?1"};
        update.bind(1, step);
        update.bind(2, to_column(now));
        bind_blob(update, 3, id);
        if (update.exec() == 1)
            return {};
        const bool known = exists(impl_->db, "SELECT 1 FROM totps WHERE id = ?", id);
        return boost::system::error_code{known ? errc::replayed : errc::not_found};
    });
}

SqliteStore::result<std::optional<SqliteStore::RecoverySheet>> SqliteStore::recovery_sheet(const std::string& user)
{
    return impl_->run(false, [&]() -> result<std::optional<RecoverySheet>> {
        SQLite::Statement query{impl_->db, "SELECT id, name, created, last_used FROM recovery_sheets WHERE user = ?"};
        query.bind(1, user);
        if (!query.executeStep())
            return std::optional<RecoverySheet>{};
        RecoverySheet sheet;
        sheet.id = blob(query.getColumn(0));
        sheet.user = user;
        sheet.name = query.getColumn(1).getString();
        sheet.created = to_time(query.getColumn(2).getInt64());
        if (!query.getColumn(3).isNull())
            sheet.last_used = to_time(query.getColumn(3).getInt64());
        SQLite::Statement codes{impl_->db, "SELECT hash FROM recovery_codes WHERE sheet = ?"};
        bind_blob(codes, 1, sheet.id);
        while (codes.executeStep())
            sheet.unused.push_back(blob(codes.getColumn(0)));
        return std::optional{std::move(sheet)};
    });
}

SqliteStore::result<void> SqliteStore::add_recovery_sheet(const RecoverySheet& sheet)
{
    return impl_->run(true, [&]() -> result<void> {
        SQLite::Statement insert{impl_->db,
                                 "INSERT INTO recovery_sheets (id, user, name, created) VALUES (?, ?, ?, ?)"};
        bind_blob(insert, 1, sheet.id);
        insert.bind(2, sheet.user);
        insert.bind(3, sheet.name);
        insert.bind(4, to_column(sheet.created));
        insert.exec();
        SQLite::Statement code{impl_->db, "INSERT INTO recovery_codes (sheet, hash) VALUES (?, ?)"};
        for (const auto& hash : sheet.unused) {
            code.reset();
            bind_blob(code, 1, sheet.id);
            bind_blob(code, 2, hash);
            code.exec();
        }
        return {};
    });
}

SqliteStore::result<void> SqliteStore::recovery_code_used(const std::string& id, const std::string& hash, TimePoint now)
{
    return impl_->run(true, [&]() -> result<void> {
        SQLite::Statement spend{impl_->db, "DELETE FROM recovery_codes WHERE sheet = ? AND hash = ?"};
        bind_blob(spend, 1, id);
        bind_blob(spend, 2, hash);
        if (spend.exec() != 1)
            return boost::system::error_code{errc::not_found};
        SQLite::Statement update{impl_->db, "UPDATE recovery_sheets SET last_used = ? WHERE id = ?"};
        update.bind(1, to_column(now));
        bind_blob(update, 2, id);
        update.exec();
        return {};
    });
}

SqliteStore::result<std::optional<SqliteStore::PinCredential>> SqliteStore::pin(const std::string& user)
{
    return impl_->run(false, [&]() -> result<std::optional<PinCredential>> {
        SQLite::Statement query{impl_->db, "SELECT id, hash, name, created, last_used FROM pins WHERE user = ?"};
        query.bind(1, user);
        if (!query.executeStep())
            return std::optional<PinCredential>{};
        PinCredential credential;
        credential.id = blob(query.getColumn(0));
        credential.user = user;
        credential.hash = query.getColumn(1).getString();
        credential.name = query.getColumn(2).getString();
        credential.created = to_time(query.getColumn(3).getInt64());
        if (!query.getColumn(4).isNull())
            credential.last_used = to_time(query.getColumn(4).getInt64());
        return std::optional{std::move(credential)};
    });
}

SqliteStore::result<void> SqliteStore::set_pin(const PinCredential& credential)
{
    return impl_->run(true, [&]() -> result<void> {
        SQLite::Statement write{impl_->db,
                                "INSERT OR REPLACE INTO pins (user, id, hash, name, created) VALUES (?, ?, ?, ?, ?)"};
        write.bind(1, credential.user);
        bind_blob(write, 2, credential.id);
        write.bind(3, credential.hash);
        write.bind(4, credential.name);
        write.bind(5, to_column(credential.created));
        write.exec();
        return {};
    });
}

SqliteStore::result<void> SqliteStore::pin_used(const std::string& id, TimePoint now)
{
    return impl_->run(true, [&]() -> result<void> {
        SQLite::Statement update{impl_->db, "UPDATE pins SET last_used = ? WHERE id = ?"};
        update.bind(1, to_column(now));
        bind_blob(update, 2, id);
        if (update.exec() != 1)
            return boost::system::error_code{errc::not_found};
        return {};
    });
}

SqliteStore::result<void> SqliteStore::remove_credential(const std::string& user, const std::string& id)
{
    return impl_->run(true, [&]() -> result<void> {
        int removed = 0;
        for (const auto& [factor, table] : factor_tables) {
            SQLite::Statement erase{impl_->db, std::string{"DELETE FROM "} + table + " WHERE user = ? AND id = ?"};
            erase.bind(1, user);
            bind_blob(erase, 2, id);
            removed += erase.exec();
        }
        if (removed == 0)
            return boost::system::error_code{errc::not_found};
        return {};
    });
}

SqliteStore::result<void> SqliteStore::reset_factors(const std::string& user, const ChangedBy& by)
{
    return impl_->run(true, [&]() -> result<void> {
        Noting noting{impl_->db};
        for (const auto& [factor, table] : factor_tables) {
            note_removals(impl_->db, user, factor, table);
            erase_all(impl_->db, user, table);
        }
        for (const char* table : {"web_sessions", "api_tokens", "database_passwords", "enrolments"})
            erase_all(impl_->db, user, table);
        noting.by(by);
        return {};
    });
}

} // namespace stepgate::proxy::store
