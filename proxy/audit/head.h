#pragma once

#include "proxy/audit/files.h"
#include "proxy/audit/hash.h"
#include "proxy/audit/keys.h"

#include <boost/system/result.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace stepgate::proxy::audit
{

/// `head.json`: the newest signed checkpoint, kept outside the segments. Records that it knows and the segments lack
/// were cut off. `hash` is that of the checkpoint record itself. The first one, of a journal without records, has
/// number 0.
struct Head {
    std::uint64_t sequence = 0;
    Hash hash{};
    std::int64_t at_ns = 0;
    bool clean = false; // written by a clean stop
    std::string key;    // id of the signing key
};

[[nodiscard]] boost::system::error_code write_head(Files& files, const std::filesystem::path& directory, Head head,
                                                   const SigningKey& key);
/// nullopt: there is none. A Problem if it is not a head. `signed_by` tells whether the signature is good.
struct LoadedHead {
    Head head;
    bool signature_good = false;
};
[[nodiscard]] boost::system::result<std::optional<LoadedHead>, Problem>
load_head(const std::filesystem::path& directory, const PublicKey& key);

} // namespace stepgate::proxy::audit
