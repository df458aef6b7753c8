#pragma once

#include "protocols/wire/bytes.h"

namespace stepgate::protocols::postgres
{

/// Messages that a client sends (PostgreSQL documentation, 55.7), by type byte.
enum class Frontend : char {
    bind = 'B',
    close = 'C',
    copy_data = 'd',
    copy_done = 'c',
    copy_fail = 'f',
    describe = 'D',
    execute = 'E',
    flush = 'H',
    function_call = 'F',
    parse = 'P',
    password = 'p', // also SASLInitialResponse, SASLResponse: only what was asked for tells them apart
    query = 'Q',
    sync = 'S',
    terminate = 'X',
};

/// Messages that a server sends, by type byte.
enum class Backend : char {
    authentication = 'R',
    bind_complete = '2',
    close_complete = '3',
    command_complete = 'C',
    copy_both_response = 'W',
    copy_data = 'd',
    copy_done = 'c',
    copy_in_response = 'G',
    copy_out_response = 'H',
    data_row = 'D',
    empty_query_response = 'I',
    error_response = 'E',
    function_call_response = 'V',
    key_data = 'K',
    negotiate_protocol_version = 'v',
    no_data = 'n',
    notice_response = 'N',
    notification_response = 'A',
    parameter_description = 't',
    parameter_status = 'S',
    parse_complete = '1',
    portal_suspended = 's',
    ready_for_query = 'Z',
    row_description = 'T',
};

/// Which peer wrote the bytes.
enum class Side { frontend, backend };

[[nodiscard]] bool is_frontend_type(char type);
[[nodiscard]] bool is_backend_type(char type);

/// One complete message, as it was on the wire. Borrows.
struct Frame {
    char type = 0;    // 0: a start-up packet, which has none
    wire::View bytes; // type, length and body

    [[nodiscard]] wire::View body() const { return bytes.subspan(type == 0 ? 4 : 5); }
    [[nodiscard]] bool is(Frontend message) const { return type == static_cast<char>(message); }
    [[nodiscard]] bool is(Backend message) const { return type == static_cast<char>(message); }
};

} // namespace stepgate::protocols::postgres
