#include "tests/unit/audit/support.h"

#include "proxy/audit/compressor.h"
#include "proxy/audit/feeder.h"
#include "proxy/audit/files.h"
#include "proxy/audit/reader.h"
#include "proxy/audit/segment.h"
#include "proxy/audit/verify.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <future>
#include <map>
#include <sys/stat.h>
#include <thread>
#include <utility>

namespace stepgate::proxy::audit
{
namespace writer_test
{

/// The real disk, until step `limit`; from then on nothing works. A write that fails leaves half of its bytes.
class FailingFiles final : public Files
{
    using Result = boost::system::result<std::unique_ptr<OutFile>>;

    class File final : public OutFile
    {
      public:
        File(FailingFiles& owner, std::unique_ptr<OutFile> file) : owner_(owner), file_(std::move(file)) {}
        boost::system::error_code write(std::span<const std::byte> bytes, std::size_t& written) override
        {
            if (owner_.step())
                return file_->write(bytes, written);
            if (auto then = std::exchange(owner_.on_failure, {}))
                then();
            std::size_t half = 0;
            if (owner_.steps == owner_.limit + 1) // the one that hit the wall
                (void)file_->write(bytes.first(bytes.size() / 2), half);
            written = half;
            return failure();
        }
        boost::system::error_code sync() override { return owner_.step() ? file_->sync() : failure(); }
        boost::system::error_code still_at(const std::filesystem::path& path) const override
        {
            return file_->still_at(path);
        }

      private:
        FailingFiles& owner_;
        std::unique_ptr<OutFile> file_;
    };

  public:
    explicit FailingFiles(int at) : limit(at) {}
    static boost::system::error_code failure()
    {
        return boost::system::errc::make_error_code(boost::system::errc::no_space_on_device);
    }
    bool step() { return ++steps <= limit; }

    Result wrap(Result file)
    {
        if (!file)
            return file;
        return std::unique_ptr<OutFile>{std::make_unique<File>(*this, std::move(*file))};
    }
    Result create(const std::filesystem::path& path) override
    {
        return step() ? wrap(real->create(path)) : Result{failure()};
    }
    Result append_to(const std::filesystem::path& path) override
    {
        return step() ? wrap(real->append_to(path)) : Result{failure()};
    }
    boost::system::error_code truncate(const std::filesystem::path& path, std::uint64_t size) override
    {
        return step() ? real->truncate(path, size) : failure();
    }
    boost::system::error_code rename(const std::filesystem::path& from, const std::filesystem::path& to) override
    {
        return step() ? real->rename(from, to) : failure();
    }
    boost::system::error_code remove(const std::filesystem::path& path) override
    {
        return step() ? real->remove(path) : failure();
    }
    boost::system::error_code sync_directory(const std::filesystem::path& directory) override
    {
        return step() ? real->sync_directory(directory) : failure();
    }

