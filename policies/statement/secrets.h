#pragma once

#include "policies/statement/facts.h"

#include <string_view>

namespace stepgate::policies::statement
{

/// Whether a text that nobody understood may hold a password: by its words, or by an address with a login
/// (postgresql://user:password@host/).
[[nodiscard]] bool may_hold_secret(std::string_view text);

/// Whether a command of a shell may hold one, as `curl -u user:password`, `mysql -ppassword` or a header do.
[[nodiscard]] bool command_may_hold_secret(std::string_view command);

/// Whether a setting or variable holds a password, token or key, by its name ("app.jwt_secret", "wsrep_sst_auth").
[[nodiscard]] bool names_secret(std::string_view setting);

/// Marks facts that call what takes a password or a key (crypt, aes_encrypt), or write where the servers keep them.
void note_secrets(Facts& facts);

} // namespace stepgate::policies::statement
