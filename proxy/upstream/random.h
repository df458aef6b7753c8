#pragma once

#include "protocols/wire/bytes.h"

#include <cstddef>
#include <string>

namespace stepgate::proxy::upstream
{

/// Bytes nobody can guess. Throws if the system has none: then nothing here is safe.
[[nodiscard]] wire::Bytes random_bytes(std::size_t count);
/// 18 of them as base64: a SCRAM nonce.
[[nodiscard]] std::string random_nonce();

} // namespace stepgate::proxy::upstream
