#include "tests/unit/web/site_fixture.h"

#include "challenge-web/challenges/base64url.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <future>
#include <mutex>

namespace stepgate::tests
{
namespace challenge_api_test
{

using std::chrono::minutes;
using std::chrono::seconds;

class ChallengeApi : public testing::Test
{
  protected:
    void SetUp() override
    {
        world.add_user("alice");
        world.add_user("bob");
        world.add_passkey("alice", key);
        world.add_passkey("bob", bobs_key);
        secret = world.add_totp("alice");
        alice.sign_in(key);
        bob.sign_in(bobs_key);
    }
    Reply prove(Browser& from, SoftAuthenticator& with, const std::string& id, const AuthenticatorKnobs& knobs = {})
    {
        const auto begun = from.post("challenges/" + id + "/passkey/begin");
        if (begun.status != 200)
            return begun;
        const auto answer = with.get(json::serialize(begun.body.at("options")), knobs);
        return from.post("challenges/" + id + "/passkey", {{"credential", json::parse(answer)}});
    }

    World world;
    SoftAuthenticator key{origin}, bobs_key{origin};
    Browser alice{world}, bob{world, "192.0.2.8"};
    std::string secret;
};

TEST_F(ChallengeApi, ShowsEverythingToItsOwner)
{
    const auto held = world.hold("alice", 2);
    const auto reply = alice.get("challenges/" + held.id);
    ASSERT_EQ(reply.status, 200);
    const auto& body = reply.body;
    EXPECT_EQ(json::value_to<std::string>(body.at("id")), held.id);
    EXPECT_EQ(json::value_to<std::string>(body.at("code")), held.code);
    EXPECT_EQ(body.at("state"), "pending");
    EXPECT_EQ(body.at("user"), "alice");
    EXPECT_EQ(body.at("session"), "s-1");
    EXPECT_EQ(body.at("listener"), "shop-pg");
    EXPECT_EQ(body.at("database"), "shop");
    EXPECT_EQ(body.at("role"), "app");
    EXPECT_EQ(body.at("client_address"), "10.0.0.5");
    EXPECT_EQ(body.at("application"), "psql");
    EXPECT_EQ(body.at("dialect"), "postgres");
    EXPECT_EQ(body.at("in_transaction"), true);
    EXPECT_EQ(
        json::serialize(body.at("statements")),
        R"([{"sql":"delete from customers where id = $1","sql_truncated":false,"parameters":[)"
        R"({"value":"42","type":"int4"},{"value":null,"type":"unknown"}],"premises":[{"name":"search_path","value":"a\\u{202E}b"}]}])");
    EXPECT_EQ(json::serialize(body.at("tables")), R"x(["public.customers (ssn)"])x");
    EXPECT_EQ(json::serialize(body.at("labels")), R"(["pii"])");
    EXPECT_EQ(json::serialize(body.at("reasons")), R"([{"rule":"delete-without-where","because":"Deletes rows"}])");
    EXPECT_EQ(body.at("requirement").at("level"), 2);
    EXPECT_EQ(body.at("opened"), "2026-03-01T12:00:00.000Z");
    EXPECT_EQ(body.at("expires"), "2026-03-01T12:05:00.000Z");
    EXPECT_EQ(body.at("run_again"), false);
    EXPECT_EQ(json::serialize(body.at("missing")), R"(["A passkey, or two factors of different kinds."])");
    EXPECT_FALSE(body.at("usable_factors").as_array().empty());
}

TEST_F(ChallengeApi, ForeignAndUnknownLookTheSame)
{
    const auto held = world.hold("alice");
    const std::pair<Method, std::string> operations[] = {
        {Method::get, ""},       {Method::post, "/passkey/begin"}, {Method::post, "/passkey"},
        {Method::post, "/totp"}, {Method::post, "/deny"},
    };
    for (const auto& [method, path] : operations) {
        const auto* body = path == "/passkey" ? R"({"credential":{}})" : path == "/totp" ? R"({"code":"123456"})" : "";
        const auto foreign = bob.send(method, "challenges/" + held.id + path, body);
        const auto unknown = bob.send(method, "challenges/AAAAAAAAAAAAAAAAAAAAAA" + path, body);
        EXPECT_EQ(foreign.status, 404) << path;
        EXPECT_EQ(foreign.response.body, unknown.response.body) << path;
        EXPECT_EQ(foreign.response.headers, unknown.response.headers) << path;
    }
    EXPECT_EQ(json::serialize(bob.get("challenges").body), R"({"challenges":[]})");
    EXPECT_EQ(alice.get("challenges").body.at("challenges").as_array().size(), 1U);
    EXPECT_EQ(world.held.find(held.id)->state, challenges::State::pending);
}

TEST_F(ChallengeApi, APasskeySignsTheDigestAndApproves)
{
    const auto held = world.hold("alice", 2);
    const auto begun = alice.post("challenges/" + held.id + "/passkey/begin");
    EXPECT_EQ(json::value_to<std::string>(begun.body.at("options").at("challenge")),
              challenges::base64url_encode(held.digest));
    const auto reply = prove(alice, key, held.id);
    ASSERT_EQ(reply.status, 200) << reply.response.body;
    EXPECT_EQ(reply.body.at("state"), "approved");
    EXPECT_TRUE(reply.body.at("missing").as_array().empty());
    EXPECT_TRUE(reply.body.at("usable_factors").as_array().empty());
    EXPECT_TRUE(world.held.consume(held.id, held.digest, world.now).has_value());
}

TEST_F(ChallengeApi, AProofForOneStatementIsNoneForAnother)
{
    const auto first = world.hold("alice"), second = world.hold("alice");
    const auto begun = alice.post("challenges/" + first.id + "/passkey/begin");
    const json::value body{{"credential", json::parse(key.get(json::serialize(begun.body.at("options"))))}};
    EXPECT_EQ(alice.post("challenges/" + second.id + "/passkey", body).code(), "wrong_answer");
    EXPECT_EQ(world.held.find(second.id)->state, challenges::State::pending);
    EXPECT_EQ(alice.post("challenges/" + first.id + "/passkey", body).status, 200);
    EXPECT_EQ(alice.post("challenges/" + first.id + "/passkey", body).code(), "challenge_closed") << "replayed";
}

TEST_F(ChallengeApi, SomebodyElsesPasskeyIsRefused)
{
    const auto held = world.hold("alice");
    EXPECT_EQ(prove(alice, bobs_key, held.id).code(), "wrong_answer");
    AuthenticatorKnobs knobs;
    knobs.break_signature = true;
    EXPECT_EQ(prove(alice, key, held.id, knobs).code(), "wrong_answer");
    EXPECT_EQ(world.held.find(held.id)->state, challenges::State::pending);
}

TEST_F(ChallengeApi, TotpApprovesLevelOneAndNoMore)
{
    const auto easy = world.hold("alice", 1), hard = world.hold("alice", 2);
    EXPECT_EQ(alice.post("challenges/" + easy.id + "/totp", {{"code", world.code(secret)}}).body.at("state"),
              "approved");
    EXPECT_EQ(alice.post("challenges/" + hard.id + "/totp", {{"code", world.code(secret)}}).code(), "wrong_answer")
        << "the same code twice";
    world.pass(seconds{30});
    const auto reply = alice.post("challenges/" + hard.id + "/totp", {{"code", world.code(secret)}});
    ASSERT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body.at("state"), "pending");
    EXPECT_EQ(json::serialize(reply.body.at("usable_factors")), R"(["passkey"])");
    EXPECT_EQ(prove(alice, key, hard.id).body.at("state"), "approved");
}

// `stepgate audit verify` takes a proof by a factor that was removed before for a forgery.
TEST_F(ChallengeApi, AProofIsRecordedBeforeTheRemovalOfItsFactor)
{
    std::mutex mutex;
    std::vector<std::string> journal;
    const auto write = [&](const char* what) {
        const std::lock_guard lock{mutex};
        journal.emplace_back(what);
    };
    world.held.observe([&](const challenges::Event& event) {
        if (event.what == challenges::Event::What::proof_accepted)
            write("proof");
    });
    const auto held = world.hold("alice", 1);
    Browser elsewhere(world);
    elsewhere.sign_in(key);
    const auto totp = world.users.totps("alice")->at(0).id;
    std::future<Reply> removal;
    world.users.after_totp_used = [&] {
        world.recorder.meanwhile = [&] { write("removal"); };
        removal = std::async(std::launch::async, [&] { return elsewhere.remove("factors/" + totp); });
        removal.wait_for(std::chrono::milliseconds{300}); // it has to wait, however long
    };
    EXPECT_EQ(alice.post("challenges/" + held.id + "/totp", {{"code", world.code(secret)}}).body.at("state"),
              "approved");
    EXPECT_EQ(removal.get().status, 204);
    EXPECT_EQ(journal, (std::vector<std::string>{"proof", "removal"}));
}

TEST_F(ChallengeApi, ARecoveryCodeApprovesLevelOneOnceAndNoMore)
{
    const auto user = world.users.find_user("alice");
    const auto enrolment = world.recovery_codes.begin_enrolment(**user, world.now);
    ASSERT_TRUE(world.recovery_codes.finish_enrolment(*enrolment, "{}", "", world.now));
    const auto code = json::parse(enrolment->options).at("codes").at(0);
    const auto easy = world.hold("alice", 1), hard = world.hold("alice", 2);
    const auto path = [](const auto& held) { return "challenges/" + held.id + "/recovery-code"; };
    EXPECT_EQ(alice.post(path(easy), {{"code", code}}).body.at("state"), "approved");
    EXPECT_EQ(alice.post(path(hard), {{"code", code}}).code(), "wrong_answer") << "the same code twice";
    const auto next = json::parse(enrolment->options).at("codes").at(1);
    EXPECT_EQ(alice.post(path(hard), {{"code", next}}).body.at("state"), "pending");
    world.pass(seconds{30});
    EXPECT_EQ(alice.post("challenges/" + hard.id + "/totp", {{"code", world.code(secret)}}).body.at("state"), "pending")
        << "two things one has are one kind";
}

TEST_F(ChallengeApi, APinApprovesLevelOneAndLevelTwoWithACode)
{
    const auto user = world.users.find_user("alice");
    const auto enrolment = world.pin.begin_enrolment(**user, world.now);
    ASSERT_TRUE(world.pin.finish_enrolment(*enrolment, R"({"pin":"correct horse"})", "", world.now));
    const auto easy = world.hold("alice", 1), hard = world.hold("alice", 2), hardest = world.hold("alice", 3);
    const auto pin = [&](const auto& held) {
        return alice.post("challenges/" + held.id + "/pin", {{"pin", "correct horse"}});
    };
    EXPECT_EQ(bob.post("challenges/" + easy.id + "/pin", {{"pin", "correct horse"}}).status, 404);
    EXPECT_EQ(pin(easy).body.at("state"), "approved");
    const auto half = pin(hard);
    EXPECT_EQ(half.body.at("state"), "pending");
    EXPECT_EQ(json::serialize(half.body.at("usable_factors")), R"(["passkey","totp"])") << "it knows, it does not have";
    EXPECT_EQ(json::serialize(half.body.at("ways")), R"([["passkey"],["totp"]])");
    EXPECT_EQ(json::serialize(half.body.at("enrol")), "[]");
    EXPECT_EQ(pin(hard).code(), "already_proved");
    EXPECT_EQ(alice.post("challenges/" + hard.id + "/totp", {{"code", world.code(secret)}}).body.at("state"),
              "approved");
    EXPECT_EQ(pin(hardest).body.at("state"), "pending");
    for (int wrong = 0; wrong < 5; ++wrong)
        EXPECT_EQ(alice.post("challenges/" + hardest.id + "/pin", {{"pin", "wrong horse"}}).code(), "wrong_answer");
    EXPECT_EQ(pin(hardest).code(), "locked_out");
}

TEST_F(ChallengeApi, AMailedCodeApprovesItsChallengeOnly)
{
    auto user = **world.users.find_user("alice");
    user.email = "alice@example.com";
    ASSERT_TRUE(world.users.update_user(user));
    const auto easy = world.hold("alice", 1), other = world.hold("alice", 1);
    const auto path = [](const auto& held) { return "challenges/" + held.id + "/email-code"; };
    EXPECT_EQ(json::serialize(alice.get("challenges/" + easy.id).body.at("ways")),
              R"([["passkey"],["totp"],["email_code"]])");
    EXPECT_EQ(alice.get(path(easy)).body.at("delivery"), "none");
    EXPECT_EQ(bob.post(path(easy) + "/begin").status, 404);
    const auto begun = alice.post(path(easy) + "/begin");
    EXPECT_EQ(begun.response.body, R"({"to":"a***@example.com","digits":8})");
    EXPECT_EQ(alice.get(path(easy)).body.at("delivery"), "sent");
    EXPECT_NE(world.mails.at(0).find(easy.code), std::string::npos);
    const auto at = world.mails[0].find("\n    ") + 5;
    const json::value code{{"code", world.mails[0].substr(at, 9)}};
    EXPECT_EQ(alice.post(path(other), code).code(), "wrong_answer");
    EXPECT_EQ(alice.post(path(easy), code).body.at("state"), "approved");
    EXPECT_EQ(alice.post(path(other) + "/begin").status, 200);
    EXPECT_EQ(alice.post(path(other) + "/begin").status, 200);
    EXPECT_EQ(alice.post(path(other) + "/begin").code(), "rate_limited");
    user.email.clear();
    ASSERT_TRUE(world.users.update_user(user));
    world.pass(minutes{2});
    EXPECT_EQ(alice.post(path(other) + "/begin").code(), "no_factor");
    EXPECT_EQ(alice.post("session/email-code", {{"user", "alice"}, {"code", "00000000"}}).status, 404);
}

TEST_F(ChallengeApi, AMessageToABrowserIsAnsweredThereOnly)
{
    tests::PushReader browser;
    const auto before = world.hold("alice", 1);
    EXPECT_EQ(alice.post("challenges/" + before.id + "/push/begin").code(), "no_factor");
    world.add_push("alice", browser);
    EXPECT_EQ(json::serialize(alice.get("challenges/" + before.id).body.at("ways")), R"([["passkey"],["totp"]])")
        << "nothing was pushed for it";
    const auto held = world.hold("alice", 1), other = world.hold("alice", 1);
    const auto path = "challenges/" + held.id + "/push";
    EXPECT_EQ(json::serialize(alice.get("challenges/" + held.id).body.at("ways")),
              R"([["passkey"],["totp"],["push"]])");
    const auto message = json::parse(browser.read(world.pushed.at(0).body).value());
    const auto url = json::value_to<std::string>(message.at("url"));
    ASSERT_TRUE(url.starts_with("/c/" + held.id + "#push="));
    const auto token = url.substr(url.find('=') + 1);
    const auto number = world.push.number(held.digest);
    EXPECT_EQ(bob.post(path + "/open", {{"token", token}}).status, 404);
    EXPECT_EQ(alice.post(path + "/open", {{"token", "x"}}).code(), "wrong_answer");
    EXPECT_EQ(alice.post("challenges/" + other.id + "/push/open", {{"token", token}}).code(), "wrong_answer");
    const auto choices = alice.post(path + "/open", {{"token", token}});
    EXPECT_NE(choices.response.body.find('"' + number + '"'), std::string::npos);
    EXPECT_EQ(alice.post(path, {{"token", token}, {"number", number}}).body.at("state"), "approved");
    EXPECT_EQ(alice.post(path, {{"token", token}, {"number", number}}).code(), "challenge_closed");
    EXPECT_EQ(alice.post("challenges/" + other.id + "/push/begin").status, 204);
    EXPECT_EQ(world.pushed.size(), 3U);
}

TEST_F(ChallengeApi, WhereNothingIsEnoughItSaysWhatWouldBe)
{
    world.add_user("caroline");
    const auto app = world.add_totp("caroline");
    Browser carol{world, "192.0.2.9"};
    ASSERT_EQ(
        carol.post("session/totp", {{"user", "caroline"}, {"password", "pass word"}, {"code", world.code(app)}}).status,
        200);
    const auto shown = carol.get("challenges/" + world.hold("caroline", 2).id).body;
    EXPECT_EQ(json::serialize(shown.at("usable_factors")), "[]");
    EXPECT_EQ(json::serialize(shown.at("ways")), "[]");
    EXPECT_EQ(json::serialize(shown.at("enrol")), R"([["passkey"]])");
    const auto easy = carol.get("challenges/" + world.hold("caroline", 1).id).body;
    EXPECT_EQ(json::serialize(easy.at("ways")), R"([["totp"]])");
    EXPECT_EQ(json::serialize(easy.at("enrol")), "[]");
}

TEST_F(ChallengeApi, WrongCodesLockOut)
{
    const auto held = world.hold("alice");
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(alice.post("challenges/" + held.id + "/totp", {{"code", "000000"}}).code(), "wrong_answer");
    const auto locked = alice.post("challenges/" + held.id + "/totp", {{"code", world.code(secret)}});
    EXPECT_EQ(locked.code(), "locked_out");
    EXPECT_EQ(locked.status, 429);
    EXPECT_EQ(locked.header("Retry-After"), "300");
    EXPECT_EQ(prove(alice, key, held.id).body.at("state"), "approved") << "a passkey still works";
}

TEST_F(ChallengeApi, LevelThreeWantsAVerifiedUserAndWaitsForApproval)
{
    const auto held = world.hold("alice", 3);
    const auto begun = alice.post("challenges/" + held.id + "/passkey/begin");
    EXPECT_EQ(begun.body.at("options").at("userVerification"), "required");
    AuthenticatorKnobs knobs;
    knobs.user_verified = false;
    EXPECT_EQ(prove(alice, key, held.id, knobs).code(), "wrong_answer");
    const auto reply = prove(alice, key, held.id);
    EXPECT_EQ(reply.body.at("state"), "pending");
    EXPECT_EQ(reply.body.at("missing").as_array().size(), 1U);
    EXPECT_TRUE(reply.body.at("usable_factors").as_array().empty());
}

class SecondPersons : public ChallengeApi
{
  protected:
    void SetUp() override
    {
        ChallengeApi::SetUp();
        world.add_user("carol", false, {"approvers"});
        world.add_passkey("carol", carols_key);
        carol.sign_in(carols_key);
    }
    SoftAuthenticator carols_key{origin};
    Browser carol{world, "192.0.2.9"};
};

TEST_F(SecondPersons, SeeWhatAsksForThemAndNothingElse)
{
    const auto plain = world.hold("alice", 2), held = world.hold("alice", 3);
    EXPECT_EQ(carol.get("challenges/" + plain.id).status, 404);
    EXPECT_EQ(bob.get("challenges/" + held.id).status, 404) << "of no group";
    const auto listed = carol.get("challenges").body.at("challenges").as_array();
    ASSERT_EQ(listed.size(), 1U);
    EXPECT_EQ(json::value_to<std::string>(listed[0].at("id")), held.id);
    const auto shown = carol.get("challenges/" + held.id).body;
    EXPECT_EQ(shown.at("you"), "approver");
    EXPECT_EQ(shown.at("user"), "alice");
    EXPECT_EQ(shown.at("waits_for_others"), false);
    EXPECT_EQ(shown.at("missing").at(0), "From alice: A passkey that checks your fingerprint, face or PIN.");
    EXPECT_EQ(json::serialize(shown.at("usable_factors")), R"(["passkey"])");
    EXPECT_EQ(json::serialize(shown.at("statements")),
              json::serialize(alice.get("challenges/" + held.id).body.at("statements")));
}

TEST_F(SecondPersons, AreNeededBesidesTheRequesterAndInAnyOrder)
{
    for (const bool carol_first : {false, true}) {
        const auto held = world.hold("alice", 3);
        const auto first = carol_first ? prove(carol, carols_key, held.id) : prove(alice, key, held.id);
        EXPECT_EQ(first.body.at("state"), "pending") << first.response.body;
        EXPECT_EQ(first.body.at("waits_for_others"), true);
        EXPECT_TRUE(first.body.at("usable_factors").as_array().empty());
        const auto second = carol_first ? prove(alice, key, held.id) : prove(carol, carols_key, held.id);
        EXPECT_EQ(second.body.at("state"), "approved") << second.response.body;
    }
}

TEST_F(SecondPersons, CannotBeTheRequesterNorOnePersonTwice)
{
    world.add_user("dora", false, {"approvers"});
    SoftAuthenticator doras_key{origin}, doras_other{origin};
    world.add_passkey("dora", doras_key);
    world.add_passkey("dora", doras_other);
    Browser dora{world, "192.0.2.10"};
    dora.sign_in(doras_key);
    const auto own = world.hold("dora", 3);
    EXPECT_EQ(prove(dora, doras_key, own.id).body.at("state"), "pending");
    EXPECT_EQ(prove(dora, doras_other, own.id).body.at("state"), "pending") << "approved herself";
    EXPECT_EQ(prove(carol, doras_key, own.id).code(), "wrong_answer") << "with somebody else's key";
    EXPECT_EQ(prove(carol, carols_key, own.id).body.at("state"), "approved");
}

TEST_F(SecondPersons, DenyWithAReasonForTheTerminal)
{
    const auto held = world.hold("alice", 3);
    EXPECT_EQ(carol.post("challenges/" + held.id + "/deny", {{"reason", std::string(201, 'x')}}).status, 400);
    EXPECT_EQ(carol.post("challenges/" + held.id + "/deny", {{"reason", "not on\na Friday \x1b[2J"}}).body.at("state"),
              "denied");
    const auto reply = alice.get("challenges/" + held.id);
    EXPECT_EQ(reply.body.at("closed_by"), "carol");
    EXPECT_EQ(reply.body.at("close_reason"), "denied by carol: not on a Friday \\u{001B}[2J");
    EXPECT_EQ(prove(alice, key, held.id).code(), "challenge_closed");
}

TEST_F(SecondPersons, ReadTheRequestersReasonAndGiveTheirOwn)
{
    const auto held = world.hold("alice", 3);
    const auto path = "challenges/" + held.id;
    EXPECT_EQ(alice.post(path + "/reason", {{"reason", std::string(501, 'x')}}).status, 400);
    EXPECT_EQ(carol.post(path + "/reason", {{"reason", "x"}}).code(), "not_requester");
    EXPECT_EQ(bob.post(path + "/reason", {{"reason", "x"}}).status, 404);
    EXPECT_EQ(alice.post(path + "/reason", {{"reason", "ticket\n42 \x1b[2J"}}).status, 200);
    EXPECT_EQ(carol.get(path).body.at("request_reason"), "ticket 42 \\u{001B}[2J");
    const auto begun = carol.post(path + "/passkey/begin");
    const auto answer = carols_key.get(json::serialize(begun.body.at("options")));
    const auto approved =
        carol.post(path + "/passkey", {{"credential", json::parse(answer)}, {"reason", "looks right"}});
    ASSERT_EQ(approved.status, 200) << approved.response.body;
    const auto shown = alice.get(path).body.at("proofs").at(0);
    EXPECT_EQ(shown.at("user"), "carol");
    EXPECT_EQ(shown.at("reason"), "looks right");
    EXPECT_EQ(alice.post(path + "/reason", {{"reason", "another"}}).code(), "challenge_closed");
}

TEST_F(SecondPersons, DoNotWithdrawButTheRequesterDoes)
{
    const auto held = world.hold("alice", 3);
    const auto path = "challenges/" + held.id + "/withdraw";
    EXPECT_EQ(carol.post(path).code(), "not_requester");
    EXPECT_EQ(bob.post(path).status, 404);
    const auto withdrawn = alice.post(path);
    EXPECT_EQ(withdrawn.body.at("state"), "cancelled");
    EXPECT_EQ(withdrawn.body.at("close_reason"), "withdrawn by alice");
    EXPECT_EQ(alice.post(path).code(), "challenge_closed");
    EXPECT_EQ(prove(carol, carols_key, held.id).code(), "challenge_closed");
}

TEST_F(SecondPersons, HearOfIt)
{
    auto hers = world.site.hub().subscribe("carol", "x"), bobs = world.site.hub().subscribe("bob", "y");
    const auto plain = world.hold("alice", 2);
    EXPECT_EQ(hers->take().text, "");
    const auto held = world.hold("alice", 3);
    EXPECT_NE(hers->take().text.find(held.id), std::string::npos);
    EXPECT_EQ(bobs->take().text, "");
}

TEST_F(ChallengeApi, ClosedAndExpired)
{
    struct Row {
        const char *name, *code;
        void (*settle)(World&, const challenges::Opened&);
        int status;
    };
    const Row rows[] = {
        {"denied", "challenge_closed",
         [](World& w, const challenges::Opened& o) { (void)w.held.deny(o.id, "alice", w.now); }, 409},
        {"cancelled", "challenge_closed",
         [](World& w, const challenges::Opened& o) { w.held.cancel(o.id, "client disconnected", w.now); }, 409},
        {"expired", "challenge_expired", [](World& w, const challenges::Opened&) { w.pass(minutes{5}); }, 410},
        {"expired but nobody noticed yet", "challenge_expired",
         [](World& w, const challenges::Opened&) { w.now += minutes{5}; }, 410},
    };
    for (const auto& row : rows) {
        const auto held = world.hold("alice");
        row.settle(world, held);
        const auto path = "challenges/" + held.id;
        const Reply replies[] = {alice.post(path + "/passkey/begin"), alice.post(path + "/totp", {{"code", "123456"}}),
                                 alice.post(path + "/passkey", {{"credential", json::object{}}}),
                                 alice.post(path + "/deny")};
        for (const auto& reply : replies) {
            EXPECT_EQ(reply.code(), row.code) << row.name;
            EXPECT_EQ(reply.status, row.status) << row.name;
        }
        EXPECT_EQ(alice.get(path).status, 200) << row.name << ": still shown";
    }
}

TEST_F(ChallengeApi, DenyIsFinal)
{
    const auto held = world.hold("alice");
    const auto reply = alice.post("challenges/" + held.id + "/deny");
    ASSERT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body.at("state"), "denied");
    EXPECT_EQ(reply.body.at("closed_by"), "alice");
    EXPECT_EQ(prove(alice, key, held.id).code(), "challenge_closed");
    EXPECT_FALSE(world.held.consume(held.id, held.digest, world.now).has_value());
}

