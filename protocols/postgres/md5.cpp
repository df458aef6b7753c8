#include "protocols/postgres/md5.h"

#include <openssl/evp.h>

#include <array>

namespace stepgate::protocols::postgres
{

namespace
{

result<std::string> md5_hex(std::string_view data)
{
    std::array<unsigned char, 16> digest{};
    unsigned int size = 0;
    if (EVP_Digest(data.data(), data.size(), digest.data(), &size, EVP_md5(), nullptr) != 1 || size != digest.size())
        return errc::crypto_failure;
    constexpr std::string_view digits = "0123456789abcdef";
    std::string hex;
    for (const unsigned char octet : digest) {
        hex += digits[octet >> 4];
        hex += digits[octet & 15U];
    }
    return hex;
}

} // namespace

result<std::string> md5_password(std::string_view user, std::string_view password, wire::View salt)
{
    auto inner = md5_hex(std::string{password}.append(user));
    if (!inner)
        return inner;
    const auto outer = md5_hex(inner->append(wire::as_text(salt)));
    if (!outer)
        return outer;
    return "md5" + *outer;
}

} // namespace stepgate::protocols::postgres
