#include "proxy/session/retries.h"

#include "proxy/session/gate.h"

#include <algorithm>

namespace stepgate::proxy::session
{

namespace challenges = challenge_web::challenges;

namespace
{

void add(std::string& key, std::string_view part)
{
    key += std::to_string(part.size());
    key += ':';
    key += part;
}

/// Everything that has to be the same, each part with its length, so that none can be taken for another.
std::string key_of(const challenges::Question& asked)
{
    std::string key;
    for (const auto& part : {asked.user, asked.listener, asked.database, asked.role, asked.client_address})
        add(key, part);
    for (const auto& table : asked.tables) // the same text may name others elsewhere
        add(key, table);
    for (const auto& statement : asked.statements) {
        add(key, statement.sql);
        add(key, std::to_string(statement.parameters.size()));
        for (const auto& parameter : statement.parameters) {
            add(key, parameter.value.value_or(""));
            add(key, parameter.value ? "value" : "null");
            add(key, std::to_string(parameter.type_oid));
        }
        add(key, std::to_string(statement.premises.size()));
        for (const auto& premise : statement.premises) {
            add(key, premise.name);
            add(key, premise.value);
        }
    }
    return key;
}

} // namespace

void Retries::Retry::wait(OnSettled tell)
{
    const std::lock_guard lock{mutex_};
    tell_ = std::move(tell);
    if (tell_ && state_ != challenges::State::pending)
        tell_(state_, reason_);
}

void Retries::Retry::settled(challenges::State state, const std::string& reason)
{
    const std::lock_guard lock{mutex_};
    state_ = state;
    reason_ = reason;
    if (tell_)
        tell_(state, reason); // posts
}

void Retries::drop_expired(challenges::TimePoint now)
{
    std::erase_if(by_question_, [now](const auto& one) { return one.second->opened().expires <= now; });
}

Retries::Pointer Retries::find(const challenges::Question& asked, challenges::TimePoint now)
{
    const auto key = key_of(asked);
    const std::lock_guard lock{mutex_};
    drop_expired(now);
    const auto found = by_question_.find(key);
    if (found == by_question_.end() || !covers(found->second->verdict(), asked.verdict))
        return nullptr;
    const auto state = [&retry = *found->second] {
        const std::lock_guard its{retry.mutex_};
        return retry.state_;
    }();
    // A denial that no execution has heard is told to the next one, which forgets it.
    const bool good = state == challenges::State::pending || state == challenges::State::approved ||
                      state == challenges::State::denied;
    return good ? found->second : nullptr;
}

boost::system::result<Retries::Pointer> Retries::open(challenges::Challenges& all, challenges::Question asked,
                                                      std::chrono::seconds time_to_answer, challenges::TimePoint now)
{
    auto key = key_of(asked);
    asked.outlives_session = true;
    auto retry = std::make_shared<Retry>(asked);
    const auto opened =
        all.open(std::move(asked), time_to_answer, now,
                 [retry](challenges::State state, const std::string& reason) { retry->settled(state, reason); });
    if (!opened)
        return opened.error();
    retry->opened_ = *opened;
    const std::lock_guard lock{mutex_};
    drop_expired(now);
    by_question_[std::move(key)] = retry;
    return retry;
}

void Retries::forget(const Pointer& retry)
{
    const std::lock_guard lock{mutex_};
    std::erase_if(by_question_, [&retry](const auto& one) { return one.second == retry; });
}

} // namespace stepgate::proxy::session
