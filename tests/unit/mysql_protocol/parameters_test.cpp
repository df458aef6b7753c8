#include "protocols/mysql/parameters.h"

#include "protocols/mysql/column.h"
#include "tests/unit/mysql_protocol/support.h"

#include <gtest/gtest.h>

namespace stepgate::protocols::mysql
{
namespace parameters_test
{

constexpr Capabilities plain = Capability::protocol_41;
constexpr Capabilities attributes = Capability::protocol_41 | Capability::query_attributes;

std::string text_of(const std::vector<Parameter>& parameters)
{
    std::string all;
    for (const auto& parameter : parameters) {
        if (!parameter.name.empty())
            all.append(parameter.name).append("=");
        append_text(all, parameter);
        all += "|";
    }
    return all;
}

std::string execution(std::string_view rest, char flags = 0)
{
    return raw("\x17\7\0\0\0") + flags + raw("\1\0\0\0") + std::string{rest};
}

/// The values as text, or "error <code>".
std::string read(const std::string& payload, Binding& binding, Capabilities capabilities = plain)
{
    const Exact bytes{payload};
    const auto execute = decode_execute(bytes.bytes());
    if (!execute)
        return "no execution";
    std::vector<Parameter> out;
    const auto done = decode_parameters(*execute, capabilities, binding, out);
    return done ? text_of(out) : make_error_code(static_cast<errc>(done.error().value())).message();
}

const std::string malformed = make_error_code(errc::malformed_parameters).message();

struct Value {
    const char* name;
    std::string type; // two bytes
    std::string bytes;
    std::string text;
};

std::vector<Value> values()
{
    return {
        {"tiny", raw("\1\0"), "\xff", "-1"},
        {"tiny unsigned", raw("\1\x80"), "\xff", "255"},
        {"small", raw("\2\0"), raw("\0\x80"), "-32768"},
        {"small unsigned", raw("\2\x80"), raw("\0\x80"), "32768"},
        {"integer", raw("\3\0"), "\xfe\xff\xff\xff", "-2"},
        {"medium", raw("\x09\0"), raw("\1\0\0\0"), "1"},
        {"big", raw("\x08\0"), raw("\0\0\0\0\0\0\0\x80"), "-9223372036854775808"},
        {"big unsigned", raw("\x08\x80"), "\xff\xff\xff\xff\xff\xff\xff\xff", "18446744073709551615"},
        {"year", raw("\x0d\0"), "\xe8\7", "2024"},
        {"float", raw("\4\0"), raw("\0\0\0\xbf"), "-0.5"},
        {"double", raw("\5\0"), raw("\x9a\x99\x99\x99\x99\x99\xb9\x3f"), "0.1"},
        {"decimal", raw("\xf6\0"), "\5-1.25", "-1.25"},
        {"date", raw("\x0a\0"), "\4\xe8\7\2\x1d", "2024-02-29"},
        {"datetime", raw("\x0c\0"), "\7\xe8\7\2\x1d\x0d\1\2", "2024-02-29 13:01:02"},
        {"timestamp with microseconds", raw("\7\0"), raw("\x0b\xe8\7\2\x1d\x0d\1\2\1\0\0\0"),
         "2024-02-29 13:01:02.000001"},
        {"zero date", raw("\x0a\0"), raw("\0"), "0000-00-00"},
        {"time", raw("\x0b\0"), raw("\x08\0\1\0\0\0\2\3\4"), "26:03:04"},
        {"negative time with microseconds", raw("\x0b\0"), raw("\x0c\1\0\0\0\0\2\3\4\x3f\x42\x0f\0"),
         "-02:03:04.999999"},
        {"zero time", raw("\x0b\0"), raw("\0"), "00:00:00"},
        {"string", raw("\xfe\0"), "\4it's", "it's"},
        {"blob", raw("\xfc\0"), raw("\2\0\1"), raw("\0\1")},
        {"json", raw("\xf5\0"), "\2{}", "{}"},
        {"null by its type", raw("\6\0"), "", "NULL"},
    };
}

TEST(Parameters, of_every_type_are_read_as_a_person_would_write_them)
{
    for (const auto& value : values()) {
        Binding binding{1};
        EXPECT_EQ(read(execution(raw("\0\1") + value.type + value.bytes), binding), value.text + "|") << value.name;
        Binding known{2};
        EXPECT_EQ(read(execution(raw("\0\1") + value.type + raw("\1\0") + value.bytes + "\5"), known),
                  value.text + "|5|")
            << value.name << " with another behind it";
    }
}

TEST(Parameters, no_prefix_is_taken_for_the_whole)
{
    for (const auto& value : values()) {
        const std::string whole = execution(raw("\0\1") + value.type + value.bytes);
        for (std::size_t size = 10; size < whole.size(); ++size) {
            Binding binding{1};
            EXPECT_EQ(read(whole.substr(0, size), binding), malformed) << value.name << " cut at " << size;
        }
        Binding binding{1};
        EXPECT_EQ(read(whole + "x", binding), malformed) << value.name << " with a byte behind it";
    }
}

TEST(Parameters, nulls_are_in_the_bitmap)
{
    std::string types, bits = raw("\xff\2");
    for (int i = 0; i < 10; ++i)
        types += raw("\1\0");
    Binding binding{10};
    EXPECT_EQ(read(execution(bits + "\1" + types + "\7"), binding), "NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|7|NULL|");
}

struct Bad {
    const char* name;
    std::string rest;
};

TEST(Parameters, bad_ones_are_refused)
{
    const Bad table[] = {
        {"nothing", ""},
        {"no types, and none before", raw("\0\0\7")},
        {"a flag that is none", raw("\0\2\1\0\7")},
        {"a type of the future", raw("\0\1\xf0\0\7")},
        {"a type that is kept in tables only", raw("\0\1\x12\0\7")},
        {"a date of six bytes", raw("\0\1\x0a\0\6\1\1\1\1\1\1")},
        {"a time of four bytes", raw("\0\1\x0b\0\4\1\1\1\1")},
        {"a length over the end", raw("\0\1\xfe\0\5abc")},
        {"NULL for a length", raw("\0\1\xfe\0\xfb")},
    };
    for (const auto& row : table) {
        Binding binding{1};
        EXPECT_EQ(read(execution(row.rest), binding), malformed) << row.name;
        EXPECT_TRUE(binding.types.empty()) << row.name;
    }
}

TEST(Parameters, types_are_kept_for_executions_without)
{
    Binding binding{1};
    EXPECT_EQ(read(execution(raw("\0\1\1\x80\xff")), binding), "255|");
    EXPECT_EQ(read(execution(raw("\0\0\xfe")), binding), "254|");
    EXPECT_EQ(read(execution(raw("\0\1\3\0\1")), binding), malformed);
    EXPECT_EQ(read(execution(raw("\0\1\3\1\1\0\0\0")), binding), malformed)
        << "flags that are another type to the servers";
    EXPECT_EQ(read(execution(raw("\0\0\xfe")), binding), malformed) << "the server has not seen those of the last";
}

TEST(Parameters, a_statement_without_any_has_at_most_the_flag_behind_its_head)
{
    Binding binding{0};
    EXPECT_EQ(read(execution(""), binding), "");
    EXPECT_EQ(read(execution("\1"), binding), "") << "as npm mariadb sends it";
    EXPECT_FALSE(binding.brings_types);
    EXPECT_EQ(read(execution("\2"), binding), malformed);
    EXPECT_EQ(read(execution(raw("\0\1")), binding), malformed);
}

/// Executions that MySQL 9.7 took, or refused, with query_attributes.
TEST(Parameters, with_attributes_are_read_as_the_server_reads_them)
{
    const auto seven = raw("\7\0\0\0\0\0\0\0"), eight = raw("\x08\0\0\0\0\0\0\0"), nine = raw("\x09\0\0\0\0\0\0\0");
    const auto unnamed = raw("\x08\0\0\x08\0\0");
    struct Row {
        const char* name;
        std::string rest;
        char flags;
        std::string text;
    };
    const Row table[] = {
        {"counted", raw("\2\0\1") + unnamed + seven + eight, 8, "7|8|"},
        {"counted without the flag", raw("\2\0\1") + unnamed + seven + eight, 0, "7|8|"},
        {"not counted", raw("\0\1\x08\0\x08\0") + seven + eight, 0, malformed},
        {"not counted but named", raw("\0\1") + unnamed + seven + eight, 0, malformed},
        {"one attribute", raw("\3\0\1") + unnamed + raw("\x08\0\1a") + seven + eight + nine, 8, "7|8|a=9|"},
        {"an attribute stands first and is the first value", raw("\3\0\1\x08\0\1a") + unnamed + nine + seven + eight, 8,
         "a=9|7|8|"},
        {"too few", raw("\1\0\1\x08\0\0") + nine, 8, malformed},
        {"too many to be true", raw("\xfe\xff\xff\xff\xff\xff\xff\xff\x7f\0\1"), 8, malformed},
    };
    for (const auto& row : table) {
        Binding binding{2};
        EXPECT_EQ(read(execution(row.rest, row.flags), binding, attributes), row.text) << row.name;
    }
    Binding none{0};
    EXPECT_EQ(read(execution(""), none, attributes), "");
    EXPECT_EQ(read(execution(raw("\0"), 8), none, attributes), "");
    EXPECT_EQ(read(execution(raw("\1\0\1\x08\0\1a") + nine, 8), none, attributes), "a=9|");
}

TEST(LongData, takes_the_place_of_the_value)
{
    Binding binding{2};
    ASSERT_TRUE(binding.long_data.append(0, wire::as_bytes("ab")));
    ASSERT_TRUE(binding.long_data.append(0, wire::as_bytes("cd")));
    const auto rest = raw("\1\1\xfc\0\x08\0\7\0\0\0\0\0\0\0"); // marked NULL: it counts all the same
    EXPECT_EQ(read(execution(rest), binding), "abcd|7|");
    binding.long_data.clear();
    EXPECT_EQ(read(execution(raw("\1\0\7\0\0\0\0\0\0\0")), binding), "NULL|7|");
    ASSERT_TRUE(binding.long_data.append(2, wire::as_bytes("x")));
    EXPECT_EQ(read(execution(rest), binding), malformed) << "there is no third parameter";
}

TEST(LongData, over_its_limit_spoils_every_execution)
{
    Binding binding{1, {}, LongData{3}};
    EXPECT_TRUE(binding.long_data.append(0, wire::as_bytes("abc")));
    EXPECT_FALSE(binding.long_data.append(0, wire::as_bytes("d")));
    EXPECT_FALSE(binding.long_data.append(0, {}));
    EXPECT_EQ(read(execution(raw("\0\1\xfc\0")), binding), make_error_code(errc::too_large).message());
    binding.long_data.clear();
    EXPECT_TRUE(binding.long_data.append(0, wire::as_bytes("abc")));
}

TEST(ExecuteWithTypes, says_the_same_to_a_server_that_never_saw_the_types)
{
    for (const auto capabilities : {plain, attributes}) {
        const bool counted = capabilities == attributes;
        const std::string count = counted ? "\2" : "", name = counted ? raw("\0") : "";
        Binding binding{2};
        const auto first = execution(count + raw("\0\1\1\x80") + name + raw("\xfe\0") + name + "\xff\2hi");
        ASSERT_EQ(read(first, binding, capabilities), "255|hi|");
        const auto second = execution(count + raw("\0\0\xfe\2yo"));
        ASSERT_EQ(read(second, binding, capabilities), "254|yo|");
        const auto with = written([&](wire::Bytes& out) {
            ASSERT_TRUE(encode_execute_with_types(out, wire::as_bytes(second), capabilities, binding));
        });
        Binding server{2};
        EXPECT_EQ(read(with.substr(header_size), server, capabilities), "254|yo|");
        EXPECT_EQ(server.types, binding.types);
        const auto same = written([&](wire::Bytes& out) {
            ASSERT_TRUE(encode_execute_with_types(out, wire::as_bytes(first), capabilities, binding));
        });
        EXPECT_EQ(same, packet(0, first));
    }
}

std::string bulk(const std::string& payload, Binding& binding)
{
    const Exact bytes{payload};
    std::vector<Parameter> out;
    const auto done = decode_bulk_parameters(*decode_bulk_execute(bytes.bytes()), binding, out);
    return done ? text_of(out) : malformed;
}

TEST(Bulk, rows_are_read_one_after_the_other)
{
    const auto head = raw("\xfa\7\0\0\0\x80\0\1\0\xfe\0");
    const auto whole = head + raw("\0\1\0\1a\1\2\0\3\3");
    Binding binding{2};
    EXPECT_EQ(bulk(whole, binding), "1|a|NULL|DEFAULT|3|IGNORE|");
    EXPECT_EQ(bulk(raw("\xfa\7\0\0\0\0\0\0\5\1"), binding), "5|NULL|");
    for (std::size_t size = 7; size < whole.size(); ++size) {
        Binding fresh{2};
        const bool is_whole = size == 16 || size == 18; // behind a row
        EXPECT_EQ(bulk(whole.substr(0, size), fresh) != malformed, is_whole) << "cut at " << size;
    }
}

TEST(Bulk, bad_ones_are_refused)
{
    Binding none{0}, two{2}, with{1};
    EXPECT_EQ(bulk(raw("\xfa\7\0\0\0\x80\0\0\1"), none), malformed) << "no parameters, so no rows";
    EXPECT_EQ(bulk(raw("\xfa\7\0\0\0\0\0\0\1\0\1"), two), malformed) << "no types";
    EXPECT_EQ(bulk(raw("\xfa\7\0\0\0\x80\0\1\0\1\0\4\4"), two), malformed) << "an indicator that is none";
    ASSERT_TRUE(with.long_data.append(0, wire::as_bytes("x")));
    EXPECT_EQ(bulk(raw("\xfa\7\0\0\0\x80\0\1\0\0\1"), with), malformed) << "with long data";
}

std::string query(std::string_view payload, Capabilities capabilities)
{
    const Exact bytes{payload};
    std::vector<Parameter> out;
    const auto sql = decode_query(bytes.bytes(), capabilities, out);
    return sql ? text_of(out) + std::string{*sql} : malformed;
}

/// As MySQL 9.7 took or refused them.
TEST(Query, is_behind_its_attributes)
{
    EXPECT_EQ(query("\3select 1", plain), "select 1");
    EXPECT_EQ(query(raw("\3\0\1select 1"), plain), raw("\0\1select 1")) << "not agreed on: it is SQL";
    EXPECT_EQ(query(raw("\3\0\1select 1"), attributes), "select 1");
    EXPECT_EQ(query(raw("\3\1\1\0\1\xfd\0\1a\3fooselect 1"), attributes), "a=foo|select 1");
    EXPECT_EQ(query(raw("\3\1\1\1\1\xfd\0\1aselect 1"), attributes), "a=NULL|select 1");
    EXPECT_EQ(query(raw("\3\1\1\0\0\xfd\0\1a\3fooselect 1"), attributes), malformed) << "no types";
    EXPECT_EQ(query(raw("\3\0\2select 1"), attributes), malformed) << "two sets";
    EXPECT_EQ(query(raw("\3\0\0select 1"), attributes), malformed) << "no set";
    EXPECT_EQ(query("\3select 1", attributes), malformed);
    EXPECT_EQ(query("\3", attributes), malformed);
    const auto whole = raw("\3\1\1\0\1\xfd\0\1a\3foo");
    for (std::size_t size = 0; size < whole.size(); ++size)
        EXPECT_EQ(query(whole.substr(0, size), attributes), malformed) << "cut at " << size;
}

struct Definition {
    const char* name;
    Capabilities capabilities;
    std::string payload;
    std::string read;
    bool of_field_list = false;
};

std::vector<Definition> definitions()
{
    return {
        {"with an origin", plain, hex("036465660473686f7001740174016e046e616d650c2d0050000000fd0000000000"),
         "shop.t.name as t.n, 253"},
        {"without one", plain, hex("036465660000000161000c3f0001000000038100000000"), ".. as .a, 3"},
        {"MariaDB, nothing extended", Capability::extended_metadata,
         hex("036465660473686f7001740174026964026964000c3f000b000000030350000000"), "shop.t.id as t.id, 3"},
        {"MariaDB, a uuid", Capability::extended_metadata,
         hex("03646566000000017500060004757569640c2d0090000000fe2100000000"), ".. as .u, 254 uuid"},
        {"MariaDB, json", Capability::extended_metadata,
         hex("03646566000000016a000601046a736f6e0c2d0028000000fd0000270000"), ".. as .j, 253 json"},
        {"field list", plain, hex("036465660473686f70017401740269640269640c3f000b0000000303500000000130"),
         "shop.t.id as t.id, 3", true},
        {"field list, no default", plain, hex("036465660473686f70017401740269640269640c3f000b000000030350000000fb"),
         "shop.t.id as t.id, 3", true},
    };
}

std::string read_column(const Definition& row, std::string_view payload)
{
    const Exact bytes{payload};
    const auto column = decode_column(bytes.bytes(), row.capabilities, row.of_field_list);
    if (!column)
        return "malformed";
    std::string all = std::string{column->schema} + "." + std::string{column->original_table} + "." +
                      std::string{column->original_name} + " as " + std::string{column->table} + "." +
                      std::string{column->name} + ", " + std::to_string(static_cast<int>(column->type));
    if (!column->extended_type.empty() || !column->extended_format.empty())
        all += " " + std::string{column->extended_type} + std::string{column->extended_format};
    return all;
}

TEST(Column, good_ones_are_decoded_and_written_back)
{
    for (const auto& row : definitions()) {
        EXPECT_EQ(read_column(row, row.payload), row.read) << row.name;
        if (row.of_field_list)
            continue;
        const auto column = *decode_column(wire::as_bytes(row.payload), row.capabilities);
        EXPECT_EQ(written([&](wire::Bytes& out) { encode_column(out, 2, column, row.capabilities); }),
                  packet(2, row.payload))
            << row.name;
    }
}

TEST(Column, may_be_in_utf16)
{
    const Definition row{"", plain, hex("06006400650066000000020061000c3f0001000000038100000000"), ""};
    EXPECT_EQ(read_column(row, row.payload), raw(".. as .\0a, 3"));
}

TEST(Column, no_prefix_is_taken_for_the_whole)
{
    for (const auto& row : definitions()) {
        for (std::size_t size = 0; size < row.payload.size(); ++size) {
            const bool may_end =
                row.of_field_list && row.payload.size() - size == (row.payload.back() == '0' ? 2U : 1U);
            EXPECT_EQ(read_column(row, std::string_view{row.payload}.substr(0, size)) != "malformed", may_end)
                << row.name << " cut at " << size;
        }
        EXPECT_EQ(read_column(row, row.payload + "x"), "malformed") << row.name;
    }
}

} // namespace parameters_test
} // namespace stepgate::protocols::mysql
