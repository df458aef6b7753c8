#include "challenge-web/challenges/solver.h"

#include "challenge-web/challenges/requirement.h"
#include "tests/unit/challenges/samples.h"

#include <gtest/gtest.h>

namespace stepgate::challenge_web::challenges
{
namespace solver_test
{

using policies::rules::Requirement;
using samples::passkey;
using samples::pin;
using samples::totp;
using Names = std::vector<std::string>;

const Names all{"passkey", "totp", "pin", "recovery_code"};

std::string joined(const std::vector<Way>& ways)
{
    std::string out;
    for (const auto& way : ways) {
        out += out.empty() ? "" : " | ";
        for (std::size_t i = 0; i < way.size(); ++i)
            out += (i == 0 ? "" : "+") + way[i];
    }
    return out;
}

struct Row {
    const char* name;
    Requirement requirement;
    std::vector<Proof> proofs;
    Names enrolled;
    Names offered;
    const char* expected; // "done", the ways, or "enrol: …"
};

const std::vector<Row>& rows()
{
    static const Requirement one{1, {}, {}, 0}, two{2, {}, {}, 0}, three{3, {}, {}, 0}, unknown{4, {}, {}, 0};
    static const Requirement none{0, {}, {}, 0}, group{1, {}, "dba", 2}, by_pin{1, {"pin"}, {}, 0};
    static const Requirement code_and_more{2, {"totp", "recovery_code"}, {}, 0}, gone{1, {"carrier_pigeon"}, {}, 0};
    static const std::vector<Row> table{
        {"level 1, everything", one, {}, all, all, "passkey | totp | pin | recovery_code"},
        {"level 1, one given", one, {totp()}, all, all, "done"},
        {"level 1, given by another", one, {totp("bob")}, {"pin"}, all, "pin"},
        {"level 1, nothing there", one, {}, {}, all, "enrol: passkey | totp"},
        {"level 1, nothing there, no passkeys here", one, {}, {}, {"totp", "pin"}, "enrol: totp"},
        {"level 1, nothing here", one, {}, all, {}, ""},
        {"approvals are others'", group, {totp()}, all, all, "done"},
        {"approvals are others', own part open", group, {totp("bob")}, {"totp"}, all, "totp"},
        {"level 2, everything", two, {}, all, all, "passkey | totp+pin | pin+recovery_code"},
        {"level 2, half of it given", two, {totp()}, all, all, "passkey | pin"},
        {"level 2, the other half given", two, {pin()}, all, all, "passkey | totp | recovery_code"},
        {"level 2, a passkey given", two, {passkey()}, all, all, "done"},
        {"level 2, codes only", two, {}, {"totp", "recovery_code"}, all, "enrol: passkey"},
        {"level 2, a code given", two, {totp()}, {"totp"}, all, "enrol: passkey"},
        {"level 2, PIN only", two, {}, {"pin"}, all, "enrol: passkey | totp"},
        {"level 3, everything", three, {}, all, all, "passkey"},
        {"level 3, passkey that verified nobody", three, {passkey("alice", false)}, all, all, "passkey"},
        {"level 3, verified passkey", three, {passkey()}, all, all, "done"},
        {"level 3, no passkey", three, {}, {"totp", "pin", "recovery_code"}, all, "enrol: passkey"},
        {"named", by_pin, {}, all, all, "pin"},
        {"named, beside a passkey", by_pin, {}, {"passkey"}, all, "enrol: pin"},
        {"named, without a passkey", by_pin, {}, {"totp"}, all, "enrol: passkey+pin"},
        {"named, nobody has it", gone, {}, all, all, ""},
        {"named, and a level",
         code_and_more,
         {},
         all,
         all,
         "passkey+totp | passkey+recovery_code | totp+pin | pin+recovery_code"},
        {"named, the level given", code_and_more, {passkey()}, all, all, "totp | recovery_code"},
        {"codes by mail are set up by administrators", one, {}, {"email_code"}, {"email_code"}, "email_code"},
        {"a push is enough for level 1", one, {}, {"push"}, {"push", "passkey"}, "push"},
        {"a push and a PIN are two kinds", two, {}, {"push", "pin"}, {"push", "pin"}, "push+pin"},
        {"a push and an authenticator are one", two, {}, {"push", "totp"}, {"push", "totp"}, ""},
        {"a push is not enough for level 3", three, {}, {"push", "pin"}, {"push", "pin"}, ""},
        {"a push is added beside a passkey", one, {}, {}, {"push", "passkey"}, "enrol: passkey"},
        {"nobody adds an address", one, {}, {}, {"email_code"}, ""},
        {"level nobody knows", unknown, {passkey()}, all, all, ""},
        {"level 0", none, {passkey()}, all, all, ""},
    };
    return table;
}

TEST(Solver, BestFirst)
{
    for (const auto& row : rows()) {
        const auto solution = solve(row.requirement, "alice", row.proofs, row.enrolled, row.offered);
        std::string got = solution.done ? "done" : joined(solution.ways);
        if (!solution.enrol.empty())
            got += "enrol: " + joined(solution.enrol);
        EXPECT_EQ(got, row.expected) << row.name;
    }
}

// What the solver says is what missing_for accepts, and nothing less does.
TEST(Solver, EveryWayLeadsThereAndNoPartOfItDoes)
{
    const auto given = [](const Way& way) {
        std::vector<Proof> proofs;
        for (const auto& worth : factor_worths())
            if (std::find(way.begin(), way.end(), worth.name) != way.end()) {
                Proof proof;
                proof.user = "alice";
                proof.factor = worth.name;
                proof.kind = worth.kind;
                proof.phishing_resistant = worth.phishing_resistant;
                proof.user_verified = worth.verifies_user;
                proof.credential = worth.name;
                proofs.push_back(proof);
            }
        return proofs;
    };
    for (int level = 1; level <= 3; ++level)
        for (const Names& named : {Names{}, Names{"totp"}, Names{"pin", "passkey"}}) {
            const Requirement requirement{level, named, {}, 0};
            const auto open = [&](const Way& way) {
                auto missing = missing_for(requirement, "alice", given(way), {});
                std::erase_if(missing, [](const Missing& m) { return m.what == Missing::What::approvals; });
                return !missing.empty();
            };
            const auto solution = solve(requirement, "alice", {}, all, all);
            EXPECT_FALSE(solution.ways.empty());
            for (const auto& way : solution.ways) {
                EXPECT_FALSE(open(way));
                for (std::size_t i = 0; i < way.size(); ++i) {
                    Way part = way;
                    part.erase(part.begin() + static_cast<std::ptrdiff_t>(i));
                    EXPECT_TRUE(open(part));
                }
            }
        }
}

} // namespace solver_test
} // namespace stepgate::challenge_web::challenges
