#include "tests/unit/audit/support.h"

#include "proxy/audit/bundle.h"
#include "proxy/audit/compressor.h"
#include "proxy/audit/head.h"
#include "proxy/audit/record_codec.h"
#include "proxy/audit/segment.h"
#include "proxy/audit/verify.h"
#include "tests/unit/audit/asked.h"
#include "tests/unit/challenges/samples.h"

#include <functional>

namespace stepgate::proxy::audit
{
namespace verify_test
{

/// A frame inside a segment file.
struct Frame {
    std::size_t at = 0, size = 0; // with its length
};

class VerifyTest : public AuditTest
{
  public: // for the rows of the tampering table
    /// Its clock says the time of `event`.
    [[nodiscard]] WriterOptions options() const
    {
        auto options = AuditTest::options();
        options.clock = [] { return event(Type::audit_read).at; };
        return options;
    }
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
    EXPECT_TRUE(report({.directory = directory_, .public_key = {}, .from = intact.last}).findings.empty());
    EXPECT_EQ(report({.directory = directory_, .public_key = {}, .from = intact.last + 1}).findings.size(), 1U);
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

TEST_F(VerifyTest, AClockThatWasSetBackIsANote)
{
    auto writer = open(options());
    for (const int seconds : {0, 7200, 0, 1, 90'000, 50}) {
        auto one = event(Type::audit_read);
        one.at += std::chrono::seconds{seconds};
        ASSERT_FALSE(durable(*writer, std::move(one)));
    }
    writer.reset();
    const auto found = report();
    EXPECT_TRUE(found.findings.empty()) << describe(found);
    ASSERT_EQ(found.notes.size(), 1U);
    EXPECT_EQ(found.notes[0], "times run back 2 times, first at record 5, by 7200 s: a clock was set. What happened "
                              "first stands first");
}

challenges::Question question_of_ann(int level, int approvals = 0)
{
    auto question = challenges::samples::question(level);
    question.user = "ann";
    question.verdict.requirement.approvals = approvals;
    question.recorded = {{"delete from orders where id = $1"}, {"1.$1 = 7"}};
    return question;
}

// Proofs without a passkey, and the order of what leads to a release.
TEST_F(VerifyTest, Releases)
{
    const Asked asked{question_of_ann(1)}, asked_for_two{question_of_ann(1, 2)}, asked_for_more{question_of_ann(2)};
    const Record &opened = asked.opened, &opened_for_two = asked_for_two.opened;
    const auto proof_of = [](const std::string& user, const Asked& of) {
        return event(Type::proof_accepted,
                     {{"challenge", std::string{"c"}},
                      {"digest", of.digest},
                      {"digest_input", of.input},
                      {"factor", std::string{"totp"}},
                      {"evidence", std::string{"{}"}},
                      {"kind", std::string{"possession"}},
                      {"credential", "of " + user},
                      {"proof_user", user}},
                     "", "ann");
    };
    const auto proof = proof_of("ann", asked), proof_for_two = proof_of("ann", asked_for_two);
    const auto by_bob = proof_of("bob", asked_for_two), by_cid = proof_of("cid", asked_for_two);
    const auto enrolled = [](const std::string& user) {
        return event(Type::factor_enrolled, {{"factor", std::string{"totp"}}, {"credential", "of " + user}}, "", user);
    };
    const auto removed = event(Type::factor_removed,
                               {{"factor", std::string{"totp"}}, {"credential", std::string{"of ann"}}}, "", "ann");
    const auto release_of = [](const Asked& of) {
        return event(Type::release, {{"challenge", std::string{"c"}}, {"digest", of.digest}}, "", "ann");
    };
    const auto release = release_of(asked), release_for_two = release_of(asked_for_two);
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
    auto boasting = proof;
    boasting.fields.emplace_back("phishing_resistant", true);
    auto mailed = proof; // nothing is enrolled for it
    mailed.fields[3].second = std::string{"email_code"};
    mailed.fields[4].second = std::string{R"({"type":"email_code","credential":"ann@example.com"})"};
    mailed.fields[6].second = std::string{"ann@example.com"};
    auto mailed_elsewhere = mailed;
    mailed_elsewhere.fields[6].second = std::string{"eve@example.com"};
    auto logged_in = proof;
    logged_in.fields[3].second = std::string{"identity_provider"};
    logged_in.fields[4].second =
        std::string{R"({"type":"identity_provider","credential":"corp/ann","id_token":"a.b.c"})"};
    logged_in.fields[6].second = std::string{"corp/ann"};
    auto logged_in_elsewhere = logged_in;
    logged_in_elsewhere.fields[6].second = std::string{"corp/eve"};
    auto replaced = event(Type::factor_enrolled,
                          {{"factor", std::string{"pin"}},
                           {"credential", std::string{"new of ann"}},
                           {"replaces", std::string{"of ann"}}},
                          "", "ann");
    const auto elevated_from = [](const std::string& address, const std::string& user = "ann") {
        return event(Type::release, {{"elevation", std::string{"c"}}, {"client_address", address}}, "", user);
    };
    const auto elevated = elevated_from("10.0.0.7");
    const auto revoked = event(Type::elevation_ended, {{"challenge", std::string{"c"}}}, "", "ann");
    const auto offering = [](policies::rules::ElevationOffer offer) {
        auto question = question_of_ann(1);
        question.verdict.elevation = offer;
        return question;
    };
    using policies::rules::ElevationScope;
    const Asked widely{offering({std::chrono::minutes{10}, ElevationScope::user_address})};
    const Asked thrice{offering({std::chrono::minutes{10}, ElevationScope::statement, 3})};
    const auto again = [&](std::int64_t ordinal, std::size_t executions = 1, const std::string& session = {}) {
        return event(Type::release,
                     {{"elevation", std::string{"c"}},
                      {"ordinal", ordinal},
                      {"statements", std::vector<std::string>(executions, "1")}},
                     session.empty() ? thrice.opened.session : session, "ann");
    };
    const auto later = [](Record record) {
        record.at += std::chrono::minutes{1};
        return record;
    };
    auto anothers = release;
    anothers.user = "bob";
    auto late = again(2);
    late.at += std::chrono::minutes{11};
    const auto shown_more = thrice.shown({{"count", std::int64_t{100}}}); // what is signed counts, not what is shown
    struct Row {
        const char* name;
        std::vector<Record> records;
        std::string finding; // "" for none
    };
    const Row rows[] = {
        {"as it should be", {opened, proof, release}, ""},
        {"elevated by an earlier proof",
         {widely.opened, proof_of("ann", widely), release_of(widely), elevated, elevated},
         ""},
        {"elevated where nothing is offered", {opened, proof, release, elevated}, "offers no elevation"},
        {"elevated for somebody else",
         {widely.opened, proof_of("ann", widely), release_of(widely), elevated_from("10.0.0.7", "bob")},
         "to somebody else than who asked"},
        {"elevated at another address",
         {widely.opened, proof_of("ann", widely), release_of(widely), elevated_from("10.0.0.8")},
         "from another address"},
        {"an elevation that was ended",
         {widely.opened, proof_of("ann", widely), release_of(widely), elevated, revoked},
         ""},
        {"elevated after somebody ended it",
         {widely.opened, proof_of("ann", widely), release_of(widely), revoked, elevated},
         "after its elevation had been ended"},
        {"released to somebody else", {opened, proof, anothers}, "to somebody else than who asked"},
        {"proved too late", {opened, later(proof)}, "a proof was accepted after challenge c had expired"},
        {"released too late", {opened, proof, later(release)}, "a release after challenge c had expired"},
        {"the same again", {thrice.opened, proof_of("ann", thrice), release_of(thrice), again(2), again(3)}, ""},
        {"the same too often",
         {thrice.opened, proof_of("ann", thrice), release_of(thrice), again(2), again(3), again(4)},
         "allows 3 executions"},
        {"the same, three at once",
         {thrice.opened, proof_of("ann", thrice), release_of(thrice), again(2, 3)},
         "allows 3 executions"},
        {"an execution left out",
         {thrice.opened, proof_of("ann", thrice), release_of(thrice), again(3)},
         "not the next execution"},
        {"an execution twice",
         {thrice.opened, proof_of("ann", thrice), release_of(thrice), again(2), again(2)},
         "not the next execution"},
        {"the same before it was released", {thrice.opened, proof_of("ann", thrice), again(2)}, "not released itself"},
        {"the same in another session",
         {thrice.opened, proof_of("ann", thrice), release_of(thrice), again(2, 1, "s9")},
         "in another session"},
        {"the same too late",
         {thrice.opened, proof_of("ann", thrice), release_of(thrice), late},
         "after its elevation was over"},
        {"more often than was signed",
         {shown_more, proof_of("ann", thrice), release_of(thrice), again(2), again(3), again(4)},
         "allows 3 executions"},
        {"denied", {opened, denied}, ""},
        {"no proof", {opened, release}, "any_factor is missing"},
        {"never opened", {release}, "never opened"},
        {"no challenge at all", {event(Type::release)}, "without a challenge"},
        {"used twice", {opened, proof, release, release}, "used twice"},
        {"after a denial", {opened, proof, denied, release}, "after challenge c was closed"},
        {"proof after a denial", {opened, denied, proof}, "after challenge c was closed"},
        {"proof of another digest", {opened, wrong_proof}, "another digest"},
        {"digest of another input", {opened, wrong_input}, "not that of its input"},
        {"passkey without evidence", {opened, no_evidence}, "without its evidence"},
        {"release of another digest", {opened, proof, wrong_release}, "another digest"},
        {"elevation without proof", {widely.opened, elevated}, "any_factor is missing"},
        {"by a factor that another one replaced", {opened, replaced, proof}, "was removed before"},
        {"by a mailed code", {opened, mailed, release}, ""},
        {"by a login at a provider", {opened, logged_in, release}, ""},
        {"by somebody else's login", {opened, logged_in_elsewhere}, "evidence is of another login"},
        {"by a code mailed elsewhere", {opened, mailed_elsewhere}, "evidence is of another code"},
        {"by a factor that is gone", {opened, removed, proof}, "was removed before"},
        {"two approvals", {opened_for_two, by_bob, proof_for_two, by_cid, release_for_two}, ""},
        {"one person twice",
         {opened_for_two, proof_for_two, by_bob, by_bob, release_for_two},
         "without the approvals of 1 more people"},
        {"approved by the requester",
         {opened_for_two, proof_for_two, proof_for_two, by_bob, release_for_two},
         "without the approvals of 1 more people"},
        {"approved, but not proved", {opened_for_two, by_bob, by_cid, release_for_two}, "any_factor is missing"},
        {"a code where more was asked",
         {asked_for_more.opened, proof_of("ann", asked_for_more), release_of(asked_for_more)},
         "stronger_factor is missing"},
        {"a code that resists phishing", {opened, boasting}, "without a passkey's signature"},
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

// An insider may write what he likes beside the bytes that were signed.
TEST_F(VerifyTest, WhatAChallengeShowsIsWhatItsDigestStandsFor)
{
    const Asked asked{question_of_ann(3)};
    auto of_another_user = asked.opened, of_another_session = asked.opened;
    of_another_user.user = "bob";
    of_another_session.session = "s2";
    const std::vector<std::string> select{"select 1"}, other_value{"1.$1 = 8"}, nothing;
    struct Row {
        const char* name;
        Record opened;
        std::string finding;
    };
    const Row rows[] = {
        {"as it was", asked.opened, ""},
        {"user", of_another_user, "another user"},
        {"session", of_another_session, "another session"},
        {"id", asked.shown({{"challenge", std::string{"d"}}}), "another challenge"},
        {"listener", asked.shown({{"listener", std::string{"x"}}}), "another listener"},
        {"database", asked.shown({{"database", std::string{"x"}}}), "another database"},
        {"role", asked.shown({{"role", std::string{"x"}}}), "another role"},
        {"address", asked.shown({{"client_address", std::string{"x"}}}), "another client_address"},
        {"policy", asked.shown({{"policy_revision", std::string{"x"}}}), "another policy_revision"},
        {"rules", asked.shown({{"rules", nothing}}), "another rules"},
        {"labels", asked.shown({{"labels", nothing}}), "another labels"},
        {"level", asked.shown({{"level", std::int64_t{1}}}), "another level"},
        {"approvals", asked.shown({{"approvals", std::int64_t{0}}}), "another approvals"},
        {"expiry", asked.shown({{"expires", std::int64_t{1}}}), "another expires"},
        {"statement", asked.shown({{"statements", select}}), "another statement"},
        {"parameter", asked.shown({{"parameters", other_value}}), "another statement"},
        {"premise", asked.shown({{"premises", other_value}}), "another statement"},
        {"digest of other bytes", asked.shown({{"digest_input", to_base64url(as_bytes("x"))}}),
         "not that of its input"},
        {"no digest input", asked.shown({{"digest_input", std::string{"!"}}}), "not that of its input"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.name);
        std::filesystem::remove_all(directory_);
        ASSERT_TRUE(open(options())->submit(row.opened));
        const auto found = report();
        if (row.finding.empty())
            EXPECT_EQ(describe(found), "");
        else
            EXPECT_NE(describe(found).find(row.finding), std::string::npos) << describe(found);
    }
}

const std::string challenge_id = "c";

class BundleTest : public VerifyTest
{
  protected:
    /// A journal with a challenge that was answered, beside other things, and its bundle.
    void SetUp() override
    {
        const auto enrolled = [](const char* user) {
            return event(Type::factor_enrolled, {{"factor", std::string{"totp"}}, {"credential", std::string{user}}},
                         "", user);
        };
        {
            auto writer = open(options());
            for (const char* user : {"ann", "bob"})
                EXPECT_TRUE(writer->submit(enrolled(user)));
            EXPECT_TRUE(writer->submit(asked_.opened));
            EXPECT_TRUE(writer->submit(event(Type::audit_read, {{"query", std::string{"secret"}}}, "", "bob")));
            EXPECT_TRUE(writer->submit(event(Type::proof_accepted,
                                             {{"challenge", challenge_id},
                                              {"digest", asked_.digest},
                                              {"factor", std::string{"totp"}},
                                              {"credential", std::string{"ann"}},
                                              {"proof_user", std::string{"ann"}}},
                                             "", "ann")));
            EXPECT_TRUE(writer->submit(
                event(Type::release, {{"challenge", challenge_id}, {"digest", asked_.digest}}, "", "ann")));
        }
        const auto made = make_bundle(directory_, challenge_id);
        ASSERT_TRUE(made) << made.error().message;
        bundle_ = *made;
        std::filesystem::rename(directory_ / "audit.pub", root_ / "known.pub");
        std::filesystem::remove_all(directory_);
    }
    [[nodiscard]] BundleReport checked(const std::string& text, bool known_key = true) const
    {
        spill(root_ / "bundle.json", text);
        const auto report =
            verify_bundle(root_ / "bundle.json", known_key ? std::optional{root_ / "known.pub"} : std::nullopt);
        EXPECT_TRUE(report) << (report ? "" : report.error().message);
        return report ? *report : BundleReport{};
    }

    const Asked asked_{question_of_ann(1)};
    std::string bundle_;
};

TEST_F(BundleTest, HoldsFarFromItsJournal)
{
    const auto report = checked(bundle_);
    EXPECT_TRUE(report.findings.empty()) << report.findings.front().message;
    EXPECT_EQ(report.challenge, challenge_id);
    EXPECT_FALSE(report.own_key);
    // The enrolment of ann's factor, question, proof and release; nothing of others.
    ASSERT_EQ(report.records.size(), 4U);
    EXPECT_NE(report.records[1].find("delete from orders"), std::string::npos);
    ASSERT_EQ(report.proofs.size(), 1U);
    EXPECT_EQ(report.proofs[0].user, "ann");
    EXPECT_FALSE(report.proofs[0].carries_signature);
    EXPECT_TRUE(checked(bundle_, false).own_key);
}

TEST_F(BundleTest, EveryChangeIsFound)
{
    std::size_t found = 0;
    for (std::size_t at = bundle_.find("\"records\""); at < bundle_.size() - 1; at += 3) {
        std::string changed = bundle_;
        changed[at] = changed[at] == 'A' ? 'B' : 'A';
        spill(root_ / "bundle.json", changed);
        const auto report = verify_bundle(root_ / "bundle.json", root_ / "known.pub");
        EXPECT_TRUE(!report || !report->findings.empty()) << at;
        ++found;
    }
    EXPECT_GT(found, 100U);
}

TEST_F(BundleTest, WhatIsNoBundleIsSaidToBeNone)
{
    for (const char* text : {"", "{", "[]", "{}", "{\"format\":\"stepgate bundle 2\"}"}) {
        spill(root_ / "bundle.json", text);
        const auto report = verify_bundle(root_ / "bundle.json", std::nullopt);
        ASSERT_FALSE(report) << text;
        EXPECT_EQ(report.error().code, errc::malformed);
    }
    EXPECT_EQ(verify_bundle(root_ / "nothing", std::nullopt).error().code, errc::io);
}

TEST_F(VerifyTest, NoBundleOfADamagedJournalOrAnUnknownChallenge)
{
    const Asked asked{question_of_ann(1)};
    ASSERT_TRUE(open(options())->submit(asked.opened));
    EXPECT_EQ(make_bundle(directory_, "unknown").error().code, errc::not_found);
    EXPECT_TRUE(make_bundle(directory_, challenge_id));
    ASSERT_TRUE(open(options())->submit(asked.shown({{"role", std::string{"x"}}})));
    EXPECT_EQ(make_bundle(directory_, challenge_id).error().code, errc::damaged);
}

} // namespace verify_test
} // namespace stepgate::proxy::audit
