#include "tests/oracle/witness/server_log.h"

#include <re2/re2.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace stepgate::oracle
{
namespace
{

// parsenodes.h: the permissions a range table entry asks for
constexpr unsigned acl_insert = 1, acl_select = 2, acl_update = 4, acl_delete = 8;
constexpr int first_low_invalid_attribute = -7; // bit 0 of a column set

std::set<int> attributes(std::string_view bits)
{
    std::set<int> numbers;
    std::istringstream in{std::string(bits)};
    for (int bit = 0; in >> bit;)
        numbers.insert(bit + first_low_invalid_attribute);
    return numbers;
}

/// An entry of the log: what follows "LOG:  ", its continuation lines joined by a space.
struct Entry {
    std::string severity, text;
};

std::vector<Entry> entries(std::string_view log, int backend)
{
    const std::string prefix = std::to_string(backend) + "|";
    std::vector<Entry> found;
    bool ours = false;
    for (std::size_t at = 0; at < log.size();) {
        const std::size_t end = std::min(log.find('\n', at), log.size());
        const std::string_view line = log.substr(at, end - at);
        at = end + 1;
        if (line.starts_with('\t')) {
            if (ours)
                found.back().text.append(" ").append(line.substr(1));
            continue;
        }
        const auto colon = line.find(":  ");
        ours = line.starts_with(prefix) && colon != std::string_view::npos;
        if (ours)
            found.push_back(
                {std::string(line.substr(prefix.size(), colon - prefix.size())), std::string(line.substr(colon + 3))});
    }
    return found;
}

std::string single_spaced(std::string_view text)
{
    std::string result;
    result.reserve(text.size());
    for (const char c : text)
        if (c != ' ' || result.empty() || result.back() != ' ')
            result += c;
    return result;
}

/// "schema.name" without the quotes that SQL needs.
std::string unquoted(std::string_view name)
{
    std::string result;
    bool quoted = false;
    for (std::size_t at = 0; at < name.size(); ++at) {
        if (name[at] == '"' && quoted && at + 1 < name.size() && name[at + 1] == '"')
            result += name[at++];
        else if (name[at] == '"')
            quoted = !quoted;
        else
            result += name[at];
    }
    return result;
}

std::vector<std::string> csv_fields(std::string_view line)
{
    std::vector<std::string> fields(1);
    bool quoted = false;
    for (std::size_t at = 0; at < line.size(); ++at) {
        if (line[at] == '"' && quoted && at + 1 < line.size() && line[at + 1] == '"')
            fields.back() += line[at++];
        else if (line[at] == '"')
            quoted = !quoted;
        else if (line[at] == ',' && !quoted)
            fields.emplace_back();
        else
            fields.back() += line[at];
    }
    return fields;
}

} // namespace

void read_tree(std::string_view text, std::string_view source, std::vector<Access>& out)
{
    // outfuncs.c, _outRangeTblEntry. What stands between kind and permissions is a TABLESAMPLE clause at most.
    static const re2::RE2 entry{R"(:rtekind 0 :relid (\d+) :relkind (.) .*?:requiredPerms (\d+) :checkAsUser \d+ )"
                                R"(:selectedCols \(b([ \d]*)\) :insertedCols \(b[ \d]*\) :updatedCols \(b([ \d]*)\))"};
    const std::string tree = single_spaced(text);
    re2::StringPiece rest{tree};
    Access access;
    re2::StringPiece kind, selected, updated;
    unsigned permissions = 0;
    while (re2::RE2::FindAndConsume(&rest, entry, &access.relation, &kind, &permissions, &selected, &updated)) {
        access.kind = kind[0];
        if (access.kind == 'c')
            continue; // "excluded" of ON CONFLICT: what the statement itself proposes
        access.read = (permissions & acl_select) != 0;
        // Locking rows (FOR UPDATE) asks for the permission to update, but no column.
        access.written =
            (permissions & (acl_insert | acl_delete)) != 0 || ((permissions & acl_update) != 0 && !updated.empty());
        access.selected = attributes({selected.data(), selected.size()});
        // OLD and NEW of rules ask for nothing and are no accesses; children of a parent do so in plans only.
        access.child = permissions == 0;
        if (access.child && source != "plan")
            continue;
        access.source = {std::string(source)};
        out.push_back(access);
    }
}

void read_audit(std::string_view line, std::vector<Access>& out)
{
    // AUDIT: SESSION,statement,substatement,class,command,object type,object name,statement,parameter
    constexpr std::string_view mark = "AUDIT: ";
    if (!line.starts_with(mark))
        return;
    const auto fields = csv_fields(line.substr(mark.size()));
    constexpr std::size_t type = 5, name = 6;
    if (fields.size() <= name || fields[name].empty())
        return;
    static const std::set<std::string, std::less<>> relations{"TABLE",         "VIEW",     "MATERIALIZED VIEW",
                                                              "FOREIGN TABLE", "SEQUENCE", "TOAST TABLE"};
    if (!relations.contains(fields[type]))
        return;
    Access access;
    access.table = unquoted(fields[name]);
    access.read = fields[3] == "READ";
    access.written = fields[3] == "WRITE";
    access.source = {"pgaudit"};
    if (access.read || access.written)
        out.push_back(std::move(access));
}

std::uint64_t ServerLog::size() const
{
    return std::filesystem::file_size(path_);
}

std::vector<Access> ServerLog::accesses(std::uint64_t offset, int backend) const
{
    std::string text(size() - offset, '\0');
    std::ifstream in{path_, std::ios::binary};
    in.seekg(static_cast<std::streamoff>(offset));
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    std::vector<Access> found;
    std::string_view source;
    for (const Entry& entry : entries(text, backend)) {
        if (entry.severity == "DETAIL" && !source.empty())
            read_tree(entry.text, source, found);
        source = {};
        if (entry.severity != "LOG")
            continue;
        if (entry.text == "rewritten parse tree:")
            source = "tree";
        else if (entry.text == "plan:")
            source = "plan";
        else
            read_audit(entry.text, found);
    }
    return found;
}

} // namespace stepgate::oracle
