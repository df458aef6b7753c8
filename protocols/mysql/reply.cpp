#include "protocols/mysql/reply.h"

#include "protocols/mysql/cursor.h"
#include "protocols/mysql/packet_writer.h"

namespace stepgate::protocols::mysql
{

namespace
{

constexpr std::size_t eof_size = 5;
constexpr std::uint16_t progress_code = 0xffff;
constexpr std::size_t sqlstate_size = 5;

/// Documented as the rest of the packet, but servers put a length in front of it.
std::string_view info_of(Cursor& in)
{
    const wire::View rest = in.rest();
    Cursor with_length{rest};
    const auto text = with_length.lenenc_text();
    return with_length.good() && with_length.left() == 0 ? text : wire::as_text(rest);
}

bool are_readable(wire::View changes)
{
    StateChanges all{changes};
    while (all.next()) {
    }
    return all.good();
}

} // namespace

result<Ok> decode_ok(wire::View payload, Capabilities capabilities)
{
    Cursor in{payload};
    const auto header = static_cast<std::byte>(in.uint8());
    if (header != ok_header && header != eof_header)
        return errc::malformed_ok;
    Ok ok;
    ok.affected_rows = in.lenenc();
    ok.last_insert_id = in.lenenc();
    ok.status = StatusFlags{in.uint16()};
    ok.warnings = in.uint16();
    if (!capabilities.has(Capability::session_track)) {
        if (in.left() > 0)
            ok.info = info_of(in);
        return in.finish(ok, errc::malformed_ok);
    }
    const bool changed = ok.status.has(Status::session_state_changed);
    if (changed || in.left() > 0)
        ok.info = in.lenenc_text();
    if (changed)
        ok.changes = in.lenenc_bytes();
    while (ok.changes.empty() && in.left() > 0) // MariaDB: zeros after USE of a database in UTF-16 or UTF-32
        ok.changes = in.lenenc_bytes();
    if (!are_readable(ok.changes))
        return errc::malformed_track;
    return in.finish(ok, errc::malformed_ok);
}

void encode_ok(wire::Bytes& out, std::uint8_t sequence, const Ok& ok, Capabilities capabilities, std::byte header)
{
    const bool tracks = capabilities.has(Capability::session_track);
    const bool changed = tracks && ok.status.has(Status::session_state_changed);
    PacketWriter packet{out, sequence};
    packet.uint8(std::to_integer<std::uint8_t>(header));
    packet.lenenc(ok.affected_rows);
    packet.lenenc(ok.last_insert_id);
    packet.uint16(ok.status.bits());
    packet.uint16(ok.warnings);
    if (changed || !ok.info.empty())
        packet.lenenc_text(ok.info);
    if (changed)
        packet.lenenc_text(wire::as_text(ok.changes));
}

result<Eof> decode_eof(wire::View payload)
{
    if (payload.size() != eof_size || payload[0] != eof_header)
        return errc::malformed_eof;
    Cursor in{payload.subspan(1)};
    Eof eof;
    eof.warnings = in.uint16();
    eof.status = StatusFlags{in.uint16()};
    return in.finish(eof, errc::malformed_eof);
}

void encode_eof(wire::Bytes& out, std::uint8_t sequence, const Eof& eof)
{
    PacketWriter packet{out, sequence};
    packet.uint8(std::to_integer<std::uint8_t>(eof_header));
    packet.uint16(eof.warnings);
    packet.uint16(eof.status.bits());
}

result<Err> decode_err(wire::View payload)
{
    Cursor in{payload};
    if (static_cast<std::byte>(in.uint8()) != err_header)
        return errc::malformed_err;
    Err err;
    err.code = in.uint16();
    auto rest = in.rest_text();
    if (rest.starts_with('#') && rest.size() > sqlstate_size) {
        err.sqlstate = rest.substr(1, sqlstate_size);
        rest.remove_prefix(1 + sqlstate_size);
    }
    err.message = rest;
    return in.finish(err, errc::malformed_err);
}

void encode_err(wire::Bytes& out, std::uint8_t sequence, const Err& err)
{
    PacketWriter packet{out, sequence};
    packet.uint8(std::to_integer<std::uint8_t>(err_header));
    packet.uint16(err.code);
    if (err.sqlstate.size() == sqlstate_size) {
        packet.text("#");
        packet.text(err.sqlstate);
    }
    packet.text(err.message);
}

void encode_err(wire::Bytes& out, std::uint8_t sequence, const boost::system::error_code& error)
{
    const bool ours = error.category() == mysql_category();
    const auto number = error_number(ours ? static_cast<errc>(error.value()) : errc::unexpected_message);
    const std::string message = error.message();
    encode_err(out, sequence, Err{number.code, number.sqlstate, message});
}

bool is_progress(wire::View payload)
{
    Cursor in{payload};
    return static_cast<std::byte>(in.uint8()) == err_header && in.uint16() == progress_code;
}

result<Progress> decode_progress(wire::View payload)
{
    if (!is_progress(payload))
        return errc::malformed_err;
    Cursor in{payload.subspan(3)};
    in.uint8(); // number of strings
    Progress progress;
    progress.stage = in.uint8();
    progress.stages = in.uint8();
    progress.thousandths = in.uint24();
    progress.text = in.lenenc_text();
    return in.finish(progress, errc::malformed_err);
}

void encode_progress(wire::Bytes& out, std::uint8_t sequence, const Progress& progress)
{
    PacketWriter packet{out, sequence};
    packet.uint8(std::to_integer<std::uint8_t>(err_header));
    packet.uint16(progress_code);
    packet.uint8(1);
    packet.uint8(progress.stage);
    packet.uint8(progress.stages);
    packet.uint24(progress.thousandths);
    packet.lenenc_text(progress.text);
}

std::optional<StateChange> StateChanges::variable()
{
    Cursor in{variables_};
    StateChange change{StateChange::Kind::system_variable, in.lenenc_text(), in.lenenc_text()};
    good_ = in.good();
    variables_ = in.rest();
    if (!good_)
        return std::nullopt;
    return change;
}

std::optional<StateChange> StateChanges::next()
{
    if (!variables_.empty())
        return variable();
    if (left_.empty() || !good_)
        return std::nullopt;
    Cursor in{left_};
    const std::uint8_t type = in.uint8();
    Cursor body{in.lenenc_bytes()};
    good_ = in.good();
    left_ = in.rest();
    StateChange change;
    const auto kind = static_cast<StateChange::Kind>(type);
    switch (kind) {
    case StateChange::Kind::system_variable:
        variables_ = body.rest();
        if (good_ && !variables_.empty())
            return variable();
        good_ = false;
        return std::nullopt;
    case StateChange::Kind::gtids:
        body.uint8(); // how they are written: 0, as text
        [[fallthrough]];
    case StateChange::Kind::schema:
    case StateChange::Kind::state:
    case StateChange::Kind::transaction_characteristics:
    case StateChange::Kind::transaction_state:
        change.kind = kind;
        change.value = body.lenenc_text();
        good_ = good_ && body.good() && body.left() == 0;
        break;
    case StateChange::Kind::unknown:
    default:
        break; // of a newer server: skipped
    }
    if (!good_)
        return std::nullopt;
    return change;
}

} // namespace stepgate::protocols::mysql
