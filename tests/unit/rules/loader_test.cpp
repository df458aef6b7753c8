#include "tests/unit/rules/support.h"

#include <fstream>

namespace stepgate::policies::rules
{
namespace loader_test
{

using Strings = std::vector<std::string>;

Strings errors_of(std::vector<PolicySource> sources)
{
    const auto loaded = load_policy(sources);
    Strings texts;
    if (const auto* errors = std::get_if<std::vector<PolicyError>>(&loaded))
        for (const auto& error : *errors)
            texts.push_back(to_string(error));
    return texts;
}

TEST(Loader, Errors)
{
    struct Row {
        const char* name;
        const char* text;
        Strings errors;
    };
    const Row rows[] = {
        {"syntax", "[[rule]\n", {"p.toml:1:8: "}},
        {"duplicate key", "[default]\nopaque = \"deny\"\nopaque = \"allow\"\n", {"p.toml:3:10: "}},
        {"unknown top-level key", "[[rules]]\n", {R"(p.toml:1:3: unknown key "rules"; did you mean "rule"?)"}},
        {"statement kind",
         "[[rule]]\nid = \"a\"\nwhen = {statement = [\"detele\"]}\nthen = \"deny\"\n",
         {R"(p.toml:3:22: unknown statement kind "detele"; did you mean "delete"?)"}},
        {"where",
         "[[rule]]\nid = \"a\"\nwhen = {where = \"absent\"}\nthen = \"deny\"\n",
         {R"(p.toml:3:17: unknown where "absent"; one of: none, missing, always_true, present)"}},
        {"object",
         "[[rule]]\nid = \"a\"\nwhen = {object = \"tabel\"}\nthen = \"deny\"\n",
         {R"(p.toml:3:18: unknown object "tabel"; did you mean "table"?)"}},
        {"label",
         "[[label]]\ntable = \"t\"\nlabels = [\"pii\"]\n[[rule]]\nid = \"a\"\nwhen = {reads = {labels = "
         "[\"pij\"]}}\nthen "
         "= \"deny\"\n",
         {R"(p.toml:6:28: unknown label "pij"; did you mean "pii"?)"}},
        {"action",
         "[[rule]]\nid = \"a\"\nwhen = {}\nthen = \"block\"\n",
         {R"(p.toml:4:8: unknown action "block"; one of: allow, notify, deny, challenge)"}},
        {"challenge without a level",
         "[[rule]]\nid = \"a\"\nwhen = {}\nthen = \"challenge\"\n",
         {"p.toml:4:8: a challenge needs a level; write {challenge = {level = 1}}"}},
        {"level",
         "[[rule]]\nid = \"a\"\nwhen = {}\nthen = {challenge = {level = 4}}\n",
         {"p.toml:4:30: level is 4; from 1 to 3"}},
        {"level of another type",
         "[[rule]]\nid = \"a\"\nwhen = {}\nthen = {challenge = {level = \"2\"}}\n",
         {"p.toml:4:30: level must be an integer, not a string"}},
        {"factor",
         "[[rule]]\nid = \"a\"\nwhen = {}\nthen = {challenge = {factors = [\"passkeys\"]}}\n",
         {R"(p.toml:4:33: unknown factor "passkeys"; did you mean "passkey"?)"}},
        {"elevation",
         "[[rule]]\nid = \"a\"\nwhen = {}\nthen = {challenge = {elevation = {scope = \"user\"}}}\n",
         {"p.toml:4:34: elevation does not say how long; for = \"10m\"",
          R"(p.toml:4:43: unknown scope "user"; one of: statement, session, user_address, label)"}},
        {"elevation that counts what it cannot",
         "[[rule]]\nid = \"a\"\nwhen = {}\nthen = {challenge = {elevation = {for = \"1h\", scope = \"session\", count "
         "= 3}}}\n",
         {"p.toml:4:74: only executions of one statement are counted; scope = \"statement\""}},
        {"elevation of one statement, how often?",
         "[[rule]]\nid = \"a\"\nwhen = {}\nthen = {challenge = {elevation = {for = \"1h\", scope = \"statement\"}}}\n",
         {"p.toml:4:34: elevation does not say how many executions; count = 5"}},
        {"elevation of one statement, once",
         "[[rule]]\nid = \"a\"\nwhen = {}\nthen = {challenge = {elevation = {for = \"1h\", scope = \"statement\", "
         "count = 1}}}\n",
         {"p.toml:4:76: count is 1; from 2 to 1000"}},
        {"elevation that lasts",
         "[[rule]]\nid = \"a\"\nwhen = {}\nthen = {challenge = {elevation = {for = \"2d\"}}}\n",
         {"p.toml:4:41: an elevation lasts from 1s to 24h"}},
        {"escalation",
         "[[rule]]\nid = \"a\"\nwhen = {}\nthen = {challenge = {level = 3, escalate = {group = \"approvers\"}}}\n",
         {"p.toml:4:44: escalate does not say when; after = \"10m\"",
          R"(p.toml:4:53: members of "approvers" may approve from the start)"}},
        {"escalation of nothing",
         "[[rule]]\nid = \"a\"\nwhen = {}\nthen = {challenge = {level = 2, escalate = {after = \"0\", group = \"\", to "
         "= "
         "1}}}\n",
         {R"(p.toml:4:44: this challenge asks for nobody's approval; level = 3, or approvers = {group = "dba"})",
          "p.toml:4:53: an escalation comes after 1s to 24h", "p.toml:4:66: group is empty",
          "p.toml:4:70: unknown key \"to\"; one of: after, group"}},
        {"regular expression",
         "[[rule]]\nid = \"a\"\nwhen = {sql_regex = '(x'}\nthen = \"deny\"\n",
         {"p.toml:3:21: sql_regex: missing ): (x; the syntax is RE2's"}},
        {"another one",
         "[[rule]]\nid = \"a\"\nwhen = {application_name_regex = '*'}\nthen = \"deny\"\n",
         {"p.toml:3:34: application_name_regex: "}},
        {"column expression", "[[label]]\ncolumn_regex = '['\nlabels = [\"pii\"]\n", {"p.toml:2:16: column_regex: "}},
        {"network",
         "[[rule]]\nid = \"a\"\nwhen = {client_address = {in = [\"10.0.0.0/40\"]}}\nthen = \"deny\"\n",
         {"p.toml:3:33: not a network: \"10.0.0.0/40\""}},
        {"time",
         "[[rule]]\nid = \"a\"\nwhen = {time = {between = \"8-18\", days = [\"mo\"], zone = \"CET\"}}\nthen = "
         "\"deny\"\n",
         {"p.toml:3:27: not a time of day: \"8-18\"", R"(p.toml:3:43: unknown day "mo"; did you mean "mon"?)",
          "p.toml:3:57: unknown time zone \"CET\""}},
        {"empty list",
         "[[rule]]\nid = \"a\"\nwhen = {statement = []}\nthen = \"deny\"\n",
         {"p.toml:3:21: statement is an empty list; name at least one, or leave it out"}},
        {"what stands above all tables, below one",
         "[[rule]]\nid = \"a\"\nwhen = {}\nthen = \"deny\"\ndisable = [\"truncate\"]\n",
         {"p.toml:5:1: unknown key \"disable\" in this table; it stands above the first [table] of the file"}},
        {"empty condition",
         "[[rule]]\nid = \"a\"\nwhen = {reads = {}}\nthen = \"deny\"\n",
         {"p.toml:3:17: reads says nothing"}},
        {"nothing but an id",
         "[[rule]]\nid = \"a\"\n",
         {"p.toml:1:1: the rule has no when", "p.toml:1:1: the rule has no then"}},
        {"no id", "[[rule]]\nwhen = {}\nthen = \"deny\"\n", {"p.toml:1:1: id is missing"}},
        {"an id with a comma",
         "[[rule]]\nid = \"a,b\"\nwhen = {}\nthen = \"deny\"\n",
         {"p.toml:2:6: a rule id is made of"}},
        {"same id twice",
         "[[rule]]\nid = \"a\"\nwhen = {}\nthen = \"deny\"\n[[rule]]\nid = \"a\"\nwhen = {}\nthen = \"deny\"\n",
         {"p.toml:6:6: rule id \"a\" is taken; the first one is at p.toml:2:6"}},
        {"label entry of nothing",
         "[[label]]\nlabels = [\"pii\"]\n",
         {"p.toml:1:1: the label entry names no table and no columns"}},
        {"label entry without labels", "[[label]]\ntable = \"t\"\n", {"p.toml:1:1: the label entry gives no labels"}},
        {"columns without a table",
         "[[label]]\ncolumns = {a = [\"pii\"]}\n",
         {"p.toml:1:1: the label entry names no table", "p.toml:2:11: columns without a table"}},
        {"table name",
         "[[label]]\ntable = \"a.b.c.d\"\nlabels = [\"pii\"]\n",
         {"p.toml:2:9: not a table name: \"a.b.c.d\""}},
        {"label name", "[[label]]\ntable = \"t\"\nlabels = [\"PII,x\"]\n", {"p.toml:3:11: a label is made of"}},
        {"disable", "disable = [\"x\"]\n", {"p.toml:1:12: disable names no rule: \"x\""}},
        {"wrong types everywhere",
         "label = 1\nrule = {}\ndefault = \"deny\"\n",
         {"p.toml:1:9: label must be an array of tables", "p.toml:2:8: rule must be an array of tables",
          "p.toml:3:11: default must be a table, not a string"}},
        {"startup key with statements",
         "[[rule]]\nid = \"a\"\nwhen = {startup_key = [\"role\"], statement = [\"drop\"]}\nthen = \"allow\"\n",
         {"p.toml:3:45: a rule about startup_key cannot look at statements; make another rule with statement"}},
        {"startup key that nobody may allow",
         "[[rule]]\nid = \"a\"\nwhen = {startup_key = [\"client_encoding\"]}\nthen = \"allow\"\n",
         {"p.toml:3:24: client_encoding other than UTF8 cannot be allowed"}},
        {"startup key with a challenge",
         "[[rule]]\nid = \"a\"\nwhen = {startup_key = \"role\"}\nthen = {challenge = {level = 1}}\n",
         {"p.toml:4:8: a connection cannot wait for a proof; then is allow, notify or deny"}},
        {"message",
         "[[rule]]\nid = \"a\"\nwhen = {message = [\"function_cal\"]}\nthen = \"allow\"\n",
         {R"(p.toml:3:20: unknown message "function_cal"; did you mean "function_call"?)"}},
        {"message with a text",
         "[[rule]]\nid = \"a\"\nwhen = {message = \"function_call\", sql_regex = 'x'}\nthen = \"deny\"\n",
         {"p.toml:3:48: a function call has no text"}},
        {"key in then",
         "[[rule]]\nid = \"a\"\nwhen = {}\nthen = {chalenge = {}}\n",
         {"p.toml:4:8: then names no action", R"(p.toml:4:9: unknown key "chalenge"; did you mean "challenge"?)"}},
    };
    for (const auto& row : rows) {
        SCOPED_TRACE(row.name);
        const auto errors = errors_of({{"p.toml", row.text}});
        ASSERT_EQ(errors.size(), row.errors.size()) << testing::PrintToString(errors);
        for (std::size_t i = 0; i < errors.size(); ++i)
            EXPECT_TRUE(errors[i].starts_with(row.errors[i])) << errors[i] << "\nexpected " << row.errors[i];
    }
}

TEST(Loader, ReportsEveryErrorOfEveryFile)
{
    const auto errors = errors_of({
        {"one.toml",
         "[[rule]]\nid = \"a\"\nwhen = {statment = [\"drop\"]}\nthen = \"deny\"\n[default]\nopaque = \"deny\"\n"},
        {"two.toml", "[[rule]]\nid = \"a\"\nwhen = {}\nthen = \"nothing\"\n[default]\nopaque = \"deny\"\nextra = 1\n"},
        {"three.toml", "[["},
    });
    ASSERT_EQ(errors.size(), 6U) << testing::PrintToString(errors);
    EXPECT_EQ(errors[0], R"(one.toml:3:9: unknown key "statment"; did you mean "statement"?)");
    EXPECT_EQ(errors[1], R"(two.toml:2:6: rule id "a" is taken; the first one is at one.toml:2:6)");
    EXPECT_TRUE(errors[2].starts_with("two.toml:4:8: unknown action")) << errors[2];
    EXPECT_EQ(errors[3], "two.toml:6:10: default.opaque is set twice; the first one is at one.toml:6:10");
    EXPECT_TRUE(errors[4].starts_with("two.toml:7:1: unknown key \"extra\"")) << errors[4];
    EXPECT_TRUE(errors[5].starts_with("three.toml:1:")) << errors[5];
}

TEST(Loader, TooManyLabels)
{
    std::string text = "[[label]]\ntable = \"t\"\nlabels = [";
    for (int i = 0; i < 65; ++i)
        text += "\"l" + std::to_string(i) + "\",";
    const auto errors = errors_of({{"p.toml", text + "]\n"}});
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_EQ(errors[0], "p.toml: the policies define 65 labels; at most 64 are possible");
}

TEST(Loader, ReadsEverythingOfARule)
{
    const auto policy = policy_of(R"(
[[label]]
table = "t"
labels = ["pii"]
[[rule]]
id = "all"
when = {statement = ["delete", "do"], object = "table", where = "missing", destructive = true, cascade = true, temporary = false, opaque = false, reads = {labels = "pii", tables = ["a.*"], columns = ["b"]}, writes = {tables = ["*"]}, calls = ["f"], sql_regex = 'x', user = {in = ["u"], not_in = ["v"], in_group = ["g"], not_in_group = ["h"]}, listener = ["l"], database = ["d"], role = ["r"], client_address = {in = ["10.0.0.0/8"], not_in = ["10.1.0.0/16"]}, application_name_regex = '^a', time = {between = "22:00-06:30", days = ["mon", "sun"], zone = "-03:30"}, in_transaction = true}
then = {challenge = {level = 3, factors = ["totp", "passkey", "totp"], approvers = {group = "dba", count = 2}, escalate = {after = "10m", group = "oncall"}, elevation = {for = "10m", scope = "user_address"}}}
because = "All of it"
[default]
statement = "notify"
opaque = "deny"
)");
    ASSERT_EQ(policy->rules().size(), 1U);
    const Rule& rule = policy->rules()[0];
    EXPECT_EQ(rule.facts.kinds, (std::vector{statement::Kind::delete_rows, statement::Kind::do_block}));
    EXPECT_EQ(rule.facts.objects, Strings{"table"});
    EXPECT_EQ(rule.facts.destructive, true);
    EXPECT_EQ(rule.facts.cascade, true);
    EXPECT_EQ(rule.facts.temporary, false);
    EXPECT_EQ(rule.facts.opaque, false);
    EXPECT_EQ(rule.sql_regex, 0);
    EXPECT_EQ(rule.asker.groups_not_in, Strings{"h"});
    EXPECT_EQ(rule.asker.time->from_minute, 22 * 60);
    EXPECT_EQ(rule.asker.time->to_minute, 6 * 60 + 30);
    EXPECT_EQ(rule.asker.time->days, 0b1000001);
    EXPECT_EQ(rule.asker.time->offset_minutes, -210);
    EXPECT_EQ(rule.asker.in_transaction, true);
    EXPECT_EQ(rule.outcome.requirement,
              (Requirement{3, {"passkey", "totp"}, "dba", 2, Escalation{std::chrono::minutes{10}, "oncall"}}));
    EXPECT_EQ(rule.outcome.elevation, (ElevationOffer{std::chrono::minutes{10}, ElevationScope::user_address}));
    EXPECT_EQ(rule.because, "All of it");
    EXPECT_EQ(policy->default_statement().action, Action::notify);
    EXPECT_EQ(policy->default_opaque().action, Action::deny);
}

TEST(Loader, LevelThreeNeedsASecondPerson)
{
    const auto policy = policy_of("[[rule]]\nid = \"a\"\nwhen = {}\nthen = {challenge = {level = 3}}\n");
    EXPECT_EQ(policy->rules().at(0).outcome.requirement.approvals, 1);
}

TEST(Loader, EmptyPolicyHoldsOpaqueStatements)
{
    const auto policy = policy_of("");
    EXPECT_TRUE(policy->rules().empty());
    EXPECT_EQ(policy->default_opaque().action, Action::challenge);
    EXPECT_EQ(policy->default_opaque().requirement.level, 2);
    EXPECT_EQ(policy->default_statement().action, Action::allow);
}

TEST(Loader, DisablesRulesOfOtherFiles)
{
    const std::vector<PolicySource> sources{{"pack.toml", "[[rule]]\nid = \"a\"\nwhen = {}\nthen = \"deny\"\n"},
                                            {"site.toml", "disable = [\"a\"]\n"}};
    const auto loaded = load_policy(sources);
    EXPECT_TRUE(std::get<std::shared_ptr<const Policy>>(loaded)->rules().empty());
}

TEST(Loader, RevisionFollowsContentAndPlace)
{
    const auto revision = [](std::vector<PolicySource> sources) {
        return std::get<std::shared_ptr<const Policy>>(load_policy(sources))->revision();
    };
    const auto base = revision({{"a", "# x\n"}, {"b", "# y\n"}});
    EXPECT_EQ(base.size(), 64U);
    EXPECT_EQ(base, revision({{"c", "# x\n"}, {"d", "# y\n"}}));
    EXPECT_NE(base, revision({{"a", "# y\n"}, {"b", "# x\n"}}));
    EXPECT_NE(base, revision({{"a", "# x\n# y\n"}, {"b", ""}}));
    EXPECT_NE(base, revision({{"a", "# x\n"}}));
}

TEST(Loader, ReadsFiles)
{
    const std::vector<std::filesystem::path> files{"policies/packs/destructive.toml", "policies/packs/pii.toml"};
    const auto loaded = load_policy_files(files);
    ASSERT_TRUE(std::holds_alternative<std::shared_ptr<const Policy>>(loaded));
    for (const auto& rule : std::get<std::shared_ptr<const Policy>>(loaded)->rules())
        EXPECT_FALSE(rule.because.empty()) << rule.id;

    const std::vector<std::filesystem::path> missing{"policies/packs/nothing.toml"};
    const auto failed = load_policy_files(missing);
    ASSERT_TRUE(std::holds_alternative<std::vector<PolicyError>>(failed));
    EXPECT_EQ(to_string(std::get<std::vector<PolicyError>>(failed).at(0)),
              "policies/packs/nothing.toml: the policy file cannot be read");
}

} // namespace loader_test
} // namespace stepgate::policies::rules
