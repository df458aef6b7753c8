#pragma once

#include <boost/system/error_category.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

#include <cstdint>
#include <string_view>
#include <type_traits>

namespace stepgate::protocols::mysql
{

template <class T>
using result = boost::system::result<T>;

/// Why bytes of a peer were refused. Each has an error number and an SQLSTATE for the client: error_number().
enum class errc {
    too_large = 1,        // a packet or message over its limit (1153/08S01)
    out_of_order,         // sequence ids of a split message that do not follow each other (1156/08S01)
    unexpected_message,   // a known message where another was due (1835/HY000)
    unsupported_protocol, // a greeting that is not version 10, or a client without PROTOCOL_41 (1043/08S01)
    malformed_greeting,   // Protocol::HandshakeV10 (1043/08S01)
    malformed_response,   // Protocol::HandshakeResponse41, SSLRequest (1043/08S01)
    malformed_switch,     // AuthSwitchRequest, or the one of servers before 4.1 (1043/08S01)
    malformed_auth,       // AuthMoreData, or an answer of the wrong size (1043/08S01)
    malformed_ok,         // OK_Packet (1835/HY000)
    malformed_err,        // ERR_Packet, progress report (1835/HY000)
    malformed_eof,        // EOF_Packet (1835/HY000)
    malformed_track,      // session state changes in an OK_Packet (1835/HY000)
    malformed_command,    // a command with too few or too many bytes (1835/HY000)
    malformed_parameters, // parameters of an execution or attributes of a query (1835/HY000)
    malformed_column,     // ColumnDefinition41, column count (1835/HY000)
    malformed_prepared,   // COM_STMT_PREPARE_OK (1835/HY000)
    malformed_compressed, // a compressed packet that is not what its header says (1157/08S01)
    unknown_command,      // a command outside the allow-list (1047/08S01)
    unknown_statement,    // an id that no prepared statement has (1243/HY000)
    too_many_columns,     // of prepared statements, for what is remembered of them (1461/42000)
    unexpected_reply,     // the server answered what nobody asked (1835/HY000)
    unsupported_plugin,   // an authentication plugin that is not spoken, or not allowed (1251/08004)
    insecure,             // a password that would go over the wire in the clear, or to an unknown key (1251/08004)
    wrong_password,       // no such user, or not this password: never told apart (1045/28000)
    invalid_key,          // an RSA key that cannot be read, or is too small (1815/HY000)
    crypto_failure,       // the cryptography library failed (1815/HY000)
};

/// For an ERR_Packet.
struct ErrorNumber {
    std::uint16_t code;
    std::string_view sqlstate; // five characters, static text
};
[[nodiscard]] ErrorNumber error_number(errc code);

[[nodiscard]] const boost::system::error_category& mysql_category();

[[nodiscard]] inline boost::system::error_code make_error_code(errc code)
{
    return {static_cast<int>(code), mysql_category()};
}

} // namespace stepgate::protocols::mysql

template <>
struct boost::system::is_error_code_enum<stepgate::protocols::mysql::errc> : std::true_type {
};
