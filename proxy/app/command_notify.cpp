#include "proxy/app/command_notify.h"

#include "challenge-web/server/readable.h"
#include "proxy/app/configuration.h"
#include "proxy/app/mail_reader.h"
#include "proxy/app/notification_reader.h"
#include "proxy/app/user_addresses.h"
#include "proxy/notify/messages.h"
#include "proxy/notify/target.h"
#include "proxy/outbound/https_client.h"
#include "proxy/outbound/mail_sender.h"
#include "proxy/store/sqlite_store.h"

#include <algorithm>
#include <future>
#include <ostream>

namespace stepgate::proxy::app
{
namespace
{

constexpr std::size_t shown_answer = 500;

notify::Notice test_notice(const Configuration& configuration)
{
    notify::Notice notice;
    notice.event = notify::Event::test;
    notice.at = std::chrono::system_clock::now();
    if (configuration.web)
        notice.url = configuration.web->public_url + "/";
    return notice;
}

int post(const notify::TargetSettings& target, const notify::Notice& notice, std::ostream& out, std::ostream& err)
{
    const auto id = notify::message_id();
    std::string problem = "there are no random numbers";
    const auto answer =
        id.empty() ? std::nullopt : outbound::https_request(make_request(target, notice, id, notice.at), problem);
    if (!answer) {
        err << target.name << ": " << problem << '\n';
        return 1;
    }
    const bool good = answer->status >= 200 && answer->status <= 299;
    (good ? out : err) << target.name << " answers " << answer->status << ": "
                       << challenge_web::server::readable(answer->body, shown_answer).text << '\n';
    return good ? 0 : 1;
}

int mail(const Configuration& configuration, const std::vector<std::string>& to, const notify::Notice& notice,
         std::ostream& out, std::ostream& err)
{
    auto server = mail_server(*configuration.mail);
    if (!server) {
        err << configuration.file.string() << ": the password of [mail] cannot be read\n";
        return 2;
    }
    outbound::MailSender sender{std::move(*server)};
    int failures = 0;
    for (const auto& address : to) {
        std::promise<std::string> sent;
        const bool taken = sender.send(mail_of(notice, address), [&](const std::string& why) { sent.set_value(why); });
        const auto problem = taken ? sent.get_future().get() : std::string{"this is no address"};
        if (problem.empty())
            out << address << ": the mail server has it\n";
        else
            err << address << ": " << problem << '\n';
        failures += problem.empty() ? 0 : 1;
    }
    return failures == 0 ? 0 : 1;
}

/// nullopt: the store cannot be read, and `err` says so.
std::optional<std::vector<std::string>> recipients(const Configuration& configuration,
                                                   const notify::TargetSettings& target, const std::string& approvers,
                                                   std::ostream& err)
{
    auto to = target.to;
    std::vector<std::string> groups;
    if (!target.group.empty())
        groups.push_back(target.group);
    if (target.approvers && !approvers.empty())
        groups.push_back(approvers);
    if (groups.empty())
        return to;
    auto opened = store::SqliteStore::open(configuration.store);
    if (!opened) {
        err << "stepgate: " << opened.error().message << '\n';
        return std::nullopt;
    }
    for (const auto& group : groups)
        std::ranges::copy(addresses_of(**opened, group, {}), std::back_inserter(to));
    return to;
}

} // namespace

int run_notify_test(const NotifyTestOptions& options, std::ostream& out, std::ostream& err)
{
    const auto loaded = load_configuration(options.config);
    if (const auto* errors = std::get_if<std::vector<policies::rules::PolicyError>>(&loaded)) {
        for (const auto& error : *errors)
            err << to_string(error) << '\n';
        return 2;
    }
    const auto& configuration = std::get<Configuration>(loaded);
    const auto targets = notification_targets(configuration);
    if (const auto* problem = std::get_if<std::string>(&targets)) {
        err << *problem << '\n';
        return 2;
    }
    const auto& all = std::get<std::vector<notify::TargetSettings>>(targets);
    const auto target = std::ranges::find(all, options.name, &notify::TargetSettings::name);
    if (target == all.end()) {
        err << "stepgate: there are no notifications \"" << options.name << "\"; the configuration has"
            << (all.empty() ? " none" : ":");
        for (const auto& one : all)
            err << ' ' << one.name;
        err << '\n';
        return 2;
    }
    const auto notice = test_notice(configuration);
    if (target->kind != notify::Kind::email)
        return post(*target, notice, out, err);
    const auto to = recipients(configuration, *target, options.group, err);
    if (!to)
        return 2;
    if (to->empty()) {
        err << target->name << ": nobody whom it is for has an address"
            << (target->approvers ? "; approvers differ from challenge to challenge: --group GROUP\n" : "\n");
        return 1;
    }
    return mail(configuration, *to, notice, out, err);
}

} // namespace stepgate::proxy::app
