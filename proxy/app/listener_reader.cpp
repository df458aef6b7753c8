#include "proxy/app/listener_reader.h"

#include "policies/rules/cidr.h"
#include "proxy/net/tls.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <utility>

namespace stepgate::proxy::app
{
namespace
{

using policies::rules::Place;
using policies::rules::TomlTable;

constexpr std::array<std::pair<std::string_view, Protocol>, 2> protocols{
    {{"postgres", Protocol::postgres}, {"mysql", Protocol::mysql}}};
constexpr std::array<std::pair<std::string_view, Mode>, 2> modes{
    {{"enforce", Mode::enforce}, {"observe", Mode::observe}}};
constexpr std::array<std::pair<std::string_view, Announce>, 3> announces{
    {{"auto", Announce::automatic}, {"wait", Announce::wait}, {"retry", Announce::retry}}};
constexpr std::array<std::pair<std::string_view, Authentication>, 2> authentications{
    {{"proxy", Authentication::proxy}, {"passthrough", Authentication::passthrough}}};
constexpr std::array<std::pair<std::string_view, ListenerTls>, 3> listener_tls{
    {{"disable", ListenerTls::disable}, {"prefer", ListenerTls::prefer}, {"require", ListenerTls::require}}};
constexpr std::array<std::pair<std::string_view, UpstreamTls>, 4> upstream_tls{
    {{"disable", UpstreamTls::disable},
     {"require", UpstreamTls::require},
     {"verify-ca", UpstreamTls::verify_ca},
     {"verify-full", UpstreamTls::verify_full}}};

template <class Enum, std::size_t N>
std::string_view name_in(const std::array<std::pair<std::string_view, Enum>, N>& names, Enum value)
{
    for (const auto& [name, candidate] : names)
        if (candidate == value)
            return name;
    return "";
}

/// What `serve` would meet when it loads them.
void check_key_pair(TomlTable& tls, const std::string& certificate, const std::string& key)
{
    switch (net::check_key_pair(certificate, key)) {
    case net::KeyPair::good:
        return;
    case net::KeyPair::no_certificate:
        tls.error(tls.place("cert"), "cert: there is no certificate in " + certificate,
                  "a PEM file: -----BEGIN CERTIFICATE-----");
        return;
    case net::KeyPair::no_key:
        tls.error(tls.place("key"), "key: there is no private key in " + key,
                  "a PEM file: -----BEGIN PRIVATE KEY-----");
        return;
    case net::KeyPair::locked_key:
        tls.error(tls.place("key"), "key: the one in " + key + " has a passphrase, and nobody is there to be asked",
                  "openssl pkey -in " + key + " -out another.key takes it off");
        return;
    case net::KeyPair::mismatch:
        tls.error(tls.place("key"), "key: " + key + " is not the key of the certificate " + certificate,
                  "openssl pkey -pubout -in and openssl x509 -noout -pubkey -in say which ones belong together");
    }
}

void read_listener_tls(TomlTable& table, Listener& listener, const std::filesystem::path& base)
{
    auto tls = table.table("tls");
    if (!tls)
        return;
    read_key_pair(*tls, base, listener.certificate, listener.key);
    listener.client_ca = read_ca_file(*tls, "client_ca", base);
    listener.tls = tls->choice("mode", listener_tls).value_or(ListenerTls::require);
    if (listener.tls != ListenerTls::disable && !tls->has("cert") && !tls->has("key"))
        tls->missing("TLS needs a certificate", "tls = {cert = \"server.crt\", key = \"server.key\"}");
    if (listener.tls == ListenerTls::disable && tls->has("client_ca"))
        tls->error(tls->place("client_ca"), "client_ca has no effect without TLS", "mode = \"require\"");
    tls->finish();
}

void read_upstream_tls(TomlTable& table, Upstream& upstream, const std::filesystem::path& base)
{
    auto tls = table.table("tls");
    if (!tls)
        return;
    upstream.tls = tls->choice("mode", upstream_tls).value_or(UpstreamTls::verify_full);
    upstream.ca = read_ca_file(*tls, "ca", base);
    read_key_pair(*tls, base, upstream.certificate, upstream.key);
    const bool verifies = upstream.tls == UpstreamTls::verify_ca || upstream.tls == UpstreamTls::verify_full;
    if (tls->has("ca") && !verifies)
        tls->error(tls->place("ca"), "ca is not used by this mode", "mode = \"verify-full\"");
    tls->finish();
}

/// With auth = "passthrough" the client's own account is used, so the listener must not name one.
void read_account(TomlTable& table, Listener& listener, const std::filesystem::path& base)
{
    Upstream& upstream = listener.upstream;
    if (auto user = table.string("user"))
        upstream.user = std::move(user->value);
    upstream.password = read_secret(table, "password", base);
    if (listener.auth == Authentication::proxy) {
        if (upstream.user.empty())
            table.missing("the upstream needs a user", "the server account that this listener's users share");
        return;
    }
    for (const auto* key : {"user", "password"})
        if (table.has(key))
            table.error(table.place(key), std::string{key} + " has no effect with auth = \"passthrough\"");
}

void read_upstream(TomlTable& table, Listener& listener, const std::filesystem::path& base)
{
    auto upstream = table.table("upstream");
    if (!upstream) {
        if (!table.has("upstream"))
            table.missing("the listener has no upstream", "[listener.upstream] names the database server");
        return;
    }
    if (auto host = upstream->required_string("host")) {
        if (host->value.find_first_of("/ @") != std::string::npos)
            upstream->error(host->place, "host is not the name of a host: \"" + host->value + '"',
                            "host = \"127.0.0.1\"; servers are reached over TCP");
        else if (host->value.find(':') != std::string::npos && !policies::rules::parse_address(host->value))
            upstream->error(host->place, "host is neither a name nor an address: \"" + host->value + '"',
                            "host = \"db.example\" or \"::1\"; the port has a key of its own: port = 5432");
        listener.upstream.host = std::move(host->value);
    }
    const bool postgres = listener.protocol == Protocol::postgres;
    listener.upstream.port =
        static_cast<std::uint16_t>(upstream->integer("port", 1, 65535).value_or(postgres ? 5432 : 3306));
    read_upstream_tls(*upstream, listener.upstream, base);
    read_account(*upstream, listener, base);
    if (auto database = upstream->string("database"))
        listener.upstream.database = std::move(database->value);
    upstream->finish();
}

void read_catalog(TomlTable& table, Listener& listener, const std::filesystem::path& base)
{
    auto catalog = table.table("catalog");
    if (!catalog)
        return;
    if (const auto refresh = catalog->duration("refresh")) {
        listener.catalog.refresh = *refresh;
        if (*refresh < std::chrono::seconds{1})
            catalog->error(catalog->place("refresh"), "refresh is too short", "at least \"1s\"");
    }
    if (auto user = catalog->string("user"))
        listener.catalog.user = std::move(user->value);
    listener.catalog.password = read_secret(*catalog, "password", base);
    if (catalog->has("password") && !catalog->has("user"))
        catalog->error(catalog->place("password"), "the password has no user", "give user and password");
    catalog->finish();
}

void refuse_keys_of_mysql(TomlTable& table)
{
    constexpr std::pair<const char*, const char*> keys[] = {
        {"compression", "its protocol has none"},
        {"local_infile", "COPY .. FROM STDIN needs no option"},
    };
    for (const auto& [key, hint] : keys)
        if (table.has(key))
            table.error(table.place(key), std::string{key} + " has no effect with protocol = \"postgres\"", hint);
    if (const auto announce = table.string("announce"); announce && announce->value != "retry")
        table.error(announce->place, "announce has no effect with protocol = \"postgres\"",
                    "clients of PostgreSQL are told at once");
}

} // namespace

std::optional<Secret> read_secret(TomlTable& table, std::string_view key, const std::filesystem::path& base)
{
    const auto* node = table.node(key);
    if (node == nullptr)
        return std::nullopt;
    if (node->is_string()) {
        table.error(policies::rules::place_of(*node), std::string{key} + " is written into the file",
                    "keep secrets elsewhere: {file = \"path\"} or {env = \"NAME\"}");
        return std::nullopt;
    }
    auto place = table.table(key);
    if (!place)
        return std::nullopt;
    Secret secret;
    const bool has_file = place->has("file"), has_env = place->has("env");
    if (has_file == has_env)
        place->missing(std::string{key} + " needs a file or an env, and only one of them");
    secret.file = read_file_path(*place, "file", base);
    if (auto name = place->string("env")) {
        secret.environment = std::move(name->value);
        if (!secret.read())
            place->error(name->place, "the environment variable " + secret.environment + " is not set");
    }
    place->finish();
    return secret;
}

std::optional<std::string> Secret::read() const
{
    if (file.empty()) {
        const char* value = std::getenv(environment.c_str());
        return value == nullptr ? std::nullopt : std::optional<std::string>{value};
    }
    std::ifstream in{file, std::ios::binary};
    if (!in.is_open())
        return std::nullopt;
    std::string value{std::istreambuf_iterator<char>{in}, {}};
    if (in.bad())
        return std::nullopt;
    if (value.ends_with('\n'))
        value.pop_back();
    if (value.ends_with('\r'))
        value.pop_back();
    return value;
}

bool is_short_name(std::string_view name)
{
    constexpr std::size_t longest = 64;
    return name.size() <= longest && std::ranges::all_of(name, [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                      c == '_';
           });
}

std::filesystem::path resolve(const std::filesystem::path& base, std::string_view written)
{
    const std::filesystem::path path{written};
    return (path.is_absolute() ? path : base / path).lexically_normal();
}

std::string parse_endpoint(std::string_view text, Endpoint& endpoint)
{
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos)
        return "has no port";
    std::string_view host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']'))
        host = host.substr(1, host.size() - 2);
    else if (host.find(':') != std::string_view::npos)
        return "is an IPv6 address without brackets";
    if (!policies::rules::parse_address(host))
        return "does not start with an address";
    const std::string_view port = text.substr(colon + 1);
    unsigned int number = 0;
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (port.empty() || error != std::errc{} || end != port.data() + port.size() || number > 65535)
        return "has a port that is not one";
    endpoint = {std::string{host}, static_cast<std::uint16_t>(number)};
    return {};
}

