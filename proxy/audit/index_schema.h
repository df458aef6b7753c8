#pragma once

#include <SQLiteCpp/Database.h>

#include <filesystem>

namespace stepgate::proxy::audit
{

/// Opens `index.db` (mode 0600) with its tables; makes it anew if it is missing, damaged or of another version: the
/// journal has everything. Throws SQLite::Exception.
[[nodiscard]] SQLite::Database open_index_for_writing(const std::filesystem::path& file);
void delete_index(const std::filesystem::path& file);

} // namespace stepgate::proxy::audit
