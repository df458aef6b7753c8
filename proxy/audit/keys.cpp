#include "proxy/audit/keys.h"

#include "proxy/audit/files.h"
#include "proxy/audit/hash.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include <algorithm>

namespace stepgate::proxy::audit
{

namespace
{

template <class T>
using result = boost::system::result<T, Problem>;

EVP_PKEY* as_pkey(const std::shared_ptr<void>& key)
{
    return static_cast<EVP_PKEY*>(key.get());
}

std::shared_ptr<void> own(EVP_PKEY* key)
{
    return {key, [](void* pointer) { EVP_PKEY_free(static_cast<EVP_PKEY*>(pointer)); }};
}

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;

std::string drain(const Bio& bio)
{
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return size > 0 ? std::string{data, static_cast<std::size_t>(size)} : std::string{};
}

std::string private_pem(EVP_PKEY* key)
{
    const Bio bio{BIO_new(BIO_s_mem()), BIO_free};
    PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
    return drain(bio);
}

std::string public_pem(EVP_PKEY* key)
{
    const Bio bio{BIO_new(BIO_s_mem()), BIO_free};
    PEM_write_bio_PUBKEY(bio.get(), key);
    return drain(bio);
}

Problem io_problem(const std::filesystem::path& path, const boost::system::error_code& error, const char* what)
{
    return {errc::bad_key, "cannot " + std::string{what} + " " + path.string() + ": " + error.message()};
}

result<void> write_key(const std::filesystem::path& path, std::string_view content)
{
    const auto files = posix_files();
    if (auto error = replace_file(*files, path, as_bytes(content)))
        return io_problem(path, error, "write");
    return {};
}

result<EVP_PKEY*> make_pair(const std::filesystem::path& directory)
{
    EVP_PKEY* key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
    if (!key)
        return Problem{errc::bad_key, "OpenSSL cannot make an Ed25519 key"};
    // The public half first: a crash between the two leaves no private key without its public one.
    auto written = write_key(directory / "audit.pub", public_pem(key));
    if (written)
        written = write_key(directory / "audit.key", private_pem(key));
    if (!written) {
        EVP_PKEY_free(key);
        return written.error();
    }
    return key;
}

} // namespace

result<RedactionKey> load_redaction_key(const std::filesystem::path& directory)
{
    const auto path = directory / "redaction.key";
    RedactionKey key{};
    if (!std::filesystem::exists(path)) {
        if (RAND_bytes(reinterpret_cast<unsigned char*>(key.data()), static_cast<int>(key.size())) != 1)
            return Problem{errc::bad_key, "OpenSSL has no random bytes"};
        auto written = write_key(path, {reinterpret_cast<const char*>(key.data()), key.size()});
        if (!written)
            return written.error();
        return key;
    }
    const auto content = read_file(path);
    if (!content)
        return io_problem(path, content.error(), "read");
    if (content->size() != key.size())
        return Problem{errc::bad_key,
                       path.string() + " is not a redaction key: it must have 32 bytes; restore it from a backup"};
    std::copy_n(as_bytes(*content).begin(), key.size(), key.begin());
    return key;
}

PublicKey::PublicKey(std::shared_ptr<void> key) : key_(std::move(key))
{
    std::array<unsigned char, 32> raw{};
    std::size_t size = raw.size();
    EVP_PKEY_get_raw_public_key(as_pkey(key_), raw.data(), &size);
    id_ = to_hex(Hasher{}(std::as_bytes(std::span{raw}))).substr(0, 16);
}

result<PublicKey> PublicKey::load(const std::filesystem::path& pem)
{
    const auto content = read_file(pem);
    if (!content)
        return io_problem(pem, content.error(), "read");
    return parse(*content, pem.string());
}

result<PublicKey> PublicKey::parse(std::string_view pem, const std::string& from)
{
    const Bio bio{BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free};
    EVP_PKEY* key = PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr);
    auto owned = own(key);
    if (!key || EVP_PKEY_get_id(key) != EVP_PKEY_ED25519)
        return Problem{errc::bad_key, from + " is not an Ed25519 public key in PEM"};
    return PublicKey{std::move(owned)};
}

bool PublicKey::verify(std::span<const std::byte> message, const Signature& signature) const
{
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(), EVP_MD_CTX_free};
    return EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, as_pkey(key_)) == 1 &&
           EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                            reinterpret_cast<const unsigned char*>(message.data()), message.size()) == 1;
}

SigningKey::SigningKey(std::shared_ptr<void> key) : key_(key), public_(PublicKey{std::move(key)})
{
}

result<SigningKey> SigningKey::load(const std::filesystem::path& directory, bool may_create)
{
    const auto path = directory / "audit.key";
    if (!std::filesystem::exists(path)) {
        if (!may_create)
            return Problem{errc::bad_key, path.string() +
                                              " is missing, but the journal beside it has records: restore the key, "
                                              "or move the directory away to begin a new journal"};
        auto made = make_pair(directory);
        if (!made)
            return made.error();
        return SigningKey{own(*made)};
    }
    const auto content = read_file(path);
    if (!content)
        return io_problem(path, content.error(), "read");
    const Bio bio{BIO_new_mem_buf(content->data(), static_cast<int>(content->size())), BIO_free};
    EVP_PKEY* key = PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr);
    auto owned = own(key);
    if (!key || EVP_PKEY_get_id(key) != EVP_PKEY_ED25519)
        return Problem{errc::bad_key,
                       path.string() + " is not an Ed25519 private key in PEM: restore it from a backup"};
    return SigningKey{std::move(owned)};
}

std::optional<Signature> SigningKey::sign(std::span<const std::byte> message) const
{
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(), EVP_MD_CTX_free};
    Signature signature{};
    std::size_t size = signature.size();
    const bool done = EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, as_pkey(key_)) == 1 &&
                      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                                     reinterpret_cast<const unsigned char*>(message.data()), message.size()) == 1;
    if (!done || size != signature.size())
        return std::nullopt;
    return signature;
}

} // namespace stepgate::proxy::audit
