#pragma once

#include <string_view>

namespace stepgate::policies::postgres
{

/// What is known of a function that PostgreSQL ships in pg_catalog.
struct Builtin {
    enum class Trust : unsigned char {
        unknown,   // no built-in of this name
        harmless,  // does nothing but compute from its arguments, the catalogs and the session
        dangerous, // runs SQL given as text, touches files, other sessions or the server
    } trust = Trust::unknown;
    std::string_view danger; // for people: "runs SQL given as text"
    bool destructive = false;
    std::string_view reads = {}; // relation of pg_catalog whose rows it returns
};

[[nodiscard]] Builtin builtin_function(std::string_view name);
/// Helpers of information_schema that drivers call.
[[nodiscard]] bool is_information_schema_function(std::string_view name);
/// Whether "alias.name" may be a call of a built-in with the whole row as its argument.
[[nodiscard]] bool takes_whole_row(std::string_view name);
/// Whether a built-in returns rows or records, so that "(f(x)).name" selects a field and is no call.
[[nodiscard]] bool returns_rows(std::string_view name);
/// Whether a symbol of the server, as LANGUAGE internal names it, belongs to harmless functions only.
[[nodiscard]] bool is_harmless_symbol(std::string_view symbol);
/// pg_catalog has an operator of that name.
[[nodiscard]] bool is_builtin_operator(std::string_view name);
/// pg_catalog has a type of that name; arrays and rows are left out.
[[nodiscard]] bool is_builtin_type(std::string_view name);
[[nodiscard]] bool is_catalog_relation(std::string_view name);

/// The function is of a library of PostgreSQL's own extensions, or pgvector's, whose functions compute from their
/// arguments, or count rows and pages, and do no more. `definition`: as pg_get_functiondef writes it. Only superusers
/// make functions of libraries.
[[nodiscard]] bool is_harmless_library(std::string_view definition);

} // namespace stepgate::policies::postgres
