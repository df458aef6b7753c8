#pragma once

#include "proxy/audit/cbor.h"
#include "proxy/audit/errc.h"
#include "proxy/audit/event.h"
#include "proxy/audit/hash.h"
#include "proxy/audit/record.h"

#include <boost/system/result.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace stepgate::proxy::audit
{

/// Gives records their sequence number and their place in the chain, and encodes them as frames of a segment:
/// four bytes of length (big-endian), then the record, a deterministic CBOR array of seven:
/// [sequence, hash of the record before, ns since 1970, type, session, user, {key: value}].
/// `session` is a text, or the session's number in statement and outcome records. Not thread-safe.
class Sealer
{
  public:
    /// `next` is the sequence number to give first, `previous` the hash of the record before it (zeros for the first).
    Sealer(std::uint64_t next, const Hash& previous) : next_(next), previous_(previous) {}

    void append(cbor::Buffer& out, const Record& record);
    void append(cbor::Buffer& out, const StatementEvent& event);
    void append(cbor::Buffer& out, const OutcomeEvent& event);

    [[nodiscard]] std::uint64_t next() const { return next_; }
    [[nodiscard]] const Hash& previous() const { return previous_; }

  private:
    void begin(cbor::Pen& pen, std::int64_t at_ns, Type type);
    void write(cbor::Pen&& pen, const Record& record);
    void write(cbor::Pen&& pen, const StatementEvent& event);
    void write(cbor::Pen&& pen, const OutcomeEvent& event);
    void end(cbor::Buffer& out, std::size_t frame);

    Hasher hasher_;
    std::uint64_t next_;
    Hash previous_;
};

/// A field of a decoded record.
struct FieldView {
    enum class Kind : std::uint8_t { integer, boolean, text, list };
    std::string_view key;
    Kind kind{};
    std::int64_t number = 0;                 // integer, boolean
    std::string_view text;                   // may be invalid UTF-8: what a client sent
    std::uint32_t first_item = 0, items = 0; // list: in RecordView::items
};

/// A decoded record. Views point into the bytes that were decoded. Kept and reused, it stops allocating.
struct RecordView {
    std::uint64_t sequence = 0;
    Hash previous{};
    std::int64_t at_ns = 0;
    Type type{};
    std::string_view session;         // "" when a number stands there
    std::uint64_t session_number = 0; // 0 when a text stands there
    std::string_view user;
    std::vector<FieldView> fields; // in the order of their encoding
    std::vector<std::string_view> items;

    // Here, so that a key that is known when compiling is compared as a number.
    [[nodiscard]] const FieldView* find(std::string_view key) const
    {
        for (const FieldView& field : fields) {
            if (field.key.size() > key.size()) // in the order of their lengths (RFC 8949 section 4.2.1)
                break;
            if (field.key == key)
                return &field;
        }
        return nullptr;
    }
    /// "" if absent or not a text.
    [[nodiscard]] std::string_view text(std::string_view key) const
    {
        const FieldView* field = find(key);
        return field && field->kind == FieldView::Kind::text ? field->text : std::string_view{};
    }
    [[nodiscard]] std::int64_t number(std::string_view key, std::int64_t otherwise = 0) const
    {
        const FieldView* field = find(key);
        const bool numeric =
            field && (field->kind == FieldView::Kind::integer || field->kind == FieldView::Kind::boolean);
        return numeric ? field->number : otherwise;
    }
    [[nodiscard]] std::span<const std::string_view> list(std::string_view key) const;
    [[nodiscard]] std::span<const std::string_view> list(const FieldView& field) const;
};

/// Strict: exactly one record in canonical form, nothing behind it. errc::malformed.
[[nodiscard]] boost::system::result<void> decode(std::span<const std::byte> bytes, RecordView& into);

/// What tells one allowed execution of a statement from another, in a record of it.
struct Execution {
    std::uint64_t sequence = 0, session = 0;
    std::int64_t at_ns = 0, statement = 0, shape = 0;
    bool answered = false; // then also:
    std::int64_t rows = -1, duration_ns = 0;
    std::string_view sqlstate; // points into the bytes that were read
};

/// Of a statement's record, of one that is allowed, matches no rule and has a shape. nullopt: it is something else, or
/// damaged; `decode` tells. Looks at no more than it needs, so it is not strict.
[[nodiscard]] std::optional<Execution> read_execution(std::span<const std::byte> bytes);

/// The signed part of a checkpoint: name of the scheme, sequence number of the checkpoint, hash of the record before
/// it, time.
[[nodiscard]] cbor::Buffer checkpoint_message(std::uint64_t sequence, const Hash& previous, std::int64_t at_ns);

[[nodiscard]] std::int64_t to_ns(TimePoint at);
[[nodiscard]] TimePoint from_ns(std::int64_t at_ns);

} // namespace stepgate::proxy::audit
