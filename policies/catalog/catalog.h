#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace stepgate::policies::catalog
{

/// The server's name for an object within its catalogs; 0: none.
using Oid = std::uint32_t;
constexpr Oid first_user_oid = 16384; // PostgreSQL's FirstNormalObjectId

enum class RelationKind : std::uint8_t {
    table,
    partitioned_table,
    view,
    materialized_view,
    foreign_table,
    sequence,
    index,
    composite
};

struct Column {
    std::string name;
    Oid type = 0;
    std::int16_t number = 0; // attnum; renames keep it, dropped columns leave a gap
    bool generated = false;  // `expression` makes its value
    std::string expression;  // default or generation expression as SQL; "" none
    bool not_null = false;
    std::int32_t length = 0; // of PostgreSQL's varchar(n); 0: no limit
    bool counts = false;     // from 1 on, by itself: AUTO_INCREMENT, an identity, or a default of nextval
    // Of MySQL:
    std::string sql_type = {}; // "int(10) unsigned"
    std::string charset = {};  // of texts
    bool invisible = false;    // "*" does not stand for it
    bool operator==(const Column&) const = default;
};

/// Which changes of rows something stands behind.
struct Events {
    bool insert = false, update = false, delete_rows = false, truncate = false;
    bool operator==(const Events&) const = default;
};

/// One bit each, the lowest four.
[[nodiscard]] constexpr int bits(const Events& events)
{
    return (events.insert ? 1 : 0) | (events.update ? 2 : 0) | (events.delete_rows ? 4 : 0) | (events.truncate ? 8 : 0);
}
[[nodiscard]] constexpr bool any(const Events& events)
{
    return bits(events) != 0;
}
[[nodiscard]] constexpr bool meet(const Events& one, const Events& other)
{
    return (bits(one) & bits(other)) != 0;
}

struct Trigger {
    std::string name;
    Events events;
    Oid function = 0;
    std::string when;        // condition as SQL; "" none
    bool deferrable = false; // it may run when the transaction ends, under the settings of then
    /// Of MySQL, whose triggers have no function: the statement, and how it is read. Where it has literals there is
    /// the CREATE statement instead.
    std::string body = {}, sql_mode = {}, definition = {};
    bool operator==(const Trigger&) const = default;
};

/// CREATE RULE other than a view's own SELECT rule.
struct RewriteRule {
    std::string name;
    std::string definition; // pg_get_ruledef
    bool operator==(const RewriteRule&) const = default;
};

enum class ReferenceAction : std::uint8_t { none, restrict_it, cascade, set_null, set_default };

/// A foreign key that points at the relation it stands with.
struct ReferencedBy {
    Oid relation = 0;                     // whose rows change when ours do
    std::vector<std::string> columns;     // its columns
    std::vector<std::string> our_columns; // ours
    ReferenceAction on_delete = ReferenceAction::none, on_update = ReferenceAction::none;
    bool operator==(const ReferencedBy&) const = default;
};

/// What an index compares rows by; one of a constraint has its name.
struct IndexKey {
    std::string name;
    std::vector<std::string> columns; // "*" where an expression stands
    bool clustered = false;           // CLUSTER without a name means it
    bool operator==(const IndexKey&) const = default;
};

/// Row security: what is evaluated for each row.
struct RowPolicy {
    std::string name;
    std::string using_expression, check_expression; // SQL; "" none
    bool operator==(const RowPolicy&) const = default;
};

struct Relation {
    Oid oid = 0;
    std::string schema, name;
    RelationKind kind = RelationKind::table;
    bool temporary = false;
    std::vector<Column> columns; // by number, dropped ones left out
    /// Of views: the SELECT as pg_get_viewdef gives it with an empty search path, or as MySQL keeps it; of MERGE
    /// tables: CREATE TABLE. Else "".
    std::string definition;
    std::vector<Oid> parents; // inheritance and partitions
    std::vector<Oid> children;
    std::vector<Trigger> triggers; // enabled, not internal
    std::vector<RewriteRule> rules;
    std::vector<ReferencedBy> referenced_by;
    std::string owner; // a role; "": not known
    /// Of foreign tables: the handler of their wrapper, which reads and writes the rows ("public.file_fdw_handler").
    std::string handler;
    Oid of_type = 0; // CREATE TABLE … OF: its columns follow those of the type
    bool row_security = false;
    std::vector<RowPolicy> policies;
    std::vector<std::string> checks; // CHECK constraints as SQL
    /// As SQL: expressions and predicates of its indexes, of its partition key, of its extended statistics.
    std::vector<std::string> index_expressions;
    /// What operator classes that its indexes and its partition key name run, as far as `Type::functions` takes it.
    std::vector<Oid> index_functions;
    std::vector<std::string> primary_key; // what REFERENCES means without columns
    std::vector<IndexKey> index_keys;     // of PostgreSQL
    /// Of partitioned tables with a default partition: the columns that say which rows are in it. A new partition is
    /// refused if the default one has rows for it.
    std::vector<std::string> default_partition_key;
    std::string charset;              // of MySQL: of columns that are made and name none
    std::vector<std::string> indexes; // of MariaDB: their names
    bool hides_columns = false;       // of MySQL: some may not be for the reader's account, and are not here
    bool operator==(const Relation&) const = default;
};

[[nodiscard]] inline bool is_view(const Relation& relation)
{
    return relation.kind == RelationKind::view || relation.kind == RelationKind::materialized_view;
}

enum class FunctionKind : std::uint8_t { function, procedure, aggregate, window, event /* of MySQL */ };
enum class Volatility : std::uint8_t { immutable, stable, volatile_ };

struct Function {
    Oid oid = 0;
    std::string schema, name;
    FunctionKind kind = FunctionKind::function;
    std::string language; // "sql", "plpgsql", "c", "internal", …
    Volatility volatility = Volatility::volatile_;
    bool security_definer = false;
    std::vector<std::string> argument_names; // of all arguments, outputs included, as far as they have names
    std::vector<Oid> argument_types;         // of the input arguments
    std::vector<Oid> output_types;           // of arguments that are outputs only: OUT, TABLE
    int defaults = 0;                        // so many of the last inputs may be left out
    bool variadic = false;
    std::vector<std::string> default_expressions; // SQL
    Oid returns = 0;
    std::string body;       // prosrc, or the SQL-standard body as SQL; for "c" and "internal" the symbol
    std::string definition; // pg_get_functiondef, "" for aggregates; of MySQL's with literals SHOW CREATE, and no body
    std::vector<std::pair<std::string, std::string>> settings; // SET clauses: search_path, role, …; of MySQL: sql_mode
    std::vector<Oid> uses; // of an aggregate: transition, final, combine, … functions that are not the system's own
    std::vector<std::string> uses_system; // those that are, as "schema.name"
    bool operator==(const Function&) const = default;
};

struct Operator {
    Oid oid = 0;
    std::string schema, name;
    Oid left = 0, right = 0; // types; left 0: prefix
    Oid function = 0;
    std::string function_name; // "schema.name", also where the function is the system's own
    bool operator==(const Operator&) const = default;
};

struct Cast {
    Oid source = 0, target = 0;
    Oid function = 0;          // 0: none needed
    std::string function_name; // "schema.name", also where the function is the system's own; "" none
    bool operator==(const Cast&) const = default;
};

enum class TypeKind : std::uint8_t { base, composite, domain, enumeration, range, multirange, pseudo };

struct Type {
    Oid oid = 0;
    std::string schema, name;
    TypeKind kind = TypeKind::base;
    Oid relation = 0;                // of composites
    Oid element = 0;                 // of arrays, ranges and multiranges: what they are made of
    Oid base = 0;                    // of domains
    std::vector<std::string> checks; // of domains: SQL
    std::string default_expression;  // of domains: SQL; "" none
    /// Those that users made: input, output, receive, send, …; of ranges the canonical and difference functions; and
    /// what operator classes of the type run to compare and hash its values. Of the system's own types without compiled
    /// ones that are not volatile.
    std::vector<Oid> functions;
    bool operator==(const Type&) const = default;
};

/// What is so for all of a MySQL or MariaDB server. Its databases are the schemas here, and one snapshot has them all.
struct MySqlServer {
    std::string vendor;                // "mysql" or "mariadb"; "": the snapshot is of PostgreSQL
    bool folds_names = false;          // lower_case_table_names is not 0: names of tables are in lower case here
    std::vector<std::string> loadable; // functions of libraries, as far as the reader could see them; in lower case
    std::vector<std::string> triggers_seen; // schemas whose triggers the reader could see; {"*"}: all
    std::vector<std::string> routines_seen; // likewise; procedures and functions
    std::vector<std::pair<std::string, std::string>> charsets; // schemas, and the character set of what is made in them
    bool operator==(const MySqlServer&) const = default;
};

/// What a snapshot holds, before it is indexed. Types include the system's own, so that every oid here has a name.
struct Contents {
    std::string database;
    int server_version = 0; // as server_version_num: 150020
    std::chrono::system_clock::time_point taken;
    std::vector<Relation> relations;
    std::vector<Function> functions;
    std::vector<Operator> operators;
    std::vector<Cast> casts;
    std::vector<Type> types;
    std::vector<std::string> schemas;         // all of them; a name of a path that is not here is skipped by the server
    std::vector<std::string> extensions;      // installed ones
    bool event_triggers = false;              // some are enabled: DDL runs code
    std::vector<Oid> event_trigger_functions; // which; empty: not known
    MySqlServer mysql;
    bool operator==(const Contents&) const = default;
};

/// An indexed snapshot. Immutable and thread-safe; share it by pointer. Pointers it gives live as long as it does.
class Catalog
{
  public:
    explicit Catalog(Contents contents);
    Catalog(const Catalog&) = delete;
    Catalog& operator=(const Catalog&) = delete;

    [[nodiscard]] const Contents& contents() const { return contents_; }
    /// Never the same for two snapshots of one process: memos are keyed by it.
    [[nodiscard]] std::uint64_t revision() const { return revision_; }

    [[nodiscard]] bool has_schema(std::string_view schema) const;
    [[nodiscard]] bool has_extension(std::string_view name) const;
    [[nodiscard]] const Relation* relation(std::string_view schema, std::string_view name) const;
    [[nodiscard]] const Relation* relation(Oid oid) const;
    /// All functions of that name in the schema, whatever their arguments.
    [[nodiscard]] std::vector<const Function*> functions(std::string_view schema, std::string_view name) const;
    [[nodiscard]] const Function* function(Oid oid) const;
    /// All operators of that name, in every schema: names of operators are short and few.
    [[nodiscard]] const std::vector<const Operator*>& operators(std::string_view name) const;
    [[nodiscard]] const Type* type(Oid oid) const;
    [[nodiscard]] const Type* type(std::string_view schema, std::string_view name) const;
    /// Casts by users from or to a type.
    [[nodiscard]] std::vector<const Cast*> casts(Oid type) const;
    /// Some user function, in any schema, has this bare name: a call that may mean it.
    [[nodiscard]] bool names_function(std::string_view bare_name) const;
    /// PostgreSQL: of some type values may have to pass a check, or be made canonical.
    [[nodiscard]] bool checks_values() const { return checks_values_; }

  private:
    using Index = std::unordered_map<std::string, std::vector<std::size_t>>;

    Contents contents_;
    std::uint64_t revision_;
    bool checks_values_ = false;
    Index relations_by_name_, functions_by_name_, types_by_name_, bare_functions_;
    std::unordered_map<Oid, std::size_t> relations_by_oid_, functions_by_oid_, types_by_oid_;
    std::unordered_map<Oid, std::vector<std::size_t>> casts_by_type_;
    std::unordered_map<std::string, std::vector<const Operator*>> operators_by_name_;
};

} // namespace stepgate::policies::catalog
