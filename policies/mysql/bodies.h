#pragma once

#include "policies/catalog/catalog.h"
#include "policies/mysql/analyzer.h"
#include "policies/mysql/leads.h"
#include "policies/mysql/server_version.h"

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace stepgate::policies::mysql
{

/// What a text in the catalog does by itself. Where it leads is followed with each statement that reaches it.
struct Footprint {
    statement::StatementFacts facts; // of all of its statements
    std::vector<Lead> leads;
    std::vector<std::string> opaque_reasons;
};

/// The texts of one catalog, each read once: views, triggers, routines, events, values of columns. One thread; lives as
/// long as the catalog.
class Bodies
{
  public:
    Bodies(const catalog::Catalog& catalog, const Limits& limits);

    [[nodiscard]] const catalog::Catalog& catalog() const { return catalog_; }
    /// nullptr: not there. `name` is "schema.name"; names with a point in them are never found.
    [[nodiscard]] const catalog::Relation* relation(std::string_view name) const;
    [[nodiscard]] const catalog::Function* routine(std::string_view name, catalog::FunctionKind kind) const;
    /// MariaDB computes the length of some results as it prepares a statement, of `substr('a', length(f()))` by running
    /// f, if it is DETERMINISTIC. nullptr: a function that is not known.
    [[nodiscard]] bool runs_early(const catalog::Function* function) const;
    /// There is a function of users that it would run so.
    [[nodiscard]] bool has_early() const { return has_early_; }
    /// Functions of libraries hide stored ones, where no database is written.
    [[nodiscard]] bool loadable(std::string_view name) const;
    /// A row of the table that points elsewhere: the server looks for what it points to.
    struct Points {
        const catalog::Relation* to;
        const catalog::ReferencedBy* key;
    };
    [[nodiscard]] const std::vector<Points>& points(const catalog::Relation& table) const;
    /// The triggers of its tables are all in the catalog.
    [[nodiscard]] bool sees_triggers(std::string_view schema) const;
    [[nodiscard]] bool sees_routines(std::string_view schema) const; ///< likewise, procedures and functions
    /// There is surely no such database.
    [[nodiscard]] bool lacks_schema(std::string_view schema) const;

    [[nodiscard]] const Footprint& definition(const catalog::Relation& relation); ///< of a view or MERGE table
    [[nodiscard]] const Footprint& trigger(const catalog::Relation& table, const catalog::Trigger& trigger);
    [[nodiscard]] const Footprint& body(const catalog::Function& routine);
    [[nodiscard]] const Footprint& values(const catalog::Relation& table); ///< defaults, generated columns, checks

  private:
    struct Text {
        std::string_view sql, schema, sql_mode;
        std::string what;                                     // for people
        const catalog::Relation* rows = nullptr;              // of a trigger: whose rows OLD and NEW are
        bool new_is_stored = false;                           // likewise
        bool body = false;                                    // else statements
        bool created = false;                                 // the body stands behind CREATE and what it makes
        bool reads = false;                                   // of a table: it is read, not made
        const std::vector<std::string>* parameters = nullptr; // of a routine
    };
    [[nodiscard]] const Footprint& read(const void* key, const Text& text);

    const catalog::Catalog& catalog_;
    Limits limits_;
    ServerVersion version_;
    bool has_early_ = false;
    std::unordered_map<catalog::Oid, std::vector<Points>> points_; // by the table that has the key
    std::unordered_map<const void*, std::unique_ptr<const Footprint>> read_;
};

} // namespace stepgate::policies::mysql
