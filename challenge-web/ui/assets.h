#pragma once

#include <span>
#include <string_view>

/// The built pages, embedded in the binary. Everything here is constant and lives as long as the process.
namespace stepgate::challenge_web::ui
{

/// A file of the web app as it goes over the wire.
struct Asset {
    std::string_view path;         // "/index.html", "/assets/index-1a2b3c4d.js"
    std::string_view content_type; // with charset where it is text
    std::span<const unsigned char> bytes;
    bool gzip = false;      // bytes are gzip: send Content-Encoding: gzip
    std::string_view etag;  // quoted, strong: SHA-256 of the bytes
    bool immutable = false; // the name carries a hash of the content: cache for ever
};

/// The file at exactly this path, or nullptr. The app routes by history: for a path of a page ("/inbox", "/c/…") the
/// server answers "/index.html".
[[nodiscard]] const Asset* find(std::string_view path);

/// All files, sorted by path. Empty when built with STEPGATE_UI=OFF.
[[nodiscard]] std::span<const Asset> all();

} // namespace stepgate::challenge_web::ui
