#include "proxy/session/redaction.h"

#include "policies/mysql/redact.h"
#include "policies/postgres/redact.h"

namespace stepgate::proxy::session
{

std::string redacted_text(std::string_view dialect, std::string_view sql, std::span<const std::byte> key)
{
    if (dialect == "postgres")
        return policies::postgres::redact(sql, key);
    return policies::mysql::redact(sql, [key](std::string_view value) {
        return policies::postgres::redaction_marker(std::as_bytes(std::span{value}), key);
    });
}

} // namespace stepgate::proxy::session
