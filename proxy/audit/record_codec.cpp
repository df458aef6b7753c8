#include "proxy/audit/record_codec.h"

#include <algorithm>
#include <chrono>
#include <cstring>

namespace stepgate::proxy::audit
{

namespace
{

constexpr std::size_t length_bytes = 4;

/// RFC 8949 section 4.2.1: keys in the order of their encodings, which for short texts is length, then bytes.
bool key_less(std::string_view left, std::string_view right)
{
    return left.size() != right.size() ? left.size() < right.size() : left < right;
}

void put_list(cbor::Buffer& out, std::string_view joined)
{
    const auto commas = static_cast<std::uint64_t>(std::count(joined.begin(), joined.end(), ','));
    cbor::put_head(out, cbor::Major::array, commas + 1);
    for (;;) {
        const auto comma = joined.find(',');
        cbor::put_text(out, joined.substr(0, comma));
        if (comma == std::string_view::npos)
            return;
        joined.remove_prefix(comma + 1);
    }
}

void put_session(cbor::Buffer& out, std::uint64_t number)
{
    if (number == 0)
        cbor::put_text(out, {});
    else
        cbor::put_head(out, cbor::Major::unsigned_integer, number);
}

struct PutValue {
    cbor::Buffer& out;
    void operator()(std::int64_t value) const { cbor::put_integer(out, value); }
    void operator()(bool value) const { cbor::put_bool(out, value); }
    void operator()(const std::string& value) const { cbor::put_text(out, value); }
    void operator()(const std::vector<std::string>& value) const
    {
        cbor::put_head(out, cbor::Major::array, value.size());
        for (const auto& item : value)
            cbor::put_text(out, item);
    }
};

FieldView read_field(cbor::Reader& in, std::vector<std::string_view>& items)
{
    FieldView field;
    field.key = in.text();
    switch (in.peek()) {
    case cbor::Major::unsigned_integer:
    case cbor::Major::negative_integer:
        field.kind = FieldView::Kind::integer;
        field.number = in.integer();
        break;
    case cbor::Major::text:
    case cbor::Major::bytes:
        field.kind = FieldView::Kind::text;
        field.text = in.text_or_bytes();
        break;
    case cbor::Major::array:
        field.kind = FieldView::Kind::list;
        field.first_item = static_cast<std::uint32_t>(items.size());
        field.items = static_cast<std::uint32_t>(in.array());
        for (std::uint32_t i = 0; i < field.items && in.good(); ++i)
            items.push_back(in.text_or_bytes());
        break;
    case cbor::Major::simple: {
        field.kind = FieldView::Kind::boolean;
        const auto simple = in.head();
        if (simple.argument != 20 && simple.argument != 21)
            in.fail();
        field.number = simple.argument == 21 ? 1 : 0;
        break;
    }
    case cbor::Major::map:
    case cbor::Major::tag:
        in.fail();
        break;
    }
    return field;
}

void read_session(cbor::Reader& in, RecordView& into)
{
    into.session = {};
    into.session_number = 0;
    if (in.peek() != cbor::Major::unsigned_integer) {
        into.session = in.text_or_bytes();
        return;
    }
    into.session_number = in.unsigned_integer();
    if (into.session_number == 0) // no session is the empty text
        in.fail();
}

} // namespace

std::int64_t to_ns(TimePoint at)
{
    return std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch()).count();
}

TimePoint from_ns(std::int64_t at_ns)
{
    return TimePoint{std::chrono::duration_cast<TimePoint::duration>(std::chrono::nanoseconds{at_ns})};
}

std::size_t Sealer::begin(cbor::Buffer& out, std::int64_t at_ns, Type type)
{
    const std::size_t frame = out.size();
    out.resize(frame + length_bytes);
    cbor::put_head(out, cbor::Major::array, 7);
    cbor::put_head(out, cbor::Major::unsigned_integer, next_);
    cbor::put_bytes(out, previous_);
    cbor::put_integer(out, at_ns);
    cbor::put_text(out, to_string(type));
    return frame;
}

void Sealer::end(cbor::Buffer& out, std::size_t frame)
{
    const auto record = std::span<const std::byte>{out}.subspan(frame + length_bytes);
    for (std::size_t i = 0; i < length_bytes; ++i)
        out[frame + i] = static_cast<std::byte>(record.size() >> (8 * (length_bytes - 1 - i)));
    previous_ = hasher_(record);
    ++next_;
}

void Sealer::append(cbor::Buffer& out, const Record& record)
{
    const std::size_t frame = begin(out, to_ns(record.at), record.type);
    cbor::put_text(out, record.session);
    cbor::put_text(out, record.user);
    std::vector<const Field*> fields;
    fields.reserve(record.fields.size());
    for (const Field& field : record.fields)
        fields.push_back(&field);
    std::stable_sort(fields.begin(), fields.end(), [](auto* a, auto* b) { return key_less(a->first, b->first); });
    // Of a key given twice the last stays: unique() keeps the first, so look from behind.
    const auto twice =
        std::unique(fields.rbegin(), fields.rend(), [](auto* a, auto* b) { return a->first == b->first; });
    fields.erase(fields.begin(), twice.base());
    cbor::put_head(out, cbor::Major::map, fields.size());
    for (const Field* field : fields) {
        cbor::put_text(out, field->first);
        std::visit(PutValue{out}, field->second);
    }
    end(out, frame);
}

