#include "proxy/upstream/database_catalog.h"

#include <algorithm>

namespace stepgate::proxy::upstream
{

using policies::sensitivity::Lineage;

DatabaseCatalog::DatabaseCatalog(std::string listener, std::string database, std::function<void()> on_change,
                                 std::function<void()> on_want)
    : listener_{std::move(listener)}, database_{std::move(database)},
      on_change_{std::move(on_change)}, on_want_{std::move(on_want)}
{
    changed();
}

DatabaseCatalog::Now DatabaseCatalog::now(const std::vector<std::uint64_t>& own) const
{
    const std::lock_guard lock{mutex_};
    const bool complete = view_.catalog != nullptr && open_.empty() && ended_.empty();
    return {view_, own.empty() ? touched_ : touched_but(own), complete, missing_,
            revision_.load(std::memory_order_relaxed)};
}

/// With the lock held, or before anybody else knows this.
std::shared_ptr<const Touched> DatabaseCatalog::touched_but(const std::vector<std::uint64_t>& own) const
{
    Touched all;
    all.all = first_pending_;
    for (const auto& [change, what] : open_)
        if (std::ranges::find(own, change) == own.end())
            all.add(what);
    for (const auto& one : ended_)
        all.add(one.what);
    const bool compares = view_.catalog != nullptr || first_pending_; // else nothing can be out of date
    return all.empty() || !compares ? nullptr : std::make_shared<const Touched>(std::move(all));
}

/// Likewise.
void DatabaseCatalog::changed()
{
    touched_ = touched_but({});
    revision_.fetch_add(1, std::memory_order_release);
}

std::uint64_t DatabaseCatalog::begin_change(const Touched& what)
{
    const std::lock_guard lock{mutex_};
    open_.emplace(++sequence_, what);
    changed();
    return sequence_;
}

void DatabaseCatalog::end_change(std::uint64_t change, std::int32_t backend)
{
    {
        const std::lock_guard lock{mutex_};
        const auto found = open_.find(change);
        if (found == open_.end())
            return;
        ended_.push_back({std::move(found->second), ++sequence_, backend});
        open_.erase(found);
        changed();
    }
    on_change_();
}

void DatabaseCatalog::want_snapshot() const
{
    {
        const std::lock_guard lock{mutex_};
        if (std::ranges::find(ended_, 0, &Ended::backend) == ended_.end())
            return; // what is open, or a server process is at, the next snapshot would not show
    }
    on_want_();
}

void DatabaseCatalog::record_copies(const std::vector<policies::sensitivity::Copy>& copies)
{
    {
        const std::lock_guard lock{mutex_};
        Lineage fresh = view_.lineage ? view_.lineage->with(copies) : Lineage{{}, copies};
        if (view_.lineage && fresh == *view_.lineage)
            return;
        view_.lineage = std::make_shared<const Lineage>(std::move(fresh));
        view_.revision = policies::sensitivity::next_view_revision();
        changed();
    }
    on_change_();
}

DatabaseCatalog::Covers DatabaseCatalog::covers() const
{
    const std::lock_guard lock{mutex_};
    Covers covers{sequence_, {}};
    for (const auto& one : ended_)
        if (one.backend != 0)
            covers.backends.push_back(one.backend);
    return covers;
}

void DatabaseCatalog::publish(std::shared_ptr<const policies::catalog::Catalog> catalog, const Covers& covered,
                              bool backends_gone)
{
    const std::lock_guard lock{mutex_};
    if (view_.catalog != catalog) {
        view_.catalog = std::move(catalog);
        view_.revision = policies::sensitivity::next_view_revision();
    }
    first_pending_ = missing_ = false;
    std::erase_if(ended_, [&](const Ended& one) {
        return one.sequence <= covered.sequence && (one.backend == 0 || backends_gone);
    });
    changed();
}

void DatabaseCatalog::unreadable()
{
    const std::lock_guard lock{mutex_};
    ended_.clear(); // nothing is out of date
    if (std::exchange(first_pending_, false))
        changed();
}

void DatabaseCatalog::failed()
{
    const std::lock_guard lock{mutex_};
    if (view_.catalog)
        return;
    // The first snapshot will show them, but for what a server process is still at.
    std::erase_if(ended_, [](const Ended& one) { return one.backend == 0; });
    missing_ = true;
    if (std::exchange(first_pending_, false))
        changed();
}

std::shared_ptr<const Lineage> DatabaseCatalog::lineage() const
{
    const std::lock_guard lock{mutex_};
    return view_.lineage;
}

bool DatabaseCatalog::replace(const std::shared_ptr<const Lineage>& seen, std::shared_ptr<const Lineage> fresh)
{
    const std::lock_guard lock{mutex_};
    if (view_.lineage != seen)
        return false;
    view_.lineage = std::move(fresh);
    view_.revision = policies::sensitivity::next_view_revision();
    changed();
    return true;
}

bool DatabaseCatalog::wants_snapshot() const
{
    const std::lock_guard lock{mutex_};
    return first_pending_ || !ended_.empty();
}

} // namespace stepgate::proxy::upstream
