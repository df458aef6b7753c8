// What a record costs: the I/O thread's push, and the writer's encoding, hashing and batched writing.
#include "proxy/audit/journal.h"
#include "proxy/audit/queue.h"

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>

namespace
{

using namespace stepgate::proxy::audit;

StatementEvent sample()
{
    StatementEvent event;
    event.at_ns = 1'700'000'000'000'000'000;
    event.session = 12;
    event.statement = 345;
    event.text = "SELECT abalance FROM pgbench_accounts WHERE aid = $1;";
    event.action = "allow";
    event.kinds = "select";
    event.shape = 0x1234'5678'9abc'def0;
    return event;
}

void push(benchmark::State& state)
{
    auto queue = std::make_shared<Queue>(1u << 20);
    const auto lane = make_lane(queue, 1u << 20);
    const StatementEvent event = sample();
    for (auto _ : state) {
        if (lane->statement(event))
            continue;
        state.PauseTiming();
        queue->lanes[0]->consume(queue->lanes[0]->written(), [](auto) {});
        state.ResumeTiming();
    }
}
BENCHMARK(push);

void encode_and_hash(benchmark::State& state)
{
    Sealer sealer{1, Hash{}};
    cbor::Buffer out;
    const StatementEvent statement = sample();
    for (auto _ : state) {
        sealer.append(out, statement);
        if (out.size() > 256 * 1024)
            out.clear();
    }
}
BENCHMARK(encode_and_hash);

void journal_record(benchmark::State& state)
{
    std::string pattern = (std::filesystem::temp_directory_path() / "stepgate-bench-XXXXXX").string();
    const std::filesystem::path directory = mkdtemp(pattern.data());
    {
        Journal journal{
            {directory, 64u << 20}, posix_files(), *SigningKey::load(directory, true), Tail{}, [](const SegmentFile&) {
            }};
        const StatementEvent statement = sample();
        const auto now = TimePoint{};
        for (auto _ : state) {
            journal.append(statement);
            if (journal.pending_bytes() > 256 * 1024 && journal.commit(false, now))
                state.SkipWithError("the journal cannot be written");
        }
    }
    std::filesystem::remove_all(directory);
}
BENCHMARK(journal_record);

void decode_record(benchmark::State& state)
{
    Sealer sealer{1, Hash{}};
    cbor::Buffer out;
    sealer.append(out, sample());
    RecordView view;
    for (auto _ : state)
        benchmark::DoNotOptimize(decode(std::span{out}.subspan(4), view).has_value());
}
BENCHMARK(decode_record);

} // namespace

BENCHMARK_MAIN();
