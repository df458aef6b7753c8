#pragma once

#include "policies/sensitivity/catalog_view.h"
#include "policies/sensitivity/labelled_facts.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace stepgate::policies::rules
{

class Policy;

/// Labelled facts with the rules whose conditions on facts they meet: what is left at run time is who, where, when and
/// the text itself. Bound to one policy; `Judge` makes them. Immutable, share freely.
struct MatchedFacts : sensitivity::LabelledFacts {
    std::vector<std::uint32_t> candidates;                // rules that hold on some statement, policy order
    std::vector<std::vector<std::uint32_t>> by_statement; // the same a statement; only if the default is not allow
    std::shared_ptr<const Policy> policy;                 // whose rules these are
    bool regex_needed = false;                            // some candidate looks at the text
    sensitivity::CatalogView view;                        // that the labels come from
    std::uint64_t shape = 0; // random name of the shape for the audit's index; 0: these facts are of one text only
};

} // namespace stepgate::policies::rules
