#pragma once

#include "protocols/mysql/fast_cache.h"
#include "protocols/mysql/rsa_key.h"

#include <optional>

namespace stepgate::proxy::session
{

/// What the logins at a listener share. Any thread may use it.
struct MySqlLoginKeys {
    protocols::mysql::FastCache cache;
    std::optional<protocols::mysql::RsaKey> rsa; // nothing: no full proof without TLS
};

} // namespace stepgate::proxy::session
