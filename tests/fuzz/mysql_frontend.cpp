// What a client sends after the login: framed, decoded, every view read to its last byte, and sequence ids shifted. The
// first byte says what was agreed on.
#include "protocols/mysql/command.h"
#include "protocols/mysql/framer.h"
#include "protocols/mysql/parameters.h"

#include <cstdint>
#include <cstdlib>

namespace
{

using namespace stepgate;
using namespace stepgate::protocols::mysql;

volatile std::size_t sink;

void check(bool holds)
{
    if (!holds)
        std::abort();
}

void read(wire::View bytes)
{
    for (const std::byte octet : bytes)
        sink = sink + static_cast<std::size_t>(octet);
}

void read(std::string_view text)
{
    read(wire::as_bytes(text));
}

void read(const std::vector<Parameter>& parameters)
{
    std::string text;
    for (const auto& parameter : parameters) {
        read(parameter.name);
        append_text(text, parameter);
    }
    read(text);
}

void change_user_there_and_back(const ChangeUser& change, Capabilities capabilities)
{
    read(change.attributes.encoded());
    (void)change.attributes.find("program_name");
    wire::Bytes out;
    encode_change_user(out, change, capabilities);
    const auto again = decode_change_user(wire::View{out}.subspan(header_size), capabilities);
    check(again.has_value() && again->user == change.user && again->plugin == change.plugin);
}

void decode(wire::View payload, Capabilities capabilities)
{
    std::vector<Parameter> parameters;
    if (const auto sql = decode_query(payload, capabilities, parameters)) {
        read(*sql);
        read(parameters);
    }
    if (const auto sql = decode_prepare(payload))
        read(*sql);
    if (const auto name = decode_init_db(payload))
        read(*name);
    if (const auto piece = decode_send_long_data(payload))
        read(piece->data);
    if (const auto list = decode_field_list(payload))
        read(list->wildcard);
    if (const auto change = decode_change_user(payload, capabilities))
        change_user_there_and_back(*change, capabilities);
    if (const auto execute = decode_execute(payload))
        read(execute->rest);
    (void)decode_fetch(payload);
    (void)decode_set_option(payload);
    (void)decode_process_kill(payload);
    (void)decode_statement_id(payload, Command::stmt_close);
    if (const auto command = command_of(payload))
        read(name(*command));
}

void shift(wire::View bytes)
{
    wire::Bytes whole{bytes.begin(), bytes.end()}, pieces = whole;
    SequenceShift{3}.apply(whole);
    SequenceShift by_pieces{3};
    const std::size_t half = pieces.size() / 2;
    by_pieces.apply(std::span{pieces}.first(half));
    by_pieces.apply(std::span{pieces}.subspan(half));
    check(whole == pieces);
    SequenceShift{253}.apply(whole);
    check(std::equal(whole.begin(), whole.end(), bytes.begin(), bytes.end()));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0)
        return 0;
    const auto base = Capability::protocol_41 | Capability::secure_connection | Capability::plugin_auth;
    Capabilities capabilities = base;
    if ((data[0] & 1U) != 0)
        capabilities = capabilities | Capability::query_attributes;
    if ((data[0] & 2U) != 0)
        capabilities = capabilities | Capability::connect_attrs;
    wire::View left{reinterpret_cast<const std::byte*>(data) + 1, size - 1};
    shift(left);
    MessageFramer framer{1 << 20};
    for (;;) {
        const auto found = framer.next(left);
        const auto* frame = std::get_if<Frame>(&found);
        if (frame == nullptr)
            return 0;
        decode(frame->payload, capabilities);
        left = left.subspan(frame->bytes.size());
    }
}
