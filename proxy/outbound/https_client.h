#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace stepgate::proxy::outbound
{

/// One request over HTTPS. The certificate is verified, redirects are answers, and the environment's proxies are used.
struct HttpsRequest {
    std::string url;  // "https://…": anything else is refused
    std::string body; // makes it a POST, of application/x-www-form-urlencoded if `headers` name no other type
    std::vector<std::string> headers; // "Name: value"
    std::string user, password;       // HTTP's Basic, if a user is given
    std::string ca_file;              // "": the system's authorities
    std::chrono::seconds patience{10};
    std::size_t most_bytes = std::size_t{1} << 20; // of the answer
    const std::atomic<bool>* stopping = nullptr;   // set: the request fails soon after it has become true
};

struct HttpsAnswer {
    int status = 0;
    std::string body;
};

/// Blocks for `patience` at most: for worker threads. nullopt: there was no whole answer, and `problem` says why, as a
/// sentence for the log.
[[nodiscard]] std::optional<HttpsAnswer> https_request(const HttpsRequest& request, std::string& problem);

} // namespace stepgate::proxy::outbound
