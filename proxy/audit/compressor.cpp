#include "proxy/audit/compressor.h"

#include "proxy/audit/files.h"

#include <pthread.h>
#include <zstd.h>

#include <condition_variable>
#include <deque>
#include <fstream>
#include <mutex>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

namespace stepgate::proxy::audit
{

namespace
{

// Negative levels give up some of the ratio (a seventh) for half of the time: it competes with the relay for cores.
constexpr int level = -5;
constexpr std::size_t chunk = 256 * 1024;

boost::system::error_code compress_into(std::ifstream& in, OutFile& out)
{
    const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context{ZSTD_createCCtx(), ZSTD_freeCCtx};
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, level);
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
    std::vector<char> input(chunk);
    std::vector<std::byte> output(ZSTD_CStreamOutSize());
    for (bool last = false; !last;) {
        in.read(input.data(), static_cast<std::streamsize>(input.size()));
        last = in.eof();
        if (in.bad())
            return errc::io;
        ZSTD_inBuffer from{input.data(), static_cast<std::size_t>(in.gcount()), 0};
        for (bool more = true; more;) {
            ZSTD_outBuffer to{output.data(), output.size(), 0};
            const std::size_t left =
                ZSTD_compressStream2(context.get(), &to, &from, last ? ZSTD_e_end : ZSTD_e_continue);
            if (ZSTD_isError(left))
                return errc::io;
            std::size_t written = 0;
            if (auto error = out.write(std::span{output}.first(to.pos), written))
                return error;
            more = last ? left > 0 : from.pos < from.size;
        }
    }
    return out.sync();
}

/// Do both hold the same records, from the first to the last?
bool same_records(const SegmentFile& plain, const SegmentFile& compressed)
{
    auto left = SegmentReader::open(plain);
    auto right = SegmentReader::open(compressed);
    if (!left || !right)
        return false;
    for (;;) {
        std::span<const std::byte> a, b;
        const auto status = left->next(a);
        if (status != right->next(b))
            return false;
        if (status == SegmentReader::Status::end)
            return left->header().previous == right->header().previous;
        if (status != SegmentReader::Status::record || !std::equal(a.begin(), a.end(), b.begin(), b.end()))
            return false;
    }
}

} // namespace

boost::system::result<void, Problem> compress_segment(const SegmentFile& segment)
{
    const auto files = posix_files();
    const auto target = segment.path.parent_path() / segment_name(segment.first, true);
    auto temporary = target;
    temporary += ".tmp";
    const auto problem = [&](const boost::system::error_code& error) {
        (void)files->remove(temporary); // where the disk is full, what was begun must not take the room
        return Problem{errc::io,
                       "cannot compress " + segment.path.string() + ": " + error.message() + "; it stays as it is"};
    };
    {
        std::ifstream in{segment.path, std::ios::binary};
        auto out = files->create(temporary);
        if (!out)
            return problem(out.error());
        if (auto error = in ? compress_into(in, **out) : boost::system::error_code{errc::io})
            return problem(error);
    }
    if (!same_records(segment, SegmentFile{segment.first, temporary, true}))
        return problem(errc::damaged);
    auto error = files->rename(temporary, target);
    if (!error)
        error = files->sync_directory(segment.path.parent_path());
    if (!error)
        error = files->remove(segment.path);
    if (error)
        return problem(error);
    return {};
}

struct Compressor::Impl {
    explicit Impl(std::function<void(const std::string&)> log)
        : on_problem(std::move(log)), thread([this] {
              ::pthread_setname_np(::pthread_self(), "audit compress"); // for `top -H`
              run();
          })
    {
    }

    void run()
    {
        ::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), 19);
        std::unique_lock lock{mutex};
        for (;;) {
            changed.wait(lock, [this] { return stop || !waiting.empty(); });
            if (stop)
                return;
            const SegmentFile segment = std::move(waiting.front());
            waiting.pop_front();
            lock.unlock();
            if (auto done = compress_segment(segment); !done && on_problem)
                on_problem(done.error().message);
            lock.lock();
        }
    }

    std::function<void(const std::string&)> on_problem;
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<SegmentFile> waiting;
    bool stop = false;
    std::thread thread;
};

Compressor::Compressor(std::function<void(const std::string&)> on_problem)
    : impl_(std::make_unique<Impl>(std::move(on_problem)))
{
}

Compressor::~Compressor()
{
    {
        const std::lock_guard lock{impl_->mutex};
        impl_->stop = true;
    }
    impl_->changed.notify_one();
    impl_->thread.join();
}

void Compressor::add(SegmentFile segment)
{
    {
        const std::lock_guard lock{impl_->mutex};
        impl_->waiting.push_back(std::move(segment));
    }
    impl_->changed.notify_one();
}

} // namespace stepgate::proxy::audit
