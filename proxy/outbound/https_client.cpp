#include "proxy/outbound/https_client.h"

#include "proxy/outbound/curl_setup.h"

#include <array>
#include <utility>

namespace stepgate::proxy::outbound
{

namespace
{

struct Received {
    std::string body;
    std::size_t most = 0;
};

/// CURLOPT_WRITEFUNCTION: fewer bytes than were given end the transfer.
std::size_t keep_some(char* from, std::size_t size, std::size_t count, void* to)
{
    auto& received = *static_cast<Received*>(to);
    if (size * count > received.most - received.body.size())
        return 0;
    received.body.append(from, size * count);
    return size * count;
}

} // namespace

std::optional<HttpsAnswer> https_request(const HttpsRequest& request, std::string& problem)
{
    const Curl curl = new_curl(request.patience, request.ca_file);
    const CurlList headers = curl_list(request.headers);
    if (!curl || (!headers && !request.headers.empty())) {
        problem = "no memory";
        return std::nullopt;
    }
    Received received;
    received.most = request.most_bytes;
    std::array<char, CURL_ERROR_SIZE> why{};
    curl_easy_setopt(curl.get(), CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(curl.get(), CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, keep_some);
    curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &received);
    curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, why.data());
    if (!request.body.empty()) {
        curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
        curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, request.body.c_str());
    }
    if (request.stopping != nullptr)
        end_when(curl.get(), *request.stopping);
    if (headers)
        curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
    if (!request.user.empty()) {
        curl_easy_setopt(curl.get(), CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
        curl_easy_setopt(curl.get(), CURLOPT_USERNAME, request.user.c_str());
        curl_easy_setopt(curl.get(), CURLOPT_PASSWORD, request.password.c_str());
    }
    const auto code = curl_easy_perform(curl.get());
    if (code != CURLE_OK) {
        problem = why_not(code, why.data());
        return std::nullopt;
    }
    long status = 0;
    curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
    return HttpsAnswer{static_cast<int>(status), std::move(received.body)};
}

} // namespace stepgate::proxy::outbound
