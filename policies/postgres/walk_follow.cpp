// What a statement leads to is added to its facts.

#include "policies/postgres/walk.h"
#include "policies/statement/weaker.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>

namespace stepgate::policies::postgres
{
namespace
{

bool changes_settings_of_names(const statement::Effect& effect)
{
    return changes_names(effect) && !std::holds_alternative<statement::Redefine>(effect);
}

/// Code that runs beside it may find that a name means something else.
bool means_otherwise(const statement::Effect& effect)
{
    if (const auto* const change = std::get_if<statement::Redefine>(&effect))
        return change->code || change->writes || (!change->temporary && !change->gone);
    const auto* const made = std::get_if<statement::MakeType>(&effect);
    return changes_names(effect) || (made != nullptr && !made->plain);
}

/// What other code does, as if the statement did it.
void add_facts(statement::StatementFacts& to, const statement::StatementFacts& from)
{
    const auto add = [](auto& target, const auto& source) {
        target.insert(target.end(), source.begin(), source.end());
    };
    add(to.reads, from.reads);
    add(to.writes, from.writes);
    add(to.calls, from.calls);
    add(to.inner, from.inner);
    add(to.effects, from.effects);
    to.where = statement::weaker(to.where, from.where);
    to.destructive = to.destructive || from.destructive;
}

} // namespace

/// Equal for states that read bodies alike.
int Walk::context()
{
    if (base_ != nullptr) // within a body that is being read: what is kept must stay
        return bodies_->context(*state_);
    if (!context_)
        context_ = bodies_->begin(*state_);
    return *context_;
}

/// Names of functions' bodies are looked up when these run. Where the statement itself changes what they mean, before
/// or after, they count as looked up both ways.
void Walk::follow()
{
    if (touches_.empty())
        return;
    std::vector<Touch> touches = std::exchange(touches_, {});
    statement::StatementFacts ran, otherwise, ran_otherwise;
    follow(touches, context(), facts(), ran);
    std::vector<statement::Effect> changes = ran.effects;
    const std::vector<statement::Effect>& own = facts().effects;
    std::ranges::copy_if(own, std::back_inserter(changes), changes_settings_of_names);
    const bool beside = std::ranges::any_of(block_ ? ran.effects : changes, means_otherwise);
    changes.insert(changes.end(), own.begin(), own.end());
    if (beside)
        follow_beside(std::move(touches), changes, otherwise, ran_otherwise);
    add_facts(facts(), otherwise);
    if (explained_)
        only_explained();
    add_facts(facts(), ran);
    add_facts(facts(), ran_otherwise);
}

/// As code that runs beside the changes finds it. What the statement's own names mean was settled before; a DO block
/// was read with its own changes, but not with those of what it calls.
void Walk::follow_beside(std::vector<Touch> touches, const std::vector<statement::Effect>& changes,
                         statement::StatementFacts& planned, statement::StatementFacts& ran)
{
    const SessionState unsure = Bodies::beside(*state_, changes);
    const int inside = bodies_->context(unsure, true);
    for (Touch& touch : touches)
        touch.context = inside;
    if (block_) {
        Footprint again = bodies_->block(block_->language, block_->body, unsure, true);
        add_facts(planned, again.facts);
        touches.insert(touches.end(), again.touches.begin(), again.touches.end());
        cannot_follow(std::move(again.opaque_reasons));
    }
    follow(touches, inside, planned, ran);
    for (statement::StatementFacts* const more : {&planned, &ran})
        std::erase_if(more->effects, [&changes](const statement::Effect& effect) {
            return std::ranges::find(changes, effect) != changes.end();
        });
}

void Walk::follow(const std::vector<Touch>& touches, int context, statement::StatementFacts& planned,
                  statement::StatementFacts& ran)
{
    std::vector<std::string> reasons;
    Follower follower{*bodies_, planned, reasons, &ran};
    follower.run(touches, context);
    out_.literals_consulted = out_.literals_consulted || follower.constants_used();
    cannot_follow(std::move(reasons));
}

/// Code that may do anything, a reason each.
void Walk::cannot_follow(std::vector<std::string> reasons)
{
    unknown_code_ = unknown_code_ || !reasons.empty();
    for (std::string& reason : reasons)
        opaque(std::move(reason));
}

/// Code that is not known may leave another search path behind. The server does not tell.
void Walk::doubt_path()
{
    if (unknown_code_ && !explained_)
        effect(statement::SetParameter{.name = "search_path", .value = {}, .unknown = true});
}

/// COMMIT reads a cursor WITH HOLD to its end, before it ends what was set LOCAL (PreCommit_Portals).
void Walk::defer_held_cursors()
{
    const bool held = std::ranges::any_of(facts().effects, [](const statement::Effect& effect) {
        const auto* const cursor = std::get_if<statement::OpenCursor>(&effect);
        return cursor != nullptr && cursor->with_hold;
    });
    if (held && calls_code(0))
        effect(statement::Defer{});
}

/// Code that waits for the end of the transaction was judged with the names of when it was queued.
void Walk::doubt_deferred()
{
    const auto& effects = facts().effects;
    const bool queues = std::ranges::find(effects, statement::Effect{statement::Defer{}}) != effects.end();
    if ((state_->deferred() || queues) && std::ranges::any_of(effects, changes_names))
        opaque("changes what names mean to deferred triggers that are queued, or to cursors that COMMIT reads");
}

/// Planning changes nothing: what the statement would write counts as read. What functions do counts in full, since
/// planning may run them.
void Walk::only_explained()
{
    statement::StatementFacts& done = facts();
    done.inner.clear();
    done.where = statement::Where::none;
    done.destructive = false;
    done.reads.insert(done.reads.end(), std::make_move_iterator(done.writes.begin()),
                      std::make_move_iterator(done.writes.end()));
    done.writes.clear();
    std::erase_if(done.effects, [](const statement::Effect& effect) {
        const auto* const set = std::get_if<statement::SetParameter>(&effect);
        return set == nullptr || !set->unknown; // functions that planning may run
    });
}

} // namespace stepgate::policies::postgres
