#include "proxy/upstream/postgres_impact.h"

#include "proxy/upstream/impact_maker.h"
#include "proxy/upstream/libpq_options.h"

namespace stepgate::proxy::upstream
{

namespace
{

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

std::string quoted_name(std::string_view name)
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
    return dot == std::string::npos ? quoted_name(table)
                                    : quoted_name(table.substr(0, dot)) + "." + quoted_name(table.substr(dot + 1));
}

class PostgresImpact final : public ImpactMaker
{
  public:
    PostgresImpact(const ImpactRequest& request, const PostgresSettings& settings)
        : ImpactMaker{request}, settings_{settings}, server_{options(request.server),
                                                             {std::chrono::seconds{5}, nullptr}}
    {
    }

  private:
    static LibpqConnection::Options options(const CatalogSource& source)
    {
        auto options = libpq_options(source, "stepgate impact");
        options.emplace_back("options",
                             "-c default_transaction_read_only=on -c statement_timeout=2000 -c lock_timeout=500 "
                             "-c jit=off -c max_parallel_workers_per_gather=0");
        return options;
    }

    std::string take_error() override
    {
        // Without the line that libpq cites: it begins with our EXPLAIN, which nobody typed.
        const auto error = server_.take_error();
        return error.substr(0, error.find("\nLINE "));
    }
    bool alive() const override { return server_.alive(); }

    bool begin() override
    {
        std::string path;
        for (const auto& schema : settings_.search_path)
            path += (path.empty() ? "" : ", ") + quoted_name(schema);
        server_.query("SELECT pg_catalog.set_config('search_path', $1, false)", {{path}}, [](const Row&) {});
        return !failed("The search path could not be set: ");
    }

    void locks(std::int64_t process) override
    {
        server_.query(locks_sql, {{std::to_string(process)}}, [this](const Row& row) {
            add(out_.locks, row.text(0) + " on " + row.text(1) + "." + row.text(2));
        });
        failed("Locks could not be read: ");
    }

    void plan(const ImpactStatement& statement) override
    {
        std::vector<LibpqConnection::Value> values;
        for (const auto& value : statement.values)
            values.push_back({value.bytes, value.binary, value.type});
        std::string text;
        // With values there is only one statement, whatever the text holds: the protocol says so.
        server_.query("EXPLAIN (FORMAT JSON, VERBOSE) " + statement.sql, values,
                      [&](const Row& row) { text += row.view(0); });
        if (failed("The server does not plan it: "))
            return;
        PlanSummary plan;
        if (!read_plan(text, plan)) {
            problem("The server's plan could not be read.");
            return;
        }
        if (statement.asked_for_reads && plan.selects)
            problem("How many rows is not shown: that would tell of the data that is asked about.");
        else
            add_rows(plan.rows);
        for (auto& table : plan.tables)
            add(out_.tables, std::move(table));
    }

    void cascades(const std::string& table) override
    {
        server_.query(cascades_sql, {{quoted_path(table)}}, [this](const Row& row) {
            add_cascade(row.text(0) + "." + row.text(1), row.letter(2) == 'c', rows(row, 3));
        });
        failed("Foreign keys could not be read: ");
    }

    void size(const std::string& table) override
    {
        server_.query(size_sql, {{quoted_path(table)}}, [&](const Row& row) {
            add(out_.tables, table);
            if (const auto known = rows(row, 0))
                add_rows(*known);
        });
        failed("The table's size could not be read: ");
    }

    /// A number, and in the column behind it whether it is not known.
    static std::optional<std::int64_t> rows(const Row& row, int column)
    {
        if (row.flag(column + 1))
            return {};
        return row.number<std::int64_t>(column);
    }

    const PostgresSettings& settings_;
    LibpqConnection server_;
};

} // namespace

ImpactEstimate estimate_postgres_impact(const ImpactRequest& request, const PostgresSettings& settings)
{
    return PostgresImpact{request, settings}.make();
}

} // namespace stepgate::proxy::upstream
