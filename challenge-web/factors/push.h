#pragma once

#include "challenge-web/challenges/challenges.h"
#include "challenge-web/challenges/random.h"
#include "challenge-web/factors/factor.h"
#include "challenge-web/factors/guesses.h"
#include "challenge-web/factors/push_questions.h"
#include "challenge-web/factors/web_push.h"

#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::challenge_web::factors
{

/// One message to a push service (RFC 8030 section 5).
struct PushRequest {
    std::string url;
    std::vector<std::string> headers; // "Name: value"
    std::string body;
};

struct PushSettings {
    std::string subject;            // "mailto:…" or "https://…": where push services can ask about us
    std::string key;                // VAPID: the same for as long as browsers are enrolled
    std::vector<std::string> hosts; // of push services: "push.example", "*.push.example", "push.example:8443"
};

/// What pushing needs of others. Called on any thread.
struct PushPorts {
    std::function<std::optional<int>(const PushRequest&)> send; // the status of the answer; nullopt: none. Blocks
    std::function<bool(std::function<void()>)> run;             // on a worker; false: there is no room
    std::function<bool(const challenges::Snapshot&, const std::string& user)> may_decide;
    /// Removes a browser that its push service no longer knows, and has it audited. False: it is still there.
    std::function<bool(const std::string& user, const std::string& credential)> remove;
    std::function<void(const std::string& problem)> log;
};

/// The origin of a push service's address, "https://push.example": https, of one of the hosts, without user, and with
/// no port but the one that is named there. Everything else is refused, so that a user cannot make stepgate call
/// addresses inside the network (server-side request forgery).
[[nodiscard]] std::optional<std::string> push_origin(std::string_view endpoint, const std::vector<std::string>& hosts);

/// Messages to browsers with a service worker (Web Push), with number matching. When a statement is held whose
/// requester has such a browser, the terminal shows a number, and a message that only that browser can read carries a
/// token. Possession is proved by the token; that its owner sits at the terminal, by choosing its number among three.
/// Both are for one challenge and good once; a wrong number burns them. Possession, not phishing-resistant: somebody
/// can be talked into choosing. For requesters only: who approves for others sees no terminal, so there is no number
/// that would show anything; they get a message with a link, and prove themselves otherwise. It never signs in.
class Push final : public GuessedFactor
{
  public:
    /// `ports.send` empty: this installation pushes nothing, and nobody has this factor. `accounts` outlives this;
    /// `ports.run` has nothing left of this when it ends.
    Push(accounts::Accounts& accounts, PushSettings settings, PushPorts ports,
         challenges::RandomSource random = challenges::system_random());

    [[nodiscard]] std::string_view name() const override { return "push"; }
    [[nodiscard]] bool available() const { return static_cast<bool>(ports_.send); }
    /// For PushManager.subscribe: base64url.
    [[nodiscard]] std::string public_key() const;
    [[nodiscard]] result<bool> enrolled(const std::string& user) override;
    /// Learns who has this factor: at the start, and when users have changed.
    void refresh();

    /// Asks, sends and forgets, as challenges come and go. Never blocks.
    void on_challenge(const challenges::Event& event);
    /// What the terminal shows for a challenge; "": nothing.
    [[nodiscard]] std::string number(const challenges::Digest& digest) const { return questions_.number(digest); }
    /// Can this user still answer by push?
    [[nodiscard]] bool waits_for(const Ask& ask) const;

    /// Sends once more; tokens of older messages are void when the new ones go. {}. errc::not_enrolled: nothing was
    /// asked, or it was answered; busy; unsupported at sign-in.
    [[nodiscard]] result<std::string> begin(const Ask& ask) override;
    /// For who opened the message: {"numbers":["12","47","83"]}. errc::unknown_credential, replayed, expired.
    [[nodiscard]] result<std::string> choices(const Ask& ask, const std::string& token) const;
    /// {"token":"…","number":"47"}. errc::wrong_code counts and burns; the others as for `choices`.
    [[nodiscard]] result<Proof> verify(const Ask& ask, std::string_view answer) override;

    /// errc::unsupported: it needs a subscription.
    [[nodiscard]] result<Enrolment> begin_enrolment(const accounts::User& user, TimePoint now) override;
    /// Sends a test message to a browser: its token must come back. errc::refused_endpoint, malformed, busy.
    [[nodiscard]] result<Enrolment> subscribe(const accounts::User& user, const PushSubscription& subscription,
                                              TimePoint now);
    /// {"token":"…"} of the test message. errc::wrong_code: ask again.
    [[nodiscard]] result<Enrolled> finish_enrolment(const Enrolment& enrolment, std::string_view answer,
                                                    const std::string& name, TimePoint now) override;

  private:
    /// What a service worker shows.
    struct Message {
        std::string title, body;
        std::string url;   // to open
        std::string tag;   // replaces a notification with the same one
        std::string enrol; // the token of a test message; "" for others
        TimePoint expires{};
    };
    [[nodiscard]] bool has_browser(const std::string& user) const;
    [[nodiscard]] bool take_turn(const std::string& who, TimePoint now);
    void opened(const challenges::Snapshot& challenge, TimePoint now);
    void tell_approvers(const challenges::Snapshot& challenge, TimePoint now);
    void send_question(const challenges::Digest& digest, TimePoint now);
    void send_to(const std::vector<accounts::PushCredential>& browsers, const Message& message, TimePoint now);
    [[nodiscard]] std::vector<accounts::PushCredential> browsers_of(const std::string& user);
    [[nodiscard]] std::optional<int> deliver(const PushSubscription& subscription, const Message& message,
                                             TimePoint now);
    void send_to_one(const accounts::PushCredential& browser, const Message& message, TimePoint now);
    [[nodiscard]] result<Proof> check_number(const Ask& ask, const std::string& token, const std::string& number);

    accounts::Accounts& accounts_;
    const PushSettings settings_;
    const PushPorts ports_;
    challenges::RandomSource random_;
    PushQuestions questions_;
    mutable std::mutex mutex_;                           // guards what follows
    std::set<std::string, std::less<>> users_;           // who have a browser
    std::map<std::string, std::deque<TimePoint>> turns_; // of messages, in the last minute
};

} // namespace stepgate::challenge_web::factors
