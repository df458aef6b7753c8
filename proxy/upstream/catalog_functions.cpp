#include "proxy/upstream/catalog_queries.h"

#include <algorithm>

namespace stepgate::proxy::upstream
{

using namespace policies::catalog;

namespace
{

FunctionKind function_kind(char prokind)
{
    switch (prokind) {
    case 'p':
        return FunctionKind::procedure;
    case 'a':
        return FunctionKind::aggregate;
    case 'w':
        return FunctionKind::window;
    default:
        return FunctionKind::function;
    }
}

Volatility volatility_of(char provolatile)
{
    switch (provolatile) {
    case 'i':
        return Volatility::immutable;
    case 's':
        return Volatility::stable;
    default:
        return Volatility::volatile_;
    }
}

} // namespace

void CatalogQueries::functions()
{
    const std::string body =
        version_ >= 140000 ? "CASE WHEN p.prosqlbody IS NOT NULL THEN pg_get_function_sqlbody(p.oid) ELSE p.prosrc END"
                           : "p.prosrc";
    server_.query(
        "SELECT p.oid, n.nspname, p.proname, p.prokind, l.lanname, p.provolatile, p.prosecdef,"
        " p.pronargdefaults, p.provariadic <> 0, p.prorettype, " +
            body +
            ", CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) END"
            " FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang"
            " WHERE n.nspname !~ '^pg_temp_' AND " +
            by_user("p.oid") + " ORDER BY p.oid",
        [this](const Row& row) {
            Function function;
            function.oid = row.number<Oid>(0);
            function.schema = row.text(1);
            function.name = row.text(2);
            function.kind = function_kind(row.letter(3));
            function.language = row.text(4);
            function.volatility = volatility_of(row.letter(5));
            function.security_definer = row.flag(6);
            function.defaults = row.number<int>(7);
            function.variadic = row.flag(8);
            function.returns = row.number<Oid>(9);
            function.body = row.text(10);
            function.definition = row.text(11);
            functions_.emplace(function.oid, contents_.functions.size());
            contents_.functions.push_back(std::move(function));
        });
    arguments();
    aggregates();
}

void CatalogQueries::arguments()
{
    each_function(
        "SELECT p.oid, u.name FROM pg_proc p CROSS JOIN LATERAL unnest(p.proargnames) WITH ORDINALITY AS u(name, n)"
        " WHERE " +
            by_user("p.oid") + " ORDER BY p.oid, u.n",
        [](Function& function, const Row& row) { function.argument_names.push_back(row.text(1)); });
    each_function("SELECT p.oid, u.type FROM pg_proc p"
                  " CROSS JOIN LATERAL unnest(p.proargtypes) WITH ORDINALITY AS u(type, n)"
                  " WHERE " +
                      by_user("p.oid") + " ORDER BY p.oid, u.n",
                  [](Function& function, const Row& row) { function.argument_types.push_back(row.number<Oid>(1)); });
    each_function("SELECT p.oid, u.type FROM pg_proc p"
                  " CROSS JOIN LATERAL unnest(p.proallargtypes, p.proargmodes) WITH ORDINALITY AS u(type, mode, n)"
                  " WHERE u.mode IN ('o', 't') AND " +
                      by_user("p.oid") + " ORDER BY p.oid, u.n",
                  [](Function& function, const Row& row) { function.output_types.push_back(row.number<Oid>(1)); });
    each_function(
        "SELECT p.oid, d.expression FROM pg_proc p"
        " CROSS JOIN LATERAL generate_series(1, cardinality(coalesce(p.proallargtypes, p.proargtypes::oid[]))) AS n"
        " CROSS JOIN LATERAL (SELECT pg_get_function_arg_default(p.oid, n)) AS d(expression)"
        " WHERE p.pronargdefaults > 0 AND d.expression IS NOT NULL AND " +
            by_user("p.oid") + " ORDER BY p.oid, n",
        [](Function& function, const Row& row) { function.default_expressions.push_back(row.text(1)); });
    each_function(
        "SELECT p.oid, u.setting FROM pg_proc p CROSS JOIN LATERAL unnest(p.proconfig) WITH ORDINALITY AS u(setting, n)"
        " WHERE " +
            by_user("p.oid") + " ORDER BY p.oid, u.n",
        [](Function& function, const Row& row) {
            const auto setting = row.view(1);
            const auto equals = std::min(setting.find('='), setting.size());
            function.settings.emplace_back(setting.substr(0, equals),
                                           setting.substr(std::min(equals + 1, setting.size())));
        });
}

void CatalogQueries::aggregates()
{
    each_function(
        "SELECT a.aggfnoid::oid, f.oid, n.nspname || '.' || f.proname FROM pg_aggregate a"
        " CROSS JOIN LATERAL unnest(ARRAY[a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn,"
        " a.aggdeserialfn, a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn]::oid[]) WITH ORDINALITY AS u(oid, n)"
        " JOIN pg_proc f ON f.oid = u.oid JOIN pg_namespace n ON n.oid = f.pronamespace"
        " WHERE " +
            by_user("a.aggfnoid::oid") + " ORDER BY a.aggfnoid::oid, u.n",
        [this](Function& function, const Row& row) {
            if (functions_.contains(row.number<Oid>(1)))
                function.uses.push_back(row.number<Oid>(1));
            else
                function.uses_system.push_back(row.text(2));
        });
}

} // namespace stepgate::proxy::upstream
