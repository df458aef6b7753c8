#pragma once

#include "policies/sensitivity/labels.h"
#include "policies/statement/facts.h"

#include <memory>
#include <vector>

namespace stepgate::policies::sensitivity
{

/// Labels of one statement's accesses, in the order of `StatementFacts::reads` and `writes`.
struct StatementLabels {
    std::vector<LabelSet> reads, writes;
};

/// Facts with the sensitivity of every access. A value once made; share it freely.
struct LabelledFacts {
    std::shared_ptr<const statement::Facts> facts; // never null
    std::vector<StatementLabels> statements;       // same order as facts->statements
    LabelSet labels;                               // everything read or written; names: Policy::labels()

    /// Literals of such a text must not reach logs or audit in the clear.
    [[nodiscard]] bool sensitive() const { return !labels.empty() || facts->carries_secret; }
};

} // namespace stepgate::policies::sensitivity
