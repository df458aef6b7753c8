#include "policies/catalog/json.h"

#include <gtest/gtest.h>

#include <sstream>

namespace stepgate::policies::catalog
{
namespace json_test
{

using namespace std::chrono_literals;

Relation customers()
{
    Relation r;
    r.oid = 16400;
    r.schema = "public";
    r.name = "customers \"odd\"\n\xc3\xbc";
    r.kind = RelationKind::partitioned_table;
    r.temporary = true;
    r.columns = {{"id", 23, 1, false, "nextval('public.s'::regclass)"}, {"full", 25, 4, true, "(a || b)"}};
    r.definition = "SELECT 1;";
    r.parents = {1};
    r.children = {2, 4294967295U};
    r.triggers = {{"audit", {true, false, true, true}, 9, "(old.* IS DISTINCT FROM new.*)"}};
    r.rules = {{"also", "CREATE RULE also AS ON DELETE TO public.t DO ALSO DELETE FROM public.u;"}};
    r.referenced_by = {
        {7, {"a", "b"}, {"x", "y"}, ReferenceAction::cascade, ReferenceAction::set_default},
        {8, {"a"}, {"x"}, ReferenceAction::restrict_it, ReferenceAction::set_null},
    };
    r.row_security = true;
    r.policies = {{"own", "(owner = CURRENT_USER)", ""}, {"new", "", "true"}};
    r.checks = {"(id > 0)"};
    r.index_expressions = {"lower(name)"};
    r.default_partition_key = {"name"};
    r.index_keys = {{"customers_pkey", {"id"}, true}, {"by_name", {"*"}}};
    r.primary_key = {"id"};
    return r;
}

Contents everything()
{
    Contents c;
    c.database = "shop";
    c.server_version = 150020;
    c.taken = std::chrono::system_clock::time_point{1764281234123456us};
    c.relations = {customers(), Relation{}};
    Function f;
    f.oid = 5;
    f.schema = "public";
    f.name = "f";
    f.kind = FunctionKind::procedure;
    f.language = "sql";
    f.volatility = Volatility::stable;
    f.security_definer = true;
    f.argument_names = {"a", ""};
    f.argument_types = {23, 25};
    f.output_types = {20};
    f.defaults = 1;
    f.variadic = true;
    f.default_expressions = {"now()"};
    f.returns = 16;
    f.body = "select 1";
    f.definition = "CREATE …";
    f.settings = {{"search_path", "app, public"}, {"role", "x"}};
    f.uses = {6, 7};
    f.uses_system = {"pg_catalog.int4pl"};
    c.functions = {f, Function{}};
    c.operators = {{1, "public", "===", 25, 26, 5, "public.f"}, {2, "public", "!!", 0, 26, 0, "pg_catalog.int4mul"}};
    c.casts = {{25, 16400, 5, "public.f"}, {1, 2, 0, ""}};
    c.types = {{3, "public", "d", TypeKind::domain, 1, 2, 25, {"(VALUE ~ 'x')"}, "'y'::text", {11, 12}}, Type{}};
    c.schemas = {"app", "pg_catalog", "public"};
    c.extensions = {"plpgsql"};
    c.event_triggers = true;
    c.event_trigger_functions = {5};
    c.relations[0].owner = "app";
    c.relations[0].of_type = 7;
    c.relations[0].handler = "public.file_fdw_handler";
    c.relations[0].columns[1].length = 75;
    c.relations[0].charset = "utf8mb4";
    Column& column = c.relations[0].columns[0];
    column.not_null = column.counts = column.invisible = true;
    column.sql_type = "varchar(20)";
    column.charset = "latin1";
    return c;
}

std::string written(const Contents& contents)
{
    std::ostringstream out;
    write_json(out, contents);
    return out.str();
}

TEST(CatalogJson, RoundTripKeepsEverything)
{
    const auto contents = everything();
    const auto read = read_json(written(contents));
    ASSERT_TRUE(std::holds_alternative<Contents>(read)) << to_string(std::get<JsonError>(read));
    EXPECT_EQ(std::get<Contents>(read), contents);
}

TEST(CatalogJson, RoundTripOfNothing)
{
    const auto read = read_json(written(Contents{}));
    ASSERT_TRUE(std::holds_alternative<Contents>(read)) << to_string(std::get<JsonError>(read));
    EXPECT_EQ(std::get<Contents>(read), Contents{});
}

/// Every value of every enumeration goes out and comes back.
TEST(CatalogJson, RoundTripOfEnumerations)
{
    Contents contents;
    for (int i = 0; i < 8; ++i)
        contents.relations.emplace_back().kind = static_cast<RelationKind>(i);
    for (int i = 0; i < 5; ++i)
        contents.relations[0].referenced_by.push_back({1, {}, {}, static_cast<ReferenceAction>(i), {}});
    for (int i = 0; i < 4; ++i)
        contents.functions.emplace_back().kind = static_cast<FunctionKind>(i);
    for (int i = 0; i < 3; ++i)
        contents.functions.emplace_back().volatility = static_cast<Volatility>(i);
    for (int i = 0; i < 7; ++i)
        contents.types.emplace_back().kind = static_cast<TypeKind>(i);
    const auto read = read_json(written(contents));
    ASSERT_TRUE(std::holds_alternative<Contents>(read)) << to_string(std::get<JsonError>(read));
    EXPECT_EQ(std::get<Contents>(read), contents);
}

TEST(CatalogJson, OneObjectALine)
{
    Contents contents;
    contents.casts = {{1, 2, 3, ""}, {4, 5, 0, ""}};
    EXPECT_EQ(written(contents), "{\"stepgate_catalog\":1,\n\"database\":\"\",\n\"server_version\":0,\n\"taken\":0,\n"
                                 "\"schemas\":[],\n\"event_triggers\":false,\n\"relations\":[],\n\"functions\":[],\n"
                                 "\"operators\":[],\n\"casts\":[\n{\"source\":1,\"target\":2,\"function\":3},\n"
                                 "{\"source\":4,\"target\":5}],\n\"types\":[]}\n");
}

struct Broken {
    std::string_view name, cut, put, error; // `cut` of the sample becomes `put`
};

class CatalogJsonErrors : public testing::TestWithParam<Broken>
{
};

TEST_P(CatalogJsonErrors, SayWhere)
{
    auto text = written(everything());
    const auto at = text.find(GetParam().cut);
    ASSERT_NE(at, std::string::npos);
    text.replace(at, GetParam().cut.size(), GetParam().put);
    const auto read = read_json(text);
    ASSERT_TRUE(std::holds_alternative<JsonError>(read));
    EXPECT_EQ(to_string(std::get<JsonError>(read)), GetParam().error);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, CatalogJsonErrors,
    testing::Values(
        Broken{"version", "catalog\":1", "catalog\":2",
               "version 2 of the format is not known, only 1; dump the catalog again"},
        Broken{"no_version", "\"stepgate_catalog\":1,", "", "\"stepgate_catalog\" is missing"},
        Broken{"unknown_head", "\"database\"", "\"x\":1,\"database\"", "unknown field \"x\""},
        Broken{"unknown", "\"row_security\"", "\"row_securitx\"", "relations[0]: unknown field \"row_securitx\""},
        Broken{"missing", "\"schema\":\"public\",", "", "relations[0]: \"schema\" is missing"},
        Broken{"kind", "\"kind\":\"partitioned_table\"", "\"kind\":\"tabel\"",
               "relations[0].kind: must be one of table, partitioned_table, view, materialized_view, foreign_table, "
               "sequence, index, composite"},
        Broken{"type", "\"type\":25", "\"type\":\"25\"", "relations[0].columns[1].type: must be an integer"},
        Broken{"oid_range", "\"oid\":16400", "\"oid\":4294967296", "relations[0].oid: is out of range"},
        Broken{"oid_negative", "\"oid\":16400", "\"oid\":-1", "relations[0].oid: is out of range"},
        Broken{"number_range", "\"number\":4", "\"number\":40000", "relations[0].columns[1].number: is out of range"},
        Broken{"flag", "\"generated\":true", "\"generated\":1",
               "relations[0].columns[1].generated: must be true or false"},
        Broken{"list", "\"checks\":[\"(id > 0)\"]", "\"checks\":\"(id > 0)\"", "relations[0].checks: must be a list"},
        Broken{"element", "[\"(id > 0)\"]", "[null]", "relations[0].checks[0]: must be a string"},
        Broken{"setting", "[\"role\",\"x\"]", "[\"role\"]",
               "functions[0].settings[1]: must be a list of a name and a value"},
        Broken{"object", "{\"source\":1,\"target\":2}", "7", "casts[1]: must be an object"},
        Broken{"time", "\"taken\":1764281234123456", "\"taken\":9223372036854775807", "taken: is out of range"},
        Broken{"syntax", "\"server_version\":150020", "\"server_version\":15x", "line 3, column 20: syntax error"},
        Broken{"more", "}\n", "} {", "line 23, column 49: extra data"}),
    [](const auto& row) { return std::string{row.param.name}; });

TEST(CatalogJson, EveryPrefixIsAnError)
{
    const auto text = written(everything());
    for (std::size_t length = 0; length + 1 < text.size(); ++length) // the last byte is a line feed
        ASSERT_TRUE(std::holds_alternative<JsonError>(read_json(std::string_view{text}.substr(0, length)))) << length;
}

TEST(CatalogJson, NotAnObject)
{
    EXPECT_EQ(to_string(std::get<JsonError>(read_json("[]"))), "must be an object");
    EXPECT_EQ(to_string(std::get<JsonError>(read_json(""))), "line 1, column 1: incomplete JSON");
}

} // namespace json_test
} // namespace stepgate::policies::catalog
