#include "proxy/app/configuration.h"

#include "challenge-web/server/public_url.h"
#include "policies/rules/cidr.h"
#include "policies/rules/toml_reader.h"
#include "proxy/app/factors_reader.h"
#include "proxy/app/listener_reader.h"
#include "proxy/app/mail_reader.h"
#include "proxy/app/notification_reader.h"
#include "proxy/app/provider_reader.h"
#include "proxy/app/taken_addresses.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <ostream>

namespace stepgate::proxy::app
{
namespace
{

using namespace std::chrono_literals;
using policies::rules::Place;
using policies::rules::PolicyErrors;
using policies::rules::TomlTable;

constexpr std::array<std::pair<std::string_view, LogLevel>, 4> log_levels{
    {{"debug", LogLevel::debug}, {"info", LogLevel::info}, {"warning", LogLevel::warning}, {"error", LogLevel::error}}};

constexpr std::array<std::string_view, 4> keys_alone{"store", "policies", "threads", "hold"};

std::string place_text(const TomlTable& table, Place place)
{
    return std::to_string(place.line) + ':' + std::to_string(place.column) + " of " + table.file();
}

void read_duration(TomlTable& table, std::string_view key, std::chrono::seconds min, std::chrono::seconds& target)
{
    const auto value = table.duration(key);
    if (!value)
        return;
    if (*value < min || *value > 7 * 24h)
        table.error(table.place(key), std::string{key} + " is out of range",
                    "from " + std::to_string(min.count()) + "s to 7d");
    target = *value;
}

void read_count(TomlTable& table, std::string_view key, std::size_t& target)
{
    if (const auto value = table.integer(key, 1, 1'000'000))
        target = static_cast<std::size_t>(*value);
}

void read_size(TomlTable& table, std::string_view key, std::size_t min, std::size_t max, std::size_t& target)
{
    const auto value = table.size(key);
    if (!value)
        return;
    if (*value < min || *value > max)
        table.error(table.place(key), std::string{key} + " is out of range",
                    "from " + std::to_string(min >> 10) + "KiB to " + std::to_string(max >> 20) + "MiB");
    target = *value;
}

void read_hold(TomlTable& top, Hold& hold)
{
    auto table = top.table("hold");
    if (!table)
        return;
    read_duration(*table, "timeout", 1s, hold.timeout);
    read_duration(*table, "in_transaction", 1s, hold.in_transaction);
    read_duration(*table, "silent", 1s, hold.silent);
    table->finish();
}

void read_passwords(TomlTable& top, Passwords& passwords)
{
    auto table = top.table("passwords");
    if (!table)
        return;
    passwords.long_lived = table->boolean("long_lived").value_or(true);
    read_duration(*table, "lifetime", 1s, passwords.lifetime);
    if (passwords.lifetime > 24h)
        table->error(table->place("lifetime"), "a short-lived password lives for 24h at most");
    table->finish();
}

void read_limits(TomlTable& top, Limits& limits)
{
    auto table = top.table("limits");
    if (!table)
        return;
    read_count(*table, "connections", limits.connections);
    read_count(*table, "connections_per_user", limits.connections_per_user);
    read_count(*table, "connections_per_address", limits.connections_per_address);
    read_count(*table, "challenges", limits.challenges);
    read_count(*table, "challenges_per_user", limits.challenges_per_user);
    read_size(*table, "message", std::size_t{16} << 10, std::size_t{1024} << 20, limits.message);
    read_duration(*table, "login", 1s, limits.login);
    read_duration(*table, "idle", 0s, limits.idle);
    read_duration(*table, "drain", 0s, limits.drain);
    table->finish();
}

void read_audit(TomlTable& top, Audit& audit, const std::filesystem::path& base)
{
    audit.directory = resolve(base, "audit");
    auto table = top.table("audit");
    if (!table)
        return;
    if (table->has("directory"))
        if (const auto directory = table->required_string("directory")) {
            audit.directory = resolve(base, directory->value);
            std::error_code ignored;
            if (std::filesystem::is_regular_file(audit.directory, ignored))
                table->error(directory->place, "directory: " + audit.directory.string() + " is a file",
                             "name a directory; it is made if it is not there");
        }
    read_size(*table, "segment", std::size_t{64} << 10, std::size_t{4096} << 20, audit.segment);
    read_duration(*table, "checkpoint", 1s, audit.checkpoint);
    table->finish();
}

void read_public_url(TomlTable& table, Web& web)
{
    auto written = table.required_string("public_url");
    if (!written)
        return;
    web.public_url = std::move(written->value);
    if (web.public_url.ends_with('/'))
        web.public_url.pop_back();
    if (!challenge_web::server::parse_public_url(web.public_url))
        table.error(written->place, "public_url is not the https address of a server: \"" + web.public_url + '"',
                    "write \"https://stepgate.example\", without a path; names in other letters as xn--…");
}

bool loopback(const Endpoint& endpoint)
{
    const auto address = policies::rules::parse_address(endpoint.host);
    static const auto v4 = policies::rules::Cidr::parse("127.0.0.0/8"), v6 = policies::rules::Cidr::parse("::1");
    return address && (v4->contains(*address) || v6->contains(*address));
}

std::optional<Web> read_web(TomlTable& top, const std::filesystem::path& base, TakenAddresses& addresses)
{
    auto table = top.table("web");
    if (!table)
        return std::nullopt;
    Web web;
    web.listen = read_endpoint(*table, "listen");
    addresses.take(*table, web.listen, "[web]");
    read_public_url(*table, web);
    if (auto tls = table->table("tls")) {
        read_key_pair(*tls, base, web.certificate, web.key);
        if (!tls->has("cert") && !tls->has("key"))
            tls->missing("TLS needs a certificate", "tls = {cert = \"web.crt\", key = \"web.key\"}");
        tls->finish();
    } else if (!table->has("tls") && !web.listen.host.empty() && !loopback(web.listen)) {
        table->missing("the web server needs TLS on an address that others reach",
                       "give tls = {cert = …, key = …}, or listen on 127.0.0.1 behind a proxy that ends TLS");
    }
    web.forwarded_for = table->boolean("forwarded_for").value_or(false);
    if (web.forwarded_for && table->has("tls"))
        table->error(table->place("forwarded_for"), "forwarded_for has no effect with tls",
                     "it is for a proxy with TLS on this machine");
    read_duration(*table, "step_up", 1s, web.step_up);
    if (web.step_up > 12h)
        table->error(table->place("step_up"), "step_up is 12h at most", "a sign-in ends then");
    table->finish();
    return web;
}

std::filesystem::path read_store(TomlTable& top, const std::filesystem::path& base)
{
    const auto written = top.string("store");
    const std::string text = written ? written->value : "sqlite:stepgate.db";
    constexpr std::string_view sqlite = "sqlite:";
    const auto path = std::string_view{text}.substr(std::min(text.size(), sqlite.size()));
    if (text.starts_with(sqlite) && !path.empty() && path != ":memory:" && !path.starts_with("file:")) {
        auto file = resolve(base, path);
        std::error_code ignored;
        if (written && std::filesystem::is_directory(file, ignored))
            top.error(written->place, "the store " + file.string() + " is a directory", "name the file in it");
        else if (written && file.has_parent_path() && !std::filesystem::is_directory(file.parent_path(), ignored))
            top.error(written->place, "the store's directory " + file.parent_path().string() + " is not there",
                      "make it; the store itself is made by `stepgate serve` or `stepgate user add`");
        return file;
    }
    if (text.starts_with("postgresql://"))
        top.error(written->place, "a PostgreSQL store is not part of this build", "store = \"sqlite:stepgate.db\"");
    else
        top.error(written->place, "unknown store \"" + text + '"', "store = \"sqlite:stepgate.db\"");
    return {};
}

/// One file from its text to a configuration, collecting every error.
class Reader
{
  public:
    Reader(const toml::table& content, const std::filesystem::path& file)
        : top_(content, file.string(), errors_, keys_alone), base_(file.parent_path())
    {
        configuration_.file = file;
    }

