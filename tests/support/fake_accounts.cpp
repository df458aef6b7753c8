#include "tests/support/fake_accounts.h"

#include <algorithm>
#include <utility>

namespace stepgate::tests
{

using accounts::errc;
using accounts::result;
using accounts::TimePoint;

void FakeAccounts::break_store(bool broken)
{
    const std::lock_guard lock{mutex_};
    broken_ = broken;
}

accounts::User FakeAccounts::make_user(const std::string& name, std::vector<std::string> groups)
{
    accounts::User user;
    user.name = name;
    user.handle = (name + std::string(32, '#')).substr(0, 32);
    user.groups = std::move(groups);
    std::sort(user.groups.begin(), user.groups.end());
    const std::lock_guard lock{mutex_};
    users_[name] = user;
    return user;
}

result<std::optional<accounts::User>> FakeAccounts::find_user(const std::string& name)
{
    std::optional<accounts::User> found;
    {
        const std::lock_guard lock{mutex_};
        if (broken_)
            return errc::store_unavailable;
        if (const auto it = users_.find(name); it != users_.end())
            found = it->second;
    }
    if (const auto meanwhile = after_find_user.extract(name))
        meanwhile.mapped()();
    return found;
}

result<std::optional<accounts::User>> FakeAccounts::find_user_by_handle(const std::string& handle)
{
    const std::lock_guard lock{mutex_};
    if (broken_)
        return errc::store_unavailable;
    for (const auto& [name, user] : users_)
        if (user.handle == handle)
            return std::optional{user};
    return std::optional<accounts::User>{};
}

result<std::vector<accounts::User>> FakeAccounts::list_users()
{
    const std::lock_guard lock{mutex_};
    if (broken_)
        return errc::store_unavailable;
    std::vector<accounts::User> out;
    for (const auto& [name, user] : users_)
        out.push_back(user);
    return out;
}

std::vector<std::string> FakeAccounts::take_changes()
{
    const std::lock_guard lock{mutex_};
    return std::exchange(changes_, {});
}

void FakeAccounts::note(const std::string& user, const char* what, const accounts::ChangedBy& by)
{
    changes_.push_back(user + ' ' + what + " by " + by.name + " from " + by.client_address);
}

result<void> FakeAccounts::add_user(const accounts::User& user, const accounts::ChangedBy& by)
{
    const std::lock_guard lock{mutex_};
    if (broken_)
        return errc::store_unavailable;
    if (!users_.emplace(user.name, user).second)
        return errc::exists;
    note(user.name, "added", by);
    return {};
}

result<accounts::User> FakeAccounts::change_user(const std::string& name,
                                                 const std::function<void(accounts::User&)>& change,
                                                 const accounts::ChangedBy& by)
{
    const std::lock_guard lock{mutex_};
    if (broken_)
        return errc::store_unavailable;
    const auto it = users_.find(name);
    if (it == users_.end())
        return errc::not_found;
    change(it->second);
    note(name, "updated", by);
    return it->second;
}

result<std::vector<accounts::PasskeyCredential>> FakeAccounts::passkeys(const std::string& user)
{
    const std::lock_guard lock{mutex_};
    if (broken_)
        return errc::store_unavailable;
    std::vector<accounts::PasskeyCredential> out;
    for (const auto& [id, credential] : passkeys_)
        if (credential.user == user)
            out.push_back(credential);
    return out;
}

result<std::optional<accounts::PasskeyCredential>> FakeAccounts::find_passkey(const std::string& id)
{
    const std::lock_guard lock{mutex_};
    if (broken_)
        return errc::store_unavailable;
    const auto it = passkeys_.find(id);
    return it == passkeys_.end() ? std::nullopt : std::optional{it->second};
}

result<void> FakeAccounts::add_passkey(const accounts::PasskeyCredential& credential)
{
    const std::lock_guard lock{mutex_};
    if (broken_)
        return errc::store_unavailable;
    if (!passkeys_.emplace(credential.id, credential).second)
        return errc::exists;
    return {};
}

result<void> FakeAccounts::passkey_used(const std::string& id, std::uint32_t count, TimePoint now)
{
    const std::lock_guard lock{mutex_};
    if (broken_)
        return errc::store_unavailable;
    const auto it = passkeys_.find(id);
    if (it == passkeys_.end())
        return errc::not_found;
    auto& credential = it->second;
    const bool counts = count != 0 || credential.sign_count != 0;
    if (counts && count <= credential.sign_count)
        return errc::replayed;
    credential.sign_count = count;
    credential.last_used = now;
    return {};
}

result<std::vector<accounts::TotpCredential>> FakeAccounts::totps(const std::string& user)
{
    const std::lock_guard lock{mutex_};
    if (broken_)
        return errc::store_unavailable;
    std::vector<accounts::TotpCredential> out;
    for (const auto& [id, credential] : totps_)
        if (credential.user == user)
            out.push_back(credential);
    return out;
}

result<void> FakeAccounts::add_totp(const accounts::TotpCredential& credential)
{
    const std::lock_guard lock{mutex_};
    if (broken_)
        return errc::store_unavailable;
    if (!totps_.emplace(credential.id, credential).second)
        return errc::exists;
    return {};
}

result<void> FakeAccounts::totp_used(const std::string& id, std::int64_t step, TimePoint)
{
    {
        const std::lock_guard lock{mutex_};
        if (broken_)
            return errc::store_unavailable;
        const auto it = totps_.find(id);
        if (it == totps_.end())
            return errc::not_found;
        if (step <= it->second.last_step)
            return errc::replayed;
        it->second.last_step = step;
    }
    if (const auto meanwhile = std::exchange(after_totp_used, {}))
        meanwhile();
    return {};
}

result<std::optional<accounts::RecoverySheet>> FakeAccounts::recovery_sheet(const std::string& user)
{
    const std::lock_guard lock{mutex_};
    if (broken_)
        return errc::store_unavailable;
    for (const auto& [id, sheet] : sheets_)
        if (sheet.user == user)
            return std::optional{sheet};
    return std::optional<accounts::RecoverySheet>{};
}

result<void> FakeAccounts::add_recovery_sheet(const accounts::RecoverySheet& sheet)
{
    const std::lock_guard lock{mutex_};
    if (broken_)
        return errc::store_unavailable;
    for (const auto& [id, known] : sheets_)
        if (known.user == sheet.user)
            return errc::exists;
    sheets_.emplace(sheet.id, sheet);
    return {};
}

result<void> FakeAccounts::recovery_code_used(const std::string& id, const std::string& hash, TimePoint now)
{
    const std::lock_guard lock{mutex_};
    if (broken_)
        return errc::store_unavailable;
    const auto it = sheets_.find(id);
    if (it == sheets_.end() || std::erase(it->second.unused, hash) == 0)
        return errc::not_found;
    it->second.last_used = now;
    return {};
}

result<std::optional<accounts::PinCredential>> FakeAccounts::pin(const std::string& user)
{
    const std::lock_guard lock{mutex_};
    if (broken_)
        return errc::store_unavailable;
    for (const auto& [id, pin] : pins_)
        if (pin.user == user)
            return std::optional{pin};
    return std::optional<accounts::PinCredential>{};
}

result<void> FakeAccounts::set_pin(const accounts::PinCredential& credential)
{
    const std::lock_guard lock{mutex_};
    if (broken_)
        return errc::store_unavailable;
    std::erase_if(pins_, [&](const auto& entry) { return entry.second.user == credential.user; });
    pins_.emplace(credential.id, credential);
    return {};
}

result<void> FakeAccounts::pin_used(const std::string& id, TimePoint now)
{
    const std::lock_guard lock{mutex_};
    if (broken_)
        return errc::store_unavailable;
    const auto it = pins_.find(id);
    if (it == pins_.end())
        return errc::not_found;
    it->second.last_used = now;
    return {};
}

result<std::vector<accounts::PushCredential>> FakeAccounts::pushes(const std::string& user)
{
    const std::lock_guard lock{mutex_};
    if (broken_)
        return errc::store_unavailable;
    std::vector<accounts::PushCredential> found;
    for (const auto& [id, push] : pushes_)
        if (push.user == user)
            found.push_back(push);
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.created < b.created; });
    return found;
}

