#include "proxy/app/command_audit.h"
#include "proxy/app/command_catalog.h"
#include "proxy/app/command_check.h"
#include "proxy/app/command_explain.h"
#include "proxy/app/command_init.h"
#include "proxy/app/command_notify.h"
#include "proxy/app/command_serve.h"
#include "proxy/app/command_token.h"
#include "proxy/app/command_user.h"
#include "proxy/app/configuration.h"
#include "proxy/audit/text.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <csignal>
#include <exception>
#include <functional>
#include <iostream>
#include <memory>
#include <string>

namespace
{

using namespace stepgate::proxy::app;

// The command that was chosen; CLI11 calls back while it parses, and we run afterwards.
using Command = std::function<int()>;

// Options must outlive parsing: each command's live in a shared_ptr that its callback holds.
void add_config(CLI::App& command, std::filesystem::path& config)
{
    command.add_option("-c,--config", config, "Configuration file")->default_val("stepgate.toml")->type_name("FILE");
}

void add_serve(CLI::App& app, Command& chosen)
{
    auto* command =
        app.add_subcommand("serve", "Run the proxy and the web server (SIGTERM drains and again ends, SIGHUP reloads)");
    auto config = std::make_shared<std::filesystem::path>();
    add_config(*command, *config);
    command->callback([&chosen, config] { chosen = [config] { return run_serve(*config, std::cout, std::cerr); }; });
}

void add_init(CLI::App& app, Command& chosen)
{
    auto* command = app.add_subcommand("init", "Ask a server what it is and write a starter configuration for it");
    auto o = std::make_shared<InitOptions>();
    command
        ->add_option("--upstream", o->upstream,
                     "The server, as postgresql://user@host:port/database or mysql://user@host:port/database; the "
                     "account's password is taken from PGPASSWORD or MYSQL_PWD")
        ->required();
    command->add_option("--directory", o->directory, "Where to write")->capture_default_str();
    command->add_option("--listen", o->listen, "Address for database clients")->capture_default_str();
    command->add_option("--web", o->web_listen, "Address of the web server")->capture_default_str();
    command->add_option("--public-url", o->public_url, "How browsers reach the web server (https)");
    command->add_option("--user", o->user, "Name of the first user (default: yours)");
    command->callback([&chosen, o] { chosen = [o] { return run_init(*o, std::cout, std::cerr); }; });
}

void add_check(CLI::App& app, Command& chosen)
{
    auto* command = app.add_subcommand("check", "Check configuration and policies; every error with its place");
    auto o = std::make_shared<CheckOptions>();
    add_config(*command, o->config);
    command->callback([&chosen, o] { chosen = [o] { return run_check(*o, std::cout, std::cerr); }; });
}

void add_explain(CLI::App& app, Command& chosen)
{
    auto* command = app.add_subcommand(
        "explain", "Print what stepgate sees in a statement and what the policy says to it, as JSON lines");
    auto o = std::make_shared<ExplainOptions>();
    command->add_option("-c,--config", o->config, "Configuration file; without it, facts only")->type_name("FILE");
    command->add_option("--listener", o->listener, "Listener whose rules apply (default: the first)");
    command->add_option("--user", o->user, "User who asks");
    command->add_option("--database", o->database, "Database");
    command->add_option("--dialect", o->dialect, "postgres, mysql or mariadb");
    command->add_option("--catalog", o->catalog, "Snapshot of the database's catalogs, from `stepgate catalog dump`")
        ->type_name("FILE");
    command->add_option("--server-version", o->server_version,
                        "Of MySQL or MariaDB, as it greets: 8.0.36, 10.11.6-MariaDB");
    command->add_option("statement", o->statement, "One statement; without it, JSON lines on standard input");
    command->callback([&chosen, o] { chosen = [o] { return run_explain(*o, std::cin, std::cout, std::cerr); }; });
}

void add_catalog(CLI::App& app, Command& chosen)
{
    auto* catalog = app.add_subcommand("catalog", "What stepgate knows about the objects of a database");
    catalog->require_subcommand(1);
    auto* dump = catalog->add_subcommand("dump", "Read the catalogs of a server and print them as JSON");
    auto o = std::make_shared<CatalogDumpOptions>();
    add_config(*dump, o->config);
    dump->add_option("--listener", o->listener, "Listener whose server is read (default: the first)");
    dump->add_option("--database", o->database, "Database (default: the listener's)");
    dump->callback([&chosen, o] { chosen = [o] { return run_catalog_dump(*o, std::cout, std::cerr); }; });
}

void add_notify(CLI::App& app, Command& chosen)
{
    auto* notify = app.add_subcommand("notify", "Messages to people and programs outside ([[notifications]])");
    notify->require_subcommand(1);
    auto* test = notify->add_subcommand("test", "Send a test message and print what the receiver answers");
    auto o = std::make_shared<NotifyTestOptions>();
    add_config(*test, o->config);
    test->add_option("name", o->name, "Name of the notifications")->required();
    test->add_option("--group", o->group, "For mail to approvers: the group whose members get it");
    test->callback([&chosen, o] { chosen = [o] { return run_notify_test(*o, std::cout, std::cerr); }; });
}

void add_user(CLI::App& app, Command& chosen)
{
    auto* command = app.add_subcommand("user", "Users of the proxy and the web pages");
    command->require_subcommand(1);

    auto* add = command->add_subcommand("add", "Add a user");
    auto o = std::make_shared<UserAddOptions>();
    add_config(*add, o->config);
    add->add_option("name", o->name, "User name, as database clients give it")->required();
    // Of repeatable options each takes one word: a name behind it is the name.
    add->add_option("--group", o->groups, "Group for the policy's user conditions (repeatable)")
        ->allow_extra_args(false);
    add->add_flag("--auditor", o->auditor, "May read the audit of everyone");
    add->add_flag("--admin", o->admin, "May administer");
    auto* generate = add->add_flag("--generate-password", o->generate_password, "Make a password and print it");
    add->add_option("--password-file", o->password_file, "First line of this file is the password")->excludes(generate);
    add->add_option("--email", o->email, "Where codes for challenges are mailed to, where [mail] is configured");
    add->callback([&chosen, o] { chosen = [o] { return run_user_add(*o, std::cout, std::cerr); }; });

    auto* set = command->add_subcommand("set", "Change a user");
    auto changes = std::make_shared<UserSetOptions>();
    add_config(*set, changes->config);
    set->add_option("name", changes->name, "User name")->required();
    set->add_option("--email", changes->email, "Where codes for challenges are mailed to; \"\": nowhere");
    auto* groups = set->add_option("--group", changes->groups, "Groups, in place of those that there are (repeatable)")
                       ->allow_extra_args(false);
    set->add_flag_callback(
           "--no-groups", [changes] { changes->groups.emplace(); }, "Out of all groups")
        ->excludes(groups);
    const auto role = [set](const char* yes, const char* no, std::optional<bool>& given, const char* may) {
        auto* one = set->add_flag_callback(
            yes, [&given] { given = true; }, may);
        set->add_flag_callback(
               no, [&given] { given = false; }, "No longer")
            ->excludes(one);
    };
    role("--auditor", "--no-auditor", changes->auditor, "May read the audit of everyone");
    role("--admin", "--no-admin", changes->admin, "May administer");
    set->callback([&chosen, changes] { chosen = [changes] { return run_user_set(*changes, std::cout, std::cerr); }; });

    auto* list = command->add_subcommand("list", "List users and how many factors they have");
    auto list_config = std::make_shared<std::filesystem::path>();
    auto json = std::make_shared<bool>(false);
    add_config(*list, *list_config);
    list->add_flag("--json", *json, "JSON lines");
    list->callback([&chosen, list_config, json] {
        chosen = [list_config, json] { return run_user_list(*list_config, *json, std::cout, std::cerr); };
    });

    auto* disable = command->add_subcommand(
        "disable", "No new logins; web sessions end at once, database sessions within a second or two");
    auto disable_config = std::make_shared<std::filesystem::path>();
    auto name = std::make_shared<std::string>();
    auto enable = std::make_shared<bool>(false);
    add_config(*disable, *disable_config);
    disable->add_option("name", *name, "User name")->required();
    disable->add_flag("--undo", *enable, "Enable the user again");
    disable->callback([&chosen, disable_config, name, enable] {
        chosen = [=] { return run_user_disable(*disable_config, *name, *enable, std::cout, std::cerr); };
    });
}

void add_token(CLI::App& app, Command& chosen)
{
    auto* command = app.add_subcommand("token", "Tokens with which programs use the API in a user's name");
    command->require_subcommand(1);

    auto* add = command->add_subcommand("add", "Make a token and print it, once");
    auto o = std::make_shared<TokenAddOptions>();
    add_config(*add, o->config);
    add->add_option("user", o->user, "Whose token it is: it never may more than they")->required();
    add->add_option("--name", o->name, "What it is for")->required();
    add->add_option("--scope", o->scopes, "What it may do, for example challenges:read (repeatable)")
        ->required()
        ->allow_extra_args(false);
    add->add_option("--days", o->days, "How long it lasts")->capture_default_str()->check(CLI::Range(1, 365));
    add->callback([&chosen, o] { chosen = [o] { return run_token_add(*o, std::cout, std::cerr); }; });

    auto* list = command->add_subcommand("list", "List tokens, without what is secret");
    auto list_config = std::make_shared<std::filesystem::path>();
    auto user = std::make_shared<std::string>();
    auto json = std::make_shared<bool>(false);
    add_config(*list, *list_config);
    list->add_option("user", *user, "Only this user's");
    list->add_flag("--json", *json, "JSON lines");
    list->callback([&chosen, list_config, user, json] {
        chosen = [=] { return run_token_list(*list_config, *user, *json, std::cout, std::cerr); };
    });

    auto* remove = command->add_subcommand("remove", "End a token at once");
    auto remove_config = std::make_shared<std::filesystem::path>();
    auto id = std::make_shared<std::string>();
    add_config(*remove, *remove_config);
    remove->add_option("id", *id, "As `stepgate token list` shows it")->required();
    remove->callback([&chosen, remove_config, id] {
        chosen = [=] { return run_token_remove(*remove_config, *id, std::cout, std::cerr); };
    });
}

void add_enroll(CLI::App& app, Command& chosen)
{
    auto* command = app.add_subcommand("enroll", "Print a one-time link with which a user adds a first factor");
    auto config = std::make_shared<std::filesystem::path>();
    auto name = std::make_shared<std::string>();
    auto minutes = std::make_shared<int>(60);
    auto reset = std::make_shared<bool>(false);
    add_config(*command, *config);
    command->add_option("name", *name, "User name")->required();
    command->add_flag(
        "--reset", *reset,
        "Remove the user's factors, web sessions, tokens and short-lived passwords first: for somebody who lost them");
    command->add_option("--minutes", *minutes, "How long the link is good")
        ->capture_default_str()
        ->check(CLI::Range(1, 7 * 24 * 60));
    command->callback([&chosen, config, name, minutes, reset] {
        chosen = [=] {
            return run_enroll(*config, *name, std::chrono::minutes(*minutes), *reset, std::cout, std::cerr);
        };
    });
}

// The audit commands take the directory itself or the configuration that names it.
struct AuditPlace {
    std::filesystem::path config = "stepgate.toml";
    std::filesystem::path directory;
};

int with_directory(const AuditPlace& place, const std::function<int(const std::filesystem::path&)>& run)
{
    if (!place.directory.empty())
        return run(place.directory);
    const auto loaded = load_configuration(place.config);
    if (const auto* configuration = std::get_if<Configuration>(&loaded))
        return run(configuration->audit.directory);
    for (const auto& error : std::get<std::vector<stepgate::policies::rules::PolicyError>>(loaded))
        std::cerr << to_string(error) << '\n';
    return 2;
}

std::shared_ptr<AuditPlace> add_place(CLI::App& command)
{
    auto place = std::make_shared<AuditPlace>();
    auto* config = command.add_option("-c,--config", place->config, "Configuration that names the audit directory")
                       ->capture_default_str()
                       ->type_name("FILE");
    command.add_option("--directory", place->directory, "Audit directory; needs no configuration")->excludes(config);
    return place;
}

std::shared_ptr<AuditFilter> add_filter(CLI::App& command, int limit)
{
    auto f = std::make_shared<AuditFilter>();
    f->limit = limit;
    command.add_option("--user", f->user, "User");
    command.add_option("--session", f->session, "Session id");
    command.add_option("--type", f->type, "Record type, for example statement or challenge_denied");
    command.add_option("--action", f->action, "allow, notify, challenge or deny, where a listener only observes too");
    command.add_option("--label", f->label, "Label of what was touched");
    command.add_option("--rule", f->rule, "Rule id");
    command.add_option("--table", f->table, "Table, as schema.name");
    command.add_option("--text", f->text, "Words of the statement");
    command.add_option("--challenge", f->challenge, "Challenge: its id, or its short code as in ABC-234");
    command.add_option("--from", f->from, "Not before this time (2026-01-31 or 2026-01-31T12:00:00Z)");
    command.add_option("--to", f->to, "Before this time");
    command.add_option("--before", f->before, "Only records with a smaller number (paging)");
    command.add_option("--limit", f->limit, "At most so many rows")->capture_default_str();
    return f;
}

volatile std::sig_atomic_t interrupted = 0;

int tail(const AuditPlace& place, int lines, bool follow)
{
    std::signal(SIGINT, [](int) { interrupted = 1; });
    return with_directory(place, [&](const auto& directory) {
        return run_audit_tail(
            directory, lines, follow, [] { return interrupted != 0; }, std::cout, std::cerr);
    });
}

void add_audit_reading(CLI::App& audit, Command& chosen)
{
    auto* tail_command = audit.add_subcommand("tail", "Show the newest records");
    auto tail_place = add_place(*tail_command);
    auto lines = std::make_shared<int>(20);
    auto follow = std::make_shared<bool>(false);
    tail_command->add_option("-n,--lines", *lines, "How many")->capture_default_str();
    tail_command->add_flag("-f,--follow", *follow, "Go on with new records until Ctrl-C");
    tail_command->callback(
        [&chosen, tail_place, lines, follow] { chosen = [=] { return tail(*tail_place, *lines, *follow); }; });

    auto* search = audit.add_subcommand("search", "Find records, newest first");
    auto search_place = add_place(*search);
    auto filter = add_filter(*search, 50);
    auto json = std::make_shared<bool>(false);
    search->add_flag("--json", *json, "JSON lines");
    search->callback([&chosen, search_place, filter, json] {
        chosen = [=] {
            return with_directory(*search_place, [&](const auto& directory) {
                return run_audit_search(directory, *filter, *json, std::cout, std::cerr);
            });
        };
    });

    auto* output = audit.add_subcommand("export", "Write records as JSON lines or CSV");
    auto output_place = add_place(*output);
    auto output_filter = add_filter(*output, 0);
    auto format = std::make_shared<std::string>("jsonl");
    output->add_option("--format", *format, "jsonl or csv")
        ->capture_default_str()
        ->check(CLI::IsMember({"jsonl", "csv"}));
    auto bundle = std::make_shared<std::string>();
    output
        ->add_option("--bundle", *bundle,
                     "Only this challenge, as a signed file that `stepgate audit verify --bundle` checks anywhere")
        ->type_name("CHALLENGE");
    output->callback([&chosen, output_place, output_filter, format, bundle] {
        chosen = [=] {
            return with_directory(*output_place, [&](const auto& directory) {
                if (!bundle->empty())
                    return run_audit_export_bundle(directory, *bundle, std::cout, std::cerr);
                return run_audit_export(directory, *output_filter, *format, std::cout, std::cerr);
            });
        };
    });
}

void add_audit(CLI::App& app, Command& chosen)
{
    auto* audit = app.add_subcommand("audit", "Read and verify the audit");
    audit->require_subcommand(1);
    add_audit_reading(*audit, chosen);

    auto* verify = audit->add_subcommand(
        "verify", "Check chain, signatures and passkey proofs from the files alone (exit 1 on findings)");
    auto verify_place = add_place(*verify);
    auto how = std::make_shared<AuditVerify>();
    auto bundle = std::make_shared<std::filesystem::path>();
    verify
        ->add_option("--public-key", how->public_key, "Public key kept elsewhere (default: audit.pub of the directory)")
        ->type_name("FILE");
    verify->add_option("--from", how->from, "First record, if older segments were archived");
    verify->add_flag("--proofs", how->proofs, "List every proof, and whether it carries a passkey's signature");
    verify->add_option("--bundle", *bundle, "Check this file of `stepgate audit export --bundle`; needs nothing else")
        ->type_name("FILE");
    verify->callback([&chosen, verify_place, how, bundle] {
        chosen = [=] {
            if (!bundle->empty())
                return run_audit_verify_bundle(*bundle, how->public_key, std::cout, std::cerr);
            return with_directory(*verify_place, [&](const auto& directory) {
                return run_audit_verify(directory, *how, std::cout, std::cerr);
            });
        };
    });

    auto* reindex =
        audit->add_subcommand("reindex", "Build the search index again from the journal, while stepgate is stopped");
    auto reindex_place = add_place(*reindex);
    reindex->callback([&chosen, reindex_place] {
        chosen = [=] {
            return with_directory(*reindex_place, [&](const auto& directory) {
                return run_audit_reindex(directory, std::cout, std::cerr);
            });
        };
    });
}

/// CLI11 only says that a subcommand is missing, and lets --help hide the mistake. Options stand behind commands, so
/// that the first words tell. Empty: they are commands all.
std::string unknown_command(CLI::App& app, int argc, char** argv)
{
    auto* at = &app;
    std::string path = app.get_name();
    for (int i = 1; i < argc && argv[i][0] != '-'; ++i) {
        const auto commands = at->get_subcommands(nullptr);
        if (commands.empty())
            break; // the words of this command
        const std::string word = argv[i];
        const auto found = std::ranges::find(commands, word, [](const auto* command) { return command->get_name(); });
        if (found == commands.end()) {
            std::string text = path + ": \"" + stepgate::proxy::audit::one_line(word) + "\" is not a command; one of:";
            for (const auto* command : commands)
                text += " " + command->get_name();
            return text + "\nRun " + path + " --help to see what they do.";
        }
        at = *found;
        path += " " + word;
    }
    return {};
}

} // namespace

int main(int argc, char** argv)
{
    CLI::App app{"stepgate holds risky SQL statements until the user proves, in a browser, that it is really them.\n"
                 "Exit codes: 0 good, 1 findings, 2 usage or configuration.",
                 "stepgate"};
    app.set_version_flag("--version", STEPGATE_VERSION);
    app.require_subcommand(1);
    Command chosen;
    add_init(app, chosen);
    add_serve(app, chosen);
    add_check(app, chosen);
    add_explain(app, chosen);
    add_catalog(app, chosen);
    add_notify(app, chosen);
    add_user(app, chosen);
    add_token(app, chosen);
    add_enroll(app, chosen);
    add_audit(app, chosen);
    if (const auto wrong = unknown_command(app, argc, argv); !wrong.empty()) {
        std::cerr << wrong << '\n';
        return 2;
    }
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    try {
        const int code = chosen();
        if (std::cout.flush())
            return code;
        std::cerr << "stepgate: not all of this could be written to standard output\n";
        return code == 0 ? 2 : code;
    } catch (const std::exception& error) {
        std::cerr << "stepgate: " << error.what() << '\n';
        return 2;
    }
}
