#include "protocols/postgres/scram_verifier.h"

#include "protocols/postgres/crypto.h"
#include "protocols/postgres/scram_keys.h"
#include "protocols/postgres/scram_message.h"

#include <stringprep.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

namespace stepgate::protocols::postgres
{

namespace
{

constexpr std::string_view prefix = "SCRAM-SHA-256$";
constexpr std::size_t salt_size = 16;

/// The text up to the separator, which is dropped from `text`; all of it if there is none.
std::string_view cut(std::string_view& text, char separator)
{
    const auto at = text.find(separator);
    const auto head = text.substr(0, at);
    text = at == std::string_view::npos ? std::string_view{} : text.substr(at + 1);
    return head;
}

bool decode_key(std::string_view text, Sha256& key)
{
    wire::Bytes bytes;
    if (!decode_base64(text, bytes) || bytes.size() != key.size())
        return false;
    std::ranges::copy(bytes, key.begin());
    return true;
}

bool is_ascii(std::string_view text)
{
    return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

} // namespace

result<ScramVerifier> parse_verifier(std::string_view text)
{
    if (!text.starts_with(prefix))
        return errc::invalid_verifier;
    text.remove_prefix(prefix.size());
    const auto iterations = iterations_of(cut(text, ':'));
    const auto salt = cut(text, '$');
    const auto stored_key = cut(text, ':');
    ScramVerifier verifier;
    if (!iterations || !decode_base64(salt, verifier.salt) || verifier.salt.empty() ||
        !decode_key(stored_key, verifier.stored_key) || !decode_key(text, verifier.server_key))
        return errc::invalid_verifier;
    verifier.iterations = *iterations;
    return verifier;
}

std::string format_verifier(const ScramVerifier& verifier)
{
    return std::string{prefix} + std::to_string(verifier.iterations) + ':' + encode_base64(verifier.salt) + '$' +
           encode_base64(verifier.stored_key) + ':' + encode_base64(verifier.server_key);
}

result<ScramVerifier> make_verifier(std::string_view password, wire::View salt, int iterations)
{
    if (salt.empty() || iterations < 1)
        return errc::invalid_verifier;
    const auto keys = derive_scram_keys(password, salt, iterations);
    if (!keys)
        return keys.error();
    const auto stored_key = sha256(keys->client);
    if (!stored_key)
        return stored_key.error();
    return ScramVerifier{iterations, {salt.begin(), salt.end()}, *stored_key, keys->server};
}

result<bool> is_password(const ScramVerifier& verifier, std::string_view password)
{
    const auto keys = derive_scram_keys(password, verifier.salt, verifier.iterations);
    if (!keys)
        return errc::crypto_failure;
    const auto stored_key = sha256(keys->client);
    if (!stored_key)
        return errc::crypto_failure;
    return equal_secretly(*stored_key, verifier.stored_key);
}

result<ScramVerifier> mock_verifier(std::string_view user, wire::View secret, int iterations)
{
    const auto derive = [&](std::string_view what) { return hmac_sha256(secret, std::string{what}.append(user)); };
    const auto salt = derive("salt:");
    const auto stored_key = derive("stored:");
    const auto server_key = derive("server:");
    if (!salt || !stored_key || !server_key)
        return errc::crypto_failure;
    return ScramVerifier{iterations, {salt->begin(), salt->begin() + salt_size}, *stored_key, *server_key};
}

std::string prepare_password(std::string_view password)
{
    // ASCII stays as it is, control characters included: PostgreSQL does not prepare it either.
    std::string raw{password};
    if (is_ascii(password) || password.find('\0') != std::string_view::npos)
        return raw;
    char* output = nullptr;
    const int failed = stringprep_profile(raw.c_str(), &output, "SASLprep", STRINGPREP_NO_UNASSIGNED);
    const std::unique_ptr<char, decltype(&std::free)> owner{output, &std::free};
    if (failed != STRINGPREP_OK || output == nullptr || *output == '\0')
        return raw;
    std::string prepared{output};
    wipe(raw);
    return prepared;
}

} // namespace stepgate::protocols::postgres
