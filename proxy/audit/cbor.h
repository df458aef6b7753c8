#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace stepgate::proxy::audit::cbor
{

/// The part of CBOR (RFC 8949) that records use, in its deterministic form (section 4.2.1): shortest heads, definite
/// lengths, no tags, no floating point. One value has one encoding, so hashes compare values.
enum class Major : std::uint8_t { unsigned_integer, negative_integer, bytes, text, array, map, tag, simple };

using Buffer = std::vector<std::byte>;

void put_head(Buffer& out, Major major, std::uint64_t argument);
void put_integer(Buffer& out, std::int64_t value);
void put_bool(Buffer& out, bool value);
void put_bytes(Buffer& out, std::span<const std::byte> value);
/// As text; as a byte string if it is not valid UTF-8, so that no byte of a statement is lost or altered.
void put_text(Buffer& out, std::string_view value);

[[nodiscard]] bool valid_utf8(std::string_view text);

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
    Head head();
    std::uint64_t unsigned_integer();
    std::int64_t integer();
    std::string_view text_or_bytes(); // what put_text wrote
    std::string_view text();
    std::span<const std::byte> bytes();
    std::size_t array(); // number of items; each needs at least a byte, so a count beyond the input is refused
    std::size_t map();   // number of pairs
    /// The next item's type, without reading it.
    [[nodiscard]] Major peek() const;

    void fail() { good_ = false; }
    [[nodiscard]] bool good() const { return good_; }
    [[nodiscard]] bool at_end() const { return at_ == in_.size(); }
    /// The input from `from` up to where the reader stands: the encoded form of what was read.
    [[nodiscard]] std::size_t position() const { return at_; }
    [[nodiscard]] std::span<const std::byte> since(std::size_t from) const { return in_.subspan(from, at_ - from); }

  private:
    std::span<const std::byte> take(std::uint64_t size);
    std::span<const std::byte> in_;
    std::size_t at_ = 0;
    bool good_ = true;
};

} // namespace stepgate::proxy::audit::cbor
