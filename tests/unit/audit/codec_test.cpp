#include "proxy/audit/record_codec.h"
#include "proxy/audit/search.h"
#include "proxy/audit/text.h"

#include <gtest/gtest.h>

#include <string>

namespace stepgate::proxy::audit
{
namespace codec_test
{

StatementEvent sample_statement()
{
    StatementEvent event;
    event.at_ns = 1'700'000'000'123'456'789;
    event.session = 7;
    event.statement = 3;
    event.text = "delete from orders";
    event.action = "challenge";
    event.rules = "delete-without-where,read-pii";
    event.labels = "pii";
    event.kinds = "delete";
    event.tables = "public.orders";
    event.shape = 0xFFFF'FFFF'FFFF'FFFE; // has no positive signed form
    event.redacted = true;
    return event;
}

std::span<const std::byte> body(const cbor::Buffer& frame)
{
    return std::span{frame}.subspan(4);
}

TEST(Codec, StatementRoundTrip)
{
    Sealer sealer{5, Hash{}};
    cbor::Buffer out;
    sealer.append(out, sample_statement());
    RecordView view;
    ASSERT_TRUE(decode(body(out), view));
    EXPECT_EQ(view.sequence, 5U);
    EXPECT_EQ(view.type, Type::statement);
    EXPECT_EQ(view.session_number, 7U);
    EXPECT_EQ(view.at_ns, 1'700'000'000'123'456'789);
    EXPECT_EQ(view.text("text"), "delete from orders");
    ASSERT_EQ(view.list("rules").size(), 2U);
    EXPECT_EQ(view.list("rules")[1], "read-pii");
    EXPECT_EQ(view.list("tables")[0], "public.orders");
    EXPECT_EQ(view.number("shape"), -2);
    EXPECT_EQ(view.number("redacted"), 1);
    EXPECT_EQ(sealer.next(), 6U);
    EXPECT_EQ(sealer.previous(), Hasher{}(body(out)));
}

TEST(Codec, OutcomeRoundTrip)
{
    for (const std::int64_t rows : {-1, 0, 100'000}) {
        Sealer sealer{1, Hash{}};
        cbor::Buffer out;
        OutcomeEvent event{1, 2, 3, {4'000, rows, "23505"}};
        sealer.append(out, event);
        RecordView view;
        ASSERT_TRUE(decode(body(out), view));
        EXPECT_EQ(view.number("rows", -1), rows);
        EXPECT_EQ(view.text("sqlstate"), "23505");
        EXPECT_EQ(view.number("duration_ns"), 4000);
    }
}

TEST(Codec, StatementWithItsAnswer)
{
    for (const std::int64_t rows : {-1, 0, 100'000}) {
        Sealer sealer{1, Hash{}};
        cbor::Buffer out;
        const Answer answer{4'000, rows, "23505"};
        StatementEvent event = sample_statement();
        event.answer = &answer;
        sealer.append(out, event);
        RecordView view;
        ASSERT_TRUE(decode(body(out), view)); // it refuses keys that are not in their order
        EXPECT_EQ(view.text("text"), "delete from orders");
        EXPECT_EQ(view.number("rows", -1), rows);
        EXPECT_EQ(view.text("sqlstate"), "23505");
        EXPECT_EQ(view.number("duration_ns"), 4000);
    }
}

cbor::Buffer encoded(const StatementEvent& event)
{
    Sealer sealer{9, Hash{}};
    cbor::Buffer out;
    sealer.append(out, event);
    out.erase(out.begin(), out.begin() + 4);
    return out;
}

TEST(Codec, AnExecutionIsReadWithoutTheRest)
{
    const Answer answer{4'000, 3, "00000"};
    StatementEvent event = sample_statement();
    event.action = "allow";
    event.rules = {};
    event.text = "select '\xff'"; // no UTF-8: a byte string
    for (const Answer* given : {static_cast<const Answer*>(nullptr), &answer}) {
        event.answer = given;
        const auto bytes = encoded(event);
        const auto execution = read_execution(bytes);
        ASSERT_TRUE(execution);
        EXPECT_EQ(execution->sequence, 9U);
        EXPECT_EQ(execution->session, 7U);
        EXPECT_EQ(execution->at_ns, 1'700'000'000'123'456'789);
        EXPECT_EQ(execution->statement, 3);
        EXPECT_EQ(execution->shape, -2);
        EXPECT_EQ(execution->answered, given != nullptr);
        EXPECT_EQ(execution->rows, given ? 3 : -1);
        EXPECT_EQ(execution->duration_ns, given ? 4'000 : 0);
        EXPECT_EQ(execution->sqlstate, given ? "00000" : "");
        for (std::size_t size = 0; size < bytes.size(); ++size)
            EXPECT_FALSE(read_execution(std::span{bytes}.first(size))) << size;
    }
}

TEST(Codec, WhatAReviewerReadsIsNoMereExecution)
{
    StatementEvent event = sample_statement();
    EXPECT_FALSE(read_execution(encoded(event))) << "it was held";
    event.action = "allow";
    EXPECT_FALSE(read_execution(encoded(event))) << "rules matched";
    event.rules = {};
    EXPECT_TRUE(read_execution(encoded(event)));
    event.shape = 0;
    EXPECT_FALSE(read_execution(encoded(event))) << "it shares a row with no other";
}

TEST(Codec, RecordSortsItsFieldsAndTheLastOfTwoWins)
{
    Sealer sealer{1, Hash{}};
    cbor::Buffer out;
    Record record{Type::challenge_opened, TimePoint{}, "s-1", "ann", {}};
    record.fields = {{"statements", std::vector<std::string>{"a", "\xff"}},
                     {"code", std::string{"old"}},
                     {"level", std::int64_t{-2}},
                     {"in_transaction", true},
                     {"code", std::string{"KX4"}}};
    sealer.append(out, record);
    RecordView view;
    ASSERT_TRUE(decode(body(out), view));
    ASSERT_EQ(view.fields.size(), 4U);
    EXPECT_EQ(view.fields[0].key, "code");
    EXPECT_EQ(view.text("code"), "KX4");
    EXPECT_EQ(view.number("level"), -2);
    EXPECT_EQ(view.list("statements")[1], "\xff");
    EXPECT_EQ(view.session, "s-1");
    EXPECT_EQ(view.user, "ann");
}

TEST(Codec, TruncatedAtEveryByteIsRefused)
{
    Sealer sealer{1, Hash{}};
    cbor::Buffer out;
    sealer.append(out, sample_statement());
    RecordView view;
    for (std::size_t size = 0; size < body(out).size(); ++size)
        EXPECT_FALSE(decode(body(out).first(size), view)) << size;
    out.push_back(std::byte{0});
    EXPECT_FALSE(decode(body(out), view)) << "a byte too many";
}

TEST(Codec, OnlyOneEncodingIsAccepted)
{
    // A flipped byte gives another record or none, never the same: what decodes encodes back to what was read.
    Sealer sealer{1, Hash{}};
    cbor::Buffer out;
    sealer.append(out, sample_statement());
    RecordView good, changed;
    ASSERT_TRUE(decode(body(out), good));
    for (std::size_t i = 4; i < out.size(); ++i)
        for (const unsigned flip : {1U, 0x20U, 0x80U}) {
            cbor::Buffer copy = out;
            copy[i] ^= static_cast<std::byte>(flip);
            if (!decode(body(copy), changed))
                continue;
            const bool same = changed.sequence == good.sequence && changed.previous == good.previous &&
                              changed.at_ns == good.at_ns && changed.type == good.type &&
                              changed.session_number == good.session_number && changed.user == good.user &&
                              fields_json(changed) == fields_json(good);
            EXPECT_FALSE(same) << "byte " << i;
        }
}

TEST(Cbor, RefusesWhatIsNotDeterministic)
{
    struct Row {
        const char* name;
        std::string bytes;
    };
    const Row rows[] = {{"long head for 0", {'\x18', '\0'}},
                        {"two-byte head for 255", {'\x19', '\0', '\xff'}},
                        {"reserved head", {'\x1c'}},
                        {"indefinite", {'\x1f'}},
                        {"eight bytes for 1", std::string{"\x1b\0\0\0\0\0\0\0\1", 9}}};
    for (const Row& row : rows) {
        cbor::Reader in{as_bytes(row.bytes)};
        in.head();
        EXPECT_FALSE(in.good()) << row.name;
    }
    cbor::Reader text_as_bytes{as_bytes("\x41x")}; // UTF-8 in a byte string: put_text would have made a text
    EXPECT_EQ(text_as_bytes.text_or_bytes(), "");
    EXPECT_FALSE(text_as_bytes.good());
    const std::string many("\x9b\0\0\0\1\xff\xff\xff\xff", 9);
    cbor::Reader huge{as_bytes(many)};
    EXPECT_EQ(huge.array(), 0U);
    EXPECT_FALSE(huge.good());
}

// All lengths around the steps of eight and four bytes, with the one byte that is not UTF-8 at every place.
TEST(Cbor, OneByteIsEnoughToBeNoUtf8)
{
    for (std::size_t length = 0; length <= 40; ++length) {
        std::string text(length, 'a');
        EXPECT_TRUE(cbor::is_utf8(text));
        for (std::size_t at = 0; at < length; ++at) {
            text[at] = '\x80'; // continues nothing
            EXPECT_FALSE(cbor::is_utf8(text)) << length << ", " << at;
            text[at] = 'a';
        }
    }
    EXPECT_TRUE(cbor::is_utf8("12345678\u00e9"));
    EXPECT_TRUE(cbor::is_utf8("\u00e912345678\U0001F600"));
    EXPECT_FALSE(cbor::is_utf8("12345678\xc3"));
}

TEST(Cbor, IntegersAtTheEdges)
{
    for (const std::int64_t value :
         {INT64_MIN, std::int64_t{-257}, std::int64_t{-1}, std::int64_t{0}, std::int64_t{23}, std::int64_t{24},
          std::int64_t{65535}, std::int64_t{65536}, std::int64_t{1} << 32, INT64_MAX}) {
        cbor::Buffer out;
        cbor::put_integer(out, value);
        cbor::Reader in{out};
        EXPECT_EQ(in.integer(), value);
        EXPECT_TRUE(in.good() && in.at_end());
    }
}

TEST(Text, EscapesForATerminal)
{
    EXPECT_EQ(one_line("select 1\n-- \x1b[2J\r\t\x7f"), "select 1\\n-- \\x1b[2J\\r\\t\\x7f");
    EXPECT_EQ(one_line("caf\xc3\xa9 \xe2\x80\xae"
                       "x"),
              "caf\xc3\xa9 \\u202ex");
    EXPECT_EQ(one_line("\xc2\x9b"
                       "31m \xff"),
              "\\x9b31m \\xff");
}

TEST(Text, CsvCells)
{
    EXPECT_EQ(csv_cell("plain"), "plain");
    EXPECT_EQ(csv_cell("a,b"), "\"a,b\"");
    EXPECT_EQ(csv_cell("say \"hi\"\nnow"), "\"say \"\"hi\"\"\nnow\"");
    EXPECT_EQ(csv_cell("=1+1"), "'=1+1");
    EXPECT_EQ(csv_cell("+1"), "'+1");
    EXPECT_EQ(csv_cell("-1"), "'-1");
    EXPECT_EQ(csv_cell("@x,y"), "\"'@x,y\"");
}

TEST(Text, Times)
{
    const auto at = parse_rfc3339("2026-11-23T07:26:02.123Z");
    ASSERT_TRUE(at);
    EXPECT_EQ(rfc3339(*at), "2026-11-23T07:26:02.123Z");
    EXPECT_EQ(rfc3339(*parse_rfc3339("2026-11-23")), "2026-11-23T00:00:00.000Z");
    EXPECT_EQ(rfc3339(*parse_rfc3339("2026-11-23T07:26:02+02:00")), "2026-11-23T05:26:02.000Z");
    for (const char* text : {"yesterday", "2026-11-23T", "2026-11-23Tx", "2026-11-23T07:26:02Zx", ""})
        EXPECT_FALSE(parse_rfc3339(text)) << text;
}

TEST(Text, Base64urlAndHex)
{
    for (const std::string text : {"", "f", "fo", "foo", "foob", "\xff\xfe\x00x"}) {
        EXPECT_EQ(*from_base64url(to_base64url(as_bytes(text))),
                  std::vector<std::byte>(as_bytes(text).begin(), as_bytes(text).end()));
        EXPECT_EQ(*from_hex(to_hex(as_bytes(text))),
                  std::vector<std::byte>(as_bytes(text).begin(), as_bytes(text).end()));
    }
    for (const char* text : {"A", "Zg+", "Zh", "Zm 8"})
        EXPECT_FALSE(from_base64url(text)) << text;
}

} // namespace codec_test
} // namespace stepgate::proxy::audit