void Sealer::append(cbor::Buffer& out, const StatementEvent& event)
{
    const std::size_t frame = begin(out, event.at_ns, Type::statement);
    put_session(out, event.session);
    cbor::put_text(out, {});
    const unsigned lists = !event.kinds.empty() + !event.rules.empty() + !event.labels.empty() + !event.tables.empty();
    cbor::put_head(out, cbor::Major::map, 3U + lists + (event.shape != 0) + event.redacted);
    const auto list = [&](std::string_view key, std::string_view joined) {
        if (joined.empty())
            return;
        cbor::put_text(out, key);
        put_list(out, joined);
    };
    // In the order of key_less; the codec's test compares with the general way.
    cbor::put_text(out, "text");
    cbor::put_text(out, event.text);
    list("kinds", event.kinds);
    list("rules", event.rules);
    if (event.shape != 0) {
        cbor::put_text(out, "shape"); // any 64 bits: stored as the signed number with the same bits
        cbor::put_integer(out, static_cast<std::int64_t>(event.shape));
    }
    cbor::put_text(out, "action");
    cbor::put_text(out, event.action);
    list("labels", event.labels);
    list("tables", event.tables);
    if (event.redacted) {
        cbor::put_text(out, "redacted");
        cbor::put_bool(out, true);
    }
    cbor::put_text(out, "statement");
    cbor::put_integer(out, static_cast<std::int64_t>(event.statement));
    end(out, frame);
}

void Sealer::append(cbor::Buffer& out, const OutcomeEvent& event)
{
    const std::size_t frame = begin(out, event.at_ns, Type::outcome);
    put_session(out, event.session);
    cbor::put_text(out, {});
    cbor::put_head(out, cbor::Major::map, event.rows >= 0 ? 4 : 3);
    if (event.rows >= 0) {
        cbor::put_text(out, "rows");
        cbor::put_integer(out, event.rows);
    }
    cbor::put_text(out, "sqlstate");
    cbor::put_text(out, {event.sqlstate, strnlen(event.sqlstate, sizeof event.sqlstate)});
    cbor::put_text(out, "statement");
    cbor::put_integer(out, static_cast<std::int64_t>(event.statement));
    cbor::put_text(out, "duration_ns");
    cbor::put_integer(out, event.duration_ns);
    end(out, frame);
}

boost::system::result<void> decode(std::span<const std::byte> bytes, RecordView& into)
{
    cbor::Reader in{bytes};
    into.fields.clear();
    into.items.clear();
    if (in.array() != 7)
        in.fail();
    into.sequence = in.unsigned_integer();
    const auto previous = in.bytes();
    if (previous.size() == into.previous.size())
        std::copy(previous.begin(), previous.end(), into.previous.begin());
    else
        in.fail();
    into.at_ns = in.integer();
    const auto type = type_from_string(in.text());
    into.type = type.value_or(Type::start);
    if (!type)
        in.fail();
    read_session(in, into);
    into.user = in.text_or_bytes();
    for (std::size_t left = in.map(); left > 0 && in.good(); --left) {
        into.fields.push_back(read_field(in, into.items));
        const std::size_t count = into.fields.size();
        if (count > 1 && !key_less(into.fields[count - 2].key, into.fields[count - 1].key))
            in.fail();
    }
    if (!in.good() || !in.at_end())
        return boost::system::error_code{errc::malformed};
    return {};
}

const FieldView* RecordView::find(std::string_view key) const
{
    const auto found = std::find_if(fields.begin(), fields.end(), [&](const FieldView& f) { return f.key == key; });
    return found == fields.end() ? nullptr : &*found;
}

std::string_view RecordView::text(std::string_view key) const
{
    const FieldView* field = find(key);
    return field && field->kind == FieldView::Kind::text ? field->text : std::string_view{};
}

std::int64_t RecordView::number(std::string_view key, std::int64_t otherwise) const
{
    const FieldView* field = find(key);
    const bool numeric = field && (field->kind == FieldView::Kind::integer || field->kind == FieldView::Kind::boolean);
    return numeric ? field->number : otherwise;
}

std::span<const std::string_view> RecordView::list(std::string_view key) const
{
    const FieldView* field = find(key);
    return field ? list(*field) : std::span<const std::string_view>{};
}

std::span<const std::string_view> RecordView::list(const FieldView& field) const
{
    return std::span<const std::string_view>{items}.subspan(field.first_item, field.items);
}

cbor::Buffer checkpoint_message(std::uint64_t sequence, const Hash& previous, std::int64_t at_ns)
{
    cbor::Buffer message;
    cbor::put_head(message, cbor::Major::array, 4);
    cbor::put_text(message, "stepgate checkpoint 1");
    cbor::put_head(message, cbor::Major::unsigned_integer, sequence);
    cbor::put_bytes(message, previous);
    cbor::put_integer(message, at_ns);
    return message;
}

} // namespace stepgate::proxy::audit
