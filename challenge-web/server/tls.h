#pragma once

#include "challenge-web/server/errc.h"

#include <boost/asio/ssl/context.hpp>
#include <boost/system/result.hpp>

#include <memory>
#include <string>

namespace stepgate::challenge_web::server
{

/// TLS 1.2 and 1.3 with forward-secret AEAD ciphers only, HTTP/1.1 by ALPN.
[[nodiscard]] boost::system::result<std::shared_ptr<boost::asio::ssl::context>>
make_tls_context(const std::string& certificate_file, const std::string& key_file);

} // namespace stepgate::challenge_web::server