    ConfigurationResult read()
    {
        configuration_.store = read_store(top_, base_);
        read_hold(top_, configuration_.hold);
        configuration_.web = read_web(top_, base_, addresses_);
        read_passwords(top_, configuration_.passwords);
        configuration_.mail = read_mail(top_, base_);
        configuration_.identity_providers = read_providers(top_, base_);
        configuration_.notifications = read_notifications(top_, base_, top_.has("mail"));
        read_factors(top_, base_, configuration_);
        read_limits(top_, configuration_.limits);
        read_audit(top_, configuration_.audit, base_);
        read_rest();
        read_listeners();
        PolicyErrors policy_errors = read_policies();
        top_.finish();
        std::ranges::stable_sort(errors_, {}, [](const auto& error) { return std::pair{error.line, error.column}; });
        std::ranges::move(policy_errors, std::back_inserter(errors_));
        if (!errors_.empty())
            return std::move(errors_);
        return std::move(configuration_);
    }

  private:
    void read_rest()
    {
        if (auto admin = top_.table("admin")) {
            configuration_.admin = read_endpoint(*admin, "listen");
            addresses_.take(*admin, *configuration_.admin, "[admin]");
            admin->finish();
        }
        if (auto log = top_.table("log")) {
            configuration_.log_level = log->choice("level", log_levels).value_or(LogLevel::info);
            log->finish();
        }
        configuration_.threads = static_cast<std::size_t>(top_.integer("threads", 0, 1024).value_or(0));
    }

