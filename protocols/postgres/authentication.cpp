#include "protocols/postgres/authentication.h"

#include "protocols/postgres/message_writer.h"
#include "protocols/wire/cursor.h"

#include <algorithm>

namespace stepgate::protocols::postgres
{

namespace
{

// AuthenticationXXX codes (PostgreSQL documentation, 55.7).
constexpr std::int32_t code_ok = 0, code_cleartext = 3, code_md5 = 5, code_sasl = 10, code_sasl_continue = 11,
                       code_sasl_final = 12;

result<Authentication> decode_sasl(wire::Cursor in)
{
    AuthenticationSasl sasl;
    for (auto name = in.c_string(); !name.empty(); name = in.c_string())
        sasl.mechanisms.push_back(name);
    if (sasl.mechanisms.empty())
        in.fail();
    return in.finish(Authentication{std::move(sasl)}, errc::malformed_authentication);
}

result<Authentication> decode_md5(wire::Cursor in)
{
    AuthenticationMd5 md5{};
    std::ranges::copy(in.bytes(md5.salt.size()), md5.salt.begin());
    return in.finish(Authentication{md5}, errc::malformed_authentication);
}

void encode_code(wire::Bytes& out, std::int32_t code, wire::View data)
{
    MessageWriter message{out, Backend::authentication};
    message.int32(code);
    message.bytes(data);
}

} // namespace

result<Authentication> decode_authentication(const Frame& frame)
{
    if (!frame.is(Backend::authentication))
        return errc::unexpected_message;
    wire::Cursor in{frame.body()};
    const std::int32_t code = in.int32();
    if (!in.good())
        return errc::malformed_authentication;
    switch (code) {
    case code_ok:
        return in.finish(Authentication{AuthenticationOk{}}, errc::malformed_authentication);
    case code_cleartext:
        return in.finish(Authentication{AuthenticationCleartext{}}, errc::malformed_authentication);
    case code_md5:
        return decode_md5(in);
    case code_sasl:
        return decode_sasl(in);
    case code_sasl_continue:
        return Authentication{AuthenticationSaslContinue{in.rest()}};
    case code_sasl_final:
        return Authentication{AuthenticationSaslFinal{in.rest()}};
    }
    return errc::malformed_authentication;
}

void encode_authentication_ok(wire::Bytes& out)
{
    encode_code(out, code_ok, {});
}

void encode_authentication_cleartext(wire::Bytes& out)
{
    encode_code(out, code_cleartext, {});
}

void encode_authentication_md5(wire::Bytes& out, std::span<const std::byte, 4> salt)
{
    encode_code(out, code_md5, salt);
}

void encode_authentication_sasl(wire::Bytes& out, std::span<const std::string_view> mechanisms)
{
    MessageWriter message{out, Backend::authentication};
    message.int32(code_sasl);
    for (const auto mechanism : mechanisms)
        message.c_string(mechanism);
    message.uint8(0);
}

void encode_authentication_sasl_continue(wire::Bytes& out, wire::View data)
{
    encode_code(out, code_sasl_continue, data);
}

void encode_authentication_sasl_final(wire::Bytes& out, wire::View data)
{
    encode_code(out, code_sasl_final, data);
}

result<PasswordMessage> decode_password(const Frame& frame)
{
    if (!frame.is(Frontend::password))
        return errc::unexpected_message;
    wire::Cursor in{frame.body()};
    const PasswordMessage message{in.c_string()};
    return in.finish(message, errc::malformed_password);
}

result<SaslInitialResponse> decode_sasl_initial_response(const Frame& frame)
{
    if (!frame.is(Frontend::password))
        return errc::unexpected_message;
    wire::Cursor in{frame.body()};
    SaslInitialResponse message;
    message.mechanism = in.c_string();
    const std::int32_t length = in.int32();
    if (length != -1)
        message.response = in.bytes(in.count(length, 1));
    return in.finish(message, errc::malformed_password);
}

result<SaslResponse> decode_sasl_response(const Frame& frame)
{
    if (!frame.is(Frontend::password))
        return errc::unexpected_message;
    return SaslResponse{frame.body()};
}

void encode_password(wire::Bytes& out, std::string_view password)
{
    MessageWriter{out, Frontend::password}.c_string(password);
}

void encode_sasl_initial_response(wire::Bytes& out, const SaslInitialResponse& message)
{
    MessageWriter writer{out, Frontend::password};
    writer.c_string(message.mechanism);
    writer.int32(message.response ? static_cast<std::int32_t>(message.response->size()) : -1);
    if (message.response)
        writer.bytes(*message.response);
}

void encode_sasl_response(wire::Bytes& out, wire::View response)
{
    MessageWriter{out, Frontend::password}.bytes(response);
}

} // namespace stepgate::protocols::postgres
