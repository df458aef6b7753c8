#include "proxy/audit/files.h"

#include "proxy/audit/errc.h"

#include <boost/system/errc.hpp>

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace stepgate::proxy::audit
{

namespace
{

using boost::system::error_code;

error_code last_error()
{
    return {errno, boost::system::system_category()};
}

class Descriptor
{
  public:
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor()
    {
        if (fd_ >= 0)
            ::close(fd_);
    }
    [[nodiscard]] int get() const { return fd_; }

  private:
    int fd_;
};

class PosixFile final : public OutFile
{
  public:
    explicit PosixFile(int fd) : fd_(fd) {}

    error_code write(std::span<const std::byte> bytes, std::size_t& written) override
    {
        written = 0;
        while (written < bytes.size()) {
            const auto n = ::write(fd_.get(), bytes.data() + written, bytes.size() - written);
            if (n > 0)
                written += static_cast<std::size_t>(n);
            else if (n == 0)
                return boost::system::errc::make_error_code(boost::system::errc::io_error);
            else if (errno != EINTR)
                return last_error();
        }
        return {};
    }

    error_code sync() override { return ::fdatasync(fd_.get()) == 0 ? error_code{} : last_error(); }

    error_code still_at(const std::filesystem::path& path) const override
    {
        struct stat named {
        };
        struct stat written {
        };
        if (::stat(path.c_str(), &named) != 0)
            return errno == ENOENT ? error_code{errc::moved} : last_error();
        if (::fstat(fd_.get(), &written) != 0)
            return last_error();
        const bool same = named.st_dev == written.st_dev && named.st_ino == written.st_ino;
        return same ? error_code{} : error_code{errc::moved};
    }

  private:
    Descriptor fd_;
};

class PosixFiles final : public Files
{
    using Result = boost::system::result<std::unique_ptr<OutFile>>;

    static Result open(const std::filesystem::path& path, int flags)
    {
        const int fd = ::open(path.c_str(), flags | O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
            return last_error();
        return std::unique_ptr<OutFile>{std::make_unique<PosixFile>(fd)};
    }

    Result create(const std::filesystem::path& path) override { return open(path, O_CREAT | O_TRUNC); }
    Result append_to(const std::filesystem::path& path) override { return open(path, 0); }

    error_code truncate(const std::filesystem::path& path, std::uint64_t size) override
    {
        const Descriptor file{::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW)};
        const bool done =
            file.get() >= 0 && ::ftruncate(file.get(), static_cast<off_t>(size)) == 0 && ::fsync(file.get()) == 0;
        return done ? error_code{} : last_error();
    }

    error_code rename(const std::filesystem::path& from, const std::filesystem::path& to) override
    {
        return ::rename(from.c_str(), to.c_str()) == 0 ? error_code{} : last_error();
    }

    error_code remove(const std::filesystem::path& path) override
    {
        return ::unlink(path.c_str()) == 0 || errno == ENOENT ? error_code{} : last_error();
    }

    error_code sync_directory(const std::filesystem::path& directory) override
    {
        const Descriptor opened{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
        return opened.get() >= 0 && ::fsync(opened.get()) == 0 ? error_code{} : last_error();
    }
};

} // namespace

std::shared_ptr<Files> posix_files()
{
    return std::make_shared<PosixFiles>();
}

boost::system::error_code replace_file(Files& files, const std::filesystem::path& path,
                                       std::span<const std::byte> content)
{
    auto temporary = path;
    temporary += ".tmp";
    {
        auto file = files.create(temporary);
        if (!file)
            return file.error();
        std::size_t written = 0;
        if (auto error = (*file)->write(content, written))
            return error;
        if (auto error = (*file)->sync())
            return error;
    }
    return files.rename(temporary, path);
}

boost::system::result<std::string> read_file(const std::filesystem::path& path, std::size_t limit)
{
    const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (file.get() < 0)
        return last_error();
    std::string content;
    char chunk[4096];
    for (;;) {
        const auto n = ::read(file.get(), chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return last_error();
        if (n == 0)
            return content;
        content.append(chunk, static_cast<std::size_t>(n));
        if (content.size() > limit)
            return boost::system::errc::make_error_code(boost::system::errc::file_too_large);
    }
}

} // namespace stepgate::proxy::audit
