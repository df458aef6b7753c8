#pragma once

#include "policies/mysql/session_state.h"
#include "protocols/mysql/framer.h"
#include "protocols/mysql/scanner.h"
#include "protocols/mysql/tracker.h"
#include "proxy/session/guarded_session.h"
#include "proxy/session/mysql_answer.h"
#include "proxy/session/mysql_compression.h"
#include "proxy/session/mysql_front_door.h"
#include "proxy/upstream/mysql_login_steps.h"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::protocols::mysql
{
struct Column;
}
namespace stepgate::proxy::upstream
{
struct ImpactStatement;
}

namespace stepgate::proxy::session
{

/// One client of MySQL or MariaDB and its server. One command at a time: what a client sends before the answer to its
/// last command is complete waits, so a command is always judged in the state that it will run in. Two coroutines on
/// one thread, as in every session: the client's side inspects, judges and forwards; the server's side follows the
/// answers.
class MySqlSession final : public GuardedSession
{
  public:
    MySqlSession(Worker& worker, std::shared_ptr<const Listening> listening, net::Socket socket,
                 const boost::asio::ip::tcp::endpoint& from);
    ~MySqlSession() override;

    void cancel() override;

  private:
    /// What to do with a command.
    enum class Step : std::uint8_t {
        forward,
        more,    // no whole command is there yet
        settle,  // the answer to the last one is not complete
        ask,     // the server has to say what the state is
        look_up, // what it names changed: wait for the new catalogs
        kill,    // it ends what another session waits for
        change,  // COM_CHANGE_USER
        forget,  // the server may keep long data of an execution that failed
        file,    // a piece of a file that the server asked for
        hold,    // a challenge, or a denial
        slow,    // the audit's queue is full
        answer,  // we have answered it
        goodbye, // COM_QUIT
        fatal,   // the protocol was broken: `fatal_`
    };
    using Facts = std::shared_ptr<const policies::rules::MatchedFacts>;

    /// A prepared text with whole numbers in the places of these parameters, a bit each: its facts `with` them are the
    /// same whichever numbers those are, as long as those `without` are.
    struct AnyNumbers {
        std::uint64_t places = 0;
        std::string text;
        Facts without, with;
    };
    /// Text that COM_STMT_PREPARE brought, judged as the state was then: that is how the server has read it.
    struct PreparedText {
        std::string sql;
        Facts facts;
        std::vector<policies::mysql::SqlMode> modes;
        std::string charset, database;
        std::uint64_t generation = 0, catalog = 0; // of the state and the catalogs that `facts` are from
        bool withheld = false;                     // the rows of its last execution were; a cursor may have kept some
        AnyNumbers any_numbers = {};
        // Of the columns that its results have by the description of this version nothing is to be said under
        // `harmless`.
        Facts harmless = {};
        std::uint32_t harmless_version = 0;
        std::uint32_t kept_back = 0; // the client has not seen the description of this version
    };
    using Tracker = protocols::mysql::Tracker<PreparedText>;

    /// The command that was inspected last, and what it executes.
    struct Inspected {
        protocols::mysql::Command command{};
        std::uint32_t statement = 0; // of COM_STMT_*
        std::string_view text;       // of COM_STMT_PREPARE; points into `in_`, or to `sql` where that is held
        std::string sql;             // what is judged; empty: nothing is
        std::string bound;           // it with values by which a WHERE may hold for every row; "": there are none
        std::uint64_t numbers = 0;   // `places` of AnyNumbers, if these are all of those values
        bool unread = false;         // more of its values may matter than were read
        bool aside = false;          // it asks how the statement before went
        Facts facts;
        policies::rules::Verdict verdict;
        std::vector<challenge_web::challenges::Parameter> parameters; // of what is held
        std::vector<challenge_web::challenges::Premise> premises;     // likewise
        std::uint64_t number = 0;                                     // in the audit, once it is there
    };
    /// A command that the server has not answered yet.
    struct Flight {
        std::uint64_t number = 0; // in the audit; 0: it is not there
        std::int64_t started_ns = 0;
        std::int64_t rows = -1;
        Facts effects;                  // set if it may change the session's state
        bool watched = false;           // its results are looked at
        bool labelled = false;          // `origins_` are of it
        bool withheld = false;          // nothing more of its answer is for the client
        bool known_columns = false;     // the server did not say again what its columns are
        std::vector<std::string> files; // that LOAD DATA LOCAL names in it
        bool resets = false;
    };

