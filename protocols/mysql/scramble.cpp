#include "protocols/mysql/scramble.h"

#include <sodium.h>

#include <algorithm>

namespace stepgate::protocols::mysql
{

namespace
{

result<Sha256> hash(Sha256 /*kind*/, std::initializer_list<wire::View> parts)
{
    return sha256(parts);
}

result<Sha1> hash(Sha1 /*kind*/, std::initializer_list<wire::View> parts)
{
    return sha1(parts);
}

template <class Digest>
result<Digest> digest_of(std::string_view password)
{
    auto once = hash(Digest{}, {wire::as_bytes(password)});
    if (!once)
        return once;
    const auto twice = hash(Digest{}, {*once});
    wipe(*once);
    return twice;
}

// H(password) xor H(H(H(password)), nonce); the older plugin hashes the nonce first.
result<Sha256> key_stream(const Sha256& digest, const Nonce& nonce)
{
    return sha256({digest, nonce});
}

result<Sha1> key_stream(const Sha1& digest, const Nonce& nonce)
{
    return sha1({nonce, digest});
}

template <class Digest>
result<Digest> answer_to(std::string_view password, const Nonce& nonce)
{
    auto once = hash(Digest{}, {wire::as_bytes(password)});
    if (!once)
        return once;
    const auto twice = hash(Digest{}, {*once});
    const auto stream = twice ? key_stream(*twice, nonce) : twice;
    if (!stream)
        return stream;
    const Digest answer = exclusive_or(*once, *stream);
    wipe(*once);
    return answer;
}

template <class Digest>
result<bool> matches(wire::View answer, const Digest& digest, const Nonce& nonce)
{
    Digest given;
    if (answer.size() != given.size())
        return false;
    std::ranges::copy(answer, given.begin());
    const auto stream = key_stream(digest, nonce);
    if (!stream)
        return errc::crypto_failure;
    auto once = exclusive_or(given, *stream);
    const auto twice = hash(Digest{}, {once});
    wipe(once);
    if (!twice)
        return errc::crypto_failure;
    return equal_secretly(*twice, digest);
}

unsigned char* raw(std::byte* bytes)
{
    return reinterpret_cast<unsigned char*>(bytes);
}

const unsigned char* raw(const std::byte* bytes)
{
    return reinterpret_cast<const unsigned char*>(bytes);
}

using Wide = std::array<std::byte, crypto_hash_sha512_BYTES>;
using Scalar = std::array<std::byte, crypto_core_ed25519_SCALARBYTES>;

/// SHA-512 of all parts as a number modulo the order of the curve.
Scalar scalar_of(std::initializer_list<wire::View> parts)
{
    crypto_hash_sha512_state state;
    crypto_hash_sha512_init(&state);
    for (const wire::View part : parts)
        crypto_hash_sha512_update(&state, raw(part.data()), part.size());
    Wide wide;
    crypto_hash_sha512_final(&state, raw(wide.data()));
    Scalar scalar;
    crypto_core_ed25519_scalar_reduce(raw(scalar.data()), raw(wide.data()));
    wipe(wide);
    return scalar;
}

} // namespace

result<Sha256> sha2_digest(std::string_view password)
{
    return digest_of<Sha256>(password);
}

result<Sha1> native_digest(std::string_view password)
{
    return digest_of<Sha1>(password);
}

result<Sha256> sha2_answer(std::string_view password, const Nonce& nonce)
{
    return answer_to<Sha256>(password, nonce);
}

result<Sha1> native_answer(std::string_view password, const Nonce& nonce)
{
    return answer_to<Sha1>(password, nonce);
}

result<bool> answers(wire::View answer, const Sha256& digest, const Nonce& nonce)
{
    return matches(answer, digest, nonce);
}

result<bool> answers(wire::View answer, const Sha1& digest, const Nonce& nonce)
{
    return matches(answer, digest, nonce);
}

/// RFC 8032, 5.1.6, but the secret is the password itself, of any length: libraries that sign take 32 bytes only.
result<Ed25519Signature> ed25519_answer(std::string_view password, wire::View challenge)
{
    if (sodium_init() < 0)
        return errc::crypto_failure;
    Wide secret;
    const wire::View text = wire::as_bytes(password);
    crypto_hash_sha512(raw(secret.data()), raw(text.data()), text.size());
    secret[0] &= std::byte{248};
    secret[31] &= std::byte{127};
    secret[31] |= std::byte{64};

    Scalar public_point, nonce_point, s;
    Scalar nonce = scalar_of({wire::View{secret}.subspan(32), challenge});
    bool good = crypto_scalarmult_ed25519_base_noclamp(raw(public_point.data()), raw(secret.data())) == 0;
    good = good && crypto_scalarmult_ed25519_base_noclamp(raw(nonce_point.data()), raw(nonce.data())) == 0;
    const Scalar bound = scalar_of({nonce_point, public_point, challenge});
    crypto_core_ed25519_scalar_mul(raw(s.data()), raw(bound.data()), raw(secret.data()));
    crypto_core_ed25519_scalar_add(raw(s.data()), raw(s.data()), raw(nonce.data()));
    wipe(secret);
    wipe(nonce);
    if (!good)
        return errc::crypto_failure;
    Ed25519Signature signature;
    std::ranges::copy(s, std::ranges::copy(nonce_point, signature.begin()).out);
    return signature;
}

} // namespace stepgate::protocols::mysql
