#pragma once

#include <filesystem>
#include <iosfwd>

namespace stepgate::proxy::app
{

struct CheckOptions {
    std::filesystem::path config;
};

/// `stepgate check`: one line on `out` if configuration and policies are good, else every error on `err`.
/// Exit code: 0 or 2.
[[nodiscard]] int run_check(const CheckOptions& options, std::ostream& out, std::ostream& err);

} // namespace stepgate::proxy::app
