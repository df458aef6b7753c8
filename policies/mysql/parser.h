#pragma once

#include "policies/mysql/analyzer.h"
#include "policies/mysql/expression.h"
#include "policies/mysql/follow.h"
#include "policies/mysql/lexer.h"
#include "policies/statement/facts.h"

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stepgate::policies::mysql
{

/// A name in a text, already without quotes. The text lives as long as the parser.
struct TableName {
    std::string_view database; // empty: not written
    std::string_view name;
};

/// A column that an expression names, kept until the tables in reach are known.
struct Reference {
    std::string_view table; // empty: not qualified
    std::string_view name;  // "*" for all, empty: none of the tables that are named
    int skip = 0;           // query blocks around it whose tables are not in reach (of a derived table)
    bool early = false;     // of ON, LATERAL and the like: not all tables of its query block are in reach
};

/// The table whose rows a derived table or a CTE gives, all of them; `of` is empty: it does not.
struct WholeRows {
    std::string_view of;
    std::string_view column;  // the only one that it gives,
    Expression::Form gives{}; // or the least or greatest of that
    bool all_columns = false; // it has all columns, as they are named there
    bool listed = false;      // `Output::column` says which of its columns is which
};

/// A column of a query: what it is called, and which column of the query's only table it is, if it is one.
struct Output {
    std::string_view name, column;
};

/// One name in FROM, or the target of INSERT, UPDATE and DELETE.
struct Item {
    std::string_view alias;
    std::string table; // "database.table"; empty: a derived table, CTE or table function
    bool known = false;
    int read = -1;                  // index in `reads_` once something of it was read
    std::size_t begin = 0, end = 0; // its columns in `outputs_`, of one without a table
    WholeRows whole;                // of one without a table
    bool complete = false;          // it has no other columns
    bool written = false;           // its rows change
    bool meets = false;             // a row of it is there for each of those, by a foreign key
    bool joined = false;            // what says which rows are joined names it
    bool named = false;             // the condition at hand may name it
};

struct Cte {
    std::string_view name;
    std::size_t begin = 0, end = 0;
    bool complete = false;
    WholeRows whole = {};
};

/// What is known of a query once it is read.
struct Query {
    std::size_t begin = 0, end = 0; // names of its columns, in `outputs_`
    std::size_t count = 0;          // of its columns, with and without a name
    bool complete = true;           // there are no others
    bool list_reads = false;        // a column in its select list
    bool reads = false;             // a column elsewhere
    bool touches = false;           // one of these may be of a row that changes
    bool plain = false;             // SELECT … FROM one table, nothing that leaves rows out but WHERE
    bool single = false;            // the same of one column
    bool star = false;              // its list is "*"
    Expression column;              // that column
    std::uint64_t row = 0;          // the value of its columns as a row, if they are no more than columns
    Expression where;               // what stands in its WHERE
    bool empty = false;             // that holds for no row, and none is made of none
    bool one_row = false;           // aggregates make it of any rows, or of none
    std::string_view table;         // that table
};

/// What a query gives that gives all rows of a table.
struct AllRows {
    std::string_view table;
    std::vector<Output> columns;
    bool star = false; // or all of the table's
};

/// A variable of a program that has another row of those in each round of a loop, or one column of it.
struct EachRow {
    std::string_view variable;
    AllRows rows;
    bool whole = false;
    std::string_view column; // which, where it is not whole; "": not known
    int branches = 0;        // in which it stands: those inside are for some rows only
};

/// Names that a text defines, and the catalog does not show. True: a new table, with nothing behind it.
using Defined = std::map<std::string, bool, std::less<>>;

/// What a parser may look up.
struct Behind {
    Bodies* bodies = nullptr;                             // null: no catalog
    const catalog::Relation* rows = nullptr;              // in a trigger: the table whose rows OLD and NEW are
    bool new_is_stored = false;                           // NEW holds what stays of a row that was there
    bool follows = true;                                  // else where it leads is only told
    const std::vector<std::string>* parameters = nullptr; // of the routine whose body is read
    [[nodiscard]] std::string rows_name() const { return rows->schema + "." + rows->name; }
};

class Arguments; // function_values.h

/// Reads the statements of one text and collects facts as it goes: a recursive-descent parser of the grammars of MySQL
/// and MariaDB that accepts what they accept, and somewhat more. What it does not expect ends the reading, and the text
/// is opaque. One object a text; memory does not grow with the length of expressions or lists.
class Parser
{
  public:
    Parser(std::string_view sql, const SessionState& state, const SqlMode& mode, const Limits& limits, Analysis& out,
           const Behind& behind = {});
    Parser(const Parser&) = delete;
    Parser& operator=(const Parser&) = delete;

    /// Appends the facts of all statements.
    void text();
    /// The same of the body of a routine, trigger or event: one statement that may be compound.
    void program();
    /// Where the body begins in CREATE PROCEDURE, FUNCTION, TRIGGER or EVENT, which is read up to there; 0: nowhere.
    [[nodiscard]] std::size_t find_body();

  private:
    friend class Nest;
    using Kind = statement::Kind;
    struct Access {
        std::string table;
        bool known = false;
        std::vector<std::string_view> columns;
        catalog::Events events; // of a write: what happens to rows
        bool leads = false;     // more may be behind it: it is not only defined here
    };

    // parse_tokens.cpp
    [[nodiscard]] const Token& cur() { return peek(0); }
    [[nodiscard]] const Token& peek(std::size_t ahead);
    void advance();
    void restart_lexer(std::size_t position);
    [[nodiscard]] bool at(Word word) { return cur().word == word && cur().kind == TokenKind::word; }
    [[nodiscard]] bool at(char c) { return cur().kind == TokenKind::symbol && cur().symbol == symbol(c); }
    [[nodiscard]] bool at(Symbol mark) { return cur().kind == TokenKind::symbol && cur().symbol == mark; }
    [[nodiscard]] bool at(TokenKind kind) { return cur().kind == kind; }
    [[nodiscard]] bool next_is(std::size_t ahead, Word word);
    [[nodiscard]] bool next_is(std::size_t ahead, char c);
    [[nodiscard]] bool at_end() { return at(TokenKind::end) || at(';'); }
    bool accept(Word word);
    bool accept(char c);
    bool accept(Symbol mark);
    void expect(Word word);
    void expect(char c);
    void expect(Symbol mark);
    template <typename... Words>
    bool accept_any(Words... words)
    {
        return (accept(words) || ...);
    }
    void unexpected();
    void fail(std::string reason);
    void opaque(std::string reason);
    bool spend(std::size_t steps);
    [[nodiscard]] bool is_name(const Token& token) const;
    [[nodiscard]] bool at_name() { return is_name(cur()); }
    std::string_view name();
    std::string_view name_of(const Token& token);
    std::string_view name_or_text();
    TableName table_name();
    [[nodiscard]] bool mariadb() const { return reading_.version.mariadb; }
    /// Whether the server has functions that it would run as it prepares a text that calls them (Bodies::runs_early).
    [[nodiscard]] bool may_run_early() const
    {
        return mariadb() && (behind_.bodies == nullptr || behind_.bodies->has_early());
    }
    std::string string_value();
    void if_exists();
    void if_not_exists();
    void skip_group();
    /// Parentheses and what is in them, token by token; a query in them is not skipped. `taken` answers true where it
    /// has gone on itself.
    template <class Taken>
    void in_group(Taken taken)
    {
        int depth = 0;
        do {
            if (at('('))
                ++depth;
            else if (at(')'))
                --depth;
            else if (at_end() || at(Word::k_select) || (at(Word::k_table) && !mariadb()))
                return unexpected();
            if (!taken())
                advance();
        } while (depth > 0);
    }
    std::uint64_t integer_value();

    // parse_names.cpp: tables, columns, functions, facts
    [[nodiscard]] Item item_of(const TableName& table, std::string_view alias);
    [[nodiscard]] std::string full_name(const TableName& table, bool& known);
    int read_index(const std::string& table, bool known);
    void read_column(Item& item, std::string_view column);
    void read_star(Item& item);
    void read_table(const TableName& table, std::string_view column);
    Access& write_table(const TableName& table);
    Access& write_of(const std::string& table, bool known, bool leads = true);
    void write_column(const TableName& table, std::string_view column);
    void written_column(const TableName& table);
    void reference(std::string_view table, std::string_view column);
    void resolve(std::size_t references, std::size_t items);
    bool resolve_one(const Reference& reference, std::size_t items);
    void drop_references(std::size_t references) { references_.resize(references); }
    void skip_block(std::size_t references);
    void reach_less(std::size_t references);
    void called(std::string_view function, bool keyword_syntax);
    void may_run_when_prepared() { out_.facts.runs_when_prepared = out_.facts.runs_when_prepared || mariadb(); }
    void called_stored(const TableName& routine, Lead::Kind kind);
    [[nodiscard]] bool leads_to_stored(std::string& call);
    [[nodiscard]] static std::string lower_routine(std::string_view full);
    [[nodiscard]] bool folds_names() const
    {
        return behind_.bodies != nullptr && behind_.bodies->catalog().contents().mysql.folds_names;
    }
    void redefine(const TableName& table, statement::Redefine change);
    void note_definitions();
    [[nodiscard]] bool is_merge(std::string_view table) const;
    void open_merged();
    void note_defined(const statement::StatementFacts& facts, Defined& defined) const;
    void follow();
    void effect(statement::Effect effect);
    void set_effect(std::string name, std::optional<std::string> value);
    void weaken_where(statement::Where where);
    void begin_statement();
    void finish_statement();
    void is(Kind kind, std::string_view object = {});
    void also(statement::Inner inner);
    statement::StatementFacts& facts() { return facts_; }

    // parse_expressions.cpp
    Expression expression(int least = 0);
    void expressions();
    Expression prefix();
    Expression primary();
    Expression primary_word();
    Expression parenthesised();
    void rest_of_row(Expression& row);
    Expression compare_alike(const Expression& left, Symbol op, const Expression& right);
    Expression compare_rows(const Expression& left, Symbol op, const Expression& right);
    Expression compare_values(const Expression& left, Symbol op, const Expression& right);
    bool precedes(const Expression& left, Symbol op, const Expression& right);
    Expression comparison(const Expression& left);
    Expression whole_query(const Expression& first);
    Expression literal(bool text);
    void join_literals(Expression& made, const Token& first);
    void take_pattern(Expression& made, std::string_view text) const;
    Expression user_variable();
    void give_known(Expression& made, std::string_view variable);
    Expression system_variable();
    Expression column_or_call();
    Expression row_constructor(Expression first);
    Expression infix(Expression left, int power);

    [[nodiscard]] int infix_power();
    Expression unknown_value(std::uint64_t what, bool reads);
    Expression open_value(std::uint64_t what);
    [[nodiscard]] Expression query_value(const Query& query, std::uint64_t what, bool list_counts);
    Expression case_expression();
    Expression interval();
    void unit();
    void name_or_binary();
    [[nodiscard]] bool at_query_in_parentheses();
    [[nodiscard]] bool at_query_start(std::size_t ahead);

    // parse_predicates.cpp: comparisons and tests, and what their columns are
    Expression negated_if(bool negative, const Expression& one);
    Expression is_test(const Expression& left);
    Expression predicate(const Expression& left, bool negative);
    Expression in_list(const Expression& left, bool negative);
    Expression in_query(const Expression& left, bool negative, const Query& query);
    Expression compare(const Expression& left, Symbol op);
    Expression disjunction(Expression left);
    Expression exists();
    [[nodiscard]] const Item* owner_of(const Expression& column) const;
    [[nodiscard]] Expression bound_behind(Expression column) const;
    [[nodiscard]] bool is_within(const Expression& column, Symbol op, const Expression& query) const;
    struct Column {
        std::string_view table, name;
    };
    [[nodiscard]] Column column_behind(const Item& item, std::string_view column);
    [[nodiscard]] bool is_of_same_row(const Expression& left, const Expression& right);
    enum class Has { no, maybe, yes };
    [[nodiscard]] Has has_column(const Item& item, std::string_view name);
    [[nodiscard]] bool is_variable(std::string_view name);
    [[nodiscard]] bool is_row_of_trigger(std::string_view name) const;
    [[nodiscard]] bool is_variable_row(std::string_view name) const;
    [[nodiscard]] const catalog::Column* defined_as(const Expression& column) const;
    [[nodiscard]] bool follows_key(const Expression& child, const Expression& parent) const;
    [[nodiscard]] bool points_at(const Item& owner, const Expression& column, const Query& query) const;
    void name_rows(Query& query, std::size_t tables, bool narrowed);

    // parse_calls.cpp
    Expression call(const Token& function);
    Expression call_arguments(Word word, std::uint64_t hash);
    std::optional<Expression> arguments_of(Word word, Arguments& arguments);
    void plain_arguments(Expression& whole, Arguments& arguments);
    [[nodiscard]] bool asks_for_buckets();
    [[nodiscard]] bool waits_for_nothing(std::string_view function);
    void note_call(std::string call);
    Expression finish_call(std::uint64_t hash, bool reads);
    void cast_type();
    Expression cast_arguments(Word word);
    void trim_arguments(Arguments& arguments);
    Expression aggregate_arguments();
    void substring_arguments();
    void json_value_arguments();
    void sequence_argument(bool writes);
    void over();
    void window_specification();
    void frame_bound();
    Expression match_against();
    void json_table();
    void json_columns();

    // parse_queries.cpp
    Query query(); // WITH, SELECT, VALUES, TABLE, parentheses, UNION …, ORDER BY, LIMIT, INTO
    Query query_body(bool keep_tables);
    Query query_term(bool only);
    Query parenthesised_query();
    Query subquery(bool lateral_reach);
    void continue_query(Query& first, std::size_t items);
    Query select(bool only);
    void forget_list_of_existence(const Query& query, std::size_t references);
    Query values_rows();
    Query table_statement();
    void select_options();
    void select_list(Query& query);
    void group_by();
    void order_by(const Query* outputs);
    void limit();
    void into();
    void locking();
    void wait_or_skip();
    void file_format();
    [[nodiscard]] const Cte* find_cte(const TableName& table);
    void with_clause();

    // parse_tables.cpp: FROM
    void table_references();
    void table_reference();
    bool joined(std::size_t left);
    void table_factor();
    void table_in_parentheses();
    void base_table();
    void system_time();
    void index_hints();
    void partition();
    void derived_table(const Query& query);
    [[nodiscard]] Query judged_subquery(bool when, bool lateral_reach);
    [[nodiscard]] WholeRows whole_rows(const Query& query, std::size_t begin, std::size_t end);
    void natural_join(std::size_t left, std::size_t right);
    void using_columns(std::size_t left);
    void mark_joined(std::size_t begin);
    std::string_view alias();
    void alias_columns(std::size_t& begin, std::size_t& end);

    // parse_changes.cpp
    void insert(bool replace);
    [[nodiscard]] bool insert_source(const TableName& target, std::size_t items);
    void insert_rows();
    void on_duplicate_key(const TableName& target);
    void update();
    void delete_rows();
    void delete_from_one(const TableName& table);
    void delete_from_many(const std::vector<TableName>& targets);
    TableName delete_target();
    void portion();
    void load_data();
    void assignment(std::size_t items);
    void write_assigned(std::string_view table, std::string_view column, std::size_t items);
    void returning(std::size_t items);
    void begin_targets(std::size_t items);
    void where_of_change(std::size_t items);
    void note_condition(std::string_view table, std::string_view column);
    void end_condition_of_join(bool leaves_out);
    [[nodiscard]] bool spares_no_row(const Expression& predicate);
    void change_tail(std::size_t items);
    void read_unwritten(std::size_t items);
    void truncate();

    // parse_statements.cpp: dispatch, transactions, prepared statements
    void statement();
    bool query_statement();
    bool change_statement();
    bool session_statement();
    bool object_statement();
    bool server_statement();
    void transaction();
    void start();
    void commit(Kind kind);
    void rollback();
    void xa();
    void prepare();
    void execute();
    [[nodiscard]] std::vector<std::optional<std::string>> execute_parameters();
    void execute_immediate();
    void deallocate();
    void run_text(const std::string& sql, std::string_view what, const std::vector<std::optional<std::string>>& values);
    void prepare_text(const std::string& sql, std::string_view what);
    [[nodiscard]] bool analyze_text(const std::string& sql, std::string_view what, Analysis& inner);
    void take_over(Analysis& inner);
    void merge(const statement::StatementFacts& inner);
    void handler();
    void call_statement();
    void use();
    void lock_tables();

    // parse_set.cpp
    void set();
    void set_one(bool& global);
    std::string_view variable_name();
    void set_names();
    void set_password();
    void set_role();
    void set_transaction();
    void set_statement();
    void assign_system(const std::string& variable, bool session);
    std::optional<std::string> known_value(Lexer& lexer, Token& token, int depth) const;
    std::optional<std::string> value_ahead();

    // parse_create.cpp
    void create();
    bool create_program();
    void create_table(bool temporary, bool replace);
    [[nodiscard]] bool is_plain_temporary(std::string_view table) const;
    void table_definition();
    void table_elements();
    void element();
    void definition_tail(bool stop_at_comma);
    bool definition_part();
    void engine();
    void kept_by(std::string_view engine);
    void defined_group();
    void reads_defined(std::string_view column);
    void defines(const TableName& table);
    void referenced_table();
    void merged_tables();
    void like();
    void stands_for_others();
    void create_view();
    void create_index();
    void create_sequence(bool replace);
    void create_database(bool replace);
    void rights_and_algorithm();

    // parse_alter.cpp
    void alter();
    void alter_table();
    void alter_action(const TableName& table);
    void alter_drop(const TableName& table);
    void alter_partition(const TableName& table);
    void alter_column(const TableName& table, bool renames);
    [[nodiscard]] bool widens(const TableName& table, std::string_view column);
    void alter_rename(const TableName& table);
    void drop();
    void drop_named(std::string_view object, bool many);
    [[nodiscard]] bool is_nothing(const TableName& table);
    void moves(const TableName& from, std::string_view column, const TableName& to);
    [[nodiscard]] bool is_asked_again() const;
    [[nodiscard]] bool drops_no_column(const TableName& table);
    [[nodiscard]] bool lacks_index(const TableName& table, std::string_view index);
    void destroys(bool something);
    [[nodiscard]] bool is_no_program(const TableName& program, std::string_view object);
    void defines_program(std::string_view object);
    void changes_table_of_trigger(const TableName& trigger);
    void rename();
    void skip_rest();

    // parse_accounts.cpp
    void grant(bool revoke);
    void grant_object();
    void account();
    void account_list();
    void user_statement(Kind kind);
    void role_statement(Kind kind);

    // parse_server.cpp: SHOW, EXPLAIN, FLUSH and other statements on the server
    void show();
    void show_create();
    void show_grants();
    void show_engine();
    void show_replica();
    void explain(bool analyze);
    void explained(bool runs);
    void table_maintenance(Kind kind, std::string_view object, bool writes, std::string_view column = {});
    void flush();
    void kill();
    void install(bool install);
    void server_control(std::string_view object, std::string_view danger, bool destructive);
    void help();
    void cache_index();

    // parse_programs.cpp: what has a body
    void create_routine(std::string_view object);
    void create_trigger();
    void create_event();
    void event(Kind kind);
    void characteristics();
    void cast_type_of_return();
    [[nodiscard]] bool is_found();
    void body();

    // parse_compound.cpp: BEGIN … END and its kin
    [[nodiscard]] bool compound_follows();
    void block_statement();
    void body_statement();
    bool compound();
    void block();
    void block_body();
    [[nodiscard]] bool asks_for_end();
    void if_statement();
    void case_statement();
    void loop();
    void for_loop();
    void fetch();
    void fill_each(const AllRows& rows);
    void value_of_round(std::string_view variable);
    void query_of_program();
    template <class Read>
    [[nodiscard]] std::optional<AllRows> all_rows(Read read, bool bounds = false);
    [[nodiscard]] const AllRows* cursor(std::string_view name) const;
    void end_rounds(std::size_t rounds);
    void give_each(Expression& made, std::string_view table, std::string_view column) const;
    [[nodiscard]] bool is_each(const Expression& column, const Expression& value) const;
    void declare();
    void signal();
    void diagnostics();

    const std::string_view sql_;
    const SessionState* state_;
    std::optional<SessionState> carried_;
    Reading reading_;
    const Limits& limits_;
    Analysis& out_;
    const Behind behind_;
    Lexer lexer_;
    std::array<Token, 8> ring_{};
    std::size_t ring_begin_ = 0, ring_size_ = 0;
    bool failed_ = false;
    bool program_ = false;       // the text is a body
    bool finding_body_ = false;  // nothing else is asked for
    std::size_t found_body_ = 0; // where it begins
    bool in_elements_ = false;   // of a definition, where no options of the table stand
    std::uint32_t last_end_ = 0; // of the token before the current one

    statement::StatementFacts facts_;
    bool alters_charset_ = false; // the ALTER TABLE at hand names one
    std::string defined_table_;   // it has rows, for which what is defined is evaluated
    bool defined_known_ = false;
    std::vector<Access> reads_, writes_;
    std::vector<std::string> calls_;
    std::vector<Lead> leads_;
    Defined defined_;          // by the statements before
    catalog::Events changing_; // what the statement at hand does to rows of what it writes
    std::vector<Reference> references_;
    std::vector<Item> items_;
    std::vector<Cte> ctes_;
    std::vector<Output> outputs_;
    std::vector<Expression> arms_;  // of the OR being judged
    std::deque<std::string> names_; // unescaped
    std::vector<Expression> rows_;  // parts of the rows of values that are being compared
    std::vector<std::pair<std::string_view, std::optional<AllRows>>> cursors_;
    std::vector<EachRow> rounds_;            // of the loops around
    std::vector<std::string_view> ended_;    // variables that say that a cursor has no more rows
    std::vector<std::string_view> into_;     // variables that the query at hand fills
    int loops_ = 0, branches_ = 0;           // around
    std::vector<std::string_view> declared_; // variables of a program, in whichever block
    std::string_view target_alias_;          // of the UPDATE or DELETE whose WHERE is judged
    std::string judged_table_;               // that one's, if it names no other
    std::size_t block_ = 0;                  // where the tables of the query block at hand begin in `items_`
    std::size_t change_begin_ = 0;           // the tables of the change at hand, in `items_`
    std::size_t change_end_ = 0;
    bool noting_ = true;              // conditions name what they name; false: the tables in reach are not known yet
    std::size_t touch_count_ = 0;     // columns named so far that may be of rows that change
    bool block_joined_ = false;       // ON, USING or NATURAL leave out pairs of its rows
    std::size_t reference_count_ = 0; // columns named so far, ever
    std::size_t operators_ = 0;       // in the statement
    std::size_t parameters_ = 0;
    std::size_t work_ = 0;
    std::size_t run_bytes_ = 0;
    int runs_ = 0;
    int depth_ = 0;
    Query open_query_; // of a derived table that has no name yet
    bool has_open_query_ = false;
    bool naming_targets_ = false; // FROM of an UPDATE or DELETE
    bool aggregated_ = false;     // the query block at hand has an aggregate
    bool star_ = false;           // the expression just read is all columns of a table
    bool collated_ = false;       // it has a COLLATE, so that it is called otherwise than its column
    int blocks_ = 0;              // compound statements around this one
    bool judging_ = false;        // the WHERE of an UPDATE or DELETE
    bool naming_rows_ = false;    // whose rows the query gives that comes next is asked
    bool one_by_one_ = false;     // the SELECT that comes next gives the row of a round
    bool existence_ = false;      // the SELECT that comes next is all that EXISTS asks
    bool on_duplicate_ = false;   // VALUES(column) is a function
};

/// One level of nesting; false when there are too many.
class Nest
{
  public:
    explicit Nest(Parser& parser) : parser_(parser), good_(++parser.depth_ <= parser.limits_.max_depth)
    {
        if (!good_)
            parser_.fail("is nested too deeply");
    }
    ~Nest() { --parser_.depth_; }
    Nest(const Nest&) = delete;
    Nest& operator=(const Nest&) = delete;
    explicit operator bool() const { return good_; }

  private:
    Parser& parser_;
    bool good_;
};

} // namespace stepgate::policies::mysql
