#pragma once

#include "challenge-web/challenges/challenge.h"
#include "policies/rules/verdict.h"
#include "protocols/postgres/replies.h"
#include "proxy/session/postgres_records.h"

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace stepgate::proxy::session
{

/// One message of a held batch. `tag` is that of the execution it starts, once it has one.
struct PlannedFrame {
    std::size_t bytes = 0;
    std::optional<std::size_t> execution = {}; // index into Plan::executions
    protocols::postgres::Tag tag = 0;
};

/// One execution of a held batch, judged.
struct PlannedExecution {
    StatementPointer statement;
    std::vector<challenge_web::challenges::Parameter> parameters;
    std::vector<challenge_web::challenges::Premise> premises;
    policies::rules::Verdict verdict;
    protocols::postgres::Tag tag = 0; // once it is in the audit
    std::uint64_t number = 0;         // there
};

/// Success of the text is known to change what later texts mean, or what a rollback undoes.
[[nodiscard]] bool changes_session(const policies::statement::Facts& facts);

/// All that a held batch would do, found out without doing any of it: the bytes stay where they are.
struct Plan {
    std::vector<PlannedFrame> frames;
    std::vector<PlannedExecution> executions;
    policies::rules::Verdict verdict; // of all executions together

    // Names that earlier messages of the batch define.
    std::vector<std::pair<std::string, StatementPointer>> statements;
    std::vector<std::string> portals;
};

} // namespace stepgate::proxy::session