TEST_F(ChallengeApi, EventsReachTheOwnersStreamOnly)
{
    auto mine = world.site.hub().subscribe("alice", "x"), others = world.site.hub().subscribe("bob", "y");
    const auto held = world.hold("alice");
    const auto text = mine->take().text;
    EXPECT_TRUE(text.starts_with("event: challenge\ndata: {\"id\":\"" + held.id));
    EXPECT_TRUE(text.ends_with("}\n\n"));
    (void)alice.post("challenges/" + held.id + "/deny");
    EXPECT_NE(mine->take().text.find(R"("state":"denied")"), std::string::npos);
    EXPECT_EQ(others->take().text, "");
}

TEST_F(ChallengeApi, ProofsAreRateLimited)
{
    const auto held = world.hold("alice");
    int refused = 0;
    for (int i = 0; i < 25; ++i)
        refused +=
            alice.post("challenges/" + held.id + "/passkey", {{"credential", json::object{}}}).code() == "rate_limited";
    EXPECT_EQ(refused, 5);
}

TEST_F(ChallengeApi, StreamRequestsNameTheSessionAndAreCounted)
{
    const auto reply = alice.get("events");
    ASSERT_TRUE(reply.response.stream);
    EXPECT_EQ(reply.response.stream->user, "alice");
    EXPECT_EQ(reply.response.stream->remaining, std::chrono::hours{12});
    std::vector<std::shared_ptr<server::Subscription>> open;
    for (int i = 0; i < 8; ++i)
        open.push_back(world.site.hub().subscribe("alice", "x"));
    EXPECT_EQ(alice.get("events").code(), "too_many_streams");
}

} // namespace challenge_api_test
} // namespace stepgate::tests
