#include "policies/statement/kind.h"

#include <algorithm>
#include <array>
#include <utility>

namespace stepgate::policies::statement
{
namespace
{

constexpr std::array kind_names{
    std::pair{Kind::select, std::string_view{"select"}},
    std::pair{Kind::insert, std::string_view{"insert"}},
    std::pair{Kind::update, std::string_view{"update"}},
    std::pair{Kind::delete_rows, std::string_view{"delete"}},
    std::pair{Kind::merge, std::string_view{"merge"}},
    std::pair{Kind::truncate, std::string_view{"truncate"}},
    std::pair{Kind::copy_to, std::string_view{"copy_to"}},
    std::pair{Kind::copy_from, std::string_view{"copy_from"}},
    std::pair{Kind::create, std::string_view{"create"}},
    std::pair{Kind::alter, std::string_view{"alter"}},
    std::pair{Kind::drop, std::string_view{"drop"}},
    std::pair{Kind::rename, std::string_view{"rename"}},
    std::pair{Kind::comment, std::string_view{"comment"}},
    std::pair{Kind::grant, std::string_view{"grant"}},
    std::pair{Kind::revoke, std::string_view{"revoke"}},
    std::pair{Kind::role, std::string_view{"role"}},
    std::pair{Kind::call, std::string_view{"call"}},
    std::pair{Kind::do_block, std::string_view{"do"}},
    std::pair{Kind::explain, std::string_view{"explain"}},
    std::pair{Kind::prepare, std::string_view{"prepare"}},
    std::pair{Kind::execute, std::string_view{"execute"}},
    std::pair{Kind::deallocate, std::string_view{"deallocate"}},
    std::pair{Kind::declare_cursor, std::string_view{"declare_cursor"}},
    std::pair{Kind::fetch, std::string_view{"fetch"}},
    std::pair{Kind::close_cursor, std::string_view{"close_cursor"}},
    std::pair{Kind::begin, std::string_view{"begin"}},
    std::pair{Kind::commit, std::string_view{"commit"}},
    std::pair{Kind::rollback, std::string_view{"rollback"}},
    std::pair{Kind::savepoint, std::string_view{"savepoint"}},
    std::pair{Kind::prepare_transaction, std::string_view{"prepare_transaction"}},
    std::pair{Kind::set_transaction, std::string_view{"set_transaction"}},
    std::pair{Kind::set, std::string_view{"set"}},
    std::pair{Kind::show, std::string_view{"show"}},
    std::pair{Kind::discard, std::string_view{"discard"}},
    std::pair{Kind::lock, std::string_view{"lock"}},
    std::pair{Kind::listen, std::string_view{"listen"}},
    std::pair{Kind::notify, std::string_view{"notify"}},
    std::pair{Kind::analyze, std::string_view{"analyze"}},
    std::pair{Kind::vacuum, std::string_view{"vacuum"}},
    std::pair{Kind::reindex, std::string_view{"reindex"}},
    std::pair{Kind::cluster, std::string_view{"cluster"}},
    std::pair{Kind::refresh, std::string_view{"refresh"}},
    std::pair{Kind::checkpoint, std::string_view{"checkpoint"}},
    std::pair{Kind::load, std::string_view{"load"}},
    std::pair{Kind::handler, std::string_view{"handler"}},
    std::pair{Kind::kill, std::string_view{"kill"}},
    std::pair{Kind::use, std::string_view{"use"}},
    std::pair{Kind::empty, std::string_view{"empty"}},
    std::pair{Kind::other, std::string_view{"other"}},
    std::pair{Kind::unknown, std::string_view{"unknown"}},
};
static_assert(kind_names.size() == static_cast<std::size_t>(Kind::unknown) + 1);

constexpr std::array dialect_names{
    std::pair{Dialect::postgres, std::string_view{"postgres"}},
    std::pair{Dialect::mysql, std::string_view{"mysql"}},
    std::pair{Dialect::mariadb, std::string_view{"mariadb"}},
};

template <typename Table, typename Value>
std::string_view name_of(const Table& table, Value value)
{
    const auto found = std::ranges::find(table, value, [](const auto& entry) { return entry.first; });
    return found == table.end() ? std::string_view{} : found->second;
}

template <typename Table>
auto value_of(const Table& table, std::string_view name) -> std::optional<typename Table::value_type::first_type>
{
    const auto found = std::ranges::find(table, name, [](const auto& entry) { return entry.second; });
    if (found == table.end())
        return std::nullopt;
    return found->first;
}

} // namespace

std::string_view to_string(Kind kind)
{
    return name_of(kind_names, kind);
}

std::optional<Kind> kind_from_string(std::string_view name)
{
    return value_of(kind_names, name);
}

std::string_view to_string(Dialect dialect)
{
    return name_of(dialect_names, dialect);
}

std::optional<Dialect> dialect_from_string(std::string_view name)
{
    return value_of(dialect_names, name);
}

} // namespace stepgate::policies::statement
