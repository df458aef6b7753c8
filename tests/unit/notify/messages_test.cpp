#include "proxy/notify/messages.h"
#include "proxy/notify/signature.h"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

namespace stepgate::proxy::notify
{
namespace messages_test
{

namespace json = boost::json;

Notice held()
{
    Notice notice;
    notice.event = Event::second_person_needed;
    notice.at = TimePoint{std::chrono::seconds{1'700'000'000}};
    notice.challenge = "c1";
    notice.code = "KX4-7PM";
    notice.url = "https://stepgate.example/c/c1";
    notice.user = "<!channel> & *ada*";
    notice.listener = "shop-pg";
    notice.database = "[shop](https://evil.example)";
    notice.statements = {"delete from orders where id < $1"};
    notice.rules = {"delete", "pii"};
    notice.labels = {"pii"};
    notice.level = 2;
    notice.approvals = 1;
    notice.group = "dba";
    return notice;
}

TEST(Signature, IsTheOneOfStandardWebhooks)
{
    const auto keys = parse_signing_keys("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    ASSERT_TRUE(keys);
    EXPECT_EQ(sign(*keys, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, R"({"test": 2432232314})"),
              "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

TEST(Signature, EveryKeyOfASecretThatIsBeingReplacedSigns)
{
    const auto both = parse_signing_keys("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\r\n"
                                         "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n");
    ASSERT_TRUE(both);
    ASSERT_EQ(both->size(), 2U);
    EXPECT_EQ(sign(*both, "a", 1, "b"), sign({both->front()}, "a", 1, "b") + " " + sign({both->back()}, "a", 1, "b"));
}

TEST(Signature, OtherSecretsAreNone)
{
    for (const char* bad :
         {"", "\n", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_AAAA", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
          "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS!",
          "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n\nwhsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
          " whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB="})
        EXPECT_FALSE(parse_signing_keys(bad)) << bad;
    EXPECT_FALSE(parse_signing_keys("whsec_" + std::string(92, 'A'))) << "69 bytes";
}

TEST(Messages, AWebhookSaysEverything)
{
    EXPECT_EQ(json::parse(webhook_body(held())), json::parse(R"json({
        "type": "second_person_needed", "timestamp": "2023-11-14T22:13:20.000Z",
        "data": {"challenge": "c1", "code": "KX4-7PM", "url": "https://stepgate.example/c/c1",
                 "user": "<!channel> & *ada*", "listener": "shop-pg", "database": "[shop](https://evil.example)",
                 "statements": ["delete from orders where id < $1"], "rules": ["delete", "pii"], "labels": ["pii"],
                 "level": 2, "approvals": 1, "group": "dba"}})json"));
    Notice policy;
    policy.event = Event::policy_changed;
    policy.at = held().at;
    policy.revision = "abc";
    EXPECT_EQ(webhook_body(policy),
              R"({"type":"policy_changed","timestamp":"2023-11-14T22:13:20.000Z","data":{"revision":"abc"}})");
}

TEST(Messages, NothingFromOutsideIsMarkupOfSlack)
{
    const auto message = json::parse(slack_body(held()));
    const auto& blocks = message.at("blocks").as_array();
    ASSERT_EQ(blocks.size(), 4U);
    EXPECT_EQ(message.at("text"), blocks[0].at("text").at("text"));
    EXPECT_EQ(message.at("text"), "Approval needed: &lt;!channel&gt; &amp; *ada* on [shop](https://evil.example)");
    for (const auto& field : blocks[1].at("fields").as_array()) {
        EXPECT_EQ(field.at("type"), "plain_text");
        EXPECT_EQ(field.at("emoji"), false);
    }
    EXPECT_EQ(blocks[1].at("fields").at(0).at("text"), "User: &lt;!channel&gt; &amp; *ada*");
    EXPECT_EQ(blocks[2].at("text"),
              json::parse(R"({"type": "plain_text", "text": "delete from orders where id &lt; $1", "emoji": false})"));
    EXPECT_EQ(blocks[3].at("text").at("text"), "<https://stepgate.example/c/c1|Open the challenge>");
}

TEST(Messages, WhatSlackWouldRefuseIsCutBeforeAnEntity)
{
    auto notice = held();
    notice.user = std::string(200, '<');
    std::string euros = "a";
    for (int i = 0; i < 1000; ++i)
        euros += "\xe2\x82\xac";
    notice.statements = {std::string(2799, 'a') + "&&&", euros};
    const auto message = json::parse(slack_body(notice));
    const auto& blocks = message.at("blocks").as_array();
    const auto text = [](const json::value& block) { return std::string{block.at("text").at("text").as_string()}; };
    EXPECT_LE(text(blocks[0]).size(), 150U);
    EXPECT_TRUE(text(blocks[0]).ends_with("&lt;…")) << text(blocks[0]);
    EXPECT_EQ(text(blocks[2]), std::string(2799, 'a') + "…");
    EXPECT_EQ(text(blocks[3]), euros.substr(0, 1 + 3 * 933) + "…");
}

TEST(Messages, ATeamsCardHasRunsThatKnowNoMarkup)
{
    const auto message = json::parse(teams_body(held()));
    EXPECT_EQ(message.at("type"), "message");
    const auto& attachment = message.at("attachments").at(0);
    EXPECT_EQ(attachment.at("contentType"), "application/vnd.microsoft.card.adaptive");
    EXPECT_TRUE(attachment.at("contentUrl").is_null());
    const auto& card = attachment.at("content");
    EXPECT_EQ(card.at("type"), "AdaptiveCard");
    for (const auto& block : card.at("body").as_array()) {
        EXPECT_EQ(block.at("type"), "RichTextBlock") << "a TextBlock would read links in names";
        for (const auto& run : block.at("inlines").as_array())
            EXPECT_EQ(run.at("type"), "TextRun");
    }
    EXPECT_EQ(card.at("actions"), json::parse(R"([{"type": "Action.OpenUrl", "title": "Open the challenge",
                                                   "url": "https://stepgate.example/c/c1"}])"));
}

TEST(Messages, Mail)
{
    const auto mail = mail_of(held(), "bob@example.com");
    EXPECT_EQ(mail.to, "bob@example.com");
    EXPECT_EQ(mail.subject, "stepgate: Approval needed: <!channel> & *ada* on [shop](https://evil.example)");
    EXPECT_NE(mail.text.find("\nApprovals: 1 of dba\n"), std::string::npos) << mail.text;
    EXPECT_NE(mail.text.find("\n    delete from orders where id < $1\n"), std::string::npos) << mail.text;
    EXPECT_TRUE(mail.text.ends_with("\nhttps://stepgate.example/c/c1\n")) << mail.text;
}

TEST(Messages, EveryEventHasATitle)
{
    Notice notice;
    for (const auto& [name, event] : event_names) {
        notice.event = event;
        EXPECT_EQ(to_string(event), name);
        EXPECT_GT(title(notice).size(), 5U) << name;
    }
    notice.event = Event::challenge_decided;
    notice.outcome = "denied";
    notice.user = "ada";
    notice.listener = "shop-pg";
    EXPECT_EQ(title(notice), "Denied: ada on shop-pg");
}

} // namespace messages_test
} // namespace stepgate::proxy::notify
