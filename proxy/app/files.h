#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace stepgate::proxy::app
{

enum class FileMode : std::uint8_t {
    readable, // 0644
    secret,   // 0600
};

/// Writes a new file, making its folders. Never overwrites. Returns "" or a sentence that names the file.
[[nodiscard]] std::string write_file(const std::filesystem::path& file, std::string_view content, FileMode mode);

} // namespace stepgate::proxy::app
