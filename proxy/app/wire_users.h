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
    explicit WireUsers(challenge_web::accounts::Accounts& accounts) : accounts_(accounts) {}

    /// False: the store cannot be read; the last snapshot stays.
    [[nodiscard]] bool refresh();
    [[nodiscard]] std::optional<session::WireUser> find(std::string_view name) const;

  private:
    using Snapshot = std::map<std::string, challenge_web::accounts::User, std::less<>>;

    challenge_web::accounts::Accounts& accounts_;
    mutable std::mutex mutex_; // guards the pointer only
    std::shared_ptr<const Snapshot> snapshot_;
};

} // namespace stepgate::proxy::app