    std::shared_ptr<Files> real = posix_files();
    std::atomic<int> limit, steps{0};
    std::function<void()> on_failure; // once, at the first write that fails
};

class WriterTest : public AuditTest
{
  protected:
    /// Every record of the journal, by `each`; expects an intact chain of sequence numbers.
    template <class Each>
    std::uint64_t read_all(Each&& each)
    {
        JournalReader reader{directory_, 1};
        RecordView record;
        std::span<const std::byte> bytes;
        std::uint64_t count = 0;
        auto status = JournalReader::Status::end;
        while ((status = reader.next(record, bytes)) == JournalReader::Status::record) {
            EXPECT_EQ(record.sequence, ++count);
            each(record);
        }
        EXPECT_EQ(status, JournalReader::Status::end) << reader.problem().message;
        return count;
    }
    void reopen() { EXPECT_TRUE(open(options())); }
    void expect_intact()
    {
        const auto report = verify({directory_, std::nullopt, std::nullopt});
        ASSERT_TRUE(report) << report.error().message;
        for (const auto& finding : report->findings)
            ADD_FAILURE() << finding.file << ' ' << finding.sequence << ' ' << finding.message;
    }
    /// Before the first signature in the journal nobody can tell a killed start from a journal that was wiped.
    void expect_intact_or_unsigned()
    {
        if (!std::filesystem::exists(directory_ / "head.json")) {
            EXPECT_TRUE(list_segments(directory_)->empty());
            return;
        }
        const auto report = verify({directory_, std::nullopt, std::nullopt});
        ASSERT_TRUE(report) << report.error().message;
        ASSERT_EQ(report->findings.size(), report->checkpoints == 0 ? 1U : 0U);
        if (report->checkpoints == 0) {
            EXPECT_EQ(to_string(report->findings[0].kind), "missing");
        }
    }
};

TEST_F(WriterTest, WritesAndGoesOnAfterACleanStop)
{
    for (int run = 0; run < 3; ++run) {
        auto writer = open(options());
        EXPECT_FALSE(durable(*writer, event(Type::session_start, {{"number", std::int64_t{1}}}, "s-1", "ann")));
        EXPECT_TRUE(writer->healthy());
    }
    std::vector<Type> types;
    read_all([&](const RecordView& record) { types.push_back(record.type); });
    EXPECT_EQ(types.size(), 15U);
    EXPECT_EQ(types[0], Type::start);
    EXPECT_EQ(types[2], Type::session_start);
    EXPECT_EQ(types[3], Type::stop);
    EXPECT_EQ(types[4], Type::checkpoint);
    expect_intact();
}

TEST_F(WriterTest, KeysArePrivateAndStay)
{
    RedactionKey first{};
    {
        auto writer = open(options());
        first = writer->redaction_key();
    }
    EXPECT_EQ(open(options())->redaction_key(), first);
    for (const char* name : {"audit.key", "redaction.key"}) {
        struct stat status {
        };
        ASSERT_EQ(::stat((directory_ / name).c_str(), &status), 0);
        EXPECT_EQ(status.st_mode & 0777, 0600U) << name;
    }
    std::filesystem::remove(directory_ / "audit.key");
    const auto opened = Writer::open(options());
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, errc::bad_key);
}

TEST_F(WriterTest, OnlyOneWriter)
{
    auto writer = open(options());
    const auto second = Writer::open(options());
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, errc::locked);
}

TEST_F(WriterTest, ProducersKeepTheirOrderOverLanesAndSubmit)
{
    constexpr int threads = 4, each = 3000;
    WriterOptions tight = options();
    tight.lane_bytes = 16 * 1024;
    tight.segment_bytes = 200 * 1024;
    {
        auto writer = open(std::move(tight));
        std::vector<std::thread> producers;
        for (int t = 0; t < threads; ++t)
            producers.emplace_back([&, t] {
                auto lane = writer->make_lane();
                const std::string large(8000, 'x'); // takes the way of submit
                for (int i = 0; i < each; ++i) {
                    const auto number = static_cast<std::uint64_t>(i);
                    StatementEvent statement{
                        1,    static_cast<std::uint64_t>(t + 1), number, "select 1", "allow", "", "", "select", "", 9,
                        false};
                    if (i % 50 == 0)
                        statement.text = large;
                    if (i % 7 == 0) {
                        Record record = event(Type::policy_loaded,
                                              {{"statement", std::int64_t{i}}, {"thread", std::int64_t{t + 1}}});
                        while (!writer->submit(record))
                            std::this_thread::yield();
                    } else {
                        while (!lane->statement(statement))
                            std::this_thread::yield();
                    }
                }
            });
        for (auto& producer : producers)
            producer.join();
    }
    std::map<std::uint64_t, std::int64_t> next;
    read_all([&](const RecordView& record) {
        const bool ours = record.type == Type::statement || record.type == Type::policy_loaded;
        if (!ours)
            return;
        const auto thread = record.type == Type::statement ? record.session_number
                                                           : static_cast<std::uint64_t>(record.number("thread"));
        EXPECT_EQ(record.number("statement"), next[thread]++);
    });
    for (int t = 1; t <= threads; ++t)
        EXPECT_EQ(next[static_cast<std::uint64_t>(t)], each);
    expect_intact();
}

