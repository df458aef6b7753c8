#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace stepgate::policies::postgres
{

/// A static part of a PL/pgSQL body, as the server gives it to its SQL parser.
struct PlPiece {
    enum class Kind : unsigned char {
        expression, // behind SELECT
        conduct,    // the same, but its value only steers: a condition, RETURN, what NEW or OLD are set to
        statement,  // a whole statement, INTO taken out
        dynamic,    // an expression that gives the text of a statement: EXECUTE
        row_type,   // the name of a relation, whose row or column a variable is like
    } kind = Kind::statement;
    std::string text;
    /// Of an UPDATE or DELETE in loops: the rows that those go through, all of them, as FROM has it.
    std::string rows = {};
    bool again = false; // a statement of a loop that goes on until nothing is found
};

struct PlBody {
    std::vector<PlPiece> pieces;
    std::vector<std::string> variables; // and labels, which may stand before a variable's name
    std::vector<std::string> assigned;  // columns of NEW, which a trigger gives on; "*": all
    bool variables_hide = false;        // columns of their name: #variable_conflict use_variable
    std::string problem;                // "": every part was understood
    bool takes_details = false;         // of errors, which name values of rows that were refused: PG_EXCEPTION_DETAIL
};

/// Cuts a PL/pgSQL body (docs 43) into its statements and expressions, in order. libpg_query's own PL/pgSQL parser
/// knows no catalog, so it refuses fields of records and bound cursors; this reads the structure only and leaves SQL to
/// the SQL parser. What it does not expect is a problem, never skipped.
[[nodiscard]] PlBody read_plpgsql(std::string_view body, bool backslashes);

} // namespace stepgate::policies::postgres
