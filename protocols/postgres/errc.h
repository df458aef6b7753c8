#pragma once

#include <boost/system/error_category.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

#include <string_view>
#include <type_traits>

namespace stepgate::protocols::postgres
{

template <class T>
using result = boost::system::result<T>;

/// Why bytes of a peer were refused. Each has an SQLSTATE for the client: sqlstate().
enum class errc {
    invalid_length = 1,       // a length word too small for its packet, or negative (08P01)
    too_large,                // a packet or message over its limit (54000)
    unknown_message,          // a type byte that the protocol does not have in this direction (08P01)
    unexpected_message,       // a known message where another was due (08P01)
    unsupported_protocol,     // a start-up packet with another major version than 3 (0A000)
    malformed_startup,        // start-up packet: no terminator, no user, a name twice, bytes left (08P01)
    malformed_cancel,         // CancelRequest: key shorter than 4 or longer than 256 bytes (08P01)
    malformed_negotiation,    // NegotiateProtocolVersion (08P01)
    malformed_authentication, // Authentication*, or one that stepgate does not speak (08P01)
    malformed_password,       // PasswordMessage, SASLInitialResponse, SASLResponse (08P01)
    malformed_key,            // BackendKeyData: key shorter than 4 or longer than 256 bytes (08P01)
    malformed_parameter,      // ParameterStatus (08P01)
    malformed_ready,          // ReadyForQuery with another status than I, T, E (08P01)
    malformed_query,          // Query without, or with more than, its one NUL (08P01)
    malformed_parse,          // Parse (08P01)
    malformed_bind,           // Bind (08P01)
    malformed_describe,       // Describe (08P01)
    malformed_execute,        // Execute (08P01)
    malformed_close,          // Close (08P01)
    malformed_function_call,  // FunctionCall (08P01)
    malformed_copy,           // CopyInResponse, CopyOutResponse, CopyBothResponse, CopyFail (08P01)
    malformed_complete,       // CommandComplete (08P01)
    malformed_report,         // ErrorResponse, NoticeResponse (08P01)
    malformed_notification,   // NotificationResponse (08P01)
    malformed_row,            // RowDescription, ParameterDescription (08P01)
    malformed_empty,          // a message with a body that must have none (08P01)
    malformed_scram,          // a SCRAM message that does not follow RFC 5802 (08P01)
    unsupported_scram,        // an authorization identity or a mandatory extension in SCRAM (0A000)
    unsupported_mechanism,    // a SASL mechanism that was not offered, or none offered that we speak (08P01)
    downgraded,               // the peer says that no channel binding was offered, but it was (28000)
    wrong_channel_binding,    // SCRAM is bound to another TLS channel: someone is in between (28000)
    wrong_password,           // the proof does not match, or there is no such user: never told apart (28P01)
    wrong_server,             // the server could not prove that it knows the password (08P01)
    weak_server,              // the server asks for fewer or many more hash rounds than is sane (08P01)
    invalid_verifier,         // a stored verifier that is not SCRAM-SHA-256 (XX000)
    unexpected_reply,         // the server answered what nobody asked (08P01)
    unreadable_name,          // a statement or portal whose name the server may read as another one (0A000)
    crypto_failure,           // the cryptography library failed (XX000)
};

/// The five characters for an ErrorResponse. Static text.
[[nodiscard]] std::string_view sqlstate(errc code);

[[nodiscard]] const boost::system::error_category& postgres_category();

[[nodiscard]] inline boost::system::error_code make_error_code(errc code)
{
    return {static_cast<int>(code), postgres_category()};
}

} // namespace stepgate::protocols::postgres

template <>
struct boost::system::is_error_code_enum<stepgate::protocols::postgres::errc> : std::true_type {
};
