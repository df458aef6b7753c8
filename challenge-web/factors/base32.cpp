#include "challenge-web/factors/base32.h"

#include <cstdint>

namespace stepgate::challenge_web::factors
{

std::string base32_encode(std::string_view bytes)
{
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    std::string out;
    std::uint32_t bits = 0;
    int count = 0;
    for (const char c : bytes) {
        bits = (bits << 8 | static_cast<unsigned char>(c)) & 0xFFFF;
        for (count += 8; count >= 5; count -= 5)
            out += alphabet[bits >> (count - 5) & 31];
    }
    if (count > 0)
        out += alphabet[bits << (5 - count) & 31];
    return out;
}

} // namespace stepgate::challenge_web::factors
