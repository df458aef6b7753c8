#include "proxy/app/log.h"

#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace stepgate::proxy::app
{
namespace
{

spdlog::level::level_enum spd_level(LogLevel level)
{
    switch (level) {
    case LogLevel::debug:
        return spdlog::level::debug;
    case LogLevel::info:
        return spdlog::level::info;
    case LogLevel::warning:
        return spdlog::level::warn;
    case LogLevel::error:
        return spdlog::level::err;
    }
    return spdlog::level::err;
}

// spdlog does not escape: what a client chose (an application name, say) must not start a line of its own.
std::string quoted(std::string_view text)
{
    return boost::json::serialize(boost::json::value(boost::json::string(text)));
}

} // namespace

void start_log(LogLevel level)
{
    auto logger = spdlog::stderr_logger_mt("stepgate");
    logger->set_level(spd_level(level));
    logger->set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})", spdlog::pattern_time_type::utc);
    logger->flush_on(spdlog::level::debug);
    spdlog::set_default_logger(std::move(logger));
}

void log_line(LogLevel level, std::string_view session, std::string_view message)
{
    auto* logger = spdlog::default_logger_raw();
    if (!logger->should_log(spd_level(level)))
        return;
    if (session.empty())
        logger->log(spd_level(level), "\"message\":{}", quoted(message));
    else
        logger->log(spd_level(level), "\"session\":{},\"message\":{}", quoted(session), quoted(message));
}

} // namespace stepgate::proxy::app
