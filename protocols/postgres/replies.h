#pragma once

#include "protocols/postgres/errc.h"
#include "protocols/postgres/frame.h"
#include "protocols/postgres/reply.h"
#include "protocols/wire/ring.h"

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

namespace stepgate::protocols::postgres
{

using wire::Ring;

/// The caller's name for an execution, for example the number of its audit record. 0: none.
using Tag = std::uint64_t;

/// Who wrote the message that a reply belongs to: replies to the proxy's own are not for the client.
enum class Origin : std::uint8_t { client, proxy };

/// What became of a message that was sent on.
enum class Fate : std::uint8_t {
    succeeded,
    failed,    // the server began with it and gave an error: it may have had effects in part
    discarded, // the server skipped it unread
};

/// What one message of the server means.
struct Event {
    enum class Kind : std::uint8_t {
        none,           // nothing to know: rows, notices, descriptions, parameters, ..
        step,           // ParseComplete, BindComplete, CloseComplete, NoData or the last of a description
        completed,      // a statement ran to its end; `rows`
        suspended,      // Execute's row limit was reached; more may follow
        empty,          // the statement was empty
        failed,         // an error that belongs to a message; `sqlstate`; tag 0 if that was no execution
        ready,          // ReadyForQuery: a Query, FunctionCall or Sync is answered; `transaction`
        copy_begins,    // COPY in, out or both: copy()
        connection_lost // an error that nobody asked for, or a FATAL one: the server goes away; `sqlstate`
    };
    Kind kind = Kind::none;
    Origin origin = Origin::client; // of the message that this answers; notices and the like: client
    Tag tag = 0;
    std::uint64_t number = 0; // of the message that this answers, as the methods below gave it
    std::uint64_t rows = 0;
    std::array<char, 5> sqlstate{'0', '0', '0', '0', '0'};
    Transaction transaction = Transaction::idle;
};

/// Which way COPY data flows.
enum class Copy : std::uint8_t {
    none,
    in,   // from the client; the server reads nothing but copy data
    out,  // to the client
    both, // replication
};

/// Knows what the server still owes: each message sent on pushes the replies it will get, each reply pops. Says whether
/// all is answered, which execution a result belongs to, and what the server skipped after an error.
///
/// The rules are those of the server's main loop: after an error in extended messages it discards all up to Sync; an
/// error in a Query or FunctionCall goes on to its ReadyForQuery; in COPY IN it swallows Flush and Sync, and takes any
/// other message for an error; stray copy messages are ignored. One session, one thread. Does not allocate once its
/// rings have grown.
class Replies
{
  public:
    Replies() = default;
    virtual ~Replies() = default;
    Replies(const Replies&) = delete;
    Replies& operator=(const Replies&) = delete;

    // Call one for each message that goes to the server, in order. Those that can define something give the message's
    // number, or nothing if the server will skip it.
    void startup(); // the login, which ends with the first ReadyForQuery
    std::optional<std::uint64_t> query(Tag tag, Origin origin = Origin::client);
    std::optional<std::uint64_t> parse(Origin origin = Origin::client);
    std::optional<std::uint64_t> bind(Origin origin = Origin::client);
    std::optional<std::uint64_t> describe(Named what, Origin origin = Origin::client);
    std::optional<std::uint64_t> execute(Tag tag, Origin origin = Origin::client);
    std::optional<std::uint64_t> close(Origin origin = Origin::client);
    std::optional<std::uint64_t> function_call(Tag tag, Origin origin = Origin::client);
    void sync(Origin origin = Origin::client);
    void flush() {}     // no reply
    void copy_data() {} // no reply
    void copy_end();    // CopyDone or CopyFail

    /// Call for each message of the server, of at least the types of replies_types(). An error means that the server
    /// broke the protocol, or that this class lost track: close both connections.
    /// errc: unexpected_reply, and those of the decoders.
    [[nodiscard]] result<Event> received(const Frame& frame);

    /// Tags of executions that the server skipped, after an event `failed` or a call above. Ask until nothing comes.
    [[nodiscard]] std::optional<Tag> next_discarded();

    /// Whom the next solicited reply is for: says what to do with replies that are not looked at (rows of the proxy's
    /// own statement). client, if nothing is outstanding.
    [[nodiscard]] Origin answering() const;

    /// The execution that the next solicited reply is for; 0: none.
    [[nodiscard]] Tag answering_tag() const { return expected_.empty() ? 0 : expected_.front().tag; }

    /// Everything sent so far is answered.
    [[nodiscard]] bool quiet() const { return expected_.empty(); }
    /// How many messages wait for their replies.
    [[nodiscard]] std::size_t outstanding() const { return expected_.size(); }
    /// Number of the first message since the last Sync: if one of these fails, the server skips all that follow it up
    /// to the next Sync. One of an earlier group may fail and what follows is executed all the same.
    [[nodiscard]] std::uint64_t group() const { return group_; }
    /// The server is discarding until the next Sync.
    [[nodiscard]] bool skipping() const { return skipping_; }
    [[nodiscard]] Copy copy() const { return copy_; }
    /// As of the last ReadyForQuery.
    [[nodiscard]] Transaction transaction() const { return transaction_; }
    /// Gives memory back if nothing is outstanding.
    void release();

  protected:
    /// A message that has a number came to its end, in order of numbers.
    virtual void settled(std::uint64_t /*number*/, Fate /*fate*/) {}

  private:
    enum class Kind : std::uint8_t {
        startup,
        query,
        parse,
        bind,
        describe_statement,
        describe_portal,
        execute,
        close,
        function_call,
        sync,
        copy_end, // CopyDone, CopyFail: no reply, but ends what COPY IN swallows
        gone,     // swallowed by COPY IN: no reply will come
    };
    struct Expected {
        Tag tag = 0;
        Kind kind = Kind::gone;
        Origin origin = Origin::client;
        bool answered = false; // something came for it already
        bool failed = false;   // an error came for it, ReadyForQuery is still to come
    };

    std::optional<std::uint64_t> push(Kind kind, Tag tag, Origin origin);
    void discard(const Expected& expected);
    void pop(Fate fate);
    void answered();
    [[nodiscard]] bool head_is(Kind kind) const;
    [[nodiscard]] bool head_is(std::initializer_list<Kind> kinds) const;
    [[nodiscard]] bool is_due() const;
    [[nodiscard]] Event event(Event::Kind kind) const;
    result<Event> only_with(std::initializer_list<Kind> kinds);
    result<Event> step(std::initializer_list<Kind> kinds);
    result<Event> statement_ends(Event::Kind kind, std::initializer_list<Kind> kinds);
    result<Event> command_complete(const Frame& frame);
    result<Event> copy_begins(Copy direction);
    result<Event> copy_done();
    result<Event> error(const Frame& frame);
    result<Event> ready(const Frame& frame);
    void discard_until_sync();
    void swallow();

    Ring<Expected> expected_;
    Ring<Tag> discarded_;
    std::uint64_t group_ = 0;
    std::uint32_t loose_syncs_ = 0; // Syncs that COPY IN may or may not have swallowed before it failed
    bool skipping_ = false;         // after an error, with no Sync outstanding
    bool swallowing_ = false;       // the server reads copy data, and no end of it was sent
    Copy copy_ = Copy::none;
    Transaction transaction_ = Transaction::idle;
};

} // namespace stepgate::protocols::postgres
