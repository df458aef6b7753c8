#include "policies/postgres/analyzer.h"

#include "policies/postgres/bodies.h"
#include "policies/postgres/raw_parser.h"
#include "policies/postgres/readable.h"
#include "policies/postgres/tokenizer.h"
#include "policies/postgres/walk.h"
#include "policies/statement/secrets.h"

#include <algorithm>
#include <optional>

namespace stepgate::policies::postgres
{
namespace
{

constexpr std::size_t most_catalogs = 16;

using statement::Kind;
using statement::StatementFacts;

void make_opaque(Analysis& out, std::string reason)
{
    out.facts.opaque = true;
    out.facts.opaque_reasons.push_back(std::move(reason));
}

bool changes_session(const StatementFacts& facts)
{
    switch (facts.kind) {
    case Kind::begin:
    case Kind::commit:
    case Kind::rollback:
    case Kind::savepoint:
    case Kind::prepare_transaction:
        return true;
    default:
        return !facts.effects.empty();
    }
}

bool ends_or_reverts(Kind kind)
{
    return kind == Kind::commit || kind == Kind::rollback || kind == Kind::savepoint ||
           kind == Kind::prepare_transaction;
}

/// Walks the statements in order; each sees the session as those before it leave it. Statements of one message run in
/// one transaction until COMMIT or ROLLBACK, even without BEGIN.
void walk_all(const RawParse& parse, std::string_view sql, const SessionState& state, const catalog::Catalog* catalog,
              const Limits& limits, Analysis& out, Bodies* bodies)
{
    const auto statements = cells(parse.statements());
    Walk walk{sql, state, catalog, limits, out, bodies};
    std::optional<SessionState> carried;
    int count = 0;
    for (const ::ListCell& cell : statements) {
        if (++count > limits.max_statements)
            return make_opaque(out, "holds more than " + std::to_string(limits.max_statements) + " statements");
        walk.statement(as<::RawStmt>(node_of(cell)));
        const StatementFacts& done = out.facts.statements.back();
        if (statements.size() == 1 || !changes_session(done))
            continue;
        // What the end of a transaction brings back is in no key of a shape.
        out.literals_consulted = out.literals_consulted || ends_or_reverts(done.kind);
        if (!carried) {
            carried = state;
            carried->transaction_began();
        }
        carried->apply(done);
        carried->transaction_began();
        walk.continue_in(*carried);
    }
}

/// Not a number, a name or a sign.
bool is_text(TokenKind kind)
{
    return kind == TokenKind::string || kind == TokenKind::escape_string || kind == TokenKind::unicode_string ||
           kind == TokenKind::bit_string || kind == TokenKind::dollar_string;
}

/// Only strings are turned into values of their types as the text is read, and parameters as they are bound. What
/// stands in a comment is neither: the key of a shape has no comments.
bool has_strings(std::string_view sql, Lexing lexing)
{
    if (sql.find_first_of("'$") == std::string_view::npos)
        return false;
    Tokenizer tokens{sql, lexing == Lexing::backslashes};
    for (Token token; tokens.next(token);)
        if (is_text(token.kind) || token.kind == TokenKind::parameter)
            return true;
    return !tokens.sound();
}

Analysis analyze_as(std::string_view sql, const SessionState& state, const catalog::Catalog* catalog,
                    const Limits& limits, bool standard, Bodies* bodies)
{
    Analysis out;
    const RawParse parse{sql, standard};
    if (!parse.good()) {
        out.facts.carries_secret = statement::may_hold_secret(sql);
        make_opaque(out, "does not parse: " + parse.error());
        return out;
    }
    out.facts.parsed = true;
    walk_all(parse, sql, state, catalog, limits, out, bodies);
    statement::note_secrets(out.facts);
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
    return postgres::refusal(sql, state, limits_.max_bytes);
}

Analysis Analyzer::analyze_fully(std::string_view sql, const SessionState& state, const catalog::Catalog* catalog) const
{
    const auto make = [this](const catalog::Catalog& of) { return std::make_unique<Bodies>(of, limits_); };
    Bodies* const bodies = catalog == nullptr ? nullptr : &bodies_->of(*catalog, make);
    if (std::string reason = refusal(sql, state); !reason.empty()) {
        Analysis refused;
        refused.facts.carries_secret = statement::may_hold_secret(sql);
        make_opaque(refused, std::move(reason));
        refused.facts.runs_when_prepared =
            has_strings(sql, state.lexing()) && bodies != nullptr && bodies->runs_when_prepared(refused.facts);
        return refused;
    }
    const Lexing lexing = state.lexing();
    Analysis analysis = analyze_as(sql, state, catalog, limits_, lexing != Lexing::backslashes, bodies);
    if (lexing == Lexing::both && sql.find('\\') != std::string_view::npos) {
        const Analysis other = analyze_as(sql, state, catalog, limits_, false, bodies);
        analysis.literals_consulted = true;
        if (!(analysis.facts == other.facts))
            make_opaque(analysis,
                        "means something else without standard_conforming_strings, which the session changed");
        analysis.facts.carries_secret = analysis.facts.carries_secret || other.facts.carries_secret;
        analysis.facts.uses_types = analysis.facts.uses_types || other.facts.uses_types;
        analysis.facts.searches_catalog = analysis.facts.searches_catalog || other.facts.searches_catalog;
        analysis.facts.names_consulted = analysis.facts.names_consulted || other.facts.names_consulted;
    }
    statement::doubt_temporary(analysis.facts);
    analysis.facts.runs_when_prepared =
        has_strings(sql, lexing) &&
        (bodies == nullptr ? analysis.facts.uses_types : bodies->runs_when_prepared(analysis.facts));
    return analysis;
}

statement::Facts Analyzer::analyze(std::string_view sql, const SessionState& state,
                                   const catalog::Catalog* catalog) const
{
    return analyze_fully(sql, state, catalog).facts;
}

} // namespace stepgate::policies::postgres
