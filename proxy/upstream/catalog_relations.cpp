#include "proxy/upstream/catalog_queries.h"

namespace stepgate::proxy::upstream
{

using namespace policies::catalog;

namespace
{

RelationKind relation_kind(char relkind)
{
    switch (relkind) {
    case 'p':
        return RelationKind::partitioned_table;
    case 'v':
        return RelationKind::view;
    case 'm':
        return RelationKind::materialized_view;
    case 'f':
        return RelationKind::foreign_table;
    case 'S':
        return RelationKind::sequence;
    case 'i':
    case 'I':
        return RelationKind::index;
    case 'c':
        return RelationKind::composite;
    default:
        return RelationKind::table;
    }
}

ReferenceAction action_of(char letter)
{
    switch (letter) {
    case 'r':
        return ReferenceAction::restrict_it;
    case 'c':
        return ReferenceAction::cascade;
    case 'n':
        return ReferenceAction::set_null;
    case 'd':
        return ReferenceAction::set_default;
    default:
        return ReferenceAction::none;
    }
}

/// pg_trigger.tgtype (catalog/pg_trigger.h). INSTEAD OF has the events of what it stands for.
Events events_of(int type)
{
    return {(type & 4) != 0, (type & 16) != 0, (type & 8) != 0, (type & 32) != 0};
}

/// The condition in "CREATE TRIGGER … WHEN (condition) EXECUTE FUNCTION …". The server offers it in no other form.
/// "WHEN" within a quoted name is none.
std::string trigger_condition(std::string_view definition)
{
    bool quoted = false;
    constexpr std::string_view before = " WHEN (", after = ") EXECUTE ";
    for (std::size_t i = 0; i < definition.size(); ++i) {
        quoted ^= definition[i] == '"';
        if (quoted || !definition.substr(i).starts_with(before))
            continue;
        const auto begin = i + before.size();
        const auto end = definition.rfind(after);
        return end == std::string_view::npos || end < begin ? "false"
                                                            : std::string{definition.substr(begin, end - begin)};
    }
    return {};
}

} // namespace

void CatalogQueries::relations()
{
    server_.query(
        "SELECT c.oid, n.nspname, c.relname, c.relkind, c.relrowsecurity,"
        " CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END,"
        " pg_get_userbyid(c.relowner), c.reloftype,"
        " (SELECT h.nspname || '.' || p.proname FROM pg_foreign_table t JOIN pg_foreign_server s ON s.oid = t.ftserver"
        " JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw JOIN pg_proc p ON p.oid = w.fdwhandler"
        " JOIN pg_namespace h ON h.oid = p.pronamespace WHERE t.ftrelid = c.oid)"
        " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind <> 't' AND c.relpersistence <> 't' AND n.nspname <> 'pg_toast' AND " +
            by_user("c.oid") + " ORDER BY c.oid",
        [this](const Row& row) {
            Relation relation;
            relation.oid = row.number<Oid>(0);
            relation.schema = row.text(1);
            relation.name = row.text(2);
            relation.kind = relation_kind(row.letter(3));
            relation.row_security = row.flag(4);
            relation.definition = row.text(5);
            relation.owner = row.text(6);
            relation.of_type = row.number<Oid>(7);
            relation.handler = row.text(8);
            relations_.emplace(relation.oid, contents_.relations.size());
            contents_.relations.push_back(std::move(relation));
        });
    columns();
    inheritance();
    triggers();
    rules();
    foreign_keys();
    row_policies();
    index_keys();
    expressions();
    index_functions();
}

void CatalogQueries::columns()
{
    each_relation(
        "SELECT a.attrelid, a.attname, a.atttypid, a.attnum, a.attgenerated <> '',"
        " pg_get_expr(d.adbin, d.adrelid), a.attnotnull,"
        " CASE WHEN a.atttypid = 'pg_catalog.varchar'::regtype AND a.atttypmod > 4 THEN a.atttypmod - 4 ELSE 0 END,"
        " a.attidentity <> '' OR (a.attnotnull AND pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%')"
        " FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
        " LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
        " WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind NOT IN ('i', 'I', 't')"
        " ORDER BY a.attrelid, a.attnum",
        [](Relation& relation, const Row& row) {
            relation.columns.push_back({row.text(1), row.number<Oid>(2), row.number<std::int16_t>(3), row.flag(4),
                                        row.text(5), row.flag(6), row.number<std::int32_t>(7)});
            relation.columns.back().counts = row.flag(8);
        });
}

void CatalogQueries::inheritance()
{
    server_.query("SELECT i.inhrelid, i.inhparent FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
                  " WHERE c.relkind NOT IN ('i', 'I') ORDER BY i.inhrelid, i.inhseqno",
                  [this](const Row& row) {
                      const auto child = row.number<Oid>(0), parent = row.number<Oid>(1);
                      if (auto* relation = find(child))
                          relation->parents.push_back(parent);
                      if (auto* relation = find(parent); relation != nullptr && find(child) != nullptr)
                          relation->children.push_back(child);
                  });
}

void CatalogQueries::triggers()
{
    // Before version 15 the copies of a trigger on partitions count as internal; the server's own are its functions'.
    each_relation("SELECT tgrelid, tgname, tgtype, tgfoid,"
                  " CASE WHEN tgqual IS NOT NULL THEN pg_get_triggerdef(oid, false) END, tgdeferrable"
                  " FROM pg_trigger WHERE tgenabled <> 'D' AND (NOT tgisinternal OR tgfoid >= 16384)"
                  " ORDER BY tgrelid, tgname",
                  [](Relation& relation, const Row& row) {
                      relation.triggers.push_back({row.text(1), events_of(row.number<int>(2)), row.number<Oid>(3),
                                                   trigger_condition(row.view(4)), row.flag(5)});
                  });
}

void CatalogQueries::rules()
{
    // ev_type 1 is SELECT: what makes a view a view.
    each_relation("SELECT ev_class, rulename, pg_get_ruledef(oid) FROM pg_rewrite"
                  " WHERE ev_type <> '1' AND ev_enabled <> 'D' ORDER BY ev_class, rulename",
                  [](Relation& relation, const Row& row) {
                      relation.rules.push_back({row.text(1), row.text(2)});
                  });
}

void CatalogQueries::foreign_keys()
{
    // A row for each pair of columns.
    Oid last = 0;
    each_relation(
        "SELECT k.confrelid, k.conrelid, k.oid, k.confdeltype, k.confupdtype, a.attname, b.attname"
        " FROM pg_constraint k CROSS JOIN LATERAL unnest(k.conkey, k.confkey) WITH ORDINALITY AS u(theirs, ours, n)"
        " JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.theirs"
        " JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = u.ours"
        " WHERE k.contype = 'f' ORDER BY k.confrelid, k.oid, u.n",
        [&last](Relation& relation, const Row& row) {
            if (std::exchange(last, row.number<Oid>(2)) != row.number<Oid>(2) || relation.referenced_by.empty())
                relation.referenced_by.push_back(
                    {row.number<Oid>(1), {}, {}, action_of(row.letter(3)), action_of(row.letter(4))});
            relation.referenced_by.back().columns.push_back(row.text(5));
            relation.referenced_by.back().our_columns.push_back(row.text(6));
        });
    each_relation("SELECT k.conrelid, a.attname FROM pg_constraint k"
                  " CROSS JOIN LATERAL unnest(k.conkey) WITH ORDINALITY AS u(ours, n)"
                  " JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.ours"
                  " WHERE k.contype = 'p' ORDER BY k.conrelid, u.n",
                  [](Relation& relation, const Row& row) { relation.primary_key.push_back(row.text(1)); });
}

void CatalogQueries::row_policies()
{
    each_relation("SELECT polrelid, polname, pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)"
                  " FROM pg_policy ORDER BY polrelid, polname",
                  [](Relation& relation, const Row& row) {
                      relation.policies.push_back({row.text(1), row.text(2), row.text(3)});
                  });
}

void CatalogQueries::index_keys()
{
    each_relation("SELECT i.indrelid, c.relname, i.indisclustered, a.attname FROM pg_index i"
                  " JOIN pg_class c ON c.oid = i.indexrelid"
                  " CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(number, place)"
                  " LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number"
                  " WHERE k.place <= i.indnkeyatts ORDER BY i.indrelid, c.relname, k.place",
                  [](Relation& relation, const Row& row) {
                      auto& keys = relation.index_keys;
                      if (keys.empty() || keys.back().name != row.view(1))
                          keys.push_back({row.text(1), {}, row.flag(2)});
                      keys.back().columns.push_back(row.null(3) ? "*" : row.text(3));
                  });
}

void CatalogQueries::expressions()
{
    each_relation("SELECT conrelid, pg_get_expr(conbin, conrelid) FROM pg_constraint"
                  " WHERE contype = 'c' AND conrelid <> 0 ORDER BY conrelid, conname",
                  [](Relation& relation, const Row& row) { relation.checks.push_back(row.text(1)); });
    const auto add = [](Relation& relation, const Row& row) { relation.index_expressions.push_back(row.text(1)); };
    each_relation("SELECT i.indrelid, pg_get_indexdef(i.indexrelid, n, false)"
                  " FROM pg_index i CROSS JOIN LATERAL generate_series(1, i.indnatts) AS n"
                  " WHERE i.indexprs IS NOT NULL AND i.indkey[n - 1] = 0 ORDER BY i.indexrelid, n",
                  add);
    each_relation("SELECT indrelid, pg_get_expr(indpred, indrelid) FROM pg_index WHERE indpred IS NOT NULL"
                  " ORDER BY indexrelid",
                  add);
    each_relation("SELECT partrelid, pg_get_expr(partexprs, partrelid) FROM pg_partitioned_table"
                  " WHERE partexprs IS NOT NULL ORDER BY partrelid",
                  add);
    // Its columns depend on their table, those that its expressions name too (heap.c, StorePartitionKey).
    each_relation("SELECT p.partrelid, a.attname FROM pg_partitioned_table p"
                  " JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = p.partrelid AND d.objsubid > 0"
                  " AND d.refclassid = 'pg_class'::regclass AND d.refobjid = p.partrelid AND d.refobjsubid = 0"
                  " AND d.deptype = 'i'"
                  " JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = d.objsubid"
                  " WHERE p.partdefid <> 0 ORDER BY p.partrelid, a.attnum",
                  [](Relation& relation, const Row& row) { relation.default_partition_key.push_back(row.text(1)); });
    if (version_ >= 140000)
        each_relation("SELECT s.stxrelid, e FROM pg_statistic_ext s"
                      " CROSS JOIN LATERAL unnest(pg_get_statisticsobjdef_expressions(s.oid)) AS e"
                      " WHERE s.stxexprs IS NOT NULL ORDER BY s.oid",
                      add);
}

/// Operator classes can be named for any type, so a type's own functions (`type_functions`) do not have them all.
void CatalogQueries::index_functions()
{
    each_relation("SELECT DISTINCT u.relation, u.function FROM ("
                  "WITH named AS (SELECT k.relation, c.opcfamily AS family FROM ("
                  "SELECT indrelid, unnest(indclass) FROM pg_index"
                  " UNION SELECT partrelid, unnest(partclass) FROM pg_partitioned_table) AS k(relation, class)"
                  " JOIN pg_opclass c ON c.oid = k.class)"
                  " SELECT n.relation, p.amproc::oid FROM named n JOIN pg_amproc p ON p.amprocfamily = n.family"
                  " UNION ALL SELECT n.relation, o.oprcode::oid FROM named n JOIN pg_amop a ON a.amopfamily = n.family"
                  " JOIN pg_operator o ON o.oid = a.amopopr) AS u(relation, function)"
                  " JOIN pg_proc p ON p.oid = u.function JOIN pg_language l ON l.oid = p.prolang"
                  " WHERE u.function >= 16384 AND (l.lanname NOT IN ('c', 'internal') OR p.provolatile = 'v')"
                  " ORDER BY 1, 2",
                  [](Relation& relation, const Row& row) { relation.index_functions.push_back(row.number<Oid>(1)); });
}

} // namespace stepgate::proxy::upstream
