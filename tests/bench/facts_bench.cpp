// What facts cost: a statement never seen, and a repeated shape.

#include "policies/postgres/facts_memo.h"

#include <benchmark/benchmark.h>

#include <string>

namespace
{

using namespace stepgate::policies::postgres;

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

} // namespace

BENCHMARK_MAIN();
