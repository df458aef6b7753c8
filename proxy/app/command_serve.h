#pragma once

#include <filesystem>
#include <iosfwd>

namespace stepgate::proxy::app
{

/// `stepgate serve`: runs until SIGTERM or SIGINT (then sessions drain); SIGHUP reads policies and certificates again.
/// Exit code: 0 after a clean stop, 2 if it could not start.
[[nodiscard]] int run_serve(const std::filesystem::path& config, std::ostream& out, std::ostream& err);

} // namespace stepgate::proxy::app
