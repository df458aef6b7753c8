#pragma once

// Private to this folder: what the files that implement `Bodies` share.

#include "policies/postgres/bodies.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::policies::postgres
{

constexpr std::size_t longest_body = std::size_t{256} * 1024;
constexpr std::size_t most_read = std::size_t{8} * 1024 * 1024; // of bodies not read before, for one statement

/// A text of the catalog, and what the names in it mean.
struct Bodies::Source {
    enum class Form : unsigned char { statements, expression, rule, atomic } form = Form::statements;
    std::string_view what; // for people: "public.purge"
    const SessionState* state = nullptr;
    const catalog::Relation* row = nullptr; // bare columns are its
    bool row_is_read = false;               // naming them reads the table
    const catalog::Relation* trigger = nullptr;
    bool trigger_is_read = false; // NEW and OLD are looked at, not only passed on
    std::string_view self;        // the function, which may stand before its parameters' names
    const std::vector<std::string>* variables = nullptr;
    bool variables_hide = false;                 // columns of their name
    const catalog::Function* function = nullptr; // whose body it is
    bool again = false;                          // as PlPiece has it
};

[[nodiscard]] std::string name_of(const catalog::Relation& relation);
[[nodiscard]] bool starts_with_word(std::string_view text, std::string_view word);
void append(Footprint& to, Footprint from);
/// A function of the server's own, as "pg_catalog.name".
void call_system(const std::string& name, Footprint& to);

} // namespace stepgate::policies::postgres
