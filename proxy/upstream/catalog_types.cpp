#include "proxy/upstream/catalog_queries.h"

namespace stepgate::proxy::upstream
{

using namespace policies::catalog;

namespace
{

TypeKind type_kind(char typtype)
{
    switch (typtype) {
    case 'c':
        return TypeKind::composite;
    case 'd':
        return TypeKind::domain;
    case 'e':
        return TypeKind::enumeration;
    case 'r':
        return TypeKind::range;
    case 'm':
        return TypeKind::multirange;
    case 'p':
        return TypeKind::pseudo;
    default:
        return TypeKind::base;
    }
}

} // namespace

void CatalogQueries::types()
{
    // typelem is also set for name, point, … which are no arrays: only those of variable length are.
    server_.query(
        "SELECT t.oid, n.nspname, t.typname, t.typtype, t.typrelid,"
        " CASE WHEN t.typtype IN ('r', 'm') THEN (SELECT r.rngsubtype FROM pg_range r WHERE t.oid IN (r.rngtypid" +
            std::string{server_.server_version() >= 140000 ? ", r.rngmultitypid" : ""} +
            ")) WHEN t.typlen = -1 THEN t.typelem ELSE 0 END, t.typbasetype,"
            " CASE WHEN t.typtype = 'd' THEN pg_get_expr(t.typdefaultbin, 0) END"
            " FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace"
            " WHERE n.nspname !~ '^pg_(toast_)?temp_' ORDER BY t.oid",
        [this](const Row& row) {
            Type type;
            type.oid = row.number<Oid>(0);
            type.schema = row.text(1);
            type.name = row.text(2);
            type.kind = type_kind(row.letter(3));
            type.relation = row.number<Oid>(4);
            type.element = row.number<Oid>(5);
            type.base = row.number<Oid>(6);
            type.default_expression = row.text(7);
            types_.emplace(type.oid, contents_.types.size());
            contents_.types.push_back(std::move(type));
        });
    each_type("SELECT contypid, pg_get_expr(conbin, 0) FROM pg_constraint WHERE contype = 'c' AND contypid <> 0"
              " ORDER BY contypid, conname",
              [](Type& type, const Row& row) { type.checks.push_back(row.text(1)); });
    type_functions();
    operators_and_casts();
}

void CatalogQueries::type_functions()
{
    const std::string subscript = version_ >= 140000 ? ", t.typsubscript" : "";
    // Values of the system's own types are compared by what its default class has; another class must be named.
    const auto usual = [](const std::string& family) {
        return "(t.oid >= 16384 OR EXISTS (SELECT FROM pg_opclass c WHERE c.opcdefault AND c.opcfamily = " + family +
               "))";
    };
    each_type("SELECT DISTINCT f.type, f.function FROM ("
              "SELECT t.oid AS type, u.oid AS function FROM pg_type t CROSS JOIN LATERAL"
              " unnest(ARRAY[t.typinput, t.typoutput, t.typreceive, t.typsend, t.typmodin, t.typmodout, t.typanalyze" +
                  subscript +
                  "]::oid[]) AS u(oid)"
                  " UNION ALL SELECT r.rngtypid, u.oid FROM pg_range r CROSS JOIN LATERAL"
                  " unnest(ARRAY[r.rngcanonical, r.rngsubdiff]::oid[]) AS u(oid)"
                  " UNION ALL SELECT t.oid, p.amproc::oid FROM pg_amproc p JOIN pg_type t"
                  " ON t.oid IN (p.amproclefttype, p.amprocrighttype) AND " +
                  usual("p.amprocfamily") +
                  " UNION ALL SELECT t.oid, o.oprcode::oid FROM pg_amop a JOIN pg_operator o ON o.oid = a.amopopr"
                  " JOIN pg_type t ON t.oid IN (a.amoplefttype, a.amoprighttype) AND " +
                  usual("a.amopfamily") +
                  ") AS f"
                  " JOIN pg_proc p ON p.oid = f.function JOIN pg_language l ON l.oid = p.prolang"
                  // Of the system's own types only what could do more than compute: extensions compare these in C.
                  " WHERE f.function >= 16384"
                  " AND (f.type >= 16384 OR l.lanname NOT IN ('c', 'internal') OR p.provolatile = 'v')"
                  " ORDER BY f.type, f.function",
              [](Type& type, const Row& row) { type.functions.push_back(row.number<Oid>(1)); });
}

void CatalogQueries::operators_and_casts()
{
    // NOT (a ? b) is planned as what negates the operator: it stands there as another one of that name.
    server_.query("SELECT o.oid, n.nspname, o.oprname, o.oprleft, o.oprright, f.oid, m.nspname || '.' || f.proname"
                  " FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace"
                  " LEFT JOIN pg_operator g ON g.oid = o.oprnegate AND g.oprcode >= 16384"
                  " CROSS JOIN LATERAL unnest(ARRAY[o.oprcode, g.oprcode]::oid[]) WITH ORDINALITY AS u(code, n)"
                  " LEFT JOIN pg_proc f ON f.oid = u.code LEFT JOIN pg_namespace m ON m.oid = f.pronamespace"
                  " WHERE n.nspname !~ '^pg_temp_' AND (u.n = 1 OR u.code IS NOT NULL) AND (" +
                      by_user("o.oid") + " OR u.n = 2) ORDER BY o.oid, u.n",
                  [this](const Row& row) {
                      contents_.operators.push_back({row.number<Oid>(0), row.text(1), row.text(2), row.number<Oid>(3),
                                                     row.number<Oid>(4), row.number<Oid>(5), row.text(6)});
                  });
    server_.query(
        "SELECT c.castsource, c.casttarget, c.castfunc, n.nspname || '.' || f.proname FROM pg_cast c"
        " LEFT JOIN pg_proc f ON f.oid = c.castfunc LEFT JOIN pg_namespace n ON n.oid = f.pronamespace"
        " WHERE " +
            by_user("c.oid") + " ORDER BY c.oid",
        [this](const Row& row) {
            contents_.casts.push_back({row.number<Oid>(0), row.number<Oid>(1), row.number<Oid>(2), row.text(3)});
        });
}

} // namespace stepgate::proxy::upstream
