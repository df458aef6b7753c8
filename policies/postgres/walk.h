#pragma once

#include "policies/postgres/analyzer.h"
#include "policies/postgres/bodies.h"
#include "policies/postgres/cte.h"
#include "policies/postgres/names.h"
#include "policies/postgres/parse_tree.h"
#include "policies/postgres/predicate.h"
#include "policies/statement/facts.h"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::policies::postgres
{

/// One name in FROM (or the target of INSERT, UPDATE, DELETE, MERGE).
struct Item {
    std::string_view alias;
    std::string table; // "schema.name"; empty: a subquery, CTE or function, read where it stands
    bool known = false;
    const catalog::Relation* relation = nullptr; // if the catalog knows it
    bool only = false;                           // without its children
    bool stale = false;                          // the session has changed it since: its columns are not certain
    bool qualified_only = false;                 // its columns are named behind its alias: NEW, OLD
    bool proposed = false;                       // a row that the statement brings: to name its columns reads nothing
    int read = -1;                               // index in `reads` once something of it was read
    bool renamed = false;                        // has column aliases, so a column name says nothing
    bool function = false;
    Outputs outputs; // of one without a table
    /// The catalog knows its columns, by their own names.
    [[nodiscard]] bool described() const { return relation != nullptr && !renamed && !stale; }
};
/// Names visible to an expression. Lives on the stack of the walk.
struct Scope {
    Scope* outer = nullptr;
    const CteFrame* ctes = nullptr;
    std::vector<Item> items;
};

/// What a call gives, as far as it tells functions of one name apart.
struct Arguments {
    std::size_t count = 0;
    bool uncounted = false;       // VARIADIC, *, WITHIN GROUP
    const ::List* list = nullptr; // with their scope, if their types may tell
    Scope* scope = nullptr;
};

/// Walks the raw parse tree of one text and collects facts. Every node tag it does not know makes the text opaque.
/// One object a text; the tree must outlive it.
class Walk
{
  public:
    /// `bodies`: what is behind the catalog's names; null as `catalog` is.
    Walk(std::string_view sql, const SessionState& state, const catalog::Catalog* catalog, const Limits& limits,
         Analysis& out, Bodies* bodies)
        : sql_(sql), state_(&state), catalog_(catalog), bodies_(bodies), names_(std::in_place, state, catalog),
          limits_(limits), out_(out)
    {
    }

    /// Appends the facts of one statement.
    void statement(const ::RawStmt& raw);
    /// The state that counts from the next statement on.
    void continue_in(const SessionState& state)
    {
        state_ = &state;
        names_.emplace(state, catalog_);
    }

    // For a body that `Bodies` reads: what its statements touch is kept, not followed.
    void within(Scope& base, const std::vector<std::string>* hiding, bool again)
    {
        base_ = &base;
        hiding_ = hiding;
        again_ = again;
    }
    void body_statement(const ::Node* statement);
    void rule_actions(const ::RuleStmt& rule);
    void atomic_body(const ::Node* create_function);
    [[nodiscard]] std::vector<Touch> take_touches() { return std::move(touches_); }

  private:
    friend class Nest;
    using Kind = statement::Kind;

    // walk_names.cpp: relations, columns, functions
    void opaque(std::string reason);
    /// Counts the steps of a look-up against Limits::max_work; false once they are used up and the text is opaque.
    bool spend(std::size_t steps);
    [[nodiscard]] Found find(const ::RangeVar& relation) const;
    int read_index(const Item& item);
    void read_column(Item& item, std::string_view column);
    void read_table(const ::RangeVar& relation, std::string_view column);
    statement::TableAccess& write_table(const ::RangeVar& relation, catalog::Events events = {});
    std::size_t write_index(const std::string& table, bool known, const catalog::Relation* relation,
                            const ::RangeVar& written, catalog::Events events);
    void write_name(const ::List* names);
    void column(const ::ColumnRef& reference, Scope& scope);
    void plain_column(std::string_view name, Scope& scope);
    void qualified_column(std::string_view qualifier, std::string_view name, bool star, Scope& scope);
    void column_of(Item& item, std::string_view name, bool star);
    void column_of_derived(const Item& item, std::string_view name, bool star);
    void everything(Scope& scope);
    void read_index_key(Scope& scope, std::string_view name);
    void function(const ::FuncCall& call, Scope& scope);
    void call(const ::List* name, const Arguments& arguments, const ::FuncCall* node, Scope* scope);
    bool call_user(std::string_view schema, std::string_view name, const Arguments& arguments);
    bool types_fit(const catalog::Function& function, const Arguments& arguments);
    bool is_field(std::string_view name, const ::FuncCall& call, Scope& scope);
    bool is_type(std::string_view schema, std::string_view name);
    void read_domain(std::string_view schema, std::string_view name);
    void read_clustered();
    bool reads_named_table(std::string_view name, const ::FuncCall& call);
    void use_type(catalog::Oid type);
    bool surely_has(const Item& item, std::string_view name);
    void add_target(const ::RangeVar& relation, Scope& scope);
    void call_builtin(std::string_view name, bool qualified);
    void call_by_field(std::string_view name);
    void sets_anything();
    void set_config(const ::FuncCall& call);
    void set_limit(const ::A_Const* limit);
    [[nodiscard]] bool built_ins_may_be_shadowed() const { return !names_->built_ins_first(); }
    void finish();

    // walk_behind.cpp: what the names lead to
    void begin();
    void collect();
    void do_block(const ::DoStmt& block);
    void redefines();
    void fire_event_triggers();
    [[nodiscard]] bool does_otherwise(const SessionState::Redefined& change, bool written) const;
    void doubt_redefined(const std::vector<statement::TableAccess>& accesses, std::size_t from, bool written);
    void redefine_function(const ::List* name);
    void redefined(const Found& found);
    void relatives(const Found& found, bool written, catalog::Events events);
    void relate(const ::RangeVar& child, const ::RangeVar& parent);
    void drops_temporary(std::string_view schema, std::string_view name);
    void take_footprint(Footprint footprint);
    [[nodiscard]] Scope fresh_scope() const { return Scope{base_, nullptr, {}}; }

    // walk_follow.cpp: and what comes of that
    [[nodiscard]] int context();
    void follow();
    void follow_beside(std::vector<Touch> touches, const std::vector<statement::Effect>& changes,
                       statement::StatementFacts& planned, statement::StatementFacts& ran);
    void follow(const std::vector<Touch>& touches, int context, statement::StatementFacts& planned,
                statement::StatementFacts& ran);
    void cannot_follow(std::vector<std::string> reasons);
    void only_explained();
    void doubt_path();
    void defer_held_cursors();
    void doubt_deferred();

    // walk_expressions.cpp
    void expression(const void* node, Scope& scope);
    void expressions(const ::List* list, Scope& scope);
    bool leaf_or_query(const ::Node* node, Scope& scope);
    void operator_name(const ::List* name, const ::Node* left, const ::Node* right, Scope& scope);
    void user_operator(const catalog::Operator& one, catalog::Oid left, catalog::Oid right);
    catalog::Oid type_of(const ::Node* node, Scope& scope);
    catalog::Oid type_of_column(const ::ColumnRef& reference, Scope& scope);
    [[nodiscard]] bool may_become(catalog::Oid actual, catalog::Oid wanted) const;
    void indirection(const ::A_Indirection& node, Scope& scope);
    [[nodiscard]] bool is_row(const ::Node* node, Scope& scope);
    void unknown_type(std::string_view name);
    void changed_type(std::string_view name);
    void type_name(const ::TypeName* type, Scope& scope);
    void window(const ::WindowDef* window, Scope& scope);

    // walk_queries.cpp: SELECT, VALUES and what joins them
    Outputs query(const ::Node* node, Scope* outer, const CteFrame* ctes);
    Outputs select(const ::SelectStmt& select, Scope* outer, const CteFrame* ctes);
    Outputs set_operation(const ::SelectStmt& select, Scope& scope);
    Outputs values(const ::SelectStmt& select, Scope& scope);
    void sort_by(const ::List* sort, const ::List* targets, Scope& scope);
    void with(const ::WithClause* clause, Scope& scope, CteFrame& frame);
    Outputs target_list(const ::List* targets, Scope& scope);
    void star_outputs(const ::ColumnRef* reference, const Scope& scope, Outputs& outputs);
    void into(const ::IntoClause& into);

    // walk_from.cpp: what a FROM brings into the scope
    void from(const ::List* list, Scope& scope);
    void from_item(const ::Node* node, Scope& scope);
    void from_table(const ::RangeVar& relation, Scope& scope);
    void from_join(const ::JoinExpr& join, Scope& scope);
    void natural(std::span<Item> left, std::span<Item> right);
    [[nodiscard]] std::optional<std::vector<std::string_view>> columns_of(std::span<const Item> items);
    void from_subquery(const ::RangeSubselect& sub, Scope& scope);
    void from_function(const ::RangeFunction& function, Scope& scope);
    void from_table_function(const ::RangeTableFunc& function, Scope& scope);

    // walk_changes.cpp: the statements that change rows
    void insert(const ::InsertStmt& insert, Scope& scope);
    void update(const ::UpdateStmt& update, Scope& scope);
    void delete_rows(const ::DeleteStmt& rows, Scope& scope);
    void merge(const ::MergeStmt& merge, Scope& scope);
    void on_conflict(const ::RangeVar& target, const ::OnConflictClause* clause, statement::TableAccess& write,
                     Scope& scope);
    void assign(const ::List* targets, statement::TableAccess& write, Scope& scope);
    void where(const ::Node* predicate, const ::List* from, Scope& scope);
    PredicateTarget predicate_target(const Scope& scope, std::span<const ::ListCell> joined);
    bool updates_every_row(const ::InsertStmt& insert, bool from_itself, const Scope& scope);
    void weaken_where(statement::Where where);

    // walk_utility.cpp: session, transaction, cursors, COPY, EXPLAIN, roles
    void top(const ::Node* node);
    bool top_query(const ::Node* node);
    bool utility(const ::Node* node);
    void explain(const ::ExplainStmt& explain);
    void copy(const ::CopyStmt& copy);
    void variable_set(const ::VariableSetStmt& set);
    void transaction(const ::TransactionStmt& transaction);
    void prepare(const ::PrepareStmt& prepare);
    [[nodiscard]] std::string values_of(const ::List* types);
    void execute(const ::ExecuteStmt& execute);
    void declare_cursor(const ::DeclareCursorStmt& declare);
    void fetch(const ::FetchStmt& fetch);
    void top_some_time(const ::Node* node);
    void run_text(const std::string& sql, std::string_view what);
    void makes(const ::RangeVar& relation, ::OnCommitAction at_commit = ONCOMMIT_NOOP);
    void create_table_as(const ::CreateTableAsStmt& create);
    void vacuum(const ::VacuumStmt& vacuum);
    [[nodiscard]] bool calls_code(std::size_t from);
    void read_too(const std::vector<statement::TableAccess>& accesses);
    void index_again(const catalog::Relation* relation);
    void index_again(const ::RangeVar& table);
    void index_all(std::string_view schema);
    void reindex(const ::ReindexStmt& again);
    void like(const ::TableLikeClause& clause);
    [[nodiscard]] bool does_more_than_compute(const Footprint& made);
    void makes_type(const ::List* name, bool plain);
    void makes_type(std::string_view schema, std::string_view name, bool plain);
    [[nodiscard]] bool is_plain_type(const ::TypeName* type);
    void discard(const ::DiscardStmt& discard);
    void effect(statement::Effect effect);
    [[nodiscard]] std::string_view text_after(std::string_view keyword) const;

    // walk_objects.cpp: CREATE and ALTER of everything, GRANT, COMMENT and upkeep
    bool object(const ::Node* node);
    [[nodiscard]] bool creates_nothing(const ::CreateExtensionStmt& create) const;
    bool create_object(const ::Node* node);
    bool alter_object(const ::Node* node);
    bool other_object(const ::Node* node);
    void refresh(const ::RefreshMatViewStmt& refresh);
    void grant(const ::GrantStmt& grant);
    void publication(const ::List* objects);
    void create_database(const ::CreatedbStmt& create);
    void create_schema(const ::CreateSchemaStmt& create);
    void secrets(const ::List* options);
    void setting_of(const ::VariableSetStmt* set);
    void is(Kind kind, std::string_view object = {});

    // walk_drops.cpp: DROP and TRUNCATE, and what goes along
    void drop(const ::DropStmt& drop);
    [[nodiscard]] bool lacks_relation(std::string_view schema, std::string_view name) const;
    [[nodiscard]] bool lacks_part(::ObjectType what, const ::List* names) const;
    [[nodiscard]] bool each_lacks(std::string_view schema, std::string_view name,
                                  const std::function<bool(const catalog::Relation&)>& lacks) const;
    [[nodiscard]] bool alters_nothing(const ::AlterTableStmt& alter) const;
    [[nodiscard]] bool lacks(::ObjectType what, const ::Node* node) const;
    [[nodiscard]] bool drops_nothing(const ::DropStmt& drop) const;
    void drop_schema(const ::DropStmt& drop);
    void drop_owned(const ::DropOwnedStmt& drop);
    void write_schema(std::string_view schema);
    void write_dependents();
    void truncate(const ::TruncateStmt& truncate);

    // walk_tables.cpp: CREATE and ALTER TABLE, indexes
    [[nodiscard]] bool is_free(const ::RangeVar& relation, std::string_view name) const;
    void rename_relation(const ::RangeVar& relation, const char* name);
    void create_table(const ::CreateStmt& create);
    void table_element(const ::Node* element, Scope& scope);
    void constraint(const ::Constraint& constraint, Scope& scope, std::string_view column = {});
    void foreign_key(const ::Constraint& constraint, std::string_view column);
    void create_index(const ::IndexStmt& index);
    void index_elements(const ::List* elements, Scope& scope);
    void alter_table(const ::AlterTableStmt& alter);
    [[nodiscard]] std::string_view own_type(const ::TypeName& type) const;
    [[nodiscard]] bool only_casts(const ::Node* expression, std::string_view column, const ::TypeName& to) const;
    enum class Widening : std::uint8_t {
        no,
        of_definition, // the server looks at no row
        of_rows,       // it writes all anew
    };
    [[nodiscard]] Widening widening(const ::RangeVar& target, const ::AlterTableCmd& command) const;
    void alter_command(const ::RangeVar& target, const ::AlterTableCmd& command, Scope& scope,
                       statement::TableAccess& write);
    void partition_bound(const ::PartitionBoundSpec* bound, const ::RangeVar& parent);
    void alters_besides(::AlterTableType what);
    void read_keys(const ::RangeVar& target);
    void write_typed_tables(const ::RangeVar& type);

    statement::StatementFacts& facts() { return out_.facts.statements[current_]; }

    std::string_view sql_;
    std::string_view text_; // of the statement being walked
    const SessionState* state_;
    const catalog::Catalog* catalog_;                  // null: no snapshot
    Bodies* bodies_;                                   // null as catalog_ is
    Scope* base_ = nullptr;                            // of a body: parameters, variables, NEW and OLD
    const std::vector<std::string>* hiding_ = nullptr; // variables of a body whose bare names mean no column
    bool again_ = false;                               // a body runs it until it finds nothing
    std::optional<int> context_;                       // number of the session's settings, once something is followed
    struct Block {
        std::string_view language;
        std::string body;
    };
    std::optional<Block> block_; // of DO
    std::vector<Touch> touches_; // of the statement, or of all those of a body
    std::optional<Names> names_;
    const Limits& limits_;
    Analysis& out_;
    std::size_t current_ = 0;
    // Of facts().reads and facts().writes, one for one.
    struct Reading {
        const catalog::Relation* relation = nullptr;
        bool only = true;
    };
    struct Writing {
        const catalog::Relation* relation = nullptr;
        catalog::Events events = {};
        bool only = true;
        bool cascade = false;
        bool own = false;           // surely a temporary relation of the session
        bool sure = false;          // and one that is there
        std::size_t columns_of = 0; // another write, whose columns are its too
    };
    std::vector<Reading> readings_;
    std::vector<Writing> writings_;
    bool redefines_code_ = false;              // the statement changes what runs when its relations are used
    bool defines_column_ = false;              // it names the type of a column
    bool generates_ = false;                   // it adds a column that is made of others
    bool redefines_writes_ = false;            // only when their rows are changed
    std::vector<statement::TableAccess> keys_; // where foreign keys that it makes look rows up
    std::string_view moved_to_;                // the name that the relation that is renamed has then
    const ::RangeVar* defined_ = nullptr;      // the table whose columns and constraints it gives
    // What CREATE makes: its bare name; of this session alone; not gone with the transaction.
    std::string_view makes_;
    bool makes_temporary_ = false;
    bool makes_lasting_ = false;
    bool may_be_there_ = false; // IF NOT EXISTS: something else, for instance a view
    bool unknown_code_ = false; // something runs that is not known
    bool explained_ = false;    // by plain EXPLAIN: planned, not run
    int depth_ = 0;
    std::size_t work_ = 0;
    std::size_t run_bytes_ = 0;     // of prepared texts and cursors' queries parsed again
    int runs_ = 0;                  // EXECUTE and FETCH inside each other
    std::string_view only_setting_; // what the column `name` is, in the targets of a SELECT from pg_settings
    bool certain_ = false;          // what is called now is called exactly once if the statement succeeds
    bool at_once_ = true;           // a query runs now, and to its end
};

/// One level of nesting; false when there are too many.
class Nest
{
  public:
    explicit Nest(Walk& walk) : walk_(walk), good_(++walk.depth_ <= walk.limits_.max_depth)
    {
        if (!good_)
            walk.opaque("is nested too deeply");
    }
    ~Nest() { --walk_.depth_; }
    Nest(const Nest&) = delete;
    Nest& operator=(const Nest&) = delete;
    explicit operator bool() const { return good_; }

  private:
    Walk& walk_;
    bool good_;
};

/// The name of a column that stands there alone, not qualified; "" of anything else.
[[nodiscard]] std::string_view bare_column(const ::Node* node);

/// The object of a SET that takes away what guards rows; "" of others.
[[nodiscard]] std::string_view unguarded(const statement::SetParameter& parameter);
/// A setting that makes texts mean what the analysis does not take them for.
[[nodiscard]] bool reads_otherwise(const statement::SetParameter& parameter);

/// The name of an object type as policies spell it: "table", "materialized view", …
[[nodiscard]] std::string_view object_name(::ObjectType type);
[[nodiscard]] bool is_relation(::ObjectType type);

/// Columns get the names that an alias lists: (a, b) behind a table, a CTE or a function.
void rename_columns(Outputs& outputs, const ::List* names);

} // namespace stepgate::policies::postgres
