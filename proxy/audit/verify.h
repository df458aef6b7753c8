#pragma once

#include "proxy/audit/errc.h"

#include <boost/system/result.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace stepgate::proxy::audit
{

enum class FindingKind : std::uint8_t {
    unreadable, // a file that cannot be opened or is no segment
    malformed,  // bytes that are no canonical record
    changed,    // a record's hash is not the one its successor holds
    missing,    // sequence numbers or segments are gone
    reordered,  // a record stands where another belongs
    truncated,  // the signed head knows records that are not there
    signature,  // a checkpoint or the head is not signed by the key
    proof,      // a passkey proof does not hold, or binds something else
    release,    // a statement was released without what must come before it
};
[[nodiscard]] std::string_view to_string(FindingKind kind);

struct Finding {
    FindingKind kind{};
    std::string file;           // name in the directory
    std::uint64_t sequence = 0; // 0: not about one record
    std::string message;
};

/// A proof that holds: who, how, and whether anybody can check it again without trusting stepgate.
struct CheckedProof {
    std::uint64_t sequence = 0;
    std::string challenge, user, factor;
    bool approval = false;          // by a second person
    bool carries_signature = false; // a passkey signed the statement; else it is stepgate's word that the factor held
};

struct VerifyOptions {
    std::filesystem::path directory;
    std::optional<std::filesystem::path>
        public_key;                    // kept elsewhere: then an attacker cannot replace it; else audit.pub
    std::optional<std::uint64_t> from; // older segments were archived: start at this sequence number
    std::size_t max_findings = 100;
    bool list_proofs = false; // fill VerifyReport::proof_list
};

struct VerifyReport {
    std::vector<Finding> findings;  // empty: the journal is intact
    std::vector<std::string> notes; // "3 records after the last signed checkpoint are not sealed yet"
    std::vector<CheckedProof> proof_list;
    std::uint64_t segments = 0, records = 0, checkpoints = 0, proofs = 0, releases = 0;
    std::uint64_t signed_proofs = 0;   // of the proofs, those that a passkey signed
    std::uint64_t first = 0, last = 0; // sequence numbers
    std::string key;                   // id of the key that was used
};

/// Checks a journal from its files alone; needs no running proxy and writes nothing.
[[nodiscard]] boost::system::result<VerifyReport, Problem> verify(const VerifyOptions& options);

} // namespace stepgate::proxy::audit
