#pragma once

#include "protocols/mysql/capabilities.h"
#include "protocols/mysql/errc.h"
#include "protocols/mysql/frame.h"
#include "protocols/mysql/status.h"

#include <optional>
#include <string_view>

namespace stepgate::protocols::mysql
{

// The packets with which servers end an answer (MySQL internals, "Generic Response Packets"). Decoded views point into
// the payload. Which of them a packet is depends on where it stands: a row can begin with the same bytes.

inline constexpr std::byte ok_header{0x00}, eof_header{0xfe}, err_header{0xff};

/// OK_Packet, also in the place of an EOF_Packet (deprecate_eof), where it begins with 0xfe.
struct Ok {
    std::uint64_t affected_rows = 0;
    std::uint64_t last_insert_id = 0;
    StatusFlags status;
    std::uint16_t warnings = 0;
    std::string_view info = {};
    wire::View changes = {}; // session state changes: StateChanges reads them
};
/// `capabilities`: what both peers agreed on. The header is either. errc: malformed_ok, malformed_track.
[[nodiscard]] result<Ok> decode_ok(wire::View payload, Capabilities capabilities);
/// `header`: ok_header or eof_header. Changes are written where the status flags announce them.
void encode_ok(wire::Bytes& out, std::uint8_t sequence, const Ok& ok, Capabilities capabilities,
               std::byte header = ok_header);

/// EOF_Packet: the end of column definitions or rows without deprecate_eof.
struct Eof {
    std::uint16_t warnings = 0;
    StatusFlags status;
};
[[nodiscard]] result<Eof> decode_eof(wire::View payload);
void encode_eof(wire::Bytes& out, std::uint8_t sequence, const Eof& eof);

/// ERR_Packet.
struct Err {
    std::uint16_t code = 0;
    std::string_view sqlstate; // five characters; empty: the peer sent none, as servers do before they know the client
    std::string_view message;
};
[[nodiscard]] result<Err> decode_err(wire::View payload);
/// Without a state: for clients that have not answered the greeting yet.
void encode_err(wire::Bytes& out, std::uint8_t sequence, const Err& err);
/// With the error's number, SQLSTATE and message.
void encode_err(wire::Bytes& out, std::uint8_t sequence, const boost::system::error_code& error);

/// MariaDB's progress report: an ERR_Packet with the code 0xffff that ends nothing.
struct Progress {
    std::uint8_t stage = 1, stages = 1;
    std::uint32_t thousandths = 0; // of a percent of this stage: 0 to 100000
    std::string_view text;
};
[[nodiscard]] bool is_progress(wire::View payload);
[[nodiscard]] result<Progress> decode_progress(wire::View payload);
void encode_progress(wire::Bytes& out, std::uint8_t sequence, const Progress& progress);

/// What a server says of its session's state in an OK_Packet (session_track).
struct StateChange {
    enum class Kind : std::uint8_t {
        system_variable = 0, // `name` is now `value`
        schema = 1,          // the current database is now `value`
        state = 2,           // `value` "1": something of the session's state changed
        gtids = 3,
        transaction_characteristics = 4, // `value`: the statement that would begin this transaction again
        transaction_state = 5,           // `value`: 8 characters
        unknown = 0xff,
    };
    Kind kind = Kind::unknown;
    std::string_view name;
    std::string_view value;
};

/// Reads the changes where they lie: each next() gives one, nothing after the last or after what cannot be read.
class StateChanges
{
  public:
    explicit StateChanges(wire::View changes) : left_{changes} {}
    [[nodiscard]] std::optional<StateChange> next();
    /// False once something could not be read.
    [[nodiscard]] bool good() const { return good_; }

  private:
    std::optional<StateChange> variable();

    wire::View left_;
    wire::View variables_ = {}; // of the entry of variables that is being read: MariaDB puts several into one
    bool good_ = true;
};

} // namespace stepgate::protocols::mysql
