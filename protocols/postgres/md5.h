#pragma once

#include "protocols/postgres/errc.h"
#include "protocols/wire/bytes.h"

#include <string>
#include <string_view>

namespace stepgate::protocols::postgres
{

/// The PasswordMessage for AuthenticationMd5: "md5" + hex(md5(hex(md5(password + user)) + salt)). Only towards servers
/// that still ask for it. errc::crypto_failure where MD5 is switched off.
[[nodiscard]] result<std::string> md5_password(std::string_view user, std::string_view password, wire::View salt);

} // namespace stepgate::protocols::postgres
