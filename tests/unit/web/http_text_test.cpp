#include "challenge-web/server/http_text.h"

#include <gtest/gtest.h>

#include <string>

namespace stepgate::challenge_web::server
{
namespace http_text_test
{

std::string shown(std::string_view target)
{
    const auto parsed = parse_target(target);
    if (!parsed)
        return "refused";
    std::string out;
    for (const auto& segment : parsed->segments)
        out += "[" + segment + "]";
    for (const auto& [name, value] : parsed->query)
        out += " " + name + "=" + value;
    return out;
}

TEST(Target, Table)
{
    struct Row {
        const char *name, *target, *expected;
    };
    const Row rows[] = {
        {"root", "/", ""},
        {"segments", "/api/v1/session", "[api][v1][session]"},
        {"encoded slash stays inside its segment", "/a/b%2Fc", "[a][b/c]"},
        {"query", "/a?user=al%20ice&text=x+y", "[a] user=al ice text=x y"},
        {"plus in a path is a plus", "/a+b", "[a+b]"},
        {"empty value", "/a?x=&y", "[a] x= y="},
        {"encoded ampersand stays data", "/a?x=1%262", "[a] x=1&2"},
        {"empty query", "/a?", "[a]"},
        {"no slash", "a", "refused"},
        {"nothing", "", "refused"},
        {"absolute form", "https://stepgate.example/a", "refused"},
        {"asterisk", "*", "refused"},
        {"double slash", "//a", "refused"},
        {"slash at the end", "/a/", "refused"},
        {"dot dot", "/a/../b", "refused"},
        {"encoded dot dot", "/a/%2e%2E/b", "refused"},
        {"dot", "/./a", "refused"},
        {"cut escape", "/a%2", "refused"},
        {"bad escape", "/a%zz", "refused"},
        {"NUL", "/a%00", "refused"},
        {"line feed in a value", "/a?x=%0a", "refused"},
        {"parameter twice", "/a?x=1&x=2", "refused"},
        {"parameter twice, spelled differently", "/a?x=1&%78=2", "refused"},
    };
    for (const auto& row : rows)
        EXPECT_EQ(shown(row.target), row.expected) << row.name;
}

TEST(Target, AtMost32Parameters)
{
    std::string target = "/a?";
    for (int i = 0; i < 32; ++i)
        target += "p" + std::to_string(i) + "=1&";
    EXPECT_TRUE(parse_target(target.substr(0, target.size() - 1)));
    EXPECT_FALSE(parse_target(target + "one=more"));
}

TEST(Target, EveryPrefixIsParsedOrRefusedWithoutReadingBeyond)
{
    const std::string target = "/api/v1/c%C3%A9/x?user=al%20ice&text=%25+y&z";
    for (std::size_t length = 0; length <= target.size(); ++length)
        (void)parse_target(std::string(target, 0, length)); // a copy, so that sanitizers see an overrun
}

TEST(Cookie, Table)
{
    struct Row {
        const char *name, *header, *expected;
    };
    const Row rows[] = {
        {"alone", "id=1", "1"},
        {"among others", "a=2; id=1; b=3", "1"},
        {"without spaces", "a=2;id=1;b=3", "1"},
        {"value with equals sign", "id=a=b", "a=b"},
        {"longer name", "xid=1; idx=2", "none"},
        {"other case", "ID=1", "none"},
        {"twice: somebody shadows it", "id=1; id=2", "none"},
        {"absent", "", "none"},
        {"no value", "id", "none"},
        {"only separators", ";;; ;", "none"},
    };
    for (const auto& row : rows)
        EXPECT_EQ(find_cookie(row.header, "id").value_or("none"), row.expected) << row.name;
}

} // namespace http_text_test
} // namespace stepgate::challenge_web::server
