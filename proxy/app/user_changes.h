#pragma once

#include "proxy/audit/writer.h"
#include "proxy/store/sqlite_store.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>

namespace stepgate::proxy::app
{

/// Brings what the store notes of changes of users into the journal, whoever made them. The store keeps a change until
/// it is on the journal's disk: one made while nothing serves, or twice within a second, is recorded as well. A crash
/// between both may record it twice, never not at all. Thread-safe. The journal's thread tells it what is on disk: it
/// lives at least as long as the writer.
class UserChanges
{
  public:
    /// `recorded` hears of each, in order, one at a time; it must not come back here.
    UserChanges(store::SqliteStore& store, audit::Writer& writer,
                std::function<void(const store::UserChange&)> recorded);

    /// What was noted since the last call; what the journal does not take now it is offered at the next one.
    void record();
    /// At the end: what was recorded last is on disk within moments, and the next start must not record it again.
    void finish();

  private:
    void forget_durable();
    [[nodiscard]] bool submit(const store::UserChange& change);

    store::SqliteStore& store_;
    audit::Writer& writer_;
    const std::function<void(const store::UserChange&)> recorded_;
    std::mutex one_at_a_time_;
    // Numbers of changes: in the journal's queue, on its disk (its thread says so), out of the store.
    std::int64_t seen_ = 0, forgotten_ = 0;
    std::atomic<std::int64_t> durable_{0};
    std::atomic<bool> failed_{false};
    std::atomic<unsigned> attempt_{0};
};

} // namespace stepgate::proxy::app
