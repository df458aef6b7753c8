#pragma once

#include "policies/rules/policy_error.h"
#include "policies/rules/toml_values.h"

#include <toml++/toml.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stepgate::policies::rules
{

using PolicyErrors = std::vector<PolicyError>;

/// Where something is written; 0: nowhere.
struct Place {
    int line = 0;
    int column = 0;
};

template <class T>
struct Located {
    T value;
    Place place;
};

/// Parses a file. A syntax error or a duplicate key is reported with its place, and nullopt is returned.
[[nodiscard]] std::optional<toml::table> parse_toml(std::string_view text, const std::string& file,
                                                    PolicyErrors& errors);

/// Reads one TOML table with types checked, reporting every error with its place instead of stopping at the first, and
/// finds keys that nobody asked for. Borrows the table and the list of errors.
///
/// A getter marks its key as known, whether it is there or not; call `finish` after the last getter.
class TomlTable
{
  public:
    /// `alone`: keys that stand in no table of the file, so only above the first one.
    TomlTable(const toml::table& table, std::string file, PolicyErrors& errors,
              std::span<const std::string_view> alone = {});

    [[nodiscard]] const toml::node* node(std::string_view key);
    [[nodiscard]] bool has(std::string_view key) { return node(key) != nullptr; }
    [[nodiscard]] std::optional<Located<std::string>> string(std::string_view key);
    /// The same, and an error if it is missing or empty.
    [[nodiscard]] std::optional<Located<std::string>> required_string(std::string_view key);
    [[nodiscard]] std::optional<bool> boolean(std::string_view key);
    [[nodiscard]] std::optional<std::int64_t> integer(std::string_view key, std::int64_t min, std::int64_t max);
    /// An array of strings, or one string alone.
    [[nodiscard]] std::vector<Located<std::string>> strings(std::string_view key);
    [[nodiscard]] std::optional<std::chrono::seconds> duration(std::string_view key);
    [[nodiscard]] std::optional<std::size_t> size(std::string_view key);
    [[nodiscard]] std::optional<TomlTable> table(std::string_view key);
    [[nodiscard]] std::vector<TomlTable> tables(std::string_view key); // [[key]]
    /// Keys of this table as they are written, all marked as known: for tables whose keys are names.
    [[nodiscard]] std::vector<Located<std::string>> all_keys();

    template <class Enum, std::size_t N>
    [[nodiscard]] std::optional<Enum> choice(std::string_view key,
                                             const std::array<std::pair<std::string_view, Enum>, N>& choices)
    {
        const auto written = string(key);
        if (!written)
            return std::nullopt;
        std::array<std::string_view, N> names{};
        for (std::size_t i = 0; i < N; ++i) {
            if (choices[i].first == written->value)
                return choices[i].second;
            names[i] = choices[i].first;
        }
        unknown(written->place, std::string{key}, written->value, names);
        return std::nullopt;
    }

    void error(Place place, std::string message, std::string hint = {});
    /// `unknown statement kind "detele"; did you mean "delete"?`
    void unknown(Place place, std::string what, std::string_view written, std::span<const std::string_view> known);
    /// `listener needs a name`, at the table's own place.
    void missing(std::string message, std::string hint = {}) { error(place(), std::move(message), std::move(hint)); }
    /// Reports the keys that nobody asked for.
    void finish();

    [[nodiscard]] Place place() const;
    [[nodiscard]] Place place(std::string_view key) const;
    [[nodiscard]] const std::string& file() const { return file_; }
    [[nodiscard]] PolicyErrors& errors() { return *errors_; }

    /// A node that is not what was expected: `level must be an integer, not a string`.
    void wrong_type(std::string_view key, const toml::node& node, std::string_view expected);

  private:
    const toml::table* table_;
    std::string file_;
    PolicyErrors* errors_;
    std::span<const std::string_view> alone_; // lives as long as the program
    std::vector<std::string> known_;
};

[[nodiscard]] Place place_of(const toml::node& node);

} // namespace stepgate::policies::rules
