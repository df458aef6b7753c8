#include "proxy/app/descriptors.h"

#include <gtest/gtest.h>

namespace stepgate::proxy::app
{
namespace descriptors_test
{

struct Row {
    const char* name;
    std::size_t limit, own;
    DescriptorShare wanted;
    std::optional<DescriptorShare> share;
};

class Shares : public testing::TestWithParam<Row>
{
};

TEST_P(Shares, LeaveEachKindItsOwn)
{
    const auto& row = GetParam();
    const auto share = share_descriptors(row.limit, row.own, row.wanted);
    ASSERT_EQ(share.has_value(), row.share.has_value());
    if (!share)
        return;
    EXPECT_EQ(share->sessions, row.share->sessions);
    EXPECT_EQ(share->pages, row.share->pages);
    EXPECT_LE(row.own + 2 * share->sessions + share->pages, row.limit);
}

INSTANTIATE_TEST_SUITE_P(
    Limits, Shares,
    testing::Values(Row{"enough", 30'000, 200, {10'000, 1024}, DescriptorShare{10'000, 1024}},
                    Row{"just_enough", 21'224, 200, {10'000, 1024}, DescriptorShare{10'000, 1024}},
                    Row{"one_too_few", 21'223, 200, {10'000, 1024}, DescriptorShare{9999, 1024}},
                    Row{"few", 1024, 200, {10'000, 1024}, DescriptorShare{360, 103}},
                    Row{"few_sessions_leave_the_pages_more", 1024, 200, {100, 1024}, DescriptorShare{100, 624}},
                    Row{"fewest", 264, 200, {10'000, 1024}, DescriptorShare{28, 8}},
                    Row{"too_few", 263, 200, {10'000, 1024}, std::nullopt},
                    Row{"none_left", 100, 200, {1, 1}, std::nullopt}),
    [](const auto& test) { return std::string{test.param.name}; });

} // namespace descriptors_test
} // namespace stepgate::proxy::app
