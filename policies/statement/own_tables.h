#pragma once

#include "policies/statement/facts.h"

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace stepgate::policies::statement
{

/// Temporary tables that a session surely has, and nothing but rows of its own in them: those that a CREATE of its own
/// made, and nothing that was seen since may have taken away or made into something else. What is not sure is not in
/// it, for good. Names are "schema.name". A plain value.
class OwnTables
{
  public:
    [[nodiscard]] bool has(std::string_view table) const;
    /// The statement succeeded. `in_doubt`: the end of the transaction may take back what it made, unnoticed until
    /// then; `settle` says that it did not. True: the tables are others now.
    bool apply(const StatementFacts& facts, bool in_doubt);
    /// The statement failed, maybe in the middle: what it would have changed may be another thing now.
    void fail(const StatementFacts& facts);
    /// A transaction was committed: nothing takes back what was made until now.
    bool settle();
    /// What a transaction made that is not settled may be gone.
    bool forget_unsettled();
    /// Those that are not `there` are gone.
    void keep(const std::function<bool(std::string_view table)>& there);
    bool forget_all();
    /// Adds the names to a key of caches.
    void add_to(std::string& key) const;

    bool operator==(const OwnTables&) const = default;

  private:
    struct Made {
        bool settled = false;
        bool sure = false;
        bool operator==(const Made&) const = default;
    };
    void forget(const Effect& effect);
    void forget_name(std::string_view name);

    std::map<std::string, Made, std::less<>> tables_;
};

/// It deletes or changes rows, alters or drops a table, and runs nothing else inside.
[[nodiscard]] bool changes_tables_only(const StatementFacts& facts);
/// Of a text that is not understood nothing is sure.
void doubt_temporary(Facts& facts);

} // namespace stepgate::policies::statement
