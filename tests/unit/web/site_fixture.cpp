#include "tests/unit/web/site_fixture.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace stepgate::tests
{

namespace
{

// Made with PostgreSQL's algorithm from "pass word", salt "0123456789abcdef", 4096 iterations.
constexpr const char* verifier = "SCRAM-SHA-256$4096:MDEyMzQ1Njc4OWFiY2RlZg==$3OPfWBonbfE0jHPyg+"
                                 "7jVfC7hdSDCVmc7AGNSfiVB+s=:uR4fxnSJbtxu9CAquVuZK2v6NiaB2TXfHXL1VHHGvko=";

} // namespace

bool FakeRecorder::record(std::string_view type, const std::string& user,
                          std::vector<std::pair<std::string, std::string>>)
{
    if (!works)
        return false;
    types.push_back(std::string{type} + " " + user);
    if (const auto others = std::exchange(meanwhile, {}))
        others();
    return true;
}

std::optional<std::vector<std::string>> FakeAudit::search(const server::AuditQuery& query)
{
    asked = query;
    if (!available)
        return std::nullopt;
    return std::vector<std::string>{R"({"sequence":2})", R"({"sequence":1})"};
}

std::optional<std::string> FakeAudit::record(std::int64_t sequence)
{
    if (!available)
        return std::nullopt;
    return sequence == 1 ? R"({"sequence":1})" : "";
}

std::vector<server::DatabaseSession> FakeDatabaseSessions::list(const std::string& user)
{
    std::vector<server::DatabaseSession> found;
    for (const auto& session : sessions)
        if (user.empty() || session.user == user)
            found.push_back(session);
    return found;
}

bool FakeDatabaseSessions::end(const std::string& id, const std::string& by)
{
    ended.push_back(id + " " + by);
    return std::erase_if(sessions, [&](const auto& session) { return session.id == id; }) > 0;
}

std::string Reply::code() const
{
    if (!body.is_object() || !body.as_object().contains("error"))
        return "";
    return json::value_to<std::string>(body.at("error").at("code"));
}

std::string Reply::header(std::string_view name) const
{
    for (const auto& [key, value] : response.headers)
        if (key == name)
            return value;
    return "";
}

Request Browser::request(Method method, const std::string& path, std::string body) const
{
    Request request;
    request.method = method;
    request.target = path.starts_with('/') ? path : "/api/v1/" + path;
    request.client_address = address_;
    request.body = std::move(body);
    request.headers.emplace_back("sec-fetch-site", "same-origin");
    if (method != Method::get)
        request.headers.emplace_back("origin", origin);
    if (!request.body.empty())
        request.headers.emplace_back("content-type", "application/json");
    if (!cookie.empty())
        request.headers.emplace_back("cookie", "__Host-stepgate=" + cookie);
    if (!csrf.empty() && method != Method::get)
        request.headers.emplace_back("x-csrf-token", csrf);
    return request;
}

Reply reply_of(Response response)
{
    Reply reply;
    reply.response = std::move(response);
    reply.status = reply.response.status;
    if (reply.response.content_type == "application/json")
        reply.body = json::parse(reply.response.body);
    return reply;
}

Reply Browser::send(Method method, const std::string& path, std::string body)
{
    auto reply = reply_of(world_.site.handle(request(method, path, std::move(body))));
    const std::string prefix = "__Host-stepgate=";
    if (const auto set = reply.header("Set-Cookie"); set.starts_with(prefix))
        cookie = set.substr(prefix.size(), set.find(';') - prefix.size());
    if (reply.body.is_object()) {
        const auto& object = reply.body.as_object();
        const auto* session = object.if_contains("session");
        const auto& holder = session != nullptr && session->is_object() ? session->as_object() : object;
        if (const auto* token = holder.if_contains("csrf_token"))
            csrf = json::value_to<std::string>(*token);
    }
    return reply;
}

Reply Browser::get(const std::string& path)
{
    return send(Method::get, path, "");
}

Reply Browser::post(const std::string& path, const json::value& body)
{
    return send(Method::post, path, body.is_null() ? "" : json::serialize(body));
}

Reply Browser::remove(const std::string& path)
{
    return send(Method::remove, path, "");
}

void Browser::sign_in(SoftAuthenticator& key, const std::string& user)
{
    const auto begun = post("session/passkey/begin", user.empty() ? json::value(nullptr) : json::value{{"user", user}});
    ASSERT_EQ(begun.status, 200);
    const auto answer = key.get(json::serialize(begun.body.at("options")));
    const auto finished =
        post("session/passkey/finish", {{"ceremony", begun.body.at("ceremony")}, {"credential", json::parse(answer)}});
    ASSERT_EQ(finished.status, 200) << finished.response.body;
}

World::World(server::ApiLimits limits)
    : held({.random = {},
            .may_approve =
                [this](const std::string& name, const std::string& group) {
                    const auto user = users.find_user(name);
                    return user && *user && std::ranges::count((*user)->groups, group) == 1;
                }}),
      passkey({"stepgate.example", origin}, users, {}), totp(users), recovery_codes(users), pin(users, {1, 8192}),
      email_code(
          users,
          [this](const std::string&, const std::string&, const std::string& text,
                 const std::function<void(bool)>& done) {
              mails.push_back(text);
              done(true);
              return true;
          },
          origin),
      push(users, {origin, factors::new_push_key().value(), {"push.example"}}, push_ports()),
      site(*server::parse_public_url(origin), limits, dependencies())
{
    held.observe([this](const challenges::Event& event) {
        push.on_challenge(event);
        site.on_challenge(event);
    });
}

factors::PushPorts World::push_ports()
{
    factors::PushPorts ports;
    ports.send = [this](const factors::PushRequest& request) -> std::optional<int> {
        pushed.push_back(request);
        return 201;
    };
    ports.run = [](const std::function<void()>& job) {
        job();
        return true;
    };
    ports.may_decide = [this](const challenges::Snapshot& challenge, const std::string& user) {
        return held.may_decide(challenge, user);
    };
    ports.remove = [](const std::string&, const std::string&) { return false; };
    ports.log = [](const std::string&) {};
    return ports;
}

server::ConnectOptions World::connect_options()
{
    server::ConnectOptions connect;
    connect.targets = {{"shop-pg", false, "db.example", 6432, "shop", true},
                       {"shop-my", true, "db.example", 6433, "", false}};
    connect.make_verifier = [](const std::string& like, const std::string& password) { return like + " " + password; };
    connect.passwords_changed = [this] { ++passwords_changed; };
    return connect;
}

server::Dependencies World::dependencies()
{
    static constexpr std::string_view page = "<!doctype html>", script = "\x1f\x8b gzip";
    const auto bytes = [](std::string_view text) {
        return std::span{reinterpret_cast<const unsigned char*>(text.data()), text.size()};
    };
    auto find = [=](std::string_view path) -> std::optional<server::Asset> {
        if (path == "/index.html")
            return server::Asset{"text/html; charset=utf-8", bytes(page), false, "\"v1\"", false};
        if (path == "/assets/app-1.js")
            return server::Asset{"text/javascript", bytes(script), true, "\"a1\"", true};
        return std::nullopt;
    };
    return {users,
            lockout,
            factor_changes,
            held,
            passkey,
            totp,
            recovery_codes,
            pin,
            email_code,
            push,
            {},
            audit,
            overviews,
            recorder,
            diagnostics,
            database_sessions,
            connect_options(),
            [this](const std::string& name) {
                accounts::User user;
                user.name = user.handle = name;
                user.scram_verifier = verifier;
                user.created = now;
                return std::optional{user};
            },
            [this] { ++passwords_changed; },
            std::move(find),
            [this] { return now; },
            [this] { return steady; }};
}

void World::pass(std::chrono::seconds time)
{
    now += time;
    steady += time;
    held.tick(now);
}

accounts::User World::add_user(const std::string& name, bool auditor, std::vector<std::string> groups)
{
    auto user = users.make_user(name);
    user.groups = std::move(groups);
    user.auditor = auditor;
    user.scram_verifier = verifier;
    EXPECT_TRUE(users.update_user(user).has_value());
    return user;
}

void World::add_passkey(const std::string& user, SoftAuthenticator& key)
{
    const auto found = users.find_user(user);
    const auto enrolment = passkey.begin_enrolment(**found, now);
    const auto added = passkey.finish_enrolment(*enrolment, key.create(enrolment->options), "key", now);
    ASSERT_TRUE(added.has_value()) << added.error().message();
}

void World::add_push(const std::string& user, const PushReader& browser)
{
    const auto begun = push.subscribe(**users.find_user(user),
                                      {"https://push.example/" + user, browser.public_key(), browser.auth()}, now);
    const auto message = json::parse(browser.read(pushed.back().body).value());
    pushed.clear();
    const auto added =
        push.finish_enrolment(*begun, json::serialize(json::object{{"token", message.at("enrol")}}), "phone", now);
    ASSERT_TRUE(added.has_value()) << added.error().message();
}

std::string World::add_totp(const std::string& user)
{
    accounts::TotpCredential credential;
    credential.id = "00112233445566" + std::to_string(10 + user.size());
    credential.user = user;
    credential.secret = "12345678901234567890";
    credential.name = "phone";
    credential.created = now;
    EXPECT_TRUE(users.add_totp(credential).has_value());
    return credential.secret;
}

std::string World::add_link(const std::string& user)
{
    const auto token = server::random_token();
    EXPECT_TRUE(users.add_enrolment(server::token_hash(*token), user, now + std::chrono::hours{1}, {}).has_value());
    return *token;
}

std::string World::code(const std::string& secret) const
{
    return factors::totp_code(secret, factors::totp_step(now));
}

challenges::Opened World::hold(const std::string& user, int level, std::chrono::seconds time)
{
    challenges::Question question;
    question.user = user;
    question.session = "s-1";
    question.listener = "shop-pg";
    question.database = "shop";
    question.role = "app";
    question.client_address = "10.0.0.5";
    question.application_name = "psql";
    question.dialect = "postgres";
    question.statements = {{"delete from customers where id = $1",
                            {{std::string{"\0\0\0\x2a", 4}, true, 23}, {std::nullopt, false, 0}},
                            {{"search_path", "a\u202Eb"}}}};
    question.verdict.action = policies::rules::Action::challenge;
    question.verdict.requirement.level = level;
    question.verdict.rules = {"delete-without-where"};
    question.verdict.because = {"Deletes rows"};
    question.verdict.labels = {"pii"};
    question.tables = {"public.customers (ssn)"};
    question.in_transaction = true;
    auto opened = held.open(std::move(question), time, now, [](challenges::State, const std::string&) {});
    EXPECT_TRUE(opened.has_value());
    return *opened;
}

} // namespace stepgate::tests
