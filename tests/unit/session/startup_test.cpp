#include "proxy/session/connection_limits.h"
#include "proxy/session/postgres_startup.h"

#include <gtest/gtest.h>

namespace stepgate::proxy::session
{
namespace startup_test
{

namespace pg = protocols::postgres;
using Parameters = std::vector<std::pair<std::string_view, std::string_view>>;

std::variant<ClientStartup, StartupRefusal> check(Parameters more, std::uint16_t minor = 0)
{
    pg::Startup startup;
    startup.version = {3, minor};
    startup.parameters = {{"user", "alice"}, {"database", "shop"}};
    startup.parameters.insert(startup.parameters.end(), more.begin(), more.end());
    return check_startup(startup);
}

TEST(Startup, WhatMayPassAndWhatMayNot)
{
    struct Row {
        std::string_view name, value;
        const char* sqlstate; // "" passes; "rule": a rule would have to allow it
    };
    const Row rows[] = {
        {"application_name", "psql", ""},
        {"client_encoding", "UTF8", ""},
        {"client_encoding", "'utf-8'", ""},
        {"client_encoding", "UNICODE", ""},
        {"client_encoding", "SQL_ASCII", ""}, // no conversion: as UTF8
        {"client_encoding", "SJIS", "22023"},
        {"client_encoding", "LATIN1", "22023"},
        {"DateStyle", "ISO", ""},
        {"TimeZone", "UTC", ""},
        {"extra_float_digits", "3", ""},
        {"IntervalStyle", "iso_8601", ""},
        {"geqo", "off", ""},
        {"statement_timeout", "5s", ""},
        {"search_path", "app, public", ""},
        {"search_path", "\"unterminated", "22023"},
        {"search_path", "a,", "22023"},
        {"replication", "false", ""},
        {"replication", "off", ""},
        {"replication", "true", "rule"},
        {"replication", "1", "rule"},
        {"replication", "yes", "rule"},
        {"replication", "database", "rule"},
        {"role", "postgres", "rule"},
        {"session_authorization", "postgres", "rule"},
        {"standard_conforming_strings", "off", "rule"},
        {"backslash_quote", "on", "rule"},
        {"session_replication_role", "replica", "rule"},
        {"row_security", "off", "rule"},
        {"who.knows", "1", "rule"},
        {"options", "-c statement_timeout=5s", ""},
        {"options", "-c geqo=off -cjit=off --lock-timeout=1s", ""},
        {"options", "-c search_path=a\\ b", "22023"}, // an escaped space joins the words, and is no identifier list
        {"options", "-c role=postgres", "rule"},
        {"options", "-crole=postgres", "rule"},
        {"options", "--role=postgres", "rule"},
        {"options", "-c ROLE=postgres", "rule"},
        {"options", "-c standard-conforming-strings=off", "rule"},
        {"options", "-c client_encoding=SJIS", "22023"},
        {"options", "-c geqo", "42601"},
        {"options", "-O", "42501"},
        {"options", "-c", "42601"},
    };
    for (const auto& row : rows) {
        const auto checked = check({{row.name, row.value}});
        const auto* refusal = std::get_if<StartupRefusal>(&checked);
        std::string got = refusal == nullptr ? "" : refusal->sqlstate;
        if (const auto* startup = std::get_if<ClientStartup>(&checked);
            startup != nullptr && !startup->needs_rule.empty())
            got = "rule";
        EXPECT_EQ(got, row.sqlstate) << row.name << "=" << row.value;
    }
}

TEST(Startup, TheEncodingIsAlwaysStated)
{
    const auto startup = std::get<ClientStartup>(check({}));
    ASSERT_EQ(startup.parameters.size(), 1U);
    EXPECT_EQ(startup.parameters[0], (std::pair<std::string, std::string>{"client_encoding", "UTF8"}));
}

TEST(Startup, SearchPathIsReadAsTheServerReadsIt)
{
    const auto startup = std::get<ClientStartup>(check({{"search_path", "App , \"Mixed \"\"x\"\"\",public"}}));
    EXPECT_EQ(startup.state.search_path, (std::vector<std::string>{"app", "Mixed \"x\"", "public"}));
    const auto by_option = std::get<ClientStartup>(check({{"options", "-c search_path=audit"}}));
    EXPECT_EQ(by_option.state.search_path, std::vector<std::string>{"audit"});
}

TEST(Startup, WhatNeedsARuleIsNamedOnceAndReachesTheServer)
{
    const auto startup = std::get<ClientStartup>(
        check({{"Replication", "database"}, {"role", "auditor"}, {"options", "-c ROLE=owner -c row-security=off"}}));
    EXPECT_EQ(startup.needs_rule, (std::vector<std::string>{"replication", "role", "row_security"}));
    EXPECT_TRUE(startup.replication);
    EXPECT_EQ(startup.state.role, "owner"); // the later one counts
    const std::vector<std::pair<std::string, std::string>> sent{{"replication", "database"},
                                                                {"role", "auditor"},
                                                                {"role", "owner"},
                                                                {"row_security", "off"},
                                                                {"client_encoding", "UTF8"}};
    EXPECT_EQ(startup.parameters, sent);
}

TEST(Startup, DatabaseDefaultsToTheUser)
{
    pg::Startup startup;
    startup.parameters = {{"user", "alice"}};
    EXPECT_EQ(std::get<ClientStartup>(check_startup(startup)).database, "alice");
}

TEST(Startup, Versions)
{
    struct Row {
        std::uint16_t asked, got;
        bool negotiate;
    };
    for (const auto& row : {Row{0, 0, false}, Row{1, 0, true}, Row{2, 2, false}, Row{9, 2, true}}) {
        const auto startup = std::get<ClientStartup>(check({}, row.asked));
        EXPECT_EQ(startup.version.minor, row.got) << row.asked;
        EXPECT_EQ(startup.negotiate, row.negotiate) << row.asked;
    }
    const auto options = std::get<ClientStartup>(check({{"_pq_.new", "1"}}));
    EXPECT_TRUE(options.negotiate);
    EXPECT_EQ(options.unknown_options, std::vector<std::string>{"_pq_.new"});
}

TEST(Limits, CountAllAddressesAndUsers)
{
    using Entry = ConnectionLimits::Entry;
    ConnectionLimits limits{{.all = 3, .per_address = 2, .per_user = 1, .told = 2}};
    EXPECT_EQ(limits.enter("10.0.0.1"), Entry::in);
    EXPECT_EQ(limits.enter("10.0.0.1"), Entry::in);
    EXPECT_EQ(limits.enter("10.0.0.1"), Entry::told); // the address has its two
    EXPECT_EQ(limits.enter("10.0.0.2"), Entry::in);
    EXPECT_EQ(limits.enter("10.0.0.3"), Entry::told); // three in all
    EXPECT_EQ(limits.enter("10.0.0.1"), Entry::dropped);
    EXPECT_EQ(limits.all(), 3U);
    limits.leave(Entry::dropped, "10.0.0.1");
    limits.leave(Entry::told, "10.0.0.1");
    EXPECT_EQ(limits.enter("10.0.0.1"), Entry::told);
    limits.leave(Entry::in, "10.0.0.1");
    EXPECT_EQ(limits.enter("10.0.0.3"), Entry::in);
    EXPECT_TRUE(limits.enter_user("alice"));
    EXPECT_FALSE(limits.enter_user("alice"));
    EXPECT_TRUE(limits.enter_user("bob"));
    limits.leave_user("alice");
    EXPECT_TRUE(limits.enter_user("alice"));
}

TEST(Limits, AnAddressOfIPv6IsItsNetwork)
{
    using Entry = ConnectionLimits::Entry;
    ConnectionLimits limits{{.all = 10, .per_address = 2, .per_user = 1}};
    EXPECT_EQ(limits.enter("2001:db8::1"), Entry::in);
    EXPECT_EQ(limits.enter("2001:db8::2"), Entry::in);
    EXPECT_EQ(limits.enter("2001:db8::dead:beef"), Entry::told);
    EXPECT_EQ(limits.enter("2001:db8:0:1::1"), Entry::in);
    limits.leave(Entry::in, "2001:db8::2");
    EXPECT_EQ(limits.enter("2001:db8::dead:beef"), Entry::in);
}

} // namespace startup_test
} // namespace stepgate::proxy::session
