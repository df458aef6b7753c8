#include "protocols/mysql/replies.h"

#include "protocols/mysql/column.h"
#include "protocols/mysql/cursor.h"

#include <utility>

namespace stepgate::protocols::mysql
{

namespace
{

constexpr std::byte infile_header{0xfb}, auth_more_header{0x01};

bool starts_with(wire::View payload, std::byte header)
{
    return !payload.empty() && payload[0] == header;
}

result<Prepared> decode_prepared(wire::View payload)
{
    Cursor in{payload};
    if (static_cast<std::byte>(in.uint8()) != ok_header)
        return errc::malformed_prepared;
    Prepared prepared;
    prepared.statement = in.uint32();
    prepared.columns = in.uint16();
    prepared.parameters = in.uint16();
    in.uint8();
    prepared.warnings = in.uint16();
    if (prepared.statement == last_prepared)
        in.fail(); // no statement has this id: it means another one
    return in.finish(prepared, errc::malformed_prepared);
}

bool runs_prepared(Command command)
{
    return command == Command::stmt_execute || command == Command::stmt_bulk_execute;
}

/// Answered with results as COM_QUERY is.
bool has_results(Command command)
{
    return command == Command::query || runs_prepared(command);
}

} // namespace

std::uint64_t Replies::send(Command command, Tag tag, Origin origin, bool opens_cursor)
{
    if (!is_answered(command))
        return expected_.end();
    const bool was_quiet = expected_.empty();
    const std::uint64_t number = expected_.push({tag, command, origin, opens_cursor});
    if (was_quiet)
        begin();
    return number;
}

/// The oldest answer starts.
void Replies::begin()
{
    amid_ = false;
    out_parameters_ = false;
    rows_ = 0;
    results_ = 0;
    step_ = expected_.empty() ? Step::first : first_step(expected_.front().command);
}

Replies::Step Replies::first_step(Command command)
{
    return command == Command::stmt_fetch ? Step::rows : Step::first;
}

void Replies::end(Fate fate)
{
    const std::uint64_t number = expected_.begin();
    expected_.pop();
    begin();
    settled(number, fate);
}

void Replies::infile_end()
{
    if (wants_infile())
        step_ = Step::infile_end;
}

void Replies::auth_answered()
{
    if (wants_auth())
        step_ = Step::first;
}

/// An event of the oldest command.
Event Replies::event(Event::Kind kind) const
{
    Event event;
    event.kind = kind;
    if (expected_.empty())
        return event;
    event.origin = expected_.front().origin;
    event.command = expected_.front().command;
    event.tag = expected_.front().tag;
    event.number = expected_.begin();
    return event;
}

result<Event> Replies::received(wire::View payload)
{
    if (payload.empty())
        return errc::unexpected_reply;
    if (expected_.empty()) {
        // Errors of a server that closes: timeouts, shutdown, a kill.
        const auto err = decode_err(payload);
        if (!err)
            return errc::unexpected_reply;
        Event lost = event(Event::Kind::connection_lost);
        lost.err = *err;
        return lost;
    }
    amid_ = true;
    return move(payload);
}

result<Event> Replies::move(wire::View payload)
{
    const bool is_error = payload[0] == err_header;
    switch (step_) {
    case Step::infile: // the server reads to the end of the file before it says what it thinks of it
        return wants_progress() && is_progress(payload) ? failed(payload) : errc::unexpected_reply;
    case Step::auth:
        return is_error ? failed(payload) : errc::unexpected_reply;
    case Step::first:
        if (is_error)
            return failed(payload);
        return first(payload);
    case Step::infile_end:
        if (is_error)
            return failed(payload);
        if (!starts_with(payload, ok_header))
            return errc::unexpected_reply;
        return first(payload);
    case Step::columns:
        return is_error ? failed(payload) : column(payload);
    case Step::columns_end:
        return is_error ? failed(payload) : columns_end(payload);
    case Step::rows:
        return is_error ? failed(payload) : row_end(payload);
    case Step::parameters:
        return definition(payload, Step::parameters_end);
    case Step::fields:
        return definition(payload, Step::fields_end);
    case Step::parameters_end:
    case Step::fields_end:
        return definitions_end(payload);
    }
    return errc::unexpected_reply;
}

/// What ends rows, and the definitions of COM_FIELD_LIST: an EOF_Packet, or an OK_Packet in its place.
result<Ok> Replies::terminator(wire::View payload) const
{
    if (!starts_with(payload, eof_header))
        return errc::malformed_eof;
    if (ends_with_ok())
        return decode_ok(payload, agreed_);
    const auto eof = decode_eof(payload);
    if (!eof)
        return eof.error();
    Ok ok;
    ok.status = eof->status;
    ok.warnings = eof->warnings;
    return ok;
}

result<Event> Replies::first(wire::View payload)
{
    const Command command = expected_.front().command;
    switch (command) {
    case Command::statistics: {
        Event all = event(Event::Kind::completed);
        all.text = wire::as_text(payload);
        all.last = true;
        end(Fate::succeeded);
        return all;
    }
    case Command::field_list:
        if (starts_with(payload, eof_header))
            return row_end(payload);
        if (!is_definition(payload))
            return errc::malformed_column;
        return event(Event::Kind::column);
    case Command::set_option:
    case Command::debug:
        if (starts_with(payload, eof_header))
            return row_end(payload);
        break;
    case Command::stmt_prepare:
        return prepared_begins(payload);
    case Command::change_user:
        return authentication(payload);
    default:
        break;
    }
    if (starts_with(payload, ok_header)) {
        const auto ok = decode_ok(payload, agreed_);
        if (!ok)
            return ok.error();
        return statement_ends(*ok, has_results(command) && ok->status.has(Status::more_results_exists));
    }
    if (!has_results(command))
        return errc::unexpected_reply;
    return starts_with(payload, infile_header) ? infile(payload) : result_begins(payload);
}

result<Event> Replies::infile(wire::View payload)
{
    // Commands behind it are on their way, and the server reads them as the file.
    if (!agreed_.has(Capability::local_files) || expected_.size() > 1)
        return errc::unexpected_reply;
    step_ = Step::infile;
    Event wanted = event(Event::Kind::infile);
    wanted.text = wire::as_text(payload.subspan(1));
    return wanted;
}

result<Event> Replies::result_begins(wire::View payload)
{
    Cursor in{payload};
    left_ = in.lenenc();
    const std::uint8_t follow = agreed_.has(Capability::cache_metadata) ? in.uint8() : std::uint8_t{1};
    if (!in.good() || in.left() > 0 || left_ == 0 || follow > 1) // how many, MariaDB sets no limit to
        return errc::malformed_column;
    if (follow == 0)
        return known_columns();
    first_ = true;
    step_ = Step::columns;
    return event(Event::Kind::none);
}

result<Event> Replies::known_columns()
{
    if (!runs_prepared(expected_.front().command) || described_columns() != left_)
        return errc::unexpected_reply;
    step_ = behind_columns();
    return event(Event::Kind::known_columns);
}

void Replies::describe(wire::View definition)
{
    if (agreed_.has(Capability::cache_metadata))
        described(expected_.begin(), definition, std::exchange(first_, false), results_);
}

result<Event> Replies::column(wire::View payload)
{
    if (!is_definition(payload))
        return errc::malformed_column;
    if (runs_prepared(expected_.front().command))
        describe(payload);
    if (--left_ == 0)
        step_ = behind_columns();
    return event(Event::Kind::column);
}

result<Event> Replies::columns_end(wire::View payload)
{
    // MariaDB describes the rows of a cursor and then those of ANALYZE, which come in their place.
    const bool again = !starts_with(payload, eof_header) && expected_.front().opens_cursor;
    if (again)
        return result_begins(payload);
    const auto eof = decode_eof(payload);
    if (!eof)
        return eof.error();
    status_ = eof->status;
    // Rows are fetched later. MariaDB says so also of cursors within a routine, or of FOR, which are no concern of
    // ours.
    if (eof->status.has(Status::cursor_exists) && expected_.front().opens_cursor) {
        Ok ok;
        ok.status = eof->status;
        ok.warnings = eof->warnings;
        return statement_ends(ok, eof->status.has(Status::more_results_exists));
    }
    // MySQL sets more_results_exists here, but not behind the rows.
    out_parameters_ = eof->status.has(Status::ps_out_params) && eof->status.has(Status::more_results_exists);
    step_ = Step::rows;
    return event(Event::Kind::none);
}

result<Event> Replies::row_end(wire::View payload)
{
    const auto ok = terminator(payload);
    if (!ok)
        return ok.error();
    const bool more = ok->status.has(Status::more_results_exists) || out_parameters_;
    return statement_ends(*ok, has_results(expected_.front().command) && more);
}

/// The end of one statement, of several perhaps, or of a command that is none.
result<Event> Replies::statement_ends(const Ok& ok, bool more)
{
    status_ = ok.status;
    Event ended = event(Event::Kind::completed);
    ended.ok = ok;
    ended.rows = rows_;
    ended.last = !more;
    if (more) {
        rows_ = 0;
        ++results_;
        out_parameters_ = false;
        step_ = Step::first;
    } else {
        end(Fate::succeeded);
    }
    return ended;
}

bool Replies::wants_progress() const
{
    return agreed_.has(Capability::progress) || agreed_.has(Capability::progress_obsolete);
}

/// An error, or what MariaDB reports in the shape of one.
result<Event> Replies::failed(wire::View payload)
{
    if (wants_progress() && is_progress(payload)) {
        const auto progress = decode_progress(payload);
        if (!progress)
            return progress.error();
        Event report = event(Event::Kind::progress);
        report.text = progress->text;
        return report;
    }
    const auto err = decode_err(payload);
    if (!err)
        return err.error();
    Event failed = event(Event::Kind::failed);
    failed.err = *err;
    failed.rows = rows_;
    failed.last = true;
    end(Fate::failed);
    return failed;
}

result<Event> Replies::prepared_begins(wire::View payload)
{
    const auto begun = decode_prepared(payload);
    if (!begun)
        return begun.error();
    fields_ = begun->columns;
    Event event = this->event(Event::Kind::prepared);
    event.prepared = *begun;
    prepared(event.number, *begun);
    left_ = begun->parameters;
    if (left_ == 0)
        return after_definitions(event, true);
    step_ = Step::parameters;
    return event;
}

result<Event> Replies::definition(wire::View payload, Step behind)
{
    if (!is_definition(payload))
        return errc::malformed_column;
    const Event definition = event(Event::Kind::parameter);
    if (step_ == Step::fields)
        describe(payload);
    if (--left_ > 0)
        return definition;
    if (ends_with_ok())
        return after_definitions(definition, behind == Step::parameters_end);
    step_ = behind;
    return definition;
}

result<Event> Replies::definitions_end(wire::View payload)
{
    const auto eof = decode_eof(payload);
    if (!eof)
        return eof.error();
    status_ = eof->status;
    return after_definitions(event(Event::Kind::none), step_ == Step::parameters_end);
}

result<Event> Replies::after_definitions(Event event, bool were_parameters)
{
    left_ = were_parameters ? fields_ : 0;
    if (left_ > 0) {
        first_ = true;
        step_ = Step::fields;
        return event;
    }
    event.last = true;
    end(Fate::succeeded);
    return event;
}

result<Event> Replies::authentication(wire::View payload)
{
    if (starts_with(payload, ok_header)) {
        const auto ok = decode_ok(payload, agreed_);
        if (!ok)
            return ok.error();
        return statement_ends(*ok, false);
    }
    if (!starts_with(payload, eof_header) && !starts_with(payload, auth_more_header))
        return errc::unexpected_reply;
    // The fast proof succeeded (AuthMoreData 3): the only one to which nothing is said.
    const bool is_success = payload.size() == 2 && payload[0] == auth_more_header && payload[1] == std::byte{3};
    if (!is_success)
        step_ = Step::auth;
    return event(Event::Kind::auth);
}

} // namespace stepgate::protocols::mysql
