#pragma once

#include "policies/postgres/session_state.h"
#include "policies/rules/judge.h"
#include "protocols/postgres/query.h"
#include "protocols/postgres/report.h"
#include "protocols/postgres/scanner.h"
#include "protocols/postgres/tracker.h"
#include "proxy/session/guarded_session.h"
#include "proxy/session/postgres_front_door.h"
#include "proxy/session/postgres_plan.h"
#include "proxy/session/postgres_records.h"
#include "proxy/session/postgres_words.h"
#include "proxy/upstream/impact.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace stepgate::proxy::session
{

/// One PostgreSQL client and its server. Two coroutines on one thread: the client's side inspects, judges and forwards
/// the client's bytes (and waits while a statement is held); the server's side follows the replies and forwards them.
/// Owned by its coroutines: it dies when both have ended.
class PostgresSession final : public GuardedSession
{
  public:
    PostgresSession(Worker& worker, std::shared_ptr<const Listening> listening, net::Socket socket,
                    const boost::asio::ip::tcp::endpoint& from);
    ~PostgresSession() override;

    void cancel() override;

  private:
    /// What to do with a message of the client.
    enum class Step : std::uint8_t {
        forward,
        drop,     // the server would discard it, or must not see it
        more,     // no whole message is there yet
        describe, // its result is not known yet: ask the server first
        look_up,  // what it names changed: wait for the new catalogs
        settle,   // what was sent before may change its meaning: wait for the answers
        hold,     // a challenge, or a denial
        slow,     // the audit's queue is full
        goodbye,  // Terminate
        fatal,    // the protocol was broken: `fatal_`
    };

    // Life (postgres_session.cpp)
    [[nodiscard]] net::Task<void> run() override;
    [[nodiscard]] std::string_view dialect() const override { return "postgres"; }
    [[nodiscard]] bool is_quiet() const override { return tracker_.quiet(); }
    [[nodiscard]] bool may_end() const override;
    void encode_rejection(wire::Bytes& out, const Rejected& rejected) const override;
    void say_last(std::string_view sqlstate, std::string_view message) override;
    void part_from_server() override;
    void forget() override;
    void wake() override;
    [[nodiscard]] net::Task<bool> enter();
    [[nodiscard]] net::Task<std::optional<Rejected>> connect_server(const ClientStartup& startup);
    [[nodiscard]] Rejected no_server(upstream::Failure failed) const;
    [[nodiscard]] net::Task<std::optional<Rejected>> admit(const ClientStartup& startup);
    [[nodiscard]] std::optional<Rejected> permit(const ClientStartup& startup);
    [[nodiscard]] net::Task<void> greet(const ClientStartup& startup);
    [[nodiscard]] std::optional<Rejected> feed_greeting();
    [[nodiscard]] upstream::Target target() const;

    // The client's side (postgres_client_side.cpp, postgres_inspect.cpp, postgres_execute.cpp)
    [[nodiscard]] net::Task<void> relay_client();
    [[nodiscard]] net::Task<bool> handle(Step step);
    [[nodiscard]] Step advance();
    [[nodiscard]] bool send_at_once();
    [[nodiscard]] net::Task<bool> send_ready();
    [[nodiscard]] Step inspect(const protocols::postgres::Frame& frame, const PlannedFrame* planned);
    [[nodiscard]] Step inspect_query(const protocols::postgres::Frame& frame, const PlannedFrame* planned);
    [[nodiscard]] Step inspect_parse(const protocols::postgres::Frame& frame, const PlannedFrame* planned);
    [[nodiscard]] bool may_run_when_prepared() const;
    [[nodiscard]] bool must_hold_to_prepare(const PreparedStatement& statement) const;
    [[nodiscard]] Step inspect_bind(const protocols::postgres::Frame& frame, const PlannedFrame* planned);
    [[nodiscard]] Step inspect_execute(const protocols::postgres::Frame& frame, const PlannedFrame* planned);
    [[nodiscard]] Step inspect_function_call(const protocols::postgres::Frame& frame, const PlannedFrame* planned);
    [[nodiscard]] Step inspect_describe(const protocols::postgres::Frame& frame);
    [[nodiscard]] Step inspect_close(const protocols::postgres::Frame& frame);
    [[nodiscard]] Step inspect_copy(const protocols::postgres::Frame& frame);
    [[nodiscard]] Step inspect_sync(const protocols::postgres::Frame& frame);
    [[nodiscard]] Step broken(const boost::system::error_code& error);
    [[nodiscard]] protocols::postgres::Tag begin_approved(const PreparedStatement& statement,
                                                          const protocols::postgres::Bind& bind,
                                                          const policies::rules::Verdict& verdict);
    [[nodiscard]] Step ask_whether_there();
    [[nodiscard]] StatementPointer as_bound(StatementPointer statement, const protocols::postgres::Bind& bind);
    [[nodiscard]] StatementPointer with_any_numbers(const PreparedStatement& statement, std::uint64_t places);
    void refresh(PreparedStatement& statement);
    [[nodiscard]] std::shared_ptr<const policies::rules::MatchedFacts> facts_of(std::string_view sql);
    [[nodiscard]] StatementPointer called_by_number(const protocols::postgres::FunctionCall& call);
    [[nodiscard]] policies::rules::Verdict verdict_on_call(const PreparedStatement& call) const;
    [[nodiscard]] std::optional<Step> must_look_up(const PreparedStatement& statement) const;
    void catalog_read() override { state_.catalog_read(); }
    [[nodiscard]] StatementPointer prepared(const protocols::postgres::Parse& parse) const;
    [[nodiscard]] std::string values_of(const PreparedStatement& statement) const;
    [[nodiscard]] static StatementPointer unknown(std::string_view verb, std::string_view name);
    void notify(const policies::rules::Verdict& verdict);
    [[nodiscard]] policies::rules::Verdict verdict_on(const policies::rules::MatchedFacts& facts,
                                                      std::string_view sql) const;
    [[nodiscard]] bool must_settle() const { return effects_in_flight_ > 0 || undecided_; }
    [[nodiscard]] std::optional<Step> unreadable(std::string_view name, bool planned = false);
    [[nodiscard]] bool must_settle_names(const PreparedStatement& statement) const;
    [[nodiscard]] bool must_judge(const Portal& portal) const;
    [[nodiscard]] bool may_mean_otherwise(const Portal& portal);
    [[nodiscard]] static bool means_otherwise(const Portal& portal);
    /// Audits and registers an execution; 0 if the audit cannot take it now.
    [[nodiscard]] protocols::postgres::Tag begin_execution(const PreparedStatement& statement,
                                                           const policies::rules::Verdict& verdict);
    void depart(protocols::postgres::Tag tag, const StatementPointer& statement, std::uint64_t number, bool simple,
                Processes cancels);
    void define_names(const PreparedStatement& statement, std::uint64_t number);

    // The server's side (postgres_server_side.cpp)
    [[nodiscard]] net::Task<void> relay_server();
    [[nodiscard]] bool scan_server();
    [[nodiscard]] bool on_server_frame(const protocols::postgres::Frame& frame);
    void on_ready(const protocols::postgres::Event& event);
    void on_outcome(const protocols::postgres::Event& event, const protocols::postgres::Frame& frame);
    void on_parameter(const protocols::postgres::Frame& frame);
    void rename();
    void apply_effects(Flight& flight, const protocols::postgres::Frame& frame);
    void apply_committed(const Flight& flight);
    void forget_names(const policies::statement::Facts& facts);
    void forget_effects(Flight& flight);
    void discarded(Flight& flight);
    void forget_all_effects();
    void cancel_others(Flight& flight);
    void report(Flight& flight, std::string_view sqlstate);
    [[nodiscard]] bool forgets_names() const;
    void land_all();
    void inject(wire::View messages);

    // Where results come from (postgres_origins.cpp): the second line of defence
    [[nodiscard]] bool watches_results();
    [[nodiscard]] bool must_describe(const PreparedStatement& statement);
    [[nodiscard]] net::Task<bool> describe_first();
    void on_description(const protocols::postgres::Event& event, const protocols::postgres::Frame& frame);
    [[nodiscard]] bool stands_for_execute(const protocols::postgres::Event& event) const;
    void on_result(Described described, const protocols::postgres::Frame& frame);
    [[nodiscard]] std::vector<policies::statement::TableAccess>
    unexpected_origins(const policies::rules::MatchedFacts& facts, const protocols::postgres::Frame& frame);
    void guard(Flight& flight, std::vector<policies::statement::TableAccess> origins);
    void unguard(Flight& flight);
    [[nodiscard]] Flight* flight_of(protocols::postgres::Tag tag);
    [[nodiscard]] bool rows_must_wait();

    // Values that leave in an error or a notice (postgres_errors.cpp)
    [[nodiscard]] bool withholds_values() const;
    [[nodiscard]] bool rewrites_notice(const protocols::postgres::Frame& notice);
    [[nodiscard]] bool rewrites_error(protocols::postgres::Tag tag, const protocols::postgres::Frame& error);
    [[nodiscard]] std::vector<policies::statement::TableAccess> shown_by(const protocols::postgres::Report& error,
                                                                         protocols::postgres::Tag tag);
    [[nodiscard]] bool may_see(std::vector<policies::statement::TableAccess> rows);

    // Rows that wait (postgres_rows.cpp)
    enum class Rows : std::uint8_t {
        flow,
        held,    // the server is not read until a person answers
        swallow, // refused: what the server still says about it is not for the client
    };
    [[nodiscard]] net::Task<bool> hold_rows();
    [[nodiscard]] net::Task<bool> challenge_rows(Plan& plan, protocols::postgres::Tag tag);
    [[nodiscard]] net::Task<bool> release_rows(Plan& plan, Gate& gate, const challenge_web::challenges::Opened& opened,
                                               protocols::postgres::Tag tag);
    [[nodiscard]] Plan plan_rows(protocols::postgres::Tag tag);
    [[nodiscard]] net::Task<bool> end_rows(protocols::postgres::Tag tag, Words words);
    [[nodiscard]] net::Task<bool> refuse_rows_unaudited(protocols::postgres::Tag tag);
    [[nodiscard]] bool is_alone(protocols::postgres::Tag tag) const;
    void pass_rows(protocols::postgres::Tag tag);
    [[nodiscard]] static bool passes_while_swallowing(const protocols::postgres::Frame& frame);
    [[nodiscard]] bool end_swallowing(bool at_ready);

    // Holding (postgres_hold.cpp, postgres_plan.cpp, postgres_refuse.cpp)
    [[nodiscard]] net::Task<bool> hold_watched(SteadyTime read_at) override;
    [[nodiscard]] net::Task<bool> quiet();
    [[nodiscard]] net::Task<void> collect() override;
    [[nodiscard]] policies::rules::Verdict judge_held() override;
    [[nodiscard]] Plan make_plan();
    [[nodiscard]] bool plan_frame(Plan& plan, const protocols::postgres::Frame& frame);
    void plan_execution(Plan& plan, StatementPointer statement, const protocols::postgres::Bind* bind);
    void add_settings(PlannedExecution& execution) const;
    [[nodiscard]] bool plan_function_call(Plan& plan, const protocols::postgres::Frame& frame);
    [[nodiscard]] static HeldBatch batch_of(const Plan& plan);
    [[nodiscard]] bool audit_held(std::string_view action) override;
    [[nodiscard]] Words refusal(const policies::rules::Verdict& verdict) const override;
    [[nodiscard]] net::Task<std::optional<HeldBatch>> batch() override;
    [[nodiscard]] bool in_transaction() const override
    {
        return tracker_.transaction() != protocols::postgres::Transaction::idle;
    }
    [[nodiscard]] bool keeps_locks() const override;
    [[nodiscard]] bool runs_it_again() const override;
    [[nodiscard]] JudgedAgain judge_again() override;
    void tell_held(const policies::rules::Verdict& verdict, const ChallengeSign& sign) override;
    void remind(const ChallengeSign& sign) override;
    void keep_alive() override;
    void tell_approved() override;
    void describe_session(upstream::ImpactRequest& request) override;
    [[nodiscard]] bool is_servers_function(std::string_view function) const override
    {
        return function.starts_with("pg_catalog.");
    }
    [[nodiscard]] bool is_temporary(std::string_view table) const override;
    [[nodiscard]] net::Task<bool> release() override;
    [[nodiscard]] net::Task<bool> refuse(Words words) override;
    [[nodiscard]] net::Task<bool> wait_for_audit();

    // Slips of the pen (postgres_misspelt.cpp)
    [[nodiscard]] bool may_be_misspelt() const;
    [[nodiscard]] net::Task<bool> answer_if_misspelt(bool& answered) override;

    std::vector<std::string> startup_rules_; // that allowed parameters of the start
    bool replication_ = false;               // replication commands are not SQL

    protocols::postgres::Tracker<StatementPointer, Portal> tracker_;
    protocols::postgres::Scanner client_scanner_, server_scanner_;
    policies::postgres::SessionState state_;
    protocols::postgres::Ring<Flight> flights_;                 // number + 1 is the tag
    std::vector<std::pair<std::string, std::string>> reported_; // parameters to tell `state_` once all is quiet
    StatementPointer query_;                                    // reused for each Query's text
    std::uint64_t group_ = 1;
    std::size_t current_ = 0; // bytes of the message that was inspected last
    std::size_t ready_ = 0;   // bytes at the front of `in_` that may go to the server
    std::size_t effects_in_flight_ = 0;
    static constexpr unsigned reads_at_a_stretch = 32;
    bool group_open_ = false;     // extended messages went on since the last Sync
    bool group_executed_ = false; // and one of them ran something: the server keeps its locks until Sync
    bool failed_since_ready_ = false;
    bool changed_ = false; // by extended messages since the last Sync or Query, as their answers say
    // Such a change hangs on how the transaction ends, which ReadyForQuery will say (docs 55.2.4).
    bool undecided_ = false;

    wire::Bytes between_;   // to be put between two messages of the server
    wire::Bytes instead_;   // our error in place of the server's about the refusal statement
    wire::Bytes rewritten_; // an error of the server's that lost its detail
    bool parsing_ = false;  // the server parses what may be misspelt,
    wire::Bytes misspelt_;  // and says that it is
    wire::Bytes scratch_;
    upstream::Greeting greeting_;
    upstream::StartState start_state_;
    std::vector<std::string> start_path_; // of it, cut into names
    wire::Bytes key_;                     // the client's, of CancelRequest

    std::optional<ApprovedParse> approved_parse_; // not used up yet
    bool asked_whether_there_ = false;            // the server, of a name that is not known here

    protocols::postgres::Ring<Described> described_;
    std::shared_ptr<const policies::sensitivity::OriginLabels> origins_; // null: no result needs to be looked at
    const policies::rules::Policy* origins_policy_ = nullptr;            // that they are by
    std::uint64_t origins_view_ = 0;                                     // likewise
    std::vector<std::optional<std::string>> literals_; // of the last Bind, by which a WHERE may hold for every row
    std::vector<protocols::postgres::Column> columns_;
    std::size_t guarded_ = 0; // flights whose rows wait
    Rows rows_ = Rows::flow;
    bool refused_group_ = false; // what is swallowed was an Execute, and the client is still before its Sync
    bool sending_ = false;       // part of a message may be on its way to the server

    Signal rows_signal_;   // wakes the server's side when it waits for an answer about rows
    Plan* plan_ = nullptr; // of the batch that is held, until `hold_watched` ends
    bool waiting_ = false; // the client's side waits for the server's

    boost::system::error_code fatal_;
    bool registered_ = false, terminated_ = false;
};

} // namespace stepgate::proxy::session
