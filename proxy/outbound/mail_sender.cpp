#include "proxy/outbound/mail_sender.h"

#include "proxy/outbound/curl_setup.h"
#include "proxy/outbound/random.h"

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

/// Hands out a text piece by piece: CURLOPT_READFUNCTION.
std::size_t read_some(char* to, std::size_t size, std::size_t count, void* from)
{
    auto& rest = *static_cast<std::string_view*>(from);
    const auto taken = std::min(size * count, rest.size());
    std::memcpy(to, rest.data(), taken);
    rest.remove_prefix(taken);
    return taken;
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

MailSender::MailSender(MailServer server) : server_(std::move(server)), queue_(server_.queue)
{
}

bool MailSender::send(Mail mail, OnSent on_sent)
{
    if (!valid_address(mail.to))
        return false;
    const auto told = std::make_shared<const OnSent>(std::move(on_sent));
    return queue_.push(
        {[this, told, mail = std::move(mail)] { (*told)(deliver(mail)); }, [told] { (*told)("stepgate stops"); }});
}

std::string MailSender::deliver(const Mail& mail)
{
    const Curl curl = new_curl(server_.patience, server_.ca_file);
    const CurlList to = curl_list({'<' + mail.to + '>'});
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
    end_when(curl.get(), queue_.stopping());
    curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, why.data());
    const auto code = curl_easy_perform(curl.get());
    if (code == CURLE_OK)
        return {};
    return why_not(code, why.data());
}

} // namespace stepgate::proxy::outbound
