#include "proxy/upstream/impact.h"

#include "proxy/upstream/libpq_options.h"

#include <algorithm>
#include <chrono>

namespace stepgate::proxy::upstream
{

namespace
{

constexpr std::size_t most_statements = 20;
constexpr auto patience = std::chrono::seconds{5}; // for all of them

// Tables whose rows go, or lose their reference, when rows of $1 are deleted. Names with their schemas count only.
constexpr const char* cascades_sql =
    "WITH RECURSIVE reached(relation, action) AS ("
    " SELECT conrelid, confdeltype FROM pg_catalog.pg_constraint"
    "  WHERE contype = 'f' AND confrelid = pg_catalog.to_regclass($1) AND confdeltype IN ('c', 'n', 'd')"
    " UNION"
    " SELECT c.conrelid, c.confdeltype FROM pg_catalog.pg_constraint c JOIN reached r ON c.confrelid = r.relation"
    "  WHERE c.contype = 'f' AND r.action = 'c' AND c.confdeltype IN ('c', 'n', 'd'))"
    " SELECT n.nspname, k.relname, r.action, GREATEST(k.reltuples, 0)::pg_catalog.int8, k.reltuples < 0"
    " FROM reached r JOIN pg_catalog.pg_class k ON k.oid = r.relation"
    " JOIN pg_catalog.pg_namespace n ON n.oid = k.relnamespace ORDER BY 1, 2";

constexpr const char* locks_sql =
    "SELECT l.mode, n.nspname, k.relname FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class k ON k.oid = l.relation"
    " JOIN pg_catalog.pg_namespace n ON n.oid = k.relnamespace"
    " WHERE l.pid = $1 AND l.granted AND l.locktype = 'relation' AND k.relkind <> 'i' AND n.nspname <> 'pg_catalog'"
    " AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())"
    " ORDER BY 2, 3, 1";

constexpr const char* size_sql =
    "SELECT GREATEST(reltuples, 0)::pg_catalog.int8, reltuples < 0 FROM pg_catalog.pg_class"
    " WHERE oid = pg_catalog.to_regclass($1)";

std::string quoted(std::string_view name)
{
    std::string text{"\""};
    for (const char c : name) {
        if (c == '"')
            text.push_back('"');
        text.push_back(c);
    }
    return text + '"';
}

/// "public.orders" as to_regclass reads it.
std::string quoted_path(const std::string& table)
{
    const auto dot = table.find('.');
    return dot == std::string::npos ? quoted(table)
                                    : quoted(table.substr(0, dot)) + "." + quoted(table.substr(dot + 1));
}

void add(std::vector<std::string>& to, std::string text)
{
    if (std::ranges::find(to, text) == to.end())
        to.push_back(std::move(text));
}

/// One estimate in the making.
class Estimate
{
  public:
    explicit Estimate(const ImpactRequest& request) : request_{request}, server_{options(request)} {}

    ImpactEstimate make()
    {
        if (server_.failed()) {
            out_.problem = "stepgate could not connect to the server: " + server_.error();
            return std::move(out_);
        }
        if (request_.process != 0)
            locks();
        set_path();
        const auto latest = std::chrono::steady_clock::now() + patience;
        for (std::size_t i = 0; i < std::min(request_.statements.size(), most_statements) && server_.alive(); ++i) {
            if (std::chrono::steady_clock::now() > latest) {
                problem("The server took too long.");
                break;
            }
            statement(request_.statements[i]);
        }
        if (request_.statements.size() > most_statements)
            problem("Only the first " + std::to_string(most_statements) + " statements were looked at.");
        if (!server_.alive())
            problem("The connection to the server was lost.");
        return std::move(out_);
    }

  private:
    static LibpqConnection::Options options(const ImpactRequest& request)
    {
        auto options = libpq_options(request.server, "stepgate impact");
        options.emplace_back("options",
                             "-c default_transaction_read_only=on -c statement_timeout=2000 -c lock_timeout=500 "
                             "-c jit=off -c max_parallel_workers_per_gather=0");
        return options;
    }

    void problem(std::string text)
    {
        if (out_.problem.empty())
            out_.problem = std::move(text);
    }

    void locks()
    {
        server_.query(locks_sql, {{std::to_string(request_.process)}}, [this](const Row& row) {
            add(out_.locks, row.text(0) + " on " + row.text(1) + "." + row.text(2));
        });
        if (server_.failed())
            problem("Locks could not be read: " + server_.take_error());
    }

    void set_path()
    {
        std::string path;
        for (const auto& schema : request_.search_path)
            path += (path.empty() ? "" : ", ") + quoted(schema);
        server_.query("SELECT pg_catalog.set_config('search_path', $1, false)", {{path}}, [](const Row&) {});
        if (server_.failed())
            problem("The search path could not be set: " + server_.take_error());
    }

    void statement(const ImpactStatement& statement)
    {
        for (const auto& table : statement.deletes)
            cascades(table);
        for (const auto& table : statement.empties)
            size(table);
        if (!statement.empties.empty())
            return;
        if (!statement.why_not.empty()) {
            problem(statement.why_not);
            return;
        }
        std::vector<LibpqConnection::Value> values;
        for (const auto& value : statement.values)
            values.push_back({value.bytes, value.binary, value.type});
        std::string text;
        // With values there is only one statement, whatever the text holds: the protocol says so.
        server_.query("EXPLAIN (FORMAT JSON, VERBOSE) " + statement.sql, values,
                      [&](const Row& row) { text += row.view(0); });
        if (server_.failed()) {
            problem("The server does not plan it: " + server_.take_error());
            return;
        }
        PlanSummary plan;
        if (!read_plan(text, plan)) {
            problem("The server's plan could not be read.");
            return;
        }
        out_.rows = out_.rows.value_or(0) + plan.rows;
        for (auto& table : plan.tables)
            add(out_.tables, std::move(table));
    }

    void cascades(const std::string& table)
    {
        server_.query(cascades_sql, {{quoted_path(table)}}, [this](const Row& row) {
            std::string text = row.text(0) + "." + row.text(1);
            text += row.letter(2) == 'c' ? " (rows are deleted" : " (references are cleared";
            text += row.flag(4) ? ")" : "; about " + row.text(3) + " rows in all)";
            add(out_.cascades, std::move(text));
        });
        if (server_.failed())
            problem("Foreign keys could not be read: " + server_.take_error());
    }

    void size(const std::string& table)
    {
        server_.query(size_sql, {{quoted_path(table)}}, [&](const Row& row) {
            add(out_.tables, table);
            if (!row.flag(1))
                out_.rows = out_.rows.value_or(0) + row.number<std::int64_t>(0);
        });
        if (server_.failed())
            problem("The table's size could not be read: " + server_.take_error());
    }

    const ImpactRequest& request_;
    LibpqConnection server_;
    ImpactEstimate out_;
};

} // namespace

ImpactEstimate estimate_impact(const ImpactRequest& request)
{
    if (!request.problem.empty()) {
        ImpactEstimate none;
        none.problem = request.problem;
        return none;
    }
    return Estimate{request}.make();
}

} // namespace stepgate::proxy::upstream
