#pragma once

#include "protocols/postgres/errc.h"
#include "protocols/postgres/frame.h"

#include <array>
#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

namespace stepgate::protocols::postgres
{

struct AuthenticationOk {
};
struct AuthenticationCleartext {
};
struct AuthenticationMd5 {
    std::array<std::byte, 4> salt;
};
struct AuthenticationSasl {
    std::vector<std::string_view> mechanisms;
};
struct AuthenticationSaslContinue {
    wire::View data;
};
struct AuthenticationSaslFinal {
    wire::View data;
};
/// 'R'. Views point into the frame.
using Authentication = std::variant<AuthenticationOk, AuthenticationCleartext, AuthenticationMd5, AuthenticationSasl,
                                    AuthenticationSaslContinue, AuthenticationSaslFinal>;

/// errc::malformed_authentication also for methods that stepgate does not speak (Kerberos, GSSAPI, SSPI).
[[nodiscard]] result<Authentication> decode_authentication(const Frame& frame);

void encode_authentication_ok(wire::Bytes& out);
void encode_authentication_cleartext(wire::Bytes& out);
void encode_authentication_md5(wire::Bytes& out, std::span<const std::byte, 4> salt);
void encode_authentication_sasl(wire::Bytes& out, std::span<const std::string_view> mechanisms);
void encode_authentication_sasl_continue(wire::Bytes& out, wire::View data);
void encode_authentication_sasl_final(wire::Bytes& out, wire::View data);

/// 'p' after AuthenticationCleartext or AuthenticationMd5.
struct PasswordMessage {
    std::string_view password;
};
/// 'p' after AuthenticationSasl. No initial response is not the same as an empty one.
struct SaslInitialResponse {
    std::string_view mechanism;
    std::optional<wire::View> response;
};
/// 'p' after AuthenticationSaslContinue.
struct SaslResponse {
    wire::View response;
};
[[nodiscard]] result<PasswordMessage> decode_password(const Frame& frame);
[[nodiscard]] result<SaslInitialResponse> decode_sasl_initial_response(const Frame& frame);
[[nodiscard]] result<SaslResponse> decode_sasl_response(const Frame& frame);

void encode_password(wire::Bytes& out, std::string_view password);
void encode_sasl_initial_response(wire::Bytes& out, const SaslInitialResponse& message);
void encode_sasl_response(wire::Bytes& out, wire::View response);

} // namespace stepgate::protocols::postgres
