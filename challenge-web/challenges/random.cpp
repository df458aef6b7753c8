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

std::optional<std::uint64_t> random_below(const RandomSource& random, std::uint64_t bound)
{
    // Numbers above the last whole multiple are drawn again.
    const std::uint64_t whole = ~std::uint64_t{0} - ~std::uint64_t{0} % bound;
    std::uint64_t number = whole;
    while (number >= whole) {
        const auto bytes = random_bytes(random, sizeof number);
        if (!bytes)
            return std::nullopt;
        number = 0;
        for (const char byte : *bytes)
            number = number << 8U | static_cast<unsigned char>(byte);
    }
    return number % bound;
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
