#pragma once

#include "challenge-web/server/call.h"
#include "challenge-web/server/json_body.h"

#include <functional>
#include <string>

namespace stepgate::challenge_web::server
{

// A login at an identity provider, to answer a challenge or to sign in: the same on both ways.

/// The provider of that name; null if there is none.
[[nodiscard]] factors::IdentityProvider* find_provider(const Services& services, const std::string& name);

/// Begins a login for `ceremony`, whose kind, ask and session are set, and says where the browser goes. `refuse`
/// answers when the provider cannot be asked.
[[nodiscard]] Response begin_provider_login(Call& call, factors::IdentityProvider& provider, Ceremony ceremony,
                                            const std::function<Response(boost::system::error_code)>& refuse);

/// What came back with the browser: {"ceremony", "state", "code", "iss"}. Look at `body.problem()` before using it.
struct ProviderReturn {
    std::string ceremony;
    factors::ProviderAnswer answer;
};
[[nodiscard]] ProviderReturn read_provider_return(JsonBody& body);

} // namespace stepgate::challenge_web::server
