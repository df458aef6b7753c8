#include "facts_notation.h"

#include <algorithm>
#include <array>
#include <sstream>
#include <variant>

namespace stepgate::tests
{
namespace
{

using namespace policies::statement;

constexpr std::array<std::string_view, 10> keys{"object",      "reads",     "writes", "calls",   "where",
                                                "destructive", "temporary", "does",   "objects", "effects"};

bool is_flag(std::string_view key)
{
    return key == "destructive" || key == "temporary";
}

std::string joined(const std::vector<std::string>& parts)
{
    std::string out;
    for (const std::string& part : parts)
        out += (out.empty() ? "" : ",") + part;
    return out;
}

std::string without_spaces(std::string text)
{
    std::ranges::replace(text, ' ', '_');
    std::ranges::replace(text, '\n', '_');
    return text;
}

std::string noted(const std::vector<TableAccess>& accesses)
{
    std::vector<std::string> parts;
    for (const TableAccess& access : accesses)
        parts.push_back(without_spaces(access.table) +
                        (access.columns.empty() ? "" : "(" + without_spaces(joined(access.columns)) + ")"));
    return joined(parts);
}

struct EffectText {
    std::string operator()(const SetParameter& set) const
    {
        std::string value = set.unknown ? "?" : set.value ? joined(*set.value) : "default";
        return std::string{set.local ? "set_local" : "set"} + "(" + set.name + "=" + value + ")";
    }
    std::string operator()(const ResetAll&) const { return "reset_all"; }
    std::string operator()(const PrepareStatement& made) const { return "prepare(" + made.name + ":" + made.sql + ")"; }
    std::string operator()(const Deallocate& gone) const { return "deallocate(" + gone.name.value_or("all") + ")"; }
    std::string operator()(const OpenCursor& made) const
    {
        return std::string{made.with_hold ? "open_hold" : "open"} + "(" + made.name + ":" + made.sql + ")";
    }
    std::string operator()(const CloseCursor& gone) const { return "close(" + gone.name.value_or("all") + ")"; }
    std::string operator()(const DiscardAll&) const { return "discard_all"; }
    std::string operator()(const DiscardTemporary&) const { return "discard_temporary"; }
    std::string operator()(const Defer&) const { return "defer"; }
    std::string operator()(const MakeType& made) const { return "type(" + made.name + ")"; }
    std::string operator()(const Redefine& change) const { return "redefine(" + change.relation + ")"; }
};

std::string without_catalog(const std::string& call)
{
    static constexpr std::string_view catalog = "pg_catalog.";
    return call.starts_with(catalog) ? call.substr(catalog.size()) : call;
}

std::map<std::string, std::string> note(const StatementFacts& facts)
{
    std::map<std::string, std::string> out;
    out["kind"] = to_string(facts.kind);
    const auto put = [&out](const char* key, std::string value) {
        if (!value.empty())
            out[key] = std::move(value);
    };
    put("object", without_spaces(facts.object));
    put("reads", noted(facts.reads));
    put("writes", noted(facts.writes));
    std::vector<std::string> parts;
    for (const std::string& call : facts.calls)
        parts.push_back(without_catalog(call));
    put("calls", joined(parts));
    if (facts.where != Where::none)
        put("where", std::string{to_string(facts.where)});
    if (facts.destructive)
        put("destructive", "yes");
    if (facts.temporary)
        put("temporary", "yes");
    parts.clear();
    for (const auto& inner : facts.inner)
        if (parts.empty() || parts.back() != to_string(inner.kind))
            parts.emplace_back(to_string(inner.kind));
    put("does", joined(parts));
    parts.clear();
    for (const auto& inner : facts.inner)
        if (!inner.object.empty())
            parts.push_back(without_spaces(inner.object));
    put("objects", joined(parts));
    parts.clear();
    for (const Effect& effect : facts.effects)
        if (!std::holds_alternative<Redefine>(effect) &&
            !std::holds_alternative<MakeType>(effect)) // CREATE, ALTER, DROP
            parts.push_back(without_spaces(std::visit(EffectText{}, effect)));
    put("effects", joined(parts));
    return out;
}

/// Takes "opaque(reason)" off the end of the text.
void take_opaque(std::string& text, NotedFacts& out)
{
    static constexpr std::string_view word = "opaque(";
    const std::size_t at = text.rfind(word);
    if (at == std::string::npos || (at > 0 && text[at - 1] != ' '))
        return;
    const std::size_t close = text.rfind(')');
    if (close == std::string::npos || close < at)
        return;
    out.opaque = true;
    out.opaque_contains = text.substr(at + word.size(), close - at - word.size());
    text.erase(at, close + 1 - at);
}

} // namespace

NotedFacts note(const Facts& facts, const NotedFacts& expected)
{
    NotedFacts out;
    out.parsed = facts.parsed;
    out.secret = facts.carries_secret;
    out.opaque = facts.opaque;
    for (const StatementFacts& statement : facts.statements)
        out.statements.push_back(note(statement));
    for (std::size_t i = 0; i < out.statements.size(); ++i)
        if (i >= expected.statements.size() || !expected.statements[i].contains("objects"))
            out.statements[i].erase("objects");
    for (const std::string& reason : facts.opaque_reasons)
        out.opaque_contains += (out.opaque_contains.empty() ? "" : "; ") + reason;
    return out;
}

std::optional<NotedFacts> parse_notation(std::string_view notation, std::string& problem)
{
    NotedFacts out;
    std::string text{notation};
    take_opaque(text, out);
    std::istringstream words{text};
    bool fresh = true; // the next word is a kind
    for (std::string word; words >> word;) {
        if (word == "nothing") {
            continue;
        } else if (word == "opaque") {
            out.opaque = true;
        } else if (word == "unparsed") {
            out.parsed = false;
        } else if (word == "secret") {
            out.secret = true;
        } else if (word == ";") {
            fresh = true;
        } else if (fresh) {
            if (!kind_from_string(word)) {
                problem = "unknown kind " + word;
                return std::nullopt;
            }
            out.statements.push_back({{"kind", word}});
            fresh = false;
        } else {
            const std::size_t equals = word.find('=');
            const std::string key = word.substr(0, equals);
            const bool flag = is_flag(key);
            if (std::ranges::find(keys, key) == keys.end() || flag != (equals == std::string::npos) ||
                !out.statements.back().emplace(key, flag ? "yes" : word.substr(equals + 1)).second) {
                problem = "unknown, doubled or misspelt part " + word;
                return std::nullopt;
            }
        }
    }
    if (text.find_first_not_of(' ') == std::string::npos && !out.opaque) {
        problem = "nothing expected; say \"nothing\" for an empty text";
        return std::nullopt;
    }
    return out;
}

std::string to_text(const NotedFacts& noted)
{
    std::string out;
    for (const auto& statement : noted.statements) {
        out += (out.empty() ? "" : " ; ") + statement.at("kind");
        for (const std::string_view key : keys) {
            const auto found = statement.find(std::string{key});
            if (found != statement.end())
                out += " " + found->first + (is_flag(key) ? "" : "=" + found->second);
        }
    }
    if (!noted.parsed)
        out += " unparsed";
    if (noted.secret)
        out += " secret";
    if (noted.opaque)
        out += " opaque(" + noted.opaque_contains + ")";
    const std::size_t begin = out.find_first_not_of(' ');
    return begin == std::string::npos ? "nothing" : out.substr(begin);
}

} // namespace stepgate::tests
