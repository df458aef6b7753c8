#pragma once

#include "protocols/postgres/errc.h"
#include "protocols/postgres/frame.h"

#include <string_view>

namespace stepgate::protocols::postgres
{

/// ErrorResponse ('E') and NoticeResponse ('N') (PostgreSQL documentation, 55.8). Decoded views point into the frame.
struct Report {
    std::string_view severity; // never translated (field V; S from servers before 9.6): ERROR, FATAL, NOTICE, ..
    std::string_view code;     // SQLSTATE, five characters
    std::string_view message;
    std::string_view detail = {}, hint = {};  // empty: not sent
    std::string_view schema = {}, table = {}; // that the error is about, where the server says; never encoded
    std::string_view routine = {};            // of the server's source that reports it; likewise

    /// The server ends the connection after it.
    [[nodiscard]] bool is_fatal() const { return severity == "FATAL" || severity == "PANIC"; }
};

[[nodiscard]] result<Report> decode_report(const Frame& frame);

/// severity: "ERROR" or "FATAL".
void encode_error(wire::Bytes& out, const Report& report);
/// severity: "NOTICE", "WARNING", "INFO", ..
void encode_notice(wire::Bytes& out, const Report& report);
/// The same ErrorResponse with another detail; every other field stays as it is.
[[nodiscard]] result<void> encode_with_detail(wire::Bytes& out, const Frame& error, std::string_view detail);
/// A FATAL ErrorResponse with the error's SQLSTATE and message.
void encode_fatal(wire::Bytes& out, const boost::system::error_code& error);

} // namespace stepgate::protocols::postgres
