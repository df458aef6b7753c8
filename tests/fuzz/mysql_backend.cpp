// A whole session: the input says what the client sends and what the server answers, in pieces of any size. The scanner
// must walk the same messages however the stream is cut, and the tracker must never lose count.
#include "protocols/mysql/column.h"
#include "protocols/mysql/scanner.h"
#include "protocols/mysql/tracker.h"
#include "protocols/wire/buffer.h"

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

class Session
{
  public:
    explicit Session(Capabilities agreed) : tracker_{agreed} {}

    /// False: the server broke the protocol.
    bool receive(wire::View bytes)
    {
        check(buffer_.append(bytes));
        for (;;) {
            const auto found = scanner_.next(buffer_.data(), tracker_.rows_follow());
            if (std::holds_alternative<errc>(found))
                return false;
            if (std::holds_alternative<NeedMore>(found))
                return true;
            if (const auto* pass = std::get_if<Pass>(&found)) {
                check(pass->bytes > 0);
                tracker_.passed(pass->rows);
                buffer_.consume(pass->bytes);
                continue;
            }
            const auto& frame = std::get<Frame>(found);
            const std::size_t before = tracker_.outstanding();
            const auto event = tracker_.received(frame.payload);
            if (!event)
                return false;
            check(tracker_.outstanding() == before - (event->last ? 1 : 0));
            look(*event, frame.payload);
            buffer_.consume(frame.bytes.size());
        }
    }

    void send(std::uint8_t step)
    {
        constexpr Command commands[] = {Command::query,       Command::stmt_execute,      Command::stmt_fetch,
                                        Command::ping,        Command::stmt_bulk_execute, Command::field_list,
                                        Command::statistics,  Command::set_option,        Command::change_user,
                                        Command::init_db,     Command::reset_connection,  Command::stmt_send_long_data,
                                        Command::process_kill};
        if (tracker_.wants_infile())
            return tracker_.infile_end();
        if (tracker_.wants_auth())
            return tracker_.auth_answered();
        const std::size_t choice = step % (std::size(commands) + 4);
        if (choice < std::size(commands))
            tracker_.send(commands[choice], 1);
        else if (choice == std::size(commands))
            tracker_.prepare(7);
        else if (choice == std::size(commands) + 1)
            tracker_.close(step);
        else if (choice == std::size(commands) + 2)
            tracker_.reset(step);
        else
            execute();
        check(tracker_.quiet() == (tracker_.outstanding() == 0));
        const auto last = tracker_.statements().find(last_prepared);
        check(last.statement == nullptr || last.statement->value == 7);
    }

  private:
    void execute()
    {
        if (auto* const statement = tracker_.statements().find(last_prepared).statement; statement != nullptr)
            tracker_.execute(*statement, false, 1);
    }

    void look(const Event& event, wire::View payload)
    {
        if (event.kind == Event::Kind::column || event.kind == Event::Kind::parameter)
            (void)decode_column(payload, tracker_.capabilities(), event.command == Command::field_list);
        if (event.kind == Event::Kind::known_columns)
            for (const auto& column : tracker_.answering_execution()->description.columns)
                (void)decode_column(column, tracker_.capabilities());
        StateChanges changes{event.ok.changes};
        while (changes.next()) {
        }
        check(changes.good());
    }

    wire::Buffer buffer_{1 << 20};
    Scanner scanner_{1 << 16};
    Tracker<int> tracker_;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0)
        return 0;
    Capabilities agreed = Capability::protocol_41 | Capability::local_files;
    if ((*data & 1U) != 0)
        agreed = agreed | Capability::deprecate_eof;
    if ((*data & 2U) != 0)
        agreed = agreed | Capability::session_track;
    if ((*data & 4U) != 0)
        agreed = agreed | Capability::extended_metadata | Capability::progress;
    if ((*data & 8U) != 0)
        agreed = agreed | Capability::cache_metadata;
    Session session{agreed};
    const std::uint8_t* const end = data + size;
    ++data;
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
