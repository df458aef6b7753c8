#include "proxy/session/guessing.h"

#include "challenge-web/accounts/lockout.h"

namespace stepgate::proxy::session
{

std::optional<Rejected> refuse_guessing(const Worker& worker, const std::string& user, const std::string& address,
                                        std::string sqlstate)
{
    auto* lockout = worker.shared.services.lockout;
    const auto wait = lockout != nullptr ? lockout->wait(user, address, worker.now) : std::nullopt;
    if (!wait)
        return std::nullopt;
    const auto seconds = std::to_string(wait->count());
    return Rejected{Rejected::Kind::login,
                    std::move(sqlstate),
                    "too many failed logins for user \"" + user + "\" or from this address: wait " + seconds + " s",
                    {},
                    "locked out for " + seconds + " s"};
}

void note_guess(const Worker& worker, const std::string& user, const std::string& address,
                const std::optional<Rejected>& rejected)
{
    auto* lockout = worker.shared.services.lockout;
    if (lockout == nullptr)
        return;
    if (!rejected)
        lockout->succeeded(user, address, worker.now);
    else if (rejected->guess)
        lockout->failed(user, address, worker.now);
}

} // namespace stepgate::proxy::session
