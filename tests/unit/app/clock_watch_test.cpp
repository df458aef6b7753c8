#include "proxy/app/clock_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stepgate::proxy::app
{
namespace clock_watch_test
{

using namespace std::chrono_literals;
using testing::HasSubstr;

struct Clocks {
    ClockWatch watch;
    ClockWatch::Wall wall{1'800'000'000s};
    ClockWatch::Steady steady{};

    std::string after(std::chrono::seconds on_the_wall, std::chrono::seconds passed)
    {
        wall += on_the_wall;
        steady += passed;
        return watch.look(wall, steady);
    }
};

TEST(ClockWatch, SaysWhatWasSetAndNothingElse)
{
    Clocks clocks;
    EXPECT_EQ(clocks.after(0s, 0s), "") << "the first look";
    EXPECT_EQ(clocks.after(1s, 1s), "");
    EXPECT_EQ(clocks.after(3600s, 3600s), "") << "a long round";
    EXPECT_EQ(clocks.after(5s, 1s), "") << "a slew";
    EXPECT_THAT(clocks.after(90'001s, 1s), HasSubstr("set ahead by 90000 s, from 2027-01-"));
    EXPECT_EQ(clocks.after(1s, 1s), "") << "told once";
    EXPECT_THAT(clocks.after(-59s, 1s), HasSubstr("set back by 60 s"));
}

} // namespace clock_watch_test
} // namespace stepgate::proxy::app
