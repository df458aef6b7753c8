#include "proxy/audit/writer.h"

#include "proxy/audit/answers.h"
#include "proxy/audit/compressor.h"
#include "proxy/audit/directory_lock.h"
#include "proxy/audit/head.h"
#include "proxy/audit/journal.h"
#include "proxy/audit/queue.h"
#include "proxy/audit/recovery.h"

#include <cerrno>
#include <cstring>
#include <pthread.h>
#include <sys/stat.h>
#include <thread>
#include <utility>

namespace stepgate::proxy::audit
{

namespace
{

using Steady = std::chrono::steady_clock;

constexpr std::size_t write_at = 256 * 1024; // a long round goes to the disk in pieces
constexpr std::chrono::seconds retry_every{1};

boost::system::result<void, Problem> make_directory(const std::filesystem::path& directory)
{
    std::error_code error;
    if (std::filesystem::is_directory(directory, error))
        return {};
    if (directory.has_parent_path())
        std::filesystem::create_directories(directory.parent_path(), error);
    if (::mkdir(directory.c_str(), 0700) != 0)
        return Problem{errc::io, "cannot make the audit directory " + directory.string() + ": " + std::strerror(errno)};
    return {};
}

} // namespace

struct Writer::Impl {
    Impl(WriterOptions given, DirectoryLock held, const RedactionKey& redaction)
        : options(std::move(given)), lock(std::move(held)), redaction_key(redaction),
          queue(std::make_shared<Queue>(options.submit_bytes))
    {
        if (options.compress)
            compressor.emplace(options.on_problem);
    }

    [[nodiscard]] TimePoint now() const { return options.clock ? options.clock() : std::chrono::system_clock::now(); }
    void log(const std::string& line) const
    {
        if (options.on_problem)
            options.on_problem(line);
    }

    // The writer's thread.
    void run();
    bool wait();
    void round(bool last);
    void drain_lane(std::size_t lane, std::uint64_t until);
    void write_event(StatementEvent& event);
    void write_event(const OutcomeEvent& event);
    void write_item(Submitted& item);
    void commit(bool durable);
    void settle(boost::system::error_code error);
    void fail(const boost::system::error_code& error);
    bool recovered();
    void stop();
    void publish_status();

    WriterOptions options;
    DirectoryLock lock;
    RedactionKey redaction_key;
    std::shared_ptr<Queue> queue;
    std::optional<Compressor> compressor;
    std::unique_ptr<Journal> journal;
    std::atomic<std::uint64_t> written{0};
    mutable std::mutex status_mutex;
    WriterStatus status;

    // Only the writer's thread:
    std::vector<std::shared_ptr<Ring>> lanes;
    std::vector<std::uint64_t> snapshot;
    std::vector<Submitted> items;
    Answers answers;
    std::vector<std::function<void(boost::system::error_code)>> waiting; // for durability
    boost::system::error_code failure;                                   // of this round, or since an earlier one
    std::uint64_t first_unconfirmed = 0; // first record whose durability was answered with an error
    TimePoint failed_at{};
    Steady::time_point retry_at{}, checkpoint_at{};

