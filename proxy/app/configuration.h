#pragma once

#include "challenge-web/factors/attestation.h"
#include "challenge-web/factors/identity_provider.h"
#include "policies/rules/policy.h"
#include "proxy/notify/target.h"
#include "proxy/outbound/mail_sender.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace stepgate::proxy::app
{

/// A secret that lives outside the configuration: `{file = "…"}` or `{env = "…"}`. Never inline, never logged.
struct Secret {
    std::filesystem::path file; // exactly one of the two is set
    std::string environment;
    /// The value now: a file's content without its last newline. nullopt: not readable, or not set.
    [[nodiscard]] std::optional<std::string> read() const;
    bool operator==(const Secret&) const = default;
};

/// "127.0.0.1:6432", "[::1]:6432", "0.0.0.0:0"; the host is an address, not a name.
struct Endpoint {
    std::string host;
    std::uint16_t port = 0;
    bool operator==(const Endpoint&) const = default;
};

enum class Protocol : std::uint8_t { postgres, mysql };
/// How a client learns that its statement waits. Those of PostgreSQL are told while they wait, but for `retry`.
enum class Announce : std::uint8_t {
    automatic, // on its screen where it can show it; else by an error after `hold.silent`: approve, then run it again
    wait,      // the others wait silently for as long as there is to answer
    retry,     // all get the error
};
enum class Mode : std::uint8_t {
    enforce, // verdicts are carried out
    observe, // verdicts are audited, nothing is held
};
enum class Authentication : std::uint8_t {
    proxy,       // stepgate's own users; the server sees the listener's upstream account
    passthrough, // the server authenticates the client
};
enum class ListenerTls : std::uint8_t { disable, prefer, require };
enum class UpstreamTls : std::uint8_t { disable, require, verify_ca, verify_full };

struct Upstream {
    std::string host;
    std::uint16_t port = 5432;
    UpstreamTls tls = UpstreamTls::verify_full;
    std::filesystem::path ca;               // empty: the system's (verify modes)
    std::filesystem::path certificate, key; // client certificate towards the server; both or none
    std::string user;                       // auth = "proxy" only
    std::optional<Secret> password;         // auth = "proxy" only; none: the server asks for none
    std::optional<std::string> database;    // overrides what the client asks for
    bool operator==(const Upstream&) const = default;
};

/// How the server's catalogs are read, so that names can be looked up.
struct CatalogReading {
    std::chrono::seconds refresh{300}; // at the latest; what changes through stepgate is read at once
    std::string user;                  // "": the upstream's account
    std::optional<Secret> password;    // of `user`; none: the upstream's, or none asked for
    bool operator==(const CatalogReading&) const = default;
};

struct Listener {
    std::string name;
    Protocol protocol = Protocol::postgres;
    Endpoint listen;
    Mode mode = Mode::enforce;
    Authentication auth = Authentication::proxy;
    Announce announce = Announce::automatic; // PostgreSQL: retry or not
    bool local_infile = false;               // MySQL only
    bool compression = true;                 // MySQL only
    ListenerTls tls = ListenerTls::disable;
    std::filesystem::path certificate, key;
    std::filesystem::path client_ca; // set: clients over TLS must show a certificate it signed
    Upstream upstream;
    CatalogReading catalog;
    /// Somebody may read the catalogs: with auth = "passthrough" only an account of the listener's own.
    [[nodiscard]] bool reads_catalog() const { return !catalog.user.empty() || !upstream.user.empty(); }
    bool operator==(const Listener&) const = default;
};

struct Web {
    Endpoint listen;
    std::string public_url;                 // without a trailing slash
    std::filesystem::path certificate, key; // both or none: none only on a loopback address behind a TLS proxy
    bool forwarded_for = false;             // that proxy says in X-Forwarded-For who its client is
    std::chrono::seconds step_up{5 * 60};   // since a sign-in, to change factors, tokens, users, to make passwords
    bool operator==(const Web&) const = default;
};

/// The server that takes stepgate's own mail.
struct MailSettings {
    std::string server;
    std::uint16_t port = 0;
    outbound::MailTls tls = outbound::MailTls::starttls;
    std::filesystem::path ca; // empty: the system's
    std::string from;
    std::string user;               // "": no login
    std::optional<Secret> password; // of `user`
    bool operator==(const MailSettings&) const = default;
};

/// Who is told of what; `target` without what is secret.
struct NotificationSettings {
    notify::TargetSettings target;
    std::optional<Secret> url;    // none: it stands in `target`, or there is none
    std::optional<Secret> secret; // of webhooks
};

/// Where people can log in again; `settings` without secret and redirect address.
struct ProviderConfiguration {
    challenge_web::factors::ProviderSettings settings;
    std::optional<Secret> secret; // none: a public client
    std::filesystem::path ca;     // empty: the system's
    bool operator==(const ProviderConfiguration&) const = default;
};

/// Messages to browsers, through the push services of those who make them.
struct PushConfiguration {
    std::vector<std::string> hosts; // "push.example", "*.push.example", "push.example:8443"
    std::filesystem::path ca;       // empty: the system's
    std::string subject;            // "": [web] public_url
    bool operator==(const PushConfiguration&) const = default;
};

struct Hold {
    std::chrono::seconds timeout{300};       // time to answer
    std::chrono::seconds in_transaction{60}; // the same while locks may be held
    std::chrono::seconds silent{15};         // clients that cannot be told while they wait
    bool operator==(const Hold&) const = default;
};

/// Of people, for databases.
struct Passwords {
    bool long_lived = true;              // those of `stepgate user add` open a listener too
    std::chrono::seconds lifetime{3600}; // of those that the Connect page gives
    bool operator==(const Passwords&) const = default;
};

struct Limits {
    std::size_t connections = 10'000;
    std::size_t connections_per_user = 200;
    std::size_t connections_per_address = 500;
    std::size_t message = std::size_t{64} << 20; // bytes
    std::chrono::seconds login{30};
    std::chrono::seconds idle{0};   // 0: no limit
    std::chrono::seconds drain{30}; // what SIGTERM leaves busy sessions
    std::size_t challenges_per_user = 100;
    std::size_t challenges = 10'000;
    bool operator==(const Limits&) const = default;
};

struct Audit {
    std::filesystem::path directory;
    std::size_t segment = std::size_t{64} << 20; // bytes; rotate after
    std::chrono::seconds checkpoint{10};
    bool operator==(const Audit&) const = default;
};

enum class LogLevel : std::uint8_t { debug, info, warning, error };

/// The configuration, complete and checked: files that it names exist, its policies are loaded.
struct Configuration {
    std::filesystem::path file;
    std::filesystem::path store; // the SQLite file
    std::vector<std::filesystem::path> policy_files;
    std::shared_ptr<const policies::rules::Policy> policy; // never null
    Hold hold;
    std::optional<Web> web;
    std::optional<MailSettings> mail; // none: stepgate sends no mail
    std::vector<ProviderConfiguration> identity_providers;
    std::vector<NotificationSettings> notifications;
    std::optional<PushConfiguration> push;                    // none: stepgate pushes nothing
    challenge_web::factors::AttestationPolicy authenticators; // that may become passkeys
    std::vector<Listener> listeners;
    Passwords passwords;
    Limits limits;
    Audit audit;
    std::optional<Endpoint> admin; // /healthz, /readyz, /metrics; none: served by [web] only
    LogLevel log_level = LogLevel::info;
    std::size_t threads = 0; // io_contexts; 0: one a core
};

using ConfigurationResult = std::variant<Configuration, std::vector<policies::rules::PolicyError>>;

/// Reads the file and the policies it names. All errors at once, each with its place and a hint. Relative paths are
/// relative to the file's folder.
[[nodiscard]] ConfigurationResult load_configuration(const std::filesystem::path& file);

/// The keys of `loaded` that differ and that a running `serve` does not take over: it has to be started again for them.
/// What secrets hold is not looked at.
[[nodiscard]] std::vector<std::string_view> keys_for_next_start(const Configuration& running,
                                                                const Configuration& loaded);

/// The listener of that name, or the first for ""; null after saying on `err` which ones there are.
[[nodiscard]] const Listener* find_listener(const Configuration& configuration, const std::string& name,
                                            std::ostream& err);

[[nodiscard]] std::string_view to_string(Protocol protocol);
[[nodiscard]] std::string_view to_string(Mode mode);
[[nodiscard]] std::string_view to_string(Authentication authentication);
[[nodiscard]] std::string_view to_string(ListenerTls mode);
[[nodiscard]] std::string_view to_string(UpstreamTls mode);

} // namespace stepgate::proxy::app
