#pragma once

namespace stepgate::policies::postgres
{

/// What a predicate can be for all rows alike. One that reads no column may be either, so it counts as both.
struct Truth {
    bool always = false;
    bool never = false;
};
constexpr Truth constant{true, true};
constexpr Truth depends{};

} // namespace stepgate::policies::postgres
