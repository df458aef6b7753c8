#pragma once

#include "proxy/audit/errc.h"
#include "proxy/audit/reader.h"

#include <boost/system/result.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace stepgate::proxy::audit
{

struct FeederOptions {
    std::filesystem::path directory;
    std::chrono::milliseconds every{500};                  // one transaction each
    std::function<void(const std::string&)> on_problem;    // a line for the log; called on the feeder's thread
    std::function<void(const std::string&)> on_recovery{}; // the same, once it is over
};

/// Follows the journal into the index with a (nice) thread of its own. Its cursor lives in the index, so neither a
/// crash nor a slow disk loses anything: the index is only ever behind. Owned by the app, beside the Writer.
class Feeder
{
  public:
    [[nodiscard]] static boost::system::result<std::unique_ptr<Feeder>, Problem> start(FeederOptions options);
    ~Feeder();                                            // catches up with what is on disk, then stops
    [[nodiscard]] std::uint64_t indexed() const noexcept; // last sequence number in the index

    struct Impl;

  private:
    explicit Feeder(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

/// For people.
[[nodiscard]] std::string missing(const Extent& gap);

struct Reindexed {
    std::uint64_t records = 0;   // read
    std::uint64_t first = 1;     // of them; those before it may have been archived
    std::vector<Extent> missing; // between them
};

/// Deletes the index and builds it again from the journal. errc::locked while a proxy serves: it feeds the index.
[[nodiscard]] boost::system::result<Reindexed, Problem> reindex(const std::filesystem::path& directory);

} // namespace stepgate::proxy::audit
