#include "proxy/outbound/mail_sender.h"

#include "proxy/outbound/curl_setup.h"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

namespace stepgate::proxy::outbound
{

namespace
{

using CurlList = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

/// Hands out a text piece by piece: CURLOPT_READFUNCTION.
std::size_t read_some(char* to, std::size_t size, std::size_t count, void* from)
{
    auto& rest = *static_cast<std::string_view*>(from);
    const auto taken = std::min(size * count, rest.size());
    std::memcpy(to, rest.data(), taken);
    rest.remove_prefix(taken);
    return taken;
}

/// CURLOPT_XFERINFOFUNCTION: anything but 0 ends the transfer.
int stop_if_asked(void* stopping, curl_off_t, curl_off_t, curl_off_t, curl_off_t)
{
    return static_cast<std::atomic<bool>*>(stopping)->load() ? 1 : 0;
}

std::string random_hex()
{
    std::array<unsigned char, 16> bytes{};
    if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
        return {};
    std::string out;
    for (const unsigned char byte : bytes) {
        out += "0123456789abcdef"[byte >> 4U];
        out += "0123456789abcdef"[byte & 15U];
    }
    return out;
}

std::string url_of(const MailServer& server)
{
    const bool v6 = server.host.find(':') != std::string::npos;
    return (server.tls == MailTls::smtps ? "smtps://" : "smtp://") + (v6 ? '[' + server.host + ']' : server.host) +
           ':' + std::to_string(server.port);
}

void use_server(CURL* curl, const MailServer& server)
{
    curl_easy_setopt(curl, CURLOPT_URL, url_of(server).c_str());
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(curl, CURLOPT_PROXY, ""); // none from the environment
    if (!server.user.empty()) {
        curl_easy_setopt(curl, CURLOPT_USERNAME, server.user.c_str());
        curl_easy_setopt(curl, CURLOPT_PASSWORD, server.password.c_str());
    }
}

} // namespace

MailSender::MailSender(MailServer server) : server_(std::move(server))
{
    thread_ = std::thread([this] { run(); });
}

MailSender::~MailSender()
{
    {
        const std::lock_guard lock{mutex_}; // the thread is not between looking and waiting
        stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
    for (const auto& left : waiting_)
        left.on_sent("stepgate stops");
}

bool MailSender::send(Mail mail, OnSent on_sent)
{
    if (!valid_address(mail.to))
        return false;
    {
        const std::lock_guard lock{mutex_};
        if (waiting_.size() >= server_.queue)
            return false;
        waiting_.push_back({std::move(mail), std::move(on_sent)});
    }
    changed_.notify_all();
    return true;
}

std::optional<MailSender::Waiting> MailSender::next()
{
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_)
        return std::nullopt;
    auto first = std::move(waiting_.front());
    waiting_.pop_front();
    return first;
}

void MailSender::run()
{
    while (auto waiting = next())
        waiting->on_sent(deliver(waiting->mail));
}

std::string MailSender::deliver(const Mail& mail)
{
    const Curl curl = new_curl(server_.patience, server_.ca_file);
    const CurlList to{curl_slist_append(nullptr, ('<' + mail.to + '>').c_str()), &curl_slist_free_all};
    const auto id = random_hex();
    if (!curl || !to || id.empty())
        return "no memory or no random numbers";
    const auto text = message_text(mail, server_.from, id, std::chrono::system_clock::now());
    std::string_view rest = text;
    std::array<char, CURL_ERROR_SIZE> why{};
    use_server(curl.get(), server_);
    curl_easy_setopt(curl.get(), CURLOPT_MAIL_FROM, ('<' + server_.from + '>').c_str());
    curl_easy_setopt(curl.get(), CURLOPT_MAIL_RCPT, to.get());
    curl_easy_setopt(curl.get(), CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl.get(), CURLOPT_READFUNCTION, read_some);
    curl_easy_setopt(curl.get(), CURLOPT_READDATA, &rest);
    curl_easy_setopt(curl.get(), CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl.get(), CURLOPT_XFERINFOFUNCTION, stop_if_asked);
    curl_easy_setopt(curl.get(), CURLOPT_XFERINFODATA, &stopping_);
    curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, why.data());
    const auto code = curl_easy_perform(curl.get());
    if (code == CURLE_OK)
        return {};
    return why[0] != '\0' ? std::string{why.data()} : std::string{curl_easy_strerror(code)};
}

} // namespace stepgate::proxy::outbound
