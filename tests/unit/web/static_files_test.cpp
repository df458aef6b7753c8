#include "tests/unit/web/site_fixture.h"

namespace stepgate::tests
{
namespace static_files_test
{

TEST(StaticFiles, Table)
{
    struct Row {
        const char* path;
        int status;
        const char *type, *cache;
    };
    const Row rows[] = {
        {"/", 200, "text/html; charset=utf-8", "no-cache"},
        {"/inbox", 200, "text/html; charset=utf-8", "no-cache"},
        {"/c/KX4abc?x=1", 200, "text/html; charset=utf-8", "no-cache"},
        {"/enrol", 200, "text/html; charset=utf-8", "no-cache"},
        {"/assets/app-1.js", 200, "text/javascript", "public, max-age=31536000, immutable"},
        {"/assets/app-2.js", 404, "application/json", "no-store"},
        {"/favicon.ico", 404, "application/json", "no-store"},
        {"/assets/../index.html", 400, "application/json", "no-store"},
    };
    World world;
    Browser browser(world);
    for (const auto& row : rows) {
        const auto reply = browser.get(row.path);
        EXPECT_EQ(reply.status, row.status) << row.path;
        EXPECT_EQ(reply.response.content_type, row.type) << row.path;
        EXPECT_EQ(reply.header("Cache-Control"), row.cache) << row.path;
    }
    EXPECT_EQ(browser.get("/assets/app-1.js").header("Content-Encoding"), "gzip");
}

TEST(StaticFiles, KnownVersionIsNotSentAgain)
{
    World world;
    Request request;
    request.target = "/inbox";
    request.headers = {{"if-none-match", "\"v1\""}};
    const auto response = world.site.handle(request);
    EXPECT_EQ(response.status, 304);
    EXPECT_TRUE(response.borrowed.empty());
    request.headers = {{"if-none-match", "\"v0\""}};
    EXPECT_EQ(world.site.handle(request).status, 200);
}

TEST(StaticFiles, WithoutAWebAppThereIsStillAnApi)
{
    World world;
    auto dependencies = world.dependencies();
    dependencies.assets = {};
    server::Site site(*server::parse_public_url(origin), {}, std::move(dependencies));
    Request request;
    request.target = "/";
    EXPECT_EQ(site.handle(request).status, 404);
}

TEST(Health, PublicAndAdmin)
{
    World world;
    Request request;
    const auto status = [&](const char* path, bool admin) {
        request.target = path;
        return admin ? world.site.handle_admin(request) : world.site.handle(request);
    };
    EXPECT_EQ(status("/healthz", false).status, 200);
    EXPECT_EQ(status("/readyz", false).status, 200);
    world.diagnostics.why = "journal cannot be written";
    EXPECT_EQ(status("/readyz", false).body, "not ready\n") << "reasons are not public";
    EXPECT_EQ(status("/readyz", true).body, "not ready: journal cannot be written\n");
    world.diagnostics.works = false;
    EXPECT_EQ(status("/healthz", true).status, 503);
    EXPECT_EQ(status("/metrics", true).body, "stepgate_up 1\n");
    EXPECT_EQ(status("/metrics", false).body, "") << "only the page of the app";
    EXPECT_EQ(status("/api/v1/session", true).status, 404);
    EXPECT_EQ(status("/", true).status, 404);
}

} // namespace static_files_test
} // namespace stepgate::tests
