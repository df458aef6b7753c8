#include "challenge-web/factors/cbor.h"

#include <limits>

namespace stepgate::challenge_web::factors
{

namespace
{

// Major types, RFC 8949 section 3.1.
enum Major : unsigned {
    positive = 0,
    negative = 1,
    byte_string = 2,
    text_string = 3,
    sequence = 4,
    mapping = 5,
    simple = 7
};

constexpr int max_depth = 8; // CTAP2 allows four; attestation statements are inside one more map

} // namespace

void CborReader::fail()
{
    good_ = false;
    at_ = in_.size();
}

std::string_view CborReader::take(std::uint64_t size)
{
    if (!good_ || size > in_.size() - at_) {
        fail();
        return {};
    }
    const auto out = in_.substr(at_, static_cast<std::size_t>(size));
    at_ += out.size();
    return out;
}

CborReader::Head CborReader::head()
{
    const auto first = take(1);
    if (first.empty())
        return {};
    const auto byte = static_cast<unsigned char>(first[0]);
    Head out{static_cast<unsigned>(byte >> 5), byte & 31u, byte & 31u};
    if (out.info < 24)
        return out;
    if (out.info > 27) { // reserved, or indefinite length
        fail();
        return {};
    }
    out.value = 0;
    for (const char c : take(1u << (out.info - 24)))
        out.value = out.value << 8 | static_cast<unsigned char>(c);
    return good_ ? out : Head{};
}

std::string_view CborReader::string(unsigned major)
{
    const Head next = head();
    if (!good_ || next.major != major) {
        fail();
        return {};
    }
    return take(next.value);
}

std::uint64_t CborReader::map()
{
    return count(mapping);
}

std::uint64_t CborReader::array()
{
    return count(sequence);
}

std::uint64_t CborReader::count(unsigned major)
{
    const Head next = head();
    if (!good_ || next.major != major) {
        fail();
        return 0;
    }
    return next.value;
}

std::int64_t CborReader::integer()
{
    const Head next = head();
    if (!good_ || next.major > negative ||
        next.value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        fail();
        return 0;
    }
    const auto value = static_cast<std::int64_t>(next.value);
    return next.major == positive ? value : -1 - value;
}

bool CborReader::integer_next() const
{
    return good_ && at_ < in_.size() && static_cast<unsigned char>(in_[at_]) >> 5 <= negative;
}

std::string_view CborReader::bytes()
{
    return string(byte_string);
}

std::string_view CborReader::text()
{
    return string(text_string);
}

std::string_view CborReader::item()
{
    const std::size_t start = at_;
    skip(0);
    return good_ ? in_.substr(start, at_ - start) : std::string_view{};
}

void CborReader::skip(int depth)
{
    const Head next = head();
    if (!good_ || depth > max_depth)
        return fail();
    switch (next.major) {
    case positive:
    case negative:
    case simple:
        return;
    case byte_string:
    case text_string:
        take(next.value);
        return;
    case sequence:
    case mapping: {
        // Every item takes a byte at least, so a count larger than what is left is a lie, and the loop is bounded.
        if (next.value > in_.size() - at_)
            return fail();
        const std::uint64_t items = next.major == mapping ? next.value * 2 : next.value;
        for (std::uint64_t i = 0; i < items && good_; ++i)
            skip(depth + 1);
        return;
    }
    default:
        return fail(); // tags
    }
}

} // namespace stepgate::challenge_web::factors
