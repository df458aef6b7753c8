#include "proxy/outbound/curl_setup.h"

namespace stepgate::proxy::outbound
{

namespace
{

/// CURLOPT_XFERINFOFUNCTION: anything but 0 ends the transfer.
int end_if_asked(void* stopping, curl_off_t, curl_off_t, curl_off_t, curl_off_t)
{
    return static_cast<const std::atomic<bool>*>(stopping)->load() ? 1 : 0;
}

} // namespace

Curl new_curl(std::chrono::seconds patience, const std::string& ca_file)
{
    static const auto initialised = curl_global_init(CURL_GLOBAL_DEFAULT); // once, whoever comes first
    Curl curl{initialised == CURLE_OK ? curl_easy_init() : nullptr, &curl_easy_cleanup};
    if (!curl)
        return curl;
    curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT, static_cast<long>(patience.count()));
    curl_easy_setopt(curl.get(), CURLOPT_USE_SSL, static_cast<long>(CURLUSESSL_ALL)); // STARTTLS, or nothing at all
    curl_easy_setopt(curl.get(), CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    curl_easy_setopt(curl.get(), CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl.get(), CURLOPT_SSL_VERIFYHOST, 2L);
    if (!ca_file.empty()) {
        curl_easy_setopt(curl.get(), CURLOPT_CAINFO, ca_file.c_str());
        curl_easy_setopt(curl.get(), CURLOPT_CAPATH, nullptr); // these authorities and no others
    }
    return curl;
}

std::string why_not(CURLcode code, const char* why)
{
    if (code == CURLE_ABORTED_BY_CALLBACK) // end_if_asked
        return "stepgate stops";
    return *why != '\0' ? why : curl_easy_strerror(code);
}

void end_when(CURL* curl, const std::atomic<bool>& stopping)
{
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, end_if_asked);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &stopping);
}

CurlList curl_list(const std::vector<std::string>& texts)
{
    CurlList list{nullptr, curl_slist_free_all};
    for (const auto& text : texts) {
        curl_slist* longer = curl_slist_append(list.get(), text.c_str());
        if (longer == nullptr)
            return {nullptr, curl_slist_free_all};
        static_cast<void>(list.release());
        list.reset(longer);
    }
    return list;
}

} // namespace stepgate::proxy::outbound
