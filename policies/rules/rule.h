#pragma once

#include "policies/rules/cidr.h"
#include "policies/rules/name_pattern.h"
#include "policies/rules/verdict.h"
#include "policies/sensitivity/labels.h"
#include "policies/statement/facts.h"
#include "policies/statement/kind.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace re2
{
class RE2;
}

namespace stepgate::policies::rules
{

/// reads/writes = {…}: what is given must hold on one access together.
struct AccessCondition {
    std::optional<sensitivity::LabelSet> labels; // any of these
    std::vector<NamePattern> tables;             // any of these; empty: any table
    std::vector<NamePattern> columns;            // any of these; "*" in the facts matches all of them
};

/// Conditions on facts: they must hold on one statement of a batch together.
struct FactConditions {
    std::vector<statement::Kind> kinds;
    std::vector<std::string> objects, objects_not;
    std::vector<statement::Where> where;
    std::optional<bool> destructive, cascade, temporary, opaque;
    std::optional<AccessCondition> reads, writes;
    std::vector<NamePattern> calls;
};

/// Hours and days in a zone with a fixed offset.
struct TimeCondition {
    int from_minute = 0, to_minute = 24 * 60; // [from, to) in minutes of the day; from > to wraps over midnight
    std::uint8_t days = 0x7f;                 // bit 0: Monday; of a wrapped window: the day on which it starts
    int offset_minutes = 0;                   // east of UTC
};

/// Conditions on who asks, from where and when. Empty lists match anyone.
struct AskerConditions {
    std::vector<std::string> users_in, users_not_in, groups_in, groups_not_in;
    std::vector<std::string> listeners, databases, roles;
    std::vector<Cidr> addresses_in, addresses_not_in;
    std::shared_ptr<const re2::RE2> application_name;
    std::optional<TimeCondition> time;
    std::optional<bool> in_transaction;
};

/// What a rule, or a default, does.
struct Outcome {
    Action action = Action::allow;
    Requirement requirement;                 // of a challenge
    std::optional<ElevationOffer> elevation; // of a challenge
};

struct Rule {
    std::string id;
    std::string because;
    FactConditions facts;
    AskerConditions asker;
    std::optional<int> sql_regex; // index in the policy's set
    // A rule with one of these is about that and about no SQL statement; permissions.h.
    std::vector<std::string> startup_keys; // lower case
    bool function_calls = false;           // messages FunctionCall
    Outcome outcome;
    std::string file; // where it is written
    int line = 0;
    int column = 0;

    [[nodiscard]] bool about_statements() const { return startup_keys.empty() && !function_calls; }
};

} // namespace stepgate::policies::rules
