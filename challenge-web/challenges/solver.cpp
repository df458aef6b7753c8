#include "challenge-web/challenges/solver.h"

#include "challenge-web/challenges/requirement.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

namespace stepgate::challenge_web::challenges
{

namespace
{

constexpr std::array<FactorWorth, 7> worths{{
    {"passkey", "possession", true, true, true, true},
    {"totp", "possession", false, false, true, true},
    {"push", "possession", false, false, true, false},
    {"pin", "knowledge", false, false, true, false},
    {"identity_provider", "knowledge", false, false, false, true},
    {"email_code", "possession", false, false, false, true},
    {"recovery_code", "possession", false, false, true, false},
}};

/// A set of factors: bit i is worths[i]. As numbers, sets of the same size with better factors are not always smaller,
/// so they are compared by `better`.
using Set = unsigned;
constexpr Set everything = (1U << worths.size()) - 1;
constexpr Set passkey_bit = 1U;

Set set_of(std::span<const std::string> names)
{
    Set set = 0;
    for (std::size_t i = 0; i < worths.size(); ++i)
        if (std::find(names.begin(), names.end(), worths[i].name) != names.end())
            set |= 1U << i;
    return set;
}

Way names_of(Set set)
{
    Way names;
    for (std::size_t i = 0; i < worths.size(); ++i)
        if ((set >> i & 1U) != 0)
            names.emplace_back(worths[i].name);
    return names;
}

/// Fewer first, then the one whose best factors are better: where both differ first, it has the lower bit.
bool better(Set a, Set b)
{
    if (std::popcount(a) != std::popcount(b))
        return std::popcount(a) < std::popcount(b);
    return a != b && (a >> std::countr_zero(a ^ b) & 1U) != 0;
}

Proof proof_of(const FactorWorth& worth, const std::string& user)
{
    Proof proof;
    proof.user = user;
    proof.factor = worth.name;
    proof.kind = worth.kind;
    proof.phishing_resistant = worth.phishing_resistant;
    proof.user_verified = worth.verifies_user;
    proof.credential = "another " + proof.factor;
    return proof;
}

bool suffices(const policies::rules::Requirement& requirement, const std::string& requester,
              std::span<const Proof> proofs, Set set)
{
    std::vector<Proof> all{proofs.begin(), proofs.end()};
    for (std::size_t i = 0; i < worths.size(); ++i)
        if ((set >> i & 1U) != 0)
            all.push_back(proof_of(worths[i], requester));
    const auto missing = missing_for(requirement, requester, all, {});
    return std::all_of(missing.begin(), missing.end(),
                       [](const Missing& item) { return item.what == Missing::What::approvals; });
}

/// Those that contain no other, the best first.
std::vector<Set> smallest(std::vector<Set> sets)
{
    std::sort(sets.begin(), sets.end(), better);
    std::vector<Set> out;
    for (const Set set : sets)
        if (std::none_of(out.begin(), out.end(), [&](Set smaller) { return (set & smaller) == smaller; }))
            out.push_back(set);
    return out;
}

/// Can the user add these to what they have?
bool can_add(Set added, Set enrolled)
{
    const bool with_passkey = ((added | enrolled) & passkey_bit) != 0;
    for (std::size_t i = 0; i < worths.size(); ++i)
        if ((added >> i & 1U) != 0 && (!worths[i].by_oneself || (!worths[i].first && !with_passkey)))
            return false;
    return true;
}

std::vector<Way> ways_of(const std::vector<Set>& sets)
{
    std::vector<Way> ways;
    for (const Set set : sets)
        ways.push_back(names_of(set));
    return ways;
}

} // namespace

std::span<const FactorWorth> factor_worths()
{
    return worths;
}

Solution solve(const policies::rules::Requirement& requirement, const std::string& requester,
               std::span<const Proof> proofs, std::span<const std::string> enrolled,
               std::span<const std::string> offered)
{
    Solution solution;
    if (requirement.level < 1 || requirement.level > 3)
        return solution;
    if (suffices(requirement, requester, proofs, 0)) {
        solution.done = true;
        return solution;
    }
    const Set there = set_of(offered), has = set_of(enrolled) & there;
    std::vector<Set> with_these, to_add;
    for (Set set = 1; set <= everything; ++set) {
        if ((set & there) != set || !suffices(requirement, requester, proofs, set))
            continue;
        const Set added = set & ~has;
        if (added == 0)
            with_these.push_back(set);
        else if (can_add(added, has))
            to_add.push_back(added);
    }
    solution.ways = ways_of(smallest(std::move(with_these)));
    if (solution.ways.empty())
        solution.enrol = ways_of(smallest(std::move(to_add)));
    return solution;
}

} // namespace stepgate::challenge_web::challenges
