#include "challenge-web/challenges/short_code.h"

#include <array>
#include <cstddef>
#include <string_view>

namespace stepgate::challenge_web::challenges
{

std::optional<std::string> make_short_code(const RandomSource& random)
{
    constexpr std::string_view alphabet = "23456789ABCDEFGHJKMNPQRSTUVWXYZ";
    // Bytes from 248 on are thrown away: 248 is the largest multiple of 31 in a byte, so every letter is as likely.
    constexpr auto fair = static_cast<unsigned char>(256 / alphabet.size() * alphabet.size());
    std::string code;
    // A working source needs one round nearly always; one that only gives bytes from 248 on is broken.
    for (int round = 0; round < 16; ++round) {
        std::array<std::byte, 16> bytes{};
        if (!random(bytes))
            return std::nullopt;
        for (const std::byte b : bytes) {
            const auto value = std::to_integer<unsigned char>(b);
            if (value >= fair)
                continue;
            if (code.size() == 3)
                code += '-';
            code += alphabet[value % alphabet.size()];
            if (code.size() == 7)
                return code;
        }
    }
    return std::nullopt;
}

} // namespace stepgate::challenge_web::challenges
