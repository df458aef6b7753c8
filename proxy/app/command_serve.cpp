#include "proxy/app/command_serve.h"

#include "proxy/app/catalog_sources.h"
#include "proxy/app/log.h"
#include "proxy/app/memory.h"
#include "proxy/app/serving.h"

#include <sys/resource.h>

#include <csignal>
#include <cstdlib>
#include <ctime>
#include <ostream>
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

// A session needs two descriptors; shells and service managers give a process 1024 and let it take more.
void raise_descriptor_limit(std::size_t connections)
{
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    constexpr std::size_t others = 192; // files, the web server, loops, connections that are told that there is no room
    const std::size_t needed = 2 * connections + others;
    if (limit.rlim_max < needed)
        log_warning(
            std::to_string(connections) + " connections (limits.connections) need " + std::to_string(needed) +
            " file descriptors, and the hard limit is " + std::to_string(limit.rlim_max) +
            ": raise it (LimitNOFILE= of the systemd unit, `ulimit -Hn` in a shell) or lower limits.connections");
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

// The next signal, or 0 after a second.
int wait_for_signal(const sigset_t& set)
{
    const timespec second{1, 0};
    const int signal = sigtimedwait(&set, nullptr, &second);
    return signal < 0 ? 0 : signal;
}

int serve_until_told(Configuration configuration, std::ostream& out, std::ostream& err)
{
    const auto signals = block_signals();
    Serving serving(std::move(configuration));
    if (const auto error = serving.start(); !error.empty()) {
        err << "stepgate: " << error << '\n';
        return 2;
    }
    out << "ready" << std::endl;
    for (;;) {
        const int signal = wait_for_signal(signals);
        if (signal == SIGTERM || signal == SIGINT)
            break;
        if (signal == SIGHUP)
            serving.reload();
        serving.tick(std::chrono::system_clock::now());
    }
    serving.drain();
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
    raise_descriptor_limit(configuration.limits.connections);
    give_large_blocks_back();
    const int code = serve_until_told(std::move(configuration), out, err);
    if (readings_at_work()) {
        out.flush();
        err.flush();
        std::_Exit(code);
    }
    return code;
}

} // namespace stepgate::proxy::app