    void read_listeners()
    {
        for (auto& table : top_.tables("listener")) {
            const Listener& listener = configuration_.listeners.emplace_back(read_listener(table, base_));
            check_name(table, listener.name);
            addresses_.take(table, listener.listen, TakenAddresses::listener);
        }
        if (!top_.has("listener"))
            top_.error({1, 1}, "there is no [[listener]]", "each one is a door to one database server");
        const bool enforces =
            std::ranges::any_of(configuration_.listeners, [](const Listener& l) { return l.mode == Mode::enforce; });
        if (enforces && !top_.has("web"))
            top_.error({1, 1}, "there is no [web]",
                       "held statements are approved there; mode = \"observe\" needs none");
    }

    void check_name(TomlTable& table, const std::string& name)
    {
        if (name.empty())
            return;
        const Place place = table.place("name");
        const auto [first, added] = names_.try_emplace(name, place_text(table, place));
        if (!added)
            table.error(place, "another listener has this name", "the first one is at " + first->second);
    }

    /// Errors inside the policy files; what is wrong with the list itself goes to `errors_`.
    PolicyErrors read_policies()
    {
        if (!top_.has("policies"))
            top_.error({1, 1}, "policies is missing", "policies = [\"packs/destructive.toml\", \"packs/pii.toml\"]");
        for (const auto& [written, place] : top_.strings("policies")) {
            const auto path = resolve(base_, written);
            std::error_code error;
            if (written.empty() || !std::filesystem::is_regular_file(path, error))
                top_.error(place, "there is no policy file " + path.string());
            else if (std::ranges::find(configuration_.policy_files, path) != configuration_.policy_files.end())
                top_.error(place, "the policy file " + path.string() + " is named twice");
            else
                configuration_.policy_files.push_back(path);
        }
        auto loaded = policies::rules::load_policy_files(configuration_.policy_files);
        if (auto* wrong = std::get_if<PolicyErrors>(&loaded))
            return std::move(*wrong);
        configuration_.policy = std::get<std::shared_ptr<const policies::rules::Policy>>(std::move(loaded));
        return {};
    }

    PolicyErrors errors_;
    TomlTable top_;
    std::filesystem::path base_;
    Configuration configuration_;
    std::map<std::string, std::string> names_; // of listeners -> where
    TakenAddresses addresses_;
};

} // namespace

ConfigurationResult load_configuration(const std::filesystem::path& file)
{
    PolicyErrors errors;
    std::error_code ignored;
    std::ifstream in{file, std::ios::binary};
    if (!in.is_open() || !std::filesystem::is_regular_file(file, ignored)) {
        errors.push_back({file.string(), 0, 0, "the configuration file cannot be read",
                          "stepgate init writes one; --config names it"});
        return errors;
    }
    const std::string text{std::istreambuf_iterator<char>{in}, {}};
    const auto content = policies::rules::parse_toml(text, file.string(), errors);
    if (!content)
        return errors;
    return Reader{*content, file}.read();
}

std::vector<std::string_view> keys_for_next_start(const Configuration& running, const Configuration& loaded)
{
    std::vector<std::string_view> keys;
    const auto compare = [&](std::string_view key, const auto Configuration::*member) {
        if (running.*member != loaded.*member)
            keys.push_back(key);
    };
    compare("store", &Configuration::store);
    compare("threads", &Configuration::threads);
    compare("hold", &Configuration::hold);
    compare("[web]", &Configuration::web);
    compare("[mail]", &Configuration::mail);
    compare("[passwords]", &Configuration::passwords);
    compare("[[identity_provider]]", &Configuration::identity_providers);
    compare("[factors.passkey]", &Configuration::authenticators);
    compare("[factors.push]", &Configuration::push);
    compare("[[listener]]", &Configuration::listeners);
    compare("[limits]", &Configuration::limits);
    compare("[audit]", &Configuration::audit);
    compare("[admin]", &Configuration::admin);
    compare("[log]", &Configuration::log_level);
    return keys;
}

const Listener* find_listener(const Configuration& configuration, const std::string& name, std::ostream& err)
{
    for (const auto& listener : configuration.listeners)
        if (name.empty() || listener.name == name)
            return &listener;
    err << "stepgate: there is no listener \"" << name << "\"; the configuration has:";
    for (const auto& listener : configuration.listeners)
        err << ' ' << listener.name;
    err << '\n';
    return nullptr;
}

} // namespace stepgate::proxy::app
