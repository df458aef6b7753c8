#include "protocols/postgres/replies.h"
#include "protocols/postgres/report.h"
#include "tests/unit/postgres_protocol/support.h"

#include <gtest/gtest.h>

#include <sstream>

namespace stepgate::protocols::postgres
{
namespace replies_test
{

/// Replies that writes down what it settles.
class Recorded : public Replies
{
  public:
    std::string log;

  protected:
    void settled(std::uint64_t number, Fate fate) override
    {
        const char* const names[] = {"ok", "failed", "discarded"};
        if (settlements)
            log += std::to_string(number) + ":" + names[static_cast<int>(fate)] + " ";
    }

  public:
    bool settlements = false;
};

Message server_message(const std::string& step)
{
    const std::string rest = step.substr(1);
    switch (step[0]) {
    case 'C':
        return encoded([&](wire::Bytes& out) { encode_command_complete(out, "SELECT " + rest); });
    case 'E':
        return encoded([&](wire::Bytes& out) { encode_error(out, {"ERROR", rest, "no"}); });
    case 'X':
        return encoded([&](wire::Bytes& out) { encode_error(out, {"FATAL", rest, "bye"}); });
    case 'N':
        return encoded([&](wire::Bytes& out) { encode_notice(out, {"NOTICE", "00000", "hello"}); });
    default:
        return message(step[0], rest);
    }
}

std::string describe(const Event& event)
{
    const char* const names[] = {"", "step", "completed", "suspended", "empty", "failed", "ready", "copy", "lost"};
    std::string text = names[static_cast<int>(event.kind)];
    if (text.empty())
        return text;
    if (event.origin == Origin::proxy)
        text += " own";
    if (event.tag != 0)
        text += " #" + std::to_string(event.tag);
    if (event.kind == Event::Kind::completed)
        text += " rows=" + std::to_string(event.rows);
    if (event.kind == Event::Kind::failed || event.kind == Event::Kind::connection_lost)
        text += " " + std::string{event.sqlstate.data(), event.sqlstate.size()};
    if (event.kind == Event::Kind::ready)
        text += std::string{" "} + static_cast<char>(event.transaction);
    return text + "; ";
}

/// One word of a conversation: ">Q1" sends a Query with tag 1, ">!Q1" one of the proxy's own; "<C5" receives
/// CommandComplete of five rows. False: the server broke the protocol.
bool play(Recorded& replies, const std::string& word)
{
    if (word[0] == '<') {
        const Message message = server_message(word.substr(1));
        const auto event = replies.received(message.frame());
        if (!event) {
            replies.log += "PROTOCOL ERROR; ";
            return false;
        }
        replies.log += describe(*event);
    } else {
        const Origin origin = word[1] == '!' ? Origin::proxy : Origin::client;
        const std::string step = word.substr(origin == Origin::proxy ? 2 : 1);
        const Tag tag = step.size() > 1 && step[0] != 'D' ? std::stoul(step.substr(1)) : 0;
        switch (step[0]) {
        case 'Q':
            replies.query(tag, origin);
            break;
        case 'P':
            replies.parse(origin);
            break;
        case 'B':
            replies.bind(origin);
            break;
        case 'D':
            replies.describe(step == "Ds" ? Named::statement : Named::portal, origin);
            break;
        case 'E':
            replies.execute(tag, origin);
            break;
        case 'C':
            replies.close(origin);
            break;
        case 'F':
            replies.function_call(tag, origin);
            break;
        case 'S':
            replies.sync(origin);
            break;
        case 'H':
            replies.flush();
            break;
        case 'd':
            replies.copy_data();
            break;
        case 'c':
            replies.copy_end();
            break;
        case '*':
            replies.startup();
            break;
        default:
            ADD_FAILURE() << "unknown step " << word;
        }
    }
    while (const auto tag = replies.next_discarded())
        replies.log += "discarded #" + std::to_string(*tag) + "; ";
    return true;
}

std::string converse(Recorded& replies, const std::string& conversation)
{
    std::istringstream words{conversation};
    for (std::string word; words >> word;)
        if (!play(replies, word))
            return replies.log;
    replies.log += replies.quiet() ? "quiet" : "waiting for " + std::to_string(replies.outstanding());
    if (replies.skipping())
        replies.log += ", skipping";
    return replies.log;
}

struct Conversation {
    const char* name;
    const char* words;
    const char* expected;
};

class Conversations : public testing::TestWithParam<Conversation>
{
};

TEST_P(Conversations, are_understood)
{
    Recorded replies;
    EXPECT_EQ(converse(replies, GetParam().words), GetParam().expected);
}

const Conversation simple_query[] = {
    {"login", ">* <R <S <K <ZI", "ready I; quiet"},
    {"one_statement", ">Q1 <T <D <D <C2 <ZI", "completed #1 rows=2; ready #1 I; quiet"},
    {"several_statements", ">Q1 <C0 <T <D <C1 <C7 <ZT",
     "completed #1 rows=0; completed #1 rows=1; completed #1 rows=7; ready #1 T; quiet"},
    {"second_statement_fails", ">Q1 <C3 <E22012 <ZE", "completed #1 rows=3; failed #1 22012; ready #1 E; quiet"},
    {"empty", ">Q1 <I <ZI", "empty #1; ready #1 I; quiet"},
    {"before_it_is_ready_it_is_not_quiet", ">Q1 <C0", "completed #1 rows=0; waiting for 1"},
    {"pipelined", ">Q1 >Q2 <C1 <ZI <C2 <ZI", "completed #1 rows=1; ready #1 I; completed #2 rows=2; ready #2 I; quiet"},
    {"notices_and_notifications_belong_to_nobody", "<N <A <S >Q1 <N <C1 <A <ZI <N",
     "completed #1 rows=1; ready #1 I; quiet"},
    {"an_error_does_not_touch_the_next_query", ">Q1 >Q2 <E42601 <ZI <C1 <ZI",
     "failed #1 42601; ready #1 I; completed #2 rows=1; ready #2 I; quiet"},
    {"function_call", ">F1 <V <ZI", "completed #1 rows=0; ready #1 I; quiet"},
    {"function_call_fails", ">F1 >Q2 <E42883 <ZI <C1 <ZI",
     "failed #1 42883; ready #1 I; completed #2 rows=1; ready #2 I; quiet"},
};

const Conversation extended_query[] = {
    {"one_statement", ">P >B >Dp >E1 >S <1 <2 <T <D <C1 <ZI", "step; step; step; completed #1 rows=1; ready I; quiet"},
    {"prepare_and_describe", ">P >Ds >S <1 <t <T <ZI", "step; step; ready I; quiet"},
    {"describe_of_a_command_without_rows", ">P >Ds >H <1 <t <n", "step; step; quiet"},
    {"flush_gets_no_reply", ">P >H <1 >B >E1 >S <2 <C1 <ZI", "step; step; completed #1 rows=1; ready I; quiet"},
    {"portal_in_pieces", ">B >E1 >H <2 <D <s >E2 >S <D <C1 <ZI",
     "step; suspended #1; completed #2 rows=1; ready I; quiet"},
    {"batch", ">B >E1 >B >E2 >B >E3 >S <2 <C1 <2 <C2 <2 <C3 <ZI",
     "step; completed #1 rows=1; step; completed #2 rows=2; step; completed #3 rows=3; ready I; quiet"},
    {"empty_statement", ">P >B >E1 >S <1 <2 <I <ZI", "step; step; empty #1; ready I; quiet"},
    {"close", ">C >C >S <3 <3 <ZI", "step; step; ready I; quiet"},
    {"error_in_parse", ">P >B >E1 >S <E42601 <ZI", "failed 42601; discarded #1; ready I; quiet"},
    {"error_in_the_middle_of_a_batch", ">B >E1 >B >E2 >B >E3 >S <2 <C1 <2 <E23505 <ZI",
     "step; completed #1 rows=1; step; failed #2 23505; discarded #3; ready I; quiet"},
    {"only_the_group_with_the_error_is_skipped", ">B >E1 >S >B >E2 >S >B >E3 >S <E26000 <ZI <2 <C2 <ZI <2 <C3 <ZI",
     "failed 26000; discarded #1; ready I; step; completed #2 rows=2; ready I; step; completed #3 rows=3; ready I; "
     "quiet"},
    {"error_before_the_sync_was_sent", ">P >B >E1 <1 <E42703 >E2 >P >Q3 >F4 >S >Q5 <ZI <C1 <ZI",
     "step; failed 42703; discarded #1; discarded #2; discarded #3; discarded #4; ready I; completed #5 rows=1; "
     "ready #5 I; quiet"},
    {"while_it_skips", ">P >E1 <E42601", "failed 42601; discarded #1; quiet, skipping"},
    {"a_query_behind_an_error_is_skipped_too", ">P >Q1 >S <E42601 <ZI", "failed 42601; discarded #1; ready I; quiet"},
    {"a_query_without_sync_in_between", ">P >B >E1 >Q2 >S <1 <2 <C1 <C2 <ZI <ZI",
     "step; step; completed #1 rows=1; completed #2 rows=2; ready #2 I; ready I; quiet"},
    {"the_commit_at_sync_fails", ">B >E1 >S >Q2 <2 <C1 <E23503 <ZI <C1 <ZI",
     "step; completed #1 rows=1; failed 23503; ready I; completed #2 rows=1; ready #2 I; quiet"},
    {"own_statement_of_the_proxy", ">Q1 >!Q2 >Q3 <C1 <ZT <E42501 <ZE <E25P02 <ZE",
     "completed #1 rows=1; ready #1 T; failed own #2 42501; ready own #2 E; failed #3 25P02; ready #3 E; quiet"},
    {"own_extended_statement_of_the_proxy", ">!P >!B >!E9 >!S <1 <2 <E42501 <ZE",
     "step own; step own; failed own #9 42501; ready own E; quiet"},
};

const Conversation copies[] = {
    {"in", ">Q1 <G >d >d >c <C2 <ZI", "copy #1; completed #1 rows=2; ready #1 I; quiet"},
    {"in_given_up_by_the_client", ">Q1 <G >d >c <E57014 <ZI", "copy #1; failed #1 57014; ready #1 I; quiet"},
    {"in_then_another_statement", ">Q1 <G >d >c <C2 <T <C1 <ZI",
     "copy #1; completed #1 rows=2; completed #1 rows=1; ready #1 I; quiet"},
    {"in_twice_in_one_query", ">Q1 <G >d >c <C2 <G >d >c <C3 <ZI",
     "copy #1; completed #1 rows=2; copy #1; completed #1 rows=3; ready #1 I; quiet"},
    {"in_twice_sent_ahead", ">Q1 >d >c >d >c >Q2 <G <C2 <G <C3 <ZI <C1 <ZI",
     "copy #1; completed #1 rows=2; copy #1; completed #1 rows=3; ready #1 I; completed #2 rows=1; ready #2 I; quiet"},
    {"in_that_fails_while_the_client_goes_on", ">Q1 <G >d <E22P04 >d >c <ZI >Q2 <C1 <ZI",
     "copy #1; failed #1 22P04; ready #1 I; completed #2 rows=1; ready #2 I; quiet"},
    {"data_nobody_wants", ">d >c >Q1 <C1 <ZI", "completed #1 rows=1; ready #1 I; quiet"},
    {"sent_ahead_to_a_query_that_is_no_copy", ">Q1 >d >c >Q2 <C1 <ZI <C1 <ZI",
     "completed #1 rows=1; ready #1 I; completed #2 rows=1; ready #2 I; quiet"},
    {"another_message_in_the_middle_is_swallowed", ">Q1 <G >Q2 <E08P01 <ZI >Q3 <C1 <ZI",
     "copy #1; discarded #2; failed #1 08P01; ready #1 I; completed #3 rows=1; ready #3 I; quiet"},
    {"another_message_sent_ahead_is_swallowed", ">Q1 >Q2 >Q3 <G <E08P01 <ZI <C1 <ZI",
     "copy #1; discarded #2; failed #1 08P01; ready #1 I; completed #3 rows=1; ready #3 I; quiet"},
    {"extended_in", ">B >E1 <2 <G >d >c >S <C2 <ZI", "step; copy #1; completed #1 rows=2; ready I; quiet"},
    {"extended_in_with_the_early_sync_of_libpq", ">P >B >Dp >E1 >S <1 <2 <n <G >d >c >S <C2 <ZI",
     "step; step; step; copy #1; completed #1 rows=2; ready I; quiet"},
    {"extended_in_with_a_sync_in_the_data", ">B >E1 >H <2 <G >d >S >H >d >c >S <C2 <ZI",
     "step; copy #1; completed #1 rows=2; ready I; quiet"},
    {"extended_in_fails_and_waits_for_sync", ">B >E1 <2 <G >d <E22P04 >d >c >Q5 >S <ZI",
     "step; copy #1; failed #1 22P04; discarded #5; ready I; quiet"},
    {"extended_in_fails_before_the_early_sync_is_read", ">B >E1 >S <2 <G <E42501 <ZI >Q2 <C1 <ZI",
     "step; copy #1; failed #1 42501; ready I; completed #2 rows=1; ready #2 I; quiet"},
    {"extended_in_fails_before_both_syncs_are_read", ">B >E1 >S <2 <G >d >c >S <E42501 <ZI <ZI >Q2 <C1 <ZI",
     "step; copy #1; failed #1 42501; ready I; ready I; completed #2 rows=1; ready #2 I; quiet"},
    {"out", ">Q1 <H <d <d <c <C2 <ZI", "copy #1; completed #1 rows=2; ready #1 I; quiet"},
    {"out_extended", ">B >E1 >S <2 <H <d <c <C2 <ZI", "step; copy #1; completed #1 rows=2; ready I; quiet"},
    {"out_that_fails", ">Q1 <H <d <E57014 <ZI", "copy #1; failed #1 57014; ready #1 I; quiet"},
    {"both", ">Q1 <W <d >d >c <c <C0 <ZI", "copy #1; completed #1 rows=0; ready #1 I; quiet"},
};

const Conversation lost[] = {
    {"while_idle", "<X57P01", "lost 57P01; quiet"},
    {"an_error_nobody_asked_for", "<E57014", "lost 57014; quiet"},
    {"in_a_statement", ">Q1 <X57P01", "lost #1 57P01; waiting for 1"},
};

const Conversation broken[] = {
    {"row_for_nobody", "<D", "PROTOCOL ERROR; "},
    {"completion_for_nobody", "<C1", "PROTOCOL ERROR; "},
    {"ready_for_nobody", "<ZI", "PROTOCOL ERROR; "},
    {"parse_complete_for_a_bind", ">B >S <1", "PROTOCOL ERROR; "},
    {"ready_for_a_query_without_any_answer", ">Q1 <ZI", "PROTOCOL ERROR; "},
    {"ready_for_a_parse", ">P >S <ZI", "PROTOCOL ERROR; "},
    {"row_description_for_an_execute", ">B >E1 >S <2 <T", "step; PROTOCOL ERROR; "},
    {"suspended_query", ">Q1 <s", "PROTOCOL ERROR; "},
    {"completion_after_an_error", ">Q1 <E42601 <C1", "failed #1 42601; PROTOCOL ERROR; "},
    {"completion_of_what_was_skipped", ">P >B >E1 >S <E42601 <C1", "failed 42601; discarded #1; PROTOCOL ERROR; "},
    {"second_ready", ">S <ZI <ZI", "ready I; PROTOCOL ERROR; "},
    {"authentication_after_the_login", ">Q1 <R", "PROTOCOL ERROR; "},
    {"ready_with_an_unknown_status", ">S <Z?", "PROTOCOL ERROR; "},
    {"late_ready_for_a_sync_in_copy_data", ">B >E1 >S <2 <G >d >c >S <E42501 <ZI >Q2 <C1 <ZI <ZI",
     "step; copy #1; failed #1 42501; ready I; completed #2 rows=1; ready #2 I; PROTOCOL ERROR; "},
    {"copy_for_a_parse", ">P >S <G", "PROTOCOL ERROR; "},
    {"a_client_message", ">S <Q", "PROTOCOL ERROR; "},
};

std::string name_of(const testing::TestParamInfo<Conversation>& info)
{
    return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(Simple, Conversations, testing::ValuesIn(simple_query), name_of);
INSTANTIATE_TEST_SUITE_P(Extended, Conversations, testing::ValuesIn(extended_query), name_of);
INSTANTIATE_TEST_SUITE_P(Copy, Conversations, testing::ValuesIn(copies), name_of);
INSTANTIATE_TEST_SUITE_P(Lost, Conversations, testing::ValuesIn(lost), name_of);
INSTANTIATE_TEST_SUITE_P(Broken, Conversations, testing::ValuesIn(broken), name_of);

TEST(Replies, settles_every_number_once_and_in_order)
{
    Recorded replies;
    replies.settlements = true;
    const std::string log = converse(replies, ">P >B >E1 >S >P >B >E2 >S >Q3 <1 <E22012 <ZI <1 <2 <C1 <ZI <C1 <ZI");
    EXPECT_EQ(log, "0:ok step; 1:failed 2:discarded failed 22012; discarded #1; 3:ok ready I; "
                   "4:ok step; 5:ok step; 6:ok completed #2 rows=1; 7:ok ready I; "
                   "completed #3 rows=1; 8:ok ready #3 I; quiet");
}

TEST(Replies, says_which_way_copy_data_flows)
{
    Recorded replies;
    converse(replies, ">Q1 <G");
    EXPECT_EQ(replies.copy(), Copy::in);
    converse(replies, ">c <C1");
    EXPECT_EQ(replies.copy(), Copy::none);
    converse(replies, "<H");
    EXPECT_EQ(replies.copy(), Copy::out);
    converse(replies, "<c");
    EXPECT_EQ(replies.copy(), Copy::none);
    converse(replies, "<C1 <W");
    EXPECT_EQ(replies.copy(), Copy::both);
    converse(replies, "<E57014 <ZI");
    EXPECT_EQ(replies.copy(), Copy::none);
}

TEST(Replies, knows_whom_rows_are_for)
{
    Recorded replies;
    EXPECT_EQ(replies.answering(), Origin::client);
    converse(replies, ">!Q1 >Q2");
    EXPECT_EQ(replies.answering(), Origin::proxy);
    converse(replies, "<C1 <ZI");
    EXPECT_EQ(replies.answering(), Origin::client);
}

/// Every conversation cut after each of its steps: the server dies there, or says something absurd. Neither may go
/// unnoticed or be taken for an answer.
TEST(Replies, every_step_can_be_the_last)
{
    std::vector<std::string> conversations;
    for (const auto& all : {std::span<const Conversation>{simple_query}, std::span<const Conversation>{extended_query},
                            std::span<const Conversation>{copies}})
        for (const auto& conversation : all)
            conversations.emplace_back(conversation.words);
    for (const auto& conversation : conversations) {
        std::vector<std::string> words;
        std::istringstream stream{conversation};
        for (std::string word; stream >> word;)
            words.push_back(word);
        for (std::size_t steps = 0; steps <= words.size(); ++steps) {
            Recorded replies;
            for (std::size_t i = 0; i < steps; ++i)
                ASSERT_TRUE(play(replies, words[i]));
            replies.log.clear();
            ASSERT_TRUE(play(replies, "<X57P01"));
            EXPECT_TRUE(replies.log.starts_with("lost")) << conversation << ", after step " << steps;
            EXPECT_FALSE(play(replies, "<Z?")) << conversation << ", after step " << steps;
            EXPECT_FALSE(play(replies, "<Q")) << conversation << ", after step " << steps;
        }
    }
}

} // namespace replies_test
} // namespace stepgate::protocols::postgres