    // Life (mysql_session.cpp)
    [[nodiscard]] net::Task<void> run() override;
    [[nodiscard]] std::string_view dialect() const override { return state_.version().mariadb ? "mariadb" : "mysql"; }
    [[nodiscard]] bool is_quiet() const override { return !tracker_ || tracker_->quiet(); }
    [[nodiscard]] bool may_end() const override;
    void encode_rejection(wire::Bytes& out, const Rejected& rejected) const override;
    void say_last(std::string_view sqlstate, std::string_view message) override;
    void part_from_server() override;
    void forget() override;
    [[nodiscard]] net::Task<std::optional<Rejected>> admit();
    [[nodiscard]] net::Task<std::optional<Rejected>> greet_server();
    [[nodiscard]] net::Task<std::optional<Rejected>> log_in_to_server();
    [[nodiscard]] net::Task<void> leave_server_in_peace();
    void identify();
    void begin_state();
    [[nodiscard]] net::Task<void> welcome();
    [[nodiscard]] bool begin_compression();
    [[nodiscard]] std::optional<Rejected> unreachable(std::optional<upstream::Failure> failed);
    [[nodiscard]] upstream::Target target() const;
    [[nodiscard]] upstream::MySqlLogin server_login() const;
    [[nodiscard]] upstream::MySqlLogin bare_login() const;

    // Another user on the same connection (mysql_change_user.cpp)
    [[nodiscard]] net::Task<bool> change_user();
    [[nodiscard]] net::Task<std::optional<Rejected>> become(MySqlClient client);
    [[nodiscard]] net::Task<std::optional<Rejected>> change_at_server();
    [[nodiscard]] net::Task<std::optional<upstream::Failure>> exchange_with_server();
    void on_change_answer(const protocols::mysql::Frame& frame);

    // The client's side (mysql_client_side.cpp)
    [[nodiscard]] net::Task<void> relay_client();
    [[nodiscard]] Step advance();
    [[nodiscard]] net::Task<bool> handle(Step step);
    [[nodiscard]] net::Task<bool> forward();
    [[nodiscard]] bool depart();
    [[nodiscard]] bool depart_execution();
    [[nodiscard]] static bool adds_types_to(const Tracker::Statement& statement);
    [[nodiscard]] bool forward_at_once();
    [[nodiscard]] net::Task<bool> quiet();
    [[nodiscard]] net::Task<bool> wait_for_audit();
    [[nodiscard]] net::Task<bool> cancel_target();
    [[nodiscard]] net::Task<bool> forget_long_data();

    // What commands are (mysql_inspect.cpp)
    [[nodiscard]] Step inspect(const protocols::mysql::Frame& frame);
    [[nodiscard]] Step inspect_query(const protocols::mysql::Frame& frame);
    [[nodiscard]] Step inspect_prepare(const protocols::mysql::Frame& frame);
    [[nodiscard]] Step inspect_execute(const protocols::mysql::Frame& frame);
    [[nodiscard]] Step inspect_bulk(const protocols::mysql::Frame& frame);
    template <class Read>
    [[nodiscard]] Step inspect_execution(std::uint32_t id, Read read);
    [[nodiscard]] Step inspect_statement(const protocols::mysql::Frame& frame);
    [[nodiscard]] Step inspect_long_data(const protocols::mysql::Frame& frame);
    [[nodiscard]] Step judge(std::string sql);
    [[nodiscard]] Step judged();
    [[nodiscard]] Step refuse_command(protocols::mysql::Command command);
    [[nodiscard]] Step answer(protocols::mysql::errc error);
    [[nodiscard]] Step broken(const boost::system::error_code& error);

