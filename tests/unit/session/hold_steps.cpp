#include "hold_steps.h"

#include <gtest/gtest.h>

namespace stepgate::test::hold_steps
{

void expect_held(Relay::Session& session)
{
    const auto notice = session.client.receive();
    ASSERT_EQ(notice.type, 'N');
    EXPECT_EQ(notice.text().find("STATEMENT HELD · approve at https://stepgate.example/c/"), 0U) << notice.text();
    EXPECT_NE(notice.text().find(" · code "), std::string::npos);
    EXPECT_TRUE(session.server.nothing());
}

void expect_error(Peer& client, std::string_view code, std::string_view text)
{
    const auto error = client.receive();
    EXPECT_EQ(error.type, 'E');
    EXPECT_EQ(error.code(), code);
    EXPECT_NE(error.text().find(text), std::string::npos) << error.text();
}

void expect_refusal_query(Peer& server, char status)
{
    const auto refusal = server.receive();
    EXPECT_EQ(refusal.type, 'Q');
    EXPECT_EQ(refusal.body(), std::string("stepgate refused this statement") + '\0');
    server.send({error("42601"), ready(status)});
}

void expect_alive(Relay::Session& session, char status)
{
    session.client.send(query("select 1"));
    EXPECT_EQ(session.server.receive().body(), std::string("select 1") + '\0');
    session.server.send(
        {raw('T', std::string(2, '\0')), raw('D', std::string(2, '\0')), complete("SELECT 1"), ready(status)});
    EXPECT_EQ(session.client.receive_types(4), "TDCZ");
}

void begin(Relay::Session& session)
{
    session.client.send(query("begin"));
    ASSERT_EQ(session.server.receive().type, 'Q');
    session.server.send({complete("BEGIN"), ready('T')});
    ASSERT_EQ(session.client.receive_types(2), "CZ");
}

} // namespace stepgate::test::hold_steps
