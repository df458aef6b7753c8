#include "protocols/postgres/scanner.h"

#include "protocols/wire/cursor.h"

#include <algorithm>

namespace stepgate::protocols::postgres
{

const Types& replies_types()
{
    static const Types types{
        Backend::authentication,
        Backend::bind_complete,
        Backend::close_complete,
        Backend::command_complete,
        Backend::copy_both_response,
        Backend::copy_done,
        Backend::copy_in_response,
        Backend::copy_out_response,
        Backend::empty_query_response,
        Backend::error_response,
        Backend::function_call_response,
        Backend::key_data,
        Backend::negotiate_protocol_version,
        Backend::no_data,
        Backend::notice_response,
        Backend::notification_response,
        Backend::parameter_description,
        Backend::parameter_status,
        Backend::parse_complete,
        Backend::portal_suspended,
        Backend::ready_for_query,
        Backend::row_description,
    };
    return types;
}

Scanned Scanner::next(wire::View bytes)
{
    std::size_t passed = std::min(remaining_, bytes.size());
    remaining_ -= passed;
    // What stops the run (an error, a wanted message, half a header) is found again when it stands at the front.
    const auto stop = [&passed](Scanned found) { return passed > 0 ? Scanned{Pass{passed}} : found; };
    while (remaining_ == 0) {
        const wire::View rest = bytes.subspan(passed);
        if (rest.empty())
            return stop(NeedMore{5});
        const char type = static_cast<char>(rest[0]);
        if (!(side_ == Side::frontend ? is_frontend_type(type) : is_backend_type(type)))
            return stop(errc::unknown_message);
        if (rest.size() < 5)
            return stop(NeedMore{5 - rest.size()});
        const std::int32_t length = wire::Cursor{rest.subspan(1, 4)}.int32();
        if (length < 4)
            return stop(errc::invalid_length);
        const std::size_t whole = static_cast<std::size_t>(length) + 1;
        if (wanted_.has(type)) {
            if (whole > limit_)
                return stop(errc::too_large);
            if (rest.size() < whole)
                return stop(NeedMore{whole - rest.size()});
            return stop(Frame{type, rest.first(whole)});
        }
        const std::size_t here = std::min(whole, rest.size());
        passed += here;
        remaining_ = whole - here;
    }
    return stop(NeedMore{1});
}

} // namespace stepgate::protocols::postgres
