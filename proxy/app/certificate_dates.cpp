#include "proxy/app/certificate_dates.h"

#include "proxy/audit/search.h"

#include <set>
#include <string_view>

namespace stepgate::proxy::app
{
namespace
{

using namespace std::chrono_literals;
using TimePoint = std::chrono::system_clock::time_point;

constexpr auto soon = 14 * 24h;

std::string date_of(TimePoint time)
{
    return audit::rfc3339(time).substr(0, std::string_view{"2026-01-31"}.size());
}

std::string problem_of(const net::Validity& validity, TimePoint now)
{
    if (validity.until < now)
        return "has expired on " + date_of(validity.until);
    if (validity.from > now)
        return "is not good before " + date_of(validity.from);
    return validity.until < now + soon ? "expires on " + date_of(validity.until) : std::string{};
}

} // namespace

std::vector<CertificateDates> certificate_dates(const Configuration& configuration)
{
    std::set<std::string> files;
    for (const auto& listener : configuration.listeners) {
        files.insert(listener.certificate.string());
        files.insert(listener.upstream.certificate.string());
    }
    if (configuration.web)
        files.insert(configuration.web->certificate.string());
    files.erase("");
    std::vector<CertificateDates> found;
    for (const auto& file : files)
        if (const auto validity = net::validity(file))
            found.push_back({file, *validity});
    return found;
}

std::vector<std::string> warnings_of(const std::vector<CertificateDates>& certificates, TimePoint now)
{
    std::vector<std::string> sentences;
    for (const auto& [file, validity] : certificates)
        if (const auto problem = problem_of(validity, now); !problem.empty())
            sentences.push_back("the certificate " + file + ' ' + problem);
    return sentences;
}

} // namespace stepgate::proxy::app
