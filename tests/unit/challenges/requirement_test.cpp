#include "challenge-web/challenges/requirement.h"

#include "tests/unit/challenges/samples.h"

#include <gtest/gtest.h>

namespace stepgate::challenge_web::challenges
{
namespace requirement_test
{

using policies::rules::Requirement;
using samples::passkey;
using samples::pin;
using samples::totp;
using What = Missing::What;

// bob and carol are in dba, and everyone named here may approve where no group is named; mallory may not.
bool may_approve(const std::string& user, const std::string& group)
{
    if (group == "dba")
        return user == "bob" || user == "carol" || user == "alice";
    return group == "approvers" && user != "mallory";
}

Proof same_credential(Proof proof, std::string credential)
{
    proof.credential = std::move(credential);
    return proof;
}

Proof of_kind(Proof proof, std::string kind)
{
    proof.kind = std::move(kind);
    return proof;
}

struct Row {
    const char* name;
    Requirement requirement;
    std::vector<Proof> proofs;
    std::vector<What> missing;
};

const std::vector<Row>& rows()
{
    static const Requirement one{1, {}, {}, 0}, two{2, {}, {}, 0}, three{3, {}, {}, 0};
    static const Requirement named{1, {"passkey"}, {}, 0}, group{1, {}, "dba", 0}, pair{1, {}, "dba", 2};
    static const std::vector<Row> all{
        {"level 1, nothing", one, {}, {What::any_factor}},
        {"level 1, code", one, {totp()}, {}},
        {"level 1, passkey", one, {passkey()}, {}},
        {"level 1, code of another", one, {totp("bob")}, {What::any_factor}},
        {"level 1, nobody's code", one, {totp("")}, {What::any_factor}},
        {"level 2, nothing", two, {}, {What::stronger_factor}},
        {"level 2, code", two, {totp()}, {What::stronger_factor}},
        {"level 2, passkey without verification", two, {passkey("alice", false)}, {}},
        {"level 2, code and pin", two, {totp(), pin()}, {}},
        {"level 2, two codes of one app", two, {totp("alice", 1), totp("alice", 2)}, {What::stronger_factor}},
        {"level 2, codes of two apps", two, {totp(), totp("alice", 1, "app-2")}, {What::stronger_factor}},
        {"level 2, two kinds of one credential",
         two,
         {totp(), same_credential(pin(), "app-1")},
         {What::stronger_factor}},
        {"level 2, kind unknown", two, {totp(), of_kind(pin(), "magic")}, {What::stronger_factor}},
        {"level 2, pin of another", two, {totp(), pin("bob")}, {What::stronger_factor}},
        {"level 2, passkey of another", two, {totp(), passkey("bob")}, {What::stronger_factor}},
        {"level 3, nothing", three, {}, {What::verified_passkey, What::approvals}},
        {"level 3, passkey", three, {passkey()}, {What::approvals}},
        {"level 3, approved only", three, {totp("bob")}, {What::verified_passkey}},
        {"level 3, passkey and approval", three, {passkey(), totp("bob")}, {}},
        {"level 3, approval first", three, {totp("bob"), passkey()}, {}},
        {"level 3, passkey without verification",
         three,
         {passkey("alice", false), totp("bob")},
         {What::verified_passkey}},
        {"level 3, code and pin", three, {totp(), pin(), totp("bob")}, {What::verified_passkey}},
        {"level 3, own second passkey is no approval",
         three,
         {passkey(), passkey("alice", true, "key-2")},
         {What::approvals}},
        {"level 3, approver may not", three, {passkey(), passkey("mallory")}, {What::approvals}},
        {"named factor, another one", named, {totp()}, {What::named_factor}},
        {"named factor", named, {passkey()}, {}},
        {"named factor shown by another", named, {totp(), passkey("bob")}, {What::named_factor}},
        {"group, no approval", group, {totp()}, {What::approvals}},
        {"group, member", group, {totp(), totp("bob")}, {}},
        {"group, not a member", group, {totp(), totp("dave")}, {What::approvals}},
        {"group, requester is a member", group, {totp(), passkey("alice")}, {What::approvals}},
        {"two of a group, one twice", pair, {totp(), totp("bob", 1), passkey("bob")}, {What::approvals}},
        {"two of a group", pair, {totp(), totp("bob"), totp("carol")}, {}},
        {"level 0 is never met", {0, {}, {}, 0}, {passkey(), passkey("bob")}, {What::verified_passkey}},
        {"level 4 is never met", {4, {}, {}, 0}, {passkey(), passkey("bob")}, {What::verified_passkey}},
        {"negative approvals ask for none", {1, {}, {}, -1}, {totp()}, {}},
    };
    return all;
}

// Seen to fail without their protections, each taken out once: the requester is no second person, one person counts
// once, and only members of the group count.
TEST(Requirement, Table)
{
    for (const auto& row : rows()) {
        std::vector<What> missing;
        for (const auto& item : missing_for(row.requirement, "alice", row.proofs, may_approve))
            missing.push_back(item.what);
        EXPECT_EQ(missing, row.missing) << row.name;
    }
}

TEST(Requirement, WithoutAPredicateNobodyApproves)
{
    const std::vector<Proof> proofs{passkey(), passkey("bob")};
    EXPECT_FALSE(missing_for({3, {}, {}, 0}, "alice", proofs, {}).empty());
}

TEST(Requirement, SaysWhatIsMissing)
{
    const std::vector<Proof> proofs{totp()};
    const auto stronger = missing_for({2, {}, "dba", 3}, "alice", proofs, may_approve);
    ASSERT_EQ(stronger.size(), 2u);
    EXPECT_EQ(stronger[0].kinds, std::vector<std::string>{"possession"});
    EXPECT_EQ(stronger[1].group, "dba");
    EXPECT_EQ(stronger[1].count, 3);
    const auto named = missing_for({1, {"passkey", "push"}, {}, 0}, "alice", proofs, may_approve);
    ASSERT_EQ(named.size(), 1u);
    EXPECT_EQ(named[0].factors, (std::vector<std::string>{"passkey", "push"}));
}

} // namespace requirement_test
} // namespace stepgate::challenge_web::challenges
