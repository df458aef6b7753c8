#include "policies/postgres/bodies.h"

#include "policies/postgres/columns.h"
#include "policies/postgres/names.h"
#include "policies/statement/weaker.h"

#include <algorithm>

namespace stepgate::policies::postgres
{
namespace
{

using catalog::Events;
using catalog::ReferenceAction;
using catalog::Relation;
using catalog::RelationKind;
using statement::Kind;

constexpr std::size_t most_touches = 20'000;  // of one statement
constexpr std::size_t most_steps = 1'000'000; // accesses added, reasons and calls included

/// Columns of one relation as those of a parent or child of it: "*" covers only the columns that both have.
std::vector<std::string> shared(const std::vector<std::string>& columns, const Relation& from, const Relation& to)
{
    std::vector<std::string> out;
    const bool all = std::ranges::find(columns, "*") != columns.end();
    if (all && to.columns.size() <= from.columns.size())
        return {"*"};
    if (all) {
        for (const catalog::Column& column : from.columns)
            out.push_back(column.name);
        return out;
    }
    for (const std::string& column : columns)
        if (has_column(to, column))
            out.push_back(column);
    return out;
}

} // namespace

void Follower::access(Accesses& accesses, const Relation& relation, std::vector<std::string> columns)
{
    ++steps_;
    accesses.push_back({joined(relation.schema, relation.name), true, std::move(columns)});
}

bool Follower::seen_read(const Touch& touch)
{
    auto& columns = reads_[{touch.relation, touch.context, (touch.up ? 1 : 0) + (touch.down ? 2 : 0)}];
    if (std::ranges::find(columns, "*") != columns.end())
        return true;
    bool fresh = columns.empty(); // the first time counts without columns, too
    if (fresh)
        columns.emplace_back();
    for (const std::string& column : touch.columns) {
        if (std::ranges::find(columns, column) != columns.end())
            continue;
        columns.push_back(column);
        fresh = true;
    }
    return !fresh;
}

bool Follower::seen_write(const Touch& touch)
{
    const int place = (touch.up ? 1 : 0) + (touch.down ? 2 : 0) + (touch.cascade ? 4 : 0) + (touch.planned ? 8 : 0) +
                      (touch.ran ? 16 : 0);
    int& seen = writes_[{touch.relation, touch.context, place}];
    const int wanted = bits(touch.events) | 16;
    const bool known = (seen & wanted) == wanted;
    seen |= wanted;
    return known;
}

void Follower::add(Touch touch, int context)
{
    if (touch.context == Touch::inherit)
        touch.context = context;
    touch.ran = touch.ran || running_ || touch.kind == Touch::Kind::call;
    bool seen = false;
    switch (touch.kind) {
    case Touch::Kind::read:
        seen = seen_read(touch);
        break;
    case Touch::Kind::write:
        seen = seen_write(touch);
        break;
    case Touch::Kind::call:
        seen = !calls_.emplace(std::tuple{touch.function, touch.relation, touch.context, touch.arguments}, true).second;
        break;
    case Touch::Kind::index:
        break;
    case Touch::Kind::details:
        takes_details_ = true;
        return;
    }
    if (!seen)
        work_.push_back(std::move(touch));
}

void Follower::merge(const Footprint& footprint, int context)
{
    const statement::StatementFacts& from = footprint.facts;
    to_->reads.insert(to_->reads.end(), from.reads.begin(), from.reads.end());
    to_->writes.insert(to_->writes.end(), from.writes.begin(), from.writes.end());
    to_->calls.insert(to_->calls.end(), from.calls.begin(), from.calls.end());
    to_->inner.insert(to_->inner.end(), from.inner.begin(), from.inner.end());
    to_->effects.insert(to_->effects.end(), from.effects.begin(), from.effects.end());
    to_->where = statement::weaker(to_->where, from.where);
    to_->destructive = to_->destructive || from.destructive;
    reasons_.insert(reasons_.end(), footprint.opaque_reasons.begin(), footprint.opaque_reasons.end());
    for (const Touch& touch : footprint.touches)
        add(touch, context);
    steps_ += 1 + from.reads.size() + from.writes.size() + from.calls.size() + footprint.touches.size() +
              footprint.opaque_reasons.size();
}

/// Rows of a foreign table are what its wrapper's handler makes of a file, a program or another server.
void Follower::handled(const Relation& relation)
{
    if (!relation.handler.empty())
        to_->calls.push_back(relation.handler);
}

/// Children and parents hold the same rows: whoever reads a partition reads the partitioned table.
void Follower::read(const Touch& touch)
{
    const Relation& relation = *touch.relation;
    if (is_view(relation))
        merge(bodies_.view(relation), touch.context);
    if (relation.row_security)
        merge(bodies_.policies(relation), touch.context);
    handled(relation);
    merge(bodies_.types(relation), touch.context);
    go_on(touch, Touch{}, to_->reads);
}

void Follower::write(const Touch& touch)
{
    if (any(touch.events))
        write_rows(touch);
    go_on(touch, touch, to_->writes);
}

/// Parents and children hold the same rows: they are touched in the same way.
void Follower::go_on(const Touch& touch, const Touch& way, Accesses& accesses)
{
    const Relation& relation = *touch.relation;
    const auto go_to = [&](catalog::Oid oid, bool up) {
        const Relation* const other = bodies_.catalog().relation(oid);
        if (other == nullptr)
            return;
        Touch next = way;
        next.relation = other;
        next.columns = shared(touch.columns, relation, *other);
        next.up = up;
        next.down = !up;
        if (up)
            next.events = {}; // the rows are the child's
        else if (relation.kind == RelationKind::partitioned_table && way.events.update)
            next.events.insert = next.events.delete_rows = true; // a row may move to another partition
        access(accesses, *other, next.columns);
        add(std::move(next), touch.context);
    };
    if (touch.up)
        for (const catalog::Oid parent : relation.parents)
            go_to(parent, true);
    if (touch.down)
        for (const catalog::Oid child : relation.children)
            go_to(child, false);
}

/// What the server does for each row, and what it changes elsewhere.
void Follower::write_rows(const Touch& touch)
{
    const Relation& relation = *touch.relation;
    const int context = touch.context;
    if (is_view(relation)) {
        merge(bodies_.view(relation), context);
        for (const Relation* base : bodies_.written_through(relation)) {
            Touch next;
            next.kind = Touch::Kind::write;
            next.relation = base;
            next.events = touch.events;
            next.planned = touch.planned;
            if (!touch.columns.empty())
                next.columns.emplace_back("*"); // which of its columns, only the definition says
            access(to_->writes, *base, next.columns);
            add(std::move(next), context);
        }
        if (bodies_.written_through(relation).empty() &&
            std::ranges::any_of(bodies_.view(relation).facts.reads, [](const statement::TableAccess& read) {
                return read.table.starts_with("pg_catalog.");
            }))
            reasons_.push_back("changes rows through " + joined(relation.schema, relation.name) +
                               ", a view of the server's catalogs");
    }
    handled(relation);
    if (relation.row_security)
        merge(bodies_.policies(relation), context);
    for (const RuleFootprint& rule : bodies_.rules(relation))
        if (meet(rule.events, touch.events))
            merge(rule.footprint, context);
    if (touch.planned)
        return;
    if (touch.events.insert || touch.events.update) {
        merge(bodies_.values(relation), context);
        for (const Reference& key : bodies_.references(relation))
            access(to_->reads, *key.parent, *key.parent_columns);
    }
    merge(bodies_.types(relation), context);
    for (const catalog::Trigger& trigger : relation.triggers)
        if (meet(trigger.events, touch.events))
            fire(trigger, touch);
    referencing(touch);
}

/// A deferred trigger runs under the settings of whoever ends the transaction (CREATE CONSTRAINT TRIGGER), not of the
/// function whose statement queued it; SET CONSTRAINTS may run it at once.
void Follower::fire(const catalog::Trigger& trigger, const Touch& touch)
{
    const catalog::Function* const function = bodies_.catalog().function(trigger.function);
    if (function == nullptr) {
        if (trigger.function >= catalog::first_user_oid) // those of the system only compute
            reasons_.push_back("fires the trigger " + trigger.name + ", whose function is not known");
        return;
    }
    to_->calls.push_back(joined(function->schema, function->name));
    Touch next;
    next.kind = Touch::Kind::call;
    next.function = function;
    next.relation = touch.relation;
    add(next, touch.context);
    if (!trigger.deferrable)
        return;
    add(std::move(next), session_);
    if (std::ranges::find(to_->effects, statement::Effect{statement::Defer{}}) == to_->effects.end())
        to_->effects.emplace_back(statement::Defer{});
}

/// Rows of other tables that point here: looked for, or changed along.
void Follower::referencing(const Touch& touch)
{
    const bool truncate = touch.events.truncate;
    const bool any_column = touch.columns.empty() || std::ranges::find(touch.columns, "*") != touch.columns.end();
    for (const catalog::ReferencedBy& key : touch.relation->referenced_by) {
        const Relation* const child = bodies_.catalog().relation(key.relation);
        if (child == nullptr)
            continue;
        const bool key_changes =
            touch.events.update && (any_column || std::ranges::any_of(key.our_columns, [&](const auto& column) {
                                        return std::ranges::find(touch.columns, column) != touch.columns.end();
                                    }));
        const auto follow = [&](ReferenceAction action, bool deleting) {
            if (action == ReferenceAction::none || action == ReferenceAction::restrict_it) {
                access(to_->reads, *touch.relation, key.our_columns); // another row may have the same key
                return access(to_->reads, *child, key.columns);
            }
            Touch next;
            next.kind = Touch::Kind::write;
            next.relation = child;
            const bool gone = deleting && action == ReferenceAction::cascade;
            (gone ? next.events.delete_rows : next.events.update) = true;
            if (!gone)
                next.columns = key.columns;
            to_->inner.push_back(gone ? Kind::delete_rows : Kind::update);
            access(to_->writes, *child, next.columns);
            access(to_->reads, *child, key.columns);
            add(std::move(next), touch.context);
        };
        if (touch.events.delete_rows)
            follow(key.on_delete, true);
        if (key_changes)
            follow(key.on_update, false);
        if (!truncate || !touch.cascade)
            continue;
        Touch next;
        next.kind = Touch::Kind::write;
        next.relation = child;
        next.events.truncate = true;
        next.cascade = true;
        access(to_->writes, *child, {});
        add(std::move(next), touch.context);
    }
}

void Follower::call(const Touch& touch)
{
    const Footprint& body = bodies_.function(*touch.function, touch.context, touch.relation);
    merge(body, touch.context);
    for (const BuiltText& built : body.built)
        run_built(built, touch.arguments);
}

/// SQL that a function builds is known where the caller wrote its arguments down.
void Follower::run_built(const BuiltText& built, const Constants& arguments)
{
    constexpr std::size_t most_built = 100;
    constants_used_ = true; // also of what cannot be filled in
    const std::optional<std::string> text = ++built_ <= most_built ? fill_in(built, arguments) : std::nullopt;
    if (!text) {
        reasons_.push_back(joined(built.function->schema, built.function->name) + " runs SQL that it builds");
        return;
    }
    merge(bodies_.run(built, *text), built.context);
}

void Follower::run(std::vector<Touch> touches, int context)
{
    session_ = context;
    for (Touch& touch : touches)
        add(std::move(touch), context);
    follow_all();
    if (takes_details_)
        read_what_is_written();
}

void Follower::follow_all()
{
    while (!work_.empty()) {
        if (work_.size() > most_touches || steps_ > most_steps) {
            reasons_.emplace_back("leads to too many other things to follow all of them");
            return;
        }
        const Touch touch = std::move(work_.front());
        work_.pop_front();
        running_ = touch.ran;
        to_ = running_ ? &ran_ : &planned_;
        switch (touch.kind) {
        case Touch::Kind::read:
            read(touch);
            break;
        case Touch::Kind::write:
            write(touch);
            break;
        case Touch::Kind::call:
            call(touch);
            break;
        case Touch::Kind::index:
            merge(bodies_.indexes(*touch.relation), touch.context);
            merge(bodies_.types(*touch.relation), touch.context);
            break;
        case Touch::Kind::details: // are in no queue
            break;
        }
    }
}

/// "Failing row contains (…)", "Key (…) already exists".
void Follower::read_what_is_written()
{
    for (const Accesses* writes : {&planned_.writes, &ran_.writes})
        for (const statement::TableAccess& write : *writes)
            ran_.reads.push_back({write.table, write.schema_known, {"*"}});
}

} // namespace stepgate::policies::postgres
