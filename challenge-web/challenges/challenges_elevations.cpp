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

std::optional<ElevatedUse> Challenges::use_elevation(const Question& question, TimePoint now, OnUse on_use)
{
    std::optional<ElevatedUse> use;
    {
        const std::lock_guard lock{table_->mutex};
        use = table_->elevations.use(question, table_->not_before(now));
        if (use)
            table_->untold.emplace_back(Used{std::move(on_use), *use});
    }
    table_->tell();
    return use;
}

std::vector<Elevation> Challenges::elevations(const std::string& user, TimePoint now) const
{
    const std::lock_guard lock{table_->mutex};
    return table_->elevations.list(user, table_->not_before(now));
}

bool Challenges::end_elevation(const ChallengeId& id, const std::string& by, TimePoint now)
{
    return table_->end_elevations([&](Elevations& all) { return all.end(id); }, "revoked", by, now);
}

void Challenges::end_elevations(const std::string& user, const std::string& why, TimePoint now)
{
    table_->end_elevations([&](Elevations& all) { return all.revoke(user); }, why, {}, now);
}

void Challenges::end_elevations_approved_by(const std::string& user, const std::string& why, TimePoint now)
{
    table_->end_elevations([&](Elevations& all) { return all.revoke_approved_by(user); }, why, {}, now);
}

void Challenges::session_started(const std::string& user, const std::string& client_address, TimePoint now)
{
    table_->end_elevations([&](Elevations& all) { return all.end_elsewhere(user, client_address); },
                           "a session from another address", {}, now);
}

} // namespace stepgate::challenge_web::challenges
