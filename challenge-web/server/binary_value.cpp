#include "challenge-web/server/binary_value.h"

#include "challenge-web/server/readable.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <limits>
#include <optional>

namespace stepgate::challenge_web::server
{

namespace
{

constexpr std::size_t most_elements = 200;
using Text = std::optional<std::string>; // nothing: not what the type says

std::uint64_t big_endian(std::string_view bytes)
{
    std::uint64_t value = 0;
    for (const char c : bytes)
        value = (value << 8U) | static_cast<unsigned char>(c);
    return value;
}

/// Reads integers off the front.
class Reader
{
  public:
    explicit Reader(std::string_view bytes) : left_(bytes) {}
    template <class Integer>
    Integer take()
    {
        return static_cast<Integer>(big_endian(bytes(sizeof(Integer))));
    }
    std::string_view bytes(std::size_t count)
    {
        if (count > left_.size()) {
            good_ = false;
            count = left_.size();
        }
        const auto taken = left_.substr(0, count);
        left_.remove_prefix(count);
        return taken;
    }
    [[nodiscard]] bool good() const { return good_; }
    [[nodiscard]] bool done() const { return good_ && left_.empty(); }
    [[nodiscard]] std::size_t left() const { return left_.size(); }

  private:
    std::string_view left_;
    bool good_ = true;
};

template <class... Arguments>
std::string formatted(const char* format, Arguments... arguments)
{
    std::array<char, 64> text{};
    const auto length = std::snprintf(text.data(), text.size(), format, arguments...);
    return {text.data(), std::min(static_cast<std::size_t>(std::max(length, 0)), text.size() - 1)};
}

template <class T>
std::string shortest(T value)
{
    std::array<char, 64> text{};
    const auto written = std::to_chars(text.data(), text.data() + text.size(), value);
    return {text.data(), written.ptr};
}

std::string uuid(std::string_view bytes)
{
    std::string out;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            out.push_back('-');
        out += formatted("%02x", static_cast<unsigned char>(bytes[i]));
    }
    return out;
}

/// Days since 2000-01-01.
std::string date(std::int64_t days)
{
    using namespace std::chrono;
    constexpr std::int64_t furthest = std::int64_t{366} * 32'000; // of what <chrono> can name
    if (days < -furthest || days > furthest)
        return std::to_string(days) + " days after 2000-01-01";
    const year_month_day day{sys_days{2000y / January / 1} + std::chrono::days{days}};
    return formatted("%04d-%02u-%02u", static_cast<int>(day.year()), static_cast<unsigned>(day.month()),
                     static_cast<unsigned>(day.day()));
}

/// Microseconds since midnight.
std::string time_of_day(std::int64_t micros)
{
    const auto seconds = micros / 1'000'000;
    auto text = formatted("%02d:%02d:%02d", static_cast<int>(seconds / 3600), static_cast<int>(seconds / 60 % 60),
                          static_cast<int>(seconds % 60));
    if (micros % 1'000'000 != 0) {
        text += formatted(".%06d", static_cast<int>(micros % 1'000'000));
        text.erase(text.find_last_not_of('0') + 1);
    }
    return text;
}

std::string timestamp(std::int64_t micros, std::string_view zone)
{
    if (micros == std::numeric_limits<std::int64_t>::max())
        return "infinity";
    if (micros == std::numeric_limits<std::int64_t>::min())
        return "-infinity";
    constexpr std::int64_t day = 86'400'000'000;
    auto days = micros / day;
    auto rest = micros % day;
    if (rest < 0) {
        rest += day;
        --days;
    }
    return date(days) + " " + time_of_day(rest) + std::string{zone};
}

std::string date_value(std::int32_t days)
{
    if (days == std::numeric_limits<std::int32_t>::max())
        return "infinity";
    if (days == std::numeric_limits<std::int32_t>::min())
        return "-infinity";
    return date(days);
}

Text time_with_zone(Reader in)
{
    const auto micros = in.take<std::int64_t>();
    const auto west = in.take<std::int32_t>(); // seconds
    if (!in.done() || micros < 0 || micros > 86'400'000'000 || west < -60'000 || west > 60'000)
        return std::nullopt;
    const auto away = west < 0 ? -west : west;
    return time_of_day(micros) + formatted("%c%02d:%02d", west <= 0 ? '+' : '-', away / 3600, away / 60 % 60);
}

Text interval(Reader in)
{
    const auto micros = in.take<std::int64_t>();
    const auto days = in.take<std::int32_t>();
    const auto months = in.take<std::int32_t>();
    if (!in.done() || micros == std::numeric_limits<std::int64_t>::min())
        return std::nullopt;
    std::string text;
    if (months != 0)
        text += std::to_string(months) + (months == 1 ? " month " : " months ");
    if (days != 0)
        text += std::to_string(days) + (days == 1 ? " day " : " days ");
    if (micros != 0 || text.empty())
        text += (micros < 0 ? "-" : "") + time_of_day(micros < 0 ? -micros : micros) + " ";
    text.pop_back();
    return text;
}

/// Digits of base 10,000; `weight` is the exponent of the first one.
Text numeric(Reader in)
{
    const auto digits = in.take<std::uint16_t>();
    const auto weight = in.take<std::int16_t>();
    const auto sign = in.take<std::uint16_t>();
    const auto scale = in.take<std::uint16_t>();
    if (!in.good() || in.left() != std::size_t{2} * digits || scale > 0x3fff)
        return std::nullopt;
    if (sign == 0xc000)
        return "NaN";
    if (sign == 0xd000)
        return "Infinity";
    if (sign == 0xf000)
        return "-Infinity";
    if ((sign != 0 && sign != 0x4000) || weight > 1000 || weight < -1000)
        return std::nullopt;
    std::string whole, fraction;
    for (int i = -1; i > weight; --i)
        fraction += "0000";
    int place = weight;
    for (int i = 0; i < digits; ++i, --place) {
        const auto digit = in.take<std::uint16_t>();
        if (digit > 9999)
            return std::nullopt;
        (place >= 0 ? whole : fraction) += formatted("%04d", digit);
    }
    for (; place >= 0; --place)
        whole += "0000";
    whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size()));
    fraction.resize(scale, '0');
    return (sign != 0 ? "-" : "") + (whole.empty() ? "0" : whole) + (fraction.empty() ? "" : "." + fraction);
}

