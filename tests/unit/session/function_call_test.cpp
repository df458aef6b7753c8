#include "hold_steps.h"

#include <gtest/gtest.h>

namespace stepgate::test
{
namespace function_call_test
{

using namespace hold_steps;

/// FunctionCall with one text argument and a text result.
wire::Bytes function_call(std::uint32_t oid)
{
    std::string body;
    for (int shift = 24; shift >= 0; shift -= 8)
        body.push_back(static_cast<char>((oid >> shift) & 0xff));
    body += std::string("\0\0\0\1\0\0\0\2"
                        "42"
                        "\0\0",
                        12);
    return raw('F', body);
}

TEST(FunctionCall, IsRefusedByDefault)
{
    Relay relay;
    auto session = relay.session();
    session.client.send(function_call(16400));
    expect_error(session.client, "42501", "function calls by number are not allowed");
    EXPECT_EQ(session.client.receive().type, 'Z');
    EXPECT_TRUE(session.server.nothing());
    expect_alive(session);
}

TEST(FunctionCall, ThatIsMalformedEndsTheSession)
{
    Relay relay;
    auto session = relay.session();
    session.client.send(raw('F', "abc"));
    expect_error(session.client, "08P01", "");
    EXPECT_TRUE(session.client.closed());
}

constexpr const char* calls_allowed = R"(
[[rule]]
id = "by-number"
when = {message = ["function_call"]}
then = "allow"
[[rule]]
id = "no-unlink"
when = {calls = ["lo_unlink"]}
then = "deny"
[default]
opaque = {challenge = {level = 1}}
)";

TEST(FunctionCall, OfAnUnknownFunctionIsHeldWhereARuleAllowsCalls)
{
    Relay::Setup setup;
    setup.policy = calls_allowed;
    Relay relay{std::move(setup)};
    auto session = relay.session();
    const auto call = function_call(16400);
    session.client.send(call);
    expect_held(session);
    const auto challenge = relay.pending().at(0);
    ASSERT_EQ(challenge.question.statements.size(), 1U);
    EXPECT_EQ(challenge.question.statements[0].sql, "FunctionCall 16400($1)");
    ASSERT_EQ(challenge.question.statements[0].parameters.size(), 1U);
    EXPECT_EQ(challenge.question.statements[0].parameters[0].value, "42");
    EXPECT_EQ(challenge.question.opaque_reasons,
              std::vector<std::string>{"calls function number 16400, whose name is not known"});
    relay.approve(challenge);
    EXPECT_EQ(session.client.receive().type, 'N');
    const auto passed = session.server.receive();
    EXPECT_EQ(passed.bytes, call); // the same bytes
    session.server.send({raw('V', std::string(4, '\xff')), ready()});
    EXPECT_EQ(session.client.receive_types(2), "VZ");
    expect_alive(session);
}

TEST(FunctionCall, OfALargeObjectFunctionIsJudgedByItsName)
{
    Relay::Setup setup;
    setup.policy = calls_allowed;
    Relay relay{std::move(setup)};
    auto session = relay.session();
    session.client.send(function_call(964));
    expect_error(session.client, "42501", "statement refused by rule no-unlink");
    EXPECT_EQ(session.client.receive().type, 'Z');
    EXPECT_TRUE(session.server.nothing());
}

TEST(FunctionCall, DeniedInATransactionFailsItForReal)
{
    Relay relay;
    auto session = relay.session();
    begin(session);
    session.client.send(function_call(16400));
    expect_refusal_query(session.server, 'E');
    expect_error(session.client, "42501", "function calls");
    EXPECT_EQ(session.client.receive().body(), "E");
}

TEST(FunctionCall, IsObservedWhereNothingIsHeld)
{
    Relay::Setup setup;
    setup.listener.mode = proxy::session::Mode::observe;
    Relay relay{std::move(setup)};
    auto session = relay.session();
    session.client.send(function_call(16400));
    EXPECT_EQ(session.server.receive().type, 'F');
    session.server.send({raw('V', std::string(4, '\xff')), ready()});
    EXPECT_EQ(session.client.receive_types(2), "VZ");
}

} // namespace function_call_test
} // namespace stepgate::test
