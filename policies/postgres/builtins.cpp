#include "policies/postgres/builtins.h"

#include <algorithm>
#include <iterator>

namespace stepgate::policies::postgres
{
namespace
{

#include "policies/postgres/builtin_names.inc"

struct Danger {
    std::string_view name;
    std::string_view why;
    bool destructive = false;
};

constexpr std::string_view runs_text = "runs SQL given as text";
constexpr std::string_view server_file = "reads files or directories of the server";
constexpr std::string_view large_object = "reads or writes large objects";
constexpr std::string_view other_sessions = "acts on other sessions";
constexpr std::string_view server_state = "changes the state of the server";
constexpr std::string_view replication = "works on replication, which carries every table";
constexpr std::string_view waits = "makes the session wait";

// Sorted by name.
constexpr Danger dangers[] = {
    {"brin_desummarize_range", server_state},
    {"cursor_to_xml", runs_text},
    {"cursor_to_xmlschema", runs_text},
    {"database_to_xml", "reads every table of the database"},
    {"database_to_xml_and_xmlschema", "reads every table of the database"},
    {"database_to_xmlschema", "reads every table of the database"},
    {"dblink", "runs SQL given as text on another server"},
    {"dblink_exec", "runs SQL given as text on another server"},
    {"lo_close", large_object},
    {"lo_creat", large_object},
    {"lo_create", large_object},
    {"lo_export", "writes a file of the server", true},
    {"lo_from_bytea", large_object},
    {"lo_get", large_object},
    {"lo_import", server_file},
    {"lo_lseek", large_object},
    {"lo_lseek64", large_object},
    {"lo_open", large_object},
    {"lo_put", large_object, true},
    {"lo_tell", large_object},
    {"lo_tell64", large_object},
    {"lo_truncate", large_object, true},
    {"lo_truncate64", large_object, true},
    {"lo_unlink", "deletes a large object", true},
    {"loread", large_object},
    {"lowrite", large_object, true},
    {"pg_cancel_backend", other_sessions},
    {"pg_copy_logical_replication_slot", replication},
    {"pg_copy_physical_replication_slot", replication},
    {"pg_create_logical_replication_slot", replication},
    {"pg_create_physical_replication_slot", replication},
    {"pg_drop_replication_slot", replication, true},
    {"pg_file_rename", "renames files of the server", true},
    {"pg_file_unlink", "deletes files of the server", true},
    {"pg_file_write", "writes files of the server", true},
    {"pg_import_system_collations", server_state},
    {"pg_log_backend_memory_contexts", other_sessions},
    {"pg_logical_emit_message", replication},
    {"pg_logical_slot_get_binary_changes", replication},
    {"pg_logical_slot_get_changes", replication},
    {"pg_logical_slot_peek_binary_changes", replication},
    {"pg_logical_slot_peek_changes", replication},
    {"pg_ls_archive_statusdir", server_file},
    {"pg_ls_dir", server_file},
    {"pg_ls_logdir", server_file},
    {"pg_ls_logicalmapdir", server_file},
    {"pg_ls_logicalsnapdir", server_file},
    {"pg_ls_replslotdir", server_file},
    {"pg_ls_tmpdir", server_file},
    {"pg_ls_waldir", server_file},
    {"pg_promote", server_state},
    {"pg_read_binary_file", server_file},
    {"pg_read_file", server_file},
    {"pg_read_file_old", server_file},
    {"pg_reload_conf", server_state},
    {"pg_rotate_logfile", server_state},
    {"pg_rotate_logfile_old", server_state},
    {"pg_sleep", waits},
    {"pg_sleep_for", waits},
    {"pg_sleep_until", waits},
    {"pg_stat_file", server_file},
    {"pg_stat_reset", server_state},
    {"pg_stat_reset_shared", server_state},
    {"pg_switch_wal", server_state},
    {"pg_terminate_backend", other_sessions},
    {"query_to_xml", runs_text},
    {"query_to_xml_and_xmlschema", runs_text},
    {"query_to_xmlschema", runs_text},
    {"schema_to_xml", "reads every table of a schema"},
    {"schema_to_xml_and_xmlschema", "reads every table of a schema"},
    {"schema_to_xmlschema", "reads every table of a schema"},
    {"table_to_xml", "reads a table named by text"},
    {"table_to_xml_and_xmlschema", "reads a table named by text"},
    {"table_to_xmlschema", "reads a table named by text"},
    {"ts_rewrite", runs_text},
    {"ts_stat", runs_text},
};

struct RelationReader {
    std::string_view function, relation;
};
// Functions behind the views that packs name. Sorted by name.
constexpr RelationReader readers[] = {
    {"pg_get_publication_tables", "pg_publication_tables"},
    {"pg_hba_file_rules", "pg_hba_file_rules"},
    {"pg_ident_file_mappings", "pg_ident_file_mappings"},
    {"pg_show_all_file_settings", "pg_file_settings"},
    {"pg_show_all_settings", "pg_settings"},
    {"pg_stat_get_activity", "pg_stat_activity"},
    {"pg_stat_get_backend_activity", "pg_stat_activity"},
};

// Sorted.
constexpr std::string_view information_schema_functions[] = {
    "_pg_char_max_length", "_pg_char_octet_length", "_pg_datetime_precision", "_pg_expandarray",
    "_pg_index_position",  "_pg_interval_type",     "_pg_numeric_precision",  "_pg_numeric_precision_radix",
    "_pg_numeric_scale",   "_pg_truetypid",         "_pg_truetypmod",
};

static_assert(std::ranges::is_sorted(harmless_functions));
static_assert(std::ranges::is_sorted(row_functions));
static_assert(std::ranges::is_sorted(composite_functions));
static_assert(std::ranges::is_sorted(catalog_relations));
static_assert(std::ranges::is_sorted(harmless_symbols));
static_assert(std::ranges::is_sorted(operators));
static_assert(std::ranges::is_sorted(types));
static_assert(std::ranges::is_sorted(dangers, {}, &Danger::name));
static_assert(std::ranges::is_sorted(readers, {}, &RelationReader::function));
static_assert(std::ranges::is_sorted(information_schema_functions));

std::string_view relation_read_by(std::string_view function)
{
    const auto* const found = std::ranges::lower_bound(readers, function, {}, &RelationReader::function);
    return found != std::end(readers) && found->function == function ? found->relation : std::string_view{};
}

} // namespace

Builtin builtin_function(std::string_view name)
{
    if (std::ranges::binary_search(harmless_functions, name))
        return {.trust = Builtin::Trust::harmless, .danger = {}, .reads = relation_read_by(name)};
    const auto* const found = std::ranges::lower_bound(dangers, name, {}, &Danger::name);
    if (found != std::end(dangers) && found->name == name)
        return {.trust = Builtin::Trust::dangerous, .danger = found->why, .destructive = found->destructive};
    return {};
}

bool is_information_schema_function(std::string_view name)
{
    return std::ranges::binary_search(information_schema_functions, name);
}

bool takes_whole_row(std::string_view name)
{
    return std::ranges::binary_search(row_functions, name);
}

bool returns_rows(std::string_view name)
{
    return std::ranges::binary_search(composite_functions, name);
}

bool is_harmless_symbol(std::string_view symbol)
{
    return std::ranges::binary_search(harmless_symbols, symbol);
}

bool is_builtin_operator(std::string_view name)
{
    return std::ranges::binary_search(operators, name);
}

bool is_builtin_type(std::string_view name)
{
    return std::ranges::binary_search(types, name);
}

bool is_catalog_relation(std::string_view name)
{
    return std::ranges::binary_search(catalog_relations, name);
}

bool is_harmless_library(std::string_view definition)
{
    // Not among them: those that run SQL (dblink, tablefunc, xml2), read files, show what is on pages (and not only how
    // much, as pgstattuple does) or other sessions, or are triggers that do more than fill in a column of the new row.
    static constexpr std::string_view libraries[] = {
        "_int",          "autoinc",         "btree_gin",       "btree_gist",      "citext",    "cube",
        "earthdistance", "fuzzystrmatch",   "hstore",          "insert_username", "isn",       "ltree",
        "moddatetime",   "pg_freespacemap", "pg_prewarm",      "pg_trgm",         "pgcrypto",  "pgstattuple",
        "seg",           "tsm_system_rows", "tsm_system_time", "unaccent",        "uuid-ossp", "vector",
    };
    constexpr std::string_view before = "\nAS '$libdir/";
    const auto found = definition.rfind(before);
    if (found == std::string_view::npos)
        return false;
    definition.remove_prefix(found + before.size());
    return std::ranges::find(libraries, definition.substr(0, definition.find('\''))) != std::end(libraries);
}

} // namespace stepgate::policies::postgres
