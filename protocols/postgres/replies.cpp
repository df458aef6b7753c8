#include "protocols/postgres/replies.h"

#include "protocols/postgres/report.h"

#include <algorithm>

namespace stepgate::protocols::postgres
{

void Replies::startup()
{
    push(Kind::startup, 0, Origin::client);
}

std::optional<std::uint64_t> Replies::query(Tag tag, Origin origin)
{
    return push(Kind::query, tag, origin);
}

std::optional<std::uint64_t> Replies::parse(Origin origin)
{
    return push(Kind::parse, 0, origin);
}

std::optional<std::uint64_t> Replies::bind(Origin origin)
{
    return push(Kind::bind, 0, origin);
}

std::optional<std::uint64_t> Replies::describe(Named what, Origin origin)
{
    return push(what == Named::statement ? Kind::describe_statement : Kind::describe_portal, 0, origin);
}

std::optional<std::uint64_t> Replies::execute(Tag tag, Origin origin)
{
    return push(Kind::execute, tag, origin);
}

std::optional<std::uint64_t> Replies::close(Origin origin)
{
    return push(Kind::close, 0, origin);
}

std::optional<std::uint64_t> Replies::function_call(Tag tag, Origin origin)
{
    return push(Kind::function_call, tag, origin);
}

void Replies::sync(Origin origin)
{
    if (swallowing_) {
        ++loose_syncs_;
        group_ = expected_.end();
        return;
    }
    skipping_ = false; // what comes after it is read again
    group_ = expected_.push({0, Kind::sync, origin}) + 1;
}

void Replies::copy_end()
{
    if (swallowing_)
        swallowing_ = false;
    else if (!expected_.empty()) // the COPY that it ends may not have begun yet
        expected_.push({0, Kind::copy_end, Origin::client});
}

/// In COPY IN the server reads the message, and takes it for an error; after an error it discards it.
std::optional<std::uint64_t> Replies::push(Kind kind, Tag tag, Origin origin)
{
    const Expected expected{tag, kind, origin};
    if (!swallowing_ && !skipping_)
        return expected_.push(expected);
    swallowing_ = false;
    discard(expected);
    return std::nullopt;
}

void Replies::discard(const Expected& expected)
{
    if (expected.tag != 0)
        discarded_.push(expected.tag);
}

std::optional<Tag> Replies::next_discarded()
{
    if (discarded_.empty())
        return std::nullopt;
    return discarded_.pop();
}

Origin Replies::answering() const
{
    return expected_.empty() ? Origin::client : expected_.front().origin;
}

void Replies::release()
{
    expected_.release();
    discarded_.release();
}

/// The oldest message came to its end. Those behind it that get no reply come to theirs.
void Replies::pop(Fate fate)
{
    const std::uint64_t number = expected_.begin();
    expected_.pop();
    settled(number, fate);
    while (!expected_.empty() && (head_is(Kind::gone) || head_is(Kind::copy_end))) {
        const std::uint64_t silent = expected_.begin();
        expected_.pop();
        settled(silent, Fate::discarded);
    }
}

bool Replies::head_is(Kind kind) const
{
    return !expected_.empty() && expected_.front().kind == kind;
}

/// An event of the oldest message.
Event Replies::event(Event::Kind kind) const
{
    Event event;
    event.kind = kind;
    if (expected_.empty())
        return event;
    event.origin = expected_.front().origin;
    event.tag = expected_.front().tag;
    event.number = expected_.begin();
    return event;
}

result<Event> Replies::received(const Frame& frame)
{
    switch (static_cast<Backend>(frame.type)) {
    case Backend::notice_response:
    case Backend::notification_response:
    case Backend::parameter_status:
        return Event{}; // at any time, for nobody
    case Backend::authentication:
    case Backend::key_data:
    case Backend::negotiate_protocol_version:
        return only_with({Kind::startup});
    case Backend::data_row:
        return only_with({Kind::query, Kind::execute});
    case Backend::copy_data:
        return only_with({Kind::query, Kind::execute});
    case Backend::parameter_description:
        return only_with({Kind::describe_statement});
    case Backend::copy_done:
        return copy_done();
    case Backend::parse_complete:
        return step({Kind::parse});
    case Backend::bind_complete:
        return step({Kind::bind});
    case Backend::close_complete:
        return step({Kind::close});
    case Backend::no_data:
        return step({Kind::describe_statement, Kind::describe_portal});
    case Backend::row_description:
        return head_is(Kind::query) ? only_with({Kind::query})
                                    : step({Kind::describe_statement, Kind::describe_portal});
    case Backend::command_complete:
        return command_complete(frame);
    case Backend::function_call_response:
        return statement_ends(Event::Kind::completed, {Kind::function_call});
    case Backend::empty_query_response:
        return statement_ends(Event::Kind::empty, {Kind::query, Kind::execute});
    case Backend::portal_suspended:
        return statement_ends(Event::Kind::suspended, {Kind::execute});
    case Backend::copy_in_response:
        return copy_begins(Copy::in);
    case Backend::copy_out_response:
        return copy_begins(Copy::out);
    case Backend::copy_both_response:
        return copy_begins(Copy::both);
    case Backend::error_response:
        return error(frame);
    case Backend::ready_for_query:
        return ready(frame);
    }
    return errc::unknown_message;
}

bool Replies::head_is(std::initializer_list<Kind> kinds) const
{
    return !expected_.empty() && std::ranges::find(kinds, expected_.front().kind) != kinds.end();
}

/// Something came for the oldest message: as replies come in order, no Sync before it is open any more.
void Replies::answered()
{
    expected_.front().answered = true;
    if (copy_ != Copy::in)
        loose_syncs_ = 0;
}

/// A message that ends nothing, but makes sense only while one of `kinds` is answered.
result<Event> Replies::only_with(std::initializer_list<Kind> kinds)
{
    if (!head_is(kinds))
        return errc::unexpected_reply;
    answered();
    return event(Event::Kind::none);
}

/// The whole answer to a message that is no execution.
result<Event> Replies::step(std::initializer_list<Kind> kinds)
{
    if (!head_is(kinds))
        return errc::unexpected_reply;
    answered();
    const Event step = event(Event::Kind::step);
    pop(Fate::succeeded);
    return step;
}

result<Event> Replies::command_complete(const Frame& frame)
{
    const auto complete = decode_command_complete(frame);
    if (!complete)
        return complete.error();
    auto ended = statement_ends(Event::Kind::completed, {Kind::query, Kind::execute});
    if (!ended)
        return ended;
    ended->rows = complete->rows.value_or(0);
    if (copy_ == Copy::in)
        loose_syncs_ = 0; // it read on to the end of the data: all of them were swallowed
    copy_ = Copy::none;
    swallowing_ = false;
    return ended;
}

/// The end of one statement. Execute ends with it; Query and FunctionCall end with ReadyForQuery.
result<Event> Replies::statement_ends(Event::Kind kind, std::initializer_list<Kind> kinds)
{
    if (!head_is(kinds) || expected_.front().failed)
        return errc::unexpected_reply;
    answered();
    const Event ended = event(kind);
    if (head_is(Kind::execute))
        pop(Fate::succeeded);
    return ended;
}

result<Event> Replies::copy_begins(Copy direction)
{
    const auto due = only_with({Kind::query, Kind::execute});
    if (!due)
        return due;
    copy_ = direction;
    if (direction == Copy::in)
        swallow();
    return event(Event::Kind::copy_begins);
}

/// COPY IN began: from now on the server reads what was sent after the COPY as copy data. It ignores Flush and Sync,
/// stops at CopyDone and CopyFail, and takes anything else for an error (CopyGetData in the server's copyfromparse.c).
void Replies::swallow()
{
    swallowing_ = true;
    for (std::uint64_t at = expected_.begin() + 1; at != expected_.end() && swallowing_; ++at) {
        Expected& behind = expected_.at(at);
        if (behind.kind == Kind::gone)
            continue;
        if (behind.kind == Kind::sync) {
            ++loose_syncs_;
        } else {
            swallowing_ = false;
            discard(behind);
        }
        behind.kind = Kind::gone;
    }
}

result<Event> Replies::copy_done()
{
    const auto due = only_with({Kind::query, Kind::execute});
    if (due && copy_ == Copy::out)
        copy_ = Copy::none;
    return due;
}

result<Event> Replies::error(const Frame& frame)
{
    const auto report = decode_report(frame);
    if (!report)
        return report.error();
    const bool lost = expected_.empty() || report->is_fatal();
    Event failed = event(lost ? Event::Kind::connection_lost : Event::Kind::failed);
    std::ranges::copy(report->code, failed.sqlstate.begin());
    if (lost)
        return failed;
    copy_ = Copy::none;
    swallowing_ = false;
    Expected& head = expected_.front();
    switch (head.kind) {
    case Kind::startup:
    case Kind::query:
    case Kind::function_call:
    case Kind::sync: // the commit at the end of a pipeline failed; ReadyForQuery still comes
        head.failed = true;
        return failed;
    case Kind::parse:
    case Kind::bind:
    case Kind::describe_statement:
    case Kind::describe_portal:
    case Kind::execute:
    case Kind::close:
        break;
    case Kind::copy_end:
    case Kind::gone:
        return errc::unexpected_reply; // never the oldest: pop() takes them along
    }
    pop(Fate::failed);
    discard_until_sync();
    return failed;
}

void Replies::discard_until_sync()
{
    while (!expected_.empty() && !head_is(Kind::sync)) {
        discard(expected_.front());
        pop(Fate::discarded);
    }
    skipping_ = expected_.empty();
}

result<Event> Replies::ready(const Frame& frame)
{
    const auto status = decode_ready_for_query(frame);
    if (!status)
        return status.error();
    Event ready = event(Event::Kind::ready);
    ready.transaction = transaction_ = *status;
    if (is_due()) {
        const bool failed = expected_.front().failed;
        copy_ = Copy::none;
        swallowing_ = false;
        pop(failed ? Fate::failed : Fate::succeeded);
        return ready;
    }
    if (loose_syncs_ == 0)
        return errc::unexpected_reply;
    --loose_syncs_; // COPY IN had failed before the server read this Sync
    skipping_ = false;
    ready.tag = 0;
    ready.origin = Origin::client;
    return ready;
}

/// The oldest message can end with ReadyForQuery now. A Query or FunctionCall has had another answer before.
bool Replies::is_due() const
{
    if (expected_.empty())
        return false;
    const Expected& head = expected_.front();
    if (head.kind == Kind::query || head.kind == Kind::function_call)
        return head.answered || head.failed;
    return head.kind == Kind::sync || head.kind == Kind::startup;
}

} // namespace stepgate::protocols::postgres
