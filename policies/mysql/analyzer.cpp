#include "policies/mysql/analyzer.h"

#include "policies/mysql/parser.h"
#include "policies/statement/secrets.h"

namespace stepgate::policies::mysql
{
namespace
{

void make_opaque(Analysis& out, std::string reason)
{
    out.facts.opaque = true;
    out.facts.opaque_reasons.push_back(std::move(reason));
}

constexpr std::size_t most_catalogs = 8;

Analysis analyze_as(std::string_view sql, const SessionState& state, const SqlMode& mode, const Limits& limits,
                    Bodies* bodies)
{
    Analysis out;
    Parser parser{sql, state, mode, limits, out, {.bodies = bodies}};
    parser.text();
    statement::note_secrets(out.facts);
    if (!out.facts.parsed)
        out.facts.carries_secret = out.facts.carries_secret || statement::may_hold_secret(sql);
    return out;
}

} // namespace

Analyzer::Analyzer(Limits limits)
    : limits_(limits), bodies_(std::make_unique<catalog::ByCatalog<Bodies>>(most_catalogs))
{
}
Analyzer::~Analyzer() = default;

std::string Analyzer::refusal(std::string_view sql, const SessionState& state) const
{
    if (sql.size() > limits_.max_bytes)
        return "is larger than " + std::to_string(limits_.max_bytes) + " bytes";
    return state.refusal(sql);
}

Analysis Analyzer::analyze_fully(std::string_view sql, const SessionState& state, const catalog::Catalog* catalog) const
{
    if (std::string reason = refusal(sql, state); !reason.empty()) {
        Analysis refused;
        refused.facts.carries_secret = statement::may_hold_secret(sql);
        make_opaque(refused, std::move(reason));
        return refused;
    }
    const auto make = [this](const catalog::Catalog& of) { return std::make_unique<Bodies>(of, limits_); };
    Bodies* const bodies =
        catalog != nullptr && !catalog->contents().mysql.vendor.empty() ? &bodies_->of(*catalog, make) : nullptr;
    Analysis analysis = analyze_as(sql, state, state.modes().front(), limits_, bodies);
    for (std::size_t i = 1; i < state.modes().size(); ++i) {
        const Analysis other = analyze_as(sql, state, state.modes()[i], limits_, bodies);
        analysis.literals_consulted = true;
        analysis.facts.carries_secret = analysis.facts.carries_secret || other.facts.carries_secret;
        analysis.facts.runs_when_prepared = analysis.facts.runs_when_prepared || other.facts.runs_when_prepared;
        if (!(analysis.facts.statements == other.facts.statements) || other.facts.opaque != analysis.facts.opaque)
            make_opaque(analysis, "means something else under another sql_mode that may be in force");
    }
    statement::doubt_temporary(analysis.facts);
    return analysis;
}

statement::Facts Analyzer::analyze(std::string_view sql, const SessionState& state,
                                   const catalog::Catalog* catalog) const
{
    return analyze_fully(sql, state, catalog).facts;
}

} // namespace stepgate::policies::mysql