result<void> FakeAccounts::add_push(const accounts::PushCredential& credential)
{
    const std::lock_guard lock{mutex_};
    if (broken_)
        return errc::store_unavailable;
    for (const auto& [id, push] : pushes_)
        if (push.endpoint == credential.endpoint)
            return errc::exists;
    pushes_.emplace(credential.id, credential);
    return {};
}

result<void> FakeAccounts::push_used(const std::string& id, TimePoint now)
{
    const std::lock_guard lock{mutex_};
    if (broken_)
        return errc::store_unavailable;
    const auto it = pushes_.find(id);
    if (it == pushes_.end())
        return errc::not_found;
    it->second.last_used = now;
    return {};
}

result<std::vector<std::string>> FakeAccounts::push_users()
{
    const std::lock_guard lock{mutex_};
    if (broken_)
        return errc::store_unavailable;
    std::vector<std::string> users;
    for (const auto& [id, push] : pushes_)
        if (std::find(users.begin(), users.end(), push.user) == users.end())
            users.push_back(push.user);
    return users;
}

result<void> FakeAccounts::remove_credential(const std::string& user, const std::string& id)
{
    const std::lock_guard lock{mutex_};
    if (broken_)
        return errc::store_unavailable;
    const auto own = [&](const auto& entry) { return entry.first == id && entry.second.user == user; };
    if (std::erase_if(passkeys_, own) + std::erase_if(totps_, own) + std::erase_if(sheets_, own) +
            std::erase_if(pins_, own) + std::erase_if(pushes_, own) ==
        0)
        return errc::not_found;
    return {};
}

