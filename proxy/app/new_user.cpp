#include "proxy/app/new_user.h"

#include "challenge-web/challenges/base64url.h"
#include "protocols/postgres/scram_verifier.h"

#include <openssl/rand.h>

#include <span>

namespace stepgate::proxy::app
{
namespace
{

std::optional<std::string> random_bytes(std::size_t count)
{
    std::string bytes(count, '\0');
    if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) != 1)
        return std::nullopt;
    return bytes;
}

} // namespace

std::optional<std::string> random_token(std::size_t bytes)
{
    const auto raw = random_bytes(bytes);
    if (!raw)
        return std::nullopt;
    return challenge_web::challenges::base64url_encode(*raw);
}

std::optional<challenge_web::accounts::User> make_user(const std::string& name, const std::string& password)
{
    const auto handle = random_bytes(32), salt = random_bytes(16);
    if (!handle || !salt)
        return std::nullopt;
    challenge_web::accounts::User user;
    user.name = name;
    user.handle = *handle;
    const auto verifier = protocols::postgres::make_verifier(password, std::as_bytes(std::span(*salt)));
    if (!verifier)
        return std::nullopt;
    user.scram_verifier = protocols::postgres::format_verifier(*verifier);
    user.created = std::chrono::system_clock::now();
    return user;
}

} // namespace stepgate::proxy::app
