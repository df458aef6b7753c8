#include "proxy/upstream/random.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <array>
#include <stdexcept>

namespace stepgate::proxy::upstream
{

wire::Bytes random_bytes(std::size_t count)
{
    wire::Bytes bytes(count);
    if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) != 1)
        throw std::runtime_error("the system gives no random bytes");
    return bytes;
}

std::string random_nonce()
{
    const auto bytes = random_bytes(18);
    std::array<unsigned char, 25> text{}; // 24 characters and a NUL
    EVP_EncodeBlock(text.data(), reinterpret_cast<const unsigned char*>(bytes.data()), 18);
    return {reinterpret_cast<const char*>(text.data()), 24};
}

} // namespace stepgate::proxy::upstream
