#pragma once

#include "protocols/wire/bytes.h"

#include <cstdint>
#include <string>

namespace stepgate::proxy::session
{

/// A connection that does not become a session, and why.
struct Rejected {
    enum class Kind : std::uint8_t {
        closed,   // the client went away: nothing to say and nobody to say it to
        protocol, // it broke the protocol
        refused,  // it asked for what it may not have
        login,    // wrong password, unknown user, no certificate
        upstream, // the server could not be reached or said no
    };
    Kind kind = Kind::closed;
    std::string sqlstate = {}, message = {}, hint = {}; // for the client; empty message: say nothing
    std::string log = {};                               // more than the client may know
    wire::Bytes as_is = {};                             // an error of the server in place of the above
    std::string user = {};                              // whom a start-up packet named that was refused
    bool guess = false;                                 // a password was tried, and was wrong
};

} // namespace stepgate::proxy::session
