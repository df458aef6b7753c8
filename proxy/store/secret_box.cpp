#include "proxy/store/secret_box.h"

#include <sodium.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace stepgate::proxy::store
{

namespace
{

bool make_key_file(const std::filesystem::path& file)
{
    std::array<unsigned char, 32> key{};
    randombytes_buf(key.data(), key.size());
    // Written aside and linked: a second process that starts now sees no key or the whole key, and the first one stays.
    const auto temporary = file.string() + "." + std::to_string(::getpid()) + ".tmp";
    const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return false;
    const bool written = ::write(fd, key.data(), key.size()) == static_cast<ssize_t>(key.size()) && ::fsync(fd) == 0;
    ::close(fd);
    const bool linked = written && (::link(temporary.c_str(), file.c_str()) == 0 || errno == EEXIST);
    const int why = errno;
    ::unlink(temporary.c_str());
    errno = why;
    sodium_memzero(key.data(), key.size());
    return linked;
}

const unsigned char* raw(const std::string& text)
{
    return reinterpret_cast<const unsigned char*>(text.data());
}

} // namespace

std::optional<SecretBox> SecretBox::open(const std::filesystem::path& key_file, bool may_create, std::string& error)
{
    if (sodium_init() < 0) {
        error = "libsodium cannot be initialised";
        return std::nullopt;
    }
    if (!std::filesystem::exists(key_file)) {
        if (!may_create) {
            error =
                key_file.string() + " is missing, but the store holds secrets sealed with it: restore it from a backup";
            return std::nullopt;
        }
        if (!make_key_file(key_file)) {
            error = "cannot make " + key_file.string() + ": " + std::strerror(errno);
            return std::nullopt;
        }
    }
    SecretBox box;
    unsigned char extra = 0;
    const int fd = ::open(key_file.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        error = "cannot open " + key_file.string() + ": " + std::strerror(errno);
        return std::nullopt;
    }
    const bool whole = ::read(fd, box.key_.data(), box.key_.size()) == static_cast<ssize_t>(box.key_.size()) &&
                       ::read(fd, &extra, 1) == 0;
    ::close(fd);
    if (!whole) {
        error = key_file.string() + " is not a key of 32 bytes: restore it from a backup";
        return std::nullopt;
    }
    return box;
}

std::string SecretBox::seal(const std::string& context, const std::string& secret) const
{
    const std::string plain = context + '\0' + secret;
    std::string sealed(crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + plain.size(), '\0');
    auto* out = reinterpret_cast<unsigned char*>(sealed.data());
    randombytes_buf(out, crypto_secretbox_NONCEBYTES);
    crypto_secretbox_easy(out + crypto_secretbox_NONCEBYTES, raw(plain), plain.size(), out, key_.data());
    return sealed;
}

std::optional<std::string> SecretBox::unseal(const std::string& context, const std::string& sealed) const
{
    constexpr std::size_t overhead = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES;
    if (sealed.size() < overhead)
        return std::nullopt;
    std::string plain(sealed.size() - overhead, '\0');
    const bool opened = crypto_secretbox_open_easy(
                            reinterpret_cast<unsigned char*>(plain.data()), raw(sealed) + crypto_secretbox_NONCEBYTES,
                            sealed.size() - crypto_secretbox_NONCEBYTES, raw(sealed), key_.data()) == 0;
    const std::string prefix = context + '\0';
    if (!opened || !plain.starts_with(prefix))
        return std::nullopt;
    return plain.substr(prefix.size());
}

} // namespace stepgate::proxy::store
