#include "proxy/app/certificate_dates.h"

#include "proxy/net/tls.h"

#include <set>

namespace stepgate::proxy::app
{

std::vector<std::string> certificate_dates(const Configuration& configuration,
                                           std::chrono::system_clock::time_point now)
{
    using namespace std::chrono_literals;
    std::set<std::string> files;
    for (const auto& listener : configuration.listeners) {
        files.insert(listener.certificate.string());
        files.insert(listener.upstream.certificate.string());
    }
    if (configuration.web)
        files.insert(configuration.web->certificate.string());
    std::vector<std::string> sentences;
    for (const auto& file : files)
        if (const auto problem = file.empty() ? std::string{} : net::validity_problem(file, now, 14 * 24h);
            !problem.empty())
            sentences.push_back("the certificate " + file + ' ' + problem);
    return sentences;
}

} // namespace stepgate::proxy::app
