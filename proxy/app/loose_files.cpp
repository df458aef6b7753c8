#include "proxy/app/loose_files.h"

#include <filesystem>
#include <initializer_list>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

namespace stepgate::proxy::app
{
namespace
{

using std::filesystem::path;
using std::filesystem::perms;

std::set<path> secret_files(const Configuration& configuration)
{
    std::set<path> files{configuration.store, path{configuration.store} += ".key",
                         configuration.audit.directory / "audit.key", configuration.audit.directory / "redaction.key"};
    const auto add = [&files](const std::optional<Secret>& secret) {
        if (secret)
            files.insert(secret->file);
    };
    for (const auto& listener : configuration.listeners) {
        files.insert({listener.key, listener.upstream.key});
        add(listener.upstream.password);
        add(listener.catalog.password);
    }
    if (configuration.web)
        files.insert(configuration.web->key);
    if (configuration.mail)
        add(configuration.mail->password);
    for (const auto& provider : configuration.identity_providers)
        add(provider.secret);
    for (const auto& notification : configuration.notifications) {
        add(notification.url);
        add(notification.secret);
    }
    return files;
}

bool allows(const path& file, perms some)
{
    std::error_code gone;
    const auto found = std::filesystem::status(file, gone);
    return !gone && std::filesystem::exists(found) && (found.permissions() & some) != perms::none;
}

bool others_come_to(const path& file)
{
    for (path folder = file.parent_path();; folder = folder.parent_path()) {
        if (!allows(folder, perms::others_exec))
            return false;
        if (folder == folder.root_path())
            return true;
    }
}

} // namespace

std::vector<std::string> warnings_of_loose_files(const Configuration& configuration)
{
    std::vector<std::string> sentences;
    for (const auto& file : secret_files(configuration)) {
        std::error_code gone;
        const auto real = std::filesystem::canonical(file, gone); // links have no permissions of their own
        if (gone || !others_come_to(real))
            continue;
        for (const auto& [some, may] : {std::pair{perms::others_write, "write"}, std::pair{perms::others_read, "read"}})
            if (allows(real, some)) {
                sentences.push_back("every user of this machine may " + std::string{may} + ' ' + file.string() +
                                    ", which is secret: chmod o= " + file.string());
                break;
            }
    }
    return sentences;
}

} // namespace stepgate::proxy::app
