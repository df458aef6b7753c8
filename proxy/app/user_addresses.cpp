#include "proxy/app/user_addresses.h"

#include <algorithm>

namespace stepgate::proxy::app
{

std::vector<std::string> addresses_of(challenge_web::accounts::Accounts& accounts, const std::string& group,
                                      const std::string& but_not)
{
    std::vector<std::string> out;
    const auto users = accounts.list_users();
    if (!users)
        return out;
    for (const auto& user : *users)
        if (!user.disabled && !user.email.empty() && user.name != but_not &&
            std::binary_search(user.groups.begin(), user.groups.end(), group))
            out.push_back(user.email);
    return out;
}

} // namespace stepgate::proxy::app
