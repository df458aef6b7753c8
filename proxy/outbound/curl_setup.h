#pragma once

#include <curl/curl.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace stepgate::proxy::outbound
{

using Curl = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;
using CurlList = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

/// Null without memory, and of no texts.
[[nodiscard]] CurlList curl_list(const std::vector<std::string>& texts);

/// A transfer that takes `patience` at most, without signals, over TLS 1.2 or newer whose certificate is verified for
/// the host's name by the authorities of `ca_file`, or of the system if it is "". Null without memory.
[[nodiscard]] Curl new_curl(std::chrono::seconds patience, const std::string& ca_file);

/// Why a transfer failed, for the log. `why`: what CURLOPT_ERRORBUFFER got.
[[nodiscard]] std::string why_not(CURLcode code, const char* why);

/// The transfer fails soon after `stopping` has become true; it must live as long as the transfer.
void end_when(CURL* curl, const std::atomic<bool>& stopping);

} // namespace stepgate::proxy::outbound
