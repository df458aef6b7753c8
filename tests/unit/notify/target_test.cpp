#include "proxy/notify/notifier.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <thread>

namespace stepgate::proxy::notify
{
namespace target_test
{

using outbound::HttpsAnswer;
using outbound::HttpsRequest;

/// A receiver that answers as it was told, then with 200. Thread-safe.
class Receiver
{
  public:
    explicit Receiver(std::deque<int> answers = {}) : answers_(std::move(answers)) {}

    [[nodiscard]] Outlets outlets()
    {
        Outlets out;
        out.https = [this](const HttpsRequest& request, std::string& problem) { return take(request, problem); };
        out.mail = [this](outbound::Mail mail, const outbound::OnSent& on_sent) {
            const bool first = [&] {
                const std::lock_guard lock{mutex_};
                mails.push_back(mail.to);
                return mails.size() == 1;
            }();
            on_sent(first ? "450 later" : ""); // may come back with a failure
            changed_.notify_all();
            return true;
        };
        out.addresses = [](const std::string& group, const std::string& but_not) {
            return std::vector<std::string>{group + "@example.com", "not-" + but_not + "@example.com"};
        };
        out.failed = [this](const Failure& failure) {
            const std::lock_guard lock{mutex_};
            failures.push_back(failure);
            changed_.notify_all();
        };
        return out;
    }

    template <class Condition>
    void wait(Condition condition)
    {
        std::unique_lock lock{mutex_};
        ASSERT_TRUE(changed_.wait_for(lock, std::chrono::seconds{20}, condition));
    }

    std::vector<HttpsRequest> requests;
    std::vector<Failure> failures;
    std::vector<std::string> mails;

