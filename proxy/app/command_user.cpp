#include "proxy/app/command_user.h"

#include "challenge-web/server/readable.h"
#include "challenge-web/server/secrets.h"
#include "proxy/app/command_store.h"
#include "proxy/app/configuration.h"
#include "proxy/app/new_user.h"
#include "proxy/outbound/mail_message.h"
#include "proxy/store/sqlite_store.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <memory>

namespace stepgate::proxy::app
{
namespace
{

namespace accounts = challenge_web::accounts;

// A line from the terminal with echo off; what was typed is never shown.
std::string ask_password(std::ostream& err, std::string_view prompt)
{
    termios before{};
    tcgetattr(STDIN_FILENO, &before);
    termios silent = before;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    err << prompt << std::flush;
    std::string line;
    std::getline(std::cin, line);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    err << '\n';
    return line;
}

std::optional<std::string> password_for(const UserAddOptions& options, std::ostream& err)
{
    if (options.generate_password)
        return random_token(18);
    if (options.password_file) {
        std::ifstream file(*options.password_file);
        std::string line;
        if (!std::getline(file, line) || line.empty()) {
            err << "stepgate: cannot read a password from " << options.password_file->string() << '\n';
            return std::nullopt;
        }
        return line;
    }
    if (isatty(STDIN_FILENO) == 0) {
        err << "stepgate: no terminal to ask for a password; use --password-file or --generate-password\n";
        return std::nullopt;
    }
    const auto first = ask_password(err, "Password for " + options.name + ": ");
    if (first.empty() || first != ask_password(err, "Again: ")) {
        err << "stepgate: the passwords are empty or differ; nothing was stored\n";
        return std::nullopt;
    }
    return first;
}

std::string joined(const std::vector<std::string>& words)
{
    std::string text;
    for (const auto& word : words)
        text += (text.empty() ? "" : ",") + word;
    return text;
}

/// Each once, as the store gives them back.
std::vector<std::string> sorted(std::vector<std::string> groups)
{
    std::ranges::sort(groups);
    const auto repeated = std::ranges::unique(groups);
    groups.erase(repeated.begin(), repeated.end());
    return groups;
}

bool usable_email(const std::string& email, std::ostream& err)
{
    if (email.empty() || outbound::valid_address(email))
        return true;
    err << "stepgate: this is no e-mail address; write it without a name: ada@example.com\n";
    return false;
}

bool usable_names(const std::vector<std::string>& names, std::ostream& err)
{
    const auto wrong = std::ranges::find_if_not(names, challenge_web::server::is_name);
    if (wrong == names.end())
        return true;
    err << "stepgate: \"" << challenge_web::server::readable(*wrong, wrong->size() + 1).text
        << "\" cannot be a name: it takes 1 to 63 characters that can be seen, without spaces, quotes and "
           "backslashes\n";
    return false;
}

int change_failed(const boost::system::error_code& error, const std::string& name, std::ostream& err)
{
    if (error != make_error_code(accounts::errc::not_found))
        return store_failed(error, err);
    err << "stepgate: there is no user " << name << "; see stepgate user list\n";
    return 1;
}

} // namespace

int run_user_add(const UserAddOptions& options, std::ostream& out, std::ostream& err)
{
    if (!usable_names({options.name}, err) || !usable_names(options.groups, err) || !usable_email(options.email, err))
        return 2;
    auto opened = open_store(options.config, Missing::make, err);
    if (!opened)
        return 2;
    const auto password = password_for(options, err);
    if (!password)
        return 2;
    auto user = make_user(options.name, *password);
    if (!user) {
        err << "stepgate: no randomness; nothing was stored\n";
        return 2;
    }
    user->groups = sorted(options.groups);
    user->auditor = options.auditor;
    user->admin = options.admin;
    user->email = options.email;
    if (const auto added = opened->store->add_user(*user, by_command_line()); added.has_error()) {
        if (added.error() != make_error_code(accounts::errc::exists))
            return store_failed(added.error(), err);
        err << "stepgate: user " << options.name << " exists already; see stepgate user list\n";
        return 1;
    }
    out << "added " << options.name << '\n';
    if (options.generate_password)
        out << "password: " << *password << '\n';
    return 0;
}

int run_user_set(const UserSetOptions& options, std::ostream& out, std::ostream& err)
{
    if (!options.email && !options.groups && !options.auditor && !options.admin) {
        err << "stepgate: nothing to set; see stepgate user set --help\n";
        return 2;
    }
    if (!usable_email(options.email.value_or(""), err) ||
        !usable_names(options.groups.value_or(std::vector<std::string>{}), err))
        return 2;
    auto opened = open_store(options.config, Missing::refuse, err);
    if (!opened)
        return 2;
    const auto set = [&](accounts::User& user) {
        user.email = options.email.value_or(user.email);
        if (options.groups)
            user.groups = sorted(*options.groups);
        user.auditor = options.auditor.value_or(user.auditor);
        user.admin = options.admin.value_or(user.admin);
    };
    if (const auto changed = opened->store->change_user(options.name, set, by_command_line()); changed.has_error())
        return change_failed(changed.error(), options.name, err);
    out << "changed " << options.name << '\n';
    return 0;
}

int run_user_list(const std::filesystem::path& config, bool json, std::ostream& out, std::ostream& err)
{
    auto opened = open_store(config, Missing::refuse, err);
    if (!opened)
        return 2;
    const auto users = opened->store->list_users();
    if (users.has_error())
        return store_failed(users.error(), err);
    for (const auto& user : *users) {
        const auto passkeys = opened->store->passkeys(user.name);
        const auto totps = opened->store->totps(user.name);
        const auto sheet = opened->store->recovery_sheet(user.name);
        const auto pin = opened->store->pin(user.name);
        const auto pushes = opened->store->pushes(user.name);
        if (passkeys.has_error() || totps.has_error() || sheet.has_error() || pin.has_error() || pushes.has_error())
            return store_failed(make_error_code(accounts::errc::store_unavailable), err);
        const auto codes = *sheet ? (*sheet)->unused.size() : 0;
        if (json) {
            boost::json::object line{
                {"name", user.name},         {"groups", boost::json::array(user.groups.begin(), user.groups.end())},
                {"auditor", user.auditor},   {"admin", user.admin},
                {"disabled", user.disabled}, {"passkeys", passkeys->size()},
                {"totps", totps->size()},    {"recovery_codes", codes},
                {"pin", pin->has_value()},   {"pushes", pushes->size()},
                {"email", user.email}};
            out << boost::json::serialize(line) << '\n';
            continue;
        }
        out << user.name << (user.disabled ? "  disabled" : "") << (user.groups.empty() ? "" : "  groups=")
            << joined(user.groups) << (user.auditor ? "  auditor" : "") << (user.admin ? "  admin" : "")
            << (user.email.empty() ? "" : "  ") << user.email << "  passkeys=" << passkeys->size()
            << "  authenticators=" << totps->size() << "  recovery-codes=" << codes << (pin->has_value() ? "  pin" : "")
            << (pushes->empty() ? "" : "  push") << '\n';
    }
    return 0;
}

int run_user_disable(const std::filesystem::path& config, const std::string& name, bool enable, std::ostream& out,
                     std::ostream& err)
{
    auto opened = open_store(config, Missing::refuse, err);
    if (!opened)
        return 2;
    const auto set = [&](accounts::User& user) { user.disabled = !enable; };
    if (const auto changed = opened->store->change_user(name, set, by_command_line()); changed.has_error())
        return change_failed(changed.error(), name, err);
    if (!enable) {
        if (const auto removed = opened->store->remove_web_sessions_of(name); removed.has_error())
            return store_failed(removed.error(), err);
        if (const auto removed = opened->store->remove_database_password(name, {}); removed.has_error())
            return store_failed(removed.error(), err);
        if (const auto removed = opened->store->remove_api_token(name, {}, by_command_line()); removed.has_error())
            return store_failed(removed.error(), err);
    }
    out << (enable ? "enabled " : "disabled ") << name << '\n';
    return 0;
}

int run_enroll(const std::filesystem::path& config, const std::string& name, std::chrono::seconds valid, bool reset,
               std::ostream& out, std::ostream& err)
{
    auto opened = open_store(config, Missing::refuse, err);
    if (!opened)
        return 2;
    if (!opened->configuration.web) {
        err << config.string() << ": there is no [web] section, so there is no page to enrol on\n";
        return 2;
    }
    const auto found = opened->store->find_user(name);
    if (found.has_error())
        return store_failed(found.error(), err);
    if (!*found || (*found)->disabled) {
        err << "stepgate: there is no enabled user " << name << "; see stepgate user list\n";
        return 1;
    }
    if (reset)
        if (const auto removed = opened->store->reset_factors(name, by_command_line()); removed.has_error())
            return store_failed(removed.error(), err);
    const auto token = random_token(32);
    if (!token)
        return store_failed(make_error_code(accounts::errc::store_unavailable), err);
    const auto expires = std::chrono::system_clock::now() + valid;
    if (const auto added =
            opened->store->add_enrolment(challenge_web::server::token_hash(*token), name, expires, by_command_line());
        added.has_error())
        return store_failed(added.error(), err);
    out << opened->configuration.web->public_url << "/enrol#" << *token << '\n';
    return 0;
}

} // namespace stepgate::proxy::app
