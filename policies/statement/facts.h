#pragma once

#include "policies/statement/kind.h"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace stepgate::policies::statement
{

/// A relation and what of it is touched. `table` is "schema.name"; without a catalog snapshot the schema of an
/// unqualified name is the first of the search path and `schema_known` is false: labels then match by bare name.
struct TableAccess {
    std::string table;
    bool schema_known = false;
    std::vector<std::string> columns; // sorted, unique; {"*"} for the whole row; empty: no column (count(*))
    bool operator==(const TableAccess&) const = default;
};

/// The WHERE clause of an UPDATE or DELETE. A predicate that reads no column is always_true, whatever its value.
enum class Where : std::uint8_t { none /* the kind has no WHERE */, missing, always_true, present };
[[nodiscard]] std::string_view to_string(Where where);

// What a statement changes in the session if it succeeds. The session tracker applies it; analysis only reports.
struct SetParameter {
    std::string name;                              // lower case
    std::optional<std::vector<std::string>> value; // nullopt: RESET or DEFAULT, or a value only the server knows
    bool local = false;                            // SET LOCAL, set_config(.., true)
    bool unknown = false;                          // set to a value only the server knows
    bool operator==(const SetParameter&) const = default;
};
struct ResetAll {
    bool operator==(const ResetAll&) const = default;
};
struct PrepareStatement {
    std::string name, sql;
    std::string values = {}; // SELECT that makes a value of each of its parameters' types; "": nothing comes of that
    bool operator==(const PrepareStatement&) const = default;
};
struct Deallocate {
    std::optional<std::string> name;
    bool operator==(const Deallocate&) const = default;
}; // nullopt: ALL
struct OpenCursor {
    std::string name;
    bool with_hold = false;
    std::string sql; /* its query */
    bool operator==(const OpenCursor&) const = default;
};
struct CloseCursor {
    std::optional<std::string> name;
    bool operator==(const CloseCursor&) const = default;
}; // nullopt: ALL
struct DiscardAll {
    bool operator==(const DiscardAll&) const = default;
};
struct DiscardTemporary {
    bool operator==(const DiscardTemporary&) const = default;
}; // every temporary relation is gone
/// A name that means something else now than in a catalog read before: it was made, altered, renamed or dropped.
struct Redefine {
    std::string relation, function;       // without schema; one of the two. Both empty: anything may have changed
    bool code = false;                    // what runs when it is used has changed, or what it is at all
    bool temporary = false;               // of this session alone: no catalog has it
    bool writes = false;                  // changing its rows does more than a catalog knows: triggers, keys, a view
    bool lasts = false;                   // one of this session alone was made that the end of a transaction leaves
    bool gone = false;                    // a temporary relation was dropped: the name means what it meant before
    std::vector<TableAccess> copies;      // what its rows were made from
    std::vector<TableAccess> family = {}; // parents and children: its rows are theirs
    bool referenced = false;            // others have foreign keys to it: changing or deleting its rows changes theirs
    std::vector<TableAccess> keys = {}; // where rows that come are looked up, for its own foreign keys
    std::vector<TableAccess> referencing = {}; // and its own before they go, for foreign keys of others
    std::string was = {};      // the catalog's relation that has this name now, "schema.name": all else of it holds
    std::string moved_to = {}; // and the name that this one's relation has now
    bool operator==(const Redefine&) const = default;
};
/// Code is queued that runs when the transaction ends, under the settings and with the names of then.
struct Defer {
    bool operator==(const Defer&) const = default;
};
/// A type was made, without schema, that no catalog read before has. `plain`: its values run nothing of users.
struct MakeType {
    std::string name;
    bool plain = false;
    bool temporary = false; // no catalog will have it
    bool operator==(const MakeType&) const = default;
};
using Effect = std::variant<SetParameter, ResetAll, PrepareStatement, Deallocate, OpenCursor, CloseCursor, DiscardAll,
                            DiscardTemporary, Redefine, Defer, MakeType>;

/// A statement that runs inside of another one: of what kind, and what it creates, alters, drops, …
struct Inner {
    Inner(Kind of_kind, std::string of_object = {}) : kind{of_kind}, object{std::move(of_object)} {}
    Kind kind;
    std::string object;
    auto operator<=>(const Inner&) const = default;
};

/// Facts of one statement of a text. A value: no pointers into the text.
struct StatementFacts {
    Kind kind = Kind::unknown;
    std::string object;              // of create/alter/drop/comment…: "table", "view", "function", "database", …
    std::vector<TableAccess> reads;  // sorted by table
    std::vector<TableAccess> writes; // sorted by table; also what is dropped, truncated, altered
    std::vector<std::string> calls;  // sorted, unique, schema-qualified where known ("pg_catalog.now")
    Where where = Where::none;       // of the weakest UPDATE or DELETE inside (CTEs, EXPLAIN ANALYZE included)
    bool destructive = false;        // may lose data: see policies/postgres/README.md
    bool cascade = false;            // a DROP takes what depends on it along
    bool temporary = false;          // it changes or drops temporary tables alone, that the session surely made itself
    std::vector<Effect> effects;     // in order
    std::string makes_temporary;     // the temporary table that is surely there when it has succeeded
    /// What runs inside besides `kind`: a DELETE under EXPLAIN ANALYZE, EXECUTE or in a WITH. Sorted, unique.
    std::vector<Inner> inner;
    /// As something that runs inside of another statement.
    [[nodiscard]] Inner itself() const { return {kind, object}; }
    /// Whether the statement is of this kind or runs one inside; rules that name a kind ask this, not `kind`.
    [[nodiscard]] bool does(Kind wanted) const;
    bool operator==(const StatementFacts&) const = default;
};

/// What the analyzer knows about a text sent in one message.
struct Facts {
    bool parsed = false;
    bool opaque = false;                     // not fully understood: held by default
    std::vector<std::string> opaque_reasons; // for people: "calls public.purge, whose body is not known"
    std::vector<StatementFacts> statements;  // in order; empty for an empty query
    bool carries_secret = false;             // a password literal is in the text: redact wherever it is stored
    bool names_consulted = false;            // a prepared statement or cursor of the session was looked up
    bool uses_types = false;       // of users, or operators, or what may be theirs: what runs is among no calls
    bool searches_catalog = false; // what it looks at or runs is found there alone: columns of a domain, event triggers
    bool runs_when_prepared = false; // preparing it may run functions of users already
    std::vector<std::string> runs;   // texts that only the session has: behind EXECUTE, or a cursor
    bool operator==(const Facts&) const = default;
};

} // namespace stepgate::policies::statement
