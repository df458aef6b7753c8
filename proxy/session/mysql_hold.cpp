#include "policies/mysql/sql_mode.h"
#include "policies/mysql/user_variables.h"
#include "policies/statement/ascii.h"
#include "protocols/mysql/reply.h"
#include "protocols/mysql/text_result.h"
#include "proxy/session/mysql_session.h"

#include <algorithm>

namespace stepgate::proxy::session
{

namespace my = protocols::mysql;
namespace mysql = policies::mysql;

namespace
{

constexpr std::size_t most_settings = 50;  // that are asked for
constexpr std::size_t longest_error = 500; // the mysql CLI cuts after about 512 bytes

/// The first line is for a screen of its own; the client prints quotes and percents around it.
std::string as_line(std::string text)
{
    return "\r\x1b[K" + text + "\n";
}

void cut(std::string& text, std::size_t longest)
{
    if (text.size() <= longest)
        return;
    auto end = longest;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U)
        --end;
    text.resize(end);
}

/// An ERR_Packet has one text. What is for programs stands at its end, whole: the rest is cut for it.
std::string one_text(const Words& words)
{
    std::string text = words.message;
    if (const auto needed = words.data.size() + 1; !words.data.empty() && needed < longest_error) {
        cut(text, longest_error - needed);
        return text + ' ' + words.data;
    }
    for (const auto* more : {&words.detail, &words.hint})
        if (!more->empty())
            text += ". " + *more;
    std::ranges::replace(text, '\n', ' ');
    cut(text, longest_error);
    return text;
}

/// What the clients themselves ask for (the server's version, the current database, names of tables to complete), and
/// whose answer they do not show.
bool is_small_talk(const policies::statement::Facts& facts)
{
    using policies::statement::Kind;
    const auto is_small = [](const policies::statement::StatementFacts& one) {
        return (one.kind == Kind::select || one.kind == Kind::show) && one.reads.empty() && one.writes.empty();
    };
    return !facts.opaque && std::ranges::all_of(facts.statements, is_small);
}

} // namespace

policies::rules::Verdict MySqlSession::judge_held()
{
    judge_inspected();
    return inspected_.verdict;
}

JudgedAgain MySqlSession::judge_again()
{
    judge_inspected();
    return {inspected_.verdict, {inspected_.facts}, unsure_};
}

bool MySqlSession::audit_held(std::string_view action)
{
    if (!report_late() ||
        !audit_statement(statements_ + 1, inspected_.sql, *inspected_.facts, inspected_.verdict, action))
        return false;
    inspected_.number = ++statements_;
    return true;
}

net::Task<std::optional<HeldBatch>> MySqlSession::batch()
{
    read_parameters();
    inspected_.premises.clear();
    read_variables();
    read_modes();
    const bool answered = co_await ask_settings();
    if (!answered)
        co_return std::nullopt;
    const HeldExecution held{inspected_.sql, inspected_.facts, &inspected_.parameters, &inspected_.premises,
                             inspected_.number};
    co_return HeldBatch{inspected_.verdict, {held}};
}

/// Values as people read them; they are part of what is approved.
void MySqlSession::read_parameters()
{
    inspected_.parameters.clear();
    const auto framed = framer_.next(in_.data());
    const auto* frame = std::get_if<my::Frame>(&framed);
    if (frame == nullptr)
        return; // it was there when it was inspected
    if (inspected_.command == my::Command::stmt_execute) {
        const auto execute = my::decode_execute(frame->payload);
        auto* statement = executed();
        if (!execute || statement == nullptr ||
            !my::decode_parameters(*execute, peer_.capabilities, statement->binding, values_))
            return; // likewise
    } else if (inspected_.command == my::Command::stmt_bulk_execute) {
        const auto execute = my::decode_bulk_execute(frame->payload);
        auto* statement = executed();
        if (!execute || statement == nullptr || !my::decode_bulk_parameters(*execute, statement->binding, values_))
            return; // likewise
    } else if (inspected_.command != my::Command::query ||
               !my::decode_query(frame->payload, peer_.capabilities, values_)) {
        return;
    }
    for (const auto& value : values_) {
        challenge_web::challenges::Parameter parameter;
        parameter.type_oid = static_cast<std::uint32_t>(value.type.type);
        if (value.kind != my::Parameter::Kind::null)
            my::append_text(parameter.value.emplace(), value);
        inspected_.parameters.push_back(std::move(parameter));
    }
}

/// Of user variables that a text names, as far as their values are known: with others it is another statement.
void MySqlSession::read_variables()
{
    read_variables(inspected_.sql);
    for (const auto& text : inspected_.facts->facts->runs)
        read_variables(text);
}

void MySqlSession::read_variables(std::string_view sql)
{
    if (state_.uncertain())
        return;
    for (const auto& name : mysql::user_variables(sql, state_.reading(state_.modes().front())))
        if (const auto* value = state_.variable(name))
            inspected_.premises.push_back({"@" + name, *value});
}

/// Of sql_mode, what the text is read under, or was when it was prepared: `||`, NOT and backslashes mean something else
/// without them. And what the session set that changes which rows a text means: its time, time zone, collation, ..
void MySqlSession::read_modes()
{
    const auto* prepared = executed();
    for (const auto& mode : prepared != nullptr ? prepared->value.modes : state_.modes())
        if (const auto names = mysql::names_of(mode); !names.empty())
            inspected_.premises.push_back({"sql_mode", names});
    if (!state_.charset_name().starts_with("utf8") && !policies::is_ascii(inspected_.sql))
        inspected_.premises.push_back({"character_set_client", state_.charset_name()});
    for (const auto& [name, value] : state_.settings())
        inspected_.premises.push_back({name, value});
}

