#pragma once

#include <boost/system/error_category.hpp>
#include <boost/system/error_code.hpp>

#include <string>
#include <type_traits>

namespace stepgate::challenge_web::accounts
{

/// Why an account operation failed.
enum class errc {
    store_unavailable = 1, // the store cannot be read or written: refuse
    not_found,
    exists,
    used, // an enrolment link that was spent
    expired,
    replayed, // a counter or time step that was seen before
};

[[nodiscard]] inline const boost::system::error_category& accounts_category()
{
    static const struct Category final : boost::system::error_category {
        const char* name() const noexcept override { return "stepgate.accounts"; }
        std::string message(int code) const override
        {
            switch (static_cast<errc>(code)) {
            case errc::store_unavailable:
                return "the store is not available";
            case errc::not_found:
                return "not found";
            case errc::exists:
                return "exists already";
            case errc::used:
                return "was used already";
            case errc::expired:
                return "has expired";
            case errc::replayed:
                return "was seen before";
            }
            return "unknown accounts error";
        }
    } category;
    return category;
}

[[nodiscard]] inline boost::system::error_code make_error_code(errc code)
{
    return {static_cast<int>(code), accounts_category()};
}

} // namespace stepgate::challenge_web::accounts

template <>
struct boost::system::is_error_code_enum<stepgate::challenge_web::accounts::errc> : std::true_type {
};
