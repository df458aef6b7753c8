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

// Most bytes of what stands before the fields of a record, but for its texts.
constexpr std::size_t most_before_fields = 256;
// Most bytes that the keys and numbers of the fields of an event take.
constexpr std::size_t most_of_event = 256;

/// Most bytes of a comma-joined list: in the worst case every item is empty, and has a head of one byte.
std::size_t most_of_list(std::string_view joined)
{
    return 2 * joined.size() + 3 * cbor::Pen::head_bytes;
}

void put_list(cbor::Pen& pen, std::string_view joined)
{
    const auto commas = static_cast<std::uint64_t>(std::count(joined.begin(), joined.end(), ','));
    pen.head(cbor::Major::array, commas + 1);
    for (;;) {
        const auto comma = joined.find(',');
        pen.text(joined.substr(0, comma));
        if (comma == std::string_view::npos)
            return;
        joined.remove_prefix(comma + 1);
    }
}

void put_session(cbor::Pen& pen, std::uint64_t number)
{
    if (number == 0)
        pen.word({});
    else
        pen.head(cbor::Major::unsigned_integer, number);
}

unsigned answer_fields(const Answer& answer)
{
    return answer.rows >= 0 ? 3 : 2;
}

void put_rows(cbor::Pen& pen, const Answer& answer)
{
    if (answer.rows < 0)
        return;
    pen.word("rows");
    pen.integer(answer.rows);
}

void put_sqlstate(cbor::Pen& pen, const Answer& answer)
{
    pen.word("sqlstate");
    pen.text({answer.sqlstate, strnlen(answer.sqlstate, sizeof answer.sqlstate)});
}

void put_duration(cbor::Pen& pen, const Answer& answer)
{
    pen.word("duration_ns");
    pen.integer(answer.duration_ns);
}

struct PutValue {
    cbor::Pen& pen;
    void operator()(std::int64_t value) const { pen.integer(value); }
    void operator()(bool value) const { pen.boolean(value); }
    void operator()(const std::string& value) const { pen.text(value); }
    void operator()(const std::vector<std::string>& value) const
    {
        pen.head(cbor::Major::array, value.size());
        for (const auto& item : value)
            pen.text(item);
    }
};

struct MostOfValue {
    std::size_t operator()(std::int64_t) const { return cbor::Pen::head_bytes; }
    std::size_t operator()(bool) const { return cbor::Pen::head_bytes; }
    std::size_t operator()(const std::string& value) const { return cbor::Pen::head_bytes + value.size(); }
    std::size_t operator()(const std::vector<std::string>& value) const
    {
        std::size_t most = cbor::Pen::head_bytes;
        for (const auto& item : value)
            most += (*this)(item);
        return most;
    }
};

std::size_t most_of(const Record& record)
{
    std::size_t most = most_before_fields + record.session.size() + record.user.size();
    for (const auto& [key, value] : record.fields)
        most += cbor::Pen::head_bytes + key.size() + std::visit(MostOfValue{}, value);
    return most;
}

