// Packets before the login: cut, decoded, encoded again and decoded to the same.
#include "protocols/postgres/framer.h"
#include "protocols/postgres/startup.h"

#include <cstdint>
#include <cstdlib>

namespace
{

using namespace stepgate;
using namespace stepgate::protocols::postgres;

void check(bool holds)
{
    if (!holds)
        std::abort();
}

void startup_there_and_back(const Startup& startup)
{
    check(!startup.find("user").empty());
    wire::Bytes out;
    encode_startup(out, startup);
    const auto again = decode_startup_packet(Frame{0, out});
    check(again.has_value());
    check(std::get<Startup>(*again).parameters == startup.parameters);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    wire::View left{reinterpret_cast<const std::byte*>(data), size};
    const StartupFramer framer;
    for (;;) {
        const auto found = framer.next(left);
        const auto* frame = std::get_if<Frame>(&found);
        if (frame == nullptr)
            return 0;
        const auto packet = decode_startup_packet(*frame);
        if (packet && std::holds_alternative<Startup>(*packet))
            startup_there_and_back(std::get<Startup>(*packet));
        left = left.subspan(frame->bytes.size());
    }
}
