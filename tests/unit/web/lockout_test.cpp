#include "challenge-web/accounts/host_of.h"
#include "challenge-web/accounts/lockout.h"
#include "tests/unit/web/site_fixture.h"

namespace stepgate::tests
{
namespace lockout_test
{

using accounts::Lockout;
using std::chrono::seconds;

// Taken out once each, and seen to fail: the wait of a user from an address, of a user, of an address; the web's count.
constexpr Lockout::TimePoint start{std::chrono::hours{1}};

TEST(Lockout, WaitsAreLongerEachTimeForTheUserFromThatAddress)
{
    Lockout lockout({.of_pair = 3, .of_address = 100, .of_user = 100, .longest = seconds{8}});
    auto now = start;
    for (int i = 0; i < 2; ++i)
        lockout.failed("ann", "10.0.0.1", now);
    EXPECT_FALSE(lockout.wait("ann", "10.0.0.1", now)) << "as often as people mistype";
    for (const int expected : {1, 2, 4, 8, 8}) {
        lockout.failed("ann", "10.0.0.1", now);
        EXPECT_EQ(lockout.wait("ann", "10.0.0.1", now), seconds{expected});
        EXPECT_FALSE(lockout.wait("ann", "10.0.0.2", now)) << "another address";
        EXPECT_FALSE(lockout.wait("bob", "10.0.0.1", now)) << "another user";
        EXPECT_EQ(lockout.wait("ann", "10.0.0.1", now + std::chrono::milliseconds{expected * 1000 - 1}), seconds{1});
        EXPECT_FALSE(lockout.wait("ann", "10.0.0.1", now + seconds{expected}));
        now += seconds{expected};
    }
    lockout.succeeded("ann", "10.0.0.1", now);
    lockout.failed("ann", "10.0.0.1", now);
    EXPECT_FALSE(lockout.wait("ann", "10.0.0.1", now)) << "whoever gets in starts anew";
}

TEST(Lockout, ManyAddressesDoNotHelpAndDoNotLockOutWhoGotInBefore)
{
    Lockout lockout({.of_pair = 3, .of_address = 100, .of_user = 10});
    lockout.succeeded("ann", "10.0.0.1", start);
    for (int i = 0; i < 10; ++i)
        lockout.failed("ann", "198.51.100." + std::to_string(i), start);
    EXPECT_EQ(lockout.wait("ann", "203.0.113.1", start), seconds{1});
    EXPECT_FALSE(lockout.wait("ann", "10.0.0.1", start)) << "her own address";
    EXPECT_FALSE(lockout.wait("bob", "203.0.113.1", start));
}

TEST(Lockout, ManyAddressesOfOneHostDoNotHelp)
{
    Lockout lockout({.of_pair = 100, .of_address = 10, .of_user = 1000});
    for (int i = 0; i < 10; ++i)
        lockout.failed("user" + std::to_string(i), "2001:db8::" + std::to_string(i), start);
    EXPECT_EQ(lockout.wait("another", "2001:db8::ffff", start), seconds{1});
    EXPECT_FALSE(lockout.wait("another", "2001:db8:0:1::", start));
}

TEST(HostOf, IsTheNetworkOfIPv6)
{
    const std::pair<const char*, const char*> rows[] = {
        {"192.0.2.7", "192.0.2.7"},
        {"::ffff:192.0.2.7", "192.0.2.7"},
        {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
        {"2001:DB8:1:2::", "2001:db8:1:2::/64"},
        {"::1", "::/64"},
        {"fe80::1%eth0", "fe80::1%eth0"},
        {"fe80::1", "fe80::1"},
        {"unknown", "unknown"},
        {"", ""},
    };
    for (const auto& [address, host] : rows)
        EXPECT_EQ(accounts::host_of(address), host) << address;
}

TEST(Lockout, ManyNamesDoNotHelp)
{
    Lockout lockout({.of_pair = 3, .of_address = 10, .of_user = 100});
    for (int i = 0; i < 10; ++i)
        lockout.failed("user" + std::to_string(i), "10.0.0.1", start);
    EXPECT_EQ(lockout.wait("another", "10.0.0.1", start), seconds{1});
    EXPECT_EQ(lockout.wait("", "10.0.0.1", start), seconds{1});
    EXPECT_FALSE(lockout.wait("another", "10.0.0.2", start));
}

TEST(Lockout, ForgetsAndIsBounded)
{
    Lockout lockout({.of_pair = 1, .of_address = 1000, .of_user = 1000, .forgotten = seconds{60}, .most = 4});
    lockout.failed("ann", "10.0.0.1", start);
    lockout.failed("ann", "10.0.0.1", start);
    EXPECT_EQ(lockout.wait("ann", "10.0.0.1", start), seconds{2});
    for (int i = 0; i < 100; ++i)
        lockout.failed("user" + std::to_string(i), "10.0.0.2", start);
    EXPECT_EQ(lockout.wait("ann", "10.0.0.1", start), seconds{2}) << "a flood of names does not free who waits";
    lockout.failed("ann", "10.0.0.1", start + seconds{60});
    EXPECT_EQ(lockout.wait("ann", "10.0.0.1", start + seconds{60}), seconds{1}) << "the first one again";
}

TEST(Lockout, SlowsPasswordsOnTheWebButNotPasskeys)
{
    World world;
    world.add_user("alice");
    SoftAuthenticator key(origin);
    world.add_passkey("alice", key);
    Browser browser(world);
    const json::value wrong{{"user", "alice"}, {"password", "wrong"}, {"code", "123456"}};
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(browser.post("session/totp", wrong).code(), "sign_in_failed") << i;
    const auto refused = browser.post("session/totp", wrong);
    EXPECT_EQ(refused.status, 429);
    EXPECT_EQ(refused.code(), "locked_out");
    EXPECT_EQ(refused.header("Retry-After"), "1");
    EXPECT_EQ(browser.post("session/recovery-code", wrong).code(), "locked_out");
    EXPECT_EQ(world.recorder.types.back(), "web_sign_in_failed alice");
    browser.sign_in(key);
    world.pass(seconds{1});
    EXPECT_EQ(browser.post("session/totp", wrong).code(), "sign_in_failed");
}

} // namespace lockout_test
} // namespace stepgate::tests
