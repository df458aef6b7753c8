#pragma once

#include "policies/rules/asker.h"
#include "policies/rules/matched_facts.h"
#include "proxy/net/buffer.h"
#include "proxy/net/stream.h"
#include "proxy/session/catalog_use.h"
#include "proxy/session/gate.h"
#include "proxy/session/rejected.h"
#include "proxy/session/session.h"
#include "proxy/session/signal.h"
#include "proxy/session/words.h"
#include "proxy/session/worker.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::proxy::session
{

/// One execution that waits, as people and the audit see it. Borrows from the dialect's plan.
struct HeldExecution {
    std::string_view sql;
    std::shared_ptr<const policies::rules::MatchedFacts> facts;
    const std::vector<challenge_web::challenges::Parameter>* parameters;
    const std::vector<challenge_web::challenges::Premise>* premises;
    std::uint64_t number; // in the audit
};

/// What waits together: one challenge for all of it.
struct HeldBatch {
    policies::rules::Verdict verdict;
    std::vector<HeldExecution> executions;
};

/// The same batch, judged once more while it waits.
struct JudgedAgain {
    policies::rules::Verdict verdict;
    std::vector<std::shared_ptr<const policies::rules::MatchedFacts>> facts; // an execution each
    bool unsure = false; // names what was changed, and the catalogs do not show it yet
};

/// What a session is in every dialect: a client, its server, whose it is, its records in the audit, and the life of a
/// hold from the question to the release. Written once, so that dialects cannot drift apart; a dialect translates: see
/// the virtual functions, none of which is called for a statement that passes. Owned by its coroutines, one thread.
class GuardedSession : public Session
{
  public:
    ~GuardedSession() override;

    /// Takes the connection from here; returns at once.
    void start();

    void on_tick(SteadyTime now) final;
    void cancel_hold() final;
    void end_by(const std::string& id, const std::string& who) final;
    void groups_changed(const std::string& id, const std::vector<std::string>& groups) final;
    void drain() final;
    void end() final;

  protected:
    GuardedSession(Worker& worker, std::shared_ptr<const Listening> listening, net::Socket socket,
                   const boost::asio::ip::tcp::endpoint& from);

    /// What waits for the catalogs to show what its names mean now. False: the session is over.
    [[nodiscard]] net::Task<bool> await_catalog();
    void cancel_what_has_left();
    /// A snapshot is in use that was read after everything that this session has done.
    virtual void catalog_read() {}

    // What a dialect translates: its life
    [[nodiscard]] virtual net::Task<void> run() = 0;
    [[nodiscard]] virtual std::string_view dialect() const = 0;
    [[nodiscard]] virtual bool is_quiet() const = 0; // nothing is outstanding at the server
    [[nodiscard]] virtual bool may_end() const = 0;  // and nothing would be lost
    [[nodiscard]] virtual bool in_transaction() const = 0;
    [[nodiscard]] virtual bool keeps_locks() const = 0; // while the statement waits
    virtual void encode_rejection(wire::Bytes& out, const Rejected& rejected) const = 0;
    virtual void say_last(std::string_view sqlstate, std::string_view message) = 0; // the session ends with it
    virtual void part_from_server() = 0; // politely; the connection is closed after it
    virtual void forget() = 0;           // the session is over: what others know it by
    virtual void wake() { signal_.raise(); }
    /// The client cannot be told while it waits: it gets an error shortly, and runs the statement again.
    [[nodiscard]] virtual bool runs_it_again() const { return false; }

    // What a dialect translates: a hold. Called only between `hold` and its end.
    [[nodiscard]] virtual net::Task<void> collect() { co_return; }   // all that is to wait together
    [[nodiscard]] virtual policies::rules::Verdict judge_held() = 0; // that, before anybody is asked
    /// Asks the server what a text is that may be a slip of the pen. False: the session is over. `answered`: the client
    /// has its error, else the text means something.
    [[nodiscard]] virtual net::Task<bool> answer_if_misspelt(bool& answered) = 0;
    [[nodiscard]] virtual bool audit_held(std::string_view action) = 0; // false: no room now; call again
    [[nodiscard]] virtual Words refusal(const policies::rules::Verdict& verdict) const;
    [[nodiscard]] virtual net::Task<std::optional<HeldBatch>> batch() = 0; // what was judged; none: the session is over
    [[nodiscard]] virtual JudgedAgain judge_again() = 0; // the same, as policy, state and catalogs are now
    virtual void tell_held(const policies::rules::Verdict& verdict, const ChallengeSign& sign) = 0;
    virtual void remind(const ChallengeSign& sign) = 0;
    virtual void keep_alive() = 0;
    virtual void tell_approved() = 0;
    virtual void describe_session(upstream::ImpactRequest& request) = 0; // what its statements mean in it
    [[nodiscard]] virtual bool is_servers_function(std::string_view function) const = 0; // as facts name it
    [[nodiscard]] virtual bool is_temporary(std::string_view table) const = 0;           // likewise
    [[nodiscard]] virtual net::Task<bool> release() = 0; // exactly the bytes that were judged, shown and approved
    [[nodiscard]] virtual net::Task<bool> refuse(Words words) = 0; // what waits, with an error of its dialect

    // Life (guarded_session.cpp)
    [[nodiscard]] std::optional<Rejected> enter_limits() const;
    [[nodiscard]] std::optional<Rejected> enter_user();
    [[nodiscard]] net::Task<void> reject(Rejected rejected);
    void change_identity(std::string reason);
    [[nodiscard]] net::Task<void> linger();
    void say_goodbye(std::string_view sqlstate, std::string_view message);
    void stop(std::string reason);
    void lose_track(const boost::system::error_code& error);
    [[nodiscard]] net::Task<void> end_server_side();
    [[nodiscard]] SteadyTime wait_for_server(SteadyTime latest);
    void wait_for_client(SteadyTime deadline);
    void to_client(wire::View bytes);
    void push_to_client();
    [[nodiscard]] net::Task<bool> drain_client();
    [[nodiscard]] bool read_client(bool& again);
    [[nodiscard]] net::Io read_server(bool& again);
    void watch_client();
    void on_client_readable();
    [[nodiscard]] SessionRegistry::Owner owner() const;
    void log(LogLevel level, std::string_view text) const { worker_.shared.log(level, id_, text); }

    // Audit (guarded_audit.cpp)
    [[nodiscard]] audit::Record record(audit::Type type) const;
    [[nodiscard]] std::optional<Rejected> enter_list();
    [[nodiscard]] std::optional<Rejected> enter_audit(std::vector<audit::Field> more);
    void record_end();
    void audit_protocol_error(std::string_view what);
    [[nodiscard]] bool audit_statement(std::uint64_t number, std::string_view sql,
                                       const policies::rules::MatchedFacts& facts,
                                       const policies::rules::Verdict& verdict, std::string_view action);
    void report_outcome(std::uint64_t statement, std::int64_t started_ns, std::int64_t rows, std::string_view sqlstate);
    [[nodiscard]] bool report_late();
    void count(const policies::rules::Verdict& verdict);
    [[nodiscard]] static std::string_view action_observed(const policies::rules::Verdict& verdict);
    [[nodiscard]] bool must_hold(const policies::rules::Verdict& verdict) const;
    [[nodiscard]] net::Task<bool> wait_for_room();
    [[nodiscard]] net::Task<bool> wait_to_write(std::function<bool()> write);

    // Before anybody is asked (guarded_before_asking.cpp)
    [[nodiscard]] net::Task<bool> hold();
    [[nodiscard]] virtual net::Task<bool> hold_watched(SteadyTime read_at);

    // The hold (guarded_hold.cpp)
    enum class Held : std::uint8_t { go_on, again, ended };
    [[nodiscard]] static Held ended_unless(bool alive) { return alive ? Held::go_on : Held::ended; }
    using Opened = challenge_web::challenges::Opened;
    [[nodiscard]] net::Task<Held> challenge(HeldBatch batch, SteadyTime read_at);
    [[nodiscard]] challenge_web::challenges::Question question(const HeldBatch& batch) const;
    [[nodiscard]] boost::system::result<Opened> open_challenge(challenge_web::challenges::Question asked);
    void announce(const HeldBatch& batch, const Opened& opened, SteadyTime read_at);
    [[nodiscard]] net::Task<Gate::End> wait_for_answer(Gate& gate, const Opened& opened, Signal& signal);
    [[nodiscard]] bool note_end(Gate::End end, const Opened& opened);
    [[nodiscard]] std::optional<challenge_web::challenges::ChallengeId>
    use_elevation(const HeldBatch& batch, const challenge_web::challenges::Question& asked);
    void submit_release(audit::Record release);
    [[nodiscard]] net::Task<bool> await_release(std::string challenge, Signal& signal);
    [[nodiscard]] audit::Record release_record(const HeldBatch& batch) const;
    static void name_approval(audit::Record& release, const challenge_web::challenges::Approval& approval);
    [[nodiscard]] net::Task<bool> refuse_unaudited();
    [[nodiscard]] std::chrono::seconds time_to_answer() const;
    [[nodiscard]] ChallengeSign sign_of(const Opened& opened) const;
    /// What the client is told of a hold that ended so.
    [[nodiscard]] Words unreleased(Gate::End end, const policies::rules::Verdict& verdict,
                                   std::string_view reason) const;

    // What it would do (guarded_impact.cpp)
    void ask_impact(const HeldBatch& batch, const Opened& opened);
    [[nodiscard]] std::string keeps_from_planning(const policies::rules::MatchedFacts& matched) const;

    Worker& worker_;
    std::shared_ptr<const Listening> listening_;
    std::shared_ptr<const Certificates> certificates_;
    net::Stream client_, server_;
    net::Buffer in_, server_in_;
    std::string id_, address_;
    std::uint64_t number_;
    policies::rules::Asker asker_;
    std::vector<audit::OutcomeEvent> unreported_; // the audit had no room for these
    std::uint64_t statements_ = 0;

    Signal signal_;           // wakes the client's side when it waits for anything but the client
    CatalogUse catalog_;      // of the database, or of the whole server of MySQL
    Gate* gate_ = nullptr;    // while a challenge is open
    std::uint64_t holds_ = 0; // opened so far: late news of an earlier one are told apart
    std::size_t wanted_ = 1;  // bytes to make room for in the next read from the client
    std::size_t held_ = 0;    // bytes of `in_` that the hold is about
    bool holding_ = false;    // a batch has its numbers and has not departed
    bool watching_ = false, client_closed_ = false;
    bool stalled_ = false;   // what the client sent waits here for the catalogs,
    bool cancelled_ = false; // and the client has cancelled it: the server would not know of what

    std::string end_reason_;
    SteadyTime since_, deadline_, last_client_;
    bool started_ = false, stopping_ = false, server_ended_ = false, draining_ = false;
    bool connecting_ = false;  // the deadline is the server's, not the client's
    bool server_late_ = false; // and it has passed

    wire::Bytes out_; // for the client, where its socket was full

  private:
    void leave();
    void end_identity();
    void on_settled(std::uint64_t hold_number, challenge_web::challenges::State state, const std::string& reason);
    void on_durable(std::uint64_t hold_number, boost::system::error_code failed);
    [[nodiscard]] challenge_web::challenges::Challenges::OnSettled hear(std::uint64_t hold_number);
    [[nodiscard]] net::Task<Held> challenge_shortly(const HeldBatch& batch, challenge_web::challenges::Question asked,
                                                    SteadyTime read_at);
    [[nodiscard]] net::Task<Held> release_elevated(const HeldBatch& batch,
                                                   challenge_web::challenges::ChallengeId covering);
    [[nodiscard]] net::Task<Held> release_approved(const HeldBatch& batch, Gate& gate, const Opened& opened);
    [[nodiscard]] net::Task<std::string> what_has_changed(const HeldBatch& batch);
    [[nodiscard]] net::Task<Held> end_unreleased(Gate::End end, const HeldBatch& batch, Gate& gate,
                                                 const Opened& opened);

    std::size_t out_begin_ = 0;
    unsigned full_reads_ = 0, full_server_reads_ = 0;
    std::optional<boost::system::error_code> durable_;
    ConnectionLimits::Entry entry_ = ConnectionLimits::Entry::dropped;
    bool entered_user_ = false, watch_armed_ = false;
    bool late_ = false; // the login's deadline has passed
};

} // namespace stepgate::proxy::session
