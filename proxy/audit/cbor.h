#pragma once

#include "policies/statement/utf8.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace stepgate::proxy::audit::cbor
{

/// The part of CBOR (RFC 8949) that records use, in its deterministic form (section 4.2.1): shortest heads, definite
/// lengths, no tags, no floating point. One value has one encoding, so hashes compare values.
enum class Major : std::uint8_t { unsigned_integer, negative_integer, bytes, text, array, map, tag, simple };

using Buffer = std::vector<std::byte>;

using policies::statement::is_utf8;

/// Writes items at the end of a buffer, into room that is made once: a record is a dozen small items, and growing the
/// buffer for each costs more than writing it. The caller says how many bytes there can be at most.
class Pen
{
  public:
    static constexpr std::size_t head_bytes = 9; // at most

    Pen(Buffer& out, std::size_t most) : out_(out)
    {
        const std::size_t begin = out.size();
        out.resize(begin + most);
        at_ = out.data() + begin;
    }
    Pen(const Pen&) = delete;
    Pen& operator=(const Pen&) = delete;
    ~Pen() { out_.resize(static_cast<std::size_t>(at_ - out_.data())); }

    void head(Major major, std::uint64_t argument)
    {
        const auto type = static_cast<unsigned>(major) << 5;
        if (argument < 24)
            *at_++ = static_cast<std::byte>(type | argument);
        else
            long_head(type, argument);
    }
    void integer(std::int64_t value)
    {
        const bool negative = value < 0;
        head(negative ? Major::negative_integer : Major::unsigned_integer,
             static_cast<std::uint64_t>(negative ? -(value + 1) : value));
    }
    void boolean(bool value) { head(Major::simple, value ? 21 : 20); }
    void bytes(std::span<const std::byte> value)
    {
        head(Major::bytes, value.size());
        raw(value.data(), value.size());
    }
    /// As text; as a byte string if it is not valid UTF-8, so that no byte of a statement is lost or altered.
    void text(std::string_view value)
    {
        head(is_utf8(value) ? Major::text : Major::bytes, value.size());
        raw(value.data(), value.size());
    }
    /// A word of ours, known to be ASCII.
    void word(std::string_view value)
    {
        head(Major::text, value.size());
        raw(value.data(), value.size());
    }
    void skip(std::size_t bytes) { at_ += bytes; } // to be filled in later

  private:
    void long_head(unsigned type, std::uint64_t argument);
    void raw(const void* data, std::size_t size)
    {
        if (size > 0)
            std::memcpy(at_, data, size);
        at_ += size;
    }

    Buffer& out_;
    std::byte* at_;
};

void put_head(Buffer& out, Major major, std::uint64_t argument);
void put_integer(Buffer& out, std::int64_t value);
void put_bool(Buffer& out, bool value);
void put_bytes(Buffer& out, std::span<const std::byte> value);
void put_text(Buffer& out, std::string_view value);

/// Reads items one after the other; refuses everything that the writer above would not have produced. Views point into
/// the bytes given. After the first failure `good` stays false and every read answers an empty value.
class Reader
{
  public:
    explicit Reader(std::span<const std::byte> in) : in_(in) {}

    struct Head {
        Major major{};
        std::uint64_t argument = 0;
    };
    Head head()
    {
        if (!good_ || at_ == in_.size()) {
            fail();
            return {};
        }
        const auto initial = std::to_integer<unsigned>(in_[at_++]);
        const Head item{static_cast<Major>(initial >> 5), initial & 31};
        return item.argument < 24 ? item : long_head(item);
    }
    std::uint64_t unsigned_integer()
    {
        const Head item = head();
        if (item.major != Major::unsigned_integer)
            fail();
        return good_ ? item.argument : 0;
    }
    std::int64_t integer()
    {
        const Head item = head();
        const bool negative = item.major == Major::negative_integer;
        if ((!negative && item.major != Major::unsigned_integer) || item.argument > INT64_MAX)
            fail();
        if (!good_)
            return 0;
        const auto value = static_cast<std::int64_t>(item.argument);
        return negative ? -value - 1 : value;
    }
    std::string_view text_or_bytes() // what put_text wrote
    {
        const Head item = head();
        if (item.major != Major::text && item.major != Major::bytes)
            fail();
        return characters(item);
    }
    std::string_view text()
    {
        const Head item = head();
        if (item.major != Major::text)
            fail();
        return characters(item);
    }
    /// A text or byte string as it stands: for comparing with a word of ours, or for nothing.
    std::string_view unchecked()
    {
        const Head item = head();
        if (item.major != Major::text && item.major != Major::bytes)
            fail();
        return as_text(take(item.argument));
    }
    /// Passes over a value.
    void skip()
    {
        const Head item = head();
        if (item.major == Major::text || item.major == Major::bytes)
            take(item.argument);
        else if (item.major == Major::array)
            for (std::uint64_t i = 0; i < item.argument && good_; ++i)
                unchecked();
        else if (item.major == Major::map || item.major == Major::tag)
            fail();
    }
    std::span<const std::byte> bytes()
    {
        const Head item = head();
        if (item.major != Major::bytes)
            fail();
        return take(item.argument);
    }
    /// Number of items; each needs at least a byte, so a count beyond the input is refused.
    std::size_t array() { return count(Major::array, 1); }
    /// Number of pairs.
    std::size_t map() { return count(Major::map, 2); }
    /// The next item's type, without reading it.
    [[nodiscard]] Major peek() const
    {
        if (!good_ || at_ == in_.size())
            return Major::tag; // never part of a record
        return static_cast<Major>(std::to_integer<unsigned>(in_[at_]) >> 5);
    }

    void fail() { good_ = false; }
    [[nodiscard]] bool good() const { return good_; }
    [[nodiscard]] bool at_end() const { return at_ == in_.size(); }
    /// The input from `from` up to where the reader stands: the encoded form of what was read.
    [[nodiscard]] std::size_t position() const { return at_; }
    [[nodiscard]] std::span<const std::byte> since(std::size_t from) const { return in_.subspan(from, at_ - from); }

  private:
    [[nodiscard]] Head long_head(Head item);
    std::span<const std::byte> take(std::uint64_t size)
    {
        if (!good_ || size > in_.size() - at_) {
            fail();
            return {};
        }
        const auto taken = in_.subspan(at_, static_cast<std::size_t>(size));
        at_ += taken.size();
        return taken;
    }
    static std::string_view as_text(std::span<const std::byte> bytes)
    {
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }
    std::string_view characters(Head item)
    {
        const std::string_view value = as_text(take(item.argument));
        // Canonical: text exactly when it is UTF-8.
        if (good_ && is_utf8(value) != (item.major == Major::text))
            fail();
        return good_ ? value : std::string_view{};
    }
    std::size_t count(Major major, std::size_t least_bytes)
    {
        const Head item = head();
        if (item.major != major || item.argument > (in_.size() - at_) / least_bytes)
            fail();
        return good_ ? static_cast<std::size_t>(item.argument) : 0;
    }
    std::span<const std::byte> in_;
    std::size_t at_ = 0;
    bool good_ = true;
};

} // namespace stepgate::proxy::audit::cbor
