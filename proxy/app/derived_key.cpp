#include "proxy/app/derived_key.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace stepgate::proxy::app
{

std::array<std::byte, 32> derived_key(std::span<const std::byte, 32> secret, std::string_view purpose)
{
    std::array<std::byte, 32> key{};
    HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
         reinterpret_cast<const unsigned char*>(purpose.data()), purpose.size(),
         reinterpret_cast<unsigned char*>(key.data()), nullptr);
    return key;
}

} // namespace stepgate::proxy::app
