#include "proxy/app/provider_reader.h"

#include "proxy/app/listener_reader.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace stepgate::proxy::app
{
namespace
{

using policies::rules::TomlTable;

bool is_issuer(std::string_view url)
{
    return url.starts_with("https://") && url.size() > std::string_view{"https://"}.size() &&
           url.find_first_of("?# \\\"@") == std::string_view::npos;
}

std::vector<std::string> words(TomlTable& table, std::string_view key)
{
    std::vector<std::string> out;
    for (auto& [word, place] : table.strings(key)) {
        if (word.empty() || word.find_first_of(" \t\r\n\"") != std::string::npos)
            table.error(place, std::string{key} + " has an entry that is no word: \"" + word + '"');
        out.push_back(std::move(word));
    }
    return out;
}

void read_client(TomlTable& table, const std::filesystem::path& base, ProviderConfiguration& provider)
{
    if (auto name = table.required_string("name")) {
        if (!is_short_name(name->value))
            table.error(name->place, "name \"" + name->value + "\" has characters that it must not have",
                        "letters, digits, - and _");
        provider.settings.name = std::move(name->value);
    }
    if (auto issuer = table.required_string("issuer")) {
        if (!is_issuer(issuer->value))
            table.error(issuer->place, "issuer is not an https address: \"" + issuer->value + '"',
                        "issuer = \"https://login.example.com\", as it stands in the provider's tokens");
        provider.settings.issuer = std::move(issuer->value);
    }
    if (auto client = table.required_string("client_id"))
        provider.settings.client_id = std::move(client->value);
    provider.secret = read_secret(table, "client_secret", base);
    provider.ca = read_ca_file(table, "ca", base);
}

/// What counts as phishing-resistant must have been asked for.
void check_acr(TomlTable& table, const challenge_web::factors::ProviderSettings& settings)
{
    for (const auto& acr : settings.phishing_resistant)
        if (std::find(settings.acr_values.begin(), settings.acr_values.end(), acr) == settings.acr_values.end())
            table.error(table.place("phishing_resistant_acr"), "\"" + acr + "\" is not one of acr_values",
                        "what is not asked for does not come back");
}

} // namespace

std::vector<ProviderConfiguration> read_providers(TomlTable& top, const std::filesystem::path& base)
{
    std::vector<ProviderConfiguration> providers;
    for (auto& table : top.tables("identity_provider")) {
        auto& provider = providers.emplace_back();
        read_client(table, base, provider);
        auto& settings = provider.settings;
        if (table.has("claim"))
            if (auto claim = table.required_string("claim"))
                settings.claim = std::move(claim->value);
        if (table.has("scopes"))
            settings.scopes = words(table, "scopes");
        if (std::find(settings.scopes.begin(), settings.scopes.end(), "openid") == settings.scopes.end())
            table.error(table.place("scopes"), "scopes has no \"openid\"", "scopes = [\"openid\", \"profile\"]");
        settings.acr_values = words(table, "acr_values");
        settings.phishing_resistant = words(table, "phishing_resistant_acr");
        settings.sign_in = table.boolean("sign_in").value_or(false);
        check_acr(table, settings);
        const auto same_name = [&](const auto& other) { return other.settings.name == settings.name; };
        if (std::count_if(providers.begin(), providers.end(), same_name) > 1)
            table.error(table.place("name"), "another identity provider has this name");
        table.finish();
    }
    return providers;
}

} // namespace stepgate::proxy::app
