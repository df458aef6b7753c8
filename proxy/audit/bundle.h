#pragma once

#include "proxy/audit/verify.h"

#include <boost/system/result.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace stepgate::proxy::audit
{

// A bundle is one challenge cut out of a journal, for somebody who has neither the journal nor the store: a JSON file
// with the exact bytes of the records about it (and of the enrolment of the factors that answered it), signed with the
// journal's key. Its passkey proofs hold without trusting that key. The format is in proxy/audit/README.md.

/// The bundle of a challenge, from a journal that is intact. Needs `audit.key` of the directory. errc::not_found: no
/// record names the challenge; errc::damaged: the journal has findings, and nothing of it is signed again.
[[nodiscard]] boost::system::result<std::string, Problem> make_bundle(const std::filesystem::path& directory,
                                                                      const std::string& challenge);

struct BundleReport {
    std::vector<Finding> findings; // empty: the bundle holds
    std::vector<CheckedProof> proofs;
    std::vector<std::string> records; // as JSON, one a record
    std::string challenge, key;       // id of the key that was used
    bool own_key = false;             // the key came with the bundle: it says that the bundle is whole, not who made it
};

/// Checks a bundle from the file alone.
[[nodiscard]] boost::system::result<BundleReport, Problem>
verify_bundle(const std::filesystem::path& file, const std::optional<std::filesystem::path>& public_key);

} // namespace stepgate::proxy::audit
