#include "challenge-web/challenges/digest.h"

#include "tests/unit/challenges/samples.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>

namespace stepgate::challenge_web::challenges
{
namespace digest_test
{

using namespace std::chrono_literals;
using policies::rules::Action;
using policies::rules::ElevationOffer;
using policies::rules::ElevationScope;

// Everything that goes into a digest, so that a row of the table can change one thing.
struct Input {
    Question question = samples::question();
    ChallengeId id = "challenge-1";
    TimePoint expires = samples::start + 5min;
    Nonce nonce{};
    [[nodiscard]] std::string bytes() const { return digest_input(question, id, expires, nonce); }
};

Input sample()
{
    Input in;
    in.question.statements = {{"delete from orders where id = $1", {{"17", false, 23}}, {{"search_path", "aside"}}},
                              {"select 1", {}}};
    in.question.verdict.requirement.factors = {"passkey", "totp"};
    in.question.verdict.requirement.approvers = "dba";
    in.question.verdict.elevation = ElevationOffer{600s, ElevationScope::session};
    return in;
}

TEST(Digest, ChangesWithEveryBoundField)
{
    const std::map<std::string, std::function<void(Input&)>> rows{
        {"challenge id", [](Input& i) { i.id = "challenge-2"; }},
        {"expiry by a microsecond", [](Input& i) { i.expires += 1us; }},
        {"nonce", [](Input& i) { i.nonce[31] = std::byte{1}; }},
        {"user", [](Input& i) { i.question.user = "bob"; }},
        {"session", [](Input& i) { i.question.session = "s2"; }},
        {"listener", [](Input& i) { i.question.listener = "other"; }},
        {"database", [](Input& i) { i.question.database = "other"; }},
        {"role", [](Input& i) { i.question.role = "other"; }},
        {"client address", [](Input& i) { i.question.client_address = "10.0.0.8"; }},
        {"dialect", [](Input& i) { i.question.dialect = "mysql"; }},
        {"text", [](Input& i) { i.question.statements[0].sql += " "; }},
        {"text of the second statement", [](Input& i) { i.question.statements[1].sql = "select 2"; }},
        {"order of statements", [](Input& i) { std::swap(i.question.statements[0], i.question.statements[1]); }},
        {"a statement more",
         [](Input& i) {
             i.question.statements.push_back({"", {}});
         }},
        {"a statement less", [](Input& i) { i.question.statements.pop_back(); }},
        {"parameter value", [](Input& i) { i.question.statements[0].parameters[0].value = "18"; }},
        {"parameter NULL", [](Input& i) { i.question.statements[0].parameters[0].value = std::nullopt; }},
        {"parameter format", [](Input& i) { i.question.statements[0].parameters[0].binary = true; }},
        {"parameter type", [](Input& i) { i.question.statements[0].parameters[0].type_oid = 25; }},
        {"a parameter more", [](Input& i) { i.question.statements[0].parameters.emplace_back(); }},
        {"parameter moved to the next statement",
         [](Input& i) {
             i.question.statements[1].parameters = i.question.statements[0].parameters;
             i.question.statements[0].parameters.clear();
         }},
        {"a premise's value", [](Input& i) { i.question.statements[0].premises[0].value = "public"; }},
        {"a premise's name", [](Input& i) { i.question.statements[0].premises[0].name = "role"; }},
        {"a premise more", [](Input& i) { i.question.statements[0].premises.emplace_back(); }},
        {"premise moved to the next statement",
         [](Input& i) { std::swap(i.question.statements[0].premises, i.question.statements[1].premises); }},
        {"bytes moved from a premise's name",
         [](Input& i) {
             i.question.statements[0].premises = {{"search_pat", "haside"}};
         }},
        {"statement as recorded", [](Input& i) { i.question.recorded.statements = {"delete from orders"}; }},
        {"parameter as recorded", [](Input& i) { i.question.recorded.parameters = {"delete from orders"}; }},
        {"premise as recorded", [](Input& i) { i.question.recorded.premises = {"delete from orders"}; }},
        {"action", [](Input& i) { i.question.verdict.action = Action::deny; }},
        {"level", [](Input& i) { i.question.verdict.requirement.level = 2; }},
        {"factors", [](Input& i) { i.question.verdict.requirement.factors.pop_back(); }},
        {"factors joined", [](Input& i) { i.question.verdict.requirement.factors = {"passkeytotp"}; }},
        {"approvers", [](Input& i) { i.question.verdict.requirement.approvers = "dpo"; }},
        {"approvals", [](Input& i) { i.question.verdict.requirement.approvals = 2; }},
        {"rule", [](Input& i) { i.question.verdict.rules[0] = "read-pii"; }},
        {"a rule more", [](Input& i) { i.question.verdict.rules.push_back("read-pii"); }},
        {"label", [](Input& i) { i.question.verdict.labels.clear(); }},
        {"elevation scope", [](Input& i) { i.question.verdict.elevation->scope = ElevationScope::label; }},
        {"elevation of one statement",
         [](Input& i) {
             i.question.verdict.elevation = ElevationOffer{600s, ElevationScope::statement, 5};
         }},
        {"more often",
         [](Input& i) {
             i.question.verdict.elevation = ElevationOffer{600s, ElevationScope::statement, 6};
         }},
        {"elevation time", [](Input& i) { i.question.verdict.elevation->duration = 601s; }},
        {"no elevation", [](Input& i) { i.question.verdict.elevation.reset(); }},
        {"policy revision", [](Input& i) { i.question.policy_revision = "rev-2"; }},
        {"bytes moved between neighbours",
         [](Input& i) {
             i.question.user = "alices";
             i.question.session = "1";
         }},
    };
    std::map<std::string, std::string> seen{{sample().bytes(), "unchanged"}};
    for (const auto& [name, change] : rows) {
        Input in = sample();
        change(in);
        const auto [it, fresh] = seen.emplace(in.bytes(), name);
        EXPECT_TRUE(fresh) << name << " has the digest input of: " << it->second;
    }
}

TEST(Digest, IsTheSameForTheSameQuestion)
{
    EXPECT_EQ(sample().bytes(), sample().bytes());
    EXPECT_EQ(sha256("abc")[0], std::byte{0xba});
    EXPECT_EQ(sha256("abc")[31], std::byte{0xad});
}

TEST(Digest, NullIsNotEmpty)
{
    const std::vector<HeldStatement> null{{"select $1", {{std::nullopt, false, 0}}}};
    const std::vector<HeldStatement> empty{{"select $1", {{"", false, 0}}}};
    EXPECT_NE(statement_commitment({}, null), statement_commitment({}, empty));
}

TEST(Digest, DoesNotHoldTheStatements)
{
    EXPECT_EQ(sample().bytes().find("orders"), std::string::npos);
}

TEST(Digest, WhatItSaysCanBeRead)
{
    Input in = sample();
    const auto fields = parse_digest_input(in.bytes());
    ASSERT_TRUE(fields);
    BoundFields expected;
    expected.challenge = "challenge-1";
    expected.user = "alice";
    expected.session = "s1";
    expected.listener = "shop-pg";
    expected.database = "shop";
    expected.role = "app";
    expected.client_address = "10.0.0.7";
    expected.dialect = "postgres";
    expected.commitment = statement_commitment(in.nonce, in.question.statements);
    expected.recorded = recorded_digest(in.question.recorded);
    expected.action = "challenge";
    expected.level = 1;
    expected.factors = {"passkey", "totp"};
    expected.approvers = "dba";
    expected.rules = {"delete-without-where"};
    expected.labels = {"pii"};
    expected.elevation_scope = "session";
    expected.elevation_seconds = 600;
    expected.policy_revision = "rev-1";
    expected.expires_us = (1'700'000'000LL + 300) * 1'000'000;
    EXPECT_EQ(*fields, expected);
    in.question.verdict.elevation = ElevationOffer{600s, ElevationScope::statement, 5};
    expected.elevation_scope = "statement";
    expected.elevation_count = 5;
    EXPECT_EQ(*parse_digest_input(in.bytes()), expected);
}

TEST(Digest, CutOrLengthenedInputIsRefused)
{
    const auto whole = sample().bytes();
    for (std::size_t size = 0; size < whole.size(); ++size)
        EXPECT_FALSE(parse_digest_input(std::string_view{whole}.substr(0, size))) << size;
    EXPECT_FALSE(parse_digest_input(whole + '\0'));
    auto other_version = whole;
    other_version[23] = '2';
    EXPECT_FALSE(parse_digest_input(other_version));
}

} // namespace digest_test
} // namespace stepgate::challenge_web::challenges