    std::thread thread;
};

boost::system::result<std::unique_ptr<Writer>, Problem> Writer::open(WriterOptions options)
{
    if (auto made = make_directory(options.directory); !made)
        return made.error();
    auto lock = DirectoryLock::take(options.directory);
    if (!lock && lock.error().code == errc::locked)
        return Problem{errc::locked, lock.error().message + ", or give this one an audit directory of its own"};
    if (!lock)
        return lock.error();
    if (!options.files)
        options.files = posix_files();
    auto key = SigningKey::load(options.directory, !has_journal(options.directory));
    if (!key)
        return key.error();
    auto redaction = load_redaction_key(options.directory);
    if (!redaction)
        return redaction.error();
    auto tail = recover(options.directory, *options.files, &key->public_key());
    if (!tail)
        return tail.error();

    // From the first segment on there is a head, whenever it ends: without one somebody may have removed it.
    if (tail->fresh)
        if (auto error = write_head(*options.files, options.directory, Head{}, *key))
            return Problem{errc::io,
                           "cannot write " + (options.directory / "head.json").string() + ": " + error.message()};

    auto impl = std::make_unique<Impl>(std::move(options), std::move(*lock), *redaction);
    Impl& self = *impl;
    for (const auto& segment : tail->closed)
        if (self.compressor)
            self.compressor->add(segment);
    Record start{Type::start, self.now(), "", "", {}};
    start.fields.emplace_back("version", self.options.version);
    start.fields.emplace_back("key", key->public_key().id());
    start.fields.emplace_back("clean", tail->clean);
    if (tail->torn_bytes > 0)
        start.fields.emplace_back("recovered_bytes", static_cast<std::int64_t>(tail->torn_bytes));
    const auto closed = [&self](const SegmentFile& segment) {
        if (self.compressor)
            self.compressor->add(segment);
    };
    self.journal = std::make_unique<Journal>(Journal::Options{self.options.directory, self.options.segment_bytes},
                                             self.options.files, std::move(*key), std::move(*tail), closed);
    self.journal->append(start);
    if (auto error = self.journal->checkpoint(self.now(), "start"))
        return Problem{errc::io,
                       "cannot write the audit journal in " + self.options.directory.string() + ": " + error.message()};
    self.written = self.journal->next() - 1;
    self.checkpoint_at = Steady::now() + self.options.checkpoint_every;
    self.publish_status();
    self.thread = std::thread{[&self] {
        ::pthread_setname_np(::pthread_self(), "audit"); // for `top -H`
        self.run();
    }};
    return std::unique_ptr<Writer>{new Writer{std::move(impl)}};
}

Writer::Writer(std::unique_ptr<Impl> impl) : impl_(std::move(impl))
{
}

Writer::~Writer()
{
    {
        const std::lock_guard lock{impl_->queue->mutex};
        impl_->queue->open = false;
        impl_->queue->stop = true;
    }
    impl_->queue->changed.notify_one();
    impl_->thread.join();
}

std::unique_ptr<Lane> Writer::make_lane()
{
    return audit::make_lane(impl_->queue, impl_->options.lane_bytes);
}

bool Writer::submit(Record record, std::function<void(boost::system::error_code)> on_durable)
{
    return impl_->queue->submit({std::move(record), std::move(on_durable), {}, 0});
}

bool Writer::healthy() const noexcept
{
    return impl_->queue->healthy.load(std::memory_order_acquire);
}

std::uint64_t Writer::records_written() const noexcept
{
    return impl_->written.load(std::memory_order_relaxed);
}

std::uint64_t Writer::queued_bytes() const noexcept
{
    std::uint64_t bytes = impl_->queue->bytes.load(std::memory_order_relaxed);
    const std::lock_guard lock{impl_->queue->mutex};
    for (const auto& lane : impl_->queue->lanes)
        bytes += lane->used();
    return bytes;
}

WriterStatus Writer::status() const
{
    const std::lock_guard lock{impl_->status_mutex};
    return impl_->status;
}

const RedactionKey& Writer::redaction_key() const noexcept
{
    return impl_->redaction_key;
}

void Writer::Impl::run()
{
    for (;;) {
        const bool last = wait();
        const bool usable = queue->healthy || last || recovered();
        if (usable) {
            round(last);
            // What was submitted while it failed is not kept waiting for the disk, and belongs to the unconfirmed.
            if (failure && !last)
                round(last);
        }
        if (last) {
            stop();
            return;
        }
    }
}

/// Sleeps until there is a reason to work. True: the writer is being destroyed.
bool Writer::Impl::wait()
{
    std::unique_lock guard{queue->mutex};
    const auto ready = [this] { return queue->stop || (queue->urgent && queue->healthy); };
    queue->sleeping = true;
    queue->changed.wait_for(guard, options.flush_every, ready);
    queue->sleeping = false;
    queue->urgent = false;
    return queue->stop;
}

/// Everything that was there when the round began, in each producer's order: an item's own lane positions go before it,
/// and what the lanes held before the items were taken goes after (what precedes it is among the items).
void Writer::Impl::round(bool last)
{
    {
        const std::lock_guard guard{queue->mutex};
        lanes = queue->lanes;
        snapshot.clear();
        for (const auto& lane : lanes)
            snapshot.push_back(lane->written());
        items.swap(queue->items);
        // A lane whose thread is gone is forgotten once it is empty; positions of waiting items count lanes, so only
        // then.
        if (items.empty())
            std::erase_if(queue->lanes, [](const auto& lane) { return lane.use_count() == 2 && lane->used() == 0; });
    }
    bool durable = false;
    for (Submitted& item : items) {
        for (std::size_t lane = 0; lane < item.lanes.size(); ++lane)
            drain_lane(lane, item.lanes[lane]);
        write_item(item);
        durable = durable || static_cast<bool>(item.on_durable);
        if (item.on_durable)
            waiting.push_back(std::move(item.on_durable));
        queue->bytes.fetch_sub(item.bytes, std::memory_order_relaxed);
    }
    items.clear();
    for (std::size_t lane = 0; lane < lanes.size(); ++lane)
        drain_lane(lane, snapshot[lane]);
    commit(durable);
    const bool due = Steady::now() >= checkpoint_at && journal->unsigned_records();
    if (!failure && due && !last) {
        failure = journal->checkpoint(now(), "time");
        checkpoint_at = Steady::now() + options.checkpoint_every;
    }
    settle(failure);
}

void Writer::Impl::drain_lane(std::size_t lane, std::uint64_t until)
{
    answers.gather(*lanes[lane], until);
    lanes[lane]->consume(until, [this](std::span<const std::byte> message) {
        std::visit([this](auto&& event) { write_event(event); }, read_lane_message(message));
        if (journal->pending_bytes() >= write_at)
            commit(false);
    });
}

void Writer::Impl::write_event(StatementEvent& event)
{
    event.answer = answers.take(event.session, event.statement);
    journal->append(event);
}

void Writer::Impl::write_event(const OutcomeEvent& event)
{
    if (!answers.taken(event.session, event.statement))
        journal->append(event);
}

void Writer::Impl::write_item(Submitted& item)
{
    if (const auto* record = std::get_if<Record>(&item.what))
        journal->append(*record);
    else
        journal->append(std::get<std::unique_ptr<LargeStatement>>(item.what)->event);
    if (journal->pending_bytes() >= write_at)
        commit(false);
}

/// After a failure the rest of the round only gathers: nothing is dropped, and retrying is `recovered`'s.
void Writer::Impl::commit(bool durable)
{
    if (failure)
        return;
    failure = journal->commit(durable, now());
    if (failure && first_unconfirmed == 0)
        first_unconfirmed = written + 1;
}

/// Ends a round: tells those who wait how it went.
void Writer::Impl::settle(boost::system::error_code error)
{
    if (error)
        fail(error);
    else
        written.store(journal->next() - 1, std::memory_order_relaxed);
    publish_status();
    for (auto& callback : std::exchange(waiting, {}))
        callback(error);
}

void Writer::Impl::fail(const boost::system::error_code& error)
{
    retry_at = Steady::now() + retry_every;
    if (!queue->healthy)
        return;
    queue->healthy = false;
    failed_at = now();
    log("the audit journal cannot be written: " + error.message() + "; statements are refused until it can" +
        (journal->beyond_retry() ? " (a restart is needed: the disk failed to keep what it had taken)" : ""));
}

/// Tries again what failed. True: records flow again.
bool Writer::Impl::recovered()
{
    if (journal->beyond_retry() || Steady::now() < retry_at)
        return false;
    const auto error = failure;
    failure = journal->commit(true, now());
    if (!failure) {
        Record record{Type::journal_recovered, now(), "", "", {}};
        record.fields.emplace_back("error", error.message());
        record.fields.emplace_back("failed_at_ms", to_ns(failed_at) / 1'000'000);
        record.fields.emplace_back("first_unconfirmed", static_cast<std::int64_t>(first_unconfirmed));
        record.fields.emplace_back("last_unconfirmed", static_cast<std::int64_t>(journal->next() - 1));
        journal->append(record);
        failure = journal->commit(true, now());
    }
    if (failure) {
        retry_at = Steady::now() + retry_every;
        publish_status();
        return false;
    }
    first_unconfirmed = 0;
    queue->healthy = true;
    if (options.on_recovery)
        options.on_recovery("the audit journal takes records again");
    return true;
}

void Writer::Impl::stop()
{
    if (failure)
        failure = journal->commit(true, now()); // one last try
    if (!failure) {
        journal->append(Record{Type::stop, now(), "", "", {}});
        failure = journal->checkpoint(now(), "stop");
    }
    if (failure)
        log("the audit journal was not closed: " + failure.message() + "; " + std::to_string(journal->pending_bytes()) +
            " bytes of records are lost");
    settle(failure);
}

void Writer::Impl::publish_status()
{
    const std::lock_guard guard{status_mutex};
    status.healthy = queue->healthy;
    status.last_sequence = journal->next() - 1;
    status.last_checkpoint = journal->last_checkpoint();
    status.last_checkpoint_at = from_ns(journal->last_checkpoint_ns());
    status.error = failure ? failure.message() : std::string{};
}

} // namespace stepgate::proxy::audit
