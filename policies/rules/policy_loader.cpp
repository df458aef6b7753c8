#include "policies/rules/label_reader.h"
#include "policies/rules/policy.h"
#include "policies/rules/rule_reader.h"
#include "policies/rules/sql_regexes.h"
#include "policies/rules/then_reader.h"
#include "policies/rules/toml_reader.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <deque>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>

namespace stepgate::policies::rules
{
namespace
{

using sensitivity::LabelEntry;
using sensitivity::LabelNames;
using sensitivity::LabelSet;

constexpr std::array<std::string_view, 1> keys_alone{"disable"};

std::string hex(std::span<const unsigned char> bytes)
{
    static constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const unsigned char byte : bytes) {
        text += digits[byte >> 4];
        text += digits[byte & 0xf];
    }
    return text;
}

/// SHA-256 over each file's length and content: moving text from one file to the next changes it.
std::string revision_of(std::span<const PolicySource> sources)
{
    std::string all;
    for (const auto& source : sources)
        all += std::to_string(source.text.size()) + '\n' + source.text;
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    if (EVP_Digest(all.data(), all.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1)
        return {};
    return hex(std::span{digest}.first(size));
}

std::string place_text(const std::string& file, Place place)
{
    return file + ':' + std::to_string(place.line) + ':' + std::to_string(place.column);
}

} // namespace

/// Puts the files together: first what the labels are, then everything that refers to them.
class PolicyBuilder
{
  public:
    PolicyResult build(std::span<const PolicySource> sources)
    {
        parse(sources);
        define_labels();
        for (auto& file : files_)
            read(file);
        disable_rules();
        if (!policy_->sql_regexes_->compile())
            errors_.push_back({order_.front(), 0, 0, "all sql_regex together need too much memory", {}});
        policy_->revision_ = revision_of(sources);
        if (policy_->revision_.empty())
            errors_.push_back({"policy", 0, 0, "SHA-256 is not available, so the policy has no revision", {}});
        if (!errors_.empty())
            return sorted_errors();
        policy_->label_index_ = sensitivity::LabelIndex{std::move(entries_)};
        return std::shared_ptr<const Policy>{std::move(policy_)};
    }

  private:
    struct File {
        std::string name;
        toml::table content;
    };
    struct Disabled {
        Located<std::string> id;
        std::string file;
    };

    void parse(std::span<const PolicySource> sources)
    {
        for (const auto& source : sources) {
            order_.push_back(source.name);
            if (auto content = parse_toml(source.text, source.name, errors_))
                files_.push_back({source.name, std::move(*content)});
        }
    }

    void define_labels()
    {
        std::vector<std::string> names;
        for (const auto& file : files_)
            collect_label_names(file.content, names);
        policy_->labels_ = LabelNames{std::move(names)};
        if (policy_->labels_.size() > LabelSet::capacity) {
            errors_.push_back({order_.front(), 0, 0,
                               "the policies define " + std::to_string(policy_->labels_.size()) + " labels",
                               "at most " + std::to_string(LabelSet::capacity) + " are possible"});
            policy_->labels_ = {};
        }
    }

    void read(const File& file)
    {
        TomlTable top{file.content, file.name, errors_, keys_alone};
        for (auto& table : top.tables("label"))
            entries_.push_back(read_label(table, policy_->labels_));
        for (auto& table : top.tables("rule"))
            add_rule(read_rule(table, {policy_->labels_, *policy_->sql_regexes_}));
        if (auto defaults = top.table("default")) {
            read_default(*defaults, "opaque", policy_->default_opaque_);
            read_default(*defaults, "statement", policy_->default_statement_);
            defaults->finish();
        }
        for (auto& id : top.strings("disable"))
            disabled_.push_back({std::move(id), file.name});
        top.finish();
    }

    void add_rule(Rule rule)
    {
        const Place place{rule.line, rule.column};
        const auto [known, added] = rule_places_.try_emplace(rule.id, place_text(rule.file, place));
        if (!added && !rule.id.empty())
            errors_.push_back({rule.file, rule.line, rule.column, "rule id \"" + rule.id + "\" is taken",
                               "the first one is at " + known->second});
        policy_->rules_.push_back(std::move(rule));
    }

    void read_default(TomlTable& defaults, const std::string& key, Outcome& target)
    {
        if (!defaults.has(key))
            return;
        const Place place = defaults.place(key);
        const auto [known, added] = default_places_.try_emplace(key, place_text(defaults.file(), place));
        if (!added)
            defaults.error(place, "default." + key + " is set twice", "the first one is at " + known->second);
        if (auto outcome = read_outcome(defaults, key))
            target = std::move(*outcome);
    }

    /// `disable = ["id"]` lets a site do without a rule of a shipped pack.
    void disable_rules()
    {
        std::vector<std::string_view> ids;
        for (const auto& [id, place] : rule_places_)
            ids.push_back(id);
        for (const auto& [id, file] : disabled_)
            if (!rule_places_.contains(id.value))
                errors_.push_back({file, id.place.line, id.place.column, "disable names no rule: \"" + id.value + '"',
                                   suggestion(id.value, ids)});
        std::erase_if(policy_->rules_, [this](const Rule& rule) {
            return std::ranges::any_of(disabled_, [&](const auto& disabled) { return disabled.id.value == rule.id; });
        });
    }

    /// In the order of the files, then of the lines.
    PolicyErrors sorted_errors()
    {
        std::ranges::stable_sort(errors_, [this](const PolicyError& a, const PolicyError& b) {
            const auto file_a = std::ranges::find(order_, a.file), file_b = std::ranges::find(order_, b.file);
            if (file_a != file_b)
                return file_a < file_b;
            return std::pair{a.line, a.column} < std::pair{b.line, b.column};
        });
        return std::move(errors_);
    }

    std::unique_ptr<Policy> policy_ = std::make_unique<Policy>();
    PolicyErrors errors_;
    std::deque<File> files_;
    std::vector<std::string> order_;
    std::vector<LabelEntry> entries_;
    std::vector<Disabled> disabled_;
    std::map<std::string, std::string> rule_places_, default_places_; // id or key -> where it was first written
};

PolicyResult load_policy(std::span<const PolicySource> sources)
{
    return PolicyBuilder{}.build(sources);
}

PolicyResult load_policy_files(std::span<const std::filesystem::path> files)
{
    std::vector<PolicySource> sources;
    PolicyErrors errors;
    for (const auto& file : files) {
        std::ifstream in{file, std::ios::binary};
        std::string text{std::istreambuf_iterator<char>{in}, {}};
        if (!in.is_open() || in.bad() || std::filesystem::is_directory(file))
            errors.push_back({file.string(), 0, 0, "the policy file cannot be read", {}});
        else
            sources.push_back({file.string(), std::move(text)});
    }
    PolicyResult result = load_policy(sources);
    if (errors.empty())
        return result;
    if (const auto* more = std::get_if<PolicyErrors>(&result))
        errors.insert(errors.end(), more->begin(), more->end());
    return errors;
}

} // namespace stepgate::policies::rules
