#include "challenge-web/challenges/challenges_table.h"

namespace stepgate::challenge_web::challenges
{

void Challenges::observe_elevations(OnElevation observer)
{
    table_->elevation_observers.push_back(std::move(observer));
}

std::optional<ChallengeId> Challenges::elevated(const Question& question, TimePoint now) const
{
    const std::lock_guard lock{table_->mutex};
    return table_->elevations.covering(question, table_->not_before(now));
}

std::optional<ElevatedUse> Challenges::use_elevation(const Question& question, TimePoint now)
{
    const std::lock_guard lock{table_->mutex};
    return table_->elevations.use(question, table_->not_before(now));
}

std::vector<Elevation> Challenges::elevations(const std::string& user, TimePoint now) const
{
    const std::lock_guard lock{table_->mutex};
    return table_->elevations.list(user, table_->not_before(now));
}

bool Challenges::end_elevation(const ChallengeId& id, const std::string& by, TimePoint now)
{
    Notices notices;
    bool found = false;
    {
        const std::lock_guard lock{table_->mutex};
        now = table_->not_before(now);
        auto ended = table_->elevations.end(id);
        found = !ended.empty();
        table_->note_ended(notices, std::move(ended), "revoked", by, now);
    }
    table_->tell(std::move(notices));
    return found;
}

void Challenges::end_elevations(const std::string& user, const std::string& why, TimePoint now)
{
    Notices notices;
    {
        const std::lock_guard lock{table_->mutex};
        now = table_->not_before(now);
        table_->note_ended(notices, table_->elevations.revoke(user), why, {}, now);
    }
    table_->tell(std::move(notices));
}

void Challenges::end_elevations_approved_by(const std::string& user, const std::string& why, TimePoint now)
{
    Notices notices;
    {
        const std::lock_guard lock{table_->mutex};
        now = table_->not_before(now);
        table_->note_ended(notices, table_->elevations.revoke_approved_by(user), why, {}, now);
    }
    table_->tell(std::move(notices));
}

void Challenges::session_started(const std::string& user, const std::string& client_address, TimePoint now)
{
    Notices notices;
    {
        const std::lock_guard lock{table_->mutex};
        now = table_->not_before(now);
        table_->note_ended(notices, table_->elevations.end_elsewhere(user, client_address),
                           "a session from another address", {}, now);
    }
    table_->tell(std::move(notices));
}

} // namespace stepgate::challenge_web::challenges
