#pragma once

#include "challenge-web/challenges/challenges.h"
#include "proxy/notify/notifier.h"

#include <functional>
#include <string>

namespace stepgate::proxy::app
{

/// Makes notices of what happens. What leaves the house are shapes of statements and names: no literal, no parameter's
/// value, no comment, and nothing that a person wrote as a reason. Thread-safe; never blocks.
class Notices
{
  public:
    /// `public_url`: of the pages; "": there are none. `is_user` must not block.
    Notices(notify::Notifier& notifier, std::string public_url, std::function<bool(const std::string&)> is_user)
        : notifier_(notifier), public_url_(std::move(public_url)), is_user_(std::move(is_user))
    {
    }

    void challenge(const challenge_web::challenges::Event& event);
    /// Somebody typed this name: it is told only if it is a user's, as it may be a password.
    void lockout(const std::string& user, const std::string& address);
    /// Wrong answers have locked a user's factor.
    void factor_locked(const std::string& user, const std::string& factor);
    void user_changed(const std::string& user, const std::string& change, const std::string& by);
    void policy_changed(const std::string& revision);

  private:
    void locked(const std::string& user, notify::Notice notice);

    notify::Notifier& notifier_;
    const std::string public_url_;
    const std::function<bool(const std::string&)> is_user_;
};

/// The notice of a challenge, from what `Notices` keeps of it. For tests.
[[nodiscard]] notify::Notice notice_of(notify::Event event, const challenge_web::challenges::Event& what,
                                       const std::string& public_url);

} // namespace stepgate::proxy::app
