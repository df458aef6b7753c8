#include "policies/rules/cidr.h"

#include <gtest/gtest.h>

namespace stepgate::policies::rules
{
namespace cidr_test
{

TEST(Cidr, Contains)
{
    struct Row {
        const char *network, *address;
        bool inside;
    };
    const Row rows[] = {
        {"10.0.0.0/8", "10.255.0.1", true},
        {"10.0.0.0/8", "11.0.0.1", false},
        {"10.1.2.3", "10.1.2.3", true},
        {"10.1.2.3", "10.1.2.4", false},
        {"192.168.4.0/22", "192.168.7.255", true},
        {"192.168.4.0/22", "192.168.8.0", false},
        {"0.0.0.0/0", "203.0.113.9", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"::/0", "2001:db8::1", true},
        {"2001:db8::/32", "2001:db8:ffff::1", true},
        {"2001:db8::/32", "2001:db9::1", false},
        {"2001:db8::/33", "2001:db8:8000::1", false},
        {"fe80::/10", "fe80::1%eth0", true},
        {"10.0.0.0/8", "::ffff:10.2.3.4", true}, // a dual-stack socket's spelling of an IPv4 client
        {"::1", "::1", true},
        {"127.0.0.0/8", "::1", false},
    };
    for (const auto& row : rows) {
        SCOPED_TRACE(std::string{row.network} + " " + row.address);
        const auto network = Cidr::parse(row.network);
        const auto address = parse_address(row.address);
        ASSERT_TRUE(network && address);
        EXPECT_EQ(network->contains(*address), row.inside);
    }
}

TEST(Cidr, RefusesWhatIsNoNetwork)
{
    for (const auto* text : {"", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/8x", "10.0.0/8", "localhost",
                             "2001:db8::/129", "10.0.0.256", "/8", "10.0.0.1 "})
        EXPECT_FALSE(Cidr::parse(text)) << text;
    EXPECT_FALSE(parse_address(std::string_view{"10.0.0.1\0x", 10}));
}

} // namespace cidr_test
} // namespace stepgate::policies::rules
