#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::policies::postgres
{

/// What an expression is for a row that is tried (`RowTrial`).
struct SampleValue {
    enum class Kind : std::uint8_t {
        unknown,   // this was not found out
        null,      //
        something, // not NULL; else as unknown
        boolean,   // `number` is 0 or 1
        number,    //
        text,      //
        moment,    // a date or time, `number` days from some day
        place,     // of a row in its file, as ctid has it: `number` is 65,536 times the block, and the row in it
        row        // `parts`
    };
    Kind kind = Kind::unknown;
    long double number = 0; // holds every bigint
    std::string text;
    std::vector<SampleValue> parts;
    bool literal = false; // a quoted literal, which becomes what it meets

    static SampleValue null() { return {Kind::null, 0, {}, {}}; }
    static SampleValue of(bool value) { return {Kind::boolean, value ? 1.0L : 0.0L, {}, {}}; }
    static SampleValue of_number(long double value) { return {Kind::number, value, {}, {}}; }
    static SampleValue of_text(std::string_view value) { return {Kind::text, 0, std::string{value}, {}}; }

    [[nodiscard]] bool is_null() const { return kind == Kind::null; }
    [[nodiscard]] bool is_unknown() const { return kind == Kind::unknown || kind == Kind::something; }
    [[nodiscard]] bool is_true() const { return kind == Kind::boolean && number != 0; }
    [[nodiscard]] bool is_false() const { return kind == Kind::boolean && number == 0; }
};

/// Less than, equal to or greater than 0 as the first comes before, with or after the second; neither is NULL. Nothing:
/// this is not known.
[[nodiscard]] std::optional<int> order(const SampleValue& one, const SampleValue& other);

// Each gives `unknown` for what it does not know, and for what the server refuses.
[[nodiscard]] SampleValue operate(std::string_view name, const SampleValue& left, const SampleValue& right);
[[nodiscard]] SampleValue call_function(std::string_view name, std::span<const SampleValue> arguments);
[[nodiscard]] SampleValue cast_to(std::string_view type, const SampleValue& value);

} // namespace stepgate::policies::postgres
