#include "proxy/outbound/mail_message.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <ctime>

namespace stepgate::proxy::outbound
{

namespace
{

constexpr std::size_t longest_address = 254, longest_local_part = 64; // RFC 5321 section 4.5.3.1
constexpr std::size_t bytes_a_line = 57;                              // 76 characters of base64, RFC 2045 section 6.8
constexpr std::size_t bytes_a_word = 39; // with "Subject: =?utf-8?B?" and "?=" 73 characters, RFC 2047 section 2

bool is_atom(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view{"!#$%&'*+-/=?^_`{|}~"}.find(c) != std::string_view::npos; // RFC 5322 section 3.2.3
}

/// Words of allowed characters with single dots between them.
bool dotted(std::string_view text, bool (*allowed)(char))
{
    if (text.empty() || text.front() == '.' || text.back() == '.' || text.find("..") != std::string_view::npos)
        return false;
    return std::all_of(text.begin(), text.end(), [&](char c) { return c == '.' || allowed(c); });
}

bool is_host(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

std::string base64(std::string_view bytes)
{
    std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');
    const int size =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                        reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
    out.resize(static_cast<std::size_t>(size));
    return out;
}

/// No character of UTF-8 is cut: encoded words stand for whole characters (RFC 2047 section 5).
std::size_t whole_characters(std::string_view text, std::size_t most)
{
    if (text.size() <= most)
        return text.size();
    while (most > 1 && (static_cast<unsigned char>(text[most]) & 0xC0U) == 0x80U)
        --most;
    return most;
}

std::string subject_header(std::string_view subject)
{
    std::string plain{subject};
    std::replace_if(
        plain.begin(), plain.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, ' ');
    std::string out = "Subject:";
    for (std::string_view rest = plain; !rest.empty();) {
        const auto size = whole_characters(rest, bytes_a_word);
        out += (out.back() == ':' ? " =?utf-8?B?" : "\r\n =?utf-8?B?") + base64(rest.substr(0, size)) + "?=";
        rest.remove_prefix(size);
    }
    return out + "\r\n";
}

/// RFC 5322 section 3.3, in UTC; not strftime's names, which may be in another language.
std::string date_header(std::chrono::system_clock::time_point now)
{
    constexpr std::array<const char*, 7> days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array<const char*, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    std::array<char, 32> rest{};
    const auto size = std::strftime(rest.data(), rest.size(), " %Y %H:%M:%S +0000", &parts);
    return std::string{"Date: "} + days[static_cast<std::size_t>(parts.tm_wday)] + ", " +
           std::to_string(parts.tm_mday) + ' ' + months[static_cast<std::size_t>(parts.tm_mon)] +
           std::string{rest.data(), size} + "\r\n";
}

} // namespace

bool valid_address(std::string_view address)
{
    const auto at = address.find('@');
    if (at == std::string_view::npos || address.size() > longest_address || at > longest_local_part)
        return false;
    return dotted(address.substr(0, at), is_atom) && dotted(address.substr(at + 1), is_host);
}

std::string message_text(const Mail& mail, const std::string& from, const std::string& id,
                         std::chrono::system_clock::time_point now)
{
    std::string out = date_header(now);
    out += "From: stepgate <" + from + ">\r\nTo: <" + mail.to + ">\r\n" + subject_header(mail.subject);
    out += "Message-ID: <" + id + from.substr(from.find('@')) + ">\r\n";
    out += "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
           "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n";
    std::string text;
    for (const char c : mail.text)
        text += c == '\n' ? std::string{"\r\n"} : std::string{c};
    for (std::string_view rest = text; !rest.empty(); rest.remove_prefix(std::min(bytes_a_line, rest.size())))
        out += base64(rest.substr(0, bytes_a_line)) + "\r\n";
    return out;
}

} // namespace stepgate::proxy::outbound
