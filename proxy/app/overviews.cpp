#include "proxy/app/overviews.h"

#include "challenge-web/challenges/requirement_json.h"
#include "proxy/audit/search.h"
#include "proxy/audit/text.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <map>

namespace stepgate::proxy::app
{
namespace
{

namespace json = boost::json;
using policies::rules::Action;
using policies::rules::Outcome;

json::array clean_texts(const std::vector<std::string>& list)
{
    json::array out;
    for (const auto& item : list)
        out.emplace_back(audit::clean_utf8(item));
    return out;
}

json::value time_json(const std::optional<audit::TimePoint>& time)
{
    return time ? json::value(audit::rfc3339(*time)) : json::value(nullptr);
}

json::object past_json(const audit::PastChallenge& past)
{
    json::array answers;
    for (const auto& answer : past.answers)
        answers.emplace_back(json::object{
            {"user", audit::clean_utf8(answer.user)}, {"factor", answer.factor}, {"at", audit::rfc3339(answer.at)}});
    return {{"id", past.challenge},
            {"code", past.code},
            {"user", audit::clean_utf8(past.user)},
            {"listener", audit::clean_utf8(past.listener)},
            {"database", audit::clean_utf8(past.database)},
            {"statement", audit::clean_utf8(past.text)},
            {"rules", clean_texts(past.rules)},
            {"labels", clean_texts(past.labels)},
            {"opened", audit::rfc3339(past.opened)},
            {"outcome", past.outcome},
            {"closed", time_json(past.closed)},
            {"by", audit::clean_utf8(past.by)},
            {"reason", audit::clean_utf8(past.reason)},
            {"answers", std::move(answers)},
            {"releases", past.releases}};
}

json::object counts_json(const audit::RuleTally::Counts& counts)
{
    return {{"matched", counts.matched},
            {"held", counts.held},
            {"approved", counts.approved},
            {"denied", counts.denied},
            {"expired", counts.expired}};
}

json::value requirement_json(const Outcome& outcome)
{
    if (outcome.action != Action::challenge)
        return nullptr;
    const auto& needed = outcome.requirement;
    auto object = challenge_web::challenges::requirement_json(needed);
    object["escalate"] = nullptr;
    if (needed.escalate)
        object["escalate"] = json::object{{"after", needed.escalate->after.count()}, {"group", needed.escalate->group}};
    object["elevation"] = nullptr;
    if (outcome.elevation)
        object["elevation"] = json::object{
            {"seconds", outcome.elevation->duration.count()},
            {"scope", std::string{to_string(outcome.elevation->scope)}},
            {"count", outcome.elevation->count > 0 ? json::value(outcome.elevation->count) : json::value(nullptr)}};
    return object;
}

using Tallies = std::map<std::string, audit::RuleTally, std::less<>>;

json::object rule_json(const std::string& id, const std::string& because, const Outcome& outcome,
                       const Tallies& tallies)
{
    const auto found = tallies.find(id);
    const audit::RuleTally tally = found == tallies.end() ? audit::RuleTally{} : found->second;
    return {{"id", id},
            {"because", because},
            {"file", nullptr},
            {"line", nullptr},
            {"action", std::string{to_string(outcome.action)}},
            {"challenge", requirement_json(outcome)},
            {"day", counts_json(tally.day)},
            {"week", counts_json(tally.week)},
            {"last", time_json(tally.last)}};
}

} // namespace

void Overviews::loaded(std::shared_ptr<const policies::rules::Policy> policy, audit::TimePoint at)
{
    const std::lock_guard lock(mutex_);
    policy_ = std::move(policy);
    loaded_ = at;
}

audit::Lookback* Overviews::index()
{
    const std::lock_guard lock(mutex_);
    if (!index_) {
        if (auto opened = audit::Lookback::open(directory_))
            index_ = std::move(*opened);
    }
    return index_.get();
}

std::optional<std::string> Overviews::history(const challenge_web::server::HistoryQuery& query)
{
    auto* index = this->index();
    if (index == nullptr)
        return std::nullopt;
    const auto page = index->history(
        {.person = query.person, .outcome = query.outcome, .before = query.before, .limit = query.limit});
    if (!page)
        return std::nullopt;
    json::array list;
    for (const auto& past : page->challenges)
        list.emplace_back(past_json(past));
    return json::serialize(json::object{{"challenges", std::move(list)},
                                        {"next", page->next ? json::value(*page->next) : json::value(nullptr)}});
}

std::optional<std::string> Overviews::policy(challenge_web::server::TimePoint now)
{
    auto* index = this->index();
    if (index == nullptr)
        return std::nullopt;
    const auto counted = index->tallies(now);
    if (!counted)
        return std::nullopt;
    Tallies tallies;
    for (const auto& tally : *counted)
        tallies.emplace(tally.rule, tally);
    std::shared_ptr<const policies::rules::Policy> policy;
    audit::TimePoint loaded;
    {
        const std::lock_guard lock(mutex_);
        policy = policy_;
        loaded = loaded_;
    }
    if (!policy)
        return std::nullopt; // start-up is not over
    json::array rules;
    for (const auto& rule : policy->rules()) {
        auto object = rule_json(rule.id, rule.because, rule.outcome, tallies);
        object["file"] = rule.file;
        object["line"] = rule.line;
        rules.emplace_back(std::move(object));
    }
    rules.emplace_back(rule_json("default.opaque", "Not fully understood", policy->default_opaque(), tallies));
    rules.emplace_back(rule_json("default.statement", "No rule speaks about it", policy->default_statement(), tallies));
    return json::serialize(json::object{
        {"revision", policy->revision()}, {"loaded", audit::rfc3339(loaded)}, {"rules", std::move(rules)}});
}

} // namespace stepgate::proxy::app
