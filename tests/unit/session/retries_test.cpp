#include "proxy/session/retries.h"

#include "../challenges/samples.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stepgate::proxy::session
{
namespace retries_test
{

namespace challenges = challenge_web::challenges;
namespace samples = challenges::samples;
using challenges::State;
using samples::start;
using namespace std::chrono_literals;
using testing::ElementsAre;

challenges::Parameter parameter(std::string value)
{
    challenges::Parameter made;
    made.value = std::move(value);
    made.type_oid = 3;
    return made;
}

struct Bench {
    Bench()
        : all([] {
              challenges::ChallengesOptions options;
              options.random = samples::counting_random();
              return options;
          }())
    {
    }
    Retries::Pointer open(challenges::Question question = samples::question())
    {
        auto opened = retries.open(all, std::move(question), 60s, start);
        EXPECT_TRUE(opened);
        return opened ? *opened : nullptr;
    }
    void approve(const Retries::Pointer& retry)
    {
        EXPECT_TRUE(all.prove(retry->opened().id, retry->opened().digest, samples::totp(), start + 1s));
    }
    challenges::Challenges all;
    Retries retries;
    std::vector<std::string> told;
    Retries::OnSettled tell()
    {
        return [this](State state, const std::string& reason) {
            told.push_back(std::string{to_string(state)} + ": " + reason);
        };
    }
};

TEST(Retries, TheSameQuestionMeetsTheSameChallenge)
{
    Bench b;
    EXPECT_EQ(b.retries.find(samples::question(), start), nullptr);
    const auto retry = b.open();
    auto again = samples::question();
    again.session = "s2"; // in another session
    EXPECT_EQ(b.retries.find(again, start + 1s), retry);
    b.approve(retry);
    EXPECT_EQ(b.retries.find(again, start + 2s), retry) << "still good once it is approved";
}

struct Other {
    const char* name;
    void (*change)(challenges::Question&);
};

class RetriesOfOthers : public testing::TestWithParam<Other>
{
};

TEST_P(RetriesOfOthers, MeetNothing)
{
    Bench b;
    auto asked = samples::question();
    asked.statements = {{"delete from orders where id = ?", {parameter("1")}}};
    const auto retry = b.open(asked);
    ASSERT_EQ(b.retries.find(asked, start), retry);
    b.approve(retry);
    GetParam().change(asked);
    EXPECT_EQ(b.retries.find(asked, start), nullptr);
}

INSTANTIATE_TEST_SUITE_P(Each, RetriesOfOthers,
                         testing::Values(Other{"user", [](auto& q) { q.user = "bob"; }},
                                         Other{"listener", [](auto& q) { q.listener = "x"; }},
                                         Other{"database", [](auto& q) { q.database = "other"; }},
                                         Other{"role", [](auto& q) { q.role = "root"; }},
                                         Other{"address", [](auto& q) { q.client_address = "10.0.0.8"; }},
                                         Other{"text", [](auto& q) { q.statements[0].sql += " "; }},
                                         Other{"value", [](auto& q) { q.statements[0].parameters[0].value = "2"; }},
                                         Other{"null", [](auto& q) { q.statements[0].parameters[0].value.reset(); }},
                                         Other{"type", [](auto& q) { q.statements[0].parameters[0].type_oid = 8; }},
                                         Other{"more_values",
                                               [](auto& q) { q.statements[0].parameters.push_back(parameter("")); }},
                                         Other{"premise",
                                               [](auto& q) {
                                                   q.statements[0].premises = {{"search_path", "aside"}};
                                               }},
                                         Other{"more_statements",
                                               [](auto& q) {
                                                   q.statements.push_back({"select 1", {}});
                                               }},
                                         // The database's last letter moved to the role.
                                         Other{"parts", [](auto& q) { q.database = "sho", q.role = "papp"; }},
                                         Other{"stricter", [](auto& q) { q.verdict.requirement.level = 3; }}),
                         [](const auto& one) { return one.param.name; });

TEST(Retries, WhatIsNotGoodAnyMoreIsNotFound)
{
    Bench b;
    const auto denied = b.open(); // who comes next is told so, and forgets it
    ASSERT_TRUE(b.all.deny(denied->opened().id, "alice", start + 1s));
    ASSERT_EQ(b.retries.find(samples::question(), start + 1s), denied);
    denied->wait(b.tell());
    EXPECT_THAT(b.told, ElementsAre(testing::StartsWith("denied: ")));
    b.retries.forget(denied);
    EXPECT_EQ(b.retries.find(samples::question(), start + 1s), nullptr);

    const auto expired = b.open();
    ASSERT_NE(b.retries.find(samples::question(), start + 59s), nullptr);
    EXPECT_EQ(b.retries.find(samples::question(), expired->opened().expires), nullptr);

    const auto forgotten = b.open();
    b.retries.forget(forgotten);
    EXPECT_EQ(b.retries.find(samples::question(), start), nullptr);
}

TEST(Retries, NewsGoToWhoWaitsNow)
{
    Bench b;
    const auto retry = b.open();
    bool first = false;
    retry->wait([&first](State, const std::string&) { first = true; });
    retry->wait(b.tell()); // the next execution; the one before was told to come again
    b.approve(retry);
    EXPECT_FALSE(first);
    EXPECT_THAT(b.told, ElementsAre("approved: approved"));
}

TEST(Retries, WhoComesAfterTheNewsHearsThemAtOnce)
{
    Bench b;
    const auto retry = b.open();
    b.approve(retry);
    retry->wait(b.tell());
    EXPECT_THAT(b.told, ElementsAre("approved: approved"));
    retry->wait({}); // nobody waits
}

TEST(Retries, TheChallengeOutlivesItsSessionAndReleasesOnce)
{
    Bench b;
    const auto retry = b.open();
    b.approve(retry);
    EXPECT_TRUE(b.all.consume(retry->opened().id, retry->opened().digest, start + 2s));
    EXPECT_FALSE(b.all.consume(retry->opened().id, retry->opened().digest, start + 3s));
}

} // namespace retries_test
} // namespace stepgate::proxy::session
