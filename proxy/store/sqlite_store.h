#pragma once

#include "challenge-web/accounts/accounts.h"

#include <boost/system/result.hpp>
#include <boost/throw_exception.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace stepgate::proxy::store
{

/// A sentence for people: which file, what is wrong, what to do.
struct StoreError {
    std::string message;
};
[[noreturn]] inline void throw_exception_from_error(const StoreError& error, const boost::source_location& where)
{
    boost::throw_exception(std::runtime_error(error.message), where);
}

/// Something that happened to a user, in this process or another, and is not in the audit yet.
struct UserChange {
    std::int64_t sequence = 0; // grows
    std::string user;
    std::string change; // added, removed, disabled, enabled, password changed, groups changed, roles changed, e-mail
                        // address changed, enrolment link, factor removed, API token added, API token removed
    challenge_web::accounts::ChangedBy by;                    // nobody: it was made around the program
    std::vector<std::pair<std::string, std::string>> details; // "groups", "factor", "credential", ..
    challenge_web::accounts::TimePoint at{};
};

/// The embedded store: users, credentials, enrolment links, web sessions in one SQLite file (mode 0600). TOTP secrets
/// and where browsers get messages are sealed with libsodium's secretbox under `<file>.key`; of tokens only hashes are
/// kept. Blocking; thread-safe (one connection, one mutex); other processes (the command line) may have the same file
/// open.
class SqliteStore final : public challenge_web::accounts::Accounts
{
  public:
    /// Opens or makes the store and brings its schema up to date. The error is a sentence for people: what, where, what
    /// to do.
    [[nodiscard]] static boost::system::result<std::unique_ptr<SqliteStore>, StoreError>
    open(const std::filesystem::path& file);
    ~SqliteStore() override;

    /// Keeps others from serving from this store as long as it is open here: two would each count wrong answers and
    /// executions, and record only those changes of users that the other did not. Opening alone (the command line) is
    /// not serving.
    [[nodiscard]] boost::system::result<void, StoreError> serve_alone();

    template <class T>
    using result = challenge_web::accounts::result<T>;
    using User = challenge_web::accounts::User;
    using PasskeyCredential = challenge_web::accounts::PasskeyCredential;
    using TotpCredential = challenge_web::accounts::TotpCredential;
    using RecoverySheet = challenge_web::accounts::RecoverySheet;
    using PinCredential = challenge_web::accounts::PinCredential;
    using PushCredential = challenge_web::accounts::PushCredential;
    using DatabasePassword = challenge_web::accounts::DatabasePassword;
    using ApiToken = challenge_web::accounts::ApiToken;
    using WebSession = challenge_web::accounts::WebSession;
    using ChangedBy = challenge_web::accounts::ChangedBy;
    using TimePoint = challenge_web::accounts::TimePoint;

    result<std::optional<User>> find_user(const std::string& name) override;
    result<std::optional<User>> find_user_by_handle(const std::string& handle) override;
    result<std::vector<User>> list_users() override;
    result<void> add_user(const User& user, const ChangedBy& by) override;
    result<User> change_user(const std::string& name, const std::function<void(User&)>& change,
                             const ChangedBy& by) override;

    result<std::vector<PasskeyCredential>> passkeys(const std::string& user) override;
    result<std::optional<PasskeyCredential>> find_passkey(const std::string& id) override;
    result<void> add_passkey(const PasskeyCredential& credential) override;
    result<void> passkey_used(const std::string& id, std::uint32_t sign_count, TimePoint now) override;

    result<std::vector<TotpCredential>> totps(const std::string& user) override;
    result<void> add_totp(const TotpCredential& credential) override;
    result<void> totp_used(const std::string& id, std::int64_t step, TimePoint now) override;
    result<std::optional<RecoverySheet>> recovery_sheet(const std::string& user) override;
    result<void> add_recovery_sheet(const RecoverySheet& sheet) override;
    result<void> recovery_code_used(const std::string& id, const std::string& hash, TimePoint now) override;
    result<std::optional<PinCredential>> pin(const std::string& user) override;
    result<void> set_pin(const PinCredential& credential) override;
    result<void> pin_used(const std::string& id, TimePoint now) override;
    result<std::vector<PushCredential>> pushes(const std::string& user) override;
    result<void> add_push(const PushCredential& credential) override;
    result<void> push_used(const std::string& id, TimePoint now) override;
    result<std::vector<std::string>> push_users() override;
    result<void> remove_credential(const std::string& user, const std::string& id) override;

    result<int> failures(const std::string& user, const std::string& factor, TimePoint since) override;
    result<void> add_failure(const std::string& user, const std::string& factor, TimePoint now) override;
    result<void> clear_failures(const std::string& user, const std::string& factor) override;

    result<void> add_enrolment(const std::string& token_hash, const std::string& user, TimePoint expires,
                               const ChangedBy& by) override;
    result<std::string> redeem_enrolment(const std::string& token_hash, TimePoint now) override;

    result<void> add_database_password(const DatabasePassword& password) override;
    result<std::vector<DatabasePassword>> database_passwords(const std::string& user, TimePoint now) override;
    result<void> remove_database_password(const std::string& user, const std::string& id) override;

    result<void> add_api_token(const ApiToken& token, const ChangedBy& by) override;
    result<std::vector<ApiToken>> api_tokens(const std::string& user, TimePoint now) override;
    result<std::optional<ApiToken>> find_api_token(const std::string& hash, TimePoint now) override;
    result<int> api_token_knows(const std::string& id, const std::string& address) override;
    result<void> api_token_used(const std::string& id, const std::string& address, TimePoint now) override;
    result<void> remove_api_token(const std::string& user, const std::string& id, const ChangedBy& by) override;

    result<void> add_web_session(const WebSession& session) override;
    result<std::optional<WebSession>> find_web_session(const std::string& token_hash, TimePoint now) override;
    result<std::vector<WebSession>> web_sessions(const std::string& user, TimePoint now) override;
    result<void> touch_web_session(const std::string& token_hash, TimePoint now) override;
    result<void> remove_web_session(const std::string& token_hash) override;
    result<void> remove_web_sessions_of(const std::string& user) override;

    /// Grows when users change, in this process or another (`stepgate user add`): a server compares and reloads. Also
    /// tells whether the store can be used: after a write that failed it is an error until one succeeds.
    [[nodiscard]] result<std::int64_t> change_counter();

    /// For somebody who lost what they have: all factors, web sessions, API tokens and short-lived passwords go, at
    /// once or not at all.
    [[nodiscard]] result<void> reset_factors(const std::string& user, const ChangedBy& by);

    /// What happened to users behind number `after`, oldest first, at most 500. Triggers of the database write it, so
    /// that no way of changing a user goes around it; it stays until forgotten, over restarts too.
    [[nodiscard]] result<std::vector<UserChange>> user_changes(std::int64_t after);
    /// Those up to number `last` are in the audit.
    [[nodiscard]] result<void> forget_user_changes(std::int64_t last);

    /// Where labels went in a database behind a listener, as text of whoever saves it; "" if nothing was saved.
    [[nodiscard]] result<std::string> lineage(const std::string& listener, const std::string& database);
    [[nodiscard]] result<void> save_lineage(const std::string& listener, const std::string& database,
                                            const std::string& lineage);

    /// A secret of the installation, sealed like those of authenticator apps; `make` makes it the first time.
    [[nodiscard]] result<std::string> secret(const std::string& name,
                                             const std::function<std::optional<std::string>()>& make);

  private:
    struct Impl;
    explicit SqliteStore(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace stepgate::proxy::store
