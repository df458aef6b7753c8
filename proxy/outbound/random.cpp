#include "proxy/outbound/random.h"

#include <openssl/rand.h>

#include <array>

namespace stepgate::proxy::outbound
{

std::string random_hex()
{
    std::array<unsigned char, 16> bytes{};
    if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
        return {};
    std::string out;
    for (const unsigned char byte : bytes) {
        out += "0123456789abcdef"[byte >> 4U];
        out += "0123456789abcdef"[byte & 15U];
    }
    return out;
}

} // namespace stepgate::proxy::outbound
