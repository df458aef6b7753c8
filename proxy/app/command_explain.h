#pragma once

#include <filesystem>
#include <iosfwd>
#include <optional>
#include <string>

namespace stepgate::proxy::app
{

struct ExplainOptions {
    std::optional<std::filesystem::path> config; // none: facts only
    std::string listener;                        // of `config`; "": the first
    std::string user, database;
    std::string dialect;        // "": the listener's, or postgres
    std::string server_version; // MySQL, MariaDB: as in the server's greeting; "": any that is supported
    std::optional<std::filesystem::path> catalog; // snapshot to look names up in, from `catalog dump`
    std::optional<std::string> statement;         // none: JSON lines from the input
};

/// `stepgate explain`: what stepgate sees in a statement and what the policy says to it, one JSON line each.
/// Exit code: 0, 1 if an input line was not understood, 2 for a wrong option or configuration.
[[nodiscard]] int run_explain(const ExplainOptions& options, std::istream& in, std::ostream& out, std::ostream& err);

} // namespace stepgate::proxy::app