    // What texts mean (mysql_judging.cpp)
    [[nodiscard]] Tracker::Statement* executed();
    void judge_inspected();
    [[nodiscard]] Facts facts_of(std::string_view sql);
    [[nodiscard]] Facts facts_of(PreparedText& prepared);
    [[nodiscard]] Facts facts_aside(std::string_view sql);
    [[nodiscard]] Facts facts_of_execution(PreparedText& prepared);
    void bind_values(const PreparedText& prepared, std::size_t parameters);
    [[nodiscard]] std::string as_bound(const PreparedText& prepared, std::size_t parameters, std::size_t row);
    void bind_all(const PreparedText& prepared, std::size_t parameters);
    void bind_rows(const PreparedText& prepared, std::size_t parameters);
    [[nodiscard]] std::string kinds_of_values(std::size_t parameters, std::size_t row) const;
    [[nodiscard]] bool has_settings_of(const PreparedText& prepared) const;
    [[nodiscard]] Facts in_sight(Facts facts);
    [[nodiscard]] bool must_ask() const;
    [[nodiscard]] std::optional<std::int32_t> kill_target() const;
    [[nodiscard]] bool kills_own_session() const;
    [[nodiscard]] Facts with_object(const policies::rules::MatchedFacts& facts, std::string object) const;
    [[nodiscard]] net::Task<bool> ask();
    [[nodiscard]] net::Task<bool> ask_state();
    [[nodiscard]] net::Task<bool> put(std::string_view question, MySqlAnswer::OnRow on_row);
    void apply_effects(const policies::statement::Facts& facts, bool succeeded);
    void doubt_everything();
    void doubt_settings();

    // The server's side (mysql_server_side.cpp)
    [[nodiscard]] net::Task<void> relay_server();
    [[nodiscard]] bool scan_server();
    [[nodiscard]] bool on_server_frame(const protocols::mysql::Frame& frame);
    void on_end(const protocols::mysql::Event& event);
    void pass(wire::View bytes);

    // Where results come from (mysql_origins.cpp)
    [[nodiscard]] std::string learned_as() const;
    [[nodiscard]] Facts with_learned(Facts facts) const;
    [[nodiscard]] bool watches_result() const;
    void on_column(wire::View definition);
    void on_known_columns();
    [[nodiscard]] bool is_seen(wire::View definition) const;
    void note_seen(wire::View definition);
    [[nodiscard]] bool is_labelled(const protocols::mysql::Column& column);
    void on_labelled_column();

    // Files that clients send (mysql_file.cpp)
    [[nodiscard]] std::vector<std::string> files_named() const;
    void add_files_named(std::string_view sql, std::vector<std::string>& files) const;
    [[nodiscard]] bool was_named(std::string_view file) const;
    [[nodiscard]] Step file_piece();
    [[nodiscard]] net::Task<bool> forward_file_piece();

    // Holding (mysql_hold.cpp)
    [[nodiscard]] policies::rules::Verdict judge_held() override;
    [[nodiscard]] bool audit_held(std::string_view action) override;
    [[nodiscard]] net::Task<std::optional<HeldBatch>> batch() override;
    [[nodiscard]] bool in_transaction() const override
    {
        return tracker_ && tracker_->status().has(protocols::mysql::Status::in_trans);
    }
    [[nodiscard]] bool keeps_locks() const override { return in_transaction(); }
    [[nodiscard]] JudgedAgain judge_again() override;
    [[nodiscard]] bool runs_it_again() const override;
    void tell_held(const policies::rules::Verdict& verdict, const ChallengeSign& sign) override;
    void remind(const ChallengeSign& sign) override;
    void keep_alive() override;
    void tell_approved() override;
    void describe_session(upstream::ImpactRequest& request) override; // mysql_impact.cpp
    [[nodiscard]] bool is_servers_function(std::string_view function) const override
    {
        return function.find('.') == std::string_view::npos; // those of libraries are not understood
    }
    [[nodiscard]] bool is_temporary(std::string_view table) const override
    {
        return state_.temporary(table.substr(table.find('.') + 1));
    }
    [[nodiscard]] std::string keeps_from_planning_elsewhere(const upstream::ImpactStatement& statement,
                                                            const Tracker::Statement* prepared) const;
    [[nodiscard]] net::Task<bool> release() override;
    [[nodiscard]] net::Task<bool> refuse(Words words) override;
    [[nodiscard]] bool may_be_misspelt() const;                                // mysql_misspelt.cpp
    [[nodiscard]] net::Task<bool> answer_if_misspelt(bool& answered) override; // likewise

