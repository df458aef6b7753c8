#pragma once

#include "policies/catalog/catalog.h"
#include "policies/sensitivity/lineage.h"
#include "proxy/upstream/catalog_reader.h"
#include "proxy/upstream/database_catalog.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::proxy::upstream
{

/// What the service needs from the rest of the process. All but `log` may block; all are called on its threads.
struct CatalogServices {
    std::function<CatalogRead(const std::string& listener, const std::string& database,
                              const std::vector<std::int32_t>& backends)>
        read;
    /// The lineage as it was saved; "" if there is none. And the other way.
    std::function<std::string(const std::string& listener, const std::string& database)> load;
    std::function<bool(const std::string& listener, const std::string& database, const std::string& json)> save;
    /// Whether the policy in force labels a name of this database.
    std::function<bool(std::string_view database, std::string_view schema, std::string_view table,
                       std::string_view column)>
        labelled;
    std::function<void(bool problem, const std::string& text)> log;
};

struct CatalogOptions {
    std::size_t threads = 2;
    std::chrono::milliseconds debounce{100};    // changes that follow each other are read together
    std::chrono::milliseconds retry{5'000};     // after a failure; doubles up to the listener's refresh
    std::chrono::milliseconds ask_again{1'000}; // while a server process is at work that nobody listens to any more
};

/// A listener, as far as its catalogs are concerned.
struct CatalogListener {
    std::string name;
    bool readable = false; // else there are no snapshots, only lineage
    std::chrono::milliseconds refresh{300'000};
};

/// Keeps a snapshot of each database that has sessions, on threads of its own: read at the first login, again after
/// changes that ended, and on a timer. Thread-safe. Databases without sessions are forgotten; their lineage is saved.
class CatalogService
{
  public:
    CatalogService(CatalogServices services, std::vector<CatalogListener> listeners, CatalogOptions options = {});
    /// Waits for readings that are under way.
    ~CatalogService();
    CatalogService(const CatalogService&) = delete;
    CatalogService& operator=(const CatalogService&) = delete;

    /// The database's catalog; reading begins if this is its first session. Never blocks for long.
    [[nodiscard]] std::shared_ptr<DatabaseCatalog> attach(const std::string& listener, const std::string& database);
    /// Reads every database again: a new policy may label other names.
    void refresh_all();

    struct Status {
        std::string listener, database;
        bool snapshot = false;
        double age_seconds = 0; // since the reading that the snapshot is from began
        double read_seconds = 0;
        std::size_t relations = 0, functions = 0;
        std::uint64_t reads = 0, failures = 0;
        bool stale = false; // a change is not in the snapshot yet
    };
    [[nodiscard]] std::vector<Status> status() const;

  private:
    struct State;
    std::shared_ptr<State> state_;
};

} // namespace stepgate::proxy::upstream
