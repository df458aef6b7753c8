#pragma once

#include "challenge-web/server/message.h"

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/system/error_code.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace stepgate::challenge_web::server
{

using WireRequest = boost::beast::http::request<boost::beast::http::string_body>;

/// What a proxy in front could cut otherwise than we do, so that one client's bytes were taken for another's request.
[[nodiscard]] std::optional<Response> refuse_framing(const WireRequest& message);
/// Whose request a proxy forwards: the last address of X-Forwarded-For, which the proxy itself has appended; what
/// stands before that anybody may write. `proxy`: its own address, where it names none.
[[nodiscard]] std::string client_behind(const WireRequest& message, const std::string& proxy);
[[nodiscard]] Request to_request(WireRequest&& message, const std::string& client_address);

/// Status line and headers, with the empty line.
[[nodiscard]] std::string response_head(const Response& response, unsigned version, bool keep_alive);
/// As long as the response.
[[nodiscard]] std::string_view body_of(const Response& response);
[[nodiscard]] std::string event_stream_head(const Response& response);

/// What to say before closing; nullopt for a connection that is broken or silent.
[[nodiscard]] std::optional<Response> reply_to_read_error(boost::system::error_code code);

} // namespace stepgate::challenge_web::server