    void forget_command();
    void progress(std::string_view text);
    void box(std::string_view text);
    void error_to_client(const Words& words);
    void error_to_client(std::uint16_t code, std::string_view sqlstate, std::string_view message);
    void read_parameters();
    void read_variables();
    void read_variables(std::string_view sql);
    void read_modes();
    [[nodiscard]] net::Task<bool> ask_settings();
    [[nodiscard]] bool shows_progress() const;
    [[nodiscard]] bool shows_box() const;

    upstream::MySqlGreeting greeting_;
    MySqlClient peer_;
    MySqlCompression* compression_ = nullptr; // of `client_`, if it has one
    policies::mysql::SessionState state_;
    std::optional<Tracker> tracker_; // once both logins are done
    protocols::mysql::MessageFramer framer_;
    protocols::mysql::Scanner scanner_;
    /// Where the first packet of a result stands in `server_in_`.
    struct Result {
        std::size_t begin;
        std::uint8_t sequence;
    };
    std::optional<Result> result_; // of the last read
    std::size_t kept_ = 0;         // bytes of `server_in_` that were scanned: columns that are not complete

    Inspected inspected_;
    std::vector<protocols::mysql::Parameter> values_; // of the last execution that was inspected; into `in_`
    Flight flight_;
    /// A login on a connection that is logged in: the server's side reads for it, the client's side writes.
    struct ServerChange {
        upstream::MySqlLoginSteps steps;
        wire::Bytes out = {};
        std::optional<upstream::Failure> failed = std::nullopt;
    };
    std::unique_ptr<ServerChange> change_;
    std::unique_ptr<MySqlAnswer> answer_; // to a question of our own, which is outstanding
    /// What the server says of a text that may be misspelt: an error, or else the statement that it is.
    struct Parsed {
        std::uint16_t error = 0;
        std::string sqlstate = {}, message = {};
        std::uint32_t statement = 0;
    };
    std::optional<Parsed> parsed_; // while it is asked
    std::size_t current_ = 0;      // bytes of the command that was inspected last
    std::uint8_t sequence_ = 0;    // of the next packet that answers it
    std::uint8_t told_ = 0;        // packets of ours in front of the server's answer
    protocols::mysql::SequenceShift shift_;
    wire::Bytes scratch_;
    /// A column that was looked at: nothing is to be said about it.
    struct SeenColumn {
        Facts facts; // of its text
        wire::Bytes definition;
    };
    std::array<SeenColumn, 8> seen_columns_;
    std::size_t next_seen_ = 0;
    std::string origin_, origin_column_;                    // of a column, while it is looked at
    std::vector<policies::statement::TableAccess> origins_; // labelled, and not shown by the text
    Words withheld_;                                        // why the rows are
    std::size_t targets_told_ = 0;                          // sessions whose hold a KILL has ended, or not
    std::uint64_t commands_ = 1, asked_after_ = 0;          // so far; which of them the server was asked for
    wire::Bytes key_;
    boost::system::error_code fatal_;
    bool rewritten_ = false; // what goes to the server in place of the command is in `scratch_`
    bool killed_ = false;    // the command that is inspected is a KILL, and others know
    bool unsure_ = false;    // what it names was changed, and the catalogs do not show it yet
    bool waiting_ = false;   // the client's side waits for the server's
    bool registered_ = false, terminated_ = false, logged_in_ = false;
};

} // namespace stepgate::proxy::session
