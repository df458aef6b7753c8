#include "proxy/app/command_init.h"

#include "challenge-web/server/connect_line.h"
#include "challenge-web/server/public_url.h"
#include "challenge-web/server/readable.h"
#include "proxy/app/command_store.h"
#include "proxy/app/files.h"
#include "proxy/app/listener_reader.h"
#include "proxy/app/new_user.h"
#include "proxy/app/packs.h"
#include "proxy/app/self_signed.h"
#include "proxy/store/sqlite_store.h"
#include "proxy/upstream/server_probe.h"

#include <cstdlib>
#include <ostream>
#include <utility>
#include <vector>

namespace stepgate::proxy::app
{
namespace
{

using upstream::ServerDescription;

struct Plan {
    InitOptions options;
    ServerDescription server;
    std::string web_host; // of the public URL
};

std::string port_of(const std::string& endpoint)
{
    return endpoint.substr(endpoint.rfind(':') + 1);
}
/// Without the brackets of an IPv6 address, which clients do not take.
std::string host_of(const std::string& endpoint)
{
    const auto host = endpoint.substr(0, endpoint.rfind(':'));
    return host.starts_with('[') && host.ends_with(']') ? host.substr(1, host.size() - 2) : host;
}

// A TOML basic string: what came from a connection string may hold anything.
std::string quoted(const std::string& text)
{
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\')
            out += '\\';
        out += c;
    }
    return out + "\"";
}

std::string product(const ServerDescription& server)
{
    return (server.mysql ? "" : "PostgreSQL ") + server.version;
}

std::string configuration_text(const Plan& plan)
{
    const auto& o = plan.options;
    const auto& server = plan.server;
    const std::string protocol = server.mysql ? "mysql" : "postgres";
    std::string text = "# stepgate in front of " + product(server) +
                       ". Every key is described in compose/stepgate.sample.toml.\n"
                       "store = \"sqlite:stepgate.db\"\n"
                       "policies = [\"packs/destructive.toml\", \"packs/pii.toml\", \"site.toml\"]\n"
                       "hold = {timeout = \"5m\", in_transaction = \"60s\"}\n\n"
                       "[audit]\ndirectory = \"audit\"\n\n"
                       "[web]\n";
    text += "listen = " + quoted(o.web_listen) + "\n";
    text += "public_url = " + quoted(o.public_url) + "\n";
    text += "tls = {cert = \"tls/server.crt\", key = \"tls/server.key\"}\n\n";
    text += "[[listener]]\nname = \"" + protocol + "\"\nprotocol = \"" + protocol + "\"\n";
    text += "listen = " + quoted(o.listen) + "\n";
    text += "mode = \"enforce\"   # \"observe\": verdicts are audited, nothing is held\n";
    text += "auth = \"proxy\"\n";
    text += "tls = {cert = \"tls/server.crt\", key = \"tls/server.key\", mode = \"prefer\"}\n\n";
    text += "[listener.upstream]\n";
    text += "host = " + quoted(server.host) + "\nport = " + std::to_string(server.port) + "\n";
    text += server.tls ? "tls = {mode = \"require\"}   # better: mode = \"verify-full\", ca = \"the server's CA\"\n"
                       : "tls = {mode = \"disable\"}   # the server offered no TLS\n";
    text += "user = " + quoted(server.user) + "\n";
    if (!server.password.empty())
        text += "password = {file = \"upstream.password\"}\n";
    return text;
}

constexpr std::string_view site_policy =
    R"(# What is particular to this site: labels for its tables and columns, and rules of its own.
# [[label]]
# table = "shop.public.customers"
# columns = {ssn = ["pii", "secret"], email = ["pii"]}
#
# [[rule]]
# id = "night-shift"
# when = {statement = ["update", "delete"], time = {between = "22:00-06:00"}}
# then = {challenge = {level = 2}}
# because = "Nobody should change data at night without a second look"
)";

std::string write_all(const Plan& plan)
{
    const auto& directory = plan.options.directory;
    if (auto error = write_file(directory / "stepgate.toml", configuration_text(plan), FileMode::readable);
        !error.empty())
        return error;
    for (const auto& pack : packs()) {
        if (auto error = write_file(directory / "packs" / pack.name, pack.text, FileMode::readable); !error.empty())
            return error;
    }
    if (auto error = write_file(directory / "site.toml", site_policy, FileMode::readable); !error.empty())
        return error;
    if (!plan.server.password.empty()) {
        if (auto error = write_file(directory / "upstream.password", plan.server.password + "\n", FileMode::secret);
            !error.empty())
            return error;
    }
    return write_self_signed(directory / "tls", {plan.web_host, "localhost", "127.0.0.1", "::1"});
}

// Adds the first user, who may also review the audit. Answers with the password, or nothing after printing why not.
std::optional<std::string> add_first_user(const Plan& plan, std::ostream& err)
{
    const auto password = random_token(18);
    auto user = password ? make_user(plan.options.user, *password) : std::nullopt;
    auto store = store::SqliteStore::open(plan.options.directory / "stepgate.db");
    if (!user || !store) {
        err << "stepgate: " << (user ? store.error().message : "no randomness") << '\n';
        return std::nullopt;
    }
    user->auditor = user->admin = true;
    if (const auto added = (*store)->add_user(*user, by_command_line()); added.has_error()) {
        err << "stepgate: cannot add user " << user->name << ": " << added.error().message() << '\n';
        return std::nullopt;
    }
    return password;
}

