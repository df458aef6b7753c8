#include "challenge-web/factors/password_hash.h"

#include <sodium.h>

#include <cerrno>

namespace stepgate::challenge_web::factors
{

static_assert(HashCost{}.passes == crypto_pwhash_OPSLIMIT_MODERATE);
static_assert(HashCost{}.memory == crypto_pwhash_MEMLIMIT_MODERATE);

std::optional<std::string> password_hash(std::string_view secret, HashCost cost)
{
    std::string hash(crypto_pwhash_STRBYTES, '\0');
    if (sodium_init() < 0 || crypto_pwhash_str_alg(hash.data(), secret.data(), secret.size(), cost.passes, cost.memory,
                                                   crypto_pwhash_ALG_ARGON2ID13) != 0)
        return std::nullopt;
    hash.resize(hash.find('\0'));
    return hash;
}

HashMatch password_matches_hash(std::string_view secret, const std::string& hash)
{
    if (sodium_init() < 0)
        return HashMatch::failed;
    errno = 0;
    if (crypto_pwhash_str_verify(hash.c_str(), secret.data(), secret.size()) == 0)
        return HashMatch::yes;
    return errno == ENOMEM ? HashMatch::failed : HashMatch::no;
}

} // namespace stepgate::challenge_web::factors