Endpoint read_endpoint(TomlTable& table, std::string_view key)
{
    Endpoint endpoint;
    const auto text = table.required_string(key);
    if (!text)
        return endpoint;
    if (const auto wrong = parse_endpoint(text->value, endpoint); !wrong.empty())
        table.error(text->place, std::string{key} + " \"" + text->value + "\" " + wrong,
                    "write \"127.0.0.1:6432\" or \"[::1]:6432\"");
    return endpoint;
}

std::filesystem::path read_file_path(TomlTable& table, std::string_view key, const std::filesystem::path& base)
{
    const auto written = table.string(key);
    if (!written)
        return {};
    const auto path = resolve(base, written->value);
    std::error_code error;
    if (written->value.empty() || !std::filesystem::is_regular_file(path, error)) {
        table.error(written->place, std::string{key} + ": there is no file " + path.string());
        return {};
    }
    if (!std::ifstream{path}.is_open()) {
        table.error(written->place, std::string{key} + ": the file " + path.string() + " cannot be read");
        return {};
    }
    return path;
}

std::filesystem::path read_ca_file(TomlTable& table, std::string_view key, const std::filesystem::path& base)
{
    auto path = read_file_path(table, key, base);
    if (!path.empty() && !net::validity(path.string()))
        table.error(table.place(key), std::string{key} + ": there is no certificate in " + path.string(),
                    "a PEM file: -----BEGIN CERTIFICATE-----");
    return path;
}

