#pragma once

#include "proxy/audit/record_codec.h"
#include "proxy/audit/verify.h"
#include "proxy/audit/verify_factors.h"

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>

namespace stepgate::proxy::audit
{

/// Follows challenges through a journal: every proof must hold and bind the challenge's digest, every release must come
/// after what allows it, and only once.
class ReleaseCheck
{
  public:
    using Report = std::function<void(FindingKind, std::uint64_t sequence, std::string message)>;
    /// `complete`: the journal is read from its beginning; else challenges may have been opened before.
    ReleaseCheck(bool complete, Report report) : complete_(complete), report_(std::move(report)), factors_(complete) {}

    void apply(const RecordView& record);
    [[nodiscard]] std::uint64_t proofs() const { return proofs_; }
    [[nodiscard]] std::uint64_t releases() const { return releases_; }

  private:
    struct Challenge {
        std::string digest; // hex
        std::string requester;
        std::int64_t approvals = 0; // second persons needed
        std::set<std::string> approved_by;
        bool proven = false, consumed = false, closed = false;
    };
    void opened(const RecordView& record);
    void proof(const RecordView& record);
    void release(const RecordView& record);
    void close(const RecordView& record);
    bool digest_holds(const RecordView& record);

    bool complete_;
    Report report_;
    EnrolledFactors factors_;
    std::map<std::string, Challenge, std::less<>> challenges_;
    std::uint64_t proofs_ = 0, releases_ = 0;
};

} // namespace stepgate::proxy::audit
