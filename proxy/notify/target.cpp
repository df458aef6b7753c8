#include "proxy/notify/target.h"

#include "proxy/notify/messages.h"
#include "proxy/outbound/random.h"

#include <algorithm>
#include <random>
#include <utility>

namespace stepgate::proxy::notify
{

namespace
{

constexpr int status_gone = 410;
constexpr std::size_t longest_answer = std::size_t{64} << 10;

bool any_of(const std::vector<std::string>& wanted, const std::vector<std::string>& there)
{
    return wanted.empty() || std::any_of(there.begin(), there.end(), [&](const auto& one) {
               return std::find(wanted.begin(), wanted.end(), one) != wanted.end();
           });
}

double random_share()
{
    thread_local std::minstd_rand engine{std::random_device{}()};
    return std::uniform_real_distribution<double>{0, 1}(engine);
}

std::string body_of(Kind kind, const Notice& notice)
{
    switch (kind) {
    case Kind::webhook:
        return webhook_body(notice);
    case Kind::slack:
        return slack_body(notice);
    case Kind::teams:
        return teams_body(notice);
    case Kind::email:
        break;
    }
    return {};
}

} // namespace

outbound::HttpsRequest make_request(const TargetSettings& settings, const Notice& notice, const std::string& id,
                                    TimePoint now)
{
    outbound::HttpsRequest request;
    request.url = settings.url;
    request.ca_file = settings.ca_file;
    request.most_bytes = longest_answer;
    request.body = body_of(settings.kind, notice);
    request.headers = {"Content-Type: application/json", "User-Agent: stepgate"};
    if (settings.kind == Kind::webhook) {
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
        request.headers.push_back("webhook-id: " + id);
        request.headers.push_back("webhook-timestamp: " + std::to_string(seconds));
        request.headers.push_back("webhook-signature: " + sign(settings.keys, id, seconds, request.body));
    }
    return request;
}

std::string message_id()
{
    const auto random = outbound::random_hex();
    return random.empty() ? random : "msg_" + random;
}

Target::Target(TargetSettings settings, const Outlets& outlets)
    : settings_(std::move(settings)), outlets_(outlets), queue_(settings_.queue)
{
}

bool Target::wants(const Notice& notice) const
{
    if (std::find(settings_.events.begin(), settings_.events.end(), notice.event) == settings_.events.end())
        return false;
    return !about_challenge(notice.event) ||
           (notice.level >= settings_.level && any_of(settings_.rules, notice.rules) &&
            any_of(settings_.labels, notice.labels));
}

void Target::tell(std::shared_ptr<const Notice> notice)
{
    auto delivery = std::make_shared<Delivery>();
    delivery->notice = std::move(notice);
    delivery->id = message_id();
    delivery->first = outbound::JobQueue::Clock::now();
    if (delivery->id.empty())
        fail(*delivery, "there are no random numbers");
    else
        enqueue(std::move(delivery), {});
}

Target::Counts Target::counts() const
{
    return {sent_, retried_, failed_, queue_.waiting()};
}

void Target::enqueue(Shared delivery, std::chrono::milliseconds pause)
{
    const bool taken =
        queue_.push({[this, delivery] { attempt(delivery); }, [this, delivery] { fail(*delivery, "stepgate stops"); }},
                    outbound::JobQueue::Clock::now() + pause);
    if (!taken)
        fail(*delivery, queue_.stopping() ? "stepgate stops" : "too many messages wait for this target");
}

void Target::attempt(const Shared& delivery)
{
    if (settings_.kind != Kind::email)
        post(delivery);
    else if (delivery->to.empty())
        address_mail(*delivery);
    else
        mail(delivery);
}

void Target::address_mail(const Delivery& delivery)
{
    const auto& notice = *delivery.notice;
    auto all = settings_.to;
    for (const auto* group : {&settings_.group, settings_.approvers ? &notice.group : nullptr})
        if (group != nullptr && !group->empty())
            for (auto& address : outlets_.addresses(*group, notice.user)) // nobody approves for themselves
                all.push_back(std::move(address));
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    if (all.empty())
        fail(delivery, "nobody whom it is for has an address");
    for (auto& address : all) {
        auto one = std::make_shared<Delivery>(delivery);
        one->to = std::move(address);
        enqueue(std::move(one), {});
    }
}

void Target::mail(const Shared& delivery)
{
    const bool taken = outlets_.mail(mail_of(*delivery->notice, delivery->to),
                                     [this, delivery](const std::string& problem) { settle(delivery, problem); });
    if (!taken)
        settle(delivery, "the queue of mail is full, or the address is none");
}

void Target::post(const Shared& delivery)
{
    if (gone_)
        return fail(*delivery, "the receiver has said that it is gone");
    auto request = make_request(settings_, *delivery->notice, delivery->id, outlets_.now());
    request.stopping = &queue_.stopping();
    std::string problem;
    const auto answer = outlets_.https(request, problem);
    if (answer && answer->status == status_gone) {
        gone_ = true;
        return fail(*delivery, "the receiver says that it is gone (410): nothing more is sent there until a reload");
    }
    if (answer && (answer->status < 200 || answer->status > 299))
        problem = "the receiver answers " + std::to_string(answer->status);
    settle(delivery, problem);
}

void Target::settle(const Shared& delivery, const std::string& problem)
{
    if (problem.empty()) {
        ++sent_;
        return;
    }
    ++delivery->failures;
    const auto passed =
        std::chrono::duration_cast<std::chrono::milliseconds>(outbound::JobQueue::Clock::now() - delivery->first);
    const auto pause = settings_.retry.pause(delivery->failures, passed, random_share());
    if (!pause || queue_.stopping())
        return fail(*delivery, problem);
    ++retried_;
    enqueue(delivery, *pause);
}

void Target::fail(const Delivery& delivery, std::string problem)
{
    ++failed_;
    outlets_.failed({settings_.name, std::string{to_string(delivery.notice->event)}, delivery.notice->challenge,
                     delivery.id, delivery.failures, std::move(problem)});
}

} // namespace stepgate::proxy::notify