Text network(Reader in, bool always_with_bits)
{
    const auto family = in.take<std::uint8_t>(); // PGSQL_AF_INET 2, PGSQL_AF_INET6 3
    const auto bits = in.take<std::uint8_t>();
    (void)in.take<std::uint8_t>();
    const auto size = in.take<std::uint8_t>();
    const auto address = in.bytes(size);
    const bool v4 = family == 2 && size == 4 && bits <= 32;
    const bool v6 = family == 3 && size == 16 && bits <= 128;
    if (!in.done() || (!v4 && !v6))
        return std::nullopt;
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (::inet_ntop(v4 ? AF_INET : AF_INET6, address.data(), text.data(), text.size()) == nullptr)
        return std::nullopt;
    const bool host = bits == (v4 ? 32 : 128);
    return std::string{text.data()} + (host && !always_with_bits ? "" : "/" + std::to_string(bits));
}

Text decoded(std::uint32_t oid, std::string_view bytes);

/// {1,NULL,"a b"} as the server writes arrays, one level: more dimensions are shown as one list with their sizes.
Text array(Reader in)
{
    const auto dimensions = in.take<std::int32_t>();
    (void)in.take<std::int32_t>(); // whether there are NULLs
    const auto type = in.take<std::uint32_t>();
    if (!in.good() || dimensions < 0 || dimensions > 6)
        return std::nullopt;
    std::string sizes;
    std::uint64_t count = dimensions == 0 ? 0 : 1;
    for (int i = 0; i < dimensions; ++i) {
        const auto size = in.take<std::int32_t>();
        (void)in.take<std::int32_t>(); // lower bound
        if (!in.good() || size < 0)
            return std::nullopt;
        count *= static_cast<std::uint64_t>(size);
        sizes += (i == 0 ? "" : "x") + std::to_string(size);
        if (count > in.left())
            return std::nullopt; // each element has four bytes at least
    }
    std::string text = dimensions > 1 ? sizes + " {" : "{";
    for (std::uint64_t i = 0; i < count; ++i) {
        const auto size = in.take<std::int32_t>();
        if (!in.good() || size < -1)
            return std::nullopt;
        if (i == most_elements)
            text += ",… (" + std::to_string(count) + " elements)";
        if (i >= most_elements) {
            (void)in.bytes(size < 0 ? 0 : static_cast<std::size_t>(size));
            continue;
        }
        text += i == 0 ? "" : ",";
        if (size < 0) {
            text += "NULL";
            continue;
        }
        const auto element = in.bytes(static_cast<std::size_t>(size));
        auto value = decoded(type, element);
        if (!in.good() || !value)
            return std::nullopt;
        const bool plain =
            !value->empty() && *value != "NULL" && value->find_first_of("{}\", \\\n\t") == std::string::npos;
        text += plain ? *value : '"' + *value + '"';
    }
    if (!in.done())
        return std::nullopt;
    return text + "}";
}

