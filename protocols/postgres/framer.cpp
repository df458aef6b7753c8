#include "protocols/postgres/framer.h"

#include "protocols/wire/cursor.h"

namespace stepgate::protocols::postgres
{

namespace
{

constexpr std::size_t startup_smallest = 8; // length word and protocol version or request code

} // namespace

bool is_frontend_type(char type)
{
    switch (static_cast<Frontend>(type)) {
    case Frontend::bind:
    case Frontend::close:
    case Frontend::copy_data:
    case Frontend::copy_done:
    case Frontend::copy_fail:
    case Frontend::describe:
    case Frontend::execute:
    case Frontend::flush:
    case Frontend::function_call:
    case Frontend::parse:
    case Frontend::password:
    case Frontend::query:
    case Frontend::sync:
    case Frontend::terminate:
        return true;
    }
    return false;
}

bool is_backend_type(char type)
{
    switch (static_cast<Backend>(type)) {
    case Backend::authentication:
    case Backend::bind_complete:
    case Backend::close_complete:
    case Backend::command_complete:
    case Backend::copy_both_response:
    case Backend::copy_data:
    case Backend::copy_done:
    case Backend::copy_in_response:
    case Backend::copy_out_response:
    case Backend::data_row:
    case Backend::empty_query_response:
    case Backend::error_response:
    case Backend::function_call_response:
    case Backend::key_data:
    case Backend::negotiate_protocol_version:
    case Backend::no_data:
    case Backend::notice_response:
    case Backend::notification_response:
    case Backend::parameter_description:
    case Backend::parameter_status:
    case Backend::parse_complete:
    case Backend::portal_suspended:
    case Backend::ready_for_query:
    case Backend::row_description:
        return true;
    }
    return false;
}

Framed StartupFramer::next(wire::View bytes) const
{
    if (bytes.size() < 4)
        return NeedMore{4 - bytes.size()};
    const std::uint32_t length = wire::Cursor{bytes.first(4)}.uint32();
    if (length < startup_smallest)
        return errc::invalid_length;
    if (length - 4 > limit_)
        return errc::too_large;
    if (bytes.size() < length)
        return NeedMore{length - bytes.size()};
    return Frame{0, bytes.first(length)};
}

Framed MessageFramer::next(wire::View bytes) const
{
    if (bytes.empty())
        return NeedMore{5};
    const char type = static_cast<char>(bytes[0]);
    if (!(side_ == Side::frontend ? is_frontend_type(type) : is_backend_type(type)))
        return errc::unknown_message;
    if (bytes.size() < 5)
        return NeedMore{5 - bytes.size()};
    const std::int32_t length = wire::Cursor{bytes.subspan(1, 4)}.int32();
    if (length < 4)
        return errc::invalid_length;
    const std::size_t whole = static_cast<std::size_t>(length) + 1;
    if (whole > limit_)
        return errc::too_large;
    if (bytes.size() < whole)
        return NeedMore{whole - bytes.size()};
    return Frame{type, bytes.first(whole)};
}

} // namespace stepgate::protocols::postgres
