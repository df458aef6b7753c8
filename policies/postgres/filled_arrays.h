#pragma once

#include "policies/postgres/plpgsql_words.h"

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace stepgate::policies::postgres
{

/// Which queries the array variables of a PL/pgSQL body were filled from last, as its text goes: all that such a query
/// gives is in the array. `words`, of the body, must outlive it.
class FilledArrays
{
  public:
    using Queries = std::map<std::string, std::shared_ptr<const std::string>, std::less<>>; // by variable

    explicit FilledArrays(const PlWords& words) : words_(words) {}

    /// The variable becomes the value of the expression.
    void assign(const std::string& variable, std::size_t begin, std::size_t end);
    /// SELECT array_agg(x) INTO variable FROM ..; `rest`: what follows the variable.
    void select_into(const std::string& variable, std::size_t select, std::size_t into, std::size_t rest,
                     std::size_t end);
    void forget(std::string_view variable);
    /// Behind a branch, which may not have been taken: what it filled or changed is not known.
    void leave_branch(const Queries& before);

    [[nodiscard]] const Queries& queries() const { return queries_; }
    /// What goes through the array that is an expression: ARRAY(query), or a variable; "": this is not known.
    [[nodiscard]] std::string query_of(std::size_t begin, std::size_t end) const;

  private:
    void fill(const std::string& variable, std::string query);
    [[nodiscard]] std::string of_aggregate(std::size_t select, std::size_t end, std::string_view rest) const;

    const PlWords& words_;
    Queries queries_;
};

} // namespace stepgate::policies::postgres
