#pragma once

#include "proxy/audit/record_codec.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace stepgate::proxy::audit
{

/// Which factors each user had at each point of a journal, so that a proof of anything else is found: a signature by a
/// key that nobody enrolled is valid too.
class EnrolledFactors
{
  public:
    /// `complete`: the journal is read from its beginning; else factors may have been enrolled before.
    explicit EnrolledFactors(bool complete) : complete_(complete) {}

    /// Takes `factor_enrolled` and `factor_removed`; others mean nothing to it.
    void apply(const RecordView& record);
    /// nullopt: the factor of this `proof_accepted` is its user's; else what is wrong.
    [[nodiscard]] std::optional<std::string> check(const RecordView& proof) const;

  private:
    struct Factor {
        std::string kind, user;
        std::string public_key; // of a passkey, base64url; empty: its record is older than this field
        bool removed = false;
    };

    bool complete_;
    std::map<std::string, Factor, std::less<>> by_credential_;
};

} // namespace stepgate::proxy::audit
