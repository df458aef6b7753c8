#include "challenge-web/challenges/challenges_table.h"

namespace stepgate::challenge_web::challenges
{

namespace
{

/// The order of lists: pending first, newest first.
bool pending_and_newer(const Snapshot& a, const Snapshot& b)
{
    const bool a_pending = a.state == State::pending, b_pending = b.state == State::pending;
    if (a_pending != b_pending)
        return a_pending;
    return a.opened != b.opened ? a.opened > b.opened : a.id < b.id;
}

} // namespace

result<Snapshot> Challenges::find(const ChallengeId& id) const
{
    const std::lock_guard lock{table_->mutex};
    const auto* entry = table_->find(id);
    if (entry == nullptr)
        return errc::not_found;
    return entry->shown;
}

std::vector<Snapshot> Challenges::of_user(const std::string& user, std::size_t limit) const
{
    const std::lock_guard lock{table_->mutex};
    std::vector<const Snapshot*> own;
    for (const auto& [id, entry] : table_->entries)
        if (entry.shown.question.user == user)
            own.push_back(&entry.shown);
    std::sort(own.begin(), own.end(), [](const Snapshot* a, const Snapshot* b) { return pending_and_newer(*a, *b); });
    std::vector<Snapshot> out;
    for (std::size_t i = 0; i < std::min(limit, own.size()); ++i)
        out.push_back(*own[i]);
    return out;
}

std::vector<Snapshot> Challenges::for_approver(const std::string& user, std::size_t limit) const
{
    std::vector<ChallengeId> candidates;
    {
        const std::lock_guard lock{table_->mutex};
        for (const auto& [id, entry] : table_->entries)
            if (entry.shown.question.user != user && approvals_needed(entry.shown.question.verdict.requirement) > 0)
                candidates.push_back(id);
    }
    std::vector<Snapshot> asked;
    for (const auto& id : candidates) { // no SQL is copied of what is not this user's to decide
        const auto asked_of = table_->who_decides(id);
        if (!asked_of || !may_decide(*asked_of, user))
            continue;
        if (auto found = find(id))
            asked.push_back(std::move(*found));
    }
    std::sort(asked.begin(), asked.end(), [](const Snapshot& a, const Snapshot& b) { return pending_and_newer(a, b); });
    if (asked.size() > limit)
        asked.resize(limit);
    return asked;
}

bool Challenges::may_decide(const Snapshot& challenge, const std::string& user) const
{
    return table_->may_decide(challenge, user);
}

std::size_t Challenges::waiting() const
{
    const std::lock_guard lock{table_->mutex};
    return table_->live;
}

} // namespace stepgate::challenge_web::challenges
