#include "proxy/session/mysql_session.h"

namespace stepgate::proxy::session
{

namespace my = protocols::mysql;
using my::Command;

namespace
{

std::string quoted(std::string_view name)
{
    std::string text{"`"};
    for (const char c : name) {
        if (c == '`')
            text.push_back('`');
        text.push_back(c);
    }
    text.push_back('`');
    return text;
}

} // namespace

MySqlSession::Step MySqlSession::broken(const boost::system::error_code& error)
{
    fatal_ = error;
    return Step::fatal;
}

/// The command at the front of `in_` is answered with an error; the session goes on.
MySqlSession::Step MySqlSession::answer(my::errc error)
{
    const auto [code, sqlstate] = my::error_number(error);
    error_to_client(code, sqlstate, make_error_code(error).message());
    in_.consume(current_);
    return Step::answer;
}

/// Outside the allow-list.
MySqlSession::Step MySqlSession::refuse_command(Command command)
{
    const std::string text = std::string{my::name(command)} + " is not allowed through stepgate";
    audit_protocol_error(text);
    log(LogLevel::warning, text);
    const auto [code, sqlstate] = my::error_number(my::errc::unknown_command);
    error_to_client(code, sqlstate, text);
    in_.consume(current_);
    return Step::answer;
}

MySqlSession::Step MySqlSession::inspect(const my::Frame& frame)
{
    const auto command = my::command_of(frame.payload);
    if (!command)
        return broken(make_error_code(my::errc::malformed_command));
    if (frame.sequence != 0)
        return broken(make_error_code(my::errc::out_of_order));
    inspected_.command = *command;
    inspected_.statement = 0;
    inspected_.facts.reset();
    inspected_.sql.clear();
    inspected_.bound.clear();
    inspected_.numbers = 0;
    inspected_.number = 0;
    switch (*command) {
    case Command::quit:
        return Step::goodbye;
    case Command::query:
        return inspect_query(frame);
    case Command::init_db: {
        const auto name = my::decode_init_db(frame.payload);
        return name ? judge("USE " + quoted(*name)) : answer(my::errc::malformed_command);
    }
    case Command::field_list: {
        const auto fields = my::decode_field_list(frame.payload);
        return fields ? judge("SHOW COLUMNS FROM " + quoted(fields->table)) : answer(my::errc::malformed_command);
    }
    case Command::process_kill: {
        const auto thread = my::decode_process_kill(frame.payload);
        return thread ? judge("KILL " + std::to_string(*thread)) : answer(my::errc::malformed_command);
    }
    case Command::stmt_prepare:
        return inspect_prepare(frame);
    case Command::stmt_execute:
        return inspect_execute(frame);
    case Command::stmt_bulk_execute:
        return inspect_bulk(frame);
    case Command::stmt_send_long_data:
        return inspect_long_data(frame);
    case Command::stmt_close:
    case Command::stmt_reset:
    case Command::stmt_fetch:
        return inspect_statement(frame);
    case Command::ping:
    case Command::statistics:
    case Command::reset_connection:
        return my::check_bare(frame.payload) ? Step::forward : answer(my::errc::malformed_command);
    case Command::change_user:
        return Step::change;
    case Command::set_option: // texts are judged as if multi-statements were on
        return my::decode_set_option(frame.payload) ? Step::forward : answer(my::errc::malformed_command);
    default:
        return refuse_command(*command);
    }
}

MySqlSession::Step MySqlSession::inspect_query(const my::Frame& frame)
{
    const auto sql = my::decode_query(frame.payload, peer_.capabilities, values_);
    if (!sql)
        return answer(my::errc::malformed_parameters);
    inspected_.sql.assign(*sql); // in the memory of the text before it
    return judged();
}

/// Mostly nothing runs yet; what it would do is found out now, since the server reads it now. Where something does, it
/// must be allowed as its execution must.
MySqlSession::Step MySqlSession::inspect_prepare(const my::Frame& frame)
{
    const auto sql = my::decode_prepare(frame.payload);
    if (!sql)
        return answer(my::errc::malformed_command);
    inspected_.text = *sql;
    if (state_.uncertain() && asked_after_ != commands_)
        return Step::ask;
    (void)catalog_.look();
    inspected_.facts = facts_of(*sql);
    state_.prepares(*sql);
    if (!inspected_.facts->facts->runs_when_prepared)
        return Step::forward;
    inspected_.sql.assign(*sql);
    inspected_.text = inspected_.sql; // `in_` may grow while it is held
    const auto facts = inspected_.facts;
    judge_inspected();
    if (must_hold(inspected_.verdict))
        return Step::hold;
    inspected_.facts = facts; // executions are judged by themselves
    return Step::forward;
}

/// `read` takes the values, as the statement's parameters are bound; false: it cannot.
template <class Read>
MySqlSession::Step MySqlSession::inspect_execution(std::uint32_t id, Read read)
{
    inspected_.statement = id;
    auto* statement = tracker_->statements().find(id).statement;
    if (statement == nullptr)
        return answer(my::errc::unknown_statement);
    if (statement->keeps_long_data)
        return Step::forget;
    if (statement->description.dropped) // the server may leave out what they are, and they would not be looked at
        return answer(my::errc::too_many_columns);
    if (!read(statement->binding))
        return answer(my::errc::malformed_parameters);
    if (adds_types_to(*statement) && current_ + values_.size() * 3 >= my::largest_packet)
        return answer(my::errc::too_large); // they would not fit in one packet
    inspected_.sql = statement->value.sql;
    bind_values(statement->value, statement->binding.parameters);
    return judged();
}

MySqlSession::Step MySqlSession::inspect_execute(const my::Frame& frame)
{
    const auto execute = my::decode_execute(frame.payload);
    if (!execute)
        return answer(my::errc::malformed_command);
    return inspect_execution(execute->statement, [&](my::Binding& binding) {
        return my::decode_parameters(*execute, peer_.capabilities, binding, values_).has_value();
    });
}

/// MariaDB's: one text, many rows of values. All of them are part of what is approved.
MySqlSession::Step MySqlSession::inspect_bulk(const my::Frame& frame)
{
    if (!peer_.capabilities.has(my::Capability::stmt_bulk_operations))
        return refuse_command(inspected_.command);
    const auto execute = my::decode_bulk_execute(frame.payload);
    if (!execute)
        return answer(my::errc::malformed_command);
    return inspect_execution(execute->statement, [&](my::Binding& binding) {
        return execute->is_plain() && my::decode_bulk_parameters(*execute, binding, values_).has_value();
    });
}

MySqlSession::Step MySqlSession::inspect_statement(const my::Frame& frame)
{
    std::optional<std::uint32_t> id;
    if (inspected_.command == Command::stmt_fetch) {
        if (const auto fetch = my::decode_fetch(frame.payload))
            id = fetch->statement;
    } else if (const auto decoded = my::decode_statement_id(frame.payload, inspected_.command)) {
        id = *decoded;
    }
    if (!id)
        return answer(my::errc::malformed_command);
    inspected_.statement = *id;
    const auto* statement = tracker_->statements().find(*id).statement;
    const bool withheld = statement != nullptr && statement->value.withheld;
    const bool known = statement != nullptr && !(withheld && inspected_.command == Command::stmt_fetch);
    return known || inspected_.command == Command::stmt_close ? Step::forward : answer(my::errc::unknown_statement);
}

/// Kept as well, so that an execution is judged with its values. It has no answer, not even an error.
MySqlSession::Step MySqlSession::inspect_long_data(const my::Frame& frame)
{
    const auto piece = my::decode_send_long_data(frame.payload);
    if (!piece)
        return broken(make_error_code(my::errc::malformed_command));
    inspected_.statement = piece->statement;
    auto* statement = tracker_->statements().find(piece->statement).statement;
    if (statement == nullptr) {
        in_.consume(current_);
        return Step::answer;
    }
    if (statement->keeps_long_data)
        return Step::forget;
    const auto kept = statement->binding.long_data.append(piece->parameter, piece->data);
    return kept ? Step::forward : broken(kept.error());
}

MySqlSession::Step MySqlSession::judge(std::string sql)
{
    inspected_.sql = std::move(sql);
    return judged();
}

/// What `inspected_` would execute is judged; the command goes on if it may and is in the audit.
MySqlSession::Step MySqlSession::judged()
{
    judge_inspected();
    if (must_ask())
        return Step::ask;
    if (unsure_ && catalog_.may_wait())
        return Step::look_up;
    if (!killed_ && kill_target())
        return Step::kill;
    if (must_hold(inspected_.verdict))
        return Step::hold;
    const auto& verdict = inspected_.verdict;
    if (!report_late() ||
        !audit_statement(statements_ + 1, inspected_.sql, *inspected_.facts, verdict, action_observed(verdict)))
        return Step::slow;
    inspected_.number = ++statements_;
    count(verdict);
    return Step::forward;
}

} // namespace stepgate::proxy::session
