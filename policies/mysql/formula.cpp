#include "policies/mysql/formula.h"

namespace stepgate::policies::mysql
{
namespace
{

constexpr std::uint64_t all = ~std::uint64_t{0};
constexpr std::uint64_t where_first_holds = 0xAAAAAAAAAAAAAAAAULL;

bool bit(std::uint64_t word, std::size_t place)
{
    return ((word >> place) & 1U) != 0;
}

} // namespace

Formula Formula::constant(bool value)
{
    Formula made;
    made.known_ = true;
    made.table_ = value ? all : 0;
    return made;
}

Formula Formula::part(std::uint64_t shape, std::uint64_t value)
{
    Formula made;
    made.known_ = true;
    made.parts_[0] = {static_cast<std::uint32_t>(shape), static_cast<std::uint32_t>(value)};
    made.count_ = 1;
    made.table_ = where_first_holds;
    return made;
}

Formula Formula::that_fails(bool fails, bool may_fail) const
{
    Formula made = *this;
    for (std::size_t i = 0; i < made.count_; ++i) {
        made.parts_[i].fails = fails;
        made.parts_[i].may_fail = may_fail;
    }
    return made;
}

/// Whatever the parts are, if those fail that are so.
bool Formula::holds_without(bool Part::*which) const
{
    std::size_t failing = 0;
    for (std::size_t i = 0; i < count_; ++i)
        failing |= std::size_t{parts_[i].*which} << i;
    for (std::size_t row = 0; failing != 0 && row < rows; ++row)
        if (!bit(table_, row & ~failing))
            return false;
    return known_ && failing != 0;
}

/// That a part fails is looked at only where the whole holds by it: `id = 0` alone is of one row, as `id = 5` is, and
/// is not to hang on its literal.
std::optional<bool> Formula::value() const
{
    if (holds_without(&Part::fails))
        return true;
    if (!known_ || (table_ != 0 && table_ != all))
        return std::nullopt;
    return table_ != 0;
}

/// If parts of one shape were one part, the combinations where these differ would not matter.
bool Formula::hangs_on_literals() const
{
    if (holds_without(&Part::may_fail))
        return true;
    bool holds = false, fails = false, alike = false;
    for (std::size_t row = 0; row < rows; ++row) {
        bool differ = false;
        for (std::size_t i = 0; i < count_; ++i)
            for (std::size_t j = 0; j < i; ++j)
                if (parts_[i].shape == parts_[j].shape) {
                    alike = true;
                    differ = differ || bit(row, i) != bit(row, j);
                }
        if (!differ)
            (bit(table_, row) ? holds : fails) = true;
    }
    return known_ && alike && holds != fails;
}

Formula Formula::operator~() const
{
    Formula made = *this;
    made.table_ = ~table_;
    return made;
}

/// Which of the parts it is, maybe a new one; nothing: there are too many.
std::optional<std::size_t> Formula::place(const Part& part)
{
    for (std::size_t i = 0; i < count_; ++i)
        if (parts_[i].value == part.value && parts_[i].shape == part.shape)
            return i;
    if (count_ == most_parts)
        return std::nullopt;
    parts_[count_] = part;
    return count_++;
}

/// The other's table, its parts being at those places here.
std::uint64_t Formula::table_of(const Formula& other, const std::array<std::size_t, most_parts>& places) const
{
    std::uint64_t made = 0;
    for (std::size_t row = 0; row < rows; ++row) {
        std::size_t theirs = 0;
        for (std::size_t i = 0; i < other.count_; ++i)
            theirs |= std::size_t{bit(row, places[i])} << i;
        made |= std::uint64_t{bit(other.table_, theirs)} << row;
    }
    return made;
}

Formula operator&(const Formula& one, const Formula& other)
{
    if (!one.known_ || !other.known_)
        return {};
    Formula made = one;
    std::array<std::size_t, Formula::most_parts> places{};
    for (std::size_t i = 0; i < other.count_; ++i) {
        const auto place = made.place(other.parts_[i]);
        if (!place)
            return {};
        places[i] = *place;
    }
    made.table_ &= made.table_of(other, places);
    return made;
}

} // namespace stepgate::policies::mysql
