#include "server_notation.h"

#include <algorithm>
#include <sstream>
#include <utility>
#include <vector>

namespace stepgate::tests
{

using namespace policies::catalog;

namespace
{

std::pair<std::string, std::string> split(std::string_view name)
{
    const auto dot = name.find('.');
    if (dot == std::string_view::npos)
        return {"shop", std::string{name}};
    return {std::string{name.substr(0, dot)}, std::string{name.substr(dot + 1)}};
}

/// "name(a, b) rest": the three of them.
struct Line {
    std::string name, rest;
    std::vector<std::string> list;
};

Line line_of(const std::string& text)
{
    Line line;
    const auto end = text.find_first_of(" (");
    line.name = text.substr(0, end);
    if (end == std::string::npos)
        return line;
    std::size_t at = end;
    if (text[end] == '(') {
        at = text.find(')', end) + 1;
        std::string word;
        for (const char c : text.substr(end + 1, at - end - 1)) {
            if (c != ',' && c != ')' && c != ' ')
                word.push_back(c);
            else if (!word.empty())
                line.list.push_back(std::exchange(word, {}));
        }
    }
    const auto begin = text.find_first_not_of(' ', at);
    line.rest = begin == std::string::npos ? std::string{} : text.substr(begin);
    return line;
}

std::string behind_as(const std::string& text)
{
    return text.starts_with("as ") ? text.substr(3) : std::string{};
}

ReferenceAction action(const std::string& text, const std::string& what)
{
    const auto at = text.find(what + "=");
    const auto word = at == std::string::npos ? "" : text.substr(at + what.size() + 1);
    if (word.starts_with("cascade"))
        return ReferenceAction::cascade;
    return word.starts_with("set_null") ? ReferenceAction::set_null : ReferenceAction::restrict_it;
}

/// As it was read from the server: alone, or as SHOW CREATE has it.
template <class Program>
void set_body(Program& made, std::string text)
{
    (text.starts_with("CREATE ") ? made.definition : made.body) = std::move(text);
}

} // namespace

ServerNotation::ServerNotation(bool mariadb, unsigned version)
{
    contents_.mysql.vendor = mariadb ? "mariadb" : "mysql";
    contents_.mysql.triggers_seen = contents_.mysql.routines_seen = {"shop"};
    contents_.server_version = static_cast<int>(version);
}

Relation& ServerNotation::relation(std::string_view name)
{
    const auto [schema, bare] = split(name);
    for (Relation& one : contents_.relations)
        if (one.schema == schema && one.name == bare)
            return one;
    Relation made;
    made.oid = static_cast<Oid>(contents_.relations.size() + 1);
    made.schema = schema;
    made.name = bare;
    return contents_.relations.emplace_back(std::move(made));
}

void ServerNotation::relation_line(RelationKind kind, const std::string& rest)
{
    const Line line = line_of(rest);
    Relation& made = relation(line.name);
    made.kind = kind;
    made.charset = "utf8mb4";
    for (const std::string& name : line.list) // "!" behind it: NOT NULL
        made.columns.push_back({name.substr(0, name.find('!')), 0, static_cast<std::int16_t>(made.columns.size() + 1),
                                false, "", name.ends_with('!')});
    made.definition = behind_as(line.rest);
}

/// name table insert,update as body
void ServerNotation::trigger_line(const std::string& rest)
{
    std::istringstream in{rest};
    std::string name, table, events, body;
    in >> name >> table >> events;
    std::getline(in, body);
    Trigger made;
    made.name = name;
    made.events.insert = events.find("insert") != std::string::npos;
    made.events.update = events.find("update") != std::string::npos;
    made.events.delete_rows = events.find("delete") != std::string::npos;
    set_body(made, behind_as(body.substr(std::min<std::size_t>(1, body.size()))));
    relation(table).triggers.push_back(std::move(made));
}

/// name[(parameters)] [language x | deterministic] as body
void ServerNotation::program_line(FunctionKind kind, const std::string& rest)
{
    const Line line = line_of(rest);
    Function made;
    std::tie(made.schema, made.name) = split(line.name);
    made.oid = static_cast<Oid>(contents_.functions.size() + 1);
    made.kind = kind;
    made.argument_names = line.list;
    made.language = line.rest.starts_with("language ") ? "javascript" : "sql";
    constexpr std::string_view early = "deterministic ";
    const bool deterministic = line.rest.starts_with(early);
    if (deterministic)
        made.volatility = Volatility::immutable;
    set_body(made, behind_as(line.rest.substr(deterministic ? early.size() : 0)));
    contents_.functions.push_back(std::move(made));
}

/// child(columns) parent(columns) [delete=…] [update=…]
void ServerNotation::references_line(const std::string& rest)
{
    const Line child = line_of(rest);
    const Line parent = line_of(child.rest);
    const Oid oid = relation(child.name).oid;
    relation(parent.name)
        .referenced_by.push_back(
            {oid, child.list, parent.list, action(parent.rest, "delete"), action(parent.rest, "update")});
}

/// table.column type [| charset | counts | invisible | …]
void ServerNotation::column_line(const std::string& rest)
{
    const auto space = rest.find(' ');
    const auto dot = rest.rfind('.', space);
    const auto bar = std::min(rest.find(" | "), rest.size());
    for (Column& column : relation(rest.substr(0, dot)).columns) {
        if (column.name != rest.substr(dot + 1, space - dot - 1))
            continue;
        column.sql_type = rest.substr(space + 1, bar - space - 1);
        std::istringstream more{rest.substr(bar)};
        for (std::string word; more >> word;) {
            column.counts = column.counts || word == "counts";
            column.invisible = column.invisible || word == "invisible";
            if (word == "utf8mb4" || word == "latin1" || word == "utf8mb3")
                column.charset = word;
        }
    }
}

bool ServerNotation::take(const std::string& line)
{
    const auto space = std::min(line.find(' '), line.size());
    const std::string word = line.substr(0, space);
    const std::string rest = line.substr(std::min(space + 1, line.size()));
    made_.reset();
    if (word == "table" || word == "merge")
        relation_line(RelationKind::table, rest);
    else if (word == "view")
        relation_line(RelationKind::view, rest);
    else if (word == "foreign")
        relation_line(RelationKind::foreign_table, rest);
    else if (word == "sequence")
        relation_line(RelationKind::sequence, rest);
    else if (word == "trigger")
        trigger_line(rest);
    else if (word == "procedure")
        program_line(FunctionKind::procedure, rest);
    else if (word == "event")
        program_line(FunctionKind::event, rest);
    else if (word == "function")
        program_line(FunctionKind::function, rest);
    else if (word == "references")
        references_line(rest);
    else if (word == "default")
        relation(rest.substr(0, rest.find(' '))).columns.front().expression = rest.substr(rest.find(' ') + 1);
    else if (word == "column")
        column_line(rest);
    else if (word == "index")
        relation(rest.substr(0, rest.find(' '))).indexes.push_back(rest.substr(rest.find(' ') + 1));
    else if (word == "loadable")
        contents_.mysql.loadable.push_back(rest);
    else if (word == "databases")
        databases_line(rest);
    else if (word == "folds_names")
        contents_.mysql.folds_names = true;
    else
        return false;
    return true;
}

/// All that there are, and the reader sees what is in them.
void ServerNotation::databases_line(const std::string& rest)
{
    contents_.mysql.triggers_seen = contents_.mysql.routines_seen = {"*"};
    std::istringstream names{rest};
    for (std::string name; names >> name;)
        contents_.schemas.push_back(name);
}

std::shared_ptr<const Catalog> ServerNotation::made()
{
    if (!made_)
        made_ = std::make_shared<const Catalog>(contents_);
    return made_;
}

} // namespace stepgate::tests
