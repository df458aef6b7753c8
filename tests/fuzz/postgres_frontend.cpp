// What a client sends after the login: framed, decoded, and every view read to its last byte.
#include "protocols/postgres/authentication.h"
#include "protocols/postgres/framer.h"
#include "protocols/postgres/query.h"

#include <cstdint>
#include <cstdlib>

namespace
{

using namespace stepgate;
using namespace stepgate::protocols::postgres;

volatile std::size_t sink;

void read(wire::View bytes)
{
    for (const std::byte octet : bytes)
        sink = sink + static_cast<std::size_t>(octet);
}

void read(std::string_view text)
{
    read(wire::as_bytes(text));
}

void read(const ValueList& values)
{
    std::size_t count = 0;
    for (const auto value : values) {
        ++count;
        if (value)
            read(*value);
    }
    if (count != values.size())
        std::abort();
}

template <class Integer>
void read(const IntegerList<Integer>& list)
{
    for (std::size_t i = 0; i < list.size(); ++i)
        sink = sink + static_cast<std::size_t>(list[i]);
}

void read(const Parse& parse)
{
    read(parse.statement);
    read(parse.sql);
    read(parse.parameter_types);
}

void read(const Bind& bind)
{
    read(bind.portal);
    read(bind.statement);
    read(bind.parameter_formats);
    read(bind.parameters);
    read(bind.result_formats);
}

void decode(const Frame& frame)
{
    if (const auto query = decode_query(frame))
        read(query->sql);
    if (const auto parse = decode_parse(frame))
        read(*parse);
    if (const auto bind = decode_bind(frame))
        read(*bind);
    if (const auto describe = decode_describe(frame))
        read(describe->name);
    if (const auto execute = decode_execute(frame))
        read(execute->portal);
    if (const auto close = decode_close(frame))
        read(close->name);
    if (const auto call = decode_function_call(frame))
        read(call->arguments);
    if (const auto fail = decode_copy_fail(frame))
        read(fail->message);
    if (const auto password = decode_password(frame))
        read(password->password);
    if (const auto initial = decode_sasl_initial_response(frame); initial && initial->response)
        read(*initial->response);
    if (const auto response = decode_sasl_response(frame))
        read(response->response);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    wire::View left{reinterpret_cast<const std::byte*>(data), size};
    const MessageFramer framer{Side::frontend, 1 << 20};
    for (;;) {
        const auto found = framer.next(left);
        const auto* frame = std::get_if<Frame>(&found);
        if (frame == nullptr)
            return 0;
        decode(*frame);
        left = left.subspan(frame->bytes.size());
    }
}
