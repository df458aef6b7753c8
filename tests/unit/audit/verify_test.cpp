#include "tests/unit/audit/support.h"

#include "proxy/audit/compressor.h"
#include "proxy/audit/head.h"
#include "proxy/audit/record_codec.h"
#include "proxy/audit/segment.h"
#include "proxy/audit/verify.h"

#include <functional>

namespace stepgate::proxy::audit
{
namespace
{

/// A frame inside a segment file.
struct Frame {
    std::size_t at = 0, size = 0; // with its length
};

class VerifyTest : public AuditTest
{
  public: // for the rows of the tampering table
    [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }
    /// Three segments: records 1 start, 2 checkpoint, 3.. events with checkpoints at each rotation, stop, checkpoint.
    void make_journal()
    {
        WriterOptions small = options();
        small.segment_bytes = 1200;
        auto writer = open(std::move(small));
        for (int i = 0; i < 12; ++i)
            ASSERT_FALSE(durable(*writer, event(Type::audit_read, {{"text", std::string(100, 'q')}}, "s-1", "ann")));
    }
    [[nodiscard]] std::vector<SegmentFile> segments() const { return *list_segments(directory_); }
    [[nodiscard]] static std::vector<Frame> frames(const std::string& bytes)
    {
        std::vector<Frame> found;
        std::size_t at = SegmentHeader::size;
        while (at + 4 <= bytes.size()) {
            std::size_t length = 0;
            for (std::size_t i = 0; i < 4; ++i)
                length = length << 8 | static_cast<unsigned char>(bytes[at + i]);
            found.push_back({at, length + 4});
            at += length + 4;
        }
        return found;
    }
    [[nodiscard]] VerifyReport report(VerifyOptions options) const
    {
        auto verified = verify(options);
        EXPECT_TRUE(verified) << (verified ? "" : verified.error().message);
        return verified ? *verified : VerifyReport{};
    }
    [[nodiscard]] VerifyReport report() const { return report({directory_, std::nullopt, std::nullopt}); }
    [[nodiscard]] static std::string describe(const VerifyReport& report)
    {
        std::string text;
        for (const auto& finding : report.findings)
            text += finding.file + " " + std::to_string(finding.sequence) + " " + std::string{to_string(finding.kind)} +
                    ": " + finding.message + "\n";
        return text;
    }
};

TEST_F(VerifyTest, AnUntouchedJournalIsIntact)
{
    make_journal();
    const auto intact = report();
    EXPECT_TRUE(intact.findings.empty()) << describe(intact);
    EXPECT_TRUE(intact.notes.empty());
    EXPECT_GE(intact.segments, 3U);
    EXPECT_EQ(intact.first, 1U);
    for (const auto& segment : segments())
        ASSERT_TRUE(compress_segment(segment));
    EXPECT_TRUE(report().findings.empty());
}

// In parts, which run side by side: of each four bytes one.
class VerifyBytes : public VerifyTest, public testing::WithParamInterface<std::size_t>
{
};
INSTANTIATE_TEST_SUITE_P(Audit, VerifyBytes, testing::Range(std::size_t{0}, std::size_t{4}));

TEST_P(VerifyBytes, OfEveryRecordAreGuarded)
{
    make_journal();
    const auto all = segments();
    for (const auto& segment : all) {
        const std::string good = slurp(segment.path);
        const auto places = frames(good);
        for (std::size_t at = GetParam(); at < good.size(); at += 4) {
            std::string changed = good;
            changed[at] = static_cast<char>(changed[at] ^ 0x01);
            spill(segment.path, changed);
            const auto found = report();
            ASSERT_FALSE(found.findings.empty()) << segment.path << " byte " << at;
            // The first finding names the record, except where a length or a header was hit.
            for (std::size_t i = 0; i < places.size(); ++i)
                if (at >= places[i].at + 4 && at < places[i].at + places[i].size) {
                    EXPECT_EQ(found.findings[0].sequence, segment.first + i) << "byte " << at << '\n'
                                                                             << describe(found);
                }
        }
        spill(segment.path, good);
    }
}

TEST_F(VerifyTest, Tampering)
{
    struct Row {
        const char* name;
        std::function<void(VerifyTest&)> tamper;
        FindingKind kind;
        std::uint64_t sequence; // 0: not checked
    };
    const auto edit = [](auto change) {
        return [change](VerifyTest& test) {
            const auto path = test.segments()[1].path;
            std::string bytes = slurp(path);
            change(bytes, frames(bytes));
            spill(path, bytes);
        };
    };
    make_journal();
    const std::uint64_t second = segments()[1].first;
    const std::uint64_t third = segments()[2].first;
    const std::uint64_t last = report().last;
    const Row rows[] = {
        {"a record removed",
         edit([](std::string& bytes, const std::vector<Frame>& f) { bytes.erase(f[2].at, f[2].size); }),
         FindingKind::missing, second + 2},
        {"two records swapped", edit([](std::string& bytes, const std::vector<Frame>& f) {
             const std::string first = bytes.substr(f[1].at, f[1].size), next = bytes.substr(f[2].at, f[2].size);
             bytes.replace(f[1].at, f[1].size + f[2].size, next + first);
         }),
         FindingKind::missing, second + 1},
        {"a record doubled", edit([](std::string& bytes, const std::vector<Frame>& f) {
             bytes.insert(f[2].at, bytes.substr(f[1].at, f[1].size));
         }),
         FindingKind::reordered, second + 1},
        {"a segment cut in the middle",
         edit([](std::string& bytes, const std::vector<Frame>& f) { bytes.resize(f[2].at + 5); }),
         FindingKind::malformed, second + 2},
        {"a segment cut at a record",
         edit([](std::string& bytes, const std::vector<Frame>& f) { bytes.resize(f[2].at); }), FindingKind::missing,
         second + 2},
        {"a segment of the middle removed", [](VerifyTest& test) { std::filesystem::remove(test.segments()[1].path); },
         FindingKind::missing, second},
        {"the first segment removed", [](VerifyTest& test) { std::filesystem::remove(test.segments()[0].path); },
         FindingKind::missing, 1},
        {"the last segment removed", [](VerifyTest& test) { std::filesystem::remove(test.segments().back().path); },
         FindingKind::truncated, 0},
        {"the tail cut off",
         [](VerifyTest& test) {
             const auto path = test.segments().back().path;
             const std::string bytes = slurp(path);
             spill(path, bytes.substr(0, frames(bytes).back().at));
         },
         FindingKind::truncated, last},
        {"the head removed", [](VerifyTest& test) { std::filesystem::remove(test.directory() / "head.json"); },
         FindingKind::truncated, 0},
        {"the head edited",
         [](VerifyTest& test) {
             std::string head = slurp(test.directory() / "head.json");
             head.replace(head.find("\"clean\":true"), 12, "\"clean\":false");
             spill(test.directory() / "head.json", head);
         },
         FindingKind::signature, 0},
        {"the head is no JSON", [](VerifyTest& test) { spill(test.directory() / "head.json", "{"); },
         FindingKind::changed, 0},
        {"a header edited",
         [](VerifyTest& test) {
             std::string bytes = slurp(test.segments()[2].path);
             bytes[20] = static_cast<char>(bytes[20] ^ 1);
             spill(test.segments()[2].path, bytes);
         },
         FindingKind::changed, third},
        {"a file that is no segment", [](VerifyTest& test) { spill(test.segments()[1].path, "hello"); },
         FindingKind::unreadable, second},
        {"the whole chain forged from the second record on",
         [](VerifyTest& test) {
             // Somebody without the signing key changes a record and recomputes every hash behind it.
             const auto path = test.segments()[0].path;
             std::string bytes = slurp(path);
             const auto places = frames(bytes);
             RecordView record;
             Hash previous{};
             for (std::size_t i = 2; i < places.size(); ++i) {
                 if (i == 2)
                     bytes[places[i].at + places[i].size - 1] = 'X';
                 else
                     std::copy_n(reinterpret_cast<const char*>(previous.data()), 32,
                                 bytes.begin() + static_cast<std::ptrdiff_t>(places[i].at) + 8);
                 previous = Hasher{}(as_bytes(std::string_view{bytes}.substr(places[i].at + 4, places[i].size - 4)));
             }
             spill(path, bytes);
         },
         FindingKind::signature, second - 1},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.name);
        std::filesystem::remove_all(root_ / "kept");
        std::filesystem::copy(directory_, root_ / "kept");
        row.tamper(*this);
        const auto found = report();
        ASSERT_FALSE(found.findings.empty());
        EXPECT_EQ(to_string(found.findings[0].kind), to_string(row.kind)) << describe(found);
        if (row.sequence != 0) {
            EXPECT_EQ(found.findings[0].sequence, row.sequence) << describe(found);
        }
        std::filesystem::remove_all(directory_);
        std::filesystem::rename(root_ / "kept", directory_);
    }
}

TEST_F(VerifyTest, AKeyKeptElsewhereTellsAJournalThatWasReplaced)
{
    make_journal();
    const auto kept = root_ / "audit.pub";
    std::filesystem::copy(directory_ / "audit.pub", kept);
    std::filesystem::remove_all(directory_);
    make_journal(); // all of it, keys too
    EXPECT_TRUE(report().findings.empty());
    const auto found = report({directory_, kept, std::nullopt});
    ASSERT_FALSE(found.findings.empty());
    EXPECT_EQ(found.findings[0].kind, FindingKind::signature);
    EXPECT_EQ(found.findings[0].sequence, 2U);
}

TEST_F(VerifyTest, OldSegmentsMayBeArchived)
{
    make_journal();
    const auto all = segments();
    std::filesystem::remove(all[0].path);
    EXPECT_FALSE(report().findings.empty());
    const auto partial = report({directory_, std::nullopt, all[1].first});
    EXPECT_TRUE(partial.findings.empty()) << describe(partial);
}

TEST_F(VerifyTest, ARunningJournalIsIntactWithNotes)
{
    auto writer = open(options());
    ASSERT_FALSE(durable(*writer, event(Type::audit_read)));
    const auto found = report();
    EXPECT_TRUE(found.findings.empty()) << describe(found);
    ASSERT_EQ(found.notes.size(), 2U);
    EXPECT_NE(found.notes[0].find("1 record after the last signed checkpoint"), std::string::npos);
}

// Proofs without a passkey, and the order of what leads to a release.
TEST_F(VerifyTest, Releases)
{
    const std::string input = "canonical bytes";
    const std::string digest = to_hex(Hasher{}(as_bytes(input)));
    const std::string encoded = to_base64url(as_bytes(input));
    const auto opened =
        event(Type::challenge_opened, {{"challenge", std::string{"c"}}, {"digest", digest}, {"digest_input", encoded}},
              "", "ann");
    auto opened_for_two = opened;
    opened_for_two.fields.emplace_back("approvals", std::int64_t{2});
    const auto proof_of = [&](const std::string& user) {
        return event(Type::proof_accepted,
                     {{"challenge", std::string{"c"}},
                      {"digest", digest},
                      {"digest_input", encoded},
                      {"factor", std::string{"totp"}},
                      {"evidence", std::string{"{}"}},
                      {"credential", "of " + user},
                      {"proof_user", user}},
                     "", "ann");
    };
    const auto proof = proof_of("ann");
    const auto enrolled = [](const std::string& user) {
        return event(Type::factor_enrolled, {{"factor", std::string{"totp"}}, {"credential", "of " + user}}, "", user);
    };
    const auto removed = event(Type::factor_removed,
                               {{"factor", std::string{"totp"}}, {"credential", std::string{"of ann"}}}, "", "ann");
    const auto release = event(Type::release, {{"challenge", std::string{"c"}}, {"digest", digest}});
    const auto denied = event(Type::challenge_denied, {{"challenge", std::string{"c"}}});
    const auto other_digest = std::string(64, '0');
    auto wrong_proof = proof;
    wrong_proof.fields[1].second = other_digest;
    auto wrong_input = proof;
    wrong_input.fields[2].second = to_base64url(as_bytes("other bytes"));
    auto no_evidence = proof;
    no_evidence.fields[3].second = std::string{"passkey"};
    auto wrong_release = release;
    wrong_release.fields[1].second = other_digest;
    const auto elevated = event(Type::release, {{"elevation", std::string{"c"}}});
    struct Row {
        const char* name;
        std::vector<Record> records;
        std::string finding; // "" for none
    };
    const Row rows[] = {{"as it should be", {opened, proof, release}, ""},
                        {"elevated by an earlier proof", {opened, proof, release, elevated, elevated}, ""},
                        {"denied", {opened, denied}, ""},
                        {"no proof", {opened, release}, "without a valid proof"},
                        {"never opened", {release}, "never opened"},
                        {"no challenge at all", {event(Type::release)}, "without a challenge"},
                        {"used twice", {opened, proof, release, release}, "used twice"},
                        {"after a denial", {opened, proof, denied, release}, "after challenge c was closed"},
                        {"proof after a denial", {opened, denied, proof}, "after challenge c was closed"},
                        {"proof of another digest", {opened, wrong_proof}, "another digest"},
                        {"digest of another input", {opened, wrong_input}, "not that of its input"},
                        {"passkey without evidence", {opened, no_evidence}, "without its evidence"},
                        {"release of another digest", {opened, proof, wrong_release}, "another digest"},
                        {"elevation without proof", {opened, elevated}, "without a valid proof"},
                        {"by a factor that is gone", {opened, removed, proof}, "was removed before"},
                        {"two approvals", {opened_for_two, proof_of("bob"), proof, proof_of("cid"), release}, ""},
                        {"one person twice",
                         {opened_for_two, proof, proof_of("bob"), proof_of("bob"), release},
                         "without the approvals of 2 other people"},
                        {"approved by the requester",
                         {opened_for_two, proof, proof, proof_of("bob"), release},
                         "without the approvals of 2 other people"},
                        {"approved, but not proved",
                         {opened_for_two, proof_of("bob"), proof_of("cid"), release},
                         "without a valid proof"},
                        {"opened twice", {opened, proof, release, opened}, "opened twice"}};
    for (const Row& row : rows) {
        SCOPED_TRACE(row.name);
        std::filesystem::remove_all(directory_);
        {
            auto writer = open(options());
            for (const char* user : {"ann", "bob", "cid"})
                EXPECT_TRUE(writer->submit(enrolled(user)));
            for (const auto& record : row.records)
                ASSERT_TRUE(writer->submit(record));
        }
        const auto found = report();
        if (row.finding.empty())
            EXPECT_EQ(describe(found), "");
        else
            EXPECT_NE(describe(found).find(row.finding), std::string::npos) << describe(found);
    }
}

} // namespace
} // namespace stepgate::proxy::audit
