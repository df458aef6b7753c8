#include "protocols/postgres/scram_keys.h"

#include "protocols/postgres/crypto.h"

#include <algorithm>

namespace stepgate::protocols::postgres
{

ScramKeys::~ScramKeys()
{
    wipe(client);
    wipe(server);
}

result<ScramKeys> derive_scram_keys(std::string_view password, wire::View salt, int iterations)
{
    auto prepared = prepare_password(password);
    auto salted = pbkdf2_sha256(prepared, salt, iterations);
    wipe(prepared);
    if (!salted)
        return salted.error();
    auto client = hmac_sha256(*salted, "Client Key");
    auto server = hmac_sha256(*salted, "Server Key");
    wipe(*salted);
    if (!client || !server)
        return errc::crypto_failure;
    ScramKeys keys{*client, *server};
    wipe(*client);
    wipe(*server);
    return keys;
}

result<ScramKeys> ScramKeyCache::keys(std::string_view password, wire::View salt, int iterations)
{
    {
        const std::lock_guard lock{mutex_};
        if (newest_ && newest_->password == password && newest_->iterations == iterations &&
            std::ranges::equal(newest_->salt, salt))
            return newest_->keys;
    }
    auto derived = derive_scram_keys(password, salt, iterations);
    if (!derived)
        return derived;
    const std::lock_guard lock{mutex_};
    newest_ = Entry{std::string{password}, {salt.begin(), salt.end()}, iterations, *derived};
    return derived;
}

} // namespace stepgate::protocols::postgres
