#include "protocols/postgres/query.h"
#include "protocols/postgres/reply.h"
#include "protocols/postgres/report.h"
#include "proxy/upstream/messages.h"
#include "proxy/upstream/postgres_server.h"

#include <iterator>
#include <utility>
#include <vector>

namespace stepgate::proxy::upstream
{

namespace pg = protocols::postgres;

namespace
{

// None names anything that the path decides, or that rights can be taken away from. SHOW is not the first: a logical
// replication connection would take the text for a replication command.
constexpr std::string_view question = "SELECT current_user; SHOW search_path; SHOW array_nulls; SHOW "
                                      "transform_null_equals; SHOW session_replication_role";

/// Values of the question's rows are added to `values`.
boost::system::error_code take(const pg::Frame& frame, Greeting& greeting, std::vector<std::string>& values)
{
    if (frame.is(pg::Backend::notice_response) || frame.is(pg::Backend::parameter_status))
        greeting.messages.insert(greeting.messages.end(), frame.bytes.begin(), frame.bytes.end());
    if (!frame.is(pg::Backend::data_row))
        return {};
    const auto value = pg::decode_only_value(frame);
    if (value)
        values.emplace_back(*value);
    return value.error();
}

} // namespace

net::Task<std::optional<Failure>> ask_start_state(net::Stream& stream, net::Buffer& buffer, Greeting& greeting,
                                                  StartState& state)
{
    wire::Bytes out;
    pg::encode_query(out, question);
    const auto lost = co_await stream.write_all(out);
    if (lost)
        co_return Failure{Failure::Kind::unreachable, "closed the connection behind the login"};
    std::vector<std::string> values;
    const pg::MessageFramer framer{pg::Side::backend, pg::login_limit};
    for (bool done = false; !done;) {
        const auto frame = co_await next_message(stream, buffer, framer);
        if (!frame)
            co_return Failure{Failure::Kind::protocol, frame.error().message()};
        if (frame->is(pg::Backend::error_response)) {
            const auto report = pg::decode_report(*frame);
            co_return Failure{Failure::Kind::refused,
                              "does not say where it looks up names: " + std::string{report ? report->message : ""},
                              {frame->bytes.begin(), frame->bytes.end()}};
        }
        const auto malformed = take(*frame, greeting, values);
        done = frame->is(pg::Backend::ready_for_query);
        buffer.consume(frame->bytes.size());
        if (malformed)
            co_return Failure{Failure::Kind::protocol, malformed.message()};
    }
    if (values.size() != 5)
        co_return Failure{Failure::Kind::protocol, "does not say where it looks up names"};
    state = {std::move(values[1]), std::move(values[0]), {}};
    const std::pair<std::string_view, std::string_view> usual[] = {
        {"array_nulls", "on"}, {"transform_null_equals", "off"}, {"session_replication_role", "origin"}};
    for (std::size_t i = 0; i < std::size(usual); ++i)
        if (values[i + 2] != usual[i].second)
            state.unusual.emplace_back(usual[i].first, std::move(values[i + 2]));
    co_return std::nullopt;
}

} // namespace stepgate::proxy::upstream
