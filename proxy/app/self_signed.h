#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace stepgate::proxy::app
{

/// Writes a private CA and a server certificate signed by it (P-256, PEM; keys with mode 0600) for a first start:
/// `directory`/ca.crt, server.crt, server.key. The CA's own key is thrown away: nothing else can be signed with it.
/// `names` are DNS names or IP addresses. Returns "" or what went wrong.
[[nodiscard]] std::string write_self_signed(const std::filesystem::path& directory,
                                            const std::vector<std::string>& names);

} // namespace stepgate::proxy::app
