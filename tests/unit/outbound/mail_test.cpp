#include "proxy/outbound/mail_message.h"
#include "proxy/outbound/mail_sender.h"

#include <gtest/gtest.h>

#include <future>

namespace stepgate::proxy::outbound
{
namespace mail_test
{

TEST(Mail, AddressesThatCannotWriteLinesOfTheirOwn)
{
    for (const char* good : {"ada@example.com", "a.b+c@x-1.example", "o'neil@example.com", "root@localhost"})
        EXPECT_TRUE(valid_address(good)) << good;
    for (const char* bad :
         {"", "ada", "@example.com", "ada@", "ada@@example.com", "Ada <ada@example.com>", "a b@example.com",
          "ada@example.com>", "ada@example.com\r\nRCPT TO:<eve@example.com>", "ada@exa mple.com", ".a@example.com",
          "a..b@example.com", "\"a\"@example.com", "ada@[127.0.0.1]", "ad\xc3\xa4@example.com", "a,b@example.com"})
        EXPECT_FALSE(valid_address(bad)) << bad;
    EXPECT_FALSE(valid_address(std::string(65, 'a') + "@example.com"));
    EXPECT_FALSE(valid_address("a@" + std::string(253, 'a')));
    EXPECT_FALSE(valid_address(std::string_view{"ada\0@example.com", 16}));
}

TEST(Mail, TheMessageAsItGoes)
{
    const std::chrono::system_clock::time_point at{std::chrono::seconds{1'700'000'000}};
    const auto text = message_text({"ada@example.com", "A \xe2\x86\x92 B\r\nBcc: eve@example.com", "one\n.\ntwo\n"},
                                   "stepgate@example.com", "abc", at);
    EXPECT_EQ(text, "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
                    "From: stepgate <stepgate@example.com>\r\n"
                    "To: <ada@example.com>\r\n"
                    "Subject: =?utf-8?B?QSDihpIgQiAgQmNjOiBldmVAZXhhbXBsZS5jb20=?=\r\n"
                    "Message-ID: <abc@example.com>\r\n"
                    "Auto-Submitted: auto-generated\r\n"
                    "MIME-Version: 1.0\r\n"
                    "Content-Type: text/plain; charset=utf-8\r\n"
                    "Content-Transfer-Encoding: base64\r\n"
                    "\r\n"
                    "b25lDQouDQp0d28NCg==\r\n");
}

TEST(Mail, LongSubjectsAndTextsAreFolded)
{
    std::string subject, body;
    for (int i = 0; i < 60; ++i)
        subject += "\xc3\xa4";
    body.assign(1000, 'x');
    const auto text = message_text({"ada@example.com", subject, body}, "s@example.com", "1", {});
    for (std::size_t at = 0; at < text.size();) {
        const auto end = text.find("\r\n", at);
        ASSERT_NE(end, std::string::npos);
        EXPECT_LE(end - at, 78U) << text.substr(at, end - at);
        at = end + 2;
    }
    EXPECT_NE(text.find("?=\r\n =?utf-8?B?"), std::string::npos);
}

MailServer nowhere()
{
    MailServer server;
    server.host = "127.0.0.1";
    server.port = 1; // nobody listens there
    server.from = "stepgate@example.com";
    server.patience = std::chrono::seconds{5};
    server.queue = 2;
    return server;
}

TEST(MailSender, TellsWhatItCouldNotSend)
{
    MailSender sender{nowhere()};
    std::promise<std::string> told;
    ASSERT_TRUE(
        sender.send({"ada@example.com", "s", "t"}, [&](const std::string& problem) { told.set_value(problem); }));
    EXPECT_NE(told.get_future().get(), "");
    EXPECT_FALSE(sender.send({"ada@example.com\r\nDATA", "s", "t"}, [](const std::string&) { FAIL(); }));
}

TEST(MailSender, TheQueueIsBoundedAndItsEndTellsWhatWaited)
{
    int told = 0;
    std::promise<void> busy, go;
    {
        MailSender sender{nowhere()};
        const auto count = [&](const std::string& problem) { told += problem.empty() ? 100 : 1; };
        ASSERT_TRUE(sender.send({"ada@example.com", "s", "t"}, [&, on = go.get_future().share()](const std::string&) {
            ++told;
            busy.set_value();
            on.wait();
        }));
        busy.get_future().wait();
        EXPECT_TRUE(sender.send({"ada@example.com", "s", "t"}, count));
        EXPECT_TRUE(sender.send({"ada@example.com", "s", "t"}, count));
        EXPECT_FALSE(sender.send({"ada@example.com", "s", "t"}, count)) << "two wait";
        go.set_value();
    }
    EXPECT_EQ(told, 3);
}

} // namespace mail_test
} // namespace stepgate::proxy::outbound