void read_key_pair(TomlTable& tls, const std::filesystem::path& base, std::filesystem::path& certificate,
                   std::filesystem::path& key)
{
    certificate = read_file_path(tls, "cert", base);
    key = read_file_path(tls, "key", base);
    if (tls.has("cert") != tls.has("key"))
        tls.missing(tls.has("cert") ? "the certificate has no key" : "the key has no certificate", "give cert and key");
    else if (!certificate.empty() && !key.empty())
        check_key_pair(tls, certificate.string(), key.string());
}

Listener read_listener(TomlTable& table, const std::filesystem::path& base)
{
    Listener listener;
    if (auto name = table.required_string("name"))
        listener.name = std::move(name->value);
    if (!table.has("protocol"))
        table.missing("protocol is missing", "protocol = \"postgres\"");
    if (const auto protocol = table.choice("protocol", protocols))
        listener.protocol = *protocol;
    listener.listen = read_endpoint(table, "listen");
    listener.mode = table.choice("mode", modes).value_or(Mode::enforce);
    listener.auth = table.choice("auth", authentications).value_or(Authentication::proxy);
    if (listener.protocol == Protocol::mysql && listener.auth == Authentication::passthrough)
        table.error(table.place("auth"), "auth = \"passthrough\" is not there for MySQL", "auth = \"proxy\"");
    listener.announce = table.choice("announce", announces).value_or(Announce::automatic);
    listener.compression = table.boolean("compression").value_or(true);
    listener.local_infile = table.boolean("local_infile").value_or(false);
    if (listener.protocol == Protocol::postgres)
        refuse_keys_of_mysql(table);
    read_listener_tls(table, listener, base);
    read_upstream(table, listener, base);
    read_catalog(table, listener, base);
    table.finish();
    return listener;
}

std::string_view to_string(Protocol protocol)
{
    return name_in(protocols, protocol);
}
std::string_view to_string(Mode mode)
{
    return name_in(modes, mode);
}
std::string_view to_string(Authentication authentication)
{
    return name_in(authentications, authentication);
}
std::string_view to_string(ListenerTls mode)
{
    return name_in(listener_tls, mode);
}
std::string_view to_string(UpstreamTls mode)
{
    return name_in(upstream_tls, mode);
}

} // namespace stepgate::proxy::app
