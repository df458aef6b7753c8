#include "proxy/app/command_check.h"

#include "challenge-web/server/public_url.h"
#include "challenge-web/server/tls.h"
#include "proxy/app/certificate_dates.h"
#include "proxy/app/configuration.h"
#include "proxy/app/loose_files.h"
#include "proxy/app/notification_reader.h"
#include "proxy/app/relay_options.h"
#include "proxy/session/server.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace stepgate::proxy::app
{
namespace
{

std::string counted(std::size_t count, std::string_view what)
{
    return std::to_string(count) + ' ' + std::string{what} + (count == 1 ? "" : "s");
}

/// What `serve` would find out when it loads the files that the configuration names.
std::vector<std::string> check_files(const Configuration& configuration)
{
    std::vector<std::string> problems;
    const auto listeners = relay_listeners(configuration);
    if (const auto* problem = std::get_if<std::string>(&listeners))
        problems.push_back(*problem);
    else
        for (const auto& listener : std::get<std::vector<session::ListenerOptions>>(listeners))
            if (auto why = session::check_certificates(listener); !why.empty())
                problems.push_back(std::move(why));
    const auto targets = notification_targets(configuration);
    if (const auto* problem = std::get_if<std::string>(&targets))
        problems.push_back(*problem);
    if (configuration.web && !configuration.web->certificate.empty()) {
        const auto& web = *configuration.web;
        const auto context = challenge_web::server::make_tls_context(web.certificate.string(), web.key.string());
        if (!context)
            problems.push_back("web: " + web.certificate.string() + ", " + web.key.string() + ": " +
                               context.error().message());
    }
    return problems;
}

/// What is allowed, and hardly meant.
void warn(const Configuration& configuration, std::ostream& err)
{
    const auto& policy = *configuration.policy;
    for (const auto& rule : policy.rules())
        if (const auto& escalate = rule.outcome.requirement.escalate;
            escalate && escalate->after >= configuration.hold.timeout)
            err << "warning: rule " << rule.id << " escalates to " << escalate->group << " after "
                << escalate->after.count() << " s, but statements wait for " << configuration.hold.timeout.count()
                << " s only (hold.timeout)\n";
    for (const auto& listener : configuration.listeners)
        if (!listener.client_ca.empty() && listener.tls == ListenerTls::prefer)
            err << "warning: listener " << listener.name
                << " asks for client certificates on TLS only, and lets clients in without it; tls mode = "
                   "\"require\"\n";
    const auto url = configuration.web ? challenge_web::server::parse_public_url(configuration.web->public_url)
                                       : std::optional<challenge_web::server::PublicUrl>{};
    if (url && url->address)
        err << "warning: [web] public_url names an IP address: browsers make passkeys only for host names\n";
    for (const auto& sentence : warnings_of(certificate_dates(configuration), std::chrono::system_clock::now()))
        err << "warning: " << sentence << '\n';
    for (const auto& sentence : warnings_of_loose_files(configuration))
        err << "warning: " << sentence << '\n';
    for (const auto& [target, address, secret] : configuration.notifications)
        for (const auto& wanted : target.rules)
            if (std::ranges::find(policy.rules(), wanted, &policies::rules::Rule::id) == policy.rules().end())
                err << "warning: notifications " << target.name << " are about rule " << wanted
                    << ", which no policy has\n";
}

} // namespace

int run_check(const CheckOptions& options, std::ostream& out, std::ostream& err)
{
    const auto loaded = load_configuration(options.config);
    if (const auto* errors = std::get_if<std::vector<policies::rules::PolicyError>>(&loaded)) {
        for (const auto& error : *errors)
            err << to_string(error) << '\n';
        err << counted(errors->size(), "error") << '\n';
        return 2;
    }
    const auto& configuration = std::get<Configuration>(loaded);
    if (const auto problems = check_files(configuration); !problems.empty()) {
        for (const auto& problem : problems)
            err << problem << '\n';
        err << counted(problems.size(), "error") << '\n';
        return 2;
    }
    const auto& policy = *configuration.policy;
    warn(configuration, err);
    out << "ok: " << counted(configuration.listeners.size(), "listener") << ", "
        << counted(policy.rules().size(), "rule") << ", " << counted(policy.labels().size(), "label")
        << ", policy revision " << policy.short_revision() << '\n';
    return 0;
}

} // namespace stepgate::proxy::app
