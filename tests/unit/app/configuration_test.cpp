#include "proxy/app/configuration.h"
#include "proxy/app/notification_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <unistd.h>

// Runs tests/cases/config: valid/*.toml load, invalid/*.toml give the lines of the .errors file beside them.

namespace stepgate::proxy::app
{
namespace configuration_test
{

using policies::rules::PolicyError;

std::vector<std::filesystem::path> cases(const std::string& folder)
{
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator{"tests/cases/config/" + folder})
        if (entry.path().extension() == ".toml")
            files.push_back(entry.path());
    std::ranges::sort(files);
    return files;
}

std::string name_of(const testing::TestParamInfo<std::filesystem::path>& info)
{
    return info.param.stem().string();
}

/// Errors of the file itself as "line:column: …"; of others with their path. The folder is left out everywhere.
std::string printed(const std::vector<PolicyError>& errors, const std::filesystem::path& file)
{
    std::string text;
    for (const auto& error : errors) {
        std::string line = to_string(error);
        for (const auto& [from, to] :
             {std::pair{file.string() + ":", std::string{}}, std::pair{file.string(), file.filename().string()},
              std::pair{std::string{"tests/cases/config/files/"}, std::string{"files/"}}})
            for (auto at = line.find(from); at != std::string::npos; at = line.find(from, at + to.size()))
                line.replace(at, from.size(), to);
        text += line + '\n';
    }
    return text;
}

class InvalidConfiguration : public testing::TestWithParam<std::filesystem::path>
{
};

TEST_P(InvalidConfiguration, TellsEveryError)
{
    const auto loaded = load_configuration(GetParam());
    const auto* errors = std::get_if<std::vector<PolicyError>>(&loaded);
    ASSERT_NE(errors, nullptr) << "it was accepted";
    std::filesystem::path expected = GetParam();
    expected.replace_extension(".errors");
    std::ifstream in{expected};
    EXPECT_EQ(printed(*errors, GetParam()), std::string(std::istreambuf_iterator<char>{in}, {})) << expected;
}

class ValidConfiguration : public testing::TestWithParam<std::filesystem::path>
{
};

TEST_P(ValidConfiguration, Loads)
{
    const auto loaded = load_configuration(GetParam());
    const auto* errors = std::get_if<std::vector<PolicyError>>(&loaded);
    EXPECT_EQ(errors, nullptr) << printed(*errors, GetParam());
}

INSTANTIATE_TEST_SUITE_P(Files, InvalidConfiguration, testing::ValuesIn(cases("invalid")), name_of);
INSTANTIATE_TEST_SUITE_P(Files, ValidConfiguration, testing::ValuesIn(cases("valid")), name_of);

Configuration load(const std::string& file)
{
    auto loaded = load_configuration(file);
    if (const auto* errors = std::get_if<std::vector<PolicyError>>(&loaded)) {
        ADD_FAILURE() << printed(*errors, file);
        return {};
    }
    return std::get<Configuration>(std::move(loaded));
}

TEST(Configuration, EveryValueArrives)
{
    using namespace std::chrono_literals;
    const auto c = load("tests/cases/config/valid/full.toml");
    EXPECT_EQ(c.store, "tests/cases/config/files/stepgate.db");
    EXPECT_EQ(c.threads, 2U);
    EXPECT_EQ(c.hold.timeout, 10min);
    EXPECT_EQ(c.hold.in_transaction, 30s);
    EXPECT_EQ(c.hold.silent, 5s);
    ASSERT_TRUE(c.web);
    EXPECT_EQ(c.web->listen, (Endpoint{"::1", 8443}));
    EXPECT_EQ(c.web->public_url, "https://stepgate.example");
    EXPECT_EQ(c.web->certificate, "tests/cases/config/files/tls/web.crt");
    EXPECT_EQ(c.web->step_up, 2min);
    ASSERT_TRUE(c.mail);
    EXPECT_EQ(c.mail->server, "smtp.example.com");
    EXPECT_EQ(c.mail->port, 465);
    EXPECT_EQ(c.mail->tls, outbound::MailTls::smtps);
    EXPECT_EQ(c.mail->ca, "tests/cases/config/files/tls/ca.crt");
    EXPECT_EQ(c.mail->from, "stepgate@example.com");
    EXPECT_EQ(c.mail->user, "stepgate");
    EXPECT_TRUE(c.mail->password);
    ASSERT_EQ(c.identity_providers.size(), 1U);
    const auto& corp = c.identity_providers[0];
    EXPECT_EQ(corp.settings.name, "corp");
    EXPECT_EQ(corp.settings.issuer, "https://login.example.com/realm");
    EXPECT_EQ(corp.settings.client_id, "stepgate");
    EXPECT_TRUE(corp.secret);
    EXPECT_EQ(corp.ca, "tests/cases/config/files/tls/ca.crt");
    EXPECT_EQ(corp.settings.claim, "email");
    EXPECT_EQ(corp.settings.scopes, (std::vector<std::string>{"openid", "email"}));
    EXPECT_EQ(corp.settings.acr_values, (std::vector<std::string>{"phr", "pwd"}));
    EXPECT_EQ(corp.settings.phishing_resistant, std::vector<std::string>{"phr"});
    EXPECT_TRUE(corp.settings.sign_in);
    const auto targets = std::get<0>(notification_targets(c));
    ASSERT_EQ(targets.size(), 3U);
    EXPECT_EQ(targets[0].name, "ops");
    EXPECT_EQ(targets[0].kind, notify::Kind::webhook);
    EXPECT_EQ(targets[0].url, "https://hooks.example.com/stepgate?x=1");
    EXPECT_EQ(targets[0].ca_file, "tests/cases/config/files/tls/ca.crt");
    EXPECT_EQ(targets[0].keys.size(), 1U);
    EXPECT_EQ(targets[0].events.size(), notify::event_names.size());
    EXPECT_EQ(targets[0].rules, std::vector<std::string>{"delete-without-where"});
    EXPECT_EQ(targets[0].labels, std::vector<std::string>{"pii"});
    EXPECT_EQ(targets[0].level, 2);
    EXPECT_EQ(targets[0].retry.give_up, 30min);
    EXPECT_EQ(targets[1].to, std::vector<std::string>{"ops@example.com"});
    EXPECT_EQ(targets[1].group, "dba");
    EXPECT_TRUE(targets[1].approvers);
    EXPECT_EQ(targets[1].events, std::vector<notify::Event>{notify::Event::second_person_needed});
    EXPECT_EQ(targets[2].kind, notify::Kind::slack);
    EXPECT_EQ(targets[2].url, "https://hooks.slack.example/services/T0/B0/x");
    EXPECT_EQ(c.authenticators.aaguids.size(), 2U);
    EXPECT_EQ(c.authenticators.aaguids[1], std::string(15, '\0') + '\x01');
    EXPECT_FALSE(c.authenticators.roots.empty());
    ASSERT_TRUE(c.push);
    EXPECT_EQ(c.push->hosts, (std::vector<std::string>{"push.example", "*.push.example", "localhost:8444"}));
    EXPECT_EQ(c.push->ca, "tests/cases/config/files/tls/ca.crt");
    EXPECT_EQ(c.push->subject, "mailto:dba@example.com");
    EXPECT_EQ(c.audit.directory, "tests/cases/config/valid/journal");
    EXPECT_EQ(c.audit.segment, std::size_t{1} << 20);
    EXPECT_EQ(c.audit.checkpoint, 5s);
    EXPECT_FALSE(c.passwords.long_lived);
    EXPECT_EQ(c.passwords.lifetime, 30min);
    EXPECT_EQ(c.limits.connections, 5U);
    EXPECT_EQ(c.limits.connections_per_user, 4U);
    EXPECT_EQ(c.limits.connections_per_address, 3U);
    EXPECT_EQ(c.limits.challenges, 7U);
    EXPECT_EQ(c.limits.challenges_per_user, 6U);
    EXPECT_EQ(c.limits.message, std::size_t{1} << 20);
    EXPECT_EQ(c.limits.login, 5s);
    EXPECT_EQ(c.limits.idle, 1h);
    EXPECT_EQ(c.admin, (Endpoint{"127.0.0.1", 9643}));
    EXPECT_EQ(c.log_level, LogLevel::debug);
    ASSERT_EQ(c.listeners.size(), 3U);
    const auto& mysql = c.listeners[2];
    EXPECT_EQ(mysql.protocol, Protocol::mysql);
    EXPECT_EQ(mysql.announce, Announce::retry);
    EXPECT_EQ(mysql.upstream.port, 3306);
    EXPECT_EQ(mysql.catalog.refresh, std::chrono::seconds{60});
    EXPECT_TRUE(mysql.reads_catalog());
    const auto& shop = c.listeners[0];
    EXPECT_EQ(shop.name, "shop-pg");
    EXPECT_EQ(shop.listen, (Endpoint{"0.0.0.0", 6432}));
    EXPECT_EQ(shop.tls, ListenerTls::require);
    EXPECT_EQ(shop.client_ca, "tests/cases/config/files/tls/ca.crt");
    EXPECT_EQ(shop.upstream.port, 5433);
    EXPECT_EQ(shop.upstream.tls, UpstreamTls::verify_ca);
    EXPECT_EQ(shop.upstream.key, "tests/cases/config/files/tls/web.key");
    EXPECT_EQ(shop.upstream.user, "app");
    EXPECT_EQ(shop.upstream.password->read(), "hunter2");
    EXPECT_EQ(shop.upstream.database, "shop");
    EXPECT_EQ(c.listeners[1].mode, Mode::observe);
    EXPECT_EQ(c.listeners[1].auth, Authentication::passthrough);
    EXPECT_EQ(c.listeners[1].upstream.tls, UpstreamTls::disable);
    EXPECT_EQ(c.listeners[1].catalog.user, "reader");
    EXPECT_EQ(c.listeners[1].catalog.refresh, std::chrono::seconds{90});
    EXPECT_EQ(c.listeners[0].catalog.refresh, std::chrono::seconds{300});
    EXPECT_EQ(c.listeners[1].catalog.password->read(), "hunter2");
    ASSERT_TRUE(c.policy);
    EXPECT_GT(c.policy->rules().size(), 10U);
}

TEST(Configuration, DefaultsAreTheSafeOnes)
{
    const auto c = load("tests/cases/config/valid/minimal.toml");
    EXPECT_EQ(c.store, "tests/cases/config/valid/stepgate.db");
    EXPECT_EQ(c.audit.directory, "tests/cases/config/valid/audit");
    EXPECT_FALSE(c.web);
    EXPECT_FALSE(c.admin);
    EXPECT_EQ(c.listeners.at(0).upstream.tls, UpstreamTls::verify_full);
    EXPECT_EQ(c.listeners.at(0).upstream.port, 5432);
    EXPECT_EQ(c.limits.message, std::size_t{64} << 20);
}

/// The sample must stay loadable: its files are made here, its secret is set here.
TEST(Configuration, TheSampleIsValid)
{
    const std::filesystem::path folder = testing::TempDir() + "stepgate-sample-" + std::to_string(::getpid());
    std::filesystem::create_directories(folder / "packs");
    std::filesystem::copy("tests/cases/config/files/tls", folder / "tls");
    std::ofstream{folder / "site.toml"} << "# empty\n";
    for (const auto* pack : {"destructive.toml", "pii.toml"})
        std::filesystem::copy_file(std::filesystem::path{"policies/packs"} / pack, folder / "packs" / pack);
    std::filesystem::copy_file("compose/stepgate.sample.toml", folder / "stepgate.toml");
    ::setenv("SHOP_PG_PASSWORD", "x", 1);
    const auto c = load((folder / "stepgate.toml").string());
    ::unsetenv("SHOP_PG_PASSWORD");
    EXPECT_EQ(c.listeners.size(), 1U);
    std::filesystem::remove_all(folder);
}

TEST(Configuration, KnowsWhatAReloadDoesNotTakeOver)
{
    const auto running = load("tests/cases/config/valid/minimal.toml");
    EXPECT_TRUE(keys_for_next_start(running, running).empty());
    const auto other = load("tests/cases/config/valid/full.toml");
    EXPECT_EQ(keys_for_next_start(running, other),
              (std::vector<std::string_view>{"store", "threads", "hold", "[web]", "[mail]", "[passwords]",
                                             "[[identity_provider]]", "[factors.passkey]", "[factors.push]",
                                             "[[listener]]", "[limits]", "[audit]", "[admin]", "[log]"}));
    auto loaded = running;
    loaded.listeners.at(0).upstream.port = 5433;
    loaded.policy_files.emplace_back("site.toml"); // policies and notifications are taken over
    loaded.notifications.emplace_back();
    EXPECT_EQ(keys_for_next_start(running, loaded), (std::vector<std::string_view>{"[[listener]]"}));
}

TEST(Configuration, AFileThatIsNotThere)
{
    const auto loaded = load_configuration("tests/cases/config/none.toml");
    EXPECT_EQ(to_string(std::get<std::vector<PolicyError>>(loaded).at(0)),
              "tests/cases/config/none.toml: the configuration file cannot be read; stepgate init writes one; --config "
              "names it");
    EXPECT_TRUE(std::holds_alternative<std::vector<PolicyError>>(load_configuration("tests/cases/config")));
}

} // namespace configuration_test
} // namespace stepgate::proxy::app
