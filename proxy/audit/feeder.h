#pragma once

#include "proxy/audit/errc.h"

#include <boost/system/result.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

namespace stepgate::proxy::audit
{

struct FeederOptions {
    std::filesystem::path directory;
    std::chrono::milliseconds every{500};               // one transaction each
    std::function<void(const std::string&)> on_problem; // a line for the log; called on the feeder's thread
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

/// Deletes the index and builds it again from the journal; the number of records read. Not while a proxy feeds it.
[[nodiscard]] boost::system::result<std::uint64_t, Problem> reindex(const std::filesystem::path& directory);

} // namespace stepgate::proxy::audit
