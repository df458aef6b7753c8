#include "policies/rules/then_reader.h"

#include <algorithm>

namespace stepgate::policies::rules
{
namespace
{

using namespace std::chrono_literals;

constexpr auto longest_elevation = std::chrono::seconds{24h}, longest_escalation = longest_elevation;
constexpr std::array<std::string_view, 4> actions{"allow", "notify", "deny", "challenge"};
// The factors that this build can verify: a rule that names another could never be satisfied.
constexpr std::array<std::string_view, 7> known_factors{"email_code", "identity_provider", "passkey", "pin",
                                                        "push",       "recovery_code",     "totp"};
constexpr int most_executions = 1000;
constexpr std::array<std::pair<std::string_view, ElevationScope>, 4> scopes{
    {{"statement", ElevationScope::statement},
     {"session", ElevationScope::session},
     {"user_address", ElevationScope::user_address},
     {"label", ElevationScope::label}}};

void read_factors(TomlTable& challenge, Requirement& requirement)
{
    for (auto& [factor, place] : challenge.strings("factors")) {
        if (std::ranges::find(known_factors, factor) == known_factors.end())
            challenge.unknown(place, "factor", factor, known_factors);
        else if (std::ranges::find(requirement.factors, factor) == requirement.factors.end())
            requirement.factors.push_back(std::move(factor));
    }
    std::ranges::sort(requirement.factors);
}

void read_approvers(TomlTable& challenge, Requirement& requirement)
{
    auto approvers = challenge.table("approvers");
    if (!approvers)
        return;
    if (auto group = approvers->required_string("group"))
        requirement.approvers = std::move(group->value);
    requirement.approvals = static_cast<int>(approvers->integer("count", 1, 10).value_or(1));
    approvers->finish();
}

std::optional<Escalation> read_escalation(TomlTable& challenge, const Requirement& requirement)
{
    auto table = challenge.table("escalate");
    if (!table)
        return std::nullopt;
    Escalation escalation;
    if (!table->has("after"))
        table->missing("escalate does not say when", "after = \"10m\"");
    if (const auto after = table->duration("after")) {
        escalation.after = *after;
        if (*after <= 0s || *after > longest_escalation)
            table->error(table->place("after"), "an escalation comes after 1s to 24h");
    }
    if (auto group = table->required_string("group")) {
        escalation.group = std::move(group->value);
        if (escalation.group == requirement.approvers.value_or("approvers"))
            table->error(group->place, "members of \"" + escalation.group + "\" may approve from the start");
    }
    table->finish();
    if (requirement.approvals == 0)
        challenge.error(challenge.place("escalate"), "this challenge asks for nobody's approval",
                        "level = 3, or approvers = {group = \"dba\"}");
    return escalation;
}

std::optional<ElevationOffer> read_elevation(TomlTable& challenge)
{
    auto table = challenge.table("elevation");
    if (!table)
        return std::nullopt;
    ElevationOffer offer;
    if (!table->has("for"))
        table->missing("elevation does not say how long", "for = \"10m\"");
    if (const auto duration = table->duration("for")) {
        offer.duration = *duration;
        if (*duration <= 0s || *duration > longest_elevation)
            table->error(table->place("for"), "an elevation lasts from 1s to 24h");
    }
    if (const auto scope = table->choice("scope", scopes))
        offer.scope = *scope;
    const auto count = table->integer("count", 2, most_executions);
    if (count && offer.scope != ElevationScope::statement)
        table->error(table->place("count"), "only executions of one statement are counted", "scope = \"statement\"");
    if (!table->has("count") && offer.scope == ElevationScope::statement)
        table->missing("elevation does not say how many executions", "count = 5");
    offer.count = static_cast<int>(count.value_or(0));
    table->finish();
    return offer;
}

Outcome read_challenge(TomlTable& challenge)
{
    Outcome outcome{Action::challenge, {}, {}};
    outcome.requirement.level = static_cast<int>(challenge.integer("level", 1, 3).value_or(1));
    read_factors(challenge, outcome.requirement);
    read_approvers(challenge, outcome.requirement);
    if (outcome.requirement.level == 3) // level 3 includes an approval by a second person
        outcome.requirement.approvals = std::max(outcome.requirement.approvals, 1);
    outcome.requirement.escalate = read_escalation(challenge, outcome.requirement);
    outcome.elevation = read_elevation(challenge);
    challenge.finish();
    return outcome;
}

} // namespace

std::optional<Outcome> read_outcome(TomlTable& table, std::string_view key)
{
    const toml::node* node = table.node(key);
    if (!node)
        return std::nullopt;
    if (const auto* word = node->as_string()) {
        if (word->get() == "allow")
            return Outcome{Action::allow, {}, {}};
        if (word->get() == "notify")
            return Outcome{Action::notify, {}, {}};
        if (word->get() == "deny")
            return Outcome{Action::deny, {}, {}};
        if (word->get() == "challenge")
            table.error(place_of(*node), "a challenge needs a level", "write {challenge = {level = 1}}");
        else
            table.unknown(place_of(*node), "action", word->get(), actions);
        return std::nullopt;
    }
    if (!node->is_table()) {
        table.wrong_type(key, *node, "\"allow\", \"notify\", \"deny\" or {challenge = {level = …}}");
        return std::nullopt;
    }
    auto action = table.table(key);
    auto challenge = action->table("challenge");
    action->finish();
    if (challenge)
        return read_challenge(*challenge);
    if (!action->has("challenge"))
        action->missing(std::string{key} + " names no action", "write {challenge = {level = 1}}");
    return std::nullopt;
}

} // namespace stepgate::policies::rules
