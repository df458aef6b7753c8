#include "protocols/postgres/errc.h"

#include <string>

namespace stepgate::protocols::postgres
{

namespace
{

std::string_view text(errc code)
{
    switch (code) {
    case errc::invalid_length:
        return "invalid message length";
    case errc::too_large:
        return "message is too large";
    case errc::unknown_message:
        return "unknown message type";
    case errc::unexpected_message:
        return "unexpected message";
    case errc::unsupported_protocol:
        return "unsupported frontend protocol: only 3.x is supported";
    case errc::malformed_startup:
        return "malformed startup packet";
    case errc::malformed_cancel:
        return "malformed cancel request";
    case errc::malformed_negotiation:
        return "malformed protocol negotiation";
    case errc::malformed_authentication:
        return "malformed or unsupported authentication request";
    case errc::malformed_password:
        return "malformed password message";
    case errc::malformed_key:
        return "malformed cancellation key";
    case errc::malformed_parameter:
        return "malformed parameter status";
    case errc::malformed_ready:
        return "malformed ready-for-query message";
    case errc::malformed_query:
        return "malformed query message";
    case errc::malformed_parse:
        return "malformed parse message";
    case errc::malformed_bind:
        return "malformed bind message";
    case errc::malformed_describe:
        return "malformed describe message";
    case errc::malformed_execute:
        return "malformed execute message";
    case errc::malformed_close:
        return "malformed close message";
    case errc::malformed_function_call:
        return "malformed function call message";
    case errc::malformed_copy:
        return "malformed copy message";
    case errc::malformed_complete:
        return "malformed command completion";
    case errc::malformed_report:
        return "malformed error or notice";
    case errc::malformed_notification:
        return "malformed notification";
    case errc::malformed_row:
        return "malformed row or parameter description";
    case errc::malformed_empty:
        return "message has a body where none is allowed";
    case errc::malformed_scram:
        return "malformed SCRAM message";
    case errc::unsupported_scram:
        return "SCRAM authorization identities and mandatory extensions are not supported";
    case errc::unsupported_mechanism:
        return "unsupported SASL authentication mechanism";
    case errc::downgraded:
        return "channel binding was offered, but the peer says that it was not";
    case errc::wrong_channel_binding:
        return "SCRAM channel binding check failed";
    case errc::wrong_password:
        return "password authentication failed";
    case errc::wrong_server:
        return "the server did not prove that it knows the password";
    case errc::weak_server:
        return "the server asks for an unreasonable number of SCRAM iterations";
    case errc::invalid_verifier:
        return "invalid SCRAM verifier";
    case errc::unexpected_reply:
        return "the server sent a reply that nobody asked for";
    case errc::unreadable_name:
        return "the name of a statement or portal is not ASCII, and the database or the client is not in UTF8";
    case errc::crypto_failure:
        return "a cryptographic operation failed";
    }
    return "unknown PostgreSQL protocol error";
}

// In C++20 Boost's category has a public destructor that is not virtual: ours is static and never deleted through it.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"
class Category final : public boost::system::error_category
{
  public:
    const char* name() const noexcept override { return "stepgate.postgres"; }
    std::string message(int code) const override { return std::string{text(static_cast<errc>(code))}; }
};
#pragma GCC diagnostic pop

} // namespace

std::string_view sqlstate(errc code)
{
    switch (code) {
    case errc::too_large:
        return "54000";
    case errc::unsupported_protocol:
    case errc::unsupported_scram:
    case errc::unreadable_name:
        return "0A000";
    case errc::downgraded:
    case errc::wrong_channel_binding:
        return "28000";
    case errc::wrong_password:
        return "28P01";
    case errc::invalid_verifier:
    case errc::crypto_failure:
        return "XX000";
    case errc::invalid_length:
    case errc::unknown_message:
    case errc::unexpected_message:
    case errc::malformed_startup:
    case errc::malformed_cancel:
    case errc::malformed_negotiation:
    case errc::malformed_authentication:
    case errc::malformed_password:
    case errc::malformed_key:
    case errc::malformed_parameter:
    case errc::malformed_ready:
    case errc::malformed_query:
    case errc::malformed_parse:
    case errc::malformed_bind:
    case errc::malformed_describe:
    case errc::malformed_execute:
    case errc::malformed_close:
    case errc::malformed_function_call:
    case errc::malformed_copy:
    case errc::malformed_complete:
    case errc::malformed_report:
    case errc::malformed_notification:
    case errc::malformed_row:
    case errc::malformed_empty:
    case errc::malformed_scram:
    case errc::unsupported_mechanism:
    case errc::wrong_server:
    case errc::weak_server:
    case errc::unexpected_reply:
        return "08P01";
    }
    return "08P01";
}

const boost::system::error_category& postgres_category()
{
    static const Category category;
    return category;
}

} // namespace stepgate::protocols::postgres
