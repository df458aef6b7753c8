#include "challenge-web/server/challenge_json.h"

#include "challenge-web/challenges/requirement_json.h"
#include "challenge-web/challenges/solver.h"
#include "challenge-web/server/readable.h"
#include "challenge-web/server/replies.h"

#include <boost/algorithm/string/join.hpp>
#include <boost/json/array.hpp>
#include <boost/json/value_from.hpp>

#include <algorithm>

namespace stepgate::challenge_web::server
{

namespace json = boost::json;
using challenges::Missing;
using challenges::Snapshot;

namespace
{

constexpr std::size_t summary_length = 200;
constexpr std::size_t sql_length = 256 * 1024;
constexpr std::size_t name_length = 512;

/// Names come from clients and servers: they are shown with the same care as SQL.
std::string name(const std::string& text)
{
    return readable(text, name_length).text;
}

json::array names(const std::vector<std::string>& list)
{
    json::array out;
    for (const auto& item : list)
        out.emplace_back(name(item));
    return out;
}

json::value time_or_null(const std::optional<challenges::TimePoint>& time)
{
    return time ? json::value(rfc3339(*time)) : json::value(nullptr);
}

json::string text(std::string_view view)
{
    return json::string{json::string_view{view.data(), view.size()}};
}

json::object statement_json(const challenges::HeldStatement& statement)
{
    auto sql = readable(statement.sql, sql_length);
    json::array parameters;
    for (const auto& parameter : statement.parameters)
        parameters.emplace_back(
            json::object{{"value", parameter.value ? json::value(readable_value(parameter)) : json::value(nullptr)},
                         {"type", type_name(parameter.type_oid)}});
    json::array premises;
    for (const auto& premise : statement.premises)
        premises.emplace_back(
            json::object{{"name", name(premise.name)}, {"value", readable(premise.value, longest_value).text}});
    return {{"sql", std::move(sql.text)},
            {"sql_truncated", sql.truncated},
            {"parameters", std::move(parameters)},
            {"premises", std::move(premises)}};
}

json::array reasons_json(const policies::rules::Verdict& verdict)
{
    json::array reasons;
    for (std::size_t i = 0; i < verdict.rules.size(); ++i)
        reasons.emplace_back(
            json::object{{"rule", name(verdict.rules[i])},
                         {"because", i < verdict.because.size() ? name(verdict.because[i]) : std::string{}}});
    return reasons;
}

std::string other_group(const Snapshot& challenge)
{
    const auto& escalation = challenge.question.verdict.requirement.escalate;
    return escalation && challenge.escalated ? " or " + name(escalation->group) : std::string{};
}

bool is_requester(const Snapshot& challenge, const Viewer& viewer)
{
    return challenge.question.user == viewer.user;
}

bool has_proved(const Snapshot& challenge, const std::string& user)
{
    return std::any_of(challenge.proofs.begin(), challenge.proofs.end(),
                       [&](const challenges::Proof& proof) { return proof.user == user; });
}

std::string sentence(const Missing& missing, const Snapshot& challenge)
{
    switch (missing.what) {
    case Missing::What::any_factor:
        return "A passkey, an authenticator code, a PIN or a recovery code.";
    case Missing::What::stronger_factor:
        return has_proved(challenge, challenge.question.user) ? "A passkey, or another factor of a different kind."
                                                              : "A passkey, or two factors of different kinds.";
    case Missing::What::named_factor:
        return "The rule asks for: " + boost::algorithm::join(missing.factors, " or ") + ".";
    case Missing::What::verified_passkey:
        return "A passkey that checks your fingerprint, face or PIN.";
    case Missing::What::approvals:
        return "The approval of " + std::to_string(missing.count) + " more " +
               (missing.count == 1 ? "person" : "people") + " of the group " + name(missing.group) +
               other_group(challenge) + ".";
    }
    return "More proof.";
}

/// What is needed of the requester is told to others as that.
std::string sentence(const Missing& missing, const Snapshot& challenge, const Viewer& viewer)
{
    const bool of_another = missing.what != Missing::What::approvals && !is_requester(challenge, viewer);
    return (of_another ? "From " + name(challenge.question.user) + ": " : std::string{}) + sentence(missing, challenge);
}

/// Is this viewer one of those whom this item waits for?
bool waits_for(const Snapshot& challenge, const Missing& missing, const Viewer& viewer)
{
    if (missing.what != Missing::What::approvals)
        return is_requester(challenge, viewer);
    return !is_requester(challenge, viewer) && !has_proved(challenge, viewer.user);
}

/// Nothing is left for this viewer to do, but for others.
bool waits_for_others(const Snapshot& challenge, const Viewer& viewer)
{
    return challenge.state == challenges::State::pending &&
           std::none_of(challenge.missing.begin(), challenge.missing.end(),
                        [&](const Missing& missing) { return waits_for(challenge, missing, viewer); });
}

/// What this viewer can do: the requester's part, or a second person's, for whom any factor does.
challenges::Solution solution_for(const Snapshot& challenge, const Viewer& viewer)
{
    if (challenge.state != challenges::State::pending || waits_for_others(challenge, viewer))
        return {};
    static const policies::rules::Requirement second_person{1, {}, {}, 0};
    const auto& requirement = is_requester(challenge, viewer) ? challenge.question.verdict.requirement : second_person;
    return challenges::solve(requirement, viewer.user, challenge.proofs, viewer.enrolled, viewer.offered);
}

json::array usable(const std::vector<challenges::Way>& ways)
{
    json::array list;
    for (const auto& way : ways)
        for (const auto& factor : way)
            if (std::find(list.begin(), list.end(), json::value(factor)) == list.end())
                list.emplace_back(factor);
    return list;
}

json::value impact_json(const std::optional<challenges::Impact>& impact)
{
    if (!impact)
        return nullptr;
    return json::object{{"rows", impact->rows ? json::value(*impact->rows) : json::value(nullptr)},
                        {"tables", names(impact->tables)},
                        {"cascades", names(impact->cascades)},
                        {"locks", names(impact->locks)},
                        {"problem", name(impact->problem)}};
}

json::value escalation_json(const Snapshot& challenge)
{
    const auto& escalation = challenge.question.verdict.requirement.escalate;
    if (!escalation)
        return nullptr;
    return json::object{{"group", name(escalation->group)},
                        {"at", rfc3339(challenge.opened + escalation->after)},
                        {"happened", challenge.escalated.has_value()}};
}

} // namespace

json::object summary_json(const Snapshot& challenge)
{
    const auto& question = challenge.question;
    const auto& statements = question.statements;
    auto start = statements.empty() ? Readable{} : readable(statements.front().sql, summary_length);
    if (start.truncated || statements.size() > 1)
        start.text += " …";
    return {{"id", challenge.id},
            {"code", challenge.code},
            {"state", text(challenges::to_string(challenge.state))},
            {"user", name(question.user)},
            {"database", name(question.database)},
            {"listener", name(question.listener)},
            {"application", name(question.application_name)},
            {"opened", rfc3339(challenge.opened)},
            {"expires", rfc3339(challenge.expires)},
            {"closed", time_or_null(challenge.closed)},
            {"statement", std::move(start.text)},
            {"tables", names(question.tables)},
            {"labels", names(question.verdict.labels)},
            {"rules", names(question.verdict.rules)}};
}

json::object challenge_json(const Snapshot& challenge, const Viewer& viewer, challenges::TimePoint now)
{
    const auto& question = challenge.question;
    auto out = summary_json(challenge);
    json::array statements, proofs, missing;
    for (const auto& statement : question.statements)
        statements.emplace_back(statement_json(statement));
    for (const auto& proof : challenge.proofs)
        proofs.emplace_back(
            json::object{{"factor", proof.factor}, {"user", name(proof.user)}, {"reason", name(proof.reason)}});
    for (const auto& item : challenge.missing)
        missing.emplace_back(sentence(item, challenge, viewer));
    out["session"] = name(question.session);
    out["role"] = name(question.role);
    out["client_address"] = name(question.client_address);
    out["dialect"] = question.dialect;
    out["statements"] = std::move(statements);
    out["reasons"] = reasons_json(question.verdict);
    out["opaque_reasons"] = names(question.opaque_reasons);
    out["in_transaction"] = question.in_transaction;
    out["run_again"] = question.outlives_session;
    out["impact"] = impact_json(challenge.impact);
    out["elevation"] = nullptr;
    if (const auto& offer = question.verdict.elevation)
        out["elevation"] = json::object{{"seconds", offer->duration.count()},
                                        {"scope", text(to_string(offer->scope))},
                                        {"count", offer->count > 0 ? json::value(offer->count) : json::value(nullptr)}};
    out["requirement"] = challenges::requirement_json(question.verdict.requirement);
    out["proofs"] = std::move(proofs);
    out["missing"] = std::move(missing);
    out["request_reason"] = name(challenge.request_reason);
    out["escalation"] = escalation_json(challenge);
    out["you"] = is_requester(challenge, viewer) ? "requester" : "approver";
    out["waits_for_others"] = waits_for_others(challenge, viewer);
    const auto solution = solution_for(challenge, viewer);
    out["usable_factors"] = usable(solution.ways);
    out["ways"] = json::value_from(solution.ways);
    out["enrol"] = json::value_from(solution.enrol);
    out["closed_by"] = name(challenge.closed_by);
    out["close_reason"] = name(challenge.close_reason);
    out["server_time"] = rfc3339(now);
    return out;
}

} // namespace stepgate::challenge_web::server
