#include "challenge-web/challenges/elevation.h"

#include "tests/unit/challenges/samples.h"

#include <gtest/gtest.h>

#include <functional>

namespace stepgate::challenge_web::challenges
{
namespace elevation_test
{

using namespace std::chrono_literals;
using policies::rules::ElevationOffer;
using policies::rules::ElevationScope;
using samples::start;

Question offered(ElevationScope scope)
{
    auto out = samples::question(2);
    out.verdict.rules = {"read-pii", "read-secret"};
    out.verdict.labels = {"pii", "secret"};
    out.verdict.elevation = ElevationOffer{600s, scope};
    return out;
}

struct Row {
    const char* name;
    std::function<void(Question&)> change;
    bool session, user_address, label; // covered under each scope?
    std::chrono::seconds after = 1s;
};

struct AgainRow {
    const char* name;
    std::function<void(Question&)> change;
    bool covered;
};

// Seen to fail without their protections: the comparison of statements, the count, and the session, each taken out
// once.
TEST(Elevation, OfOneStatementCoversThatOneOnly)
{
    const AgainRow rows[] = {
        {"the same again", [](Question&) {}, true},
        {"two at once", [](Question& q) { q.statements.push_back(q.statements[0]); }, true},
        {"three at once are too many", [](Question& q) { q.statements.resize(3, q.statements[0]); }, false},
        {"another text", [](Question& q) { q.statements[0].sql += " "; }, false},
        {"another value", [](Question& q) { q.statements[0].parameters[0].value = "other"; }, false},
        {"NULL", [](Question& q) { q.statements[0].parameters[0].value.reset(); }, false},
        {"another type", [](Question& q) { ++q.statements[0].parameters[0].type_oid; }, false},
        {"another premise",
         [](Question& q) {
             q.statements[0].premises = {{"search_path", "aside"}};
         },
         false},
        {"one more beside it",
         [](Question& q) {
             q.statements.push_back({"select 2", {}});
         },
         false},
        {"another session", [](Question& q) { q.session = "s2"; }, false},
        {"another user", [](Question& q) { q.user = "bob"; }, false},
        {"another policy", [](Question& q) { q.policy_revision = "rev-2"; }, false},
        {"one rule more", [](Question& q) { q.verdict.rules.push_back("drop"); }, false},
        {"fewer offered", [](Question& q) { q.verdict.elevation->count = 1; }, false},
        {"nothing offered", [](Question& q) { q.verdict.elevation.reset(); }, false},
    };
    auto granted = offered(ElevationScope::statement);
    granted.statements = {{"delete from a where id = $1", {{std::string{"7"}, false, 23}}}};
    granted.verdict.elevation->count = 3;
    for (const auto& row : rows) {
        Elevations elevations;
        ASSERT_TRUE(elevations.grant(granted, "c", {}, start));
        auto asked = granted;
        row.change(asked);
        EXPECT_EQ(elevations.covering(asked, start + 1s).has_value(), row.covered) << row.name;
        EXPECT_EQ(elevations.use(asked, start + 1s).has_value(), row.covered) << row.name;
    }
}

TEST(Elevation, OfOneStatementIsUsedUp)
{
    auto granted = offered(ElevationScope::statement);
    granted.statements.resize(1);
    granted.verdict.elevation->count = 3;
    Elevations elevations;
    ASSERT_TRUE(elevations.grant(granted, "c", {}, start));
    EXPECT_EQ(elevations.use(granted, start + 1s), (ElevatedUse{"c", 2, start + 1s}));
    EXPECT_TRUE(elevations.forget_used_up().empty());
    EXPECT_EQ(elevations.use(granted, start + 2s), (ElevatedUse{"c", 3, start + 2s}));
    EXPECT_EQ(elevations.use(granted, start + 3s), std::nullopt);
    EXPECT_TRUE(elevations.list("", start + 3s).empty());
    EXPECT_EQ(elevations.forget_used_up().size(), 1U);
    ASSERT_TRUE(elevations.grant(granted, "d", {}, start));
    EXPECT_EQ(elevations.end_session(granted.session).size(), 1U) << "it ends with its session";
}

// Seen to fail without their protections, each taken out once: user, policy, requirement, time, the end at another
// address, the end that signing out, a changed factor and a new policy ask for.
TEST(Elevation, Table)
{
    const Row rows[] = {
        {"the same again", [](Question&) {}, true, true, true},
        {"another text", [](Question& q) { q.statements[0].sql = "select 2"; }, true, true, true},
        {"just before the end", [](Question&) {}, true, true, true, 599s},
        {"at the end", [](Question&) {}, false, false, false, 600s},
        {"another session", [](Question& q) { q.session = "s2"; }, false, true, true},
        {"another address", [](Question& q) { q.client_address = "10.9.9.9"; }, true, false, false},
        {"another user", [](Question& q) { q.user = "bob"; }, false, false, false},
        {"another listener", [](Question& q) { q.listener = "x"; }, false, false, false},
        {"another database", [](Question& q) { q.database = "x"; }, false, false, false},
        {"another role", [](Question& q) { q.role = "x"; }, false, false, false},
        {"another policy", [](Question& q) { q.policy_revision = "rev-2"; }, false, false, false},
        {"fewer rules", [](Question& q) { q.verdict.rules.pop_back(); }, true, true, true},
        {"one rule more", [](Question& q) { q.verdict.rules.push_back("drop"); }, false, false, false},
        {"another rule", [](Question& q) { q.verdict.rules = {"drop"}; }, false, false, false},
        {"no rule", [](Question& q) { q.verdict.rules.clear(); }, false, false, false},
        {"fewer labels", [](Question& q) { q.verdict.labels = {"pii"}; }, true, true, true},
        {"another label", [](Question& q) { q.verdict.labels = {"phi"}; }, true, true, false},
        {"lower level", [](Question& q) { q.verdict.requirement.level = 1; }, true, true, true},
        {"higher level", [](Question& q) { q.verdict.requirement.level = 3; }, false, false, false},
        {"named factor", [](Question& q) { q.verdict.requirement.factors = {"passkey"}; }, false, false, false},
        {"approver group", [](Question& q) { q.verdict.requirement.approvers = "dba"; }, false, false, false},
        {"nothing offered", [](Question& q) { q.verdict.elevation.reset(); }, false, false, false},
        {"shorter offer", [](Question& q) { q.verdict.elevation->duration = 1s; }, false, false, false},
        {"opaque", [](Question& q) { q.opaque_reasons = {"calls f"}; }, false, false, false},
        {"denied", [](Question& q) { q.verdict.action = policies::rules::Action::deny; }, false, false, false},
    };
    for (const auto scope : {ElevationScope::session, ElevationScope::user_address, ElevationScope::label}) {
        Elevations elevations;
        elevations.grant(offered(scope), "c1", {}, start);
        for (const auto& row : rows) {
            auto question = offered(scope);
            row.change(question);
            const bool expected = scope == ElevationScope::session        ? row.session
                                  : scope == ElevationScope::user_address ? row.user_address
                                                                          : row.label;
            EXPECT_EQ(elevations.covering(question, start + row.after).has_value(), expected)
                << row.name << ", scope " << static_cast<int>(scope);
        }
    }
}

TEST(Elevation, OpaqueIsCoveredOnlyByOpaque)
{
    auto question = offered(ElevationScope::session);
    question.opaque_reasons = {"calls f"};
    Elevations elevations;
    elevations.grant(question, "c1", {}, start);
    EXPECT_EQ(elevations.covering(question, start + 1s), "c1");
}

TEST(Elevation, NothingOfferedNothingGranted)
{
    auto question = offered(ElevationScope::session);
    auto plain = question;
    plain.verdict.elevation.reset();
    Elevations elevations;
    elevations.grant(plain, "c1", {}, start);
    EXPECT_FALSE(elevations.covering(question, start + 1s));
}

TEST(Elevation, Ends)
{
    const auto session = offered(ElevationScope::session), address = offered(ElevationScope::user_address);
    Elevations elevations;
    elevations.grant(session, "c1", {}, start);
    elevations.end_session("s2");
    EXPECT_TRUE(elevations.covering(session, start));
    elevations.end_session("s1");
    EXPECT_FALSE(elevations.covering(session, start));
    elevations.grant(address, "c2", {}, start);
    elevations.end_session("s1");
    EXPECT_EQ(elevations.covering(address, start), "c2") << "it outlives its session";
    elevations.revoke("bob");
    EXPECT_TRUE(elevations.covering(address, start));
    elevations.revoke("alice");
    EXPECT_FALSE(elevations.covering(address, start));
    elevations.grant(address, "c3", {}, start);
    elevations.revoke("");
    EXPECT_FALSE(elevations.covering(address, start));
    elevations.grant(address, "c4", {}, start);
    elevations.forget_expired(start + 600s);
    EXPECT_FALSE(elevations.covering(address, start));
}

TEST(Elevation, AnApprovalThatAnotherGroupCouldGiveIsNoneWhereItCouldNot)
{
    auto met = offered(ElevationScope::session);
    met.verdict.requirement.approvers = "dba";
    met.verdict.requirement.approvals = 1;
    auto strict = met, plain = offered(ElevationScope::session);
    met.verdict.requirement.escalate = policies::rules::Escalation{60s, "oncall"};
    Elevations elevations;
    elevations.grant(met, "c1", {}, start);
    EXPECT_TRUE(elevations.covering(met, start));
    EXPECT_TRUE(elevations.covering(plain, start)) << "it asks for nobody's approval";
    EXPECT_FALSE(elevations.covering(strict, start));
    Elevations of_strict;
    of_strict.grant(strict, "c2", {}, start);
    EXPECT_TRUE(of_strict.covering(met, start)) << "stricter than asked";
}

TEST(Elevation, EndsByItselfAndAtAnotherAddress)
{
    const auto session = offered(ElevationScope::session), address = offered(ElevationScope::user_address);
    Elevations elevations;
    EXPECT_EQ(elevations.grant(session, "c1", {}, start)->expires(), start + 600s);
    elevations.grant(address, "c2", {}, start + 1s);
    EXPECT_TRUE(elevations.end("c3").empty());
    EXPECT_TRUE(elevations.end_elsewhere("alice", "10.0.0.7").empty()) << "its own address";
    EXPECT_TRUE(elevations.end_elsewhere("bob", "10.9.9.9").empty()) << "somebody else";
    const auto listed = elevations.list("alice", start + 1s);
    ASSERT_EQ(listed.size(), 2U);
    EXPECT_EQ(listed[0].challenge, "c2");
    EXPECT_EQ(elevations.list("", start + 600s).size(), 1U);
    EXPECT_TRUE(elevations.list("bob", start).empty());
    const auto ended = elevations.end_elsewhere("alice", "10.9.9.9");
    ASSERT_EQ(ended.size(), 1U) << "that of a session stays with it";
    EXPECT_EQ(ended[0].challenge, "c2");
    EXPECT_EQ(elevations.end("c1").size(), 1U);
    EXPECT_TRUE(elevations.list("", start).empty());
}

} // namespace elevation_test
} // namespace stepgate::challenge_web::challenges
