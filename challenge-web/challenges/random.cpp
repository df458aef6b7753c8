#include "challenge-web/challenges/random.h"

#include <openssl/rand.h>

#include <limits>

namespace stepgate::challenge_web::challenges
{

RandomSource system_random()
{
    return [](std::span<std::byte> out) {
        if (out.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
            return false;
        return RAND_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(out.size())) == 1;
    };
}

} // namespace stepgate::challenge_web::challenges
