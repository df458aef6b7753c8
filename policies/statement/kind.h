#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace stepgate::policies::statement
{

/// The SQL dialect a text is written in. MySQL and MariaDB share a wire, not a grammar.
enum class Dialect : std::uint8_t { postgres, mysql, mariadb };

/// What a statement does, as rules and the audit name it. `to_string` gives the name used in policies ("delete").
enum class Kind : std::uint8_t {
    select,
    insert,
    update,
    delete_rows,
    merge,
    truncate,
    copy_to,
    copy_from,
    create,
    alter,
    drop,
    rename,
    comment,
    grant,
    revoke,
    role,
    call,
    do_block,
    explain,
    prepare,
    execute,
    deallocate,
    declare_cursor,
    fetch,
    close_cursor,
    begin,
    commit,
    rollback,
    savepoint,
    prepare_transaction,
    set_transaction,
    set,
    show,
    discard,
    lock,
    listen,
    notify,
    analyze,
    vacuum,
    reindex,
    cluster,
    refresh,
    checkpoint,
    load,
    handler,
    kill,
    use,
    empty,   // no statement at all: an empty query
    other,   // known to the parser, not worth a name of its own
    unknown, // not understood; always opaque
};

/// What its names mean is another thing afterwards.
[[nodiscard]] constexpr bool changes_definitions(Kind kind)
{
    return kind == Kind::create || kind == Kind::alter || kind == Kind::drop || kind == Kind::rename;
}

[[nodiscard]] std::string_view to_string(Kind kind);
[[nodiscard]] std::optional<Kind> kind_from_string(std::string_view name);
[[nodiscard]] std::string_view to_string(Dialect dialect);
[[nodiscard]] std::optional<Dialect> dialect_from_string(std::string_view name);

} // namespace stepgate::policies::statement
