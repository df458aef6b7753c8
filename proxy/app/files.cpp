#include "proxy/app/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace stepgate::proxy::app
{
namespace
{

std::string failure(const std::filesystem::path& file, std::string_view what, int error)
{
    return std::string(what) + " " + file.string() + ": " + std::generic_category().message(error);
}

} // namespace

std::string write_file(const std::filesystem::path& file, std::string_view content, FileMode mode)
{
    std::error_code made;
    if (file.has_parent_path())
        std::filesystem::create_directories(file.parent_path(), made);
    if (made)
        return failure(file.parent_path(), "cannot make the folder", made.value());
    // O_EXCL: a file that is there belongs to somebody; a secret must never pass through a wider mode.
    const int descriptor =
        ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode == FileMode::secret ? 0600 : 0644);
    if (descriptor < 0)
        return failure(file, "cannot write", errno);
    std::string error;
    while (!content.empty() && error.empty()) {
        const auto written = ::write(descriptor, content.data(), content.size());
        if (written < 0 && errno != EINTR)
            error = failure(file, "cannot write", errno);
        else if (written > 0)
            content.remove_prefix(static_cast<std::size_t>(written));
    }
    ::close(descriptor);
    return error;
}

} // namespace stepgate::proxy::app
