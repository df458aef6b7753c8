#pragma once

#include "protocols/mysql/command.h"
#include "protocols/mysql/errc.h"
#include "protocols/mysql/frame.h"
#include "protocols/mysql/reply.h"
#include "protocols/wire/ring.h"

#include <cstdint>
#include <string_view>

namespace stepgate::protocols::mysql
{

/// The caller's name for an execution, for example the number of its audit record. 0: none.
using Tag = std::uint64_t;

/// Who wrote the command that a reply belongs to: replies to the proxy's own are not for the client.
enum class Origin : std::uint8_t { client, proxy };

/// What became of a command that was sent on.
enum class Fate : std::uint8_t {
    succeeded,
    failed, // it may have had effects in part: each result that came before the error did
};

/// COM_STMT_PREPARE_OK.
struct Prepared {
    std::uint32_t statement = 0;
    std::uint16_t columns = 0, parameters = 0, warnings = 0;
};

/// What one packet of the server means. Views point into the packet.
struct Event {
    enum class Kind : std::uint8_t {
        none,           // nothing to know
        column,         // a column of a result: decode_column
        known_columns,  // instead of these: they are those that the statement's results were described with before
        parameter,      // a parameter of a prepared statement, or a column of its result: decode_column
        completed,      // a statement, or one of several, ran to its end: `ok`, `rows`; or a command did
        prepared,       // `prepared`
        failed,         // `err`; what was left of several statements is not run
        infile,         // the server wants the file `text`: see Replies
        auth,           // COM_CHANGE_USER: AuthSwitchRequest or AuthMoreData; the client answers
        progress,       // MariaDB's progress report
        connection_lost // an error that nobody asked for: the server goes away; `err`
    };
    Kind kind = Kind::none;
    Origin origin = Origin::client; // of the command that this answers
    bool last = false;              // the command is answered
    Command command = Command::sleep;
    Tag tag = 0;
    std::uint64_t number = 0; // of the command that this answers, as send() gave it
    std::uint64_t rows = 0;   // of this result
    Ok ok = {};
    Err err = {};
    Prepared prepared = {};
    std::string_view text = {};
};

/// Knows what the server still owes: each command sent pushes the answer it will get, and each packet of the server
/// moves the oldest one on, until it is whole and pops. A failed command does not keep the server from running those
/// behind it. One session, one thread. Does not allocate once its ring has grown.
///
/// LOAD DATA LOCAL: after an event `infile` the client's packets are data of a file until an empty one, which must be
/// told with infile_end(); only then the server goes on. What was sent before that event behind the statement would
/// have been read as data: it is an error.
class Replies
{
  public:
    /// `agreed`: what both peers have. `status`: of the login's OK_Packet.
    explicit Replies(Capabilities agreed, StatusFlags status = {}) : agreed_{agreed}, status_{status} {}
    virtual ~Replies() = default;
    Replies(const Replies&) = delete;
    Replies& operator=(const Replies&) = delete;

    /// Call for each command that goes to the server, in order. Gives its number. `opens_cursor`: COM_STMT_EXECUTE asks
    /// for a cursor, so that its rows may be left to COM_STMT_FETCH.
    std::uint64_t send(Command command, Tag tag = 0, Origin origin = Origin::client, bool opens_cursor = false);

    /// Call for each packet of the server that Scanner gives whole. An error means that the server broke the protocol,
    /// or that this class lost track: close both connections. errc: unexpected_reply, and those of the decoders.
    [[nodiscard]] result<Event> received(wire::View payload);
    /// Call for what Scanner passed.
    void passed(std::uint64_t rows) { rows_ += rows; }

    /// The next packet begins an answer, or a further result of one.
    [[nodiscard]] bool at_result() const { return step_ == Step::first; }
    /// What the columns of a result are is not complete.
    [[nodiscard]] bool columns_follow() const { return step_ == Step::columns || step_ == Step::columns_end; }
    /// The next packets can be rows: for Scanner.
    [[nodiscard]] bool rows_follow() const { return !expected_.empty() && step_ == Step::rows; }
    /// The server reads the client's packets as a file.
    [[nodiscard]] bool wants_infile() const { return !expected_.empty() && step_ == Step::infile; }
    /// The server waits for what the client's plugin says (COM_CHANGE_USER).
    [[nodiscard]] bool wants_auth() const { return !expected_.empty() && step_ == Step::auth; }
    void infile_end();
    /// Call when the answer of the client's plugin goes to the server.
    void auth_answered();

