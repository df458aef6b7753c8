#pragma once

#include <curl/curl.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

namespace stepgate::proxy::outbound
{

using Curl = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;

/// A transfer that takes `patience` at most, without signals, over TLS 1.2 or newer whose certificate is verified for
/// the host's name by the authorities of `ca_file`, or of the system if it is "". Null without memory.
[[nodiscard]] Curl new_curl(std::chrono::seconds patience, const std::string& ca_file);

/// The transfer fails soon after `stopping` has become true; it must live as long as the transfer.
void end_when(CURL* curl, const std::atomic<bool>& stopping);

} // namespace stepgate::proxy::outbound