  private:
    std::optional<HttpsAnswer> take(const HttpsRequest& request, std::string& problem)
    {
        const std::lock_guard lock{mutex_};
        requests.push_back(request);
        int status = 200;
        if (!answers_.empty()) {
            status = answers_.front();
            answers_.pop_front();
        }
        changed_.notify_all();
        if (status != 0)
            return HttpsAnswer{status, {}};
        problem = "nobody answers";
        return std::nullopt;
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<int> answers_;
};

TargetSettings webhook()
{
    TargetSettings target;
    target.name = "ops";
    target.url = "https://hooks.example.com/1";
    target.keys = {std::string(24, 'k')};
    target.events = {Event::user_changed, Event::challenge_opened};
    target.retry = {std::chrono::milliseconds{1}, std::chrono::milliseconds{2}, std::chrono::milliseconds{10'000}};
    return target;
}

Notice changed(Event event = Event::user_changed)
{
    Notice notice;
    notice.event = event;
    notice.user = "ada";
    notice.change = "disabled";
    return notice;
}

void tell(Notifier& notifier, const Notice& notice)
{
    notifier.tell(notice.event, [notice] { return notice; });
}

std::string header(const HttpsRequest& request, const std::string& name)
{
    for (const auto& line : request.headers)
        if (line.starts_with(name + ": "))
            return line.substr(name.size() + 2);
    return {};
}

TEST(Notifier, TriesAgainWithTheSameIdUntilItIsTaken)
{
    Receiver receiver{{0, 500, 302}};
    Notifier notifier{{webhook()}, receiver.outlets()};
    tell(notifier, changed());
    receiver.wait([&] { return receiver.requests.size() == 4; });
    notifier.stop();
    EXPECT_TRUE(receiver.failures.empty());
    const auto id = header(receiver.requests[0], "webhook-id");
    EXPECT_EQ(id.size(), 36U) << id;
    for (const auto& request : receiver.requests) {
        EXPECT_EQ(header(request, "webhook-id"), id);
        EXPECT_EQ(header(request, "webhook-signature"),
                  sign(webhook().keys, id, std::stoll(header(request, "webhook-timestamp")), request.body));
        EXPECT_EQ(request.url, webhook().url);
    }
    const auto counts = notifier.counts().at(0).second;
    EXPECT_EQ(counts.sent, 1U);
    EXPECT_EQ(counts.retried, 3U);
}

TEST(Notifier, GivesUpWhenItsTimeIsOverAndSaysSo)
{
    Receiver receiver{std::deque<int>(1000, 503)};
    auto target = webhook();
    target.retry.give_up = std::chrono::milliseconds{20};
    Notifier notifier{{target}, receiver.outlets()};
    tell(notifier, changed());
    receiver.wait([&] { return receiver.failures.size() == 1; });
    const auto& failure = receiver.failures[0];
    EXPECT_EQ(failure.target, "ops");
    EXPECT_EQ(failure.event, "user_changed");
    EXPECT_EQ(failure.problem, "the receiver answers 503");
    EXPECT_EQ(static_cast<std::size_t>(failure.tries), receiver.requests.size());
    EXPECT_GT(failure.tries, 1);
    EXPECT_EQ(failure.id, header(receiver.requests[0], "webhook-id"));
}

TEST(Notifier, AReceiverThatIsGoneIsNotAskedAgainUntilAReload)
{
    Receiver receiver{{410}};
    Notifier notifier{{webhook()}, receiver.outlets()};
    tell(notifier, changed());
    tell(notifier, changed());
    receiver.wait([&] { return receiver.failures.size() == 2; });
    EXPECT_EQ(receiver.requests.size(), 1U);
    notifier.replace({webhook()});
    tell(notifier, changed());
    receiver.wait([&] { return receiver.requests.size() == 2; });
}

TEST(Notifier, OneThatIsDownHoldsUpNobodyElse)
{
    Receiver receiver;
    auto outlets = receiver.outlets();
    std::atomic<bool> ended{false};
    outlets.https = [&, answer = outlets.https](const HttpsRequest& request, std::string& problem) {
        while (request.url.ends_with("slow") && !request.stopping->load())
            std::this_thread::yield();
        ended = ended || request.url.ends_with("slow");
        return answer(request, problem);
    };
    auto slow = webhook();
    slow.url = "https://hooks.example.com/slow";
    Notifier notifier{{slow, webhook()}, outlets};
    tell(notifier, changed());
    receiver.wait([&] { return receiver.requests.size() == 1; });
    EXPECT_EQ(receiver.requests[0].url, webhook().url);
    EXPECT_FALSE(ended);
}

TEST(Notifier, TellsOnlyWhatSomebodyWants)
{
    Receiver receiver;
    auto target = webhook();
    target.rules = {"delete"};
    target.labels = {"pii"};
    target.level = 2;
    Notifier notifier{{target}, receiver.outlets()};
    EXPECT_TRUE(notifier.wants(Event::challenge_opened));
    EXPECT_FALSE(notifier.wants(Event::lockout));
    notifier.tell(Event::lockout, [] {
        ADD_FAILURE() << "nobody wants it";
        return Notice{};
    });
    auto notice = changed(Event::challenge_opened);
    notice.rules = {"read", "delete"};
    notice.labels = {"pii"};
    notice.level = 1;
    tell(notifier, notice); // too low
    notice.level = 3;
    notice.rules = {"read"};
    tell(notifier, notice); // another rule
    notice.rules = {"delete"};
    notice.labels = {};
    tell(notifier, notice); // another label
    notice.labels = {"pii"};
    tell(notifier, notice);
    receiver.wait([&] { return receiver.requests.size() == 1; });
    notifier.stop();
    EXPECT_NE(receiver.requests[0].body.find("\"level\":3"), std::string::npos);
}

TEST(Notifier, MailGoesToEverybodyItIsForAndToTheRequesterNotAsApprover)
{
    Receiver receiver;
    TargetSettings target = webhook();
    target.kind = Kind::email;
    target.to = {"ops@example.com"};
    target.approvers = true;
    Notifier notifier{{target}, receiver.outlets()};
    auto notice = changed(Event::challenge_opened);
    notice.group = "dba";
    tell(notifier, notice);
    receiver.wait([&] { return receiver.mails.size() == 4; });
    notifier.stop();
    EXPECT_TRUE(receiver.failures.empty());
    std::sort(receiver.mails.begin(), receiver.mails.end());
    EXPECT_EQ(receiver.mails, (std::vector<std::string>{"dba@example.com", "dba@example.com", "not-ada@example.com",
                                                        "ops@example.com"}))
        << "the first was not taken at once";
}

TEST(Notifier, StoppingTellsWhatWaits)
{
    Receiver receiver{std::deque<int>(1000, 503)};
    auto target = webhook();
    target.retry.first = target.retry.longest = std::chrono::milliseconds{9'000};
    Notifier notifier{{target}, receiver.outlets()};
    tell(notifier, changed());
    receiver.wait([&] { return receiver.requests.size() == 1; });
    notifier.stop();
    ASSERT_EQ(receiver.failures.size(), 1U);
    tell(notifier, changed());
    EXPECT_EQ(receiver.failures.size(), 2U);
}

} // namespace target_test
} // namespace stepgate::proxy::notify
