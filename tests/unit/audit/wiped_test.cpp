#include "tests/unit/audit/support.h"

#include "proxy/audit/head.h"
#include "proxy/audit/segment.h"
#include "proxy/audit/verify.h"

#include <fstream>
#include <functional>

namespace stepgate::proxy::audit
{
namespace wiped_test
{

class WipedTest : public AuditTest
{
  public:
    void make_journal()
    {
        auto writer = open(options());
        for (int i = 0; i < 5; ++i)
            ASSERT_FALSE(durable(*writer, event(Type::audit_read)));
    }
    /// Signing gives the same bytes each time: it is the head that somebody could have kept.
    void put_first_head_back() const
    {
        auto key = SigningKey::load(directory_, false);
        ASSERT_TRUE(key);
        ASSERT_FALSE(write_head(*posix_files(), directory_, Head{}, *key));
    }
    [[nodiscard]] std::filesystem::path segment() const { return list_segments(directory_)->at(0).path; }
};

TEST_F(WipedTest, TheFirstHeadPutBackDoesNotMakeAWipedJournalIntact)
{
    struct Row {
        const char* name;
        std::function<void(const WipedTest&)> wipe;
    };
    const Row rows[] = {
        {"no segment", [](const WipedTest& test) { std::filesystem::remove(test.segment()); }},
        {"no record", [](const WipedTest& test) { std::filesystem::resize_file(test.segment(), SegmentHeader::size); }},
        {"a record that nobody signed",
         [](const WipedTest& test) {
             std::ifstream in{test.segment(), std::ios::binary};
             in.seekg(SegmentHeader::size);
             std::size_t length = 0;
             for (int i = 0; i < 4; ++i)
                 length = length << 8 | static_cast<unsigned char>(in.get());
             std::filesystem::resize_file(test.segment(), SegmentHeader::size + 4 + length);
         }},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.name);
        std::filesystem::remove_all(directory_);
        make_journal();
        row.wipe(*this);
        put_first_head_back();
        const auto report = verify({directory_, std::nullopt, std::nullopt});
        ASSERT_TRUE(report) << report.error().message;
        ASSERT_EQ(report->findings.size(), 1U);
        EXPECT_EQ(to_string(report->findings[0].kind), "missing");
        EXPECT_NE(report->findings[0].message.find("or the journal was wiped"), std::string::npos)
            << report->findings[0].message;
    }
}

} // namespace wiped_test
} // namespace stepgate::proxy::audit
