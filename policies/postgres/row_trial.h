#pragma once

#include "policies/postgres/parse_tree.h"
#include "policies/postgres/predicate.h"
#include "policies/postgres/same_value.h"
#include "policies/postgres/sample_value.h"
#include "policies/postgres/truth.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace stepgate::policies::postgres
{

/// Tries a predicate on rows: the usual values of its columns' types, their bounds, and what lies around the constants
/// that the predicate names. One that no such row escapes holds for every row, however it is written. NULLs aside: a
/// row for which it is NULL counts for neither, unless it asks for NULLs itself.
///
/// `target`, `literals_consulted` and `steps_left`, of which each node that is computed costs one, and each sample,
/// must outlive it.
class RowTrial
{
  public:
    /// What is known otherwise of a predicate that cannot be computed.
    using Otherwise = std::function<Truth(const ::Node* predicate)>;

    RowTrial(const PredicateTarget& target, bool& literals_consulted, int& steps_left, Otherwise otherwise)
        : target_(target), literals_(literals_consulted), steps_left_(steps_left), otherwise_(std::move(otherwise)),
          values_(target, literals_consulted)
    {
    }

    /// `never` is found out only of one that `may_be_negated`.
    [[nodiscard]] Truth judge(const ::Node* predicate, bool may_be_negated);
    /// Something is known of what its rows may be.
    [[nodiscard]] static bool has_checks(const catalog::Relation& relation);
    /// The same, on rows that the table's CHECK constraints let in: those which say something about its columns.
    [[nodiscard]] Truth judge_checked(const ::Node* predicate, bool may_be_negated);

  private:
    enum class Untyped : std::uint8_t { number, text, boolean };
    struct Column {
        std::string_view name;
        std::vector<SampleValue> samples;
        std::size_t at = 0; // the one of the row that is tried
    };

    std::optional<Truth> judge_as(const ::Node* predicate, Untyped untyped, bool may_be_negated);
    bool next_row();
    [[nodiscard]] bool has_null() const;
    bool is_let_in();
    [[nodiscard]] std::string checks_of_columns() const;
    void choose_samples(Column& column, Untyped untyped);
    void add(Column& column, SampleValue sample);
    void add_numbers(Column& column, long double least, long double most, bool whole);
    void add_texts(Column& column);
    void add_booleans(Column& column);
    void add_places(Column& column);

    SampleValue value(const ::Node* node);
    SampleValue computed(const ::Node* node);
    SampleValue column(const ::ColumnRef& reference);
    SampleValue column(std::string_view name);
    SampleValue literal(const ::A_Const& constant);
    SampleValue quoted(std::string_view text);
    SampleValue expression(const ::A_Expr& expression);
    SampleValue with_any(const ::A_Expr& expression, std::span<const ::ListCell> items, bool all);
    SampleValue with_any_of_text(const ::A_Expr& expression, bool all);
    SampleValue in_range(const ::Node* element, const ::Node* range);
    SampleValue bounded(const ::A_Expr& between, std::string& name, const ::Node* bound);
    SampleValue between(const ::A_Expr& expression);
    SampleValue matched(const ::A_Expr& expression, std::string_view name);
    SampleValue logic(const ::BoolExpr& expression);
    SampleValue null_test(const ::NullTest& test);
    SampleValue truth_test(const ::BooleanTest& test);
    SampleValue choice(const ::CaseExpr& expression);
    SampleValue first_known(const ::List* list);
    SampleValue most(const ::MinMaxExpr& expression);
    SampleValue call(const ::FuncCall& call);
    std::vector<SampleValue> parts_of(const ::Node* row, bool& known);
    [[nodiscard]] bool is_whole_row(const ::ColumnRef& reference) const;
    std::vector<SampleValue> values_of(const ::List* list);

    static constexpr std::size_t bytes_a_step = 50; // of a text that is made

    const PredicateTarget& target_;
    bool& literals_;
    int& steps_left_;
    Otherwise otherwise_;
    SameValue values_;
    int depth_ = 0;
    bool typed_ = true; // as far as columns were met
    bool asks_for_null_ = false;
    std::vector<Column> columns_;
    std::set<long double> numbers_;
    std::set<std::string, std::less<>> texts_;
    std::span<const ::ListCell> checks_; // what rows must meet, as targets of a SELECT
    std::unordered_map<const ::Node*, Truth> known_;
};

} // namespace stepgate::policies::postgres
