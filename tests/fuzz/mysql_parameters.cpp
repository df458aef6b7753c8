// Values of executions: read, written with their types, and read again to the same. The first bytes say how many
// parameters the statement has, what was agreed on, and which long data came before.
#include "protocols/mysql/frame.h"
#include "protocols/mysql/parameters.h"

#include <cstdint>
#include <cstdlib>

namespace
{

using namespace stepgate;
using namespace stepgate::protocols::mysql;

void check(bool holds)
{
    if (!holds)
        std::abort();
}

std::string text_of(const std::vector<Parameter>& parameters)
{
    std::string text;
    for (const auto& parameter : parameters) {
        append_text(text, parameter);
        text += '|';
    }
    return text;
}

/// A server that never saw the types reads the same values.
void with_types(wire::View payload, Capabilities capabilities, const Binding& binding, const std::string& text)
{
    wire::Bytes out;
    if (!encode_execute_with_types(out, payload, capabilities, binding))
        std::abort();
    Binding server{binding.parameters};
    for (std::size_t i = 0; i < binding.long_data.end(); ++i)
        if (const auto* bytes = binding.long_data.find(static_cast<std::uint16_t>(i)))
            check(server.long_data.append(static_cast<std::uint16_t>(i), *bytes).has_value());
    std::vector<Parameter> parameters;
    const auto execute = decode_execute(wire::View{out}.subspan(header_size));
    check(execute.has_value());
    check(decode_parameters(*execute, capabilities, server, parameters).has_value());
    check(text_of(parameters) == text);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size < 3)
        return 0;
    const auto capabilities = (data[1] & 1U) != 0 ? Capability::protocol_41 | Capability::query_attributes
                                                  : Capabilities{Capability::protocol_41};
    Binding binding{data[0]};
    if ((data[1] & 2U) != 0)
        check(binding.long_data.append(data[2], wire::as_bytes("long data")).has_value());
    std::vector<Parameter> parameters;
    wire::View left{reinterpret_cast<const std::byte*>(data) + 3, size - 3};
    // Several executions of one statement, each with its length in front.
    while (left.size() > 2) {
        const std::size_t length = std::min(left.size() - 2, std::to_integer<std::size_t>(left[0]) +
                                                                 256 * std::to_integer<std::size_t>(left[1]));
        const wire::View payload = left.subspan(2, length);
        left = left.subspan(2 + length);
        if (const auto execute = decode_execute(payload);
            execute && decode_parameters(*execute, capabilities, binding, parameters)) {
            check(parameters.size() >= binding.parameters);
            with_types(payload, capabilities, binding, text_of(parameters));
        }
        if (const auto bulk = decode_bulk_execute(payload);
            bulk && decode_bulk_parameters(*bulk, binding, parameters)) {
            check(!parameters.empty() && parameters.size() % binding.parameters == 0);
            (void)text_of(parameters);
        }
    }
    return 0;
}
