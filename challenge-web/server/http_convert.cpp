#include "challenge-web/server/http_convert.h"

#include "challenge-web/server/replies.h"
#include "challenge-web/server/site.h"

#include <boost/algorithm/string/case_conv.hpp>
#include <boost/algorithm/string/trim.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/write.hpp>

#include <locale>
#include <sstream>

namespace stepgate::challenge_web::server
{

namespace http = boost::beast::http;

namespace
{

Method method_of(http::verb verb)
{
    switch (verb) {
    case http::verb::get:
        return Method::get;
    case http::verb::head:
        return Method::head;
    case http::verb::post:
        return Method::post;
    case http::verb::delete_:
        return Method::remove;
    default: // some thirty others
        return Method::other;
    }
}

template <class View>
std::string copy(const View& view)
{
    return {view.data(), view.size()};
}

/// "192.0.2.7:51234" and "[2001:db8::7]:51234", as some proxies write whom they speak for.
std::string without_port(const std::string& text)
{
    if (text.starts_with('['))
        return text.substr(1, text.find(']') - 1);
    const auto colon = text.find(':');
    return colon == text.rfind(':') ? text.substr(0, colon) : text; // several: an address of IPv6
}

/// HTTP came where a TLS handshake was awaited.
bool speaks_plainly(boost::system::error_code code)
{
    return code.category() == boost::asio::error::get_ssl_category() &&
           ERR_GET_REASON(static_cast<unsigned long>(code.value())) == SSL_R_HTTP_REQUEST;
}

} // namespace

std::optional<Response> refuse_framing(const WireRequest& message)
{
    auto refusal = [&]() -> std::optional<Response> {
        // Codings that are unknown, or in another order, end elsewhere; and fields behind the chunks would stand among
        // those that were checked in front (RFC 9112 sections 6.1 and 7.1.2).
        if (message.count(http::field::transfer_encoding) > 0)
            return error_reply(411, "length_required", "Send the request with a Content-Length, not in chunks.");
        const auto hosts = message.count(http::field::host);
        if (hosts > 1 || (hosts == 0 && message.version() >= 11)) // RFC 9112 section 3.2
            return bad_request("The request names no host, or more than one.");
        return std::nullopt;
    }();
    if (refusal)
        add_security_headers(*refusal, true);
    return refusal;
}

std::string client_behind(const WireRequest& message, const std::string& proxy)
{
    std::string all;
    const auto [first, last] = message.equal_range("X-Forwarded-For");
    for (auto field = first; field != last; ++field)
        all = copy(field->value());
    const auto comma = all.rfind(',');
    const auto own = boost::algorithm::trim_copy(comma == std::string::npos ? all : all.substr(comma + 1));
    boost::system::error_code none;
    const auto address = boost::asio::ip::make_address(without_port(own), none);
    return none ? proxy : address.to_string();
}

Request to_request(WireRequest&& message, const std::string& client_address)
{
    Request request;
    request.method = method_of(message.method());
    request.target = copy(message.target());
    request.client_address = client_address;
    for (const auto& field : message)
        request.headers.emplace_back(boost::algorithm::to_lower_copy(copy(field.name_string()), std::locale::classic()),
                                     copy(field.value()));
    request.body = std::move(message.body());
    return request;
}

std::string_view body_of(const Response& response)
{
    const auto* borrowed = reinterpret_cast<const char*>(response.borrowed.data());
    return response.borrowed.empty() ? std::string_view{response.body}
                                     : std::string_view{borrowed, response.borrowed.size()};
}

std::string response_head(const Response& response, unsigned version, bool keep_alive)
{
    http::response<http::empty_body> message;
    message.result(static_cast<unsigned>(response.status));
    message.version(version);
    message.keep_alive(keep_alive);
    if (!response.content_type.empty())
        message.set(http::field::content_type, response.content_type);
    for (const auto& [name, value] : response.headers)
        message.insert(name, value);
    if (response.status != 204 && response.status != 304)
        message.content_length(body_of(response).size());
    std::ostringstream out;
    out << message.base();
    return std::move(out).str();
}

std::optional<Response> reply_to_read_error(boost::system::error_code code)
{
    auto reply = [&]() -> std::optional<Response> {
        if (code == http::error::body_limit)
            return error_reply(413, "too_large", "The request is too large.");
        if (code == http::error::header_limit || code == http::error::buffer_overflow)
            return error_reply(431, "too_large", "The request's headers are too large.");
        if (speaks_plainly(code))
            return bad_request("TLS is spoken here: the address begins with https://");
        if (code == http::error::end_of_stream || code == http::error::partial_message)
            return std::nullopt;
        if (code.category() == http::make_error_code(http::error::bad_method).category())
            return bad_request("This is not HTTP that stepgate understands.");
        return std::nullopt;
    }();
    if (reply)
        add_security_headers(*reply, true);
    return reply;
}

std::string event_stream_head(const Response& response)
{
    // No length and no chunks: the stream ends with the connection (RFC 9112 6.3).
    std::string head = "HTTP/1.1 200 OK\r\nContent-Type: " + response.content_type + "\r\nConnection: close\r\n";
    for (const auto& [name, value] : response.headers)
        head.append(name).append(": ").append(value).append("\r\n");
    return head + "\r\n";
}

} // namespace stepgate::challenge_web::server
