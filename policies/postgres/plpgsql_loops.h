#pragma once

#include "policies/postgres/filled_variables.h"
#include "policies/postgres/plpgsql_words.h"

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::policies::postgres
{

/// What the loops of a PL/pgSQL body do with the statements in them, as its text goes: which rows they go through, and
/// whether they go on until nothing is found. It is told of every cursor, branch, loop, and way out of one. `words`, of
/// the body, must outlive it.
class PlLoops
{
  public:
    /// Of the loops around: nothing in a branch, which is for some rows.
    struct Reach {
        std::string rows;   // that they go through, as FROM has it
        bool again = false; // until nothing is found
    };
    struct Branch {
        Reach outer;
        FilledVariables::All filled;
    };
    struct Loop {
        Reach outer;
        bool left = false, skipped = false;
    };

    explicit PlLoops(const PlWords& words) : words_(words), filled_(words) {}

    [[nodiscard]] FilledVariables& filled() { return filled_; }
    /// The variable becomes the value of the expression: in a loop it may be of the row of each round.
    void assigns(const std::string& variable, std::size_t begin, std::size_t end);
    /// What follows is done again and again until nothing is found.
    [[nodiscard]] bool goes_on() const { return reach_.again && !skips_; }

    void opens(const std::string& cursor, std::string query) { queries_[cursor] = std::move(query); }
    /// FETCH of a cursor into the targets; in a loop its rows are met one after the other.
    void fetches(const std::string& cursor, const std::vector<std::string>& targets);
    /// The variable has the number of rows that a statement changed.
    void counts(std::string variable) { counts_.push_back(std::move(variable)); }

    [[nodiscard]] Branch enter_branch();
    /// IF with this condition: what follows is for all rows that are left where it asks whether there is one.
    [[nodiscard]] Branch enter_branch(std::size_t begin, std::size_t end);
    void other_branch() { reach_ = {}; }
    void leave_branch(Branch branch);

    /// WHILE with this condition goes on until nothing is found.
    [[nodiscard]] bool goes_on_while(std::size_t begin, std::size_t end);
    /// In what follows each row of the query is met, under the names of the targets and of its cursor. A single target
    /// is a record, or a variable for the one column. `until_done`: nothing counts its rounds.
    [[nodiscard]] Loop enter_loop(bool until_done, std::string_view query, const std::vector<std::string>& targets,
                                  std::string_view cursor);
    /// False: it may be left before its end, so that its statements are for some rows.
    [[nodiscard]] bool leave_loop(Loop loop);
    /// The query of a cursor; "": this is not known.
    [[nodiscard]] std::string query_of(std::string_view cursor) const;
    /// The query whose rows FOR goes through where it has this one: another behind an array.
    [[nodiscard]] std::string query_behind(std::size_t begin, std::size_t end) const;

    /// EXIT or CONTINUE at `at`, its condition behind `when`, which is `end` where there is none.
    void leaves(std::size_t at, std::size_t when, std::size_t end);
    void returns(std::size_t at) { leaves_ = leaves_ || !stands_if_nothing_found(at); }

    /// What the loops around do with the SQL statement.
    [[nodiscard]] Reach reach_of(std::size_t begin, std::size_t end) const;

  private:
    static void through(std::string& rows, std::string_view query, const std::vector<std::string>& targets,
                        std::string_view cursor);
    void meets(std::string_view query, const std::vector<std::string>& targets, std::string_view cursor);
    [[nodiscard]] std::string filled_named(std::size_t begin, std::size_t end, std::string rows) const;
    [[nodiscard]] bool finds_nothing(std::size_t at, std::size_t begin, std::size_t end) const;
    [[nodiscard]] bool is_not_null(std::size_t begin, std::size_t end) const;
    [[nodiscard]] bool stands_if_nothing_found(std::size_t at) const;

    const PlWords& words_;
    FilledVariables filled_;
    std::vector<std::string> counts_;
    std::map<std::string, std::string, std::less<>> queries_; // of cursors
    FilledVariables::TakenRows rounds_;                       // of loops, by the targets of their rows
    Reach reach_;
    int around_ = 0;      // loops
    bool skips_ = false;  // what follows in the loop is done for some rows
    bool leaves_ = false; // the loop, maybe before its end
};

} // namespace stepgate::policies::postgres
