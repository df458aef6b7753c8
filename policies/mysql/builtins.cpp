#include "policies/mysql/builtins.h"

#include <algorithm>
#include <iterator>
#include <span>

namespace stepgate::policies::mysql
{
namespace
{

#include "policies/mysql/builtin_names.inc"

struct Danger {
    std::string_view name;
    std::string_view why;
};

constexpr std::string_view waits = "makes the session wait";
constexpr std::string_view shows = "shows values in its errors";
constexpr std::string_view programs = "runs programs on the server";

// Sorted by name.
constexpr Danger dangers[] = {
    {"benchmark", waits},
    {"extractvalue", shows},
    {"load_file", "reads a file of the server"},
    {"master_gtid_wait", waits},
    {"master_pos_wait", waits},
    {"sleep", waits},
    {"source_pos_wait", waits},
    {"sys_eval", programs},
    {"sys_exec", programs},
    {"sys_get", programs},
    {"sys_set", programs},
    {"updatexml", shows},
    {"wait_for_executed_gtid_set", waits},
    {"wait_until_sql_thread_after_gtids", waits},
    {"wsrep_sync_wait_upto_gtid", waits},
};

struct Late {
    std::string_view name;
    unsigned since;
};
// Harmless too, but younger than the oldest version supported. Sorted by name.
constexpr Late late_in_mysql[] = {
    {"etag", 90700},
    {"from_vector", 90000},
    {"st_lineinterpolatepoints", 80024},
    {"st_pointatdistance", 80024},
    {"string_to_vector", 90000},
    {"to_vector", 90000},
    {"vector_dim", 90000},
    {"vector_to_string", 90000},
};
constexpr Late late_in_mariadb[] = {
    {"crc32c", 100800},
    {"json_array_intersect", 110200},
    {"json_equals", 100700},
    {"json_key_value", 110200},
    {"json_normalize", 100700},
    {"json_object_filter_keys", 110200},
    {"json_object_to_array", 110200},
    {"json_overlaps", 100900},
    {"natural_sort_key", 100700},
    {"random_bytes", 101000},
    {"sformat", 100700},
};

bool is_late(std::span<const Late> list, std::string_view name, unsigned version)
{
    const auto found = std::ranges::lower_bound(list, name, {}, &Late::name);
    return found != list.end() && found->name == name && found->since <= version;
}

// Sorted.
constexpr std::string_view parenthesis_in_mariadb[] = {
    "cume_dist",    "dense_rank",      "first_value",     "lag",  "lead",       "median",      "nth_value", "ntile",
    "percent_rank", "percentile_cont", "percentile_disc", "rank", "row_number", "trim_oracle",
};

static_assert(std::ranges::is_sorted(mysql_functions));
static_assert(std::ranges::is_sorted(mariadb_functions));
static_assert(std::ranges::is_sorted(grammar_functions));
static_assert(std::ranges::is_sorted(dangers, {}, &Danger::name));
static_assert(std::ranges::is_sorted(late_in_mysql, {}, &Late::name));
static_assert(std::ranges::is_sorted(late_in_mariadb, {}, &Late::name));
static_assert(std::ranges::is_sorted(parenthesis_in_mariadb));

} // namespace

Builtin builtin_function(std::string_view name, bool keyword_syntax, const ServerVersion& version)
{
    const bool ships =
        version.mariadb
            ? std::ranges::binary_search(mariadb_functions, name) || is_late(late_in_mariadb, name, version.low)
            : std::ranges::binary_search(mysql_functions, name) || is_late(late_in_mysql, name, version.low);
    if (ships && (keyword_syntax || !std::ranges::binary_search(grammar_functions, name)))
        return {.trust = Builtin::Trust::harmless};
    const auto* const found = std::ranges::lower_bound(dangers, name, {}, &Danger::name);
    if (found != std::end(dangers) && found->name == name)
        return {.trust = Builtin::Trust::dangerous, .danger = found->why};
    return {};
}

bool needs_parenthesis_in_mariadb(std::string_view name)
{
    return std::ranges::binary_search(parenthesis_in_mariadb, name);
}

} // namespace stepgate::policies::mysql
