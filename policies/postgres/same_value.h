#pragma once

#include "policies/postgres/parse_tree.h"
#include "policies/postgres/predicate.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace stepgate::policies::postgres
{

/// The operator of an expression, without its schema.
[[nodiscard]] std::string_view operator_of(const ::A_Expr& expression);

enum class Sign : std::uint8_t { unknown, zero, negative };
[[nodiscard]] Sign sign_of(const ::A_Const& number);
/// Whether an operation with this number or text gives its other operand back; `right`: it is the right one.
[[nodiscard]] bool is_neutral(std::string_view name, const ::A_Const& constant, bool right);

/// Tells of two expressions whether a row of the target surely has the same value for both. `target` and
/// `literals_consulted`, which is set when a literal told, must outlive it.
class SameValue
{
  public:
    SameValue(const PredicateTarget& target, bool& literals_consulted) : target_(target), literals_(literals_consulted)
    {
    }

    [[nodiscard]] bool same(const void* left, const void* right);
    /// For a row without NULLs at least: x and x + 0, x and coalesce(x, …).
    [[nodiscard]] bool alike(const ::Node* left, const ::Node* right);
    /// The column of the target that is meant, maybe by way of a twin; empty: it is another table's.
    [[nodiscard]] std::string_view column_of_target(const ::ColumnRef& column) const;

  private:
    struct Meant {
        std::string_view qualifier, name; // of the target: no qualifier
        bool operator==(const Meant&) const = default;
    };
    [[nodiscard]] Meant meant(const ::ColumnRef& column) const;
    [[nodiscard]] Meant by_twin(const Twin& twin, const Meant& column) const;
    [[nodiscard]] bool may_be_column(std::string_view name) const;
    [[nodiscard]] bool is_given(const ::Node* node) const;
    bool same_list(const ::List* left, const ::List* right);
    [[nodiscard]] std::optional<Meant> named(const void* node) const;
    bool same_constant(const ::A_Const& left, const ::A_Const& right);
    bool same_but_for_neutral(const ::Node* plain, const ::Node* computed);
    const ::Node* core(const ::Node* node);

    const PredicateTarget& target_;
    bool& literals_;
    int depth_ = 0;
};

} // namespace stepgate::policies::postgres
