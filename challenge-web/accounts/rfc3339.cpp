#include "challenge-web/accounts/rfc3339.h"

#include <array>
#include <cstdio>
#include <ctime>

namespace stepgate::challenge_web::accounts
{

std::string rfc3339(std::chrono::system_clock::time_point time)
{
    const auto since = std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch());
    const auto seconds = std::chrono::floor<std::chrono::seconds>(since); // also of times before 1970
    const auto whole = static_cast<std::time_t>(seconds.count());
    std::tm utc{};
    gmtime_r(&whole, &utc);
    std::array<char, 64> text{};
    const int size = std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", utc.tm_year + 1900,
                                   utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                                   static_cast<int>((since - seconds).count()));
    return {text.data(), static_cast<std::size_t>(size)};
}

} // namespace stepgate::challenge_web::accounts
