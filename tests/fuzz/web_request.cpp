// What a browser, or somebody who pretends to be one, sends to the web server: target, cookies, JSON body, times.
#include "challenge-web/server/http_text.h"
#include "challenge-web/server/json_body.h"
#include "challenge-web/server/readable.h"
#include "challenge-web/server/replies.h"

#include <boost/json/error.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace
{

namespace web = stepgate::challenge_web::server;

void require(bool condition)
{
    if (!condition)
        std::abort();
}

void read_target(std::string_view text)
{
    const auto target = web::parse_target(text);
    if (!target)
        return;
    for (const auto& segment : target->segments)
        require(!segment.empty() && segment != "." && segment != ".." && segment.find('\0') == std::string::npos);
    for (const auto& [name, value] : target->query)
        require(name.find('\n') == std::string::npos && value.find('\n') == std::string::npos);
}

void read_body(std::string_view text)
{
    web::Request request;
    request.headers = {{"content-type", "application/json"}};
    request.body = std::string{text};
    web::JsonBody body(request);
    const auto user = body.text("user", 16);
    const auto credential = body.object("credential");
    if (const auto problem = body.problem())
        return;
    require(user.empty() || user.size() <= 16);
    boost::json::error_code code;
    require(credential.empty() || (boost::json::parse(credential, code), !code));
}

/// Whatever is shown must be JSON that a page can read.
void show(std::string_view text)
{
    const auto shown = web::readable(text, 4096).text;
    boost::json::error_code code;
    boost::json::parse(boost::json::serialize(boost::json::value(shown)), code);
    require(!code);
    if (!text.empty())
        (void)web::readable_value({std::string{text.substr(1)}, true, static_cast<unsigned char>(text[0])});
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    read_target(text);
    (void)web::find_cookie(text, "__Host-stepgate");
    if (const auto time = web::parse_rfc3339(text))
        (void)web::rfc3339(*time);
    read_body(text);
    show(text);
    return 0;
}
