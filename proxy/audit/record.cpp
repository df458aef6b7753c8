#include "proxy/audit/record.h"

#include "proxy/audit/errc.h"

#include <algorithm>
#include <array>

namespace stepgate::proxy::audit
{

namespace
{

// In the order of Type.
constexpr std::array<std::string_view, 37> names{"start",
                                                 "stop",
                                                 "policy_loaded",
                                                 "journal_recovered",
                                                 "session_start",
                                                 "session_end",
                                                 "login_failed",
                                                 "protocol_error",
                                                 "statement",
                                                 "outcome",
                                                 "challenge_opened",
                                                 "proof_accepted",
                                                 "proof_rejected",
                                                 "challenge_approved",
                                                 "challenge_denied",
                                                 "challenge_expired",
                                                 "challenge_cancelled",
                                                 "challenge_reason",
                                                 "challenge_escalated",
                                                 "release",
                                                 "session_end_asked",
                                                 "elevation_started",
                                                 "elevation_ended",
                                                 "database_password_issued",
                                                 "database_password_revoked",
                                                 "api_token_created",
                                                 "api_token_revoked",
                                                 "api_token_used",
                                                 "web_sign_in",
                                                 "web_sign_in_failed",
                                                 "web_sign_out",
                                                 "factor_enrolled",
                                                 "factor_removed",
                                                 "user_changed",
                                                 "notification_failed",
                                                 "audit_read",
                                                 "checkpoint"};
static_assert(names.size() == static_cast<std::size_t>(Type::checkpoint) + 1);

// boost's error_category has a protected destructor that is not virtual, on purpose.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"
struct Category final : boost::system::error_category {
    const char* name() const noexcept override { return "stepgate.audit"; }
    std::string message(int code) const override
    {
        switch (static_cast<errc>(code)) {
        case errc::locked:
            return "another process writes this journal";
        case errc::io:
            return "the audit journal cannot be written or read";
        case errc::moved:
            return "its file was moved, deleted or replaced: put the audit directory back, or restart stepgate to go "
                   "on with what is there now";
        case errc::damaged:
            return "the audit journal is damaged";
        case errc::bad_key:
            return "a key of the audit is missing or unusable";
        case errc::malformed:
            return "not a record of the audit journal";
        case errc::not_found:
            return "no such audit record";
        case errc::index_unavailable:
            return "the audit index is not available";
        }
        return "unknown audit error";
    }
};
#pragma GCC diagnostic pop

} // namespace

std::string_view to_string(Type type)
{
    return names.at(static_cast<std::size_t>(type));
}

std::optional<Type> type_from_string(std::string_view name)
{
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end())
        return std::nullopt;
    return static_cast<Type>(found - names.begin());
}

const boost::system::error_category& audit_category()
{
    static const Category category;
    return category;
}

} // namespace stepgate::proxy::audit
