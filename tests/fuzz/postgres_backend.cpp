// A whole session: the input says what the client sends and what the server answers, in pieces of any size. The scanner
// must walk the same messages however the stream is cut, and the tracker must never lose count.
#include "protocols/postgres/reply.h"
#include "protocols/postgres/report.h"
#include "protocols/postgres/scanner.h"
#include "protocols/postgres/startup.h"
#include "protocols/postgres/tracker.h"
#include "protocols/wire/buffer.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

namespace
{

using namespace stepgate;
using namespace stepgate::protocols::postgres;

void check(bool holds)
{
    if (!holds)
        std::abort();
}

void decode(const Frame& frame)
{
    (void)decode_negotiate_protocol_version(frame);
    (void)decode_key_data(frame);
    (void)decode_notification(frame);
    (void)decode_only_value(frame);
    (void)decode_copy_response(frame);
    (void)decode_parameter_description(frame);
    std::vector<Column> columns;
    if (decode_row_description(frame, columns)) {
        wire::Bytes out;
        encode_row_description(out, columns);
        check(wire::as_text(out) == wire::as_text(frame.bytes));
    }
    if (const auto report = decode_report(frame))
        check(report->code.size() == 5);
}

class Session
{
  public:
    /// False: the server broke the protocol.
    bool receive(wire::View bytes)
    {
        check(buffer_.append(bytes));
        for (;;) {
            const auto found = scanner_.next(buffer_.data());
            if (std::holds_alternative<errc>(found))
                return false;
            if (std::holds_alternative<NeedMore>(found))
                return true;
            if (const auto* pass = std::get_if<Pass>(&found)) {
                check(pass->bytes > 0);
                buffer_.consume(pass->bytes);
                continue;
            }
            const auto& frame = std::get<Frame>(found);
            decode(frame);
            if (!tracker_.received(frame))
                return false;
            while (tracker_.next_discarded())
                ++ended_;
            buffer_.consume(frame.bytes.size());
        }
    }

    void send(std::uint8_t step)
    {
        const std::string name(1, static_cast<char>('a' + (step >> 6)));
        const Tag tag = ++begun_;
        switch (step % 11) {
        case 0:
            tracker_.query(tag);
            return;
        case 1:
            tracker_.execute(tag);
            return;
        case 2:
            tracker_.function_call(tag);
            return;
        case 3:
            tracker_.parse(name, static_cast<int>(begun_));
            break;
        case 4:
            tracker_.bind(name, static_cast<int>(begun_));
            break;
        case 5:
            tracker_.close(Named::statement, name);
            break;
        case 6:
            tracker_.close(Named::portal, name);
            break;
        case 7:
            tracker_.describe(Named::statement);
            break;
        case 8:
            tracker_.copy_end();
            break;
        default:
            tracker_.sync();
            break;
        }
        (void)tracker_.statements().find(name);
        --begun_;
        check(tracker_.quiet() == (tracker_.outstanding() == 0));
        check(tracker_.statements().size() <= 4 && tracker_.portals().size() <= 4);
    }

  private:
    wire::Buffer buffer_{1 << 20};
    Scanner scanner_{Side::backend, replies_types(), 1 << 16};
    Tracker<int, int> tracker_;
    std::uint64_t begun_ = 0, ended_ = 0;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    Session session;
    const std::uint8_t* const end = data + size;
    while (data != end) {
        const std::uint8_t step = *data++;
        if (step < 0x80) {
            session.send(step);
            continue;
        }
        const std::size_t length = std::min<std::size_t>(step & 0x7fU, static_cast<std::size_t>(end - data));
        if (!session.receive({reinterpret_cast<const std::byte*>(data), length}))
            return 0;
        data += length;
    }
    return 0;
}
