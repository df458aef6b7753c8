#pragma once

#include "proxy/audit/errc.h"

#include <boost/system/result.hpp>

#include <filesystem>

namespace stepgate::proxy::audit
{

/// Holds an audit directory, for who writes the journal or makes the index anew, as long as it lives: a file in it, and
/// the directory itself, since a file that is deleted and made again is another one and locks nobody out. The file is
/// for what locks no directories (NFS).
class DirectoryLock
{
  public:
    /// errc::locked: somebody else has it; what to do about that the caller knows. errc::io: it cannot be locked.
    [[nodiscard]] static boost::system::result<DirectoryLock, Problem> take(const std::filesystem::path& directory);

    DirectoryLock(DirectoryLock&& other) noexcept;
    DirectoryLock& operator=(DirectoryLock&&) = delete;
    ~DirectoryLock();

  private:
    DirectoryLock(int file, int directory) : file_(file), directory_(directory) {}

    int file_;
    int directory_;
};

} // namespace stepgate::proxy::audit
