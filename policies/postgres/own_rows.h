#pragma once

#include "policies/postgres/cte.h"
#include "policies/postgres/parse_tree.h"
#include "policies/postgres/predicate.h"

#include <array>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>

namespace stepgate::policies::postgres
{

/// How far the look at one predicate has come. Shared by the looks at predicates inside it.
struct Look {
    int depth = 0;
    int negated = 0;          // inside of NOT and the like
    int queries_left = 256;   // inside it, which may name each other again and again
    int steps_left = 20'000;  // of trying it on rows
    int checked_left = 5'000; // of trying it on rows that the table's CHECK constraints let in
    CtePlace place;
};

/// Of predicates and queries inside each other; deeper ones depend on the row, as far as this goes.
constexpr int deepest_predicate = 200;

/// Whatever its FROM and WHERE find is in the result: no LIMIT, HAVING, DISTINCT ON and the like.
/// `literals_consulted` is set when that hung on a literal's value; `any_limit`: some of the rows will do.
[[nodiscard]] bool gives_all(const ::SelectStmt& select, bool& literals_consulted, bool any_limit = false);

/// Tells which queries find each row of the target again. What it is made with must outlive it.
class OwnRows
{
  public:
    /// Whether a condition holds for every row of a target that is joined with more names for its rows.
    using Holds = std::function<bool(const ::Node* condition, const PredicateTarget& joined)>;

    OwnRows(const PredicateTarget& target, bool& literals_consulted, Look& look, Holds holds)
        : target_(target), literals_(literals_consulted), look_(look), holds_(std::move(holds))
    {
    }

    /// How a FROM item gives every row of the target; nothing: it does not.
    std::optional<Twin> twin(const ::Node* item);
    /// A table that a foreign key of the target points at, if the catalog knows them both.
    [[nodiscard]] std::optional<Twin> referenced(const ::Node* item) const;
    /// The name under which the query finds every row of the target for that row itself, among others: it reads the
    /// same table, and its condition holds for the row joined with itself. Nothing: it does not.
    std::optional<Twin> own_row(const ::SelectStmt& select);
    /// Among what the subquery gives is the value that the row itself has; `aggregate`: as an argument of it.
    bool gives(const ::Node* subquery, const ::Node* value, std::string_view aggregate = {});
    /// The array has the value that the row itself has: it is written with it, or made of all rows; a body's variable
    /// that was is the name of a column of them.
    bool in_array(const ::Node* array, const ::Node* value);

  private:
    /// A query whose rows a FROM item gives, under a name.
    struct Derived {
        const ::SelectStmt* query = nullptr; // null: the item is a table, or something else
        std::string_view name;
        std::array<const ::List*, 2> columns{}; // what its first columns are called, the latter after the former
        CtePlace place;                         // what WITH names mean in it
    };

    bool gives_from(const ::SelectStmt& select, const ::Node* given, const ::Node* value);
    std::optional<Twin> all_rows(const Derived& derived);
    std::optional<Twin> twin_in(const ::JoinExpr& join);
    [[nodiscard]] bool is_same_table(const ::RangeVar& table) const;
    [[nodiscard]] PredicateTarget joined_with(Twin twin) const;
    [[nodiscard]] Derived derived(const ::Node* item) const;
    bool enter(const Derived& derived, const std::function<bool()>& look);

    const PredicateTarget& target_;
    bool& literals_;
    Look& look_;
    Holds holds_;
};

} // namespace stepgate::policies::postgres
