#pragma once

#include "policies/sensitivity/catalog_view.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stepgate::proxy::upstream
{

/// Among names that are touched: that something which is no relation is there, or is not. No table is called so.
constexpr std::string_view no_relation{};

/// Names whose meaning a statement changes, may have changed, or is changing.
struct Touched {
    bool all = false;                 // any name
    std::set<std::string> names = {}; // bare names, as the server spells them
    std::set<std::string> made = {};  // likewise, of new plain tables: only which columns they have cannot be looked up

    [[nodiscard]] bool empty() const { return !all && names.empty() && made.empty(); }
    void add(const Touched& other)
    {
        all |= other.all;
        names.insert(other.names.begin(), other.names.end());
        made.insert(other.made.begin(), other.made.end());
    }
};

/// What sessions know of one database behind one listener: the newest snapshot, the lineage, and which names cannot be
/// looked up in that snapshot because a statement that changed them is under way or is not in it yet.
///
/// Thread-safe. A session looks at `revision` before each statement, which is one atomic load, and takes the rest only
/// when that changed. It announces a change before it forwards it, so no other session can miss it.
class DatabaseCatalog
{
  public:
    /// `on_change`: a change ended or rows were copied. `on_want`: a session waits for a snapshot that shows the
    /// changes that ended. Both are called without locks, from any thread. Until `publish` or `unreadable` no name can
    /// be looked up.
    DatabaseCatalog(std::string listener, std::string database, std::function<void()> on_change,
                    std::function<void()> on_want);

    [[nodiscard]] const std::string& listener() const { return listener_; }
    [[nodiscard]] const std::string& database() const { return database_; }

    // For sessions.
    struct Now {
        policies::sensitivity::CatalogView view;
        std::shared_ptr<const Touched> touched; // null: every name can be looked up
        bool complete = false;                  // the snapshot was read after everything that any session did before
        bool missing = false;                   // there should be a snapshot, and none could be read
        std::uint64_t revision = 0;
    };
    /// Differs whenever `now` does.
    [[nodiscard]] std::uint64_t revision() const { return revision_.load(std::memory_order_acquire); }
    /// `own`: changes of the session that asks, which it knows of by itself.
    [[nodiscard]] Now now(const std::vector<std::uint64_t>& own = {}) const;

    /// A statement that changes what these names mean is about to be forwarded, or may be done. Answers with a number
    /// for `end_change`.
    [[nodiscard]] std::uint64_t begin_change(const Touched& what);
    /// It ended, or its transaction did. `backend`: 0, or the server process that may still be at work on it, because
    /// the session ended before an answer came.
    void end_change(std::uint64_t change, std::int32_t backend = 0);
    /// A session waits for the next snapshot, which then is not put off. Nothing happens where none would help.
    void want_snapshot() const;
    /// Labelled rows are about to be copied.
    void record_copies(const std::vector<policies::sensitivity::Copy>& copies);

    // For the service.
    /// What a snapshot that is begun now will have seen, and the server processes that must be gone for that.
    struct Covers {
        std::uint64_t sequence = 0;
        std::vector<std::int32_t> backends;
    };
    [[nodiscard]] Covers covers() const;
    /// `backends_gone`: none of those was at work any more when the snapshot was begun.
    void publish(std::shared_ptr<const policies::catalog::Catalog> catalog, const Covers& covered, bool backends_gone);
    /// There is no account that reads it: names are matched as they are written from now on.
    void unreadable();
    /// A snapshot could not be read. If there is none at all, it is missing; else the old one stays, and what changed
    /// since can still not be looked up.
    void failed();
    [[nodiscard]] std::shared_ptr<const policies::sensitivity::Lineage> lineage() const;
    /// Replaces `seen` by `fresh`; false if sessions recorded copies meanwhile, so that none gets lost.
    [[nodiscard]] bool replace(const std::shared_ptr<const policies::sensitivity::Lineage>& seen,
                               std::shared_ptr<const policies::sensitivity::Lineage> fresh);
    /// Some ended change is in no snapshot yet.
    [[nodiscard]] bool wants_snapshot() const;

  private:
    struct Ended {
        Touched what;
        std::uint64_t sequence = 0;
        std::int32_t backend = 0;
    };

    void changed();
    [[nodiscard]] std::shared_ptr<const Touched> touched_but(const std::vector<std::uint64_t>& own) const;

    const std::string listener_, database_;
    const std::function<void()> on_change_, on_want_;
    mutable std::mutex mutex_;
    policies::sensitivity::CatalogView view_;
    std::shared_ptr<const Touched> touched_; // of the two lists below
    std::map<std::uint64_t, Touched> open_;
    std::vector<Ended> ended_;
    std::uint64_t sequence_ = 0; // of begun and ended changes
    bool first_pending_ = true;  // no snapshot yet, but one is being read
    bool missing_ = false;       // no snapshot yet, and reading one failed
    std::atomic<std::uint64_t> revision_{1};
};

} // namespace stepgate::proxy::upstream
