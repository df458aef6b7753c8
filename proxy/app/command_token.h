#pragma once

#include <filesystem>
#include <iosfwd>
#include <string>
#include <vector>

namespace stepgate::proxy::app
{

struct TokenAddOptions {
    std::filesystem::path config;
    std::string user, name;
    std::vector<std::string> scopes;
    int days = 30;
};

/// Exit codes: 0 done, 1 there is no such user or token, 2 usage, configuration or store.
[[nodiscard]] int run_token_add(const TokenAddOptions& options, std::ostream& out, std::ostream& err);
/// `user` "": everyone's.
[[nodiscard]] int run_token_list(const std::filesystem::path& config, const std::string& user, bool json,
                                 std::ostream& out, std::ostream& err);
[[nodiscard]] int run_token_remove(const std::filesystem::path& config, const std::string& id, std::ostream& out,
                                   std::ostream& err);

} // namespace stepgate::proxy::app