/// Of system variables that the texts name (`WHERE id < @@wait_timeout`), what the session has: any that it sets may
/// decide which rows are meant. Not those that change by themselves. False: the session is over.
net::Task<bool> MySqlSession::ask_settings()
{
    if (state_.uncertain())
        co_return true;
    const auto reading = state_.reading(state_.modes().front());
    auto names = mysql::session_variables(inspected_.sql, reading);
    for (const auto& text : inspected_.facts->facts->runs)
        names.merge(mysql::session_variables(text, reading));
    for (const auto* own : {"timestamp", "warning_count", "error_count"})
        names.erase(own);
    if (names.size() > most_settings) { // no approval is for another execution of that
        inspected_.premises.push_back({"system variables", "those of statement " + std::to_string(statements_)});
        co_return true;
    }
    for (const auto& name : names) {
        MySqlAnswer::OnRow on_row = [this, &name](const MySqlAnswer::Row& row) {
            if (row.size() == 1)
                inspected_.premises.push_back({"@@" + name, std::string{row[0].value_or("NULL")}});
        };
        const std::string question = "SELECT CAST(@@session." + name + " AS BINARY) LIMIT 1";
        const bool alive = co_await put(question, std::move(on_row));
        if (!alive)
            co_return false;
    }
    co_return true;
}

/// The interactive mariadb client, whose library understands progress reports and which shows them.
bool MySqlSession::shows_progress() const
{
    return peer_.capabilities.has_all(my::Capability::progress | my::Capability::progress_obsolete);
}

/// The interactive clients that show each of several results as it comes (MySQL's and mycli). Nobody else may get one:
/// drivers would take it for the answer. Nor do these for what they ask by themselves, at login or before a prompt.
bool MySqlSession::shows_box() const
{
    const auto& program = asker_.application_name;
    return peer_.capabilities.has_all(my::Capability::interactive | my::Capability::multi_results) &&
           (program == "mysql" || program == "mycli") && inspected_.command == my::Command::query &&
           !is_small_talk(*inspected_.facts->facts);
}

bool MySqlSession::runs_it_again() const
{
    switch (listening_->options.announce) {
    case Announce::automatic:
        return !shows_progress() && !shows_box();
    case Announce::wait:
        return false;
    case Announce::retry:
        break;
    }
    return true;
}

void MySqlSession::progress(std::string_view text)
{
    if (!shows_progress() || runs_it_again())
        return;
    wire::Bytes packet;
    my::Progress report;
    report.text = text;
    my::encode_progress(packet, static_cast<std::uint8_t>(sequence_ + told_), report);
    ++told_;
    to_client(packet);
}

/// A result in front of the real one, with a row for each line.
void MySqlSession::box(std::string_view text)
{
    if (shows_progress() || !shows_box() || runs_it_again())
        return;
    const auto status =
        tracker_->status().without(my::Status::session_state_changed).with(my::Status::more_results_exists);
    wire::Bytes packets;
    const auto next = my::encode_text_result(packets, static_cast<std::uint8_t>(sequence_ + told_), "STATEMENT HELD",
                                             text, status, peer_.capabilities);
    told_ = static_cast<std::uint8_t>(next - sequence_);
    to_client(packets);
}

void MySqlSession::tell_held(const policies::rules::Verdict& verdict, const ChallengeSign& sign)
{
    const std::string where = approve_at(sign);
    const std::string what = needed(verdict) + " · within " + readable(sign.time);
    progress(as_line("STATEMENT HELD · " + where + "\n" + what));
    box(where + "\n" + what);
}

void MySqlSession::remind(const ChallengeSign& sign)
{
    progress(as_line("STILL HELD · " + approve_at(sign)));
}

void MySqlSession::keep_alive()
{
    progress("waiting for approval");
}

void MySqlSession::tell_approved()
{
    progress(as_line("APPROVED · the statement runs now"));
}

net::Task<bool> MySqlSession::release()
{
    current_ = held_;
    holding_ = false;
    if (forward_at_once())
        co_return true;
    co_return co_await forward();
}

void MySqlSession::error_to_client(std::uint16_t code, std::string_view sqlstate, std::string_view message)
{
    wire::Bytes packet;
    my::encode_err(packet, static_cast<std::uint8_t>(sequence_ + told_), {code, sqlstate, message});
    to_client(packet);
}

void MySqlSession::error_to_client(const Words& words)
{
    const auto [code, sqlstate] = mysql_error(words.sqlstate);
    error_to_client(code, sqlstate, one_text(words));
}

/// It has its answer, and the server has not seen it.
void MySqlSession::forget_command()
{
    in_.consume(current_);
    killed_ = false;
    ++commands_;
}

/// Answers what is held with an error. The server has seen nothing of it, so a transaction stays as it is.
net::Task<bool> MySqlSession::refuse(Words words)
{
    if (words.sqlstate == "57014" && words.detail.empty() && words.hint.empty())
        words.message = "Query execution was interrupted";
    error_to_client(words);
    forget_command();
    auto* statement = executed();
    if (statement == nullptr || !tracker_->withheld(*statement, true))
        co_return true;
    co_return co_await forget_long_data();
}

} // namespace stepgate::proxy::session
