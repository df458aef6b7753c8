#pragma once

#include "policies/catalog/catalog.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::policies::postgres
{

/// SQL that a function puts together from constants and the values of its arguments, and nothing else: what it runs is
/// known where the caller wrote those down.
struct BuiltText {
    struct Part {
        enum class Quoting : unsigned char { none, name, literal } quoting = Quoting::none;
        std::string text;                    // of a constant
        std::optional<std::size_t> argument; // of an argument: its place
    };
    std::vector<Part> parts;
    const catalog::Function* function = nullptr;
    int context = 0; // the settings it runs under, numbered as in Bodies
};

/// Values of a call's arguments, in order; nullopt: not a string constant.
using Constants = std::vector<std::optional<std::string>>;

/// For bodies that are read with standard_conforming_strings. `expression`: what EXECUTE gets in the PL/pgSQL `body` of
/// the function; `all_executed`: all that EXECUTE gets there. Empty if it holds anything but constants and arguments,
/// put together by || or format(), or if the body names one of those arguments elsewhere, since it may set it there.
[[nodiscard]] std::optional<BuiltText> built_text(std::string_view expression,
                                                  const std::vector<std::string_view>& all_executed,
                                                  std::string_view body, const catalog::Function& function,
                                                  const catalog::Catalog& catalog);

/// The text for these arguments; nullopt if one of them is not known.
[[nodiscard]] std::optional<std::string> fill_in(const BuiltText& built, const Constants& arguments);

} // namespace stepgate::policies::postgres
