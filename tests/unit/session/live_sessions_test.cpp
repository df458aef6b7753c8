#include "relay.h"

#include <gtest/gtest.h>

namespace stepgate::test
{
namespace live_sessions_test
{

TEST(LiveSessions, AreListedWhileTheyLive)
{
    Relay relay;
    auto alice = relay.session();
    auto again = relay.session();
    const auto all = relay.live_sessions.list("");
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].user, "alice");
    EXPECT_EQ(all[0].dialect, "postgres");
    EXPECT_EQ(all[0].client_address, "127.0.0.1");
    EXPECT_NE(all[0].id, all[1].id);
    EXPECT_TRUE(relay.live_sessions.list("bob").empty());
    alice.client.close();
    EXPECT_TRUE(alice.server.closed());
    relay.stop();
    EXPECT_TRUE(relay.live_sessions.list("").empty());
}

TEST(LiveSessions, AnEndedOneIsToldByWhomAndBothSidesAreClosed)
{
    Relay relay;
    auto session = relay.session();
    const auto id = relay.live_sessions.list("alice").at(0).id;
    EXPECT_FALSE(relay.live_sessions.end("unknown", "bob"));
    EXPECT_TRUE(relay.live_sessions.end(id, "bob"));
    const auto last = session.client.receive();
    EXPECT_EQ(last.code(), "57P01");
    EXPECT_EQ(last.text(), "terminating connection: bob ended this session on stepgate's page");
    EXPECT_TRUE(session.client.closed());
    EXPECT_TRUE(session.server.closed());
}

TEST(LiveSessions, WhatItHoldsIsWithdrawnAndNeverSent)
{
    Relay relay;
    auto session = relay.session();
    session.client.send(query("delete from orders"));
    ASSERT_EQ(session.client.receive().type, 'N');
    const auto held = relay.pending().at(0);
    EXPECT_EQ(held.question.session, relay.live_sessions.list("alice").at(0).id);
    EXPECT_TRUE(relay.live_sessions.end(held.question.session, "alice"));
    EXPECT_EQ(session.client.receive().code(), "57P01");
    EXPECT_TRUE(session.client.closed());
    EXPECT_TRUE(relay.nothing_pending());
    const auto after = relay.challenges.find(held.id);
    ASSERT_TRUE(after);
    EXPECT_EQ(after->close_reason, "the session was ended on a page");
    EXPECT_EQ(session.server.receive().type, '\0') << "closed, and nothing of the statement before that";
}

} // namespace live_sessions_test
} // namespace stepgate::test
