#include "protocols/postgres/report.h"

#include "protocols/postgres/message_writer.h"
#include "protocols/wire/cursor.h"

namespace stepgate::protocols::postgres
{

namespace
{

void field(MessageWriter& message, char type, std::string_view value)
{
    message.character(type);
    message.c_string(value);
}

void encode(wire::Bytes& out, Backend type, const Report& report)
{
    MessageWriter message{out, type};
    field(message, 'S', report.severity);
    field(message, 'V', report.severity);
    field(message, 'C', report.code);
    field(message, 'M', report.message);
    if (!report.detail.empty())
        field(message, 'D', report.detail);
    if (!report.hint.empty())
        field(message, 'H', report.hint);
    message.uint8(0);
}

} // namespace

result<Report> decode_report(const Frame& frame)
{
    if (!frame.is(Backend::error_response) && !frame.is(Backend::notice_response))
        return errc::unexpected_message;
    wire::Cursor in{frame.body()};
    Report report;
    std::string_view translated_severity;
    for (char type = in.character(); type != 0; type = in.character()) {
        const auto value = in.c_string();
        switch (type) {
        case 'S':
            translated_severity = value;
            break;
        case 'V':
            report.severity = value;
            break;
        case 'C':
            report.code = value;
            break;
        case 'M':
            report.message = value;
            break;
        case 'D':
            report.detail = value;
            break;
        case 'H':
            report.hint = value;
            break;
        case 's':
            report.schema = value;
            break;
        case 't':
            report.table = value;
            break;
        case 'R':
            report.routine = value;
            break;
        default:
            break; // position, context, .. and those of later servers, which clients must skip (55.8)
        }
    }
    if (report.severity.empty())
        report.severity = translated_severity;
    if (report.code.size() != 5)
        in.fail();
    return in.finish(report, errc::malformed_report);
}

void encode_error(wire::Bytes& out, const Report& report)
{
    encode(out, Backend::error_response, report);
}

void encode_notice(wire::Bytes& out, const Report& report)
{
    encode(out, Backend::notice_response, report);
}

result<void> encode_with_detail(wire::Bytes& out, const Frame& error, std::string_view detail)
{
    if (!error.is(Backend::error_response))
        return errc::unexpected_message;
    wire::Cursor in{error.body()};
    MessageWriter message{out, Backend::error_response};
    for (char type = in.character(); type != 0; type = in.character()) {
        const auto value = in.c_string();
        field(message, type, type == 'D' ? detail : value);
    }
    message.uint8(0);
    if (!in.good())
        return errc::malformed_report;
    return boost::system::in_place_value;
}

void encode_fatal(wire::Bytes& out, const boost::system::error_code& error)
{
    const bool ours = error.category() == postgres_category();
    const std::string message = error.message();
    encode_error(out, {"FATAL", ours ? sqlstate(static_cast<errc>(error.value())) : "XX000", message});
}

} // namespace stepgate::protocols::postgres
