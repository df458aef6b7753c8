#include "policies/mysql/lexer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace stepgate::policies::mysql
{
namespace lexer_test
{

ServerVersion version(const char* greeting)
{
    return parse_server_version(greeting).value();
}

/// Tokens as "kind:text"; "!why" at the end where the lexer does not vouch for the rest.
std::string cut(std::string_view sql, const Reading& reading)
{
    static constexpr std::string_view kinds[] = {"end", "word", "name", "string", "nstring", "int", "num",
                                                 "hex", "bits", "var",  "sysvar", "param",   "sym"};
    std::string out;
    Lexer lexer{sql, reading};
    for (Token token = lexer.next(); token.kind != TokenKind::end; token = lexer.next()) {
        const bool keyword = token.kind == TokenKind::word && token.word != Word::none;
        out += (out.empty() ? "" : " ") + std::string{keyword ? "key" : kinds[static_cast<std::size_t>(token.kind)]} +
               ":" + std::string{token.text};
    }
    return lexer.trouble().empty() ? out : out + "!" + std::string{lexer.trouble()};
}

struct Cut {
    std::string name, sql, tokens;
    Reading reading{};
};

void PrintTo(const Cut& cut, std::ostream* out)
{
    *out << cut.name;
}

class Lexing : public testing::TestWithParam<Cut>
{
};

TEST_P(Lexing, AsTheServer)
{
    EXPECT_EQ(cut(GetParam().sql, GetParam().reading), GetParam().tokens);
}

const Reading mysql8{version("8.0.36"), {}, Charset::utf8mb4};
const Reading mysql9{version("9.7.0"), {}, Charset::utf8mb4};
const Reading maria{version("10.11.6-MariaDB"), {}, Charset::utf8mb4};
const Reading latin1{version("8.0.36"), {}, Charset::latin1};
const Reading ansi{version("8.0.36"), {.ansi_quotes = true}, Charset::utf8mb4};
const Reading raw{version("8.0.36"), {.no_backslash_escapes = true}, Charset::utf8mb4};
const Reading spacious{version("8.0.36"), {.ignore_space = true}, Charset::utf8mb4};

INSTANTIATE_TEST_SUITE_P(
    Texts, Lexing,
    testing::Values(
        Cut{"empty", "", "", mysql8}, Cut{"words", "select a", "key:select word:a", mysql8},
        Cut{"quoted", "`a``b` 'c''d' \"e\"", "name:a``b string:c''d string:e", mysql8},
        Cut{"ansi_quotes", "\"e\" 'f'", "name:e string:f", ansi},
        Cut{"backslash", R"('a\'b')", R"(string:a\'b)", mysql8},
        Cut{"no_backslash", R"('a\' b)", R"(string:a\ word:b)", raw},
        Cut{"backslash_at_end", R"('a\)", "!holds a string without end", mysql8},
        Cut{"numbers", "1 1.5 .5 1. 1e5 1e+5 1.e5", "int:1 num:1.5 num:.5 num:1. num:1e5 num:1e+5 num:1.e5", mysql8},
        Cut{"half_exponent", "1.5e", "!holds a number with half an exponent", mysql8},
        Cut{"names_like_numbers", "1a 1e 0x 0b 0X1F 0b12 1e5a",
            "word:1a word:1e word:0x word:0b word:0X1F word:0b12 num:1e5 word:a", mysql8},
        Cut{"hex_and_bits", "0x1f x'1f' X'AB' 0b01 b'01'", "hex:0x1f hex:1f hex:AB bits:0b01 bits:01", mysql8},
        Cut{"odd_hex", "x'1'", "!holds a hexadecimal or bit literal that is none", mysql8},
        Cut{"national", "N'x' n'y' n", "nstring:x nstring:y word:n", mysql8},
        Cut{"dotted_digits", "t.5a t.5 t .5", "word:t sym:. word:5a word:t sym:. word:5 word:t num:.5", mysql8},
        Cut{"quoted_then_fraction", "`t`.5", "name:t num:.5", mysql8},
        Cut{"keywords_after_point", "a.select select.a", "word:a sym:. word:select word:select sym:. word:a", mysql8},
        Cut{"space_after_point", "a. select", "word:a sym:. key:select", mysql8},
        Cut{"functions", "count(a) count (a) count",
            "key:count sym:( word:a sym:) word:count sym:( word:a sym:) word:count", mysql8},
        Cut{"functions_with_space", "count (a)", "key:count sym:( word:a sym:)", spacious},
        Cut{"functions_comment", "count/**/(a)", "word:count sym:( word:a sym:)", spacious},
        Cut{"variables", "@a @'b' @`c` @a.b @ @@x @@global.y",
            "var:a var:b var:c var:a.b var: sysvar:x sysvar:global sym:. word:y", mysql8},
        Cut{"hosts", "joe@localhost 'joe'@'%'", "word:joe var:localhost string:joe var:%", mysql8},
        Cut{"dashes", "1--1", "int:1 sym:- sym:- int:1", mysql8},
        Cut{"dash_comment", "1-- 1\n2", "int:1 int:2", mysql8}, Cut{"dash_control", "1--\x01 1", "int:1", mysql8},
        Cut{"dash_end", "1--", "int:1", mysql8}, Cut{"hash", "1#2\n3", "int:1 int:3", mysql8},
        Cut{"no_nesting", "/* /* */ 1 */", "int:1 sym:* sym:/", mysql8},
        Cut{"arrows", "a->'$' a->>'$'", "word:a sym:-> string:$ word:a sym:-> string:$", mysql8},
        Cut{"no_arrows", "a->b", "word:a sym:- sym:> word:b", maria},
        Cut{"comparisons", "<=> <= >= <> != << >> := && ||",
            "sym:<=> sym:<= sym:>= sym:<> sym:!= sym:<< sym:>> sym::= sym:&& sym:||", mysql8},
        Cut{"fishy", "a=!b", "word:a!holds a run of comparison signs that is no operator", mysql8},
        Cut{"runs", "1 /*! 2 */ 3", "int:1 int:2 int:3", mysql8},
        Cut{"runs_old", "1 /*!50700 2 */ 3", "int:1 int:2 int:3", mysql8},
        Cut{"maria_leaves_mysql_alone", "1 /*!50700 2 */ 3", "int:1 int:3", maria},
        Cut{"maria_only", "1 /*M! 2 */ 3", "int:1 int:2 int:3", maria},
        Cut{"not_on_mysql", "1 /*M! 2 */ 3", "int:1 int:3", mysql8},
        Cut{"maria_version", "1 /*M!101106 2 */ /*M!101107 4 */", "int:1 int:2", maria},
        Cut{"six_digits_8", "/*!100000,2*/", "int:0 sym:, int:2", mysql8},
        Cut{"six_digits_9", "/*!100000 ,2*/", "", mysql9},
        Cut{"six_digits_maria", "/*!100000,2*/", "sym:, int:2", maria},
        Cut{"quotes_count_when_it_runs", "/*! '*/' 1 */", "string:*/ int:1", mysql8},
        Cut{"quotes_do_not_when_skipped", "/*!99999 '*/ 1", "int:1", mysql8},
        Cut{"nested_when_it_runs", "/*! /* x */ 1 */ 2", "int:1 int:2", mysql8},
        Cut{"nested_when_skipped", "/*!99999 /* x */ 1 */ 2", "int:2", mysql8},
        Cut{"unclosed", "/*! 1", "int:1!holds a conditional comment without end", mysql8},
        Cut{"nbsp",
            "a\xa0"
            "b",
            "word:a word:b", latin1},
        Cut{"nbsp_utf8",
            "a\xa0"
            "b",
            "word:a!holds a character that means nothing here", mysql8},
        Cut{"null_of_maria", R"(\N)", R"(key:\N)", maria},
        Cut{"no_null_on_mysql", R"(\N)", "!holds a character that means nothing here", mysql8},
        Cut{"range", "1..5", "int:1 sym:.. int:5", maria}, Cut{"dollar_at_the_end", "1 $$", "int:1 word:$$", mysql9},
        Cut{"dollar", "$$ 1 $$", "!holds a name that may be a dollar quote", mysql9}),
    [](const auto& test) { return test.param.name; });

TEST(Lexer, UncertainVersions)
{
    const Reading any_mysql{any_version(statement::Dialect::mysql), {}, Charset::utf8mb4};
    const Reading any_maria{any_version(statement::Dialect::mariadb), {}, Charset::utf8mb4};
    EXPECT_EQ(cut("/*!80000 1 */ 2", any_mysql), "int:1 int:2");
    EXPECT_EQ(cut("/*!91000 1 */ 2", any_mysql), "int:2");
    EXPECT_EQ(cut("/*!80001 1 */ 2", any_mysql), "!holds a conditional comment that only some server versions run");
    EXPECT_EQ(cut("/*!080000 1 */ 2", any_mysql), "!holds a conditional comment that server versions read differently");
    EXPECT_EQ(cut("/*!100600 1 */ 2", any_maria), "int:1 int:2");
    EXPECT_EQ(cut("/*!100601 1 */ 2", any_maria), "!holds a conditional comment that only some server versions run");
    EXPECT_EQ(cut("/*!99997 1 */ 2", any_maria), "!holds a conditional comment that only some server versions run");
}

TEST(Lexer, ZeroBytes)
{
    const auto with_zero = [](const char* before, const char* after) {
        std::string text{before};
        text += '\0';
        return text + after;
    };
    EXPECT_EQ(cut(with_zero("'a", "b' 1"), mysql8), "string:" + with_zero("a", "b") + " int:1");
    EXPECT_EQ(cut(with_zero("/* ", " */ 1"), mysql8), "int:1");
    EXPECT_NE(cut(with_zero("# ", "\n1"), mysql8).find('!'), std::string::npos);
    EXPECT_NE(cut(with_zero("1 ", " 2"), mysql8).find('!'), std::string::npos);
    EXPECT_NE(cut(with_zero("`a", "b`"), mysql8).find('!'), std::string::npos);
}

TEST(Lexer, LooksAgainFromAToken)
{
    Lexer lexer{"1 /*! 2 */ 3", mysql8};
    (void)lexer.next();
    const Token two = lexer.next();
    EXPECT_TRUE(two.in_comment);
    EXPECT_EQ(lexer.next().text, "3");
    lexer.look_from(two);
    EXPECT_EQ(lexer.next().text, "2");
    EXPECT_EQ(lexer.next().text, "3");
    lexer.restart(two.begin);
    EXPECT_EQ(lexer.next().text, "2");
    EXPECT_EQ(lexer.next().symbol, Symbol::star); // the server reads the next statement outside the comment
}

TEST(Lexer, Unescapes)
{
    const auto value = [](std::string_view sql, const Reading& reading) {
        Lexer lexer{sql, reading};
        return unescaped(lexer.next(), reading);
    };
    EXPECT_EQ(value(R"('a\'b\n\\\%\x''')", mysql8), "a'b\n\\\\%x'");
    EXPECT_EQ(value(R"('a\n')", raw), "a\\n");
    EXPECT_EQ(value("`a``b\\n`", mysql8), "a`b\\n");
    EXPECT_EQ(value("\"a\"\"b\"", ansi), "a\"b");
    EXPECT_EQ(value("@\"a\\n\"\"b\"", ansi), "a\\n\"b");
}

TEST(ServerVersion, Greetings)
{
    EXPECT_EQ(parse_server_version("8.0.36"), (ServerVersion{false, 80036, 80036}));
    EXPECT_EQ(parse_server_version("9.7.0-debug"), (ServerVersion{false, 90700, 90700}));
    EXPECT_EQ(parse_server_version("5.5.5-10.11.6-MariaDB-0+deb12u1"), (ServerVersion{true, 101106, 101106}));
    EXPECT_EQ(parse_server_version("11.4.2-MariaDB"), (ServerVersion{true, 110402, 110402}));
    for (const char* wrong : {"", "8", "8.0", "8.0.", "x", "8.0.100", "-1.0.0", "5.5.5-MariaDB"})
        EXPECT_EQ(parse_server_version(wrong), std::nullopt) << wrong;
}

TEST(SqlMode, AsTheServerTakesIt)
{
    EXPECT_EQ(parse_sql_mode(""), SqlMode{});
    EXPECT_EQ(parse_sql_mode("STRICT_TRANS_TABLES,NO_ZERO_DATE"), SqlMode{});
    EXPECT_EQ(names_of(SqlMode{}), "");
    EXPECT_EQ(names_of(*parse_sql_mode("ANSI,HIGH_NOT_PRECEDENCE")),
              "ANSI_QUOTES,PIPES_AS_CONCAT,IGNORE_SPACE,HIGH_NOT_PRECEDENCE");
    EXPECT_EQ(parse_sql_mode("ansi_quotes, , IGNORE_SPACE,"), (SqlMode{.ansi_quotes = true, .ignore_space = true}));
    EXPECT_EQ(parse_sql_mode("ANSI"), (SqlMode{.ansi_quotes = true, .pipes_as_concat = true, .ignore_space = true}));
    EXPECT_EQ(parse_sql_mode("1048580"), (SqlMode{.ansi_quotes = true, .no_backslash_escapes = true}));
    EXPECT_EQ(parse_sql_mode("536870914"), (SqlMode{.pipes_as_concat = true, .high_not_precedence = true}));
    EXPECT_TRUE(parse_sql_mode("ORACLE")->refused);
    EXPECT_TRUE(parse_sql_mode("MSSQL,ANSI")->refused);
    EXPECT_TRUE(parse_sql_mode("512")->refused);
    EXPECT_EQ(parse_sql_mode("ANSI_QUOTE"), std::nullopt);
    EXPECT_EQ(parse_sql_mode("99999999999999"), std::nullopt);
}

} // namespace lexer_test
} // namespace stepgate::policies::mysql