    /// Whom the next packet is for; client, if nothing is outstanding.
    [[nodiscard]] Origin answering() const { return expected_.empty() ? Origin::client : expected_.front().origin; }
    /// The execution that the next packet is for; 0: none.
    [[nodiscard]] Tag answering_tag() const { return expected_.empty() ? 0 : expected_.front().tag; }
    /// Everything sent so far is answered.
    [[nodiscard]] bool quiet() const { return expected_.empty(); }
    [[nodiscard]] std::size_t outstanding() const { return expected_.size(); }
    /// Part of the answer that comes has come already.
    [[nodiscard]] bool is_amid() const { return amid_; }
    /// As of the last packet that said it.
    [[nodiscard]] StatusFlags status() const { return status_; }
    [[nodiscard]] Capabilities capabilities() const { return agreed_; }
    /// Gives memory back if nothing is outstanding.
    void release() { expected_.release(); }

  protected:
    /// COM_STMT_PREPARE succeeded, or any command came to its end; in order of numbers.
    virtual void prepared(std::uint64_t /*number*/, const Prepared& /*prepared*/) {}
    virtual void settled(std::uint64_t /*number*/, Fate /*fate*/) {}
    /// With cache_metadata: a column of the statement that is prepared or executed. `first`: the first of them, in this
    /// answer's result number `result`.
    virtual void described(std::uint64_t /*number*/, wire::View /*definition*/, bool /*first*/, unsigned /*result*/) {}
    /// How many columns the results of the statement that is executed have by that; 0: not known.
    [[nodiscard]] virtual std::size_t described_columns() { return 0; }

  private:
    struct Expected {
        Tag tag = 0;
        Command command = Command::sleep;
        Origin origin = Origin::client;
        bool opens_cursor = false;
    };
    /// Where the oldest answer stands.
    enum class Step : std::uint8_t {
        first,          // its first packet, or that of a further result
        columns,        // left_ column definitions of a result
        columns_end,    // the EOF behind them
        rows,           // rows and what ends them
        parameters,     // left_ parameters of a prepared statement
        parameters_end, // the EOF behind them
        fields,         // left_ columns of a prepared statement
        fields_end,     // the EOF behind them
        infile,         // nothing: the client sends a file
        infile_end,     // what becomes of it
        auth,           // nothing: the client's plugin has to answer
    };

    [[nodiscard]] bool ends_with_ok() const { return agreed_.has(Capability::deprecate_eof); }
    [[nodiscard]] bool wants_progress() const;
    [[nodiscard]] static Step first_step(Command command);
    [[nodiscard]] Event event(Event::Kind kind) const;
    [[nodiscard]] Step behind_columns() const { return ends_with_ok() ? Step::rows : Step::columns_end; }
    void begin();
    void end(Fate fate);
    result<Event> move(wire::View payload);
    result<Event> first(wire::View payload);
    result<Event> result_begins(wire::View payload);
    result<Event> known_columns();
    void describe(wire::View definition);
    result<Event> column(wire::View payload);
    result<Event> columns_end(wire::View payload);
    result<Event> row_end(wire::View payload);
    result<Event> prepared_begins(wire::View payload);
    result<Event> definition(wire::View payload, Step behind);
    result<Event> definitions_end(wire::View payload);
    result<Event> after_definitions(Event event, bool were_parameters);
    result<Event> authentication(wire::View payload);
    result<Event> infile(wire::View payload);
    result<Event> statement_ends(const Ok& ok, bool more);
    result<Event> failed(wire::View payload);
    result<Ok> terminator(wire::View payload) const;

    Capabilities agreed_;
    StatusFlags status_;
    wire::Ring<Expected> expected_;
    Step step_ = Step::first;
    bool amid_ = false;
    bool out_parameters_ = false; // of a procedure: another result follows, whatever the end of this one says
    std::uint64_t left_ = 0;      // definitions still to come
    bool first_ = false;          // the first of them is
    unsigned results_ = 0;        // that came to their end, of the oldest answer
    std::uint16_t fields_ = 0;    // columns of the statement that is being prepared
    std::uint64_t rows_ = 0;
};

} // namespace stepgate::protocols::mysql
