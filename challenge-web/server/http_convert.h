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
[[nodiscard]] Request to_request(WireRequest&& message, const std::string& client_address);

/// Status line and headers, with the empty line.
[[nodiscard]] std::string response_head(const Response& response, unsigned version, bool keep_alive);
/// As long as the response.
[[nodiscard]] std::string_view body_of(const Response& response);
[[nodiscard]] std::string event_stream_head(const Response& response);

/// What to say before closing; nullopt for a connection that is broken or silent.
[[nodiscard]] std::optional<Response> reply_to_read_error(boost::system::error_code code);

} // namespace stepgate::challenge_web::server
