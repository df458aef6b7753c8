#include "proxy/upstream/mysql_catalog_queries.h"

namespace stepgate::proxy::upstream
{

using namespace policies::catalog;

void MySqlCatalogQueries::programs()
{
    triggers();
    routines();
    events();
    written_bodies();
    parameters(); // last: its failure is told
}

void MySqlCatalogQueries::triggers()
{
    server_.query("SELECT EVENT_OBJECT_SCHEMA, EVENT_OBJECT_TABLE, TRIGGER_NAME, EVENT_MANIPULATION, ACTION_STATEMENT,"
                  " SQL_MODE FROM information_schema.TRIGGERS ORDER BY 1, 2, ACTION_TIMING, ACTION_ORDER, 3, 4",
                  [this](const Row& row) {
                      Relation* const table = relation(row[0], row[1]);
                      if (table == nullptr)
                          return;
                      const auto events = text(row[3]);
                      Trigger made;
                      made.name = text(row[2]);
                      made.events.insert = events.find("INSERT") != std::string::npos;
                      made.events.update = events.find("UPDATE") != std::string::npos;
                      made.events.delete_rows = events.find("DELETE") != std::string::npos;
                      made.body = text(row[4]);
                      made.sql_mode = text(row[5]);
                      table->triggers.push_back(std::move(made));
                  });
}

void MySqlCatalogQueries::routines()
{
    server_.query(
        "SELECT ROUTINE_SCHEMA, ROUTINE_NAME, ROUTINE_TYPE, ROUTINE_BODY, EXTERNAL_LANGUAGE, ROUTINE_DEFINITION,"
        " SQL_MODE, SECURITY_TYPE, SQL_DATA_ACCESS, IS_DETERMINISTIC FROM information_schema.ROUTINES"
        " WHERE ROUTINE_TYPE IN ('PROCEDURE', 'FUNCTION') ORDER BY 1, 2, 3",
        [this](const Row& row) {
            Function made;
            made.schema = table_name(row[0]);
            made.name = lower(text(row[1])); // routines are found in any case
            made.oid = static_cast<Oid>(contents_.functions.size() + 1);
            made.kind = text(row[2]) == "PROCEDURE" ? FunctionKind::procedure : FunctionKind::function;
            const auto language = lower(text(row[4]));
            made.language = text(row[3]) == "SQL" && (language.empty() || language == "sql") ? "sql" : language;
            if (made.language.empty())
                made.language = "external";
            made.body = text(row[5]); // "" for who may not see it
            made.settings = {{"sql_mode", text(row[6])}, {"data_access", lower(text(row[8]))}};
            made.security_definer = text(row[7]) == "DEFINER";
            made.volatility = text(row[9]) == "YES" ? Volatility::immutable : Volatility::volatile_;
            contents_.functions.push_back(std::move(made));
        });
}

/// Their names hide those of columns.
void MySqlCatalogQueries::parameters()
{
    using Key = std::tuple<std::string, std::string, FunctionKind>;
    std::map<Key, std::size_t> by_name;
    for (std::size_t i = 0; i < contents_.functions.size(); ++i) {
        const Function& one = contents_.functions[i];
        by_name.emplace(Key{one.schema, one.name, one.kind}, i);
    }
    server_.query("SELECT SPECIFIC_SCHEMA, SPECIFIC_NAME, ROUTINE_TYPE, PARAMETER_NAME FROM"
                  " information_schema.PARAMETERS WHERE ORDINAL_POSITION > 0 AND ROUTINE_TYPE IN"
                  " ('PROCEDURE', 'FUNCTION') ORDER BY 1, 2, 3, ORDINAL_POSITION",
                  [&](const Row& row) {
                      const auto kind = text(row[2]) == "PROCEDURE" ? FunctionKind::procedure : FunctionKind::function;
                      const auto found = by_name.find({table_name(row[0]), lower(text(row[1])), kind});
                      if (found != by_name.end())
                          contents_.functions[found->second].argument_names.push_back(text(row[3]));
                  });
}

void MySqlCatalogQueries::events()
{
    server_.query("SELECT EVENT_SCHEMA, EVENT_NAME, EVENT_DEFINITION, SQL_MODE FROM information_schema.EVENTS"
                  " ORDER BY 1, 2",
                  [this](const Row& row) {
                      Function made;
                      made.schema = table_name(row[0]);
                      made.name = lower(text(row[1]));
                      made.oid = static_cast<Oid>(contents_.functions.size() + 1);
                      made.kind = FunctionKind::event;
                      made.language = "sql";
                      made.body = text(row[2]);
                      made.settings = {{"sql_mode", text(row[3])}};
                      contents_.functions.push_back(std::move(made));
                  });
}

/// Bodies come from columns that show the values of string literals: MySQL without their escapes and doubled quotes, so
/// that `concat(''''', ssn, ''''')` looks like one string, MariaDB without escapes. Where there are some, the CREATE
/// statement takes the body's place. All are asked for each time: when a body was changed is no help, since SET
/// timestamp chooses what the server notes.
void MySqlCatalogQueries::written_bodies()
{
    std::vector<std::string> questions;
    std::vector<std::pair<std::string*, std::size_t>> places;
    const auto ask = [&](std::string& body, std::string& definition, const std::string& object, std::size_t column) {
        if (body.find_first_of("'\"\\") == std::string::npos)
            return;
        body.clear(); // what cannot be had nobody can read
        questions.push_back("SHOW CREATE " + object);
        places.emplace_back(&definition, column);
    };
    for (Function& one : contents_.functions) {
        const std::string name = backquoted(one.schema) + "." + backquoted(one.name);
        if (one.kind == FunctionKind::event)
            ask(one.body, one.definition, "EVENT " + name, 3);
        else if (one.language == "sql")
            ask(one.body, one.definition, (one.kind == FunctionKind::procedure ? "PROCEDURE " : "FUNCTION ") + name, 2);
    }
    for (Relation& table : contents_.relations)
        for (Trigger& one : table.triggers)
            ask(one.body, one.definition, "TRIGGER " + backquoted(table.schema) + "." + backquoted(one.name), 2);
    server_.query_each(questions, [&places](std::size_t question, const Row& row) {
        const auto [definition, column] = places[question];
        if (row.size() > column && row[column])
            *definition = *row[column];
    });
}

/// Who may not see other accounts' threads takes them to be gone; the timer finds what they did after all.
bool MySqlCatalogQueries::threads_gone(const std::vector<std::int32_t>& threads)
{
    if (threads.empty())
        return true;
    std::string list;
    for (const auto thread : threads)
        list.append(list.empty() ? "" : ", ").append(std::to_string(thread));
    bool gone = true;
    server_.query("SELECT 1 FROM information_schema.PROCESSLIST WHERE ID IN (" + list + ")",
                  [&gone](const Row&) { gone = false; });
    return gone;
}

} // namespace stepgate::proxy::upstream
