#include "proxy/audit/feeder.h"

#include "proxy/audit/directory_lock.h"
#include "proxy/audit/index.h"
#include "proxy/audit/index_schema.h"
#include "proxy/audit/reader.h"

#include <SQLiteCpp/Exception.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace stepgate::proxy::audit
{

namespace
{

constexpr std::uint64_t batch = 50'000; // records in one transaction, at most
constexpr std::size_t kept_bytes = std::size_t{1} << 20;

/// An index and the place in the journal where it goes on.
class Follower
{
  public:
    explicit Follower(const std::filesystem::path& directory)
        : index_(std::in_place, directory), reader_(directory, index_->cursor())
    {
        if (matches())
            return;
        // Made from another journal: the one here is the truth.
        index_.reset();
        delete_index(Index::file(directory));
        index_.emplace(directory);
        reader_ = JournalReader{directory, 1};
        cursor_ = 0;
    }

    /// One transaction. The number of records it took; a Problem when the journal cannot be read.
    boost::system::result<std::uint64_t, Problem> step()
    {
        std::uint64_t count = 0;
        auto status = JournalReader::Status::end;
        std::span<const std::byte> bytes;
        while (count < batch && (status = reader_.next(bytes)) == JournalReader::Status::record) {
            if (count == 0)
                index_->begin();
            if (!take(bytes)) {
                status = JournalReader::Status::failed;
                break;
            }
            ++count;
            cursor_ = reader_.sequence();
            if (last_.capacity() > kept_bytes)
                last_ = {}; // a large one
            last_.assign(bytes.begin(), bytes.end());
        }
        if (count > 0)
            index_->commit(cursor_, Hasher{}(last_));
        if (status == JournalReader::Status::failed)
            return reader_.problem();
        return count;
    }

    [[nodiscard]] std::uint64_t cursor() const { return cursor_; }
    [[nodiscard]] std::vector<Extent> take_gaps() { return reader_.take_gaps(); }

  private:
    /// False: the record is damaged.
    bool take(std::span<const std::byte> bytes)
    {
        const auto execution = read_execution(bytes);
        if (execution && execution->sequence == reader_.sequence() && index_->repeat(*execution))
            return true;
        if (reader_.decode_into(record_, bytes) != JournalReader::Status::record)
            return false;
        index_->apply(record_);
        return true;
    }

    /// Is the record at the cursor the one that was indexed last?
    bool matches()
    {
        cursor_ = index_->cursor();
        if (cursor_ == 0)
            return true;
        std::span<const std::byte> bytes;
        return reader_.next(record_, bytes) == JournalReader::Status::record && record_.sequence == cursor_ &&
               Hasher{}(bytes) == index_->cursor_hash();
    }

    std::optional<Index> index_;
    JournalReader reader_;
    RecordView record_;
    std::vector<std::byte> last_;
    std::uint64_t cursor_ = 0;
};

} // namespace

struct Feeder::Impl {
    explicit Impl(FeederOptions given) : options(std::move(given)), follower(std::in_place, options.directory)
    {
        indexed = follower->cursor();
    }

    void run();
    void step();
    void complain(const std::string& line);

    FeederOptions options;
    std::optional<Follower> follower;
    std::atomic<std::uint64_t> indexed{0};
    std::string last_complaint;
    bool unwritable = false; // the index, when it was last tried
    std::mutex mutex;
    std::condition_variable changed;
    bool stop = false;
    std::thread thread;
};

boost::system::result<std::unique_ptr<Feeder>, Problem> Feeder::start(FeederOptions options)
{
    const auto file = Index::file(options.directory);
    try {
        auto impl = std::make_unique<Impl>(std::move(options));
        Impl& self = *impl;
        self.thread = std::thread{[&self] {
            ::pthread_setname_np(::pthread_self(), "audit index"); // for `top -H`
            self.run();
        }};
        return std::unique_ptr<Feeder>{new Feeder{std::move(impl)}};
    } catch (const SQLite::Exception& error) {
        return Problem{errc::index_unavailable, "cannot open the audit index " + file.string() + ": " + error.what()};
    }
}

Feeder::Feeder(std::unique_ptr<Impl> impl) : impl_(std::move(impl))
{
}

Feeder::~Feeder()
{
    {
        const std::lock_guard lock{impl_->mutex};
        impl_->stop = true;
    }
    impl_->changed.notify_one();
    impl_->thread.join();
}

std::uint64_t Feeder::indexed() const noexcept
{
    return impl_->indexed.load(std::memory_order_relaxed);
}

void Feeder::Impl::run()
{
    ::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), 5);
    std::unique_lock lock{mutex};
    for (;;) {
        changed.wait_for(lock, options.every, [this] { return stop; });
        const bool last = stop;
        lock.unlock();
        step();
        if (last)
            return;
        lock.lock();
    }
}

/// Reads up to the journal's end. After an error everything is opened anew: the cursor in the file knows where.
void Feeder::Impl::step()
{
    try {
        if (!follower)
            follower.emplace(options.directory);
        for (std::uint64_t count = batch; count == batch;) {
            const auto done = follower->step();
            if (!done) {
                complain(done.error().message);
                follower.reset();
                return;
            }
            count = *done;
            indexed = follower->cursor();
        }
        if (std::exchange(unwritable, false) && options.on_recovery)
            options.on_recovery("the audit index is written again");
        last_complaint.clear();
        for (const auto& gap : follower->take_gaps())
            complain(missing(gap));
    } catch (const SQLite::Exception& error) {
        complain(std::string{"the audit index cannot be written: "} + error.what() + "; the journal is not affected");
        unwritable = true;
        follower.reset();
    }
}

void Feeder::Impl::complain(const std::string& line)
{
    if (options.on_problem && line != last_complaint)
        options.on_problem(line);
    last_complaint = line;
}

std::string missing(const Extent& gap)
{
    return "records " + std::to_string(gap.first) + " to " + std::to_string(gap.last) +
           " are missing from the journal; run `stepgate audit verify`";
}

boost::system::result<Reindexed, Problem> reindex(const std::filesystem::path& directory)
{
    const auto extent = journal_extent(directory);
    if (!extent)
        return extent.error();
    // A proxy that serves would go on to write the deleted index, and the new one would never hear of what happens.
    const auto alone = DirectoryLock::take(directory);
    if (!alone && alone.error().code == errc::locked)
        return Problem{errc::locked, alone.error().message + " before its index is made anew"};
    if (!alone)
        return alone.error();
    const auto file = Index::file(directory);
    try {
        delete_index(file);
        Follower follower{directory};
        Reindexed all;
        for (std::uint64_t count = batch; count == batch; all.records += count) {
            const auto done = follower.step();
            if (!done)
                return done.error();
            count = *done;
        }
        all.first = extent->first;
        all.missing = follower.take_gaps();
        return all;
    } catch (const SQLite::Exception& error) {
        return Problem{errc::index_unavailable, "cannot write the audit index " + file.string() + ": " + error.what()};
    }
}

} // namespace stepgate::proxy::audit
