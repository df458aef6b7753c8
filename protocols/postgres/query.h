#pragma once

#include "protocols/postgres/errc.h"
#include "protocols/postgres/frame.h"
#include "protocols/wire/cursor.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace stepgate::protocols::postgres
{

/// Integers of a frame, read where they lie.
template <class Integer>
class IntegerList
{
  public:
    IntegerList() = default;
    explicit IntegerList(wire::View bytes) : bytes_{bytes} {}

    [[nodiscard]] std::size_t size() const { return bytes_.size() / sizeof(Integer); }
    [[nodiscard]] bool empty() const { return bytes_.empty(); }
    /// `index` is less than size().
    [[nodiscard]] Integer operator[](std::size_t index) const
    {
        wire::Cursor in{bytes_.subspan(index * sizeof(Integer), sizeof(Integer))};
        if constexpr (sizeof(Integer) == 2)
            return in.int16();
        else
            return static_cast<Integer>(in.uint32());
    }

  private:
    wire::View bytes_;
};

/// Values of a Bind or FunctionCall, read where they lie. They were checked by the decoder: each is there in full.
class ValueList
{
  public:
    ValueList() = default;
    ValueList(wire::View bytes, std::size_t count) : bytes_{bytes}, count_{count} {}

    [[nodiscard]] std::size_t size() const { return count_; }
    [[nodiscard]] bool empty() const { return count_ == 0; }
    /// Each value with its length word, as on the wire: what a digest of the parameters covers.
    [[nodiscard]] wire::View encoded() const { return bytes_; }

    class Iterator
    {
      public:
        using value_type = std::optional<wire::View>; // nothing: NULL
        using difference_type = std::ptrdiff_t;
        Iterator() = default;
        explicit Iterator(wire::View left) : left_{left} {}
        value_type operator*() const;
        Iterator& operator++();
        Iterator operator++(int)
        {
            Iterator old = *this;
            ++*this;
            return old;
        }
        friend bool operator==(const Iterator& a, const Iterator& b) { return a.left_.size() == b.left_.size(); }

      private:
        wire::View left_;
    };
    [[nodiscard]] Iterator begin() const { return Iterator{bytes_}; }
    [[nodiscard]] Iterator end() const { return Iterator{bytes_.last(0)}; }

  private:
    wire::View bytes_;
    std::size_t count_ = 0;
};

// What clients send after the login. All views point into the frame and are valid as long as it is.

/// Query ('Q'): one or more statements.
struct Query {
    std::string_view sql;
};
[[nodiscard]] result<Query> decode_query(const Frame& frame);
void encode_query(wire::Bytes& out, std::string_view sql);

/// Parse ('P'): prepares a statement.
struct Parse {
    std::string_view statement; // empty: the unnamed one
    std::string_view sql;
    IntegerList<std::uint32_t> parameter_types; // OIDs; may be fewer than there are parameters; 0: not given
};
[[nodiscard]] result<Parse> decode_parse(const Frame& frame);
void encode_parse(wire::Bytes& out, std::string_view statement, std::string_view sql);

/// Bind ('B'): attaches parameter values to a prepared statement and makes a portal.
struct Bind {
    std::string_view portal, statement;
    IntegerList<std::int16_t> parameter_formats; // none: all text; one: for all; else one each. 0 text, 1 binary
    ValueList parameters;
    IntegerList<std::int16_t> result_formats;
};
[[nodiscard]] result<Bind> decode_bind(const Frame& frame);

enum class Named : char { statement = 'S', portal = 'P' };

/// Describe ('D').
struct Describe {
    Named what;
    std::string_view name;
};
[[nodiscard]] result<Describe> decode_describe(const Frame& frame);
void encode_describe(wire::Bytes& out, const Describe& describe);

/// Execute ('E'): runs a portal.
struct Execute {
    std::string_view portal;
    std::int32_t max_rows = 0; // 0: all
};
[[nodiscard]] result<Execute> decode_execute(const Frame& frame);

/// Close ('C').
struct Close {
    Named what;
    std::string_view name;
};
[[nodiscard]] result<Close> decode_close(const Frame& frame);
void encode_close(wire::Bytes& out, const Close& close);

/// FunctionCall ('F').
struct FunctionCall {
    std::uint32_t function = 0; // OID
    IntegerList<std::int16_t> argument_formats;
    ValueList arguments;
    std::int16_t result_format = 0;
};
[[nodiscard]] result<FunctionCall> decode_function_call(const Frame& frame);

/// CopyFail ('f').
struct CopyFail {
    std::string_view message;
};
[[nodiscard]] result<CopyFail> decode_copy_fail(const Frame& frame);
void encode_copy_fail(wire::Bytes& out, std::string_view message);

/// Flush ('H'), Sync ('S'), CopyDone ('c'), Terminate ('X') and the server's CopyDone, NoData and the like, which have
/// no body. errc::malformed_empty.
[[nodiscard]] result<void> check_empty(const Frame& frame);
void encode_empty(wire::Bytes& out, Frontend type);
void encode_empty(wire::Bytes& out, Backend type);

/// CopyData ('d'), both ways.
void encode_copy_data(wire::Bytes& out, wire::View data);

} // namespace stepgate::protocols::postgres
