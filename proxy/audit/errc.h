#pragma once

#include <boost/system/error_category.hpp>
#include <boost/system/error_code.hpp>
#include <boost/throw_exception.hpp>

#include <stdexcept>
#include <string>
#include <type_traits>

namespace stepgate::proxy::audit
{

/// Why the audit could not do what was asked.
enum class errc {
    locked = 1,       // another process writes this journal
    io,               // the operating system refused: disk full, no permission, hardware
    moved,            // the file that is written no longer has the name of the journal's last segment
    damaged,          // the journal is not what a writer leaves behind, even after a crash: nobody may append to it
    bad_key,          // a key file is missing, unreadable or not a key
    malformed,        // bytes that are no record in canonical form
    not_found,        // no such record
    index_unavailable // the index is missing, of another version, or cannot be read
};

[[nodiscard]] const boost::system::error_category& audit_category();
[[nodiscard]] inline boost::system::error_code make_error_code(errc code)
{
    return {static_cast<int>(code), audit_category()};
}

/// An error that a person has to act on: `message` names the file and says what to do.
struct Problem {
    errc code{};
    std::string message;
};

/// boost::system::result<T, Problem>::value() throws this; callers that look first never see it.
[[noreturn]] inline void throw_exception_from_error(const Problem& problem, const boost::source_location& where)
{
    boost::throw_exception(std::runtime_error(problem.message), where);
}

} // namespace stepgate::proxy::audit

template <>
struct boost::system::is_error_code_enum<stepgate::proxy::audit::errc> : std::true_type {
};
