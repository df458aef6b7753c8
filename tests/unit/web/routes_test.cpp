#include "challenge-web/server/router.h"
#include "tests/unit/web/site_fixture.h"

#include <fstream>
#include <set>

namespace stepgate::tests
{
namespace routes_test
{

using server::Access;
using server::routes;

const char* name_of(Method method)
{
    switch (method) {
    case Method::get:
        return "get";
    case Method::post:
        return "post";
    case Method::remove:
        return "delete";
    case Method::head:
    case Method::other:
        break;
    }
    return "?";
}

/// "post /session/totp" for each operation of openapi.yaml, found by its indentation.
std::set<std::string> documented()
{
    std::ifstream file(STEPGATE_OPENAPI);
    std::set<std::string> operations;
    std::string line, path;
    bool inside = false;
    while (std::getline(file, line)) {
        if (!line.empty() && line[0] != ' ')
            inside = line == "paths:";
        if (!inside || line.size() < 4 || line.back() != ':')
            continue;
        if (line.starts_with("  /"))
            path = line.substr(2, line.size() - 3);
        else if (line.starts_with("    ") && line[4] != ' ')
            operations.insert(line.substr(4, line.size() - 5) + " " + path);
    }
    return operations;
}

std::string concrete(std::string_view pattern)
{
    std::string path{pattern};
    while (path.find('{') != std::string::npos)
        path.replace(path.find('{'), path.find('}') - path.find('{') + 1, "1");
    return "/api/v1" + path;
}

struct Case {
    std::string name;
    Method method;
    std::string path;
    Access access;
};

std::vector<Case> all()
{
    std::vector<Case> cases;
    for (const auto& route : routes())
        cases.push_back({std::string{name_of(route.method)} + " " + std::string{route.pattern}, route.method,
                         concrete(route.pattern), route.access});
    return cases;
}

TEST(Routes, AreThoseOfOpenapi)
{
    std::set<std::string> served;
    for (const auto& entry : all())
        served.insert(entry.name);
    EXPECT_EQ(served, documented());
    EXPECT_EQ(served.size(), routes().size()) << "a route is listed twice";
}

TEST(Routes, NeedASession)
{
    World world;
    for (const auto& entry : all()) {
        Browser nobody(world);
        const auto reply = nobody.send(entry.method, entry.path, "");
        if (entry.access == Access::anyone) {
            EXPECT_NE(reply.code(), "not_signed_in") << entry.name;
        } else {
            EXPECT_EQ(reply.code(), "not_signed_in") << entry.name;
        }
        Browser forger(world);
        forger.cookie = std::string(43, 'A');
        if (entry.access != Access::anyone) {
            EXPECT_EQ(forger.send(entry.method, entry.path, "").code(), "not_signed_in") << entry.name;
        }
    }
}

TEST(Routes, AnEnrolmentSessionMayOnlyEnrol)
{
    World world;
    world.add_user("alice", true);
    for (const auto& entry : all()) {
        Browser browser(world);
        ASSERT_EQ(browser.post("session/enrolment", {{"token", world.add_link("alice")}}).status, 200);
        const auto code = browser.send(entry.method, entry.path, "").code();
        const bool may = entry.access == Access::anyone || entry.access == Access::enrolling;
        EXPECT_EQ(code == "enrolment_only", !may) << entry.name << ": " << code;
        world.pass(std::chrono::seconds{60});
    }
}

TEST(Routes, SomeNeedARole)
{
    World world;
    world.add_user("alice");
    SoftAuthenticator key(origin);
    world.add_passkey("alice", key);
    Browser browser(world);
    browser.sign_in(key);
    for (const auto& entry : all())
        if (entry.access == Access::auditor || entry.access == Access::overseer || entry.access == Access::admin) {
            EXPECT_EQ(browser.send(entry.method, entry.path, "").code(), "needs_role") << entry.name;
        }
    EXPECT_FALSE(world.audit.asked);
}

TEST(Routes, ChangesNeedOriginAndToken)
{
    struct Row {
        const char* name;
        void (*spoil)(Request&);
    };
    const auto set = [](Request& request, std::string_view name, const char* value) {
        std::erase_if(request.headers, [&](const auto& header) { return header.first == name; });
        if (value != nullptr)
            request.headers.emplace_back(name, value);
    };
    static auto change = set;
    const Row rows[] = {
        {"no token", [](Request& r) { change(r, "x-csrf-token", nullptr); }},
        {"wrong token", [](Request& r) { change(r, "x-csrf-token", "AAAA"); }},
        {"empty token", [](Request& r) { change(r, "x-csrf-token", ""); }},
        {"no origin", [](Request& r) { change(r, "origin", nullptr); }},
        {"null origin", [](Request& r) { change(r, "origin", "null"); }},
        {"other origin", [](Request& r) { change(r, "origin", "https://evil.example"); }},
        {"origin that starts like ours", [](Request& r) { change(r, "origin", "https://stepgate.example.evil"); }},
        {"plain http", [](Request& r) { change(r, "origin", "http://stepgate.example"); }},
        {"cross-site", [](Request& r) { change(r, "sec-fetch-site", "cross-site"); }},
        {"same-site but not same origin", [](Request& r) { change(r, "sec-fetch-site", "same-site"); }},
        {"two origins", [](Request& r) { r.headers.emplace_back("origin", origin); }},
        {"two cookie headers", [](Request& r) { r.headers.emplace_back("cookie", "a=b"); }},
    };
    server::ApiLimits limits;
    limits.any_address = {100'000, std::chrono::milliseconds{1}};
    World world(limits);
    world.add_user("alice");
    SoftAuthenticator key(origin);
    world.add_passkey("alice", key);
    Browser browser(world);
    browser.sign_in(key);
    for (const auto& entry : all())
        for (const auto& row : rows) {
            if (entry.method == Method::get)
                continue;
            auto request = browser.request(entry.method, entry.path, "");
            row.spoil(request);
            const auto response = world.site.handle(request);
            EXPECT_EQ(response.status, 403) << entry.name << ", " << row.name;
            EXPECT_NE(response.body.find("\"csrf\""), std::string::npos) << entry.name << ", " << row.name;
        }
    EXPECT_EQ(browser.get("session").status, 200) << "the session was not touched";
}

TEST(Routes, ReadsRefuseCrossSite)
{
    World world;
    for (const auto* site : {"cross-site", "same-site"}) {
        Request request;
        request.target = "/api/v1/session";
        request.headers = {{"sec-fetch-site", site}};
        EXPECT_EQ(world.site.handle(request).status, 403) << site;
    }
}

TEST(Routes, UnknownAddressesAndMethods)
{
    struct Row {
        Method method;
        const char* path;
        int status;
    };
    const Row rows[] = {
        {Method::get, "/api/v1/nothing", 404},     {Method::get, "/api", 404},
        {Method::get, "/api/v2/session", 404},     {Method::get, "/api/v1", 404},
        {Method::get, "/api/v1/session/x/y", 404}, {Method::post, "/api/v1/challenges", 405},
        {Method::other, "/api/v1/session", 405},   {Method::get, "/api/v1/session/totp", 405},
        {Method::get, "/api/v1/session%00", 400},  {Method::get, "/api/v1/session/", 400},
        {Method::head, "/api/v1/session", 405},    {Method::post, "/inbox", 405},
    };
    World world;
    Browser browser(world);
    for (const auto& row : rows)
        EXPECT_EQ(browser.send(row.method, row.path, "").status, row.status) << row.path;
}

TEST(Routes, EveryAnswerHasTheSecurityHeaders)
{
    World world;
    Browser browser(world);
    std::vector<Reply> replies;
    for (const auto& entry : all())
        replies.push_back(browser.send(entry.method, entry.path, ""));
    for (const auto* path : {"/", "/inbox", "/c/abc", "/assets/app-1.js", "/missing.js", "/healthz", "/readyz", "/%00"})
        replies.push_back(browser.get(path));
    for (const auto& reply : replies) {
        EXPECT_EQ(reply.header("X-Content-Type-Options"), "nosniff");
        EXPECT_EQ(reply.header("Referrer-Policy"), "no-referrer");
        EXPECT_EQ(reply.header("Cross-Origin-Opener-Policy"), "same-origin");
        EXPECT_EQ(reply.header("Cross-Origin-Resource-Policy"), "same-origin");
        EXPECT_TRUE(reply.header("Strict-Transport-Security").starts_with("max-age="));
        EXPECT_FALSE(reply.header("Permissions-Policy").empty());
        const auto policy = reply.header("Content-Security-Policy");
        EXPECT_TRUE(policy.starts_with("default-src 'none'"));
        EXPECT_NE(policy.find("frame-ancestors 'none'"), std::string::npos);
        EXPECT_NE(policy.find("base-uri 'none'"), std::string::npos);
        EXPECT_EQ(policy.find("unsafe"), std::string::npos);
        if (reply.response.content_type == "application/json") {
            EXPECT_EQ(reply.header("Cache-Control"), "no-store");
        }
    }
}

TEST(Routes, RateLimitPerAddress)
{
    server::ApiLimits limits;
    limits.any_address = {3, std::chrono::milliseconds{2000}};
    World world(limits);
    Browser browser(world), neighbour(world, "192.0.2.8");
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(browser.get("session").status, 401);
    const auto refused = browser.get("session");
    EXPECT_EQ(refused.code(), "rate_limited");
    EXPECT_EQ(refused.status, 429);
    EXPECT_EQ(refused.header("Retry-After"), "2");
    EXPECT_EQ(neighbour.get("session").status, 401);
    world.pass(std::chrono::seconds{2});
    EXPECT_EQ(browser.get("session").status, 401);
}

TEST(Routes, AStoreThatIsGoneRefusesEverything)
{
    World world;
    world.add_user("alice", true);
    SoftAuthenticator key(origin);
    world.add_passkey("alice", key);
    Browser browser(world);
    browser.sign_in(key);
    world.users.break_store(true);
    for (const auto& entry : all()) {
        auto body = entry.path.ends_with("enrolment") ? R"({"token":"x"})"
                    : entry.path.ends_with("session/totp") || entry.path.ends_with("session/recovery-code")
                        ? R"({"user":"alice","password":"p","code":"1"})"
                    : entry.path.ends_with("/pin") ? R"({"pin":"a long pin"})"
                                                   : "";
        const auto reply = browser.send(entry.method, entry.path, body);
        EXPECT_EQ(reply.status, 503) << entry.name;
        EXPECT_EQ(reply.code(), "unavailable") << entry.name;
    }
}

} // namespace routes_test
} // namespace stepgate::tests
