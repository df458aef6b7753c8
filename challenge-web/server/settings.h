#pragma once

#include "challenge-web/server/rate_limiter.h"

#include <chrono>
#include <cstddef>

namespace stepgate::challenge_web::server
{

/// Limits of the API. Defaults are for production; tests make them tiny.
struct ApiLimits {
    std::chrono::seconds session_idle{30 * 60};
    std::chrono::seconds session_absolute{12 * 60 * 60};
    std::chrono::seconds enrolment_session{15 * 60};
    std::chrono::seconds ceremony{5 * 60};
    std::chrono::seconds step_up{5 * 60}; // since a sign-in, to change factors, tokens, users, to make passwords
    std::chrono::seconds enrolment_link{24 * 60 * 60};
    std::size_t ceremonies = 10'000;
    std::size_t streams_per_user = 8;
    std::size_t stream_backlog = 256; // events waiting for a slow stream before it is ended
    int wrong_enrolment_codes = 5;
    /// A refused sign-in is answered this long after it came in, whatever was wrong with it.
    std::chrono::milliseconds refused_sign_in{500};

    Rate any_address{300, std::chrono::milliseconds{50}}; // every API request
    Rate sign_in_address{20, std::chrono::milliseconds{3000}};
    Rate sign_in_user{10, std::chrono::milliseconds{15'000}};
    Rate enrolment_address{10, std::chrono::milliseconds{10'000}};
    Rate proof_user{20, std::chrono::milliseconds{3000}};
    Rate database_password_user{10, std::chrono::milliseconds{30'000}};
    Rate email_user{3, std::chrono::milliseconds{60'000}}; // mails with codes
    Rate token{120, std::chrono::milliseconds{100}};       // requests with one token
    Rate audit_user{60, std::chrono::milliseconds{500}};
};

/// Limits of the transport.
struct TransportLimits {
    std::size_t body_bytes = 64 * 1024;
    std::size_t header_bytes = 16 * 1024;
    std::size_t connections = 1024;
    std::size_t connections_per_address = 64;
    std::chrono::milliseconds handshake{10'000};
    std::chrono::milliseconds request{
        15'000};                            // from the first byte of a request to its last, and for writing the answer
    std::chrono::milliseconds idle{60'000}; // between requests
    std::chrono::milliseconds shutdown{3'000};       // TLS close_notify
    std::chrono::milliseconds keep_alive{15'000};    // comment on an idle event stream
    std::chrono::milliseconds session_check{60'000}; // how often a stream looks whether its session still lives
};

} // namespace stepgate::challenge_web::server
