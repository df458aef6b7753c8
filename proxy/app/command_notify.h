#pragma once

#include <filesystem>
#include <iosfwd>
#include <string>

namespace stepgate::proxy::app
{

struct NotifyTestOptions {
    std::filesystem::path config;
    std::string name;
    std::string group; // whose members get a mail as approvers; "": nobody
};

/// Sends a message to one target and prints what the receiver answers. Exit codes: 0 it has it, 1 it has not, 2 usage
/// or configuration.
[[nodiscard]] int run_notify_test(const NotifyTestOptions& options, std::ostream& out, std::ostream& err);

} // namespace stepgate::proxy::app
