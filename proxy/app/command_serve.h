#pragma once

#include <filesystem>
#include <iosfwd>

namespace stepgate::proxy::app
{

/// `stepgate serve`: runs until SIGTERM or SIGINT (then sessions drain); SIGHUP reads policies and certificates again.
/// Exit code: 0 after a clean stop; 1 if it could not start with what is there now (a port that is taken, a store or an
/// audit that cannot be opened): service managers try again; 2 if its configuration is wrong.
[[nodiscard]] int run_serve(const std::filesystem::path& config, std::ostream& out, std::ostream& err);

} // namespace stepgate::proxy::app
