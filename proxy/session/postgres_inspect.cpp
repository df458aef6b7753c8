#include "policies/postgres/names.h"
#include "policies/statement/ascii.h"
#include "policies/statement/match_all.h"
#include "policies/statement/weaker.h"
#include "protocols/postgres/query.h"
#include "proxy/session/catalog_change.h"
#include "proxy/session/number_places.h"
#include "proxy/session/origins.h"
#include "proxy/session/postgres_plan.h"
#include "proxy/session/postgres_session.h"

#include <algorithm>
#include <utility>

namespace stepgate::proxy::session
{

namespace pg = protocols::postgres;
using policies::rules::Action;
using policies::rules::Verdict;

namespace
{

constexpr std::size_t kept_text = std::size_t{64} * 1024;

std::string quoted(std::string_view name)
{
    std::string text{"\""};
    for (const char c : name) {
        if (c == '"')
            text.push_back('"');
        text.push_back(c);
    }
    text.push_back('"');
    return text;
}

bool same(const PreparedStatement& known, const pg::Parse& parse)
{
    bool equal =
        !known.foreign && known.sql == parse.sql && known.parameter_types.size() == parse.parameter_types.size();
    for (std::size_t i = 0; equal && i < known.parameter_types.size(); ++i)
        equal = known.parameter_types[i] == parse.parameter_types[i];
    return equal;
}

/// Making values does nothing worth to be counted: those of enumerations.
bool does_nothing(const policies::statement::Facts& facts)
{
    return !facts.opaque && std::ranges::all_of(facts.statements, [](const auto& one) {
        return one.reads.empty() && one.writes.empty() && one.calls.empty() && one.inner.empty() &&
               one.effects.empty() && !one.destructive;
    });
}

/// What making the values of its parameters does counts as the statement's own.
std::shared_ptr<const policies::rules::MatchedFacts> with_values(const policies::rules::Judge& judge,
                                                                 const policies::rules::MatchedFacts& facts,
                                                                 const policies::rules::MatchedFacts& values,
                                                                 std::string_view database)
{
    auto both = std::make_shared<policies::statement::Facts>(*facts.facts);
    both->statements.resize(std::max<std::size_t>(1, both->statements.size()));
    auto& to = both->statements.front();
    const auto add = [](auto& target, const auto& source) {
        target.insert(target.end(), source.begin(), source.end());
    };
    for (const auto& from : values.facts->statements) {
        add(to.reads, from.reads);
        add(to.writes, from.writes);
        add(to.calls, from.calls);
        add(to.inner, from.inner);
        add(to.effects, from.effects);
        to.where = policies::statement::weaker(to.where, from.where);
        to.destructive = to.destructive || from.destructive;
        to.temporary = to.temporary && does_nothing(*values.facts);
    }
    both->uses_types = both->uses_types || values.facts->uses_types;
    both->opaque = both->opaque || values.facts->opaque;
    add(both->opaque_reasons, values.facts->opaque_reasons);
    std::ranges::stable_sort(to.reads, {}, &policies::statement::TableAccess::table);
    return judge.match(std::move(both), database, facts.view);
}

/// Ends a transaction and does more: what that means hangs on whether the transaction had failed.
bool goes_on_after_end(const policies::statement::Facts& facts)
{
    return facts.statements.size() > 1 && may_end_transaction(facts);
}

bool mentions_null(std::string_view sql)
{
    constexpr std::string_view null = "null";
    return !std::ranges::search(sql, null, [](char a, char b) { return policies::lower(a) == b; }).empty();
}

/// A setting that the session began with, by which a condition in the text may hold for other rows than it is read for;
/// "": none. With array_nulls off '{NULL}' holds a text, with transform_null_equals `x = NULL` is x IS NULL.
std::string_view reads_otherwise(const policies::statement::Facts& facts, std::string_view sql,
                                 const upstream::StartState& start)
{
    if (start.unusual.empty() || !policies::statement::any_where(facts, policies::statement::Where::present))
        return {};
    for (const auto& [name, value] : start.unusual)
        if (name == "array_nulls" ||
            (name == "transform_null_equals" && (mentions_null(sql) || std::ranges::any_of(facts.runs, mentions_null))))
            return name;
    return {};
}

/// Success of the text changes what later texts mean, or what a rollback undoes.
bool has_effects(const policies::statement::Facts& facts)
{
    return facts.opaque || changes_session(facts);
}

} // namespace

PostgresSession::Step PostgresSession::broken(const boost::system::error_code& error)
{
    fatal_ = error;
    return Step::fatal;
}

/// Which statement or portal a name means that is not ASCII hangs on the encodings of both sides: what a client sends
/// as LATIN1 may be the name of something that it made in UTF8, and the server cuts names in its own encoding.
std::optional<PostgresSession::Step> PostgresSession::unreadable(std::string_view name, bool planned)
{
    if (policies::is_ascii(name))
        return std::nullopt;
    if (must_settle() && !planned)
        return Step::settle;
    if (state_.text_is_utf8() && state_.names_are_utf8())
        return std::nullopt;
    return broken(make_error_code(pg::errc::unreadable_name));
}

PostgresSession::Step PostgresSession::inspect(const pg::Frame& frame, const PlannedFrame* planned)
{
    const auto type = static_cast<pg::Frontend>(frame.type);
    // The server discards everything up to Sync: so do we, and nothing is judged for nothing.
    if (tracker_.skipping() && type != pg::Frontend::sync && type != pg::Frontend::terminate)
        return Step::drop;
    // What comes behind rows that wait, waits; behind those that were refused it is what the server would discard.
    if (rows_ == Rows::swallow && refused_group_ && type != pg::Frontend::sync && type != pg::Frontend::terminate)
        return Step::drop;
    if (rows_ != Rows::flow && planned == nullptr && !(rows_ == Rows::swallow && type == pg::Frontend::sync))
        return Step::settle;
    switch (type) {
    case pg::Frontend::query:
        return inspect_query(frame, planned);
    case pg::Frontend::parse:
        return inspect_parse(frame, planned);
    case pg::Frontend::bind:
        return inspect_bind(frame, planned);
    case pg::Frontend::execute:
        return inspect_execute(frame, planned);
    case pg::Frontend::describe:
        return inspect_describe(frame);
    case pg::Frontend::close:
        return inspect_close(frame);
    case pg::Frontend::copy_data:
    case pg::Frontend::copy_done:
    case pg::Frontend::copy_fail:
        return inspect_copy(frame);
    case pg::Frontend::sync:
        return inspect_sync(frame);
    case pg::Frontend::flush:
        if (const auto empty = pg::check_empty(frame); !empty)
            return broken(empty.error());
        tracker_.flush();
        return Step::forward;
    case pg::Frontend::function_call:
        return inspect_function_call(frame, planned);
    case pg::Frontend::terminate:
        return Step::goodbye;
    case pg::Frontend::password:
        break;
    }
    return broken(make_error_code(pg::errc::unexpected_message));
}

PostgresSession::Step PostgresSession::inspect_query(const pg::Frame& frame, const PlannedFrame* planned)
{
    const auto query = pg::decode_query(frame);
    if (!query)
        return broken(query.error());
    if (tracker_.copy() == pg::Copy::in)
        return broken(make_error_code(pg::errc::unexpected_message));
    if (!planned && must_settle())
        return Step::settle;
    if (!query_ || query_->use_count() > 1 || query_->sql.capacity() > kept_text)
        query_ = new PreparedStatement;
    query_->sql.assign(query->sql);
    query_->facts.reset();
    query_->origins.clear();
    refresh(*query_);
    if (!planned && (must_settle_names(*query_) || (goes_on_after_end(*query_->facts->facts) && !tracker_.quiet())))
        return Step::settle;
    if (const auto step = must_look_up(*query_); step && !planned)
        return *step;
    pg::Tag tag = 0;
    if (planned) {
        tag = planned->tag;
    } else {
        const auto verdict = verdict_on(*query_->facts, query_->sql);
        if (must_hold(verdict))
            return Step::hold;
        tag = begin_execution(*query_, verdict);
        if (tag == 0)
            return Step::slow;
    }
    auto cancels = cancelled_processes(query_->sql, *query_->facts->facts, nullptr);
    depart(tag, query_, tracker_.query(tag).value_or(0), true, std::move(cancels));
    return Step::forward;
}

PostgresSession::Step PostgresSession::inspect_parse(const pg::Frame& frame, const PlannedFrame* planned)
{
    const auto parse = pg::decode_parse(frame);
    if (!parse)
        return broken(parse.error());
    if (tracker_.copy() == pg::Copy::in)
        return broken(make_error_code(pg::errc::unexpected_message));
    if (const auto step = unreadable(parse->statement))
        return *step;
    if (must_settle() && !policies::is_ascii(parse->sql))
        return Step::settle; // the client's encoding may be changing
    // Drivers parse the same text over and over: then what is known of it stays known.
    const auto* known = tracker_.statements().find(parse->statement);
    StatementPointer statement = known && *known && same(**known, *parse) ? *known : prepared(*parse);
    if (planned && planned->execution) {
        const auto& approved = plan_->executions[*planned->execution];
        statement = approved.statement;
        approved_parse_ = ApprovedParse{statement, statement->facts, approved.verdict, approved.number,
                                        worker_.now + time_to_answer()};
    }
    if (!planned && may_run_when_prepared()) {
        if (must_settle())
            return Step::settle;
        refresh(*statement);
        if (const auto step = must_look_up(*statement))
            return *step;
        if (must_hold_to_prepare(*statement))
            return Step::hold;
    }
    tracker_.parse(parse->statement, statement);
    group_open_ = true;
    return Step::forward;
}

/// Most databases have no types whose values run code as they are read: there nobody looks at a text before its Bind.
bool PostgresSession::may_run_when_prepared() const
{
    const auto* const catalog = catalog_.view().catalog.get();
    return catalog == nullptr || catalog->checks_values();
}

/// Facts are those of now. Only what it does when it is prepared is at stake, but nobody can tell that from the rest.
bool PostgresSession::must_hold_to_prepare(const PreparedStatement& statement) const
{
    const auto& facts = *statement.facts->facts;
    return (facts.runs_when_prepared || statement.unsure || catalog_.missing(facts)) &&
           must_hold(verdict_on(*statement.facts, statement.sql));
}

StatementPointer PostgresSession::prepared(const pg::Parse& parse) const
{
    StatementPointer statement{new PreparedStatement};
    statement->sql.assign(parse.sql);
    statement->foreign = !state_.text_is_utf8() && !policies::is_ascii(parse.sql);
    for (std::size_t i = 0; i < parse.parameter_types.size(); ++i)
        statement->parameter_types.push_back(parse.parameter_types[i]);
    return statement;
}

/// A query that makes values of the types of its parameters, where these are of users: a domain's checks, a type's own
/// functions and casts run when such a value comes, in whatever text.
std::string PostgresSession::values_of(const PreparedStatement& statement) const
{
    std::string values = statement.values;
    const auto* const catalog = catalog_.view().catalog.get();
    for (const std::uint32_t oid : statement.parameter_types) {
        if (oid < policies::catalog::first_user_oid)
            continue;
        const auto* const type = catalog == nullptr ? nullptr : catalog->type(oid);
        policies::postgres::add_value(values, type == nullptr ? "pg_temp" : type->schema,
                                      type == nullptr ? "number " + std::to_string(oid) : type->name);
    }
    return values;
}

/// A name that nobody defined before our eyes: judged as the SQL that would use it, so it is opaque.
StatementPointer PostgresSession::unknown(std::string_view verb, std::string_view name)
{
    StatementPointer statement{new PreparedStatement};
    statement->sql = std::string{verb} + quoted(name.empty() ? "(unnamed)" : name); // "" is no name in SQL
    return statement;
}

PostgresSession::Step PostgresSession::inspect_bind(const pg::Frame& frame, const PlannedFrame* planned)
{
    const auto bind = pg::decode_bind(frame);
    if (!bind)
        return broken(bind.error());
    if (tracker_.copy() == pg::Copy::in)
        return broken(make_error_code(pg::errc::unexpected_message));
    for (const std::string_view name : {bind->statement, bind->portal})
        if (const auto step = unreadable(name, planned != nullptr))
            return *step;
    if (!planned && (must_settle() || !tracker_.statements().is_sure(bind->statement, tracker_.group())))
        return Step::settle;
    const auto* known = tracker_.statements().find(bind->statement);
    const bool is_known = known != nullptr && *known;
    const StatementPointer statement = as_bound(is_known ? *known : unknown("EXECUTE ", bind->statement), *bind);
    if (!planned && must_settle_names(*statement))
        return Step::settle;
    if (const auto step = must_look_up(*statement); step && !planned)
        return *step;
    pg::Tag tag = 0;
    if (planned) {
        tag = planned->tag;
    } else {
        const auto verdict = verdict_on(*statement->facts, statement->sql);
        if (must_hold(verdict)) {
            tag = begin_approved(*statement, *bind, verdict);
            if (tag == 0)
                return is_known ? Step::hold : ask_whether_there();
        } else {
            tag = begin_execution(*statement, verdict);
            if (tag == 0)
                return Step::slow;
        }
    }
    approved_parse_.reset();
    auto cancels = cancelled_processes(statement->sql, *statement->facts->facts, &*bind);
    Portal portal{statement,
                  tag,
                  group_,
                  statement->generation,
                  statement->catalog,
                  statement->policy,
                  statement->facts,
                  std::move(cancels),
                  statement->origins.size()};
    if (has_effects(*statement->facts->facts))
        portal.ran = std::make_shared<bool>(false);
    tracker_.bind(bind->portal, std::move(portal));
    group_open_ = true;
    return Step::forward;
}

/// The execution that the yes to its Parse was for as well; it has the number in the audit that it was asked for with.
/// 0: it must be asked for.
pg::Tag PostgresSession::begin_approved(const PreparedStatement& statement, const pg::Bind& bind,
                                        const Verdict& verdict)
{
    const auto approved = std::exchange(approved_parse_, std::nullopt);
    worker_.look_at_clocks();
    if (!approved || approved->statement.get() != &statement || approved->facts != statement.facts ||
        !bind.parameters.empty() || worker_.now > approved->until || !covers(approved->verdict, verdict))
        return 0;
    Flight flight;
    flight.statement = approved->number;
    flight.approved = true;
    return flights_.push(std::move(flight)) + 1;
}

/// A statement or portal of which nothing is known, so that a person would have to be asked: first the server is, to
/// describe it, which does nothing. Mostly it is not there any more, and the error is that of what was to be done with
/// it. Only once: then it is there.
PostgresSession::Step PostgresSession::ask_whether_there()
{
    asked_whether_there_ = !asked_whether_there_;
    return asked_whether_there_ ? Step::describe : Step::hold;
}

/// The text uses names (EXECUTE, FETCH), and what the wire's messages in flight make of the names is not known yet.
bool PostgresSession::must_settle_names(const PreparedStatement& statement) const
{
    return statement.facts->facts->names_consulted && tracker_.is_renaming();
}

PostgresSession::Step PostgresSession::inspect_describe(const pg::Frame& frame)
{
    const auto describe = pg::decode_describe(frame);
    if (!describe)
        return broken(describe.error());
    if (tracker_.copy() == pg::Copy::in)
        return broken(make_error_code(pg::errc::unexpected_message));
    if (const auto step = unreadable(describe->name))
        return *step;
    const auto number = tracker_.describe(describe->what);
    Described described;
    if (describe->what == pg::Named::statement) {
        if (const auto* statement = tracker_.statements().find(describe->name))
            described.statement = *statement;
    } else if (const auto* portal = tracker_.portals().find(describe->name)) {
        described.statement = portal->statement;
        described.tag = portal->tag;
    }
    if (number && described.statement) {
        described.number = *number;
        described_.push(std::move(described));
    }
    group_open_ = true;
    return Step::forward;
}

PostgresSession::Step PostgresSession::inspect_close(const pg::Frame& frame)
{
    const auto close = pg::decode_close(frame);
    if (!close)
        return broken(close.error());
    if (tracker_.copy() == pg::Copy::in)
        return broken(make_error_code(pg::errc::unexpected_message));
    if (const auto step = unreadable(close->name))
        return *step;
    tracker_.close(close->what, close->name);
    group_open_ = true;
    return Step::forward;
}

/// COPY data outside COPY IN is left over from one that failed: the server ignores it. But the server's answer to a
/// COPY may still be on its way.
PostgresSession::Step PostgresSession::inspect_copy(const pg::Frame& frame)
{
    if (tracker_.copy() != pg::Copy::in && tracker_.copy() != pg::Copy::both)
        return tracker_.quiet() ? Step::drop : Step::settle;
    if (frame.is(pg::Frontend::copy_data))
        return Step::forward;
    tracker_.copy_end();
    client_scanner_.wanted().add(static_cast<char>(pg::Frontend::copy_data));
    return Step::forward;
}

PostgresSession::Step PostgresSession::inspect_sync(const pg::Frame& frame)
{
    if (const auto empty = pg::check_empty(frame); !empty)
        return broken(empty.error());
    tracker_.sync();
    undecided_ = undecided_ || changed_;
    refused_group_ = false;
    group_open_ = false;
    group_executed_ = false;
    asked_whether_there_ = false;
    ++group_;
    return Step::forward;
}

/// What it names was changed: the change must be over, and the new catalogs there, or it is held as not understood.
std::optional<PostgresSession::Step> PostgresSession::must_look_up(const PreparedStatement& statement) const
{
    if (!statement.unsure)
        return std::nullopt;
    if (catalog_.announced() && !tracker_.quiet())
        return Step::settle;
    return catalog_.may_wait() ? std::optional{Step::look_up} : std::nullopt;
}

/// Facts are kept with the statement until the session's state, the policy or the catalogs change: executing it again
/// is cheap.
void PostgresSession::refresh(PreparedStatement& statement)
{
    const auto* policy = &worker_.judge.policy();
    if (catalog_.look())
        state_.catalog_read();
    if (statement.facts && statement.generation == state_.generation() && statement.policy == policy &&
        statement.catalog == catalog_.revision())
        return;
    statement.facts = facts_of(statement.read_as.empty() ? statement.sql : statement.read_as);
    if (statement.any_numbers && statement.facts->shape == 0)
        statement.facts = worker_.judge.doubted(*statement.facts, std::string{hangs_on_numbers}, asker_.database);
    if (!statement.origins.empty())
        statement.facts = with_reads(worker_.judge, *statement.facts, 0, statement.origins, asker_.database);
    if (const std::string values = values_of(statement); !values.empty())
        if (const auto made = facts_of(values); made->facts->uses_types || !does_nothing(*made->facts))
            statement.facts = with_values(worker_.judge, *statement.facts, *made, asker_.database);
    if (statement.foreign)
        statement.facts = worker_.judge.doubted(
            *statement.facts, "was prepared in a client encoding which stepgate cannot read", asker_.database);
    if (const auto setting = reads_otherwise(*statement.facts->facts, statement.sql, start_state_); !setting.empty())
        statement.facts = worker_.judge.doubted(*statement.facts,
                                                "has a condition, in a session that begins with another " +
                                                    std::string{setting} + " than usual",
                                                asker_.database);
    catalog_.look_again(*statement.facts->facts);
    statement.unsure = catalog_.unsure(*statement.facts->facts);
    if (statement.unsure)
        statement.facts = worker_.judge.doubted(
            *statement.facts, "names what was changed, and the catalogs do not show it yet", asker_.database);
    else if (catalog_.missing(*statement.facts->facts))
        statement.facts = worker_.judge.doubted(
            *statement.facts, "names tables, and the server's catalogs, which could tell views, cannot be read",
            asker_.database);
    statement.catalog = catalog_.revision();
    statement.generation = state_.generation();
    statement.policy = policy;
}

Verdict PostgresSession::verdict_on(const policies::rules::MatchedFacts& facts, std::string_view sql) const
{
    return worker_.judge.verdict(facts, sql, asker_, tracker_.transaction() != pg::Transaction::idle, worker_.wall());
}

pg::Tag PostgresSession::begin_execution(const PreparedStatement& statement, const Verdict& verdict)
{
    if (!report_late())
        return 0;
    Flight flight;
    flight.statement = statements_ + 1;
    if (!audit_statement(flight.statement, statement.sql, *statement.facts, verdict, action_observed(verdict)))
        return 0;
    ++statements_;
    count(verdict);
    if (verdict.action == Action::notify && listening_->options.mode == Mode::enforce)
        notify(verdict);
    return flights_.push(std::move(flight)) + 1;
}

/// An execution goes to the server now.
void PostgresSession::depart(pg::Tag tag, const StatementPointer& statement, std::uint64_t number, bool simple,
                             Processes cancels)
{
    approved_parse_.reset();
    undecided_ = undecided_ || (simple && changed_);
    catalog_.departs(*statement->facts, worker_.judge.policy().labels(),
                     tracker_.transaction() == pg::Transaction::open, forgets_names(), worker_.wall());
    if (tag <= flights_.begin() || tag > flights_.end())
        return;
    auto& flight = flights_.at(tag - 1);
    flight.started_ns = worker_.now.time_since_epoch().count();
    flight.simple = simple;
    flight.group = group_;
    flight.cancels = std::move(cancels);
    if (origins_)
        flight.asked = statement;
    if (flight.effects || !has_effects(*statement->facts->facts))
        return;
    flight.effects = statement->facts;
    ++effects_in_flight_;
    define_names(*statement, number);
}

/// Names that SQL gives or takes are the same names as those of the wire.
void PostgresSession::define_names(const PreparedStatement& statement, std::uint64_t number)
{
    using StatementsBy = pg::Names<StatementPointer>::By;
    using PortalsBy = pg::Names<Portal>::By;
    namespace facts = policies::statement;
    for (const auto& one : statement.facts->facts->statements) {
        for (const auto& effect : one.effects) {
            if (const auto* prepare = std::get_if<facts::PrepareStatement>(&effect)) {
                StatementPointer prepared{new PreparedStatement};
                prepared->sql = prepare->sql;
                prepared->values = prepare->values;
                tracker_.statements().define(prepare->name, std::move(prepared), number, StatementsBy::sql);
            } else if (const auto* cursor = std::get_if<facts::OpenCursor>(&effect)) {
                Portal portal;
                portal.statement = new PreparedStatement;
                portal.statement->sql = cursor->sql;
                tracker_.portals().define(cursor->name, std::move(portal), number, PortalsBy::sql, cursor->with_hold);
            } else if (const auto* deallocate = std::get_if<facts::Deallocate>(&effect)) {
                if (deallocate->name)
                    tracker_.statements().close(*deallocate->name, number, StatementsBy::sql);
                else
                    tracker_.statements().forget_settled();
            } else if (const auto* close = std::get_if<facts::CloseCursor>(&effect)) {
                if (close->name)
                    tracker_.portals().close(*close->name, number, PortalsBy::sql);
                else
                    tracker_.portals().forget_settled();
            } else if (std::holds_alternative<facts::DiscardAll>(effect)) {
                tracker_.statements().forget_settled();
                tracker_.portals().forget_settled();
            }
        }
    }
}

/// An approved statement that was not understood may have given any name another meaning. Where opaque statements run
/// unasked, the names are believed instead: all would be unknown all the time.
bool PostgresSession::forgets_names() const
{
    return listening_->options.mode == Mode::enforce &&
           worker_.judge.policy().default_opaque().action >= Action::challenge;
}

} // namespace stepgate::proxy::session
