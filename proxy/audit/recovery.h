#pragma once

#include "proxy/audit/errc.h"
#include "proxy/audit/files.h"
#include "proxy/audit/hash.h"
#include "proxy/audit/keys.h"
#include "proxy/audit/segment.h"

#include <boost/system/result.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

namespace stepgate::proxy::audit
{

/// Where a journal ends, and so where a writer goes on.
struct Tail {
    std::uint64_t next = 1;
    Hash previous{};
    std::optional<SegmentFile> open_segment; // to append to; none: begin a new one
    std::uint64_t open_size = 0;
    std::uint64_t torn_bytes = 0; // cut off behind the last complete record
    bool fresh = true;            // there was no journal
    bool clean = true;            // the last writer stopped cleanly (or there was none)
    std::uint64_t last_checkpoint = 0;
    std::vector<SegmentFile> closed; // plain ones, to compress
};

/// Reads the last segment, checks it against its own chain and the signed head, and cuts off an incomplete last record.
/// Everything else that is not as a writer leaves it is errc::damaged: nothing is changed then.
[[nodiscard]] boost::system::result<Tail, Problem> recover(const std::filesystem::path& directory, Files& files,
                                                           const PublicKey* key);

/// Is there a journal in the directory (segments or a head)?
[[nodiscard]] bool has_journal(const std::filesystem::path& directory);

} // namespace stepgate::proxy::audit
