#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace stepgate::challenge_web::factors
{

/// Reads the subset of CBOR (RFC 8949) that CTAP2 allows (CTAP 2.1 section 8): definite lengths, no tags, few levels.
/// Bounds-checked: after the first failure `good` is false and every read gives zero or empty. Allocates nothing; views
/// point into the input.
class CborReader
{
  public:
    explicit CborReader(std::string_view in) : in_(in) {}

    [[nodiscard]] bool good() const { return good_; }
    [[nodiscard]] std::size_t position() const { return at_; }
    [[nodiscard]] bool at_end() const { return at_ == in_.size(); }

    /// Number of pairs.
    std::uint64_t map();
    /// Number of items.
    std::uint64_t array();
    std::int64_t integer();
    std::string_view bytes();
    std::string_view text();
    /// One item whatever it is, with all inside it; its bytes.
    std::string_view item();
    /// Is the next item an integer?
    [[nodiscard]] bool integer_next() const;

  private:
    struct Head {
        unsigned major = 7, info = 0;
        std::uint64_t value = 0;
    };
    Head head();
    std::string_view take(std::uint64_t size);
    std::string_view string(unsigned major);
    std::uint64_t count(unsigned major);
    void skip(int depth);
    void fail();

    std::string_view in_;
    std::size_t at_ = 0;
    bool good_ = true;
};

} // namespace stepgate::challenge_web::factors
