#pragma once

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

namespace stepgate::proxy::audit
{

/// A file that is only ever appended to.
class OutFile
{
  public:
    virtual ~OutFile() = default;
    /// Appends; `written` says how much arrived, also when an error cut it short.
    [[nodiscard]] virtual boost::system::error_code write(std::span<const std::byte> bytes, std::size_t& written) = 0;
    [[nodiscard]] virtual boost::system::error_code sync() = 0; // fdatasync
    /// errc::moved where `path` names this file no longer: what is written to it nobody would find.
    [[nodiscard]] virtual boost::system::error_code still_at(const std::filesystem::path& path) const = 0;
};

/// Everything that the writer does to the disk, so that tests can make each step fail.
class Files
{
  public:
    virtual ~Files() = default;
    /// A new empty file, mode 0600; what has the name already is replaced.
    [[nodiscard]] virtual boost::system::result<std::unique_ptr<OutFile>> create(const std::filesystem::path& path) = 0;
    [[nodiscard]] virtual boost::system::result<std::unique_ptr<OutFile>>
    append_to(const std::filesystem::path& path) = 0;
    [[nodiscard]] virtual boost::system::error_code truncate(const std::filesystem::path& path, std::uint64_t size) = 0;
    [[nodiscard]] virtual boost::system::error_code rename(const std::filesystem::path& from,
                                                           const std::filesystem::path& to) = 0;
    [[nodiscard]] virtual boost::system::error_code remove(const std::filesystem::path& path) = 0;
    [[nodiscard]] virtual boost::system::error_code sync_directory(const std::filesystem::path& directory) = 0;
};

[[nodiscard]] std::shared_ptr<Files> posix_files();

/// Replaces a small file so that a crash leaves the old or the new one.
[[nodiscard]] boost::system::error_code replace_file(Files& files, const std::filesystem::path& path,
                                                     std::span<const std::byte> content);
/// A whole small file; at most `limit` bytes.
[[nodiscard]] boost::system::result<std::string> read_file(const std::filesystem::path& path,
                                                           std::size_t limit = 1 << 20);

} // namespace stepgate::proxy::audit
