#include "proxy/app/serving.h"

#include "proxy/app/catalog_sources.h"
#include "proxy/app/certificate_dates.h"
#include "proxy/app/log.h"
#include "proxy/app/loose_files.h"
#include "proxy/app/mail_reader.h"
#include "proxy/app/notification_reader.h"
#include "proxy/app/relay_options.h"
#include "proxy/app/user_addresses.h"
#include "proxy/audit/search.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

namespace stepgate::proxy::app
{
Serving::Serving(Configuration configuration, const DescriptorShare& share)
    : configuration_(std::move(configuration)), share_(share), policy_(configuration_.policy)
{
}

Serving::~Serving()
{
    ending_ = true;
    if (diagnostics_) {
        diagnostics_->relay(nullptr);
        diagnostics_->catalogs(nullptr);
        diagnostics_->notifier(nullptr);
    }
    proxy_.reset();
    impact_.reset(); // before what its answers go to
    if (web_)
        web_->stop();
    if (notifier_)
        notifier_->stop(); // before the mail that it sends
    if (user_changes_)
        user_changes_->finish();
}

std::string Serving::start()
{
    if (auto error = open_audit(); !error.empty())
        return error;
    if (auto error = open_store(); !error.empty())
        return error;
    if (auto error = start_mail(); !error.empty())
        return error;
    if (auto error = start_notifications(); !error.empty())
        return error;
    if (auto error = make_push(); !error.empty())
        return error;
    make_challenges();
    make_user_changes();
    if (auto error = start_web(); !error.empty())
        return error;
    start_catalogs();
    record_policy();
    if (auto error = start_relay(); !error.empty())
        return error;
    log_policy();
    look_at_files();
    return {};
}

std::string Serving::open_audit()
{
    const auto& directory = configuration_.audit.directory;
    audit::WriterOptions options;
    options.directory = directory;
    options.segment_bytes = configuration_.audit.segment;
    options.checkpoint_every = configuration_.audit.checkpoint;
    options.version = STEPGATE_VERSION;
    options.on_problem = [](const std::string& text) { log_error(text); };
    options.on_recovery = [](const std::string& text) { log_info(text); };
    auto writer = audit::Writer::open(std::move(options));
    if (!writer)
        return writer.error().message;
    writer_ = std::move(*writer);
    auto feeder = audit::Feeder::start({.directory = directory,
                                        .on_problem = [](const std::string& text) { log_warning(text); },
                                        .on_recovery = [](const std::string& text) { log_info(text); }});
    if (!feeder)
        return feeder.error().message;
    feeder_ = std::move(*feeder);
    audit_source_.emplace(directory, *writer_);
    overviews_.emplace(directory);
    recorder_.emplace(*writer_);
    diagnostics_.emplace(*writer_, *feeder_);
    return {};
}

std::string Serving::open_store()
{
    auto opened = store::SqliteStore::open(configuration_.store);
    if (!opened)
        return opened.error().message;
    store_ = std::move(*opened);
    if (auto alone = store_->serve_alone(); !alone)
        return alone.error().message;
    users_.emplace(*store_, configuration_.passwords.long_lived);
    if (!users_->refresh())
        return configuration_.store.string() + ": the users cannot be read";
    return {};
}

void Serving::make_challenges()
{
    namespace challenges = challenge_web::challenges;
    challenges::ChallengesOptions options;
    options.limit_per_user = configuration_.limits.challenges_per_user;
    options.limit_total = configuration_.limits.challenges;
    options.may_approve = [this](const std::string& name, const std::string& group) {
        const auto user = users_->find(name);
        return user && !user->disabled && std::binary_search(user->groups.begin(), user->groups.end(), group);
    };
    challenges_ = std::make_unique<challenges::Challenges>(std::move(options));
    challenge_recorder_.emplace(*writer_, *challenges_);
    // The journal first: what a page shows has been recorded.
    challenges_->observe([this](const challenges::Event& event) {
        (*challenge_recorder_)(event);
        notices_->challenge(event);
        push_->on_challenge(event); // before pages and terminals ask for it
        if (web_)
            web_->on_challenge(event);
    });
    challenges_->observe_elevations([this](const challenges::ElevationEvent& event) { (*challenge_recorder_)(event); });
}

std::string Serving::start_mail()
{
    if (!configuration_.mail)
        return {};
    auto server = mail_server(*configuration_.mail);
    if (!server)
        return configuration_.file.string() + ": the password of [mail] cannot be read";
    mail_ = std::make_unique<outbound::MailSender>(std::move(*server));
    return {};
}

std::string Serving::start_notifications()
{
    auto targets = notification_targets(configuration_);
    if (const auto* problem = std::get_if<std::string>(&targets))
        return *problem;
    notify::Outlets outlets;
    outlets.mail = [this](outbound::Mail mail, outbound::OnSent on_sent) {
        return mail_ && mail_->send(std::move(mail), std::move(on_sent));
    };
    outlets.addresses = [this](const std::string& group, const std::string& but_not) {
        return addresses_of(*store_, group, but_not);
    };
    outlets.failed = [this](const notify::Failure& failure) { record_lost_message(failure); };
    notifier_.emplace(std::get<std::vector<notify::TargetSettings>>(std::move(targets)), std::move(outlets));
    notices_.emplace(*notifier_, configuration_.web ? configuration_.web->public_url : std::string{},
                     [this](const std::string& name) { return users_->find(name).has_value(); });
    lockout_.observe([this](const std::string& user, const std::string& address) { notices_->lockout(user, address); });
    diagnostics_->notifier(&*notifier_);
    return {};
}

/// Nobody got it: the log says so, and the audit.
void Serving::record_lost_message(const notify::Failure& failure)
{
    log_warning("a message of " + failure.event + " did not reach " +
                (failure.target.empty() ? std::string{"anybody"} : failure.target) + ": " + failure.problem);
    audit::Record record;
    record.type = audit::Type::notification_failed;
    record.at = std::chrono::system_clock::now();
    record.fields.emplace_back("target", failure.target);
    record.fields.emplace_back("event", failure.event);
    if (!failure.challenge.empty())
        record.fields.emplace_back("challenge", failure.challenge);
    record.fields.emplace_back("message", failure.id);
    record.fields.emplace_back("tries", std::int64_t{failure.tries});
    record.fields.emplace_back("reason", failure.problem);
    if (!writer_->submit(std::move(record)))
        log_error("the audit journal could not record that");
}

void Serving::start_catalogs()
{
    // A copy: a reload may replace the configuration while a thread reads.
    const auto listeners = std::make_shared<const std::vector<Listener>>(configuration_.listeners);
    upstream::CatalogServices services;
    services.read = [this, listeners](const std::string& listener, const std::string& database,
                                      const std::vector<std::int32_t>& backends) {
        return read_catalog_of(*listeners, listener, database, backends, ending_);
    };
    services.load = [this](const std::string& listener, const std::string& database) {
        const auto text = store_->lineage(listener, database);
        return text ? *text : std::string{};
    };
    services.save = [this](const std::string& listener, const std::string& database, const std::string& json) {
        return store_->save_lineage(listener, database, json).has_value();
    };
    services.labelled = [this](std::string_view database, std::string_view schema, std::string_view table,
                               std::string_view column) {
        policies::statement::TableAccess access;
        access.table.append(schema).append(1, '.').append(table);
        access.schema_known = true;
        if (!column.empty())
            access.columns.emplace_back(column);
        return !policy_.load()->label_index().of(access, database).empty();
    };
    services.log = [](bool problem, const std::string& text) { problem ? log_warning(text) : log_info(text); };

    std::vector<upstream::CatalogListener> known;
    for (const auto& listener : *listeners) {
        known.push_back({listener.name, listener.reads_catalog(), listener.catalog.refresh});
        if (!listener.reads_catalog())
            log_warning("listener " + listener.name +
                        (listener.protocol == Protocol::postgres
                             ? " reads no catalogs: names are matched as they are written. Give it an account: "
                             : " reads no catalogs: what names tables is not understood. Give it an account: ") +
                        "catalog = {user = \"…\", password = {env = \"…\"}}");
    }
    catalogs_ = std::make_unique<upstream::CatalogService>(std::move(services), std::move(known));
    for (const auto& listener : *listeners)
        if (listener.reads_catalog() && listener.protocol == Protocol::mysql) // one for all databases of the server
            kept_catalogs_.push_back(catalogs_->attach(listener.name, {}));
        else if (listener.reads_catalog() && listener.upstream.database)
            kept_catalogs_.push_back(catalogs_->attach(listener.name, *listener.upstream.database));
    diagnostics_->catalogs(catalogs_.get());
}

std::string Serving::start_relay()
{
    auto listeners = relay_listeners(configuration_);
    if (const auto* error = std::get_if<std::string>(&listeners))
        return *error;
    impact_ = std::make_unique<upstream::ImpactEstimator>();
    session::Services services;
    services.audit = writer_.get();
    services.challenges = challenges_.get();
    services.find_user = [this](std::string_view name) { return users_->find(name); };
    services.log = [](session::LogLevel level, std::string_view session, std::string_view text) {
        log_line(static_cast<LogLevel>(level), session, text);
    };
    services.estimate_impact = [this](std::string challenge, upstream::ImpactRequest request) {
        impact_->ask(std::move(request), [this, challenge = std::move(challenge)](upstream::ImpactEstimate estimate) {
            challenges_->note_impact(challenge,
                                     {estimate.rows, std::move(estimate.tables), std::move(estimate.cascades),
                                      std::move(estimate.locks), std::move(estimate.problem)},
                                     std::chrono::system_clock::now());
        });
    };
    services.number_of = [this](const challenge_web::challenges::Digest& digest) { return push_->number(digest); };
    services.live_sessions = &live_sessions_;
    services.lockout = &lockout_;
    services.database_of = [this](const std::string& listener, const std::string& database) {
        return catalogs_->attach(listener, database);
    };
    if (configuration_.web)
        services.public_url = configuration_.web->public_url;
    auto options = relay_options(configuration_);
    options.limits.connections = share_.sessions;
    proxy_ = std::make_unique<session::Proxy>(std::move(services), options);
    auto error =
        proxy_->start(std::get<std::vector<session::ListenerOptions>>(std::move(listeners)), configuration_.policy);
    if (error.empty())
        diagnostics_->relay(proxy_.get());
    return error;
}

/// Before it is in force: what was judged under it, on whichever thread, stands behind it in the journal.
void Serving::record_policy()
{
    audit::Record record;
    record.type = audit::Type::policy_loaded;
    record.at = std::chrono::system_clock::now();
    overviews_->loaded(configuration_.policy, record.at);
    record.fields.emplace_back("revision", configuration_.policy->revision());
    record.fields.emplace_back("rules", static_cast<std::int64_t>(configuration_.policy->rules().size()));
    if (!writer_->submit(std::move(record)))
        log_error("the audit journal could not record the policy");
}

void Serving::log_policy() const
{
    log_info("policy " + std::string(configuration_.policy->short_revision()) + " in force");
}

void Serving::reload()
{
    auto loaded = load_configuration(configuration_.file);
    if (const auto* errors = std::get_if<std::vector<policies::rules::PolicyError>>(&loaded)) {
        for (const auto& error : *errors)
            log_error(to_string(error));
        log_error("nothing was reloaded: the old policy stays in force");
        return;
    }
    if (auto error = proxy_->reload_certificates(); !error.empty())
        log_error("certificates were not reloaded: " + error);
    if (web_) {
        if (auto reloaded = web_->reload_certificates(); reloaded.has_error())
            log_error("the web certificate was not reloaded: " + configuration_.web->certificate.string() + ", " +
                      configuration_.web->key.string() + ": " + reloaded.error().message());
    }
    look_at_files();
    for (const auto key : keys_for_next_start(configuration_, std::get<Configuration>(loaded)))
        log_warning(std::string(key) + " has changed: that counts from the next start on");
    reload_notifications(std::get<Configuration>(loaded));
    auto policy = std::get<Configuration>(loaded).policy;
    if (policy->revision() == configuration_.policy->revision()) {
        log_info("reloaded: the policy is unchanged");
        return;
    }
    configuration_.policy = std::move(policy);
    record_policy();
    policy_.store(configuration_.policy);
    proxy_->reload(configuration_.policy);
    catalogs_->refresh_all(); // other names may be labelled now
    challenges_->end_elevations("", "the policy has changed", std::chrono::system_clock::now());
    log_policy();
    notices_->policy_changed(std::string(configuration_.policy->short_revision()));
}

void Serving::look_at_files()
{
    auto dates = certificate_dates(configuration_);
    for (const auto& sentence : warnings_of(dates, std::chrono::system_clock::now()))
        log_warning(sentence);
    for (const auto& sentence : warnings_of_loose_files(configuration_))
        log_warning(sentence);
    diagnostics_->certificates(std::move(dates));
}

/// Their secrets too; a receiver that had said that it is gone is asked again.
void Serving::reload_notifications(const Configuration& loaded)
{
    auto targets = notification_targets(loaded);
    if (const auto* problem = std::get_if<std::string>(&targets)) {
        log_error("notifications were not reloaded: " + *problem);
        return;
    }
    notifier_->replace(std::get<std::vector<notify::TargetSettings>>(std::move(targets)));
}

void Serving::make_user_changes()
{
    user_changes_.emplace(*store_, *writer_, [this](const store::UserChange& change) {
        const bool leaves_proofs_valid =
            change.change == "added" || change.change == "enrolment link" || change.change.starts_with("API token");
        if (!leaves_proofs_valid)
            challenges_->end_elevations(
                change.user, change.change == "factor removed" ? "a factor was removed" : "user " + change.change,
                std::chrono::system_clock::now());
        if (change.change == "disabled" || change.change == "removed" || change.change == "groups changed")
            challenges_->end_elevations_approved_by(change.user, change.user + ", who approved it: " + change.change,
                                                    std::chrono::system_clock::now());
        if (change.change == "groups changed")
            if (const auto user = users_->find(change.user))
                live_sessions_.groups_changed(change.user, user->groups);
        if (change.change == "disabled") {
            const bool on_a_page = !change.by.client_address.empty();
            for (const auto& live : live_sessions_.list(change.user))
                (void)live_sessions_.end(live.id, on_a_page ? change.by.name : "an administrator");
        }
        notices_->user_changed(change.user, change.change, change.by.name);
    });
}

void Serving::tick(std::chrono::system_clock::time_point now)
{
    const auto steady = std::chrono::steady_clock::now();
    memory_.tick(steady);
    if (const auto sentence = clock_watch_.look(now, steady); !sentence.empty())
        log_warning(sentence);
    challenges_->tick(now);
    const auto version = store_->change_counter();
    const bool changed = version && *version != users_version_;
    const bool read = version && (!changed || users_->refresh());
    if (changed)
        push_->refresh();
    if (!read && store_works_)
        log_error("the store cannot be used (full, gone, locked or damaged): sign-ins and approvals are refused until "
                  "it can");
    if (read && !store_works_)
        log_info("the store can be used again");
    store_works_ = read;
    diagnostics_->store_available(read);
    if (read) {
        users_version_ = *version;
        user_changes_->record();
    }
}

void Serving::drain(const std::function<bool()>& hurried)
{
    diagnostics_->draining();
    log_info("draining: busy sessions have " + std::to_string(configuration_.limits.drain.count()) +
             " s, or until the next SIGTERM or SIGINT");
    proxy_->drain(configuration_.limits.drain, hurried);
}

} // namespace stepgate::proxy::app
