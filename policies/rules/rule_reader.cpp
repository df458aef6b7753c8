#include "policies/rules/rule_reader.h"

#include "policies/rules/object_names.h"
#include "policies/rules/then_reader.h"
#include "policies/statement/ascii.h"

#include <algorithm>
#include <charconv>

namespace stepgate::policies::rules
{
namespace
{

using sensitivity::LabelNames;
using sensitivity::LabelSet;
using statement::Kind;
using statement::Where;

constexpr std::array<std::pair<std::string_view, Where>, 4> where_names{{{"none", Where::none},
                                                                         {"missing", Where::missing},
                                                                         {"always_true", Where::always_true},
                                                                         {"present", Where::present}}};
constexpr std::array<std::string_view, 7> day_names{"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

std::vector<std::string_view> kind_names()
{
    std::vector<std::string_view> names;
    for (int i = 0; i <= static_cast<int>(Kind::unknown); ++i)
        names.push_back(statement::to_string(static_cast<Kind>(i)));
    return names;
}

std::vector<Kind> read_kinds(TomlTable& when)
{
    std::vector<Kind> kinds;
    for (const auto& [name, place] : when.strings("statement")) {
        if (const auto kind = statement::kind_from_string(name))
            kinds.push_back(*kind);
        else
            when.unknown(place, "statement kind", name, kind_names());
    }
    return kinds;
}

std::vector<Where> read_where(TomlTable& when)
{
    std::vector<Where> result;
    for (const auto& [name, place] : when.strings("where")) {
        const auto found = std::ranges::find(where_names, name, [](const auto& choice) { return choice.first; });
        if (found != where_names.end()) {
            result.push_back(found->second);
            continue;
        }
        std::array<std::string_view, where_names.size()> names{};
        std::ranges::transform(where_names, names.begin(), [](const auto& choice) { return choice.first; });
        when.unknown(place, "where", name, names);
    }
    return result;
}

std::vector<std::string> read_words(TomlTable& table, std::string_view key)
{
    std::vector<std::string> words;
    for (auto& [word, place] : table.strings(key)) {
        if (word.empty())
            table.error(place, std::string{key} + " holds an empty name");
        words.push_back(std::move(word));
    }
    return words;
}

std::vector<std::string> read_objects(TomlTable& when, std::string_view key)
{
    std::vector<std::string> objects;
    for (auto& [name, place] : when.strings(key)) {
        if (std::ranges::find(object_names, name) == object_names.end())
            when.unknown(place, "object", name, object_names);
        objects.push_back(std::move(name));
    }
    return objects;
}

std::vector<NamePattern> read_patterns(TomlTable& table, std::string_view key)
{
    std::vector<NamePattern> patterns;
    for (const auto& [text, place] : table.strings(key)) {
        if (text.empty() || text.front() == '.' || text.back() == '.')
            table.error(place, std::string{key} + " holds a name that is not complete: \"" + text + '"',
                        "write \"name\" or \"schema.name\"; * stands for any characters");
        patterns.emplace_back(text);
    }
    return patterns;
}

std::optional<AccessCondition> read_access(TomlTable& when, std::string_view key, const LabelNames& labels)
{
    auto table = when.table(key);
    if (!table)
        return std::nullopt;
    AccessCondition access;
    if (table->has("labels"))
        access.labels = read_labels(*table, "labels", labels);
    access.tables = read_patterns(*table, "tables");
    access.columns = read_patterns(*table, "columns");
    table->finish();
    if (!access.labels && access.tables.empty() && access.columns.empty() && !table->has("tables") &&
        !table->has("columns"))
        table->missing(std::string{key} + " says nothing", "give labels, tables or columns; tables = [\"*\"] is any");
    return access;
}

void read_user(TomlTable& when, AskerConditions& asker)
{
    auto user = when.table("user");
    if (!user)
        return;
    asker.users_in = read_words(*user, "in");
    asker.users_not_in = read_words(*user, "not_in");
    asker.groups_in = read_words(*user, "in_group");
    asker.groups_not_in = read_words(*user, "not_in_group");
    user->finish();
}

std::vector<Cidr> read_networks(TomlTable& table, std::string_view key)
{
    std::vector<Cidr> networks;
    for (const auto& [text, place] : table.strings(key)) {
        if (const auto network = Cidr::parse(text))
            networks.push_back(*network);
        else
            table.error(place, "not a network: \"" + text + '"',
                        "write \"10.0.0.0/8\", \"2001:db8::/32\" or one address");
    }
    return networks;
}

void read_address(TomlTable& when, AskerConditions& asker)
{
    auto address = when.table("client_address");
    if (!address)
        return;
    asker.addresses_in = read_networks(*address, "in");
    asker.addresses_not_in = read_networks(*address, "not_in");
    address->finish();
}

std::optional<int> two_digits(std::string_view text, int max)
{
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.size() != 2 || error != std::errc{} || end != text.data() + 2 || value < 0 || value > max)
        return std::nullopt;
    return value;
}

/// "08:30" in minutes; "24:00" is the end of the day.
std::optional<int> minute_of_day(std::string_view text)
{
    if (text.size() != 5 || text[2] != ':')
        return std::nullopt;
    const auto hours = two_digits(text.substr(0, 2), 24);
    const auto minutes = two_digits(text.substr(3), 59);
    if (!hours || !minutes || (*hours == 24 && *minutes != 0))
        return std::nullopt;
    return *hours * 60 + *minutes;
}

void read_between(TomlTable& table, TimeCondition& time)
{
    const auto between = table.string("between");
    if (!between)
        return;
    const std::string_view text = between->value;
    const auto dash = text.find('-');
    const auto from = minute_of_day(text.substr(0, std::min(dash, text.size())));
    const auto to = dash == std::string_view::npos ? std::nullopt : minute_of_day(text.substr(dash + 1));
    if (!from || !to || *from == *to) {
        table.error(between->place, "not a time of day: \"" + between->value + '"',
                    "write \"08:00-18:00\"; \"18:00-08:00\" goes over midnight");
        return;
    }
    time.from_minute = *from;
    time.to_minute = *to;
}

void read_zone(TomlTable& table, TimeCondition& time)
{
    const auto zone = table.string("zone");
    if (!zone || zone->value == "UTC")
        return;
    const std::string_view text = zone->value;
    const bool signed_offset = text.starts_with('+') || text.starts_with('-');
    const auto minutes = signed_offset ? minute_of_day(text.substr(1)) : std::nullopt;
    if (!minutes || *minutes > 14 * 60) {
        table.error(zone->place, "unknown time zone \"" + zone->value + '"',
                    "write \"UTC\" or a fixed offset like \"+02:00\"");
        return;
    }
    time.offset_minutes = text.front() == '-' ? -*minutes : *minutes;
}

std::optional<TimeCondition> read_time(TomlTable& when)
{
    auto table = when.table("time");
    if (!table)
        return std::nullopt;
    TimeCondition time;
    read_between(*table, time);
    read_zone(*table, time);
    if (table->has("days"))
        time.days = 0;
    for (const auto& [day, place] : table->strings("days")) {
        const auto found = std::ranges::find(day_names, day);
        if (found == day_names.end())
            table->unknown(place, "day", day, day_names);
        else
            time.days = static_cast<std::uint8_t>(time.days | (1U << (found - day_names.begin())));
    }
    table->finish();
    return time;
}

/// A connection starts before there are statements.
void read_startup_keys(TomlTable& when, Rule& rule)
{
    if (!when.has("startup_key"))
        return;
    for (auto& [key, place] : when.strings("startup_key")) {
        if (key.empty())
            when.error(place, "startup_key holds an empty name");
        else if (lower(key) == "client_encoding")
            when.error(place, "client_encoding other than UTF8 cannot be allowed",
                       "stepgate could not tell where a literal ends");
        rule.startup_keys.push_back(lower(key));
    }
    for (const std::string_view key :
         {"message", "statement", "object", "object_not", "where", "destructive", "cascade", "temporary", "opaque",
          "reads", "writes", "calls", "in_transaction", "sql_regex"})
        if (when.has(key))
            when.error(when.place(key), "a rule about startup_key cannot look at statements",
                       "make another rule with " + std::string{key});
}

void read_messages(TomlTable& when, Rule& rule)
{
    static constexpr std::array<std::string_view, 1> messages{"function_call"};
    if (!when.has("message"))
        return;
    for (const auto& [message, place] : when.strings("message")) {
        if (message == messages.front())
            rule.function_calls = true;
        else
            when.unknown(place, "message", message, messages);
    }
    if (when.has("sql_regex"))
        when.error(when.place("sql_regex"), "a function call has no text", "use calls = [\"schema.function\"]");
}

void read_when(TomlTable& when, Rule& rule, RuleContext context)
{
    read_startup_keys(when, rule);
    read_messages(when, rule);
    rule.facts.kinds = read_kinds(when);
    rule.facts.objects = read_objects(when, "object");
    rule.facts.objects_not = read_objects(when, "object_not");
    rule.facts.where = read_where(when);
    rule.facts.destructive = when.boolean("destructive");
    rule.facts.cascade = when.boolean("cascade");
    rule.facts.temporary = when.boolean("temporary");
    rule.facts.opaque = when.boolean("opaque");
    rule.facts.reads = read_access(when, "reads", context.labels);
    rule.facts.writes = read_access(when, "writes", context.labels);
    rule.facts.calls = read_patterns(when, "calls");
    read_user(when, rule.asker);
    read_address(when, rule.asker);
    rule.asker.listeners = read_words(when, "listener");
    rule.asker.databases = read_words(when, "database");
    rule.asker.roles = read_words(when, "role");
    rule.asker.application_name = read_regex(when, "application_name_regex");
    rule.asker.time = read_time(when);
    rule.asker.in_transaction = when.boolean("in_transaction");
    if (const auto pattern = when.string("sql_regex")) {
        std::string error;
        rule.sql_regex = context.sql_regexes.add(pattern->value, error);
        if (!rule.sql_regex)
            when.error(pattern->place, "sql_regex: " + error, "the syntax is RE2's");
    }
    when.finish();
}

bool good_id(std::string_view id)
{
    return std::ranges::all_of(id, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    });
}

} // namespace

