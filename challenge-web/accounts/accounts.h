#pragma once

#include "challenge-web/accounts/errc.h"

#include <boost/system/result.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace stepgate::challenge_web::accounts
{

using TimePoint = std::chrono::system_clock::time_point;
template <class T>
using result = boost::system::result<T>;

/// Someone who connects, approves or reviews.
struct User {
    std::string name;                // as in the database client's user name
    std::string handle;              // WebAuthn user handle: 32 random bytes, never shown
    std::vector<std::string> groups; // sorted
    bool auditor = false;            // may read the audit of everyone
    bool admin = false;
    bool disabled = false;
    std::string email;          // where codes and notes go; "": nowhere
    std::string scram_verifier; // "SCRAM-SHA-256$4096:salt$StoredKey:ServerKey", as PostgreSQL stores it
    TimePoint created{};
};

struct PasskeyCredential {
    std::string id; // raw credential id
    std::string user;
    std::string public_key; // COSE_Key bytes
    int algorithm = 0;      // COSE: -7, -257
    std::uint32_t sign_count = 0;
    std::string name; // "MacBook", chosen by the user
    TimePoint created{};
    std::optional<TimePoint> last_used;
};

struct TotpCredential {
    std::string id; // random, 16 hex digits
    std::string user;
    std::string secret;         // raw bytes in memory; encrypted at rest by the store
    std::int64_t last_step = 0; // newest accepted time step: only later ones are accepted
    std::string name;
    TimePoint created{};
};

/// A user's recovery codes, each good once. Only hashes are stored.
struct RecoverySheet {
    std::string id; // random, 16 hex digits
    std::string user;
    std::vector<std::string> unused; // SHA-256 of the codes that are left
    std::string name;
    TimePoint created{};
    std::optional<TimePoint> last_used;
};

/// What a user remembers; one each.
struct PinCredential {
    std::string id; // random, 16 hex digits; a new one with every change
    std::string user;
    std::string hash; // "$argon2id$…"
    std::string name;
    TimePoint created{};
    std::optional<TimePoint> last_used;
};

/// A browser that messages can be pushed to (Push API). Where and how is encrypted at rest by the store: who knows it
/// could write to the user.
struct PushCredential {
    std::string id; // random, 16 hex digits
    std::string user;
    std::string endpoint;   // address at the browser's push service; no two credentials share one
    std::string public_key; // "p256dh": raw bytes
    std::string auth;       // raw bytes
    std::string name;
    TimePoint created{};
    std::optional<TimePoint> last_used;
};

/// A password for databases that ends by itself. Only its verifier is stored, with the salt of the user's own one.
struct DatabasePassword {
    std::string id; // random, 16 hex digits
    std::string user;
    std::string verifier;
    TimePoint created{}, expires{};
};

/// For programs: what of the API they may use in a user's name. Only a hash of it is stored.
struct ApiToken {
    std::string id; // random, 16 hex digits
    std::string user;
    std::string hash;                // SHA-256 of the token
    std::string name;                // "backup job", chosen by the user
    std::vector<std::string> scopes; // sorted; scope.h
    TimePoint created{}, expires{};
    std::optional<TimePoint> last_used;
    std::string last_address; // "": never used
};

/// Who changes a user: the audit is told, by what the store notes of the change.
struct ChangedBy {
    std::string name;           // a user's, or "command line"
    std::string client_address; // of their browser or program; "": there is none
};

/// A browser's session. Only a hash of the cookie's token is stored.
struct WebSession {
    std::string token_hash; // SHA-256 of the cookie value
    std::string user;
    std::string csrf;            // token the pages send back in X-CSRF-Token
    bool enrolment_only = false; // made by an enrolment link: may add a first factor, nothing else
    bool strong = false;         // signed in with a phishing-resistant factor
    TimePoint created{}, last_seen{}, expires{};
    std::string client_address, user_agent;
};

/// Users, their credentials, enrolment links and web sessions. Blocking; thread-safe; implemented by proxy/store.
/// Every method fails with errc::store_unavailable when the store is gone: callers refuse then.
class Accounts
{
  public:
    virtual ~Accounts() = default;

    [[nodiscard]] virtual result<std::optional<User>> find_user(const std::string& name) = 0;
    [[nodiscard]] virtual result<std::optional<User>> find_user_by_handle(const std::string& handle) = 0;
    [[nodiscard]] virtual result<std::vector<User>> list_users() = 0;
    [[nodiscard]] virtual result<void> add_user(const User& user, const ChangedBy& by) = 0; // errc::exists
    /// Stores what `change` makes of all but the name, and answers with it. Read and written in one transaction: what
    /// somebody else changes meanwhile stays. errc::not_found.
    [[nodiscard]] virtual result<User> change_user(const std::string& name, const std::function<void(User&)>& change,
                                                   const ChangedBy& by) = 0;

    [[nodiscard]] virtual result<std::vector<PasskeyCredential>> passkeys(const std::string& user) = 0;
    [[nodiscard]] virtual result<std::optional<PasskeyCredential>> find_passkey(const std::string& id) = 0;
    [[nodiscard]] virtual result<void> add_passkey(const PasskeyCredential& credential) = 0;
    /// Stores the counter of a verified assertion. errc::replayed if it does not grow (and either is non-zero):
    /// checked and set in one transaction.
    [[nodiscard]] virtual result<void> passkey_used(const std::string& id, std::uint32_t sign_count, TimePoint now) = 0;

    [[nodiscard]] virtual result<std::vector<TotpCredential>> totps(const std::string& user) = 0;
    [[nodiscard]] virtual result<void> add_totp(const TotpCredential& credential) = 0;
    /// Claims a time step: errc::replayed if it is not newer than the last one. One transaction.
    [[nodiscard]] virtual result<void> totp_used(const std::string& id, std::int64_t step, TimePoint now) = 0;

    [[nodiscard]] virtual result<std::optional<RecoverySheet>> recovery_sheet(const std::string& user) = 0;
    /// errc::exists: a user has one at a time.
    [[nodiscard]] virtual result<void> add_recovery_sheet(const RecoverySheet& sheet) = 0;
    /// Spends a code of the sheet; errc::not_found: it has no such code, or none any more. One transaction.
    [[nodiscard]] virtual result<void> recovery_code_used(const std::string& id, const std::string& hash,
                                                          TimePoint now) = 0;

    [[nodiscard]] virtual result<std::optional<PinCredential>> pin(const std::string& user) = 0;
    /// Takes the place of the one that the user has.
    [[nodiscard]] virtual result<void> set_pin(const PinCredential& credential) = 0;
    /// errc::not_found: it is not the user's PIN any more.
    [[nodiscard]] virtual result<void> pin_used(const std::string& id, TimePoint now) = 0;

    /// Oldest first.
    [[nodiscard]] virtual result<std::vector<PushCredential>> pushes(const std::string& user) = 0;
    /// errc::exists: somebody has this endpoint.
    [[nodiscard]] virtual result<void> add_push(const PushCredential& credential) = 0;
    /// errc::not_found: it was removed.
    [[nodiscard]] virtual result<void> push_used(const std::string& id, TimePoint now) = 0;
    /// Those who have one.
    [[nodiscard]] virtual result<std::vector<std::string>> push_users() = 0;

    /// A credential of any factor.
    [[nodiscard]] virtual result<void> remove_credential(const std::string& user, const std::string& id) = 0;

    /// Wrong answers of a user with a factor since `since`; survives restarts, so a lockout does too.
    [[nodiscard]] virtual result<int> failures(const std::string& user, const std::string& factor, TimePoint since) = 0;
    [[nodiscard]] virtual result<void> add_failure(const std::string& user, const std::string& factor,
                                                   TimePoint now) = 0;
    [[nodiscard]] virtual result<void> clear_failures(const std::string& user, const std::string& factor) = 0;

    /// One-time enrolment links: the token's SHA-256 is stored; redeeming spends it. errc::not_found, used, expired.
    [[nodiscard]] virtual result<void> add_enrolment(const std::string& token_hash, const std::string& user,
                                                     TimePoint expires, const ChangedBy& by) = 0;
    [[nodiscard]] virtual result<std::string> redeem_enrolment(const std::string& token_hash,
                                                               TimePoint now) = 0; // user

    [[nodiscard]] virtual result<void> add_database_password(const DatabasePassword& password) = 0;
    /// Those that have not expired, newest first; "" for everyone's.
    [[nodiscard]] virtual result<std::vector<DatabasePassword>> database_passwords(const std::string& user,
                                                                                   TimePoint now) = 0;
    /// errc::not_found. "" as id: all of the user's, also when there are none.
    [[nodiscard]] virtual result<void> remove_database_password(const std::string& user, const std::string& id) = 0;

    [[nodiscard]] virtual result<void> add_api_token(const ApiToken& token, const ChangedBy& by) = 0;
    /// Those that have not expired, newest first; "" for everyone's.
    [[nodiscard]] virtual result<std::vector<ApiToken>> api_tokens(const std::string& user, TimePoint now) = 0;
    /// One that has not expired, of a user who is not disabled.
    [[nodiscard]] virtual result<std::optional<ApiToken>> find_api_token(const std::string& hash, TimePoint now) = 0;
    /// 1 if it was used from this address before, else 0 (a bool would be made of any error).
    [[nodiscard]] virtual result<int> api_token_knows(const std::string& id, const std::string& address) = 0;
    [[nodiscard]] virtual result<void> api_token_used(const std::string& id, const std::string& address,
                                                      TimePoint now) = 0;
    /// errc::not_found. "" as id: all of the user's, also when there are none.
    [[nodiscard]] virtual result<void> remove_api_token(const std::string& user, const std::string& id,
                                                        const ChangedBy& by) = 0;

    [[nodiscard]] virtual result<void> add_web_session(const WebSession& session) = 0;
    [[nodiscard]] virtual result<std::optional<WebSession>> find_web_session(const std::string& token_hash,
                                                                             TimePoint now) = 0;
    /// Those of a user that have not expired, newest first.
    [[nodiscard]] virtual result<std::vector<WebSession>> web_sessions(const std::string& user, TimePoint now) = 0;
    [[nodiscard]] virtual result<void> touch_web_session(const std::string& token_hash, TimePoint now) = 0;
    [[nodiscard]] virtual result<void> remove_web_session(const std::string& token_hash) = 0;
    [[nodiscard]] virtual result<void> remove_web_sessions_of(const std::string& user) = 0;
};

} // namespace stepgate::challenge_web::accounts
