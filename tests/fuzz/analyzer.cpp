// Any bytes: the analyzer, the tokenizer's users and the memo neither crash nor disagree.

#include "policies/postgres/facts_memo.h"
#include "policies/postgres/redact.h"
#include "policies/postgres/shape.h"

#include <array>
#include <cstdlib>
#include <string>

using namespace stepgate::policies::postgres;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0)
        return 0;
    SessionState::Start start;
    start.standard_conforming_strings = (data[0] & 1) != 0;
    SessionState state{start};
    if ((data[0] & 2) != 0)
        state.server_reported("standard_conforming_strings", start.standard_conforming_strings ? "off" : "on");
    state.prepare("p", "delete from t where a = $1");
    const std::string sql(reinterpret_cast<const char*>(data) + 1, size - 1);

    static const Analyzer analyzer{Limits{.max_bytes = 1 << 16}};
    static FactsMemo memo{Limits{.max_bytes = 1 << 16}, {.entries = 500, .bytes = 1 << 20}};
    const auto fresh = analyzer.analyze(sql, state);
    if (!fresh.parsed && !fresh.opaque)
        std::abort();
    for (int round = 0; round < 2; ++round)
        if (!(*memo.facts(sql, state) == fresh))
            std::abort();
    for (const auto& statement : fresh.statements)
        state.apply(statement);
    const std::array<std::byte, 4> key{};
    (void)redact(sql, key);
    (void)shape_text(sql);
    return 0;
}
