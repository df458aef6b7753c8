#include "policies/sensitivity/catalog_view.h"
#include "proxy/session/origins.h"
#include "proxy/session/postgres_session.h"

#include <algorithm>

// The second line of defence: the server's description of a result names the table and the column that a value comes
// from (THREATS.md: a labelled origin is proof, no origin proves nothing). A statement whose text did not show such a
// read is judged again with it: before it runs where its result was described before, and otherwise before its first
// row reaches the client.

namespace stepgate::proxy::session
{

namespace pg = protocols::postgres;
using policies::rules::MatchedFacts;
using policies::statement::Kind;
using policies::statement::TableAccess;

namespace
{

/// Kinds that can give rows of tables.
bool gives_rows(Kind kind)
{
    switch (kind) {
    case Kind::select:
    case Kind::insert:
    case Kind::update:
    case Kind::delete_rows:
    case Kind::merge:
    case Kind::execute:
    case Kind::fetch:
    case Kind::call:
    case Kind::other:
    case Kind::unknown:
        return true;
    default:
        return false;
    }
}

} // namespace

std::shared_ptr<const policies::sensitivity::OriginLabels>
Worker::origins(const policies::sensitivity::CatalogView& view, std::string_view listener, std::string_view database)
{
    if (!view.catalog || judge.policy().label_index().empty())
        return nullptr;
    for (const auto& known : known_origins_)
        if (known.view == view.revision && known.policy == judge.policy_pointer())
            return known.labels;
    const auto where = std::string{listener} + '\n' + std::string{database};
    std::erase_if(known_origins_,
                  [&](const auto& known) { return known.policy != judge.policy_pointer() || known.where == where; });
    auto labels = std::make_shared<const policies::sensitivity::OriginLabels>(view, judge.policy().label_index(),
                                                                              judge.policy().labels(), database);
    if (labels->empty())
        labels.reset();
    known_origins_.push_back({view.revision, judge.policy_pointer(), where, labels});
    return labels;
}

bool PostgresSession::watches_results()
{
    const auto& view = catalog_.view();
    if (origins_policy_ != &worker_.judge.policy() || origins_view_ != view.revision) {
        origins_policy_ = &worker_.judge.policy();
        origins_view_ = view.revision;
        origins_ = worker_.origins(view, asker_.listener, asker_.database);
    }
    return origins_ != nullptr && listening_->options.mode == Mode::enforce;
}

/// The client did not ask for a description of the result, so that the rows would come without one.
bool PostgresSession::must_describe(const PreparedStatement& statement)
{
    if (!watches_results() || tracker_.skipping())
        return false;
    if (statement.origins_by == origins_.get() && statement.origins_generation == state_.generation())
        return false;
    for (auto number = described_.begin(); number != described_.end(); ++number)
        if (described_.at(number).statement.get() == &statement)
            return false; // the answer comes before the rows
    const auto& facts = *statement.facts->facts;
    return facts.opaque || std::ranges::any_of(facts.statements, [](const auto& one) { return gives_rows(one.kind); });
}

/// Asks for the description of what the Bind or Execute at the front of `in_` runs. False: the session is over.
net::Task<bool> PostgresSession::describe_first()
{
    const pg::MessageFramer framer{pg::Side::frontend, worker_.shared.options.limits.message};
    const auto framed = framer.next(in_.data());
    const auto* frame = std::get_if<pg::Frame>(&framed);
    if (frame == nullptr)
        co_return false;
    Described described{0, {}, 0, true};
    pg::Describe what;
    if (const auto bind = pg::decode_bind(*frame); frame->is(pg::Frontend::bind) && bind) {
        what = {pg::Named::statement, bind->statement};
        described.statement = unknown("EXECUTE ", bind->statement);
    } else if (const auto execute = pg::decode_execute(*frame); frame->is(pg::Frontend::execute) && execute) {
        what = {pg::Named::portal, execute->portal};
        const auto* portal = tracker_.portals().find(execute->portal);
        const bool known = portal != nullptr && portal->statement;
        described.statement = known ? portal->statement : unknown("FETCH ALL FROM ", execute->portal);
        described.tag = known ? portal->tag : 0;
    } else {
        co_return false;
    }
    const auto number = tracker_.describe(what.what, pg::Origin::proxy);
    if (number) {
        described.number = *number;
        described_.push(std::move(described));
    }
    group_open_ = true;
    wire::Bytes describe;
    pg::encode_describe(describe, what);
    sending_ = true;
    const auto failed = co_await server_.write_all(describe);
    sending_ = false;
    co_return !failed;
}

/// RowDescription, NoData or ParameterDescription.
void PostgresSession::on_description(const pg::Event& event, const pg::Frame& frame)
{
    if (event.kind == pg::Event::Kind::none && frame.is(pg::Backend::row_description)) { // of a Query
        auto* flight = flight_of(event.tag);
        if (watches_results() && flight != nullptr && flight->asked && !flight->approved)
            guard(*flight, unexpected_origins(*flight->asked->facts, frame));
        return;
    }
    while (!described_.empty() && described_.front().number < event.number)
        described_.pop(); // failed or skipped
    if (described_.empty() || described_.front().number != event.number)
        return;
    if (!frame.is(pg::Backend::parameter_description)) {
        on_result(described_.pop(), frame);
        return;
    }
    // Types that the client left to the server: values can be shown as what they are.
    auto& types = described_.front().statement->parameter_types;
    const auto said = pg::decode_parameter_description(frame);
    for (std::size_t i = 0; said && i < said->size(); ++i) {
        if (i == types.size())
            types.push_back((*said)[i]);
        else if (types[i] == 0)
            types[i] = (*said)[i];
    }
}

/// An error about a description that only the proxy asked for: the Execute behind it is skipped, so it is the client's.
bool PostgresSession::stands_for_execute(const pg::Event& event) const
{
    for (auto number = described_.begin(); number != described_.end(); ++number)
        if (const auto& described = described_.at(number); described.number == event.number)
            return described.by_proxy;
    return false;
}

void PostgresSession::on_result(Described described, const pg::Frame& frame)
{
    if (!watches_results())
        return;
    auto& statement = *described.statement;
    if (statement.origins_by == origins_.get() && statement.origins_generation == state_.generation())
        return; // the same again
    statement.origins.clear();
    refresh(statement);
    if (frame.is(pg::Backend::row_description))
        statement.origins = unexpected_origins(*statement.facts, frame);
    statement.origins_by = origins_.get();
    statement.origins_generation = state_.generation();
    if (statement.origins.empty())
        return;
    statement.facts = with_reads(worker_.judge, *statement.facts, 0, statement.origins, asker_.database);
    for (auto number = flights_.begin(); number != flights_.end(); ++number) {
        auto& flight = flights_.at(number);
        const bool its = flight.asked == described.statement || (described.tag != 0 && number + 1 == described.tag);
        if (its && flight.asked && !flight.approved && flight.done == 0)
            guard(flight, statement.origins);
    }
}

std::vector<TableAccess> PostgresSession::unexpected_origins(const MatchedFacts& facts, const pg::Frame& frame)
{
    std::vector<TableAccess> unexpected;
    if (!pg::decode_row_description(frame, columns_))
        return unexpected;
    for (const auto& column : columns_) {
        const auto* origin = column.table == 0 ? nullptr : origins_->find(column.table, column.number);
        if (origin != nullptr && !shows(*facts.facts, origin->table, origin->column))
            add_read(unexpected, origin->table, origin->column);
    }
    return unexpected;
}

void PostgresSession::guard(Flight& flight, std::vector<TableAccess> origins)
{
    if (origins.empty())
        return;
    guarded_ += flight.origins.empty() ? 1 : 0;
    flight.origins = std::move(origins);
}

void PostgresSession::unguard(Flight& flight)
{
    if (flight.origins.empty())
        return;
    flight.origins.clear();
    if (guarded_ > 0)
        --guarded_;
}

Flight* PostgresSession::flight_of(pg::Tag tag)
{
    return tag <= flights_.begin() || tag > flights_.end() ? nullptr : &flights_.at(tag - 1);
}

/// What the server says next are rows that wait for an answer.
bool PostgresSession::rows_must_wait()
{
    if (rows_ != Rows::flow)
        return false;
    const auto* flight = flight_of(tracker_.answering_tag());
    return flight != nullptr && !flight->origins.empty();
}

} // namespace stepgate::proxy::session
