#pragma once

#include "challenge-web/accounts/accounts.h"

#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace stepgate::tests
{

namespace accounts = challenge_web::accounts;

/// Accounts in memory, with the same guarantees as the real ones (atomic counters, single-use links). Thread-safe.
class FakeAccounts final : public accounts::Accounts
{
  public:
    /// While true every method fails with errc::store_unavailable.
    void break_store(bool broken);
    /// What another process does just after this user was looked for; once.
    std::map<std::string, std::function<void()>> after_find_user;
    /// The same, of a code of an authenticator app that was good; once.
    std::function<void()> after_totp_used;
    /// A user with a handle made from the name.
    accounts::User make_user(const std::string& name, std::vector<std::string> groups = {});

    accounts::result<std::optional<accounts::User>> find_user(const std::string& name) override;
    accounts::result<std::optional<accounts::User>> find_user_by_handle(const std::string& handle) override;
    accounts::result<std::vector<accounts::User>> list_users() override;
    accounts::result<void> add_user(const accounts::User& user, const accounts::ChangedBy& by) override;
    accounts::result<accounts::User> change_user(const std::string& name,
                                                 const std::function<void(accounts::User&)>& change,
                                                 const accounts::ChangedBy& by) override;
    /// All of the user, as the test has it.
    accounts::result<accounts::User> update_user(const accounts::User& user)
    {
        return change_user(user.name, [&](accounts::User& stored) { stored = user; }, {});
    }

    accounts::result<std::vector<accounts::PasskeyCredential>> passkeys(const std::string& user) override;
    accounts::result<std::optional<accounts::PasskeyCredential>> find_passkey(const std::string& id) override;
    accounts::result<void> add_passkey(const accounts::PasskeyCredential& credential) override;
    accounts::result<void> passkey_used(const std::string& id, std::uint32_t count, accounts::TimePoint now) override;

    accounts::result<std::vector<accounts::TotpCredential>> totps(const std::string& user) override;
    accounts::result<void> add_totp(const accounts::TotpCredential& credential) override;
    accounts::result<void> totp_used(const std::string& id, std::int64_t step, accounts::TimePoint now) override;
    accounts::result<std::optional<accounts::RecoverySheet>> recovery_sheet(const std::string& user) override;
    accounts::result<void> add_recovery_sheet(const accounts::RecoverySheet& sheet) override;
    accounts::result<void> recovery_code_used(const std::string& id, const std::string& hash,
                                              accounts::TimePoint now) override;
    accounts::result<std::optional<accounts::PinCredential>> pin(const std::string& user) override;
    accounts::result<void> set_pin(const accounts::PinCredential& credential) override;
    accounts::result<void> pin_used(const std::string& id, accounts::TimePoint now) override;
    accounts::result<std::vector<accounts::PushCredential>> pushes(const std::string& user) override;
    accounts::result<void> add_push(const accounts::PushCredential& credential) override;
    accounts::result<void> push_used(const std::string& id, accounts::TimePoint now) override;
    accounts::result<std::vector<std::string>> push_users() override;
    accounts::result<void> remove_credential(const std::string& user, const std::string& id) override;

    accounts::result<int> failures(const std::string& user, const std::string& factor,
                                   accounts::TimePoint since) override;
    accounts::result<void> add_failure(const std::string& user, const std::string& factor,
                                       accounts::TimePoint now) override;
    accounts::result<void> clear_failures(const std::string& user, const std::string& factor) override;

    accounts::result<void> add_enrolment(const std::string& token_hash, const std::string& user,
                                         accounts::TimePoint expires, const accounts::ChangedBy& by) override;
    accounts::result<std::string> redeem_enrolment(const std::string& token_hash, accounts::TimePoint now) override;

    accounts::result<void> add_database_password(const accounts::DatabasePassword& password) override;
    accounts::result<std::vector<accounts::DatabasePassword>> database_passwords(const std::string& user,
                                                                                 accounts::TimePoint now) override;
    accounts::result<void> remove_database_password(const std::string& user, const std::string& id) override;

    accounts::result<void> add_api_token(const accounts::ApiToken& token, const accounts::ChangedBy& by) override;
    accounts::result<std::vector<accounts::ApiToken>> api_tokens(const std::string& user,
                                                                 accounts::TimePoint now) override;
    accounts::result<std::optional<accounts::ApiToken>> find_api_token(const std::string& hash,
                                                                       accounts::TimePoint now) override;
    accounts::result<int> api_token_knows(const std::string& id, const std::string& address) override;
    accounts::result<void> api_token_used(const std::string& id, const std::string& address,
                                          accounts::TimePoint now) override;
    accounts::result<void> remove_api_token(const std::string& user, const std::string& id,
                                            const accounts::ChangedBy& by) override;

    accounts::result<void> add_web_session(const accounts::WebSession& session) override;
    accounts::result<std::optional<accounts::WebSession>> find_web_session(const std::string& token_hash,
                                                                           accounts::TimePoint now) override;
    accounts::result<std::vector<accounts::WebSession>> web_sessions(const std::string& user,
                                                                     accounts::TimePoint now) override;
    accounts::result<void> touch_web_session(const std::string& token_hash, accounts::TimePoint now) override;
    accounts::result<void> remove_web_session(const std::string& token_hash) override;
    accounts::result<void> remove_web_sessions_of(const std::string& user) override;

    /// Who changed whom since the last call: "alice updated by boss from 192.0.2.7".
    std::vector<std::string> take_changes();

  private:
    void note(const std::string& user, const char* what, const accounts::ChangedBy& by);

    struct Link {
        std::string user;
        accounts::TimePoint expires;
        bool used = false;
    };
    std::mutex mutex_;
    bool broken_ = false;
    std::map<std::string, accounts::User> users_;
    std::map<std::string, accounts::PasskeyCredential> passkeys_;
    std::map<std::string, accounts::TotpCredential> totps_;
    std::map<std::string, accounts::RecoverySheet> sheets_;
    std::map<std::string, accounts::PinCredential> pins_;    // by id
    std::map<std::string, accounts::PushCredential> pushes_; // by id
    std::map<std::pair<std::string, std::string>, std::vector<accounts::TimePoint>> failures_;
    std::map<std::string, Link> links_;
    std::map<std::string, accounts::WebSession> sessions_;
    std::vector<accounts::DatabasePassword> database_passwords_;
    std::vector<accounts::ApiToken> tokens_;                     // newest first
    std::set<std::pair<std::string, std::string>> token_places_; // id, address
    std::vector<std::string> changes_;
};

} // namespace stepgate::tests
