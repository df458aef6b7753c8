// Any bytes: lexer, parser, session state and memo neither crash nor disagree, whatever the server and its settings.

#include "policies/mysql/facts_memo.h"

#include <array>
#include <cstdlib>
#include <string>

using namespace stepgate::policies::mysql;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    static constexpr std::array versions{"8.0.36", "8.2.0", "9.7.0", "10.6.1-MariaDB", "11.4.2-MariaDB"};
    static constexpr std::array charsets{"utf8mb4", "latin1", "ascii", "binary", "koi8r", "sjis"};
    if (size < 2)
        return 0;
    SessionState::Start start;
    const std::size_t version = data[0] % (versions.size() + 1);
    if (version < versions.size())
        start.version = *parse_server_version(versions[version]);
    start.charset = charsets[data[0] / 8 % charsets.size()];
    start.sql_mode = std::to_string((data[1] & 7) * 2 + (data[1] & 8) * 131072 + (data[1] & 16) * 33554432U);
    start.database = "d";
    SessionState state{start};
    stepgate::policies::statement::StatementFacts prepared;
    prepared.effects.emplace_back(stepgate::policies::statement::PrepareStatement{"p", "delete from t where a = ?"});
    state.apply(prepared);
    const std::string sql(reinterpret_cast<const char*>(data) + 2, size - 2);

    static const Analyzer analyzer{Limits{.max_bytes = 1 << 16}};
    static FactsMemo memo{Limits{.max_bytes = 1 << 16}, {.entries = 500, .bytes = 1 << 20}};
    const auto fresh = analyzer.analyze(sql, state);
    if (!fresh.parsed && !fresh.opaque)
        std::abort();
    for (int round = 0; round < 2; ++round)
        if (!(*memo.facts(sql, state) == fresh))
            std::abort();
    SessionState foreseen = state;
    for (const auto& statement : fresh.statements) {
        state.apply(statement);
        foreseen.foresee(statement);
    }
    (void)analyzer.analyze(sql, state);
    (void)analyzer.analyze(sql, foreseen);
    return 0;
}
