#pragma once

#include "challenge-web/accounts/accounts.h"

#include <string>
#include <vector>

namespace stepgate::proxy::app
{

/// Where the members of a group get mail who have an address and are not disabled, but for one of them ("": for
/// nobody). Blocks. Empty as well if the store is gone.
[[nodiscard]] std::vector<std::string> addresses_of(challenge_web::accounts::Accounts& accounts,
                                                    const std::string& group, const std::string& but_not);

} // namespace stepgate::proxy::app
