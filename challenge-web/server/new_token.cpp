#include "challenge-web/server/new_token.h"

#include "challenge-web/server/bearer.h"
#include "challenge-web/server/secrets.h"

#include <algorithm>

namespace stepgate::challenge_web::server
{

std::optional<NewToken> new_token(const std::string& user, const std::string& name, std::vector<std::string> scopes,
                                  int days, accounts::TimePoint now)
{
    const auto random = random_token(), id = random_token();
    if (!random || !id)
        return std::nullopt;
    NewToken made;
    made.secret = std::string{token_prefix} + *random;
    made.token.id = token_hash(*id).substr(0, 16);
    made.token.user = user;
    made.token.hash = token_hash(made.secret);
    made.token.name = name;
    std::sort(scopes.begin(), scopes.end());
    scopes.erase(std::unique(scopes.begin(), scopes.end()), scopes.end());
    made.token.scopes = std::move(scopes);
    made.token.created = now;
    made.token.expires = now + std::chrono::hours{24 * days};
    return made;
}

} // namespace stepgate::challenge_web::server
