#include "proxy/session/postgres_startup.h"

#include "policies/postgres/identifier_list.h"
#include "policies/statement/ascii.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <string_view>

namespace stepgate::proxy::session
{

namespace
{

using policies::lower;

// Settings that change neither how texts are read nor who the session is. Sorted, lower case.
constexpr std::array<std::string_view, 33> harmless{
    "application_name",
    "bytea_output",
    "client_connection_check_interval",
    "client_min_messages",
    "commit_delay",
    "datestyle",
    "default_transaction_deferrable",
    "default_transaction_isolation",
    "default_transaction_read_only",
    "enable_hashjoin",
    "enable_mergejoin",
    "enable_nestloop",
    "enable_seqscan",
    "extra_float_digits",
    "geqo",
    "geqo_threshold",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
    "intervalstyle",
    "jit",
    "lc_messages",
    "lc_monetary",
    "lc_numeric",
    "lc_time",
    "lock_timeout",
    "max_parallel_workers_per_gather",
    "plan_cache_mode",
    "random_page_cost",
    "statement_timeout",
    "tcp_keepalives_idle",
    "tcp_keepalives_interval",
    "timezone",
    "work_mem",
};

/// "UTF8", "utf-8", "unicode". SQL_ASCII means "no conversion" (psql says so in the C locale): as UTF8 it is the same.
bool is_utf8(std::string_view encoding)
{
    std::string plain;
    for (const char c : encoding)
        if (std::isalnum(static_cast<unsigned char>(c)) != 0)
            plain.push_back(lower(c));
    return plain == "utf8" || plain == "unicode" || plain == "sqlascii";
}

class Checker
{
  public:
    std::optional<StartupRefusal> take(std::string_view name, std::string_view value);
    ClientStartup startup;

  private:
    std::optional<StartupRefusal> setting(std::string_view name, std::string_view value);
    std::optional<StartupRefusal> options(std::string_view value);
    std::optional<StartupRefusal> option(std::string_view assignment);
};

std::optional<StartupRefusal> Checker::setting(std::string_view name, std::string_view value)
{
    if (name == "client_encoding") {
        if (!is_utf8(value))
            return StartupRefusal{"22023", "client_encoding \"" + std::string{value} + "\" is not accepted by stepgate",
                                  "Use UTF8 (PGCLIENTENCODING=UTF8)."};
        return std::nullopt; // sent to the server in any case, see check_startup
    }
    if (name == "search_path") {
        auto path = policies::postgres::identifier_list(value, ',');
        if (!path)
            return StartupRefusal{"22023", "search_path cannot be read", ""};
        startup.state.search_path = std::move(*path);
        startup.parameters.emplace_back(name, value);
        return std::nullopt;
    }
    if (!std::binary_search(harmless.begin(), harmless.end(), name))
        startup.needs_rule.emplace_back(name);
    if (name == "role" && value != "none")
        startup.state.role = value;
    if (name == "session_authorization")
        startup.state.user = value;
    if (name == "application_name")
        startup.application_name = value;
    startup.parameters.emplace_back(name, value);
    return std::nullopt;
}

std::optional<StartupRefusal> Checker::option(std::string_view assignment)
{
    const auto equals = assignment.find('=');
    if (equals == std::string_view::npos)
        return StartupRefusal{"42601", "\"options\" cannot be read: a setting without a value", "Use -c name=value."};
    auto name = lower(assignment.substr(0, equals));
    std::replace(name.begin(), name.end(), '-', '_');
    return setting(name, assignment.substr(equals + 1));
}

/// As the server splits it: white space separates, a backslash takes the next character as it is.
std::vector<std::string> split_options(std::string_view value)
{
    std::vector<std::string> words;
    bool in_word = false;
    for (std::size_t at = 0; at < value.size(); ++at) {
        if (std::isspace(static_cast<unsigned char>(value[at])) != 0) {
            in_word = false;
            continue;
        }
        if (value[at] == '\\' && at + 1 < value.size())
            ++at;
        if (!in_word)
            words.emplace_back();
        in_word = true;
        words.back().push_back(value[at]);
    }
    return words;
}

std::optional<StartupRefusal> Checker::options(std::string_view value)
{
    const auto words = split_options(value);
    for (std::size_t at = 0; at < words.size(); ++at) {
        std::string_view word = words[at];
        if (word == "-c" && at + 1 < words.size())
            word = words[++at];
        else if (word.starts_with("--") || word.starts_with("-c"))
            word.remove_prefix(2);
        else
            return StartupRefusal{"42501", "\"options\" may hold only -c name=value through stepgate", ""};
        if (auto refusal = option(word))
            return refusal;
    }
    return std::nullopt;
}

std::optional<StartupRefusal> Checker::take(std::string_view name, std::string_view value)
{
    if (name.starts_with("_pq_.")) {
        startup.unknown_options.emplace_back(name);
        return std::nullopt;
    }
    const auto key = lower(name);
    if (key == "user")
        startup.user = value;
    else if (key == "database")
        startup.database = value;
    else if (key == "replication") {
        const auto wanted = lower(value);
        if (wanted == "false" || wanted == "off" || wanted == "no" || wanted == "0")
            return std::nullopt;
        startup.replication = true;
        startup.runs_sql = wanted == "database";
        startup.needs_rule.emplace_back(key);
        startup.parameters.emplace_back(key, value);
    } else if (key == "options")
        return options(value);
    else
        return setting(key, value);
    return std::nullopt;
}

} // namespace

std::variant<ClientStartup, StartupRefusal> check_startup(const protocols::postgres::Startup& startup)
{
    Checker checker;
    for (const auto& [name, value] : startup.parameters)
        if (auto refusal = checker.take(name, value))
            return std::move(*refusal);
    auto& checked = checker.startup;
    if (checked.user.empty())
        return StartupRefusal{"28000", "no user name given", ""};
    if (checked.database.empty())
        checked.database = checked.user;
    // 3.1 was never used; 3.2 is the newest that there is.
    checked.version = {3, static_cast<std::uint16_t>(startup.version.minor >= 2 ? 2 : 0)};
    checked.negotiate = startup.version.minor != checked.version.minor || !checked.unknown_options.empty();
    checked.parameters.emplace_back("client_encoding", "UTF8");
    std::ranges::sort(checked.needs_rule);
    checked.needs_rule.erase(std::unique(checked.needs_rule.begin(), checked.needs_rule.end()),
                             checked.needs_rule.end());
    return std::move(checked);
}

} // namespace stepgate::proxy::session
