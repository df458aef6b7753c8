#pragma once

#include "policies/rules/judge.h"
#include "policies/rules/matched_facts.h"
#include "policies/statement/facts.h"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::proxy::session
{

// Where a server says that a column of a result comes from: the second line of defence. A labelled origin is proof,
// none proves nothing (THREATS.md).

/// The text shows the read already, so it was judged.
[[nodiscard]] bool shows(const policies::statement::Facts& facts, std::string_view table, std::string_view column);

/// Adds one column, so that tables and columns stay sorted.
void add_read(std::vector<policies::statement::TableAccess>& reads, const std::string& table,
              const std::string& column);

/// The facts with reads that the server named, in a statement of the text, matched again.
[[nodiscard]] std::shared_ptr<const policies::rules::MatchedFacts>
with_reads(const policies::rules::Judge& judge, const policies::rules::MatchedFacts& facts, std::size_t statement,
           const std::vector<policies::statement::TableAccess>& reads, std::string_view database);

/// "public.customers (ssn, email), public.t (a)", for people.
[[nodiscard]] std::string describe(const std::vector<policies::statement::TableAccess>& accesses);

} // namespace stepgate::proxy::session