Text integers_and_floats(std::uint32_t oid, std::string_view bytes)
{
    const auto is = [&](std::uint32_t type, std::size_t size) { return oid == type && bytes.size() == size; };
    if (is(16, 1))
        return bytes[0] != 0 ? "true" : "false";
    if (is(21, 2))
        return std::to_string(static_cast<std::int16_t>(big_endian(bytes)));
    if (is(23, 4))
        return std::to_string(static_cast<std::int32_t>(big_endian(bytes)));
    if (is(20, 8))
        return std::to_string(static_cast<std::int64_t>(big_endian(bytes)));
    if (is(26, 4) || is(2205, 4))
        return std::to_string(big_endian(bytes));
    if (is(700, 4))
        return shortest(std::bit_cast<float>(static_cast<std::uint32_t>(big_endian(bytes))));
    if (is(701, 8))
        return shortest(std::bit_cast<double>(big_endian(bytes)));
    if (is(2950, 16))
        return uuid(bytes);
    if (is(1082, 4))
        return date_value(static_cast<std::int32_t>(big_endian(bytes)));
    if (is(1114, 8))
        return timestamp(static_cast<std::int64_t>(big_endian(bytes)), "");
    if (is(1184, 8))
        return timestamp(static_cast<std::int64_t>(big_endian(bytes)), "+00");
    if (is(1083, 8) && big_endian(bytes) <= 86'400'000'000)
        return time_of_day(static_cast<std::int64_t>(big_endian(bytes)));
    return std::nullopt;
}

Text decoded(std::uint32_t oid, std::string_view bytes)
{
    switch (oid) {
    case 18:   // "char"
    case 19:   // name
    case 25:   // text
    case 114:  // json
    case 142:  // xml
    case 705:  // unknown
    case 1042: // bpchar
    case 1043: // varchar
        return readable(bytes, longest_value).text;
    case 3802: // jsonb: version 1, then text
        if (bytes.empty() || bytes[0] != 1)
            return std::nullopt;
        return readable(bytes.substr(1), longest_value).text;
    case 17: // bytea
        return readable_hex(bytes);
    case 650: // cidr
        return network(Reader{bytes}, true);
    case 869: // inet
        return network(Reader{bytes}, false);
    case 1186:
        return interval(Reader{bytes});
    case 1266:
        return time_with_zone(Reader{bytes});
    case 1700:
        return numeric(Reader{bytes});
    case 199:  // json[]
    case 651:  // cidr[]
    case 1000: // bool[]
    case 1001: // bytea[]
    case 1005: // int2[]
    case 1007: // int4[]
    case 1009: // text[]
    case 1014: // bpchar[]
    case 1015: // varchar[]
    case 1016: // int8[]
    case 1021: // float4[]
    case 1022: // float8[]
    case 1028: // oid[]
    case 1041: // inet[]
    case 1115: // timestamp[]
    case 1182: // date[]
    case 1183: // time[]
    case 1185: // timestamptz[]
    case 1187: // interval[]
    case 1231: // numeric[]
    case 1270: // timetz[]
    case 2951: // uuid[]
    case 3807: // jsonb[]
        return array(Reader{bytes});
    default:
        return integers_and_floats(oid, bytes);
    }
}

} // namespace

std::string readable_hex(std::string_view bytes)
{
    std::string out = "\\x";
    for (const char c : bytes.substr(0, longest_value))
        out += formatted("%02x", static_cast<unsigned char>(c));
    if (bytes.size() > longest_value)
        out += "… (" + std::to_string(bytes.size()) + " bytes)";
    return out;
}

std::string readable_binary(std::uint32_t type_oid, std::string_view bytes)
{
    auto text = decoded(type_oid, bytes);
    return text ? *std::move(text) : readable_hex(bytes);
}

} // namespace stepgate::challenge_web::server