TEST_F(WriterTest, AnAnswerThatCameInTimeIsInTheStatementsRecord)
{
    const auto statement = [](std::uint64_t session, std::uint64_t number) {
        StatementEvent event;
        event.session = session;
        event.statement = number;
        event.action = "allow";
        return event;
    };
    const auto outcome = [](std::uint64_t session, std::uint64_t number, std::int64_t rows) {
        return OutcomeEvent{1, session, number, {5, rows, "00000"}};
    };
    WriterOptions slow = options();
    slow.flush_every = std::chrono::hours{1};
    {
        auto writer = open(std::move(slow));
        auto lane = writer->make_lane();
        const auto flush = [&] { ASSERT_FALSE(durable(*writer, event(Type::policy_loaded))); };
        ASSERT_TRUE(lane->statement(statement(1, 1)));
        ASSERT_TRUE(lane->statement(statement(2, 1)));
        ASSERT_TRUE(lane->outcome(outcome(2, 1, 21)));
        ASSERT_TRUE(lane->statement(statement(1, 2)));
        ASSERT_TRUE(lane->outcome(outcome(1, 1, 11)));
        flush();
        ASSERT_TRUE(lane->outcome(outcome(1, 2, 12)));
        flush();
        // Recorded twice, as when its rows are held: the answer is told once.
        ASSERT_TRUE(lane->statement(statement(3, 1)));
        ASSERT_TRUE(lane->statement(statement(3, 1)));
        ASSERT_TRUE(lane->outcome(outcome(3, 1, 31)));
    }
    std::string told;
    read_all([&](const RecordView& record) {
        if (record.type == Type::statement || record.type == Type::outcome)
            told += std::string{to_string(record.type)} + " " + std::to_string(record.session_number) + "." +
                    std::to_string(record.number("statement")) + " " + std::to_string(record.number("rows", -1)) + "; ";
    });
    EXPECT_EQ(told, "statement 1.1 11; statement 2.1 21; statement 1.2 -1; outcome 1.2 12; statement 3.1 31; "
                    "statement 3.1 -1; ");
    expect_intact();
}

