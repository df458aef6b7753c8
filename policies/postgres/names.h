#pragma once

#include "policies/catalog/catalog.h"
#include "policies/postgres/session_state.h"

#include <string>
#include <string_view>
#include <vector>

namespace stepgate::policies::postgres
{

/// What a name of a relation means.
struct Found {
    std::string table;     // "schema.name"; the first of the search path when it is not known
    bool known = false;    // the schema is certain
    bool built_in = false; // of pg_catalog
    const catalog::Relation* relation = nullptr;
    const SessionState::Redefined* redefined = nullptr; // by the session, since the catalog was read
    /// Others that the name may mean: the server skips schemas that the user may not use, and only it knows those.
    std::vector<const catalog::Relation*> others;
    bool own = false;  // surely a temporary relation of the session, if there is one of the name
    bool sure = false; // there is, and it is a table of rows alone
};

/// Looks names up as the server does (docs 5.9.3): pg_catalog first unless the path places it, "$user" as the schema of
/// the current user, schemas that do not exist skipped. Cheap to make; the state and the catalog must outlive it.
class Names
{
  public:
    Names(const SessionState& state, const catalog::Catalog* catalog);

    /// `schema` empty: the name was written without one.
    [[nodiscard]] Found relation(std::string_view schema, std::string_view name) const;
    /// The schema that new objects go to, as far as it can be told.
    [[nodiscard]] std::string_view first_schema() const { return first_schema_; }
    /// With a catalog: the schemas that are searched, in order, pg_catalog among them; all of them if it is not known.
    [[nodiscard]] const std::vector<std::string_view>& path() const { return path_; }
    /// The path is certain and pg_catalog comes first in it, so that a built-in's relation is what its name means.
    [[nodiscard]] bool built_ins_first() const { return built_ins_first_; }
    [[nodiscard]] bool path_known() const { return path_known_; }

  private:
    void take_renamed(Found& found, std::string_view schema, std::string_view name) const;
    [[nodiscard]] bool is_own(const Found& found, std::string_view schema) const;
    [[nodiscard]] bool is_sure(const Found& found, std::string_view schema, std::string_view name) const;
    [[nodiscard]] Found look_up(std::string_view schema, std::string_view name) const;
    [[nodiscard]] Found unqualified(std::string_view name) const;
    void take(std::string_view schema);

    const SessionState* state_;
    const catalog::Catalog* catalog_;
    std::vector<std::string_view> path_;
    std::string_view first_schema_ = "public";
    bool path_known_ = true;
    bool built_ins_first_ = true;
};

/// Adds a value of a type to a query of such values: they run what a parameter of the type does when it comes.
void add_value(std::string& query, std::string_view schema, std::string_view type);
/// "schema.name"
[[nodiscard]] std::string joined(std::string_view schema, std::string_view name);
/// The name of "schema.name".
[[nodiscard]] std::string_view bare(std::string_view table);

} // namespace stepgate::policies::postgres