std::shared_ptr<const re2::RE2> read_regex(TomlTable& table, std::string_view key)
{
    const auto pattern = table.string(key);
    if (!pattern)
        return nullptr;
    std::string error;
    auto regex = compile_regex(pattern->value, error);
    if (!regex)
        table.error(pattern->place, std::string{key} + ": " + error, "the syntax is RE2's");
    return regex;
}

LabelSet read_labels(TomlTable& table, std::string_view key, const LabelNames& known)
{
    LabelSet set;
    const std::vector<std::string_view> names{known.all().begin(), known.all().end()};
    for (const auto& [name, place] : table.strings(key)) {
        if (const auto id = known.find(name))
            set.add(*id);
        else
            table.unknown(place, "label", name, names);
    }
    return set;
}

Rule read_rule(TomlTable& table, RuleContext context)
{
    Rule rule;
    rule.file = table.file();
    rule.line = table.place().line;
    rule.column = table.place().column;
    if (auto id = table.required_string("id")) {
        if (!good_id(id->value)) // ids are joined with commas in the audit and shown in terminals
            table.error(id->place, "a rule id is made of letters, digits, - and _: \"" + id->value + '"');
        rule.line = id->place.line;
        rule.column = id->place.column;
        rule.id = std::move(id->value);
    }
    if (auto because = table.string("because"))
        rule.because = std::move(because->value);
    if (auto when = table.table("when"))
        read_when(*when, rule, context);
    else if (!table.has("when"))
        table.missing("the rule has no when", "when = {} holds for every statement");
    if (auto outcome = read_outcome(table, "then")) {
        rule.outcome = std::move(*outcome);
        if (!rule.startup_keys.empty() && rule.outcome.action == Action::challenge)
            table.error(table.place("then"), "a connection cannot wait for a proof", "then is allow, notify or deny");
    } else if (!table.has("then"))
        table.missing("the rule has no then", "then = \"deny\", or {challenge = {level = 1}}");
    table.finish();
    return rule;
}

} // namespace stepgate::policies::rules