TEST_F(WriterTest, AFullLaneSaysSoAndTakesAgain)
{
    WriterOptions slow = options();
    slow.lane_bytes = 4096;
    slow.flush_every = std::chrono::hours{1};
    auto writer = open(std::move(slow));
    auto lane = writer->make_lane();
    EXPECT_TRUE(lane->writable(10));
    StatementEvent statement;
    statement.text = "select 1";
    statement.action = "allow";
    int taken = 0;
    while (taken < 100'000 && lane->statement(statement))
        ++taken;
    EXPECT_GT(taken, 10);
    // Being full woke the writer: it makes room again.
    while (!lane->statement(statement))
        std::this_thread::yield();
}

TEST_F(WriterTest, LanesOutliveTheWriter)
{
    auto writer = open(options());
    auto lane = writer->make_lane();
    writer.reset();
    EXPECT_FALSE(lane->statement({}));
    EXPECT_FALSE(lane->outcome({}));
    EXPECT_FALSE(lane->writable(1));
}

TEST_F(WriterTest, RotatesAndCompresses)
{
    WriterOptions small = options();
    small.segment_bytes = 4096;
    small.compress = true;
    {
        auto writer = open(std::move(small));
        for (int i = 0; i < 100; ++i)
            ASSERT_FALSE(durable(*writer, event(Type::audit_read, {{"text", std::string(200, 'q')}})));
    }
    auto segments = *list_segments(directory_);
    EXPECT_GT(segments.size(), 3U);
    for (std::size_t i = 0; i + 1 < segments.size(); ++i)
        if (!segments[i].compressed) {
            EXPECT_TRUE(compress_segment(segments[i]));
        }
    std::uint64_t reads = 0;
    read_all([&](const RecordView& record) { reads += record.type == Type::audit_read; });
    EXPECT_EQ(reads, 100U);
    expect_intact();
    JournalReader middle{directory_, 60};
    RecordView record;
    std::span<const std::byte> bytes;
    ASSERT_EQ(middle.next(record, bytes), JournalReader::Status::record);
    EXPECT_EQ(record.sequence, 60U);
    // A crash between renaming and removing left both: the plain one counts, and opening again tidies up.
    auto writer = open(options());
}

TEST_F(WriterTest, WhatCannotBeCompressedStaysAndTakesNoMoreRoom)
{
    WriterOptions small = options();
    small.segment_bytes = 4096;
    {
        auto writer = open(std::move(small));
        for (int i = 0; i < 60; ++i)
            ASSERT_FALSE(durable(*writer, event(Type::audit_read, {{"text", std::string(200, 'q')}})));
    }
    const auto closed = list_segments(directory_)->front();
    std::filesystem::resize_file(closed.path,
                                 std::filesystem::file_size(closed.path) - 1); // reading it back finds that
    EXPECT_FALSE(compress_segment(closed));
    EXPECT_TRUE(std::filesystem::exists(closed.path));
    for (const auto& entry : std::filesystem::directory_iterator{directory_})
        EXPECT_NE(entry.path().extension(), ".tmp") << entry.path();
}

TEST_F(WriterTest, WhatIsBehindAMissingSegmentIsRead)
{
    WriterOptions small = options();
    small.segment_bytes = 4096;
    small.compress = true;
    auto writer = open(std::move(small));
    const auto write = [&](int count) {
        for (int i = 0; i < count; ++i)
            ASSERT_FALSE(durable(*writer, event(Type::audit_read, {{"text", std::string(200, 'q')}})));
    };
    write(60);
    const auto segments = *list_segments(directory_);
    ASSERT_GT(segments.size(), 3U);
    std::filesystem::remove(segments[1].path);
    JournalReader reader{directory_, 1};
    RecordView record;
    std::span<const std::byte> bytes;
    std::vector<std::uint64_t> seen;
    const auto read = [&] {
        while (reader.next(record, bytes) == JournalReader::Status::record)
            seen.push_back(record.sequence);
    };
    read();
    const auto gaps = reader.take_gaps();
    ASSERT_EQ(gaps.size(), 1U);
    EXPECT_EQ(gaps[0].first, segments[1].first);
    EXPECT_EQ(gaps[0].last, segments[2].first - 1);
    write(60); // over more segments, which are there
    read();
    EXPECT_TRUE(reader.take_gaps().empty());
    const std::uint64_t missing = segments[2].first - segments[1].first;
    EXPECT_EQ(seen.size(), journal_extent(directory_)->last - missing);
    EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
    EXPECT_EQ(reindex(directory_).error().code, errc::locked); // the writer's proxy feeds the index
    writer.reset();
    read();
    const auto again = reindex(directory_);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->records, seen.size());
    ASSERT_EQ(again->missing.size(), 1U);
    EXPECT_EQ(again->missing[0].first, segments[1].first);
    EXPECT_EQ(again->first, 1U);
    std::filesystem::remove(list_segments(directory_)->front().path); // as it is archived
    const auto rest = reindex(directory_);
    ASSERT_TRUE(rest);
    EXPECT_EQ(rest->first, segments[2].first);
    EXPECT_TRUE(rest->missing.empty());
}

TEST_F(WriterTest, ATornTailIsCutAtEveryByteOfTheLastRecord)
{
    {
        auto writer = open(options());
        ASSERT_FALSE(durable(*writer, event(Type::session_start, {}, "s-1")));
    }
    const auto file = list_segments(directory_)->at(0).path;
    const std::string sealed = slurp(file);
    const std::uint64_t last = journal_extent(directory_)->last;
    JournalReader reader{directory_, last};
    RecordView last_record;
    std::span<const std::byte> last_bytes;
    ASSERT_EQ(reader.next(last_record, last_bytes), JournalReader::Status::record);
    Sealer sealer{last + 1, Hasher{}(last_bytes)};
    cbor::Buffer frame;
    sealer.append(frame, event(Type::audit_read));
    const std::string head = slurp(directory_ / "head.json");
    for (std::size_t size = 1; size < frame.size(); ++size) {
        spill(file, sealed + std::string{reinterpret_cast<const char*>(frame.data()), size});
        spill(directory_ / "head.json", head);
        reopen();
        std::int64_t recovered = -1;
        read_all([&](const RecordView& record) {
            recovered = record.type == Type::start ? record.number("recovered_bytes") : recovered;
        });
        EXPECT_EQ(recovered, static_cast<std::int64_t>(size));
    }
    expect_intact();
    // Zeros that a file system left: torn too.
    spill(file, sealed + std::string(1000, '\0'));
    spill(directory_ / "head.json", head);
    reopen();
    expect_intact();
}