result<int> FakeAccounts::failures(const std::string& user, const std::string& factor, TimePoint since)
{
    const std::lock_guard lock{mutex_};
    if (broken_)
        return errc::store_unavailable;
    const auto& times = failures_[{user, factor}];
    return static_cast<int>(std::count_if(times.begin(), times.end(), [&](TimePoint at) { return at >= since; }));
}

result<void> FakeAccounts::add_failure(const std::string& user, const std::string& factor, TimePoint now)
{
    const std::lock_guard lock{mutex_};
    if (broken_)
        return errc::store_unavailable;
    failures_[{user, factor}].push_back(now);
    return {};
}

result<void> FakeAccounts::clear_failures(const std::string& user, const std::string& factor)
{
    const std::lock_guard lock{mutex_};
    if (broken_)
        return errc::store_unavailable;
    failures_.erase({user, factor});
    return {};
}

result<void> FakeAccounts::add_enrolment(const std::string& token_hash, const std::string& user, TimePoint expires,
                                         const accounts::ChangedBy& by)
{
    const std::lock_guard lock{mutex_};
    if (broken_)
        return errc::store_unavailable;
    if (!links_.emplace(token_hash, Link{user, expires}).second)
        return errc::exists;
    note(user, "given a link", by);
    return {};
}

result<std::string> FakeAccounts::redeem_enrolment(const std::string& token_hash, TimePoint now)
{
    const std::lock_guard lock{mutex_};
    if (broken_)
        return errc::store_unavailable;
    const auto it = links_.find(token_hash);
    if (it == links_.end())
        return errc::not_found;
    if (it->second.used)
        return errc::used;
    if (now >= it->second.expires)
        return errc::expired;
    it->second.used = true;
    return it->second.user;
}

result<void> FakeAccounts::add_database_password(const accounts::DatabasePassword& password)
{
    const std::lock_guard lock{mutex_};
    if (broken_)
        return errc::store_unavailable;
    database_passwords_.insert(database_passwords_.begin(), password);
    return {};
}

result<std::vector<accounts::DatabasePassword>> FakeAccounts::database_passwords(const std::string& user, TimePoint now)
{
    const std::lock_guard lock{mutex_};
    if (broken_)
        return errc::store_unavailable;
    std::vector<accounts::DatabasePassword> found;
    for (const auto& password : database_passwords_)
        if ((user.empty() || password.user == user) && now < password.expires)
            found.push_back(password);
    return found;
}

result<void> FakeAccounts::remove_database_password(const std::string& user, const std::string& id)
{
    const std::lock_guard lock{mutex_};
    if (broken_)
        return errc::store_unavailable;
    const auto erased = std::erase_if(database_passwords_, [&](const auto& password) {
        return password.user == user && (id.empty() || password.id == id);
    });
    if (erased == 0 && !id.empty())
        return errc::not_found;
    return {};
}

