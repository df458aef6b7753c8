#pragma once

#include "policies/rules/policy_error.h"
#include "policies/rules/rule.h"
#include "policies/sensitivity/label_index.h"
#include "policies/sensitivity/labels.h"

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace re2
{
class RE2;
}

namespace stepgate::policies::rules
{

class SqlRegexes;

/// All rules and labels of a site. Immutable after loading; shared by all threads.
class Policy
{
  public:
    /// The empty policy: nothing but the default, which holds opaque statements at level 2.
    Policy();
    ~Policy();
    Policy(const Policy&) = delete;
    Policy& operator=(const Policy&) = delete;

    [[nodiscard]] const std::vector<Rule>& rules() const { return rules_; }
    [[nodiscard]] const sensitivity::LabelNames& labels() const { return labels_; }
    [[nodiscard]] const sensitivity::LabelIndex& label_index() const { return label_index_; }
    [[nodiscard]] const Outcome& default_opaque() const { return default_opaque_; }
    [[nodiscard]] const Outcome& default_statement() const { return default_statement_; }
    [[nodiscard]] const SqlRegexes& sql_regexes() const { return *sql_regexes_; }

    /// SHA-256 over the files, 64 hex digits: what challenges and audit records name.
    [[nodiscard]] const std::string& revision() const { return revision_; }
    /// Its first 12 digits, for people.
    [[nodiscard]] std::string_view short_revision() const { return std::string_view{revision_}.substr(0, 12); }

  private:
    friend class PolicyBuilder;
    std::vector<Rule> rules_;
    sensitivity::LabelNames labels_;
    sensitivity::LabelIndex label_index_;
    Outcome default_opaque_, default_statement_;
    std::unique_ptr<SqlRegexes> sql_regexes_;
    std::string revision_;
};

/// A policy file's name (for messages) and content.
struct PolicySource {
    std::string name;
    std::string text;
};

using PolicyResult = std::variant<std::shared_ptr<const Policy>, std::vector<PolicyError>>;

/// All files together are one policy, in this order. Reports every error of every file at once.
[[nodiscard]] PolicyResult load_policy(std::span<const PolicySource> sources);
/// Reads the files first. Messages name them by the path given.
[[nodiscard]] PolicyResult load_policy_files(std::span<const std::filesystem::path> files);

} // namespace stepgate::policies::rules
