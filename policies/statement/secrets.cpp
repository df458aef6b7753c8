#include "policies/statement/secrets.h"

#include "policies/statement/ascii.h"

#include <algorithm>
#include <array>
#include <ranges>

namespace stepgate::policies::statement
{

namespace
{

using namespace std::string_view_literals;

bool mentions(std::string_view text, std::string_view word)
{
    const auto same = [](char one, char other) { return lower(one) == other; };
    return std::search(text.begin(), text.end(), word.begin(), word.end(), same) != text.end();
}

/// scheme://user:password@host
bool has_login(std::string_view text)
{
    for (auto at = text.find("://"); at != std::string_view::npos; at = text.find("://", at)) {
        at += 3;
        const auto authority = text.substr(at, text.find_first_of("/?# '\"", at) - at);
        const auto login = authority.substr(0, std::min(authority.rfind('@') + 1, authority.size()));
        if (login.find(':') != std::string_view::npos)
            return true;
    }
    return false;
}

/// Functions with a password or a key among their arguments. Plain hashes (md5, sha2) are of anything.
bool takes_secret(std::string_view function)
{
    constexpr std::array functions = {"aes_decrypt"sv,
                                      "aes_encrypt"sv,
                                      "crypt"sv,
                                      "decode"sv,
                                      "decrypt"sv,
                                      "decrypt_iv"sv,
                                      "des_decrypt"sv,
                                      "des_encrypt"sv,
                                      "encode"sv,
                                      "encrypt"sv,
                                      "encrypt_iv"sv,
                                      "hmac"sv,
                                      "old_password"sv,
                                      "password"sv,
                                      "pgp_pub_decrypt"sv,
                                      "pgp_pub_decrypt_bytea"sv,
                                      "pgp_sym_decrypt"sv,
                                      "pgp_sym_decrypt_bytea"sv,
                                      "pgp_sym_encrypt"sv,
                                      "pgp_sym_encrypt_bytea"sv,
                                      "validate_password_strength"sv};
    if (function == "pg_catalog.encode" || function == "pg_catalog.decode") // of bytes as text, on PostgreSQL
        return false;
    const auto name = function.substr(function.rfind('.') + 1);
    return std::ranges::binary_search(functions, name);
}

bool keeps_secrets(std::string_view table)
{
    constexpr std::array tables = {"mysql.global_priv"sv, "mysql.servers"sv, "mysql.slave_master_info"sv,
                                   "mysql.user"sv, "pg_catalog.pg_authid"sv};
    return std::ranges::find(tables, table) != tables.end();
}

} // namespace

bool may_hold_secret(std::string_view text)
{
    constexpr std::array words = {"pass"sv, "secret"sv, "identified"sv, "token"sv, "api_key"sv, "credential"sv};
    return std::ranges::any_of(words, [&](std::string_view word) { return mentions(text, word); }) || has_login(text);
}

bool command_may_hold_secret(std::string_view command)
{
    // More than it has to be (`mkdir -p`): who reads the audit still sees that a program ran.
    constexpr std::array options = {" -u"sv, " --user"sv, " -p"sv, "authorization"sv, "bearer"sv, "_key"sv, "apikey"sv};
    return may_hold_secret(command) ||
           std::ranges::any_of(options, [&](std::string_view option) { return mentions(command, option); });
}

bool names_secret(std::string_view setting)
{
    // How passwords have to be, not one: old_passwords, validate_password.length, password_encryption
    constexpr std::array rules = {"validate_password"sv, "default_password"sv, "password_"sv, "old_passwords"sv};
    for (const auto rule : rules)
        if (setting.starts_with(rule))
            return false;
    constexpr std::array words = {"password"sv, "passwd"sv, "passphrase"sv, "pwd"sv,
                                  "secret"sv,   "token"sv,  "credential"sv, "conninfo"sv};
    constexpr std::array ends = {"_key"sv, "apikey"sv, "_auth"sv, "_pass"sv, "@pw"sv};
    return std::ranges::any_of(words, [&](std::string_view word) { return mentions(setting, word); }) ||
           std::ranges::any_of(ends, [&](std::string_view end) { return lower(setting).ends_with(end); });
}

void note_secrets(Facts& facts)
{
    for (const auto& one : facts.statements)
        facts.carries_secret = facts.carries_secret || std::ranges::any_of(one.calls, takes_secret) ||
                               ((one.kind == Kind::insert || one.kind == Kind::update) &&
                                std::ranges::any_of(one.writes, keeps_secrets, &TableAccess::table));
}

} // namespace stepgate::policies::statement
