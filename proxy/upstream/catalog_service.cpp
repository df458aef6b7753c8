#include "proxy/upstream/catalog_service.h"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <pthread.h>
#include <thread>

namespace stepgate::proxy::upstream
{

using policies::catalog::Catalog;
using policies::catalog::Contents;
using policies::sensitivity::Lineage;
using Clock = std::chrono::steady_clock;

namespace
{

/// One database. `due` and what follows are guarded by the state's mutex; the rest belongs to the thread that is at it.
struct Entry {
    CatalogListener listener;
    std::string database;
    std::shared_ptr<DatabaseCatalog> catalog;

    Clock::time_point due{};
    bool busy = false;
    bool again = false; // something changed while busy
    CatalogService::Status status;
    Clock::time_point began{}; // of the reading that the snapshot is from
    Clock::time_point ended{}; // of the last reading
    Clock::duration last_took{};
    std::uint64_t failures_in_row = 0;

    bool loaded = false;
    std::shared_ptr<const Catalog> snapshot;
    std::shared_ptr<const Lineage> saved;
    std::string last_problem;
};
using EntryPointer = std::shared_ptr<Entry>;
using Key = std::pair<std::string, std::string>;

bool same_objects(const Contents& a, Contents b)
{
    b.taken = a.taken;
    return a == b;
}

/// MySQL has one catalog a server, without a database's name.
std::string name_of(const Entry& entry)
{
    const std::string place = "listener " + entry.listener.name;
    return entry.database.empty() ? "of the server (" + place + ")"
                                  : "of database " + entry.database + " (" + place + ")";
}

/// No session uses it, and nothing would be lost.
bool forgettable(const Entry& entry)
{
    if (!entry.loaded || entry.catalog.use_count() > 1 || entry.catalog->wants_snapshot())
        return false;
    const auto lineage = entry.catalog->lineage();
    return !lineage || lineage == entry.saved || (entry.saved && *lineage == *entry.saved);
}

} // namespace

struct CatalogService::State : std::enable_shared_from_this<State> {
    CatalogServices services;
    std::vector<CatalogListener> listeners;
    CatalogOptions options;

    mutable std::mutex mutex;
    std::condition_variable wake;
    std::map<Key, EntryPointer> entries;
    bool stopping = false;
    std::vector<std::thread> threads;

