#pragma once

#include "challenge-web/accounts/lockout.h"
#include "challenge-web/challenges/challenges.h"
#include "challenge-web/factors/email_code.h"
#include "challenge-web/factors/identity_provider.h"
#include "challenge-web/factors/passkey.h"
#include "challenge-web/factors/pin.h"
#include "challenge-web/factors/push.h"
#include "challenge-web/factors/recovery_codes.h"
#include "challenge-web/factors/totp.h"
#include "challenge-web/server/server.h"
#include "proxy/app/challenge_recorder.h"
#include "proxy/app/clock_watch.h"
#include "proxy/app/configuration.h"
#include "proxy/app/descriptors.h"
#include "proxy/app/diagnostics.h"
#include "proxy/app/memory.h"
#include "proxy/app/notices.h"
#include "proxy/app/overviews.h"
#include "proxy/app/user_changes.h"
#include "proxy/app/web_ports.h"
#include "proxy/app/wire_users.h"
#include "proxy/audit/feeder.h"
#include "proxy/audit/writer.h"
#include "proxy/notify/notifier.h"
#include "proxy/outbound/job_queue.h"
#include "proxy/outbound/mail_sender.h"
#include "proxy/session/server.h"
#include "proxy/store/sqlite_store.h"
#include "proxy/upstream/catalog_service.h"
#include "proxy/upstream/impact_estimator.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

namespace stepgate::proxy::app
{

/// Everything that `serve` runs, wired together. Members stand in the order in which they come to life; the destructor
/// ends them the other way round: relay first, so that nothing is judged or held any more, journal last.
/// All methods are for the main thread. The pages and their factors are in serving_web.cpp, the rest in serving.cpp.
class Serving
{
  public:
    Serving(Configuration configuration, const DescriptorShare& share);
    ~Serving();
    Serving(const Serving&) = delete;
    Serving& operator=(const Serving&) = delete;

    /// "" or a sentence for people; then nothing runs.
    [[nodiscard]] std::string start();
    /// SIGHUP: policies, certificates and notifications again. Whatever is wrong is logged, and the old ones stay.
    void reload();
    /// About once a second: challenges expire, changed users take effect.
    void tick(std::chrono::system_clock::time_point now);
    /// Lets busy sessions finish, then stops. `hurried`, asked again and again: they are to end now.
    void drain(const std::function<bool()>& hurried);

  private:
    [[nodiscard]] std::string open_audit();
    [[nodiscard]] std::string open_store();
    [[nodiscard]] std::string start_mail();
    [[nodiscard]] std::string start_notifications();
    void record_lost_message(const notify::Failure& failure);
    void reload_notifications(const Configuration& loaded);
    void look_at_files();
    [[nodiscard]] challenge_web::factors::SendMail mail_port();
    [[nodiscard]] std::string make_push();
    [[nodiscard]] challenge_web::factors::PushPorts push_ports();
    [[nodiscard]] std::string make_providers(const std::string& origin);
    [[nodiscard]] std::string start_web();
    void start_catalogs();
    [[nodiscard]] std::string start_relay();
    void make_challenges();
    void make_user_changes();
    void record_policy();
    void log_policy() const;

    std::atomic<bool> ending_{false}; // nobody waits for identity providers and catalogs any more
    Configuration configuration_;
    const DescriptorShare share_;
    std::atomic<std::shared_ptr<const policies::rules::Policy>> policy_; // the same, for other threads
    std::optional<UserChanges> user_changes_; // before the writer, which tells it what is on disk
    std::unique_ptr<audit::Writer> writer_;
    std::unique_ptr<audit::Feeder> feeder_;
    std::unique_ptr<store::SqliteStore> store_;
    std::optional<WireUsers> users_;
    MemoryKeeper memory_;
    ClockWatch clock_watch_;
    bool store_works_ = true;         // as of the last tick
    std::int64_t users_version_ = -1; // of the store, when `users_` was last refreshed
    std::optional<notify::Notifier> notifier_;
    std::optional<Notices> notices_;
    std::unique_ptr<outbound::MailSender> mail_; // none without [mail]; tells `notifier_` what became of its messages
    std::unique_ptr<challenge_web::challenges::Challenges> challenges_;
    std::optional<ChallengeRecorder> challenge_recorder_;
    std::shared_mutex factor_changes_; // between the pages and who pushes
    std::optional<challenge_web::factors::Passkey> passkey_;
    std::optional<challenge_web::factors::Totp> totp_;
    std::optional<challenge_web::factors::RecoveryCodes> recovery_codes_;
    std::optional<challenge_web::factors::Pin> pin_;
    std::optional<challenge_web::factors::EmailCode> email_code_;
    std::vector<std::unique_ptr<challenge_web::factors::IdentityProvider>> identity_providers_;
    std::optional<AuditSource> audit_source_;
    std::optional<Overviews> overviews_;
    std::optional<Recorder> recorder_;
    std::optional<challenge_web::factors::Push> push_;
    std::optional<outbound::JobQueue> push_jobs_; // behind what they use; none without [factors.push]
    std::optional<Diagnostics> diagnostics_;
    challenge_web::accounts::Lockout lockout_; // on the web and at the listeners
    session::LiveSessions live_sessions_;
    DatabaseSessions database_sessions_{live_sessions_};
    std::unique_ptr<challenge_web::server::Server> web_;
    std::unique_ptr<upstream::CatalogService> catalogs_;
    std::vector<std::shared_ptr<upstream::DatabaseCatalog>> kept_catalogs_; // of the databases that listeners name
    std::unique_ptr<upstream::ImpactEstimator> impact_;
    std::unique_ptr<session::Proxy> proxy_;
};

} // namespace stepgate::proxy::app
