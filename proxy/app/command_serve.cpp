#include "proxy/app/command_serve.h"

#include "proxy/app/catalog_sources.h"
#include "proxy/app/descriptors.h"
#include "proxy/app/log.h"
#include "proxy/app/memory.h"
#include "proxy/app/serving.h"
#include "proxy/app/supervisor.h"

#include <sys/resource.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <optional>
#include <ostream>
#include <string>
#include <thread>
#include <utility>

namespace stepgate::proxy::app
{
namespace
{

// Blocked before any thread starts, so that all of them inherit it and only `wait_for_signal` takes them.
sigset_t block_signals()
{
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP})
        sigaddset(&set, signal);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN); // a file size limit is a write error for the journal, not the end of the process
    return set;
}

std::optional<DescriptorShare> share_descriptors(const Configuration& configuration, std::string& why)
{
    const auto loops = configuration.threads != 0 ? configuration.threads : std::thread::hardware_concurrency();
    return take_descriptors(configuration.limits.connections, loops, configuration.listeners.size(), why);
}

// What this process knows is not for a file: keys, passwords, statements. (`prlimit --core` gives it back for a while.)
void write_no_core()
{
    rlimit limit{};
    if (::getrlimit(RLIMIT_CORE, &limit) != 0)
        return;
    limit.rlim_cur = 0;
    ::setrlimit(RLIMIT_CORE, &limit);
}

// The next signal, or 0 if none comes for so long.
int wait_for_signal(const sigset_t& set, std::chrono::seconds at_most)
{
    const timespec time{at_most.count(), 0};
    const int signal = sigtimedwait(&set, nullptr, &time);
    return signal < 0 ? 0 : signal;
}

bool is_stop(int signal)
{
    return signal == SIGTERM || signal == SIGINT;
}

int serve_until_told(Configuration configuration, const DescriptorShare& share, std::ostream& out, std::ostream& err)
{
    const auto signals = block_signals();
    Serving serving(std::move(configuration), share);
    if (const auto error = serving.start(); !error.empty()) {
        err << "stepgate: " << error << '\n';
        return 1;
    }
    out << "ready" << std::endl;
    out.clear(); // whether anybody reads that is nothing to end with an error for
    tell_supervisor("READY=1");
    for (;;) {
        const int signal = wait_for_signal(signals, std::chrono::seconds{1});
        if (is_stop(signal))
            break;
        if (signal == SIGHUP)
            serving.reload();
        serving.tick(std::chrono::system_clock::now());
    }
    tell_supervisor("STOPPING=1");
    serving.drain([&signals] { return is_stop(wait_for_signal(signals, std::chrono::seconds{0})); });
    return 0;
}

} // namespace

int run_serve(const std::filesystem::path& config, std::ostream& out, std::ostream& err)
{
    auto loaded = load_configuration(config);
    if (const auto* errors = std::get_if<std::vector<policies::rules::PolicyError>>(&loaded)) {
        for (const auto& error : *errors)
            err << to_string(error) << '\n';
        return 2;
    }
    auto& configuration = std::get<Configuration>(loaded);
    start_log(configuration.log_level);
    write_no_core();
    std::string why;
    const auto share = share_descriptors(configuration, why);
    if (!share) {
        err << "stepgate: " << why << '\n';
        return 2;
    }
    give_large_blocks_back();
    const int code = serve_until_told(std::move(configuration), *share, out, err);
    if (readings_at_work()) {
        out.flush();
        err.flush();
        std::_Exit(code);
    }
    return code;
}

} // namespace stepgate::proxy::app
