#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stepgate::challenge_web::server
{

enum class Method : std::uint8_t { get, head, post, remove, other };

/// One HTTP request as handlers see it: plain values, nothing of the transport.
struct Request {
    Method method = Method::get;
    std::string target;                                       // as sent: path, then "?query"
    std::vector<std::pair<std::string, std::string>> headers; // names in lower case
    std::string body;
    std::string client_address;

    /// The first header of that (lower-case) name, or "".
    [[nodiscard]] std::string_view header(std::string_view name) const
    {
        for (const auto& [key, value] : headers)
            if (key == name)
                return value;
        return {};
    }
    [[nodiscard]] std::size_t count(std::string_view name) const
    {
        std::size_t found = 0;
        for (const auto& entry : headers)
            found += entry.first == name ? 1 : 0;
        return found;
    }
};

/// The connection goes on as a stream of events for this user (EventHub), until the session ends.
struct EventStream {
    std::string user;
    std::string session;                    // hash of the session's token: sign-out ends the stream
    std::chrono::milliseconds remaining{0}; // until the session ends for good
};

struct Response {
    int status = 200;
    std::string content_type;
    std::string body;
    std::span<const unsigned char> borrowed; // used instead of `body` when not empty; lives as long as the process
    std::vector<std::pair<std::string, std::string>> headers;
    std::optional<EventStream> stream;
    /// Answer this long after the request came in, however long the handler took: refusals tell nothing by their time.
    std::chrono::milliseconds hold_for{0};
};

} // namespace stepgate::challenge_web::server
