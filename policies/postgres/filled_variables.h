#pragma once

#include "policies/postgres/plpgsql_words.h"

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::policies::postgres
{

/// Which queries the variables of a PL/pgSQL body were filled from last, as its text goes: all that such a query gives
/// is in an array, and a row of it in others. `words`, of the body, must outlive it.
class FilledVariables
{
  public:
    using Queries = std::map<std::string, std::shared_ptr<const std::string>, std::less<>>; // by variable
    /// One row of what a query gives: SELECT .. INTO. The least and greatest of a column are of some row, too.
    struct TakenRow {
        std::string query;
        std::vector<std::string> variables;
        bool again = false; // by a loop that goes on until nothing is found: in each round one of those that are left
    };
    using TakenRows = std::map<std::string, std::shared_ptr<const TakenRow>, std::less<>>; // likewise
    /// Of the row that a loop is at.
    struct Copy {
        std::string query; // that the loop goes through
        std::string from;  // what the variable has in its rounds, as FROM has it
    };
    using Copies = std::map<std::string, std::shared_ptr<const Copy>, std::less<>>; // likewise
    struct All {
        Queries queries; // of arrays
        TakenRows taken;
        Copies copies;
    };

    explicit FilledVariables(const PlWords& words) : words_(words) {}

    /// The variable becomes the value of the expression.
    void assign(const std::string& variable, std::size_t begin, std::size_t end, bool again);
    /// SELECT .. INTO variables FROM ..; `rest`: what follows the variables.
    void select_into(const std::vector<std::string>& variables, std::size_t select, std::size_t into, std::size_t rest,
                     std::size_t end, bool again);
    void copy(const std::string& variable, Copy copy);
    void forget(std::string_view variable);
    /// What stands there may become something else.
    void forget(std::size_t begin, std::size_t end);
    /// Behind a branch, which may not have been taken: what it filled or changed is not known.
    void leave_branch(const All& before);
    /// The loop that begins goes on as long as the variable has a row.
    void asked_again(std::string_view variable);

    [[nodiscard]] const All& all() const { return all_; }
    /// It has one of the rows that are left, or is NULL if there is none.
    [[nodiscard]] bool is_of_rows_left(std::string_view variable) const;
    /// What goes through the array that is an expression: ARRAY(query), or a variable; "": this is not known.
    [[nodiscard]] std::string query_of(std::size_t begin, std::size_t end) const;

  private:
    void fill(const std::string& variable, std::string query);
    void take(const std::vector<std::string>& variables, std::string query, bool again);
    [[nodiscard]] std::string of_aggregate(PlWords::Words functions, std::size_t select, std::size_t end,
                                           std::string_view rest) const;
    [[nodiscard]] std::string of_row(std::size_t select, std::size_t end, std::string_view rest) const;

    const PlWords& words_;
    All all_;
};

} // namespace stepgate::policies::postgres
