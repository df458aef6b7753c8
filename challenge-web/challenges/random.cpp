#include "challenge-web/challenges/random.h"

#include <openssl/rand.h>

#include <limits>
#include <string_view>

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

std::optional<std::string> random_bytes(const RandomSource& random, std::size_t size)
{
    std::string bytes(size, '\0');
    if (!random(std::as_writable_bytes(std::span{bytes})))
        return std::nullopt;
    return bytes;
}

std::optional<std::string> random_id(const RandomSource& random)
{
    constexpr std::string_view alphabet = "0123456789abcdef";
    const auto bytes = random_bytes(random, 8);
    if (!bytes)
        return std::nullopt;
    std::string out;
    for (const char c : *bytes) {
        out += alphabet[static_cast<unsigned char>(c) >> 4];
        out += alphabet[static_cast<unsigned char>(c) & 15];
    }
    return out;
}

} // namespace stepgate::challenge_web::challenges
