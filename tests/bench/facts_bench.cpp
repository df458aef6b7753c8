// What facts cost: a statement never seen, and a repeated shape.

#include "policies/catalog/catalog.h"
#include "policies/mysql/facts_memo.h"
#include "policies/postgres/facts_memo.h"

#include <benchmark/benchmark.h>

#include <memory>
#include <string>

namespace
{

using namespace stepgate::policies::postgres;
namespace catalog = stepgate::policies::catalog;

const std::string point_select = "SELECT abalance FROM pgbench_accounts WHERE aid = 123456";

void new_statement(benchmark::State& loop)
{
    const Analyzer analyzer;
    const SessionState state;
    for (auto _ : loop)
        benchmark::DoNotOptimize(analyzer.analyze(point_select, state));
}
BENCHMARK(new_statement);

void repeated_shape(benchmark::State& loop)
{
    FactsMemo memo;
    const SessionState state;
    for (auto _ : loop)
        benchmark::DoNotOptimize(memo.facts(point_select, state));
}
BENCHMARK(repeated_shape);

/// A thousand tables of ten columns, one of them pgbench's.
std::shared_ptr<const catalog::Catalog> thousand_tables()
{
    catalog::Contents contents;
    contents.schemas = {"pg_catalog", "information_schema", "public"};
    for (catalog::Oid oid = 20'000; oid < 21'000; ++oid) {
        catalog::Relation& relation = contents.relations.emplace_back();
        relation.oid = oid;
        relation.schema = "public";
        relation.name = oid == 20'500 ? "pgbench_accounts" : "table_" + std::to_string(oid);
        for (const char* column : {"aid", "bid", "abalance", "filler", "a", "b", "c", "d", "e", "f"}) {
            relation.columns.emplace_back().name = column;
            relation.columns.back().type = 23;
        }
        catalog::Function& function = contents.functions.emplace_back();
        function.oid = oid + 10'000;
        function.schema = "public";
        function.name = "function_" + std::to_string(oid);
    }
    return std::make_shared<const catalog::Catalog>(std::move(contents));
}

SessionState of_app()
{
    SessionState::Start start;
    start.user = "app";
    return SessionState{start};
}

void new_statement_with_catalog(benchmark::State& loop)
{
    const auto catalog = thousand_tables();
    const Analyzer analyzer;
    const SessionState state = of_app();
    for (auto _ : loop)
        benchmark::DoNotOptimize(analyzer.analyze(point_select, state, catalog.get()));
}
BENCHMARK(new_statement_with_catalog);

/// Whether all rows meet such a condition hangs on its constants: it is never a repeated shape.
void delete_with_inequality(benchmark::State& loop)
{
    const std::string sql = "DELETE FROM pgbench_accounts WHERE abalance < 0 AND aid > 1000";
    const auto catalog = thousand_tables();
    FactsMemo memo;
    const SessionState state = of_app();
    for (auto _ : loop)
        benchmark::DoNotOptimize(memo.facts(sql, state, catalog));
}
BENCHMARK(delete_with_inequality);

void repeated_shape_with_catalog(benchmark::State& loop)
{
    const auto catalog = thousand_tables();
    FactsMemo memo;
    const SessionState state = of_app();
    for (auto _ : loop)
        benchmark::DoNotOptimize(memo.facts(point_select, state, catalog));
}
BENCHMARK(repeated_shape_with_catalog);

void bodies_of_a_new_catalog(benchmark::State& loop)
{
    const SessionState state = of_app();
    for (auto _ : loop) {
        loop.PauseTiming();
        const auto catalog = thousand_tables();
        const Analyzer analyzer;
        loop.ResumeTiming();
        benchmark::DoNotOptimize(analyzer.analyze(point_select, state, catalog.get()));
    }
}
BENCHMARK(bodies_of_a_new_catalog)->Unit(benchmark::kMicrosecond);

namespace mysql = stepgate::policies::mysql;
const std::string mysql_select = "SELECT c.name, c.email FROM customers c WHERE c.id = 123456";

mysql::SessionState mysql_session()
{
    return mysql::SessionState{
        {.version = *mysql::parse_server_version("8.0.36"), .sql_mode = {}, .charset = "utf8mb4", .database = "shop"}};
}

void mysql_new_statement(benchmark::State& loop)
{
    const mysql::Analyzer analyzer;
    const mysql::SessionState state = mysql_session();
    for (auto _ : loop)
        benchmark::DoNotOptimize(analyzer.analyze(mysql_select, state));
}
BENCHMARK(mysql_new_statement);

void mysql_repeated_shape(benchmark::State& loop)
{
    mysql::FactsMemo memo;
    const mysql::SessionState state = mysql_session();
    for (auto _ : loop)
        benchmark::DoNotOptimize(memo.facts(mysql_select, state));
}
BENCHMARK(mysql_repeated_shape);

} // namespace

BENCHMARK_MAIN();