void print_next(const Plan& plan, const std::string& password, std::ostream& out)
{
    const auto& o = plan.options;
    const auto config = (o.directory / "stepgate.toml").string();
    out << "wrote " << config << ", packs, site.toml, certificates in " << (o.directory / "tls").string()
        << " and the store\n"
        << "first user: " << o.user << "   password: " << password << "   (shown only now)\n\n"
        << "Next:\n"
        << "  1. stepgate serve --config " << config << '\n'
        << "  2. stepgate enroll --config " << config << ' ' << o.user << "   # open the link, add a passkey\n"
        << "  3. ";
    const auto host = host_of(o.listen);
    const challenge_web::server::Door door{host == "0.0.0.0" || host == "::" ? "localhost" : host, port_of(o.listen),
                                           true};
    out << (plan.server.mysql ? challenge_web::server::mysql_line(door, o.user, plan.server.database)
                              : challenge_web::server::psql_line(door, o.user, plan.server.database))
        << '\n';
}

// Fills what the user left open. Answers "" or what is wrong.
std::string complete(InitOptions& options, std::string& web_host)
{
    constexpr std::string_view also = "mariadb://";
    if (options.upstream.starts_with(also))
        options.upstream.replace(0, also.size(), "mysql://");
    // libpq would take any other text for the name of a database on a local socket.
    const auto& server = options.upstream;
    const bool mysql = server.starts_with("mysql://");
    const bool key_values = server.find('=') != std::string::npos && server.find("://") == std::string::npos;
    if (!mysql && !server.starts_with("postgresql://") && !server.starts_with("postgres://") && !key_values)
        return "--upstream must be like postgresql://user@host:port/database or mysql://user@host:port/database, not " +
               server;
    for (const auto& [option, text] :
         {std::pair{"--listen", &options.listen}, std::pair{"--web", &options.web_listen}}) {
        Endpoint ignored;
        if (const auto wrong = parse_endpoint(*text, ignored); !wrong.empty())
            return std::string{option} + " " + *text + " " + wrong + "; write 127.0.0.1:6432 or [::1]:6432";
    }
    if (options.user.empty()) {
        const char* name = std::getenv("USER");
        options.user = name == nullptr || *name == '\0' ? "admin" : name;
    }
    if (!challenge_web::server::is_name(options.user))
        return "--user takes 1 to 63 characters that can be seen, without spaces, quotes and backslashes";
    if (options.public_url.empty())
        options.public_url = "https://localhost:" + port_of(options.web_listen);
    const auto url = challenge_web::server::parse_public_url(options.public_url);
    if (!url)
        return "--public-url must be an https address without a path, not " + options.public_url;
    web_host = url->host;
    // All of them first: what is half written stands in the way of the next try.
    for (const char* name : {"stepgate.toml", "site.toml", "packs", "tls", "upstream.password", "stepgate.db"})
        if (std::filesystem::exists(options.directory / name))
            return (options.directory / name).string() + " exists already; give another --directory";
    return {};
}

} // namespace

int run_init(const InitOptions& options, std::ostream& out, std::ostream& err)
{
    Plan plan;
    plan.options = options;
    if (const auto error = complete(plan.options, plan.web_host); !error.empty()) {
        err << "stepgate: " << error << '\n';
        return 2;
    }
    const auto& server = plan.options.upstream;
    const bool mysql = server.starts_with("mysql://");
    auto probed = mysql ? upstream::probe_mysql(server) : upstream::probe_postgres(server);
    if (const auto* error = std::get_if<std::string>(&probed)) {
        err << "stepgate: cannot ask the server: " << *error << '\n';
        if (std::getenv(mysql ? "MYSQL_PWD" : "PGPASSWORD") == nullptr)
            err << "If the account has a password: it is taken from " << (mysql ? "MYSQL_PWD" : "PGPASSWORD")
                << ", which is not set.\n";
        return 2;
    }
    plan.server = std::get<ServerDescription>(probed);
    if (!plan.server.host.empty() && plan.server.host.front() == '/') {
        err << "stepgate: the server was reached through the Unix socket " << plan.server.host
            << "; stepgate needs a TCP host in --upstream\n";
        return 2;
    }
    out << product(plan.server) << " at " << plan.server.host << ':' << plan.server.port << ", "
        << (plan.server.tls ? "with TLS" : "without TLS") << ", account " << plan.server.user
        << (plan.server.superuser ? " (a superuser: a lesser account is safer)" : "") << '\n';

    if (const auto error = write_all(plan); !error.empty()) {
        err << "stepgate: " << error << '\n';
        return 2;
    }
    const auto password = add_first_user(plan, err);
    if (!password)
        return 2;
    print_next(plan, *password, out);
    return 0;
}

} // namespace stepgate::proxy::app
