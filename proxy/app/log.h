#pragma once

#include "proxy/app/configuration.h"

namespace stepgate::proxy::app
{

/// JSON lines on standard error: {"time":…,"level":…,"session":…,"message":…}. Messages are escaped; payloads,
/// passwords and literals never reach it (their callers see to that).
void start_log(LogLevel level);
void log_line(LogLevel level, std::string_view session, std::string_view message);
inline void log_info(std::string_view message)
{
    log_line(LogLevel::info, {}, message);
}
inline void log_warning(std::string_view message)
{
    log_line(LogLevel::warning, {}, message);
}
inline void log_error(std::string_view message)
{
    log_line(LogLevel::error, {}, message);
}

} // namespace stepgate::proxy::app
