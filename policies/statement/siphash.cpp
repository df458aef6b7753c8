#include "policies/statement/siphash.h"

#include <bit>
#include <cstring>

namespace stepgate::policies::statement
{
namespace
{

struct SipState {
    std::uint64_t a, b, c, d;

    void round()
    {
        a += b;
        b = std::rotl(b, 13) ^ a;
        a = std::rotl(a, 32);
        c += d;
        d = std::rotl(d, 16) ^ c;
        a += d;
        d = std::rotl(d, 21) ^ a;
        c += b;
        b = std::rotl(b, 17) ^ c;
        c = std::rotl(c, 32);
    }

    void absorb(std::uint64_t word)
    {
        d ^= word;
        round();
        round();
        a ^= word;
    }

    std::uint64_t squeeze()
    {
        for (int i = 0; i < 4; ++i)
            round();
        return a ^ b ^ c ^ d;
    }
};

std::uint64_t load(const char* bytes, std::size_t count)
{
    std::uint64_t word = 0;
    std::memcpy(&word, bytes, count);
    if constexpr (std::endian::native == std::endian::big)
        word = __builtin_bswap64(word);
    return word;
}

} // namespace

std::array<std::uint64_t, 2> siphash128(std::string_view bytes, const std::array<std::uint64_t, 2>& secret)
{
    SipState state{0x736f6d6570736575ULL ^ secret[0], 0x646f72616e646f6dULL ^ secret[1] ^ 0xee,
                   0x6c7967656e657261ULL ^ secret[0], 0x7465646279746573ULL ^ secret[1]};
    std::size_t position = 0;
    for (; position + 8 <= bytes.size(); position += 8)
        state.absorb(load(bytes.data() + position, 8));
    const std::uint64_t tail = load(bytes.data() + position, bytes.size() - position);
    state.absorb(tail | static_cast<std::uint64_t>(bytes.size()) << 56);
    state.c ^= 0xee;
    const std::uint64_t first = state.squeeze();
    state.b ^= 0xdd;
    return {first, state.squeeze()};
}

} // namespace stepgate::policies::statement
