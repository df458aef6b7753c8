// The decoder of audit records: whatever it accepts has exactly one encoding, and can be printed. The index's quick
// look at an execution sees the same.
#include "proxy/audit/record_codec.h"
#include "proxy/audit/text.h"

#include <cstdint>
#include <cstdlib>

using namespace stepgate::proxy::audit;

namespace
{

/// Encodes what was decoded again, from its parts.
cbor::Buffer encode(const RecordView& record)
{
    cbor::Buffer out;
    cbor::put_head(out, cbor::Major::array, 7);
    cbor::put_head(out, cbor::Major::unsigned_integer, record.sequence);
    cbor::put_bytes(out, record.previous);
    cbor::put_integer(out, record.at_ns);
    cbor::put_text(out, to_string(record.type));
    if (record.session_number != 0)
        cbor::put_head(out, cbor::Major::unsigned_integer, record.session_number);
    else
        cbor::put_text(out, record.session);
    cbor::put_text(out, record.user);
    cbor::put_head(out, cbor::Major::map, record.fields.size());
    for (const FieldView& field : record.fields) {
        cbor::put_text(out, field.key);
        switch (field.kind) {
        case FieldView::Kind::integer:
            cbor::put_integer(out, field.number);
            break;
        case FieldView::Kind::boolean:
            cbor::put_bool(out, field.number != 0);
            break;
        case FieldView::Kind::text:
            cbor::put_text(out, field.text);
            break;
        case FieldView::Kind::list:
            cbor::put_head(out, cbor::Major::array, field.items);
            for (const auto item : record.list(field))
                cbor::put_text(out, item);
            break;
        }
    }
    return out;
}

bool same(const Execution& execution, const RecordView& record)
{
    return execution.sequence == record.sequence && execution.session == record.session_number &&
           execution.at_ns == record.at_ns && record.type == Type::statement && record.text("action") == "allow" &&
           record.find("rules") == nullptr && execution.shape == record.number("shape") &&
           execution.sqlstate == record.text("sqlstate");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::span<const std::byte> bytes{reinterpret_cast<const std::byte*>(data), size};
    const auto execution = read_execution(bytes);
    RecordView record;
    if (!decode(bytes, record))
        return 0;
    if (execution && !same(*execution, record))
        std::abort();
    const cbor::Buffer again = encode(record);
    if (again.size() != size || !std::equal(again.begin(), again.end(), bytes.begin()))
        std::abort();
    (void)one_line(record_json(record));
    return 0;
}
