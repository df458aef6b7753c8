#include "tests/unit/audit/support.h"

#include "proxy/audit/segment.h"

#include <fstream>
#include <thread>

namespace stepgate::proxy::audit
{
namespace segment_test
{

class SegmentListTest : public AuditTest
{
};

// A directory is read in pieces: what is compressed meanwhile may get its new name in a piece that was read already,
// and lose its old one in a piece that was not.
TEST_F(SegmentListTest, ASegmentThatIsCompressedMeanwhileIsListed)
{
    constexpr std::uint64_t count = 3000;
    std::filesystem::create_directories(directory_);
    for (std::uint64_t first = 1; first <= count; ++first)
        std::ofstream{directory_ / segment_name(first)};
    std::thread compressing{[this] {
        for (std::uint64_t first = 1; first <= count; ++first) {
            std::ofstream{directory_ / (segment_name(first, true) + ".tmp")};
            std::filesystem::rename(directory_ / (segment_name(first, true) + ".tmp"),
                                    directory_ / segment_name(first, true));
            std::filesystem::remove(directory_ / segment_name(first));
        }
    }};
    std::size_t missed = 0, lists = 0;
    do {
        const auto segments = list_segments(directory_);
        ASSERT_TRUE(segments);
        missed += count - segments->size();
        ++lists;
    } while (std::filesystem::exists(directory_ / segment_name(count)));
    compressing.join();
    EXPECT_EQ(missed, 0U) << "in " << lists << " lists";
}

} // namespace segment_test
} // namespace stepgate::proxy::audit
