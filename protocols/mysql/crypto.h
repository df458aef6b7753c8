#pragma once

#include "protocols/mysql/errc.h"
#include "protocols/wire/bytes.h"

#include <array>
#include <initializer_list>
#include <string>

namespace stepgate::protocols::mysql
{

// What the plugins need of OpenSSL. All give crypto_failure if it fails.

using Sha1 = std::array<std::byte, 20>;
using Sha256 = std::array<std::byte, 32>;

/// Over all parts, one after the other.
[[nodiscard]] result<Sha1> sha1(std::initializer_list<wire::View> parts);
[[nodiscard]] result<Sha256> sha256(std::initializer_list<wire::View> parts);

/// Takes the same time wherever they differ; other sizes are different.
[[nodiscard]] bool equal_secretly(wire::View a, wire::View b);

template <std::size_t size>
[[nodiscard]] std::array<std::byte, size> exclusive_or(const std::array<std::byte, size>& a,
                                                       const std::array<std::byte, size>& b)
{
    std::array<std::byte, size> both;
    for (std::size_t i = 0; i < size; ++i)
        both[i] = a[i] ^ b[i];
    return both;
}

/// Overwrites secrets that are not needed any more.
void wipe(std::span<std::byte> secret);
void wipe(std::string& secret);

} // namespace stepgate::protocols::mysql
