#pragma once

#include "challenge-web/challenges/challenge.h"
#include "policies/rules/verdict.h"
#include "proxy/audit/record_codec.h"
#include "proxy/audit/verify.h"
#include "proxy/audit/verify_binding.h"
#include "proxy/audit/verify_factors.h"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace stepgate::proxy::audit
{

/// Follows challenges through a journal: what a challenge shows must be what its digest stands for, every proof must
/// hold and bind that digest, every release must come after proofs that meet the requirement, and only once, unless an
/// elevation was part of what was signed: then as far as that reaches.
class ReleaseCheck
{
  public:
    using Report = std::function<void(FindingKind, std::uint64_t sequence, std::string message)>;
    /// Told of each proof that holds.
    using OnProof = std::function<void(const CheckedProof&)>;
    /// `complete`: the journal is read from its beginning; else challenges may have been opened before.
    ReleaseCheck(bool complete, Report report, OnProof on_proof)
        : complete_(complete), report_(std::move(report)), on_proof_(std::move(on_proof)), factors_(complete)
    {
    }

    void apply(const RecordView& record);
    [[nodiscard]] std::uint64_t proofs() const { return proofs_; }
    [[nodiscard]] std::uint64_t releases() const { return releases_; }

  private:
    struct Challenge {
        std::string digest; // hex
        std::string requester;
        policies::rules::Requirement requirement;
        std::vector<challenge_web::challenges::Proof> proofs; // that hold
        bool known = true;                                    // its challenge_opened was read
        bool consumed = false, closed = false, elevation_ended = false;
        Reach reach; // of its proof
        std::string session, client_address;
        std::int64_t expires_ns = 0, released_ns = 0, executions = 0;
    };
    void opened(const RecordView& record);
    void proof(const RecordView& record);
    [[nodiscard]] std::string wrong_proof(const RecordView& record, bool signed_by_passkey) const;
    void release(const RecordView& record);
    void close(const RecordView& record);
    void elevated(Challenge& challenge, const std::string& id, const RecordView& record);
    void elevation_ended(const RecordView& record);
    void check_requirement(const Challenge& challenge, const std::string& id, std::uint64_t sequence);

    bool complete_;
    Report report_;
    OnProof on_proof_;
    EnrolledFactors factors_;
    std::map<std::string, Challenge, std::less<>> challenges_;
    std::uint64_t proofs_ = 0, releases_ = 0;
};

} // namespace stepgate::proxy::audit