TEST_F(WriterTest, RefusesWhatIsNotATornTail)
{
    {
        auto writer = open(options());
        ASSERT_FALSE(durable(*writer, event(Type::session_start, {}, "s-1")));
    }
    const auto file = list_segments(directory_)->at(0).path;
    const std::string good = slurp(file);
    const auto refused = [&](const char* what) {
        const auto opened = Writer::open(options());
        ASSERT_FALSE(opened) << what;
        EXPECT_EQ(opened.error().code, errc::damaged) << what;
        EXPECT_NE(opened.error().message.find("stepgate audit verify"), std::string::npos);
    };
    std::string changed = good;
    changed[good.size() / 2] ^= 1;
    spill(file, changed);
    refused("a changed byte");
    spill(file, good.substr(0, good.size() - 10));
    refused("a cut-off checkpoint");
    spill(file, good + std::string("\xff\xff\xff\xff garbage", 12));
    refused("garbage behind the end");
    spill(file, good + std::string("\0\0\0\0garbage", 11));
    refused("zeros, then garbage");
    std::filesystem::remove(file);
    refused("a removed segment");
}

TEST_F(WriterTest, AFullDiskRefusesAndRecoversWithoutLoss)
{
    auto files = std::make_shared<FailingFiles>(1'000'000);
    WriterOptions failing = options();
    failing.files = files;
    std::atomic<int> lines{0}, good_news{0};
    failing.on_problem = [&](const std::string&) { ++lines; };
    failing.on_recovery = [&](const std::string&) { ++good_news; };
    {
        auto writer = open(std::move(failing));
        auto lane = writer->make_lane();
        ASSERT_FALSE(durable(*writer, event(Type::session_start, {}, "s-1")));
        files->limit = files->steps.load();
        EXPECT_TRUE(durable(*writer, event(Type::release, {{"challenge", std::string{"c"}}})));
        EXPECT_FALSE(writer->healthy());
        EXPECT_FALSE(writer->status().error.empty());
        EXPECT_FALSE(writer->submit(event(Type::audit_read)));
        EXPECT_FALSE(lane->statement({}));
        EXPECT_FALSE(lane->writable(1));
        files->limit = 1'000'000'000;
        while (!writer->healthy()) // it tries once a second
            std::this_thread::yield();
        EXPECT_FALSE(durable(*writer, event(Type::audit_read)));
    }
    EXPECT_EQ(lines, 1);
    EXPECT_EQ(good_news, 1);
    std::vector<Type> types;
    read_all([&](const RecordView& record) {
        types.push_back(record.type);
        if (record.type == Type::journal_recovered) {
            EXPECT_EQ(record.number("first_unconfirmed"), 4);
            EXPECT_EQ(record.number("last_unconfirmed"), 4);
        }
    });
    const std::vector<Type> expected{Type::start,   Type::checkpoint,        Type::session_start,
                                     Type::release, Type::journal_recovered, Type::audit_read,
                                     Type::stop,    Type::checkpoint};
    EXPECT_EQ(types, expected);
}

/// Whoever asked before the failure was known is told of it, not left to wait until the disk has room again.
TEST_F(WriterTest, WhatIsSubmittedWhileTheDiskFailsIsAnsweredAtOnce)
{
    auto files = std::make_shared<FailingFiles>(1'000'000);
    WriterOptions failing = options();
    failing.files = files;
    std::promise<boost::system::error_code> answered;
    {
        auto writer = open(std::move(failing));
        ASSERT_FALSE(durable(*writer, event(Type::session_start, {}, "s-1")));
        files->on_failure = [&] {
            EXPECT_TRUE(writer->submit(event(Type::release),
                                       [&](boost::system::error_code error) { answered.set_value(error); }));
        };
        files->limit = files->steps.load();
        EXPECT_TRUE(durable(*writer, event(Type::audit_read)));
        auto answer = answered.get_future();
        ASSERT_EQ(answer.wait_for(std::chrono::seconds{20}), std::future_status::ready); // while there is still no room
        EXPECT_TRUE(answer.get());
        files->limit = 1'000'000'000;
        while (!writer->healthy())
            std::this_thread::yield();
    }
    read_all([&](const RecordView& record) {
        if (record.type == Type::journal_recovered) {
            EXPECT_EQ(record.number("first_unconfirmed"), 4);
            EXPECT_EQ(record.number("last_unconfirmed"), 5);
        }
    });
}

