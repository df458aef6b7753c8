#include "policies/rules/judge.h"

#include "policies/mysql/facts_memo.h"
#include "policies/postgres/analyzer.h"
#include "policies/postgres/facts_memo.h"
#include "policies/rules/conditions.h"
#include "policies/rules/join.h"
#include "policies/rules/sql_regexes.h"
#include "policies/statement/secrets.h"

#include <algorithm>
#include <random>
#include <unordered_map>

namespace stepgate::policies::rules
{
namespace
{

constexpr std::size_t memo_entries = 20'000;
constexpr std::size_t memo_databases = 1'000;

struct MemoKey {
    const statement::Facts* facts;
    std::uint32_t database;
    std::uint64_t revision; // of the view
    bool operator==(const MemoKey&) const = default;
};

struct MemoHash {
    std::size_t operator()(const MemoKey& key) const noexcept
    {
        return std::hash<const void*>{}(key.facts) ^ (std::size_t{key.database} << 48) ^
               static_cast<std::size_t>(key.revision * 0x9e3779b97f4a7c15ULL);
    }
};

std::string opaque_because(const statement::Facts& facts)
{
    if (facts.opaque_reasons.empty())
        return "Not fully understood";
    return "Not fully understood: " + facts.opaque_reasons.front();
}

/// A condition that cannot be decided makes a rule match, unless the rule only allows.
bool unsure_means_match(const Rule& rule)
{
    return rule.outcome.action != Action::allow;
}

/// Run-time conditions of the candidates of one judgement.
class Candidates
{
  public:
    Candidates(const Policy& policy, const MatchedFacts& facts, std::string_view sql, const Asker& asker,
               bool in_transaction, std::chrono::system_clock::time_point now)
        : policy_(policy), asker_(asker), now_(now), in_transaction_(in_transaction)
    {
        if (facts.regex_needed)
            decided_ = policy.sql_regexes().match(sql, found_);
    }

    [[nodiscard]] bool holds(std::uint32_t index) const
    {
        const Rule& rule = policy_.rules()[index];
        const bool unsure = unsure_means_match(rule);
        return text_holds(rule, unsure) && asker_holds(rule.asker, asker_, in_transaction_, now_, unsure);
    }

  private:
    [[nodiscard]] bool text_holds(const Rule& rule, bool unsure) const
    {
        if (!rule.sql_regex)
            return true;
        return decided_ ? std::ranges::find(found_, *rule.sql_regex) != found_.end() : unsure;
    }

    const Policy& policy_;
    const Asker& asker_;
    std::chrono::system_clock::time_point now_;
    std::vector<int> found_;
    bool decided_ = true;
    bool in_transaction_;
};

/// The default for statements is for those that no rule speaks about, an allowing rule included.
bool default_applies(const MatchedFacts& facts, const Candidates& candidates)
{
    return std::ranges::any_of(facts.by_statement, [&](const auto& rules) {
        return std::ranges::none_of(rules, [&](std::uint32_t index) { return candidates.holds(index); });
    });
}

/// MySQL's own functions have no schema, PostgreSQL's are of pg_catalog. Another name without one belongs to nobody
/// that is known: then the statement is opaque.
bool is_users_function(std::string_view call)
{
    return call.find('.') != std::string_view::npos && !call.starts_with("pg_catalog.");
}

/// Text that runs later, or elsewhere, may stand in a literal: in a body, or in what code of users is given. Whether
/// that code is understood says nothing about what its texts hold.
bool may_hold_text_to_run(const statement::StatementFacts& facts)
{
    switch (facts.kind) {
    case statement::Kind::prepare:
    case statement::Kind::do_block:
    case statement::Kind::call:
        return true;
    case statement::Kind::create:
        if (facts.object == "function" || facts.object == "procedure")
            return true;
        break;
    default:
        break;
    }
    return std::ranges::any_of(facts.calls, is_users_function);
}

} // namespace

struct Judge::Memo {
    postgres::FactsMemo facts;
    mysql::FactsMemo mysql_facts;
    std::unordered_map<MemoKey, std::shared_ptr<const MatchedFacts>, MemoHash> matched;
    std::unordered_map<std::string, std::uint32_t> databases;
    std::mt19937_64 shapes{std::random_device{}()}; // names must not repeat over threads and restarts

    void forget()
    {
        matched.clear();
        databases.clear();
    }

