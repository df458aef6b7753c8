#include "proxy/session/verifiers.h"

#include <gtest/gtest.h>

namespace stepgate::proxy::session
{
namespace verifiers_test
{

namespace pg = protocols::postgres;

std::string made(std::string_view password, std::byte salt, int rounds = 4096)
{
    return pg::format_verifier(*pg::make_verifier(password, wire::Bytes(16, salt), rounds));
}

TEST(Verifiers, AreThoseThatOneLoginCanShowASaltFor)
{
    const auto own = made("a", std::byte{1}), other = made("b", std::byte{1});
    WireUser user{own, {}, false, {other, made("c", std::byte{2}), made("d", std::byte{1}, 5000), "rubbish"}};
    const auto usable = usable_verifiers(user);
    ASSERT_EQ(usable.all.size(), 2U);
    EXPECT_TRUE(*pg::is_password(usable.all[1], "b"));
    EXPECT_EQ(usable.text, own + "\n" + other + "\n");
    user.disabled = true;
    EXPECT_TRUE(usable_verifiers(user).all.empty());
    EXPECT_TRUE(usable_verifiers(user).text.empty());
}

TEST(Verifiers, WithoutAPasswordOfTheirOwnTheShortLivedOnesDo)
{
    const auto usable = usable_verifiers({"", {}, false, {made("b", std::byte{1})}});
    ASSERT_EQ(usable.all.size(), 1U);
    EXPECT_TRUE(*pg::is_password(usable.all[0], "b"));
    EXPECT_TRUE(usable_verifiers({"", {}, false, {}}).all.empty());
}

} // namespace verifiers_test
} // namespace stepgate::proxy::session
