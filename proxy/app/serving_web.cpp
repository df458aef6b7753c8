#include "proxy/app/serving.h"

#include "challenge-web/server/public_url.h"
#include "challenge-web/ui/assets.h"
#include "proxy/app/derived_key.h"
#include "proxy/app/log.h"
#include "proxy/app/new_user.h"
#include "proxy/outbound/https_client.h"

#include <algorithm>
#include <chrono>
#include <initializer_list>
#include <mutex>
#include <utility>

namespace stepgate::proxy::app
{
namespace
{

using challenge_web::server::Asset;

// A push service answers within moments; nobody waits for it, but a stop of stepgate.
constexpr std::chrono::seconds push_patience{5};
constexpr std::size_t push_room = 1000;
constexpr std::size_t of_a_browser = 8; // connections: six at a time, and a stream of events

std::optional<Asset> find_asset(std::string_view path)
{
    const auto* asset = challenge_web::ui::find(path);
    if (asset == nullptr)
        return std::nullopt;
    return Asset{asset->content_type, asset->bytes, asset->gzip, asset->etag, asset->immutable};
}

std::optional<challenge_web::accounts::User> make_user_without_password(const std::string& name)
{
    const auto password = random_token(32);
    return password ? make_user(name, *password) : std::nullopt;
}

std::string place(const Endpoint& endpoint)
{
    return endpoint.host + ":" + std::to_string(endpoint.port);
}

} // namespace

challenge_web::factors::SendMail Serving::mail_port()
{
    if (!mail_)
        return {};
    return [this](const std::string& to, const std::string& subject, const std::string& text,
                  std::function<void(bool)> done) {
        const bool taken = mail_->send({to, subject, text}, [done = std::move(done)](const std::string& problem) {
            if (!problem.empty())
                log_warning("a message was not sent: " + problem);
            done(problem.empty());
        });
        if (!taken)
            log_warning("a message was not sent: the queue is full, or a user's address is none");
        return taken;
    };
}

challenge_web::factors::PushPorts Serving::push_ports()
{
    if (!configuration_.push)
        return {};
    namespace factors = challenge_web::factors;
    factors::PushPorts ports;
    ports.log = [](const std::string& problem) { log_warning("a message was not pushed: " + problem); };
    ports.run = [this](std::function<void()> job) { return push_jobs_->push({.work = std::move(job)}); };
    ports.send = [this,
                  ca = configuration_.push->ca.string()](const factors::PushRequest& request) -> std::optional<int> {
        outbound::HttpsRequest out;
        out.url = request.url;
        out.headers = request.headers;
        out.body = request.body;
        out.ca_file = ca;
        out.patience = push_patience;
        out.stopping = &push_jobs_->stopping();
        std::string problem;
        const auto answer = outbound::https_request(out, problem);
        if (!answer)
            log_warning("a message was not pushed: " + problem);
        return answer ? std::optional{answer->status} : std::nullopt;
    };
    ports.may_decide = [this](const challenge_web::challenges::Snapshot& challenge, const std::string& user) {
        return challenges_->may_decide(challenge, user);
    };
    ports.remove = [this](const std::string& user, const std::string& credential) {
        const std::lock_guard alone{factor_changes_};
        if (!recorder_->record(
                "factor_removed", user,
                {{"factor", "push"}, {"credential", credential}, {"reason", "its push service no longer knows it"}}))
            return false;
        challenges_->end_elevations(user, "a factor was removed", std::chrono::system_clock::now());
        return store_->remove_credential(user, credential).has_value();
    };
    return ports;
}

std::string Serving::make_push()
{
    namespace factors = challenge_web::factors;
    factors::PushSettings settings;
    if (configuration_.push) {
        const auto key = store_->secret("vapid", factors::new_push_key);
        if (!key)
            return configuration_.store.string() + ": the key for push services cannot be read or made";
        settings.key = *key;
        settings.hosts = configuration_.push->hosts;
        settings.subject = configuration_.push->subject;
        if (settings.subject.empty() && configuration_.web)
            settings.subject = configuration_.web->public_url;
    }
    push_.emplace(*store_, std::move(settings), push_ports());
    if (configuration_.push)
        push_jobs_.emplace(push_room);
    push_->refresh();
    return {};
}

std::string Serving::make_providers(const std::string& origin)
{
    namespace factors = challenge_web::factors;
    for (const auto& configured : configuration_.identity_providers) {
        auto settings = configured.settings;
        const auto secret = configured.secret ? configured.secret->read() : std::string{};
        if (!secret)
            return configuration_.file.string() + ": the secret of identity provider " + settings.name +
                   " cannot be read";
        settings.client_secret = *secret;
        settings.redirect_uri = origin + "/provider";
        auto fetch = [this, name = settings.name, ca = configured.ca.string()](
                         const factors::WebRequest& request) -> std::optional<factors::WebAnswer> {
            outbound::HttpsRequest out;
            out.url = request.url;
            out.body = request.body;
            out.user = request.user;
            out.password = request.password;
            out.ca_file = ca;
            out.stopping = &ending_;
            std::string problem;
            auto answer = outbound::https_request(out, problem);
            if (!answer) {
                log_warning("identity provider " + name + " does not answer: " + problem);
                return std::nullopt;
            }
            return factors::WebAnswer{answer->status, std::move(answer->body)};
        };
        identity_providers_.push_back(
            std::make_unique<factors::IdentityProvider>(std::move(settings), std::move(fetch)));
    }
    return {};
}

std::string Serving::start_web()
{
    namespace server = challenge_web::server;
    if (!configuration_.web && !configuration_.admin)
        return {};
    // Without [web] nothing is held (the configuration's reader sees to it): only health and metrics are served.
    Web web;
    web.public_url = "https://localhost";
    if (configuration_.web)
        web = *configuration_.web;
    const auto url = server::parse_public_url(web.public_url);
    if (!url)
        return configuration_.file.string() + ": [web] public_url must be https://host or https://host:port";
    if (url->address)
        log_warning("[web] public_url names an IP address: browsers make passkeys only for host names");
    passkey_.emplace(challenge_web::factors::RelyingParty{url->host, url->origin}, *store_,
                     derived_key(writer_->redaction_key(), "passkey decoys"),
                     challenge_web::challenges::system_random(), configuration_.authenticators);
    totp_.emplace(*store_);
    recovery_codes_.emplace(*store_);
    pin_.emplace(*store_);
    email_code_.emplace(*store_, mail_port(), url->origin);
    using Guessed = challenge_web::factors::GuessedFactor;
    for (auto* factor : std::initializer_list<Guessed*>{&*totp_, &*recovery_codes_, &*pin_, &*email_code_, &*push_})
        factor->observe_lockouts(
            [this](const std::string& user, const std::string& name) { notices_->factor_locked(user, name); });
    if (auto error = make_providers(url->origin); !error.empty())
        return error;
    std::vector<challenge_web::factors::IdentityProvider*> providers;
    for (const auto& provider : identity_providers_)
        providers.push_back(provider.get());

    server::ServerOptions options;
    options.public_url = web.public_url;
    options.forwarded_for = web.forwarded_for;
    options.api.step_up = web.step_up;
    options.transport.connections = share_.pages;
    options.transport.connections_per_address =
        std::min(options.transport.connections_per_address, std::max(of_a_browser, share_.pages / 4));
    if (configuration_.web)
        options.listen = server::Endpoint{web.listen.host, web.listen.port};
    options.certificate_file = web.certificate.string();
    options.key_file = web.key.string();
    if (configuration_.admin)
        options.admin = server::Endpoint{configuration_.admin->host, configuration_.admin->port};
    auto connect = connect_options(configuration_);
    connect.passwords_changed = [this] { (void)users_->refresh(); }; // else at the next tick
    const auto users_changed = [this] {
        (void)users_->refresh();
        user_changes_->record();
    };
    auto started = server::Server::start(std::move(options), {.accounts = *store_,
                                                              .lockout = lockout_,
                                                              .factor_changes = factor_changes_,
                                                              .challenges = *challenges_,
                                                              .passkey = *passkey_,
                                                              .totp = *totp_,
                                                              .recovery_codes = *recovery_codes_,
                                                              .pin = *pin_,
                                                              .email_code = *email_code_,
                                                              .push = *push_,
                                                              .identity_providers = std::move(providers),
                                                              .audit = *audit_source_,
                                                              .overviews = *overviews_,
                                                              .recorder = *recorder_,
                                                              .diagnostics = *diagnostics_,
                                                              .database_sessions = database_sessions_,
                                                              .connect = std::move(connect),
                                                              .make_user = make_user_without_password,
                                                              .users_changed = users_changed,
                                                              .assets = find_asset});
    if (!started)
        return "web server on " + place(configuration_.web ? web.listen : *configuration_.admin) + ": " +
               started.error().message();
    web_ = std::move(*started);
    if (configuration_.web && web.certificate.empty())
        log_info("pages are served without TLS on " + place(web.listen) + ", for a proxy that has it as " +
                 web.public_url);
    return {};
}

} // namespace stepgate::proxy::app
