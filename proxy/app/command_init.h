#pragma once

#include <filesystem>
#include <iosfwd>
#include <string>

namespace stepgate::proxy::app
{

struct InitOptions {
    std::string upstream;                         // libpq connection string or URL
    std::filesystem::path directory = "stepgate"; // made; must not hold a stepgate.toml
    std::string listen = "127.0.0.1:6432";
    std::string web_listen = "127.0.0.1:8443";
    std::string public_url; // "": https://localhost and the port of web_listen
    std::string user;       // the first user; "": the one who runs the command
};

/// Asks the server what it is, then writes a starter configuration with certificates, packs and the first user, and
/// prints the next three commands. Exit code: 0; 2 if the server does not answer or a file cannot be written.
[[nodiscard]] int run_init(const InitOptions& options, std::ostream& out, std::ostream& err);

} // namespace stepgate::proxy::app