    [[nodiscard]] std::uint32_t database(std::string_view name)
    {
        if (databases.size() >= memo_databases)
            forget();
        return databases.try_emplace(std::string{name}, static_cast<std::uint32_t>(databases.size())).first->second;
    }
};

Judge::Judge(std::shared_ptr<const Policy> policy) : policy_(std::move(policy)), memo_(std::make_unique<Memo>())
{
}
Judge::~Judge() = default;

void Judge::replace(std::shared_ptr<const Policy> policy)
{
    policy_ = std::move(policy);
    memo_->forget();
}

std::shared_ptr<const MatchedFacts> Judge::match(std::shared_ptr<const statement::Facts> facts,
                                                 std::string_view database, const sensitivity::CatalogView& view) const
{
    MatchedFacts matched{policy_->label_index().label(std::move(facts), database, view, policy_->labels()),
                         {},
                         {},
                         policy_,
                         false,
                         view};
    const std::size_t count = std::max<std::size_t>(matched.facts->statements.size(), 1);
    const bool need_each = policy_->default_statement().action != Action::allow;
    if (need_each)
        matched.by_statement.resize(count);
    for (std::uint32_t index = 0; index < policy_->rules().size(); ++index) {
        const Rule& rule = policy_->rules()[index];
        if (!rule.about_statements())
            continue;
        bool any = false;
        for (std::size_t statement = 0; statement < count && (!any || need_each); ++statement) {
            if (!facts_hold(rule.facts, matched, statement))
                continue;
            any = true;
            if (need_each)
                matched.by_statement[statement].push_back(index);
        }
        if (any)
            matched.candidates.push_back(index);
        matched.regex_needed |= any && rule.sql_regex.has_value();
    }
    return std::make_shared<const MatchedFacts>(std::move(matched));
}

std::shared_ptr<const MatchedFacts> Judge::doubted(const MatchedFacts& facts, std::string reason,
                                                   std::string_view database) const
{
    auto copy = std::make_shared<statement::Facts>(*facts.facts);
    copy->opaque = true;
    copy->opaque_reasons.insert(copy->opaque_reasons.begin(), std::move(reason));
    return match(std::move(copy), database, facts.view);
}

std::shared_ptr<const MatchedFacts> Judge::facts(std::string_view sql, const postgres::SessionState& state,
                                                 std::string_view database, const sensitivity::CatalogView& view)
{
    return matched(memo_->facts.facts(sql, state, view.catalog), database, view);
}

std::shared_ptr<const MatchedFacts> Judge::facts(std::string_view sql, const mysql::SessionState& state,
                                                 std::string_view database, const sensitivity::CatalogView& view)
{
    return matched(memo_->mysql_facts.facts(sql, state, view.catalog), database, view);
}

std::shared_ptr<const MatchedFacts> Judge::matched(std::shared_ptr<const statement::Facts> facts,
                                                   std::string_view database, const sensitivity::CatalogView& view)
{
    if (facts.use_count() == 1) // not memoised: this shape's facts depend on literals or names
        return match(std::move(facts), database, view);
    const std::uint32_t number = policy_->label_index().database_matters() ? memo_->database(database) : 0;
    const MemoKey key{facts.get(), number, view.revision};
    if (const auto found = memo_->matched.find(key); found != memo_->matched.end())
        return found->second;
    if (memo_->matched.size() >= memo_entries)
        memo_->matched.clear();
    // A copy, once a shape. It holds the facts, so that the key cannot be reused.
    auto matched = std::make_shared<MatchedFacts>(*match(std::move(facts), database, view));
    matched->shape = memo_->shapes() | 1;
    memo_->matched.emplace(key, matched);
    return matched;
}

Verdict Judge::verdict(const MatchedFacts& facts, std::string_view sql, const Asker& asker, bool in_transaction,
                       std::chrono::system_clock::time_point now) const
{
    if (facts.policy != policy_)
        return verdict(*match(facts.facts, asker.database, facts.view), sql, asker, in_transaction, now);
    Verdict verdict;
    const Candidates candidates{*policy_, facts, sql, asker, in_transaction, now};
    for (const std::uint32_t index : facts.candidates) {
        if (!candidates.holds(index))
            continue;
        const Rule& rule = policy_->rules()[index];
        join(verdict, rule.outcome, rule.id, rule.because);
    }
    if (facts.facts->opaque && policy_->default_opaque().action != Action::allow)
        join(verdict, policy_->default_opaque(), "default.opaque", opaque_because(*facts.facts));
    if (default_applies(facts, candidates))
        join(verdict, policy_->default_statement(), "default.statement", "No rule speaks about this statement");
    if (!facts.labels.empty())
        verdict.labels = policy_->labels().names(facts.labels);
    return verdict;
}

bool Judge::sensitive(const MatchedFacts& facts, std::string_view sql) const
{
    if (facts.sensitive())
        return true;
    if (!facts.facts->opaque && std::ranges::none_of(facts.facts->statements, may_hold_text_to_run))
        return false;
    return statement::may_hold_secret(sql) || policy_->label_index().mentioned(sql);
}

} // namespace stepgate::policies::rules