void read_field(cbor::Reader& in, FieldView& field, std::vector<std::string_view>& items)
{
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

void Sealer::begin(cbor::Pen& pen, std::int64_t at_ns, Type type)
{
    pen.skip(length_bytes);
    pen.head(cbor::Major::array, 7);
    pen.head(cbor::Major::unsigned_integer, next_);
    pen.bytes(previous_);
    pen.integer(at_ns);
    pen.word(to_string(type));
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
    const std::size_t frame = out.size();
    write(cbor::Pen{out, most_of(record)}, record);
    end(out, frame);
}

void Sealer::append(cbor::Buffer& out, const StatementEvent& event)
{
    const std::size_t frame = out.size();
    const std::size_t most = most_before_fields + most_of_event + event.text.size() + event.action.size() +
                             most_of_list(event.kinds) + most_of_list(event.rules) + most_of_list(event.labels) +
                             most_of_list(event.tables);
    write(cbor::Pen{out, most}, event);
    end(out, frame);
}

void Sealer::append(cbor::Buffer& out, const OutcomeEvent& event)
{
    const std::size_t frame = out.size();
    write(cbor::Pen{out, most_before_fields + most_of_event}, event);
    end(out, frame);
}

void Sealer::write(cbor::Pen&& pen, const Record& record)
{
    begin(pen, to_ns(record.at), record.type);
    pen.text(record.session);
    pen.text(record.user);
    std::vector<const Field*> fields;
    fields.reserve(record.fields.size());
    for (const Field& field : record.fields)
        fields.push_back(&field);
    std::stable_sort(fields.begin(), fields.end(), [](auto* a, auto* b) { return key_less(a->first, b->first); });
    // Of a key given twice the last stays: unique() keeps the first, so look from behind.
    const auto twice =
        std::unique(fields.rbegin(), fields.rend(), [](auto* a, auto* b) { return a->first == b->first; });
    fields.erase(fields.begin(), twice.base());
    pen.head(cbor::Major::map, fields.size());
    for (const Field* field : fields) {
        pen.text(field->first);
        std::visit(PutValue{pen}, field->second);
    }
}

void Sealer::write(cbor::Pen&& pen, const StatementEvent& event)
{
    const Answer* answer = event.answer;
    begin(pen, event.at_ns, Type::statement);
    put_session(pen, event.session);
    pen.word({});
    const unsigned lists = !event.kinds.empty() + !event.rules.empty() + !event.labels.empty() + !event.tables.empty();
    pen.head(cbor::Major::map,
             3U + lists + (event.shape != 0) + event.redacted + (answer ? answer_fields(*answer) : 0));
    const auto list = [&](std::string_view key, std::string_view joined) {
        if (joined.empty())
            return;
        pen.word(key);
        put_list(pen, joined);
    };
    // In the order of key_less; the codec's test compares with the general way.
    if (answer)
        put_rows(pen, *answer);
    pen.word("text");
    pen.text(event.text);
    list("kinds", event.kinds);
    list("rules", event.rules);
    if (event.shape != 0) {
        pen.word("shape"); // any 64 bits: stored as the signed number with the same bits
        pen.integer(static_cast<std::int64_t>(event.shape));
    }
    pen.word("action");
    pen.text(event.action);
    list("labels", event.labels);
    list("tables", event.tables);
    if (event.redacted) {
        pen.word("redacted");
        pen.boolean(true);
    }
    if (answer)
        put_sqlstate(pen, *answer);
    pen.word("statement");
    pen.integer(static_cast<std::int64_t>(event.statement));
    if (answer)
        put_duration(pen, *answer);
}

void Sealer::write(cbor::Pen&& pen, const OutcomeEvent& event)
{
    begin(pen, event.at_ns, Type::outcome);
    put_session(pen, event.session);
    pen.word({});
    pen.head(cbor::Major::map, 1 + answer_fields(event.answer));
    put_rows(pen, event.answer);
    put_sqlstate(pen, event.answer);
    pen.word("statement");
    pen.integer(static_cast<std::int64_t>(event.statement));
    put_duration(pen, event.answer);
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
        read_field(in, into.fields.emplace_back(), into.items);
        const std::size_t count = into.fields.size();
        if (count > 1 && !key_less(into.fields[count - 2].key, into.fields[count - 1].key))
            in.fail();
    }
    if (!in.good() || !in.at_end())
        return boost::system::error_code{errc::malformed};
    return {};
}

std::optional<Execution> read_execution(std::span<const std::byte> bytes)
{
    cbor::Reader in{bytes};
    Execution execution;
    if (in.array() != 7)
        return std::nullopt;
    execution.sequence = in.unsigned_integer();
    in.skip(); // hash of the record before
    execution.at_ns = in.integer();
    if (in.unchecked() != "statement" || in.peek() != cbor::Major::unsigned_integer)
        return std::nullopt;
    execution.session = in.unsigned_integer();
    in.skip(); // user
    bool allowed = false;
    for (std::size_t left = in.map(); left > 0 && in.good(); --left) {
        const std::string_view key = in.unchecked();
        // With the word's size known the comparison is one of numbers.
        const auto is = [key]<std::size_t Size>(const char(&word)[Size]) {
            return key.size() == Size - 1 && std::memcmp(key.data(), word, Size - 1) == 0;
        };
        if (is("rules"))
            return std::nullopt;
        if (is("action"))
            allowed = in.unchecked() == "allow";
        else if (is("shape"))
            execution.shape = in.integer();
        else if (is("statement"))
            execution.statement = in.integer();
        else if (is("rows"))
            execution.rows = in.integer();
        else if (is("duration_ns"))
            execution.duration_ns = in.integer();
        else if (is("sqlstate"))
            execution.sqlstate = in.unchecked();
        else
            in.skip();
    }
    execution.answered = !execution.sqlstate.empty();
    if (!allowed || execution.shape == 0 || !in.good() || !in.at_end())
        return std::nullopt;
    return execution;
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
