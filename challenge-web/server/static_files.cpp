#include "challenge-web/server/replies.h"
#include "challenge-web/server/site.h"

namespace stepgate::challenge_web::server
{

namespace
{

// The pages load nothing from elsewhere, run no inline script, and cannot be framed.
constexpr std::string_view page_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; worker-src 'self'; "
    "manifest-src 'self'; img-src 'self' data:; font-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'self'";
constexpr std::string_view api_policy =
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

bool names_a_file(const Target& target)
{
    return !target.segments.empty() && target.segments.back().find('.') != std::string::npos;
}

/// RFC 9110 13.1.2; "*" and lists, weak or not: the tag anywhere in the header is enough for a GET.
bool same_version(const Request& request, std::string_view etag)
{
    return !etag.empty() && request.header("if-none-match").find(etag) != std::string_view::npos;
}

} // namespace

void add_security_headers(Response& response, bool api)
{
    const auto add = [&](std::string_view name, std::string_view value) { response.headers.emplace_back(name, value); };
    add("Strict-Transport-Security", "max-age=31536000");
    add("Content-Security-Policy", api ? api_policy : page_policy);
    add("X-Content-Type-Options", "nosniff");
    add("X-Frame-Options", "DENY");
    add("Referrer-Policy", "no-referrer");
    add("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=(), "
                              "publickey-credentials-get=(self), publickey-credentials-create=(self)");
    add("Cross-Origin-Opener-Policy", "same-origin");
    add("Cross-Origin-Resource-Policy", "same-origin");
    for (const auto& header : response.headers)
        if (header.first == "Cache-Control")
            return;
    add("Cache-Control", "no-store");
}

Response static_file(const FindAsset& assets, const Request& request, const Target& target)
{
    auto asset = assets ? assets(target.path) : std::nullopt;
    if (!asset && assets && !names_a_file(target))
        asset = assets("/index.html"); // the app routes /inbox, /c/{id}, … by itself
    if (!asset)
        return not_found();
    Response response;
    response.content_type = std::string{asset->content_type};
    response.headers.emplace_back("Cache-Control",
                                  asset->immutable ? "public, max-age=31536000, immutable" : "no-cache");
    if (!asset->etag.empty())
        response.headers.emplace_back("ETag", std::string{asset->etag});
    if (same_version(request, asset->etag)) {
        response.status = 304;
        return response;
    }
    if (asset->gzip)
        response.headers.emplace_back("Content-Encoding", "gzip");
    response.borrowed = asset->bytes;
    return response;
}

} // namespace stepgate::challenge_web::server
