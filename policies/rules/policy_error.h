#pragma once

#include <string>

namespace stepgate::policies::rules
{

/// What is wrong in a policy or configuration file, and where. Line and column start at 1; 0: the file as a whole.
struct PolicyError {
    std::string file;
    int line = 0;
    int column = 0;
    std::string message;
    std::string hint; // what to write instead; may be empty
    bool operator==(const PolicyError&) const = default;
};

/// "site.toml:14:9: unknown statement kind "detele"; did you mean "delete"?"
[[nodiscard]] std::string to_string(const PolicyError& error);

} // namespace stepgate::policies::rules
