#pragma once

#include <chrono>
#include <filesystem>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

namespace stepgate::proxy::app
{

struct UserAddOptions {
    std::filesystem::path config;
    std::string name;
    std::vector<std::string> groups;
    bool auditor = false, admin = false;
    bool generate_password = false;
    std::optional<std::filesystem::path> password_file; // neither: asked for on the terminal
    std::string email;                                  // "": none
};

struct UserSetOptions {
    std::filesystem::path config;
    std::string name;
    std::optional<std::string> email;               // "": takes it away
    std::optional<std::vector<std::string>> groups; // in place of those that there are
    std::optional<bool> auditor, admin;
};

/// Exit codes: 0 done, 1 the user is not as the command needs it (exists, unknown), 2 usage, configuration or store.
[[nodiscard]] int run_user_add(const UserAddOptions& options, std::ostream& out, std::ostream& err);
/// Changes what is given, and nothing else.
[[nodiscard]] int run_user_set(const UserSetOptions& options, std::ostream& out, std::ostream& err);
[[nodiscard]] int run_user_list(const std::filesystem::path& config, bool json, std::ostream& out, std::ostream& err);
/// A running server notices within a second: no new login, web sessions and elevations end.
[[nodiscard]] int run_user_disable(const std::filesystem::path& config, const std::string& name, bool enable,
                                   std::ostream& out, std::ostream& err);
/// Prints a one-time link with which the user adds a first factor. `reset` removes the factors and web sessions there
/// are, for somebody who lost their passkey: the person at the command line vouches for them.
[[nodiscard]] int run_enroll(const std::filesystem::path& config, const std::string& name, std::chrono::seconds valid,
                             bool reset, std::ostream& out, std::ostream& err);

} // namespace stepgate::proxy::app
