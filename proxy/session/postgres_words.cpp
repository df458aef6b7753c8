#include "proxy/session/postgres_words.h"

#include "protocols/postgres/report.h"

namespace stepgate::proxy::session
{

void encode_error(wire::Bytes& out, const Words& words)
{
    protocols::postgres::encode_error(
        out, {"ERROR", words.sqlstate, words.message, words.data.empty() ? words.detail : words.data, words.hint});
}

void encode_notice(wire::Bytes& out, const Words& words)
{
    protocols::postgres::encode_notice(out, {"NOTICE", words.sqlstate, words.message, words.detail, words.hint});
}

} // namespace stepgate::proxy::session