    void run();
    [[nodiscard]] EntryPointer next_due(std::unique_lock<std::mutex>& lock);
    void changed(const Key& key);
    void wanted(const Key& key);
    [[nodiscard]] Clock::duration look(Entry& entry);
    void load(Entry& entry);
    void observe(Entry& entry, const Catalog& catalog);
    void save(Entry& entry);
    [[nodiscard]] Clock::duration took(Entry& entry, CatalogRead read, const DatabaseCatalog::Covers& covers,
                                       Clock::time_point began);
    [[nodiscard]] Clock::duration failed(Entry& entry, const std::string& problem);
};

void CatalogService::State::run()
{
    std::unique_lock lock{mutex};
    while (auto entry = next_due(lock)) {
        entry->busy = true;
        lock.unlock();
        const auto pause = look(*entry);
        lock.lock();
        entry->busy = false;
        entry->ended = Clock::now();
        const auto soonest = std::max<Clock::duration>(options.debounce, entry->last_took);
        entry->due = Clock::now() + (std::exchange(entry->again, false) ? std::min(pause, soonest) : pause);
        wake.notify_all();
    }
}

/// Waits for a database whose time has come; null: the end.
EntryPointer CatalogService::State::next_due(std::unique_lock<std::mutex>& lock)
{
    for (;;) {
        if (stopping)
            return nullptr;
        EntryPointer next;
        for (const auto& [key, entry] : entries)
            if (!entry->busy && (!next || entry->due < next->due))
                next = entry;
        if (!next) {
            wake.wait(lock);
        } else if (next->due > Clock::now()) {
            wake.wait_until(lock, next->due);
        } else if (forgettable(*next)) {
            entries.erase({next->listener.name, next->database});
        } else {
            return next;
        }
    }
}

void CatalogService::State::changed(const Key& key)
{
    const std::lock_guard lock{mutex};
    const auto found = entries.find(key);
    if (found == entries.end())
        return;
    auto& entry = *found->second;
    entry.again = entry.busy;
    const auto soonest = std::max<Clock::duration>(options.debounce, entry.last_took);
    entry.due = std::min(entry.due, Clock::now() + soonest);
    wake.notify_all();
}

/// Nothing is gained by waiting for further changes while somebody waits for this one. No more than half of the time is
/// spent on reading all the same, and a server that fails is asked no more often.
void CatalogService::State::wanted(const Key& key)
{
    const std::lock_guard lock{mutex};
    const auto found = entries.find(key);
    if (found == entries.end() || found->second->busy || found->second->failures_in_row > 0)
        return;
    auto& entry = *found->second;
    entry.due = std::min(entry.due, std::max(Clock::now(), entry.ended + entry.last_took));
    wake.notify_all();
}

/// Looks after one database, and says when to come back.
Clock::duration CatalogService::State::look(Entry& entry)
{
    load(entry);
    if (!entry.listener.readable) {
        save(entry);
        entry.catalog->unreadable();
        return entry.listener.refresh;
    }
    const auto began = Clock::now();
    const auto covers = entry.catalog->covers();
    auto read = services.read(entry.listener.name, entry.database, covers.backends);
    const auto pause = took(entry, std::move(read), covers, began);
    save(entry);
    return pause;
}

void CatalogService::State::load(Entry& entry)
{
    if (std::exchange(entry.loaded, true))
        return;
    const auto text = services.load(entry.listener.name, entry.database);
    if (text.empty())
        return;
    auto lineage = Lineage::from_json(text);
    if (const auto* problem = std::get_if<std::string>(&lineage)) {
        services.log(true, "the lineage of database " + entry.database + " cannot be read: " + *problem +
                               "; labels follow renames and copies from now on only");
        return;
    }
    entry.saved = std::make_shared<const Lineage>(std::get<Lineage>(std::move(lineage)));
    while (true) {
        const auto seen = entry.catalog->lineage();
        auto fresh = seen ? std::make_shared<const Lineage>(entry.saved->with(seen->copies())) : entry.saved;
        if (entry.catalog->replace(seen, std::move(fresh)))
            return;
    }
}

/// Before the snapshot is published: a renamed table is never seen without its labels.
void CatalogService::State::observe(Entry& entry, const Catalog& catalog)
{
    static const Lineage nothing;
    const auto labelled = [&](std::string_view schema, std::string_view table, std::string_view column) {
        return services.labelled(entry.database, schema, table, column);
    };
    while (true) {
        const auto seen = entry.catalog->lineage();
        const Lineage& old = seen ? *seen : nothing;
        auto fresh = std::make_shared<const Lineage>(old.observed(catalog, labelled, std::chrono::system_clock::now()));
        if (*fresh == old || entry.catalog->replace(seen, std::move(fresh)))
            return;
    }
}

void CatalogService::State::save(Entry& entry)
{
    const auto lineage = entry.catalog->lineage();
    if (!lineage || lineage == entry.saved || (entry.saved && *lineage == *entry.saved))
        return;
    if (services.save(entry.listener.name, entry.database, lineage->to_json()))
        entry.saved = lineage;
    else
        services.log(true, "where labels went in database " + entry.database + " cannot be saved in the store");
}

Clock::duration CatalogService::State::took(Entry& entry, CatalogRead read, const DatabaseCatalog::Covers& covers,
                                            Clock::time_point began)
{
    if (const auto* problem = std::get_if<std::string>(&read.contents))
        return failed(entry, *problem);
    auto& contents = std::get<Contents>(read.contents);
    const bool first = !entry.snapshot;
    // An unchanged snapshot stays the same object, so that what was worked out from it stays good.
    if (first || !same_objects(entry.snapshot->contents(), contents))
        entry.snapshot = std::make_shared<const Catalog>(std::move(contents));
    observe(entry, *entry.snapshot);
    entry.catalog->publish(entry.snapshot, covers, read.backends_gone);
    if (first || !entry.last_problem.empty())
        services.log(false, "catalogs " + name_of(entry) + ": " +
                                std::to_string(entry.snapshot->contents().relations.size()) + " relations, " +
                                std::to_string(entry.snapshot->contents().functions.size()) + " functions");
    entry.last_problem.clear();
    const std::lock_guard lock{mutex};
    entry.last_took = Clock::now() - began;
    entry.failures_in_row = 0;
    auto& status = entry.status;
    status.snapshot = true;
    status.relations = entry.snapshot->contents().relations.size();
    status.functions = entry.snapshot->contents().functions.size();
    status.read_seconds = std::chrono::duration<double>(entry.last_took).count();
    ++status.reads;
    entry.began = began;
    return entry.catalog->wants_snapshot() ? Clock::duration{options.ask_again}
                                           : Clock::duration{entry.listener.refresh};
}

Clock::duration CatalogService::State::failed(Entry& entry, const std::string& problem)
{
    entry.catalog->failed();
    if (entry.last_problem != problem) {
        services.log(true,
                     "the catalogs " + name_of(entry) + " cannot be read: " + problem +
                         (entry.snapshot
                              ? "; the old snapshot stays, and statements on objects that changed since are held"
                              : "; until they can, statements that name tables or functions of users are held") +
                         ". Any account that may connect will do: see catalog = {user, password} of the listener");
        entry.last_problem = problem;
    }
    const std::lock_guard lock{mutex};
    ++entry.status.failures;
    const auto doublings = std::min<std::uint64_t>(entry.failures_in_row++, 10);
    return std::min<Clock::duration>(options.retry * (1U << doublings),
                                     std::max<Clock::duration>(entry.listener.refresh, options.retry));
}

CatalogService::CatalogService(CatalogServices services, std::vector<CatalogListener> listeners, CatalogOptions options)
    : state_{std::make_shared<State>()}
{
    state_->services = std::move(services);
    state_->listeners = std::move(listeners);
    state_->options = options;
    for (std::size_t i = 0; i < options.threads; ++i)
        state_->threads.emplace_back([state = state_.get()] {
            ::pthread_setname_np(::pthread_self(), "catalogs"); // for `top -H`
            state->run();
        });
}

CatalogService::~CatalogService()
{
    {
        const std::lock_guard lock{state_->mutex};
        state_->stopping = true;
        state_->wake.notify_all();
    }
    for (auto& thread : state_->threads)
        thread.join();
    for (auto& [key, entry] : state_->entries) // what sessions recorded last
        if (entry->loaded)
            state_->save(*entry);
}

std::shared_ptr<DatabaseCatalog> CatalogService::attach(const std::string& listener, const std::string& database)
{
    const Key key{listener, database};
    const std::lock_guard lock{state_->mutex};
    if (const auto found = state_->entries.find(key); found != state_->entries.end()) {
        auto& known = *found->second;
        if (!known.status.snapshot && known.listener.readable) // the server has just let somebody in
            known.due = std::min(known.due, Clock::now() + state_->options.debounce);
        state_->wake.notify_all();
        return known.catalog;
    }
    auto entry = std::make_shared<Entry>();
    const auto known = std::ranges::find(state_->listeners, listener, &CatalogListener::name);
    if (known != state_->listeners.end())
        entry->listener = *known;
    entry->listener.name = listener;
    entry->database = database;
    entry->status.listener = listener;
    entry->status.database = database;
    const auto tell = [&](void (State::*what)(const Key&)) {
        return [state = std::weak_ptr{state_}, key, what] {
            if (const auto alive = state.lock())
                (alive.get()->*what)(key);
        };
    };
    entry->catalog = std::make_shared<DatabaseCatalog>(listener, database, tell(&State::changed), tell(&State::wanted));
    state_->entries.emplace(key, entry);
    state_->wake.notify_all();
    return entry->catalog;
}

void CatalogService::refresh_all()
{
    const std::lock_guard lock{state_->mutex};
    for (auto& [key, entry] : state_->entries) {
        entry->again = entry->busy;
        entry->due = Clock::time_point{};
    }
    state_->wake.notify_all();
}

std::vector<CatalogService::Status> CatalogService::status() const
{
    const std::lock_guard lock{state_->mutex};
    std::vector<Status> all;
    for (const auto& [key, entry] : state_->entries) {
        auto& status = all.emplace_back(entry->status);
        status.stale = entry->catalog->wants_snapshot();
        if (status.snapshot)
            status.age_seconds = std::chrono::duration<double>(Clock::now() - entry->began).count();
    }
    return all;
}

} // namespace stepgate::proxy::upstream