result<void> FakeAccounts::add_api_token(const accounts::ApiToken& token, const accounts::ChangedBy& by)
{
    const std::lock_guard lock{mutex_};
    if (broken_)
        return errc::store_unavailable;
    tokens_.insert(tokens_.begin(), token);
    note(token.user, "given a token", by);
    return {};
}

result<std::vector<accounts::ApiToken>> FakeAccounts::api_tokens(const std::string& user, TimePoint now)
{
    const std::lock_guard lock{mutex_};
    if (broken_)
        return errc::store_unavailable;
    std::vector<accounts::ApiToken> found;
    for (const auto& token : tokens_)
        if ((user.empty() || token.user == user) && now < token.expires)
            found.push_back(token);
    return found;
}

result<std::optional<accounts::ApiToken>> FakeAccounts::find_api_token(const std::string& hash, TimePoint now)
{
    const std::lock_guard lock{mutex_};
    if (broken_)
        return errc::store_unavailable;
    for (const auto& token : tokens_)
        if (token.hash == hash && now < token.expires && users_.contains(token.user) && !users_[token.user].disabled)
            return std::optional{token};
    return std::optional<accounts::ApiToken>{};
}

result<int> FakeAccounts::api_token_knows(const std::string& id, const std::string& address)
{
    const std::lock_guard lock{mutex_};
    if (broken_)
        return errc::store_unavailable;
    return token_places_.contains({id, address}) ? 1 : 0;
}

result<void> FakeAccounts::api_token_used(const std::string& id, const std::string& address, TimePoint now)
{
    const std::lock_guard lock{mutex_};
    if (broken_)
        return errc::store_unavailable;
    token_places_.emplace(id, address);
    for (auto& token : tokens_)
        if (token.id == id) {
            token.last_used = now;
            token.last_address = address;
        }
    return {};
}

result<void> FakeAccounts::remove_api_token(const std::string& user, const std::string& id,
                                            const accounts::ChangedBy& by)
{
    const std::lock_guard lock{mutex_};
    if (broken_)
        return errc::store_unavailable;
    const auto erased =
        std::erase_if(tokens_, [&](const auto& token) { return token.user == user && (id.empty() || token.id == id); });
    if (erased == 0 && !id.empty())
        return errc::not_found;
    if (erased > 0)
        note(user, "without a token", by);
    return {};
}

result<void> FakeAccounts::add_web_session(const accounts::WebSession& session)
{
    const std::lock_guard lock{mutex_};
    if (broken_)
        return errc::store_unavailable;
    if (!sessions_.emplace(session.token_hash, session).second)
        return errc::exists;
    return {};
}

result<std::optional<accounts::WebSession>> FakeAccounts::find_web_session(const std::string& token_hash, TimePoint now)
{
    const std::lock_guard lock{mutex_};
    if (broken_)
        return errc::store_unavailable;
    const auto it = sessions_.find(token_hash);
    if (it == sessions_.end() || now >= it->second.expires)
        return std::optional<accounts::WebSession>{};
    return std::optional{it->second};
}

result<std::vector<accounts::WebSession>> FakeAccounts::web_sessions(const std::string& user, TimePoint now)
{
    const std::lock_guard lock{mutex_};
    if (broken_)
        return errc::store_unavailable;
    std::vector<accounts::WebSession> found;
    for (const auto& [hash, session] : sessions_)
        if (session.user == user && now < session.expires)
            found.push_back(session);
    std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.created > b.created; });
    return found;
}

result<void> FakeAccounts::touch_web_session(const std::string& token_hash, TimePoint now)
{
    const std::lock_guard lock{mutex_};
    if (broken_)
        return errc::store_unavailable;
    const auto it = sessions_.find(token_hash);
    if (it == sessions_.end())
        return errc::not_found;
    it->second.last_seen = now;
    return {};
}

result<void> FakeAccounts::remove_web_session(const std::string& token_hash)
{
    const std::lock_guard lock{mutex_};
    if (broken_)
        return errc::store_unavailable;
    sessions_.erase(token_hash);
    return {};
}

result<void> FakeAccounts::remove_web_sessions_of(const std::string& user)
{
    const std::lock_guard lock{mutex_};
    if (broken_)
        return errc::store_unavailable;
    std::erase_if(sessions_, [&](const auto& entry) { return entry.second.user == user; });
    return {};
}

} // namespace stepgate::tests
