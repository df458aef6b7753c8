#pragma once

#include "challenge-web/accounts/accounts.h"
#include "proxy/session/options.h"

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::proxy::app
{

/// The users as the relay's threads see them at a login: a snapshot in memory, since a login must not wait for the
/// store. `refresh` (main thread, about once a second) replaces it when the store changed. Thread-safe.
class WireUsers
{
  public:
    /// `long_lived`: may people log in with the passwords of `stepgate user add`, or with short-lived ones only?
    WireUsers(challenge_web::accounts::Accounts& accounts, bool long_lived)
        : accounts_(accounts), long_lived_(long_lived)
    {
    }

    /// False: the store cannot be read; the last snapshot stays. Any thread.
    [[nodiscard]] bool refresh();
    [[nodiscard]] std::optional<session::WireUser> find(std::string_view name) const;

  private:
    struct Known {
        challenge_web::accounts::User user;
        std::vector<challenge_web::accounts::DatabasePassword> passwords; // some may have expired since
    };
    using Snapshot = std::map<std::string, Known, std::less<>>;

    challenge_web::accounts::Accounts& accounts_;
    const bool long_lived_;
    std::mutex refreshing_;    // one at a time, so that an older reading never replaces a newer one
    mutable std::mutex mutex_; // guards the pointer only
    std::shared_ptr<const Snapshot> snapshot_;
};

} // namespace stepgate::proxy::app
