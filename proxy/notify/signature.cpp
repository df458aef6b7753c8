#include "proxy/notify/signature.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

namespace stepgate::proxy::notify
{

namespace
{

constexpr std::string_view prefix = "whsec_";
constexpr std::size_t shortest_key = 24, longest_key = 64;

std::string base64(const unsigned char* bytes, std::size_t size)
{
    std::string out((size + 2) / 3 * 4 + 1, '\0'); // the function ends it with a NUL
    const int written = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes, static_cast<int>(size));
    out.resize(static_cast<std::size_t>(written));
    return out;
}

/// Only what `base64` writes: with padding, without line breaks.
std::optional<std::string> from_base64(std::string_view text)
{
    if (text.empty() || text.size() % 4 != 0 || text.size() > 4 * longest_key)
        return std::nullopt;
    std::string out(text.size() / 4 * 3, '\0');
    const int written =
        EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                        reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
    if (written < 0)
        return std::nullopt;
    const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
    out.resize(static_cast<std::size_t>(written) - padding);
    if (base64(reinterpret_cast<const unsigned char*>(out.data()), out.size()) != text)
        return std::nullopt;
    return out;
}

std::optional<std::string> parse_key(std::string_view line)
{
    if (!line.starts_with(prefix))
        return std::nullopt;
    auto key = from_base64(line.substr(prefix.size()));
    if (!key || key->size() < shortest_key || key->size() > longest_key)
        return std::nullopt;
    return key;
}

} // namespace

std::optional<SigningKeys> parse_signing_keys(std::string_view text)
{
    SigningKeys keys;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        const auto line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        auto key = parse_key(line.ends_with('\r') ? line.substr(0, line.size() - 1) : line);
        if (!key)
            return std::nullopt;
        keys.push_back(std::move(*key));
    }
    if (keys.empty())
        return std::nullopt;
    return keys;
}

std::string sign(const SigningKeys& keys, std::string_view id, std::int64_t timestamp, std::string_view body)
{
    std::string text{id};
    text.append(".").append(std::to_string(timestamp)).append(".").append(body);
    std::string out;
    for (const auto& key : keys) {
        std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
        unsigned size = 0;
        if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                 reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &size) == nullptr)
            return {};
        out.append(out.empty() ? "v1," : " v1,").append(base64(digest.data(), size));
    }
    return out;
}

} // namespace stepgate::proxy::notify
