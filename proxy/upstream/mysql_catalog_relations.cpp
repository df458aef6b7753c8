#include "proxy/upstream/mysql_catalog_queries.h"

#include <algorithm>
#include <array>
#include <set>

namespace stepgate::proxy::upstream
{

using namespace policies::catalog;

namespace
{

/// A number for a name: the same in every reading. FNV-1a.
std::uint32_t number_of(std::string_view schema, std::string_view name)
{
    std::uint32_t hash = 2'166'136'261U;
    const auto add = [&hash](std::string_view text) {
        for (const char c : text)
            hash = (hash ^ static_cast<unsigned char>(c)) * 16'777'619U;
        hash = (hash ^ 0U) * 16'777'619U;
    };
    add(schema);
    add(name);
    return hash;
}

/// The number, or the next one that is free. 0 is none.
template <class Number>
Number take(std::set<Number>& taken, Number wanted, Number most)
{
    while (wanted == 0 || !taken.insert(wanted).second)
        wanted = wanted >= most ? Number{1} : static_cast<Number>(wanted + 1);
    return wanted;
}

/// Tables of these have their rows here, and nothing runs when they are touched. Of others nothing is known.
bool is_local(const std::string& engine)
{
    static constexpr std::array<std::string_view, 16> local = {
        "archive", "aria",       "blackhole",  "columnstore", "csv",
        "innodb",  "memory",     "mrg_myisam", "mroonga",     "myisam",
        "myrocks", "ndbcluster", "rocksdb",    "ndbinfo",     "performance_schema",
        ""};
    return std::ranges::find(local, std::string_view{engine}) != local.end();
}

RelationKind kind_of(const std::string& type, const std::string& engine)
{
    if (type == "VIEW" || type == "SYSTEM VIEW")
        return RelationKind::view;
    if (type == "SEQUENCE")
        return RelationKind::sequence;
    return is_local(engine) ? RelationKind::table : RelationKind::foreign_table;
}

ReferenceAction action_of(std::string_view rule)
{
    if (rule == "CASCADE")
        return ReferenceAction::cascade;
    if (rule == "SET NULL")
        return ReferenceAction::set_null;
    if (rule == "SET DEFAULT")
        return ReferenceAction::set_default;
    return rule == "RESTRICT" ? ReferenceAction::restrict_it : ReferenceAction::none;
}

} // namespace

std::string MySqlCatalogQueries::lower(std::string text)
{
    std::ranges::transform(text, text.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
    return text;
}

std::string MySqlCatalogQueries::table_name(const Cell& cell) const
{
    return contents_.mysql.folds_names ? lower(text(cell)) : text(cell);
}

std::string MySqlCatalogQueries::backquoted(const std::string& name)
{
    std::string out{"`"};
    for (const char c : name)
        out.append(c == '`' ? 2 : 1, c);
    return out.append("`");
}

/// A literal, under the sql_mode of this connection or any other: as hexadecimal digits.
std::string MySqlCatalogQueries::quoted(const std::string& value)
{
    static constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out{"CONVERT(X'"};
    for (const char c : value) {
        out.push_back(digits[static_cast<unsigned char>(c) >> 4U]);
        out.push_back(digits[static_cast<unsigned char>(c) & 15U]);
    }
    return out.append("' USING utf8mb4)");
}

Relation* MySqlCatalogQueries::relation(const Cell& schema, const Cell& name)
{
    const auto found = by_name_.find({table_name(schema), table_name(name)});
    return found == by_name_.end() ? nullptr : &contents_.relations[found->second];
}

void MySqlCatalogQueries::relations()
{
    tables();
    merged_tables();
    columns();
    hidden_columns();
    views();
    if (mariadb_) {
        checks();  // MySQL lets nothing of users into expressions of tables
        indexes(); // and has no DROP INDEX IF EXISTS
    }
    foreign_keys();
}

/// Of information_schema nothing: nobody can make anything there. Temporary tables are of sessions.
void MySqlCatalogQueries::tables()
{
    std::set<Oid> taken;
    server_.query("SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, ENGINE, TABLE_COLLATION FROM information_schema.TABLES"
                  " WHERE TABLE_SCHEMA <> 'information_schema' AND TABLE_TYPE NOT LIKE '%TEMPORARY%'"
                  " ORDER BY TABLE_SCHEMA, TABLE_NAME",
                  [&](const Row& row) {
                      Relation made;
                      made.schema = table_name(row[0]);
                      made.name = table_name(row[1]);
                      made.kind = kind_of(text(row[2]), lower(text(row[3])));
                      made.oid = take<Oid>(taken, number_of(made.schema, made.name), 0xFFFFFFFF);
                      made.charset = text(row[4]);
                      made.charset.resize(std::min(made.charset.find('_'), made.charset.size()));
                      if (lower(text(row[3])) == "mrg_myisam")
                          made.definition = "?"; // asked for below
                      by_name_.emplace(std::pair{made.schema, made.name}, contents_.relations.size());
                      contents_.relations.push_back(std::move(made));
                  });
}

/// The tables below one of MERGE stand only in its definition. One that cannot be had stays "?", which nobody can read.
void MySqlCatalogQueries::merged_tables()
{
    std::vector<std::string> questions;
    std::vector<Relation*> asked;
    for (Relation& one : contents_.relations) {
        if (one.definition.empty())
            continue;
        questions.push_back("SHOW CREATE TABLE " + backquoted(one.schema) + "." + backquoted(one.name));
        asked.push_back(&one);
    }
    server_.query_each(questions, [&asked](std::size_t question, const Row& row) {
        if (row.size() > 1 && row[1])
            asked[question]->definition = *row[1];
    });
}

void MySqlCatalogQueries::columns()
{
    Relation* last = nullptr;
    std::set<std::int16_t> taken;
    server_.query(
        "SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, IS_NULLABLE, EXTRA, COLUMN_DEFAULT, GENERATION_EXPRESSION,"
        " COLUMN_TYPE, CHARACTER_SET_NAME, ORDINAL_POSITION FROM information_schema.COLUMNS WHERE TABLE_SCHEMA NOT IN "
        "('information_schema', 'performance_schema')"
        " ORDER BY TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION",
        [&](const Row& row) {
            Relation* const of = relation(row[0], row[1]);
            if (of == nullptr)
                return;
            if (of != last)
                taken.clear();
            last = of;
            Column made;
            made.name = text(row[2]);
            made.number =
                take<std::int16_t>(taken, static_cast<std::int16_t>(number_of({}, lower(made.name)) & 0x7FFF), 0x7FFF);
            made.not_null = text(row[3]) == "NO";
            made.sql_type = text(row[7]);
            made.charset = text(row[8]);
            const std::string extra = lower(text(row[4]));
            made.counts = extra.find("auto_increment") != std::string::npos;
            made.invisible = extra.find("invisible") != std::string::npos;
            made.expression = text(row[6]);
            made.generated = !made.expression.empty();
            // On MariaDB a call, or the name of another column.
            const bool computed = mariadb_ ? text(row[5]).find_first_of("(`") != std::string::npos
                                           : text(row[4]).find("DEFAULT_GENERATED") != std::string::npos;
            if (!made.generated && computed)
                made.expression = text(row[5]);
            of->columns.push_back(std::move(made));
            if (mariadb_ && number<std::size_t>(row[9]) != of->columns.size())
                of->hides_columns = true;
        });
}

/// Those for which the account has no privilege are shown nowhere: it has some for single columns, and none for the
/// table. What it has through roles MySQL tells; on MariaDB SHOW GRANTS, and a gap in their numbers.
void MySqlCatalogQueries::hidden_columns()
{
    const auto all_by = [this](const std::string& privileges) {
        return " AND NOT EXISTS (SELECT 1 FROM information_schema." + privileges +
               "_PRIVILEGES p WHERE p.GRANTEE = " + grantee() +
               " AND p.PRIVILEGE_TYPE IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')";
    };
    std::string everywhere;
    for (const std::string& schema : revoked_)
        everywhere += " AND g.TABLE_SCHEMA <> " + quoted(schema);
    const auto mark = [&](const std::string& grants) {
        server_.query("SELECT DISTINCT g.TABLE_SCHEMA, g.TABLE_NAME FROM information_schema." + grants +
                          all_by("USER") + everywhere + ")" + all_by("SCHEMA") +
                          " AND g.TABLE_SCHEMA LIKE p.TABLE_SCHEMA)" + all_by("TABLE") +
                          " AND g.TABLE_SCHEMA = p.TABLE_SCHEMA AND g.TABLE_NAME = p.TABLE_NAME)",
                      [this](const Row& row) {
                          if (Relation* const of = relation(row[0], row[1]))
                              of->hides_columns = true;
                      });
    };
    mark("COLUMN_PRIVILEGES g WHERE g.GRANTEE = " + grantee());
    for (const auto& [schema, table] : by_column_)
        mark("SCHEMATA s JOIN (SELECT " + quoted(schema) + " AS TABLE_SCHEMA, " + quoted(table) +
             " AS TABLE_NAME) g ON true WHERE true");
    if (!mariadb_) {
        mark("ROLE_COLUMN_GRANTS g WHERE true");
        (void)server_.take_error(); // older than 8.0.19
    }
    for (Relation& one : contents_.relations)
        if (one.kind == RelationKind::table && one.columns.empty() && one.schema != "performance_schema")
            one.hides_columns = true;
}

void MySqlCatalogQueries::views()
{
    server_.query("SELECT TABLE_SCHEMA, TABLE_NAME, VIEW_DEFINITION, DEFINER FROM information_schema.VIEWS"
                  " WHERE TABLE_SCHEMA <> 'information_schema'",
                  [this](const Row& row) {
                      if (Relation* const view = relation(row[0], row[1])) {
                          view->definition = text(row[2]); // "" for who may not see it
                          view->owner = text(row[3]);
                      }
                  });
}

void MySqlCatalogQueries::checks()
{
    server_.query("SELECT CONSTRAINT_SCHEMA, TABLE_NAME, CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS"
                  " ORDER BY 1, 2, CONSTRAINT_NAME",
                  [this](const Row& row) {
                      if (Relation* const table = relation(row[0], row[1]))
                          table->checks.push_back(text(row[2]));
                  });
}

void MySqlCatalogQueries::indexes()
{
    server_.query("SELECT DISTINCT TABLE_SCHEMA, TABLE_NAME, INDEX_NAME FROM information_schema.STATISTICS"
                  " WHERE TABLE_SCHEMA NOT IN ('information_schema', 'performance_schema', 'mysql', 'sys')"
                  " ORDER BY 1, 2, 3",
                  [this](const Row& row) {
                      if (Relation* const table = relation(row[0], row[1]))
                          table->indexes.push_back(text(row[2]));
                  });
}

void MySqlCatalogQueries::foreign_keys()
{
    using Key = std::array<std::string, 3>; // schema, table, constraint
    std::map<Key, std::pair<std::vector<std::string>, std::vector<std::string>>> columns_of;
    server_.query("SELECT TABLE_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, COLUMN_NAME, REFERENCED_COLUMN_NAME"
                  " FROM information_schema.KEY_COLUMN_USAGE WHERE REFERENCED_TABLE_NAME IS NOT NULL"
                  " ORDER BY 1, 2, 3, ORDINAL_POSITION",
                  [&](const Row& row) {
                      auto& [ours, theirs] = columns_of[{table_name(row[0]), table_name(row[1]), text(row[2])}];
                      ours.push_back(text(row[3]));
                      theirs.push_back(text(row[4]));
                  });
    server_.query("SELECT CONSTRAINT_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, UNIQUE_CONSTRAINT_SCHEMA,"
                  " REFERENCED_TABLE_NAME, DELETE_RULE, UPDATE_RULE FROM information_schema.REFERENTIAL_CONSTRAINTS"
                  " ORDER BY 1, 2, 3",
                  [&](const Row& row) {
                      const Relation* const child = relation(row[0], row[1]);
                      Relation* const parent = relation(row[3], row[4]);
                      if (child == nullptr || parent == nullptr)
                          return;
                      const auto& [ours, theirs] = columns_of[{child->schema, child->name, text(row[2])}];
                      parent->referenced_by.push_back(
                          {child->oid, ours, theirs, action_of(text(row[5])), action_of(text(row[6]))});
                  });
}

} // namespace stepgate::proxy::upstream
