#include "challenge-web/server/public_url.h"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace stepgate::challenge_web::server
{
namespace
{

/// 0: not a port. (The library's own port_number makes 34463 of 99999.)
std::uint16_t port_in(boost::urls::string_view digits)
{
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    return error == std::errc{} && end == digits.data() + digits.size() ? port : std::uint16_t{0};
}

} // namespace

std::optional<PublicUrl> parse_public_url(std::string_view url)
{
    const auto parsed = boost::urls::parse_absolute_uri(boost::urls::string_view{url.data(), url.size()});
    if (parsed.has_error() || parsed->scheme_id() != boost::urls::scheme::https)
        return std::nullopt;
    if (parsed->has_userinfo() || parsed->has_query() || parsed->encoded_host().empty())
        return std::nullopt;
    if (!parsed->encoded_path().empty() && parsed->encoded_path() != "/")
        return std::nullopt;
    const std::uint16_t port = parsed->has_port() ? port_in(parsed->port()) : std::uint16_t{443};
    if (port == 0)
        return std::nullopt;
    PublicUrl result;
    result.host = std::string{parsed->encoded_host().data(), parsed->encoded_host().size()};
    std::transform(result.host.begin(), result.host.end(), result.host.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    result.address = parsed->host_type() != boost::urls::host_type::name;
    result.origin = "https://" + result.host;
    if (port != 443)
        result.origin += ":" + std::to_string(port);
    return result;
}

} // namespace stepgate::challenge_web::server
