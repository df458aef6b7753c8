#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace stepgate::proxy::outbound
{

/// A message to one person: plain text in UTF-8, lines end in "\n".
struct Mail {
    std::string to, subject, text;
};

/// "ada@example.com": one plain address of printable ASCII, without a name, quotes, comments or white space, so that it
/// cannot write commands or headers of its own.
[[nodiscard]] bool valid_address(std::string_view address);

/// As it goes to the server (RFC 5322): headers, then the text in base64, so that no line of it means anything to SMTP.
/// Control characters in the subject become spaces. `id`: random, for the Message-ID.
[[nodiscard]] std::string message_text(const Mail& mail, const std::string& from, const std::string& id,
                                       std::chrono::system_clock::time_point now);

} // namespace stepgate::proxy::outbound
