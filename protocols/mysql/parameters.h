#pragma once

#include "protocols/mysql/capabilities.h"
#include "protocols/mysql/command.h"
#include "protocols/mysql/errc.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stepgate::protocols::mysql
{

class Cursor;

/// enum_field_types, as far as values on the wire have them.
enum class FieldType : std::uint8_t {
    decimal = 0x00,
    tiny = 0x01,
    small = 0x02,
    integer = 0x03,
    single = 0x04, // FLOAT
    real = 0x05,   // DOUBLE
    null = 0x06,
    timestamp = 0x07,
    big = 0x08,
    medium = 0x09,
    date = 0x0a,
    time = 0x0b,
    datetime = 0x0c,
    year = 0x0d,
    varchar = 0x0f,
    bit = 0x10,
    timestamp2 = 0x11,
    datetime2 = 0x12,
    time2 = 0x13,
    vector = 0xf2,
    json = 0xf5,
    new_decimal = 0xf6,
    enumeration = 0xf7,
    set = 0xf8,
    tiny_blob = 0xf9,
    medium_blob = 0xfa,
    long_blob = 0xfb,
    blob = 0xfc,
    var_string = 0xfd,
    string = 0xfe,
    geometry = 0xff,
};

struct BoundType {
    FieldType type = FieldType::null;
    bool is_unsigned = false;
    friend bool operator==(const BoundType&, const BoundType&) = default;
};

/// One value of an execution, or an attribute of a query. Views point into the payload, or into LongData.
struct Parameter {
    enum class Kind : std::uint8_t {
        null,
        value,      // `bytes`: as its type is on the wire, without the length in front
        long_data,  // `bytes`: all pieces that were sent ahead
        by_default, // MariaDB's bulk executions: the column's DEFAULT
        ignored,    // and: what the row has already
    };
    Kind kind = Kind::null;
    BoundType type;
    std::string_view name; // of attributes; empty: a parameter of the statement
    wire::View bytes;
};

/// Its bytes are characters, as LIKE would take them.
[[nodiscard]] constexpr bool is_text(const Parameter& parameter)
{
    const bool text_type = parameter.type.type == FieldType::varchar ||
                           (parameter.type.type >= FieldType::enumeration && parameter.type.type < FieldType::geometry);
    return parameter.kind == Parameter::Kind::long_data || (parameter.kind == Parameter::Kind::value && text_type);
}

/// Appends the value as a person would write it, without quotes: 12, -0.5, 2024-02-29 13:00:00, text as it is, NULL,
/// DEFAULT.
void append_text(std::string& out, const Parameter& parameter);

/// What COM_STMT_SEND_LONG_DATA brought for the parameters of one statement. It counts at each execution until the
/// server forgets it: after an execution that reached it, or COM_STMT_RESET.
class LongData
{
  public:
    /// Bytes that may still be kept, by all that share it.
    using Budget = std::shared_ptr<std::size_t>;

    explicit LongData(std::size_t limit = 64 * 1024 * 1024) : LongData{std::make_shared<std::size_t>(limit)} {}
    explicit LongData(Budget budget) : budget_{std::move(budget)} {}
    LongData(LongData&&) = default;
    LongData& operator=(LongData&&) = delete;
    ~LongData() { clear(); }

    /// errc: too_large; then no execution can be judged until clear().
    [[nodiscard]] result<void> append(std::uint16_t parameter, wire::View data);
    [[nodiscard]] bool empty() const { return pieces_.empty(); }
    /// Null: none came for this parameter.
    [[nodiscard]] const wire::Bytes* find(std::uint16_t parameter) const;
    /// One more than the largest parameter.
    [[nodiscard]] std::size_t end() const;
    [[nodiscard]] bool overflowed() const { return overflowed_; }
    void clear();

  private:
    struct Piece {
        std::uint16_t parameter;
        wire::Bytes bytes;
    };
    Budget budget_;
    bool overflowed_ = false;
    std::vector<Piece> pieces_;
};

/// What one must know of a prepared statement to read the values of an execution.
struct Binding {
    std::uint16_t parameters = 0;      // as the server counted them
    std::vector<BoundType> types = {}; // of the last execution that brought some: later ones may leave them out
    LongData long_data = LongData{};
    bool brings_types = false; // the execution that was read last
    bool opens_cursor = false; // likewise
};

/// COM_STMT_EXECUTE: reads the values into `out`, the statement's parameters first, then attributes, and keeps types
/// that it brings in `binding`. `out` can be used again and again. errc: malformed_parameters also for types that are
/// not known, and for values whose types nobody sent.
[[nodiscard]] result<void> decode_parameters(const Execute& execute, Capabilities capabilities, Binding& binding,
                                             std::vector<Parameter>& out);

/// COM_STMT_BULK_EXECUTE: the same; row after row, each with binding.parameters values. At least one row.
[[nodiscard]] result<void> decode_bulk_parameters(const BulkExecute& execute, Binding& binding,
                                                  std::vector<Parameter>& out);

/// The same execution with the types in it: for a server that has not seen those of an earlier one, because that was
/// never sent to it. `payload`: of an execution that decode_parameters has just read with this binding.
[[nodiscard]] result<void> encode_execute_with_types(wire::Bytes& out, wire::View payload, Capabilities capabilities,
                                                     const Binding& binding);

/// The same for decode_bulk_parameters.
[[nodiscard]] result<void> encode_bulk_with_types(wire::Bytes& out, wire::View payload, const Binding& binding);

/// COM_QUERY: reads attributes into `out`, gives the SQL behind them.
[[nodiscard]] result<std::string_view> decode_query(wire::View payload, Capabilities capabilities,
                                                    std::vector<Parameter>& out);

} // namespace stepgate::protocols::mysql
