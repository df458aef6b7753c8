#include "proxy/outbound/job_queue.h"
#include "proxy/outbound/retry.h"

#include <gtest/gtest.h>

#include <future>
#include <vector>

namespace stepgate::proxy::outbound
{
namespace retry_test
{

using std::chrono::milliseconds;

constexpr Retry short_one{milliseconds{1000}, milliseconds{5000}, milliseconds{20'000}};

/// The pauses of a receiver that never answers, each try taking no time.
std::vector<milliseconds> pauses(const Retry& retry, double random)
{
    std::vector<milliseconds> out;
    milliseconds now{0};
    for (int failures = 1; const auto pause = retry.pause(failures, now, random); ++failures) {
        out.push_back(*pause);
        now += *pause;
    }
    return out;
}

TEST(Retry, PausesDoubleUpToTheLongestUntilTheTimeIsOver)
{
    using Pauses = std::vector<milliseconds>;
    EXPECT_EQ(pauses(short_one, 1), (Pauses{milliseconds{1000}, milliseconds{2000}, milliseconds{4000},
                                            milliseconds{5000}, milliseconds{5000}}));
    EXPECT_EQ(pauses(short_one, 0).front(), milliseconds{500});
    EXPECT_EQ(pauses(short_one, 0.5).front(), milliseconds{750});
    EXPECT_EQ(pauses(short_one, 0).back(), milliseconds{2500});
}

TEST(Retry, TheTimeThatTriesTakeCounts)
{
    EXPECT_EQ(short_one.pause(1, milliseconds{19'000}, 1), milliseconds{1000});
    EXPECT_EQ(short_one.pause(1, milliseconds{19'001}, 1), std::nullopt);
    EXPECT_EQ(short_one.pause(1'000'000, milliseconds{0}, 1), milliseconds{5000}) << "no overflow";
}

TEST(Retry, TheUsualOneTriesForAnHour)
{
    const Retry usual;
    milliseconds all{0};
    for (const auto pause : pauses(usual, 1))
        all += pause;
    EXPECT_LE(all, std::chrono::hours{1});
    EXPECT_GT(all, std::chrono::minutes{50});
    EXPECT_LT(pauses(usual, 0).size(), 40U);
}

TEST(JobQueue, DoesWhatIsDueInOrderAndWhatIsLaterLater)
{
    std::vector<int> done;
    std::promise<void> all;
    JobQueue queue{10};
    std::promise<void> go;
    ASSERT_TRUE(queue.push({[&] { go.get_future().wait(); }}));
    const auto now = JobQueue::Clock::now();
    ASSERT_TRUE(queue.push({[&] {
                               done.push_back(3);
                               all.set_value();
                           }},
                           now + milliseconds{5}));
    ASSERT_TRUE(queue.push({[&] { done.push_back(1); }}));
    ASSERT_TRUE(queue.push({[&] { done.push_back(2); }}));
    go.set_value();
    all.get_future().wait();
    EXPECT_EQ(done, (std::vector<int>{1, 2, 3}));
    EXPECT_GE(JobQueue::Clock::now(), now + milliseconds{5});
}

TEST(JobQueue, StoppingGivesUpWhatWaitsAndTakesNothingMore)
{
    int given_up = 0;
    JobQueue queue{2};
    const JobQueue::Job job{[] { FAIL() << "it is for tomorrow"; }, [&] { ++given_up; }};
    const auto tomorrow = JobQueue::Clock::now() + std::chrono::hours{24};
    EXPECT_TRUE(queue.push(job, tomorrow));
    EXPECT_TRUE(queue.push(job, tomorrow));
    EXPECT_FALSE(queue.push(job, tomorrow)) << "two wait";
    EXPECT_EQ(queue.waiting(), 2U);
    queue.stop();
    EXPECT_EQ(given_up, 2);
    EXPECT_FALSE(queue.push(job));
    queue.stop();
    EXPECT_EQ(given_up, 2);
}

} // namespace retry_test
} // namespace stepgate::proxy::outbound
