#include "protocols/mysql/errc.h"

#include <string>

namespace stepgate::protocols::mysql
{

namespace
{

std::string_view text(errc code)
{
    switch (code) {
    case errc::too_large:
        return "packet is too large";
    case errc::out_of_order:
        return "packets out of order";
    case errc::unexpected_message:
        return "unexpected message";
    case errc::unsupported_protocol:
        return "unsupported protocol: only version 10 with 4.1 authentication is supported";
    case errc::malformed_greeting:
        return "malformed greeting";
    case errc::malformed_response:
        return "malformed handshake response";
    case errc::malformed_switch:
        return "malformed or outdated request to change the authentication plugin";
    case errc::malformed_auth:
        return "malformed authentication data";
    case errc::malformed_ok:
        return "malformed OK packet";
    case errc::malformed_err:
        return "malformed ERR packet";
    case errc::malformed_eof:
        return "malformed EOF packet";
    case errc::malformed_track:
        return "malformed session state change";
    case errc::malformed_command:
        return "malformed command";
    case errc::malformed_parameters:
        return "malformed parameters";
    case errc::malformed_column:
        return "malformed column definition";
    case errc::malformed_prepared:
        return "malformed answer to a preparation";
    case errc::malformed_compressed:
        return "malformed compressed packet";
    case errc::unknown_command:
        return "Unknown command";
    case errc::unknown_statement:
        return "Unknown prepared statement handler";
    case errc::too_many_columns:
        return "Can't remember the columns of more prepared statements: close some and prepare this one again";
    case errc::unexpected_reply:
        return "the server sent a reply that nobody asked for";
    case errc::unsupported_plugin:
        return "unsupported authentication plugin";
    case errc::insecure:
        return "the password would have to be sent without protection";
    case errc::wrong_password:
        return "Access denied";
    case errc::invalid_key:
        return "invalid RSA key";
    case errc::crypto_failure:
        return "a cryptographic operation failed";
    }
    return "unknown MySQL protocol error";
}

constexpr ErrorNumber handshake{1043, "08S01"}, malformed{1835, "HY000"}, internal{1815, "HY000"};

// In C++20 Boost's category has a public destructor that is not virtual: ours is static and never deleted through it.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"
class Category final : public boost::system::error_category
{
  public:
    const char* name() const noexcept override { return "stepgate.mysql"; }
    std::string message(int code) const override { return std::string{text(static_cast<errc>(code))}; }
};
#pragma GCC diagnostic pop

} // namespace

ErrorNumber error_number(errc code)
{
    switch (code) {
    case errc::too_large:
        return {1153, "08S01"};
    case errc::out_of_order:
        return {1156, "08S01"};
    case errc::malformed_compressed:
        return {1157, "08S01"};
    case errc::unsupported_protocol:
    case errc::malformed_greeting:
    case errc::malformed_response:
    case errc::malformed_switch:
    case errc::malformed_auth:
        return handshake;
    case errc::unsupported_plugin:
    case errc::insecure:
        return {1251, "08004"};
    case errc::wrong_password:
        return {1045, "28000"};
    case errc::invalid_key:
    case errc::crypto_failure:
        return internal;
    case errc::unknown_command:
        return {1047, "08S01"};
    case errc::unknown_statement:
        return {1243, "HY000"};
    case errc::too_many_columns: // ER_MAX_PREPARED_STMT_COUNT_REACHED
        return {1461, "42000"};
    case errc::unexpected_message:
    case errc::malformed_command:
    case errc::malformed_parameters:
    case errc::malformed_column:
    case errc::malformed_prepared:
    case errc::unexpected_reply:
    case errc::malformed_ok:
    case errc::malformed_err:
    case errc::malformed_eof:
    case errc::malformed_track:
        return malformed;
    }
    return malformed;
}

const boost::system::error_category& mysql_category()
{
    static const Category category;
    return category;
}

} // namespace stepgate::protocols::mysql
