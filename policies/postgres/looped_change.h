#pragma once

#include "policies/postgres/parse_tree.h"
#include "policies/postgres/raw_parser.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace stepgate::policies::postgres
{

/// An UPDATE or DELETE in a loop over a query, as one that is joined with that query: where it changes the row of each
/// round, it changes as many as the query gives. The statement must outlive it, and what is made of texts after it end
/// before it does.
class LoopedChange
{
  public:
    /// `rows`: what the loops around go through, as FROM has it (plpgsql_loops.h); "": there are none.
    LoopedChange(const ::Node* statement, const std::string& rows, bool standard_conforming_strings);
    LoopedChange(const LoopedChange&) = delete;
    LoopedChange& operator=(const LoopedChange&) = delete;

    [[nodiscard]] const ::Node* statement() const { return statement_; }

  private:
    void join(::List*& from, ::Node*& where, bool standard_conforming_strings);

    const ::Node* statement_;
    std::optional<RawParse> rows_, current_;
    std::vector<::ListCell> items_;
    std::unique_ptr<::List> from_;
    ::DeleteStmt delete_{};
    ::UpdateStmt update_{};
};

} // namespace stepgate::policies::postgres
