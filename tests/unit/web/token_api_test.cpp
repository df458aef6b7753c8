#include "challenge-web/server/bearer.h"
#include "challenge-web/server/new_token.h"
#include "challenge-web/server/router.h"
#include "tests/unit/web/site_fixture.h"

#include <fstream>
#include <map>

namespace stepgate::tests
{
namespace token_api_test
{

using accounts::Scope;

std::string concrete(std::string_view pattern)
{
    std::string path{pattern};
    while (path.find('{') != std::string::npos)
        path.replace(path.find('{'), path.find('}') - path.find('{') + 1, "1");
    return "/api/v1" + path;
}

struct Program {
    World& world;
    std::string secret, id, hash;
    std::string address = "192.0.2.9";

    Program(World& of, const std::string& user, std::vector<std::string> scopes, int days = 30) : world(of)
    {
        const auto made = server::new_token(user, "job", std::move(scopes), days, of.now);
        EXPECT_TRUE(of.users.add_api_token(made->token, {}));
        secret = made->secret;
        id = made->token.id;
        hash = made->token.hash;
    }

    [[nodiscard]] Reply send(Method method, const std::string& path,
                             std::vector<std::pair<std::string, std::string>> more = {}) const
    {
        Request request;
        request.method = method;
        request.target = path;
        request.client_address = address;
        request.headers = std::move(more);
        request.headers.emplace_back("authorization", "Bearer " + secret);
        return reply_of(world.site.handle(request));
    }
    [[nodiscard]] Reply get(const std::string& path) const { return send(Method::get, "/api/v1/" + path); }
};

/// Everybody at once: what a token may not then, it may never.
void add_everybody(World& world)
{
    auto user = world.add_user("alice");
    user.auditor = user.admin = true;
    ASSERT_TRUE(world.users.update_user(user));
}

// Taken out once: without the look at the scopes in `admit_token` every scope opened every route here.
TEST(Tokens, EachScopeOpensItsRoutesAndNoOther)
{
    for (const auto& [name, scope] : accounts::scope_names) {
        World world;
        add_everybody(world);
        const Program program{world, "alice", {std::string{name}}};
        for (const auto& route : server::routes()) {
            world.pass(std::chrono::seconds{1});
            const auto code = program.send(route.method, concrete(route.pattern)).code();
            const bool refused = code == "needs_scope" || code == "not_for_tokens";
            EXPECT_EQ(refused, route.scope != scope) << route.pattern << " with " << name << ": " << code;
            EXPECT_EQ(code == "not_for_tokens", route.scope == Scope::none) << route.pattern;
        }
    }
}

TEST(Tokens, NothingThatProvesApprovesOrEnrolsTakesOne)
{
    for (const auto& route : server::routes())
        for (const auto* word : {"passkey", "totp", "pin", "push", "recovery", "email-code", "identity-provider",
                                 "factors", "enrol", "session/", "database-passwords", "api-tokens", "groups"})
            if (route.pattern.find(word) != std::string_view::npos) {
                EXPECT_EQ(route.scope, Scope::none) << route.pattern;
            }
}

TEST(Tokens, ScopesAreThoseOfOpenapi)
{
    std::ifstream file(STEPGATE_OPENAPI);
    std::map<std::string, std::string> documented; // "get /path" -> scope
    std::string line, path, operation;
    while (std::getline(file, line) && line != "components:") {
        if (line.starts_with("  /"))
            path = line.substr(2, line.size() - 3);
        else if (line.starts_with("    ") && line.size() > 5 && line[4] != ' ')
            documented[operation = line.substr(4, line.size() - 5) + " " + path] = "";
        else if (line.starts_with("      x-token-scope: "))
            documented[operation] = line.substr(22, line.size() - 23);
    }
    for (const auto& route : server::routes()) {
        const char* method = route.method == Method::get ? "get " : route.method == Method::post ? "post " : "delete ";
        EXPECT_EQ(documented[method + std::string{route.pattern}], to_string(route.scope)) << route.pattern;
    }
}

TEST(Tokens, ATokenNeverHasMoreThanItsUserNow)
{
    World world;
    add_everybody(world);
    const Program program{world, "alice", {"audit:read", "users:read", "policy:read"}};
    EXPECT_EQ(program.get("audit/status").status, 200);
    auto user = **world.users.find_user("alice");
    user.auditor = user.admin = false;
    ASSERT_TRUE(world.users.update_user(user));
    for (const auto* path : {"audit/status", "users", "policy"})
        EXPECT_EQ(program.get(path).code(), "needs_role") << path;
    user.disabled = true;
    ASSERT_TRUE(world.users.update_user(user));
    EXPECT_EQ(program.get("audit/status").code(), "invalid_token");
}

TEST(Tokens, OneOfTwoCredentials)
{
    World world;
    world.add_user("alice");
    const Program program{world, "alice", {"challenges:read"}};
    EXPECT_EQ(program.get("challenges").status, 200);
    const std::string path = "/api/v1/challenges";
    EXPECT_EQ(program.send(Method::get, path, {{"cookie", "a=b"}}).code(), "two_credentials");
    EXPECT_EQ(program.send(Method::get, path, {{"authorization", "Bearer x"}}).code(), "two_credentials");
    EXPECT_EQ(program.send(Method::get, path, {{"authorization", "Basic x"}}).code(), "two_credentials");
    Request basic;
    basic.target = path;
    basic.client_address = program.address;
    basic.headers = {{"authorization", "Basic x"}};
    EXPECT_EQ(reply_of(world.site.handle(basic)).code(), "not_signed_in") << "a front server's";
}

TEST(Tokens, WrongOnesCountAsGuessesOfTheirAddress)
{
    World world;
    world.add_user("alice");
    Program program{world, "alice", {"challenges:read"}};
    auto wrong = program;
    wrong.secret.back() = wrong.secret.back() == 'A' ? 'B' : 'A';
    for (int i = 0; i < 30; ++i) {
        const auto reply = wrong.get("challenges");
        ASSERT_EQ(reply.code(), "invalid_token");
        EXPECT_EQ(reply.header("WWW-Authenticate"), "Bearer error=\"invalid_token\"");
    }
    EXPECT_EQ(wrong.get("challenges").code(), "rate_limited");
    EXPECT_EQ(program.get("challenges").code(), "rate_limited") << "the address waits, whatever it sends";
    program.address = "192.0.2.10";
    EXPECT_EQ(program.get("challenges").status, 200);
}

TEST(Tokens, ItsFirstUseFromAnAddressIsRecordedOrNothingIsDone)
{
    World world;
    world.add_user("alice");
    Program program{world, "alice", {"challenges:read"}};
    world.recorder.works = false;
    EXPECT_EQ(program.get("challenges").status, 503);
    world.recorder.works = true;
    world.recorder.types.clear();
    EXPECT_EQ(program.get("challenges").status, 200);
    EXPECT_EQ(program.get("challenges").status, 200);
    program.address = "192.0.2.10";
    EXPECT_EQ(program.get("challenges").status, 200);
    program.address = "192.0.2.9";
    EXPECT_EQ(program.get("challenges").status, 200);
    EXPECT_EQ(world.recorder.types, (std::vector<std::string>{"api_token_used alice", "api_token_used alice"}));
    EXPECT_EQ(world.users.api_tokens("alice", world.now)->front().last_address, "192.0.2.9");
}

TEST(Tokens, ExpireAndAreLimited)
{
    World world;
    world.add_user("alice");
    const Program program{world, "alice", {"challenges:read"}, 1};
    for (int i = 0; i < 120; ++i)
        ASSERT_EQ(program.get("challenges").status, 200) << i;
    EXPECT_EQ(program.get("challenges").code(), "rate_limited");
    world.pass(std::chrono::hours{24} - std::chrono::seconds{1});
    EXPECT_EQ(program.get("challenges").status, 200);
    world.pass(std::chrono::seconds{1});
    EXPECT_EQ(program.get("challenges").code(), "invalid_token");
}

TEST(Tokens, AreMadeAfterAPasskeyShownOnceAndRevoked)
{
    World world;
    world.add_user("alice");
    Browser browser(world);
    SoftAuthenticator key(origin);
    world.add_passkey("alice", key);
    browser.sign_in(key);
    world.recorder.works = false;
    EXPECT_EQ(browser.post("api-tokens", {{"name", "job"}, {"scopes", {"challenges:read"}}}).status, 503);
    EXPECT_TRUE(world.users.api_tokens("alice", world.now)->empty()) << "none while the audit takes nothing";
    world.recorder.works = true;
    const auto made = browser.post("api-tokens", {{"name", "job"}, {"scopes", {"challenges:read"}}, {"days", 2}});
    ASSERT_EQ(made.status, 201) << made.code();
    const auto secret = json::value_to<std::string>(made.body.at("token"));
    EXPECT_TRUE(secret.starts_with("sgt_"));
    EXPECT_EQ(secret.size(), 47U);
    EXPECT_EQ(world.users.take_changes().back(), "alice given a token by alice from 192.0.2.7");
    const auto stored = world.users.api_tokens("alice", world.now)->front();
    EXPECT_EQ(stored.expires - world.now, std::chrono::hours{48});
    EXPECT_EQ(stored.hash.find(secret), std::string::npos);
    const auto listed = browser.get("api-tokens");
    EXPECT_FALSE(listed.body.at("tokens").at(0).as_object().contains("token"));
    EXPECT_EQ(listed.body.at("scopes").as_array().size(), 4U);
    EXPECT_EQ(browser.post("api-tokens", {{"name", "x"}, {"scopes", {"audit:read"}}}).code(), "needs_role");
    EXPECT_EQ(browser.post("api-tokens", {{"name", "x"}, {"scopes", {"all"}}}).code(), "bad_request");
    EXPECT_EQ(browser.post("api-tokens", {{"name", "x"}, {"scopes", json::array{}}}).code(), "bad_request");
    EXPECT_EQ(browser.post("api-tokens", {{"name", "x"}, {"scopes", {"challenges:read"}}, {"days", 366}}).code(),
              "bad_request");
    EXPECT_EQ(browser.remove("api-tokens/" + stored.id).status, 204);
    EXPECT_EQ(world.users.take_changes().back(), "alice without a token by alice from 192.0.2.7");
    EXPECT_EQ(world.passwords_changed, 2) << "the audit hears of both at once";
    EXPECT_TRUE(world.users.api_tokens("alice", world.now)->empty());
    EXPECT_EQ(browser.remove("api-tokens/" + stored.id).status, 404);
}

TEST(Tokens, OthersAreRevokedByAdminsOnlyAndDisablingEndsAll)
{
    World world;
    add_everybody(world);
    world.add_user("bob");
    const Program program{world, "bob", {"challenges:read"}};
    Browser admin(world);
    SoftAuthenticator key(origin);
    world.add_passkey("alice", key);
    admin.sign_in(key);
    EXPECT_EQ(admin.get("api-tokens").body.at("tokens").as_array().size(), 1U);
    ASSERT_EQ(admin.post("users/bob/disable", json::object{}).status, 200);
    EXPECT_TRUE(world.users.api_tokens("bob", world.now)->empty());
    const Program other{world, "alice", {"challenges:read"}};
    Browser engineer(world);
    world.add_user("eve");
    SoftAuthenticator hers(origin);
    world.add_passkey("eve", hers);
    engineer.sign_in(hers);
    EXPECT_EQ(engineer.remove("api-tokens/" + other.id).status, 404);
    EXPECT_TRUE(engineer.get("api-tokens").body.at("tokens").as_array().empty());
}

TEST(Tokens, AProgramDisablesUsersWithTheScopeOnly)
{
    World world;
    add_everybody(world);
    world.add_user("bob");
    const Program program{world, "alice", {"users:disable"}};
    EXPECT_EQ(program.send(Method::post, "/api/v1/users/bob/enable").code(), "not_for_tokens");
    EXPECT_EQ(program.send(Method::post, "/api/v1/users/bob/disable").status, 200);
    EXPECT_TRUE((*world.users.find_user("bob"))->disabled);
}

} // namespace token_api_test
} // namespace stepgate::tests
