#pragma once

#include "proxy/audit/errc.h"
#include "proxy/audit/record_codec.h"

#include <boost/system/result.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>

namespace stepgate::proxy::audit
{

/// `index.db` of an audit directory, for writing: SQLite tables that answer a reviewer's questions. Allowed executions
/// of one shape by one session that follow each other closely share a row; everything else has its own. Throws
/// SQLite::Exception. Not thread-safe; owned by a Feeder or by `reindex`.
class Index
{
  public:
    static constexpr int version = 3;
    [[nodiscard]] static std::filesystem::path file(const std::filesystem::path& directory)
    {
        return directory / "index.db";
    }

    /// Opens the index, or makes it; an index of another version is made anew.
    explicit Index(const std::filesystem::path& directory);
    ~Index();

    /// The last record in it (0: none) and its hash: proof that it was made from this journal.
    [[nodiscard]] std::uint64_t cursor() const;
    [[nodiscard]] Hash cursor_hash() const;

    /// A batch: begin, any number of apply and repeat, commit. If one throws, the object must be thrown away: the file
    /// has the batch not at all, and a new Index goes on from its cursor.
    void begin();
    void apply(const RecordView& record);
    /// Counts one more execution where a row of its statement is open, which is nearly always. False: `apply` it.
    [[nodiscard]] bool repeat(const Execution& execution);
    void commit(std::uint64_t cursor, const Hash& hash);

    struct Impl;

  private:
    std::unique_ptr<Impl> impl_;
};

} // namespace stepgate::proxy::audit
