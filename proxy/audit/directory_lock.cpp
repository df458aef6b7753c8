#include "proxy/audit/directory_lock.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#include <utility>

namespace stepgate::proxy::audit
{

boost::system::result<DirectoryLock, Problem> DirectoryLock::take(const std::filesystem::path& directory)
{
    const auto path = directory / "lock";
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return Problem{errc::io, "cannot open " + path.string() + ": " + std::strerror(errno)};
    DirectoryLock lock{fd, ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    const bool another_has_it =
        ::flock(fd, LOCK_EX | LOCK_NB) != 0 ||
        (lock.directory_ >= 0 && ::flock(lock.directory_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK);
    if (another_has_it)
        return Problem{errc::locked, directory.string() + " is written by another stepgate: stop it"};
    return lock;
}

DirectoryLock::DirectoryLock(DirectoryLock&& other) noexcept
    : file_(std::exchange(other.file_, -1)), directory_(std::exchange(other.directory_, -1))
{
}

DirectoryLock::~DirectoryLock()
{
    for (const int fd : {file_, directory_})
        if (fd >= 0)
            ::close(fd);
}

} // namespace stepgate::proxy::audit