/// A file without its name still takes bytes, and keeps them for nobody.
TEST_F(WriterTest, AJournalThatWasMovedAwayIsNotWrittenUntilItIsBack)
{
    const auto away = root_ / "away";
    std::uint64_t taken = 0; // what comes after the writer has noticed by itself is refused
    for (const bool replaced : {false, true}) {
        SCOPED_TRACE(replaced);
        auto writer = open(options());
        ASSERT_FALSE(durable(*writer, event(Type::audit_read)));
        std::filesystem::rename(directory_, away);
        if (replaced)
            std::filesystem::copy(away, directory_);
        const auto failed = durable(*writer, event(Type::policy_loaded));
        EXPECT_TRUE(failed);
        taken += failed == errc::moved ? 1 : 0;
        EXPECT_FALSE(writer->healthy());
        EXPECT_NE(writer->status().error.find("put the audit directory back"), std::string::npos);
        std::filesystem::remove_all(directory_);
        std::filesystem::rename(away, directory_);
        while (!writer->healthy())
            std::this_thread::yield();
        EXPECT_FALSE(durable(*writer, event(Type::audit_read)));
    }
    std::uint64_t changes = 0;
    read_all([&](const RecordView& record) { changes += record.type == Type::policy_loaded; });
    EXPECT_EQ(changes, taken);
    expect_intact();
}

TEST_F(WriterTest, ADeletedJournalIsNoticedWithoutAStatement)
{
    auto writer = open(options());
    std::filesystem::remove(list_segments(directory_)->at(0).path);
    while (writer->healthy())
        std::this_thread::yield();
    EXPECT_TRUE(durable(*writer, event(Type::release)));
    writer.reset();
    ASSERT_FALSE(std::filesystem::exists(directory_ / segment_name(1)));
}

TEST_F(WriterTest, ACrashAtEveryStepOfTheDiskLosesNothingConfirmed)
{
    int steps = 1'000'000;
    for (int step = 0; step < steps; ++step) {
        SCOPED_TRACE(step);
        std::filesystem::remove_all(directory_);
        auto files = std::make_shared<FailingFiles>(step);
        WriterOptions failing = options();
        failing.files = files;
        failing.segment_bytes = 700; // rotates on the way
        int confirmed = 0;
        if (auto writer = Writer::open(std::move(failing))) {
            for (int i = 0; i < 6; ++i)
                if (!durable(**writer, event(Type::audit_read, {{"number", std::int64_t{i}}})))
                    confirmed = i + 1;
        }
        if (files->steps <= step)
            steps = step;            // it came to its end
        expect_intact_or_unsigned(); // as the crash left it
        {
            auto reopened = Writer::open(options());
            ASSERT_TRUE(reopened) << reopened.error().message;
        }
        int found = 0;
        read_all([&](const RecordView& record) { found += record.type == Type::audit_read; });
        EXPECT_GE(found, confirmed);
        expect_intact();
    }
    EXPECT_GT(steps, 20);
    EXPECT_LT(steps, 1000);
}

TEST_F(WriterTest, AReaderGivesBackWhatALargeRecordTook)
{
    constexpr std::size_t large = std::size_t{8} << 20;
    {
        auto writer = open(options());
        ASSERT_EQ(durable(*writer, event(Type::protocol_error, {{"error", std::string(large, 'x')}})),
                  boost::system::error_code{});
        ASSERT_EQ(durable(*writer, event(Type::protocol_error, {{"error", "small"}})), boost::system::error_code{});
    }
    auto reader = SegmentReader::open(list_segments(directory_)->at(0));
    ASSERT_TRUE(reader);
    std::span<const std::byte> bytes;
    std::size_t most = 0, records = 0;
    while (reader->next(bytes) == SegmentReader::Status::record) {
        most = std::max(most, reader->buffered());
        ++records;
    }
    EXPECT_GT(records, 2U);
    EXPECT_GT(most, large);
    EXPECT_LT(reader->buffered(), large / 8);
}

} // namespace writer_test
} // namespace stepgate::proxy::audit
