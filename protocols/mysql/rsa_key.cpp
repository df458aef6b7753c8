#include "protocols/mysql/rsa_key.h"

#include "protocols/mysql/crypto.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

namespace stepgate::protocols::mysql
{

namespace
{

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Context = std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)>;

Bio reader(std::string_view pem)
{
    return {BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free};
}

const unsigned char* raw(wire::View bytes)
{
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

unsigned char* raw(wire::Bytes& bytes)
{
    return reinterpret_cast<unsigned char*>(bytes.data());
}

/// The same again gives what it was.
void mask(std::span<std::byte> bytes, const Nonce& nonce)
{
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] ^= nonce[i % nonce.size()];
}

bool use_oaep(EVP_PKEY_CTX* context)
{
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1;
}

} // namespace

result<RsaKey> RsaKey::of(Key key)
{
    const Bio out{BIO_new(BIO_s_mem()), &BIO_free};
    if (!key || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA || EVP_PKEY_get_bits(key.get()) < smallest_bits ||
        PEM_write_bio_PUBKEY(out.get(), key.get()) != 1) {
        ERR_clear_error();
        return errc::invalid_key;
    }
    char* text = nullptr;
    const long size = BIO_get_mem_data(out.get(), &text);
    return RsaKey{std::move(key), std::string{text, static_cast<std::size_t>(size)}};
}

result<RsaKey> RsaKey::from_private_pem(std::string_view pem)
{
    const Bio in = reader(pem);
    const auto no_passphrase = [](char*, int, int, void*) { return -1; };
    return of(Key{PEM_read_bio_PrivateKey(in.get(), nullptr, no_passphrase, nullptr), &EVP_PKEY_free});
}

result<RsaKey> RsaKey::from_public_pem(std::string_view pem)
{
    const Bio in = reader(pem);
    return of(Key{PEM_read_bio_PUBKEY(in.get(), nullptr, nullptr, nullptr), &EVP_PKEY_free});
}

result<RsaKey> RsaKey::generate(int bits)
{
    Key key{EVP_RSA_gen(static_cast<unsigned>(bits)), &EVP_PKEY_free};
    if (!key)
        return errc::crypto_failure;
    return of(std::move(key));
}

result<std::string> RsaKey::decrypt(wire::View encrypted, const Nonce& nonce) const
{
    const Context context{EVP_PKEY_CTX_new(key_.get(), nullptr), &EVP_PKEY_CTX_free};
    if (!context || EVP_PKEY_decrypt_init(context.get()) != 1 || !use_oaep(context.get()))
        return errc::crypto_failure;
    std::size_t size = static_cast<std::size_t>(EVP_PKEY_get_size(key_.get()));
    wire::Bytes plain(size);
    if (EVP_PKEY_decrypt(context.get(), raw(plain), &size, raw(encrypted), encrypted.size()) != 1) {
        ERR_clear_error();
        return errc::wrong_password;
    }
    const std::span<std::byte> text{plain.data(), size};
    mask(text, nonce);
    const bool ended = !text.empty() && text.back() == std::byte{0};
    std::string password{ended ? wire::as_text(text.first(size - 1)) : std::string_view{}};
    wipe(plain);
    if (!ended)
        return errc::malformed_auth;
    return password;
}

result<wire::Bytes> RsaKey::encrypt(std::string_view password, const Nonce& nonce) const
{
    const Context context{EVP_PKEY_CTX_new(key_.get(), nullptr), &EVP_PKEY_CTX_free};
    if (!context || EVP_PKEY_encrypt_init(context.get()) != 1 || !use_oaep(context.get()))
        return errc::crypto_failure;
    wire::Bytes plain{wire::as_bytes(password).begin(), wire::as_bytes(password).end()};
    plain.push_back(std::byte{0});
    mask(plain, nonce);
    std::size_t size = static_cast<std::size_t>(EVP_PKEY_get_size(key_.get()));
    wire::Bytes encrypted(size);
    const bool done = EVP_PKEY_encrypt(context.get(), raw(encrypted), &size, raw(plain), plain.size()) == 1;
    wipe(plain);
    if (!done) {
        ERR_clear_error();
        return errc::crypto_failure;
    }
    encrypted.resize(size);
    return encrypted;
}

} // namespace stepgate::protocols::mysql
