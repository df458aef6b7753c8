#include "protocols/mysql/handshake.h"

#include "protocols/mysql/reply.h"
#include "tests/unit/mysql_protocol/captures.h"

#include <gtest/gtest.h>

#include <functional>

namespace stepgate::protocols::mysql
{
namespace handshake_test
{

TEST(Greeting, of_mariadb)
{
    const auto greeting = decode_greeting(wire::as_bytes(captures::mariadb_greeting));
    ASSERT_TRUE(greeting);
    EXPECT_EQ(greeting->server_version, "5.5.5-10.11.19-MariaDB-0+deb12u1");
    EXPECT_EQ(greeting->thread, 4U);
    EXPECT_EQ(text(greeting->nonce), "1lN\"\\-iIpx.t#N?/n^m*");
    EXPECT_EQ(greeting->capabilities.bits(), 0x1d81fff7feULL);
    EXPECT_EQ(greeting->collation, 8);
    EXPECT_EQ(greeting->status, StatusFlags{Status::autocommit});
    EXPECT_EQ(greeting->plugin, "mysql_native_password");
}

TEST(Greeting, of_mysql)
{
    const auto greeting = decode_greeting(wire::as_bytes(captures::mysql_greeting));
    ASSERT_TRUE(greeting);
    EXPECT_EQ(greeting->server_version, "9.7.4-2");
    EXPECT_EQ(greeting->thread, 8U);
    EXPECT_EQ(greeting->capabilities.bits(), 0xdfffffffULL);
    EXPECT_EQ(greeting->collation, 255);
    EXPECT_EQ(greeting->plugin, "caching_sha2_password");
}

TEST(Greeting, is_written_as_servers_write_it)
{
    for (const auto& capture : {captures::mariadb_greeting, captures::mysql_greeting}) {
        const auto greeting = decode_greeting(wire::as_bytes(capture));
        EXPECT_EQ(written([&](wire::Bytes& out) { encode_greeting(out, *greeting); }), packet(0, capture));
    }
}

TEST(Greeting, of_mysql_has_no_extended_capabilities)
{
    std::string forged = captures::mysql_greeting;
    const std::size_t reserved = forged.find(raw("\x15\0\0\0\0\0\0")) + 7;
    forged[reserved] = '\xff';
    EXPECT_EQ(decode_greeting(wire::as_bytes(forged))->capabilities.bits(), 0xdfffffffULL);
}

TEST(Greeting, of_another_protocol_is_refused)
{
    std::string old = captures::mysql_greeting;
    old[0] = 9;
    EXPECT_EQ(decode_greeting(wire::as_bytes(old)).error(), errc::unsupported_protocol);
    auto greeting = *decode_greeting(wire::as_bytes(captures::mysql_greeting));
    greeting.capabilities = greeting.capabilities.without(Capability::protocol_41);
    const auto without = written([&](wire::Bytes& out) { encode_greeting(out, greeting); });
    EXPECT_EQ(decode_greeting(wire::as_bytes(without).subspan(header_size)).error(), errc::unsupported_protocol);
}

TEST(Response, of_the_mariadb_client)
{
    const auto response = decode_handshake_response(wire::as_bytes(captures::mariadb_response));
    ASSERT_TRUE(response);
    EXPECT_EQ(response->capabilities.bits(), 0x1d00bfa28cULL);
    EXPECT_EQ(response->largest_packet, 0x10000000U);
    EXPECT_EQ(response->collation, 33);
    EXPECT_EQ(response->user, "ann");
    EXPECT_EQ(response->auth.size(), 20U);
    EXPECT_EQ(response->database, "shop");
    EXPECT_EQ(response->plugin, "mysql_native_password");
    EXPECT_EQ(response->attributes.find("program_name"), "mysql");
    EXPECT_EQ(response->attributes.find("_client_name"), "libmariadb");
    EXPECT_EQ(response->attributes.find("_client"), "");
}

TEST(Response, of_the_mysql_client)
{
    const auto response = decode_handshake_response(wire::as_bytes(captures::mysql_response));
    ASSERT_TRUE(response);
    EXPECT_EQ(response->capabilities.bits(), 0x19bfa28dULL);
    EXPECT_TRUE(response->capabilities.has(Capability::query_attributes));
    EXPECT_TRUE(response->capabilities.has(Capability::deprecate_eof));
    EXPECT_FALSE(response->capabilities.has(Capability::compress));
    EXPECT_EQ(response->collation, 255);
    EXPECT_EQ(response->auth.size(), 32U);
    EXPECT_EQ(response->plugin, "caching_sha2_password");
    EXPECT_EQ(response->attributes.find("_client_name"), "libmysql");
}

TEST(Response, is_written_as_clients_write_it)
{
    for (const auto& capture : {captures::mariadb_response, captures::mysql_response}) {
        const auto response = decode_handshake_response(wire::as_bytes(capture));
        EXPECT_EQ(written([&](wire::Bytes& out) { encode_handshake_response(out, 1, *response); }), packet(1, capture));
    }
}

constexpr Capabilities plain = Capability::protocol_41 | Capability::secure_connection;

std::string head(Capabilities capabilities)
{
    wire::Bytes out;
    Writer writer{out};
    writer.uint32(static_cast<std::uint32_t>(capabilities.bits()));
    writer.uint32(1 << 24);
    writer.uint8(45);
    writer.zeros(23);
    return text(out);
}

struct Shape {
    const char* name;
    Capabilities capabilities;
    std::string rest;
    bool good = true;
};

TEST(Response, shapes_that_clients_send)
{
    const Shape table[] = {
        {"npm mysql: no plugins", plain, raw("ann\0\4abcd")},
        {"no password", plain, raw("ann\0\0")},
        {"anonymous", plain, raw("\0\0")},
        {"plugin announced but not sent", plain | Capability::plugin_auth, raw("ann\0\0")},
        {"attributes announced but not sent", plain | Capability::connect_attrs, raw("ann\0\0")},
        {"no attributes", plain | Capability::connect_attrs, raw("ann\0\0\0")},
        {"empty database", plain | Capability::connect_with_db, raw("ann\0\0\0")},
        {"level of zstd", plain | Capability::zstd_compression_algorithm, raw("ann\0\0\3")},
        {"answer with a 0 behind it", Capability::protocol_41, raw("ann\0pass\0")},
        {"answer with a long length", plain | Capability::plugin_auth_lenenc_client_data, raw("ann\0\xfc\x04\0abcd")},
        {"user without its 0", plain, raw("ann"), false},
        {"answer shorter than its length", plain, raw("ann\0\5abcd"), false},
        {"bytes left", plain, raw("ann\0\0x"), false},
        {"database without its 0", plain | Capability::connect_with_db, raw("ann\0\0shop"), false},
        {"plugin without its 0", plain | Capability::plugin_auth, raw("ann\0\0native"), false},
        {"attribute longer than all", plain | Capability::connect_attrs, raw("ann\0\0\4\1a\3b"), false},
        {"attribute without a value", plain | Capability::connect_attrs, raw("ann\0\0\2\1a"), false},
        {"before 4.1", Capability::secure_connection, raw("ann\0\0"), false},
    };
    for (const auto& row : table) {
        const Exact bytes{head(row.capabilities) + row.rest};
        EXPECT_EQ(decode_handshake_response(bytes.bytes()).has_value(), row.good) << row.name;
    }
}

TEST(SslRequest, is_told_from_a_response)
{
    const auto ssl = head(plain | Capability::ssl);
    EXPECT_TRUE(is_ssl_request(wire::as_bytes(ssl)));
    EXPECT_FALSE(is_ssl_request(wire::as_bytes(head(plain))));
    EXPECT_FALSE(is_ssl_request(wire::as_bytes(ssl + raw("ann\0\0"))));
    EXPECT_FALSE(is_ssl_request(wire::as_bytes(ssl).first(31)));
    const auto request = *decode_ssl_request(wire::as_bytes(ssl));
    EXPECT_EQ(written([&](wire::Bytes& out) { encode_ssl_request(out, 1, request); }), packet(1, ssl));
}

TEST(AuthSwitch, there_and_back)
{
    const auto bytes = raw("\xfe"
                           "caching_sha2_password\0"
                           "01234567890123456789\0");
    const auto request = decode_auth_switch(wire::as_bytes(bytes));
    ASSERT_TRUE(request);
    EXPECT_EQ(request->plugin, "caching_sha2_password");
    EXPECT_EQ(request->data.size(), 21U);
    EXPECT_EQ(written([&](wire::Bytes& out) { encode_auth_switch(out, 2, *request); }), packet(2, bytes));
    EXPECT_FALSE(decode_auth_switch(wire::as_bytes("\xfe"))) << "the one of servers before 4.1";
}

TEST(AuthMoreData, there_and_back)
{
    const auto data = decode_auth_more_data(wire::as_bytes("\1\4"));
    ASSERT_TRUE(data);
    EXPECT_EQ(text(*data), "\4");
    EXPECT_EQ(written([&](wire::Bytes& out) { encode_auth_more_data(out, 4, *data); }), packet(4, "\1\4"));
    EXPECT_FALSE(decode_auth_more_data(wire::as_bytes("\2\4")));
}

using Decode = std::function<bool(wire::View)>;

struct Whole {
    const char* name;
    std::string payload;
    Decode decode;
    std::vector<std::size_t> good_prefixes = {}; // where servers would stop reading, too
};

TEST(Handshake, no_prefix_is_taken_for_the_whole)
{
    const auto response = [](wire::View payload) { return decode_handshake_response(payload).has_value(); };
    const auto greeting = [](wire::View payload) { return decode_greeting(payload).has_value(); };
    const auto& mysql = captures::mysql_response;
    const auto& mariadb = captures::mariadb_response;
    const auto plugin_at = [](const std::string& payload) { return payload.find(raw("shop\0")) + 5; };
    const auto attributes_at = [](const std::string& payload) { return payload.find(raw("password\0")) + 9; };
    const Whole table[] = {
        {"MariaDB's greeting", captures::mariadb_greeting, greeting},
        {"MySQL's greeting", captures::mysql_greeting, greeting},
        {"mariadb's response", mariadb, response, {plugin_at(mariadb), attributes_at(mariadb)}},
        {"mysql's response", mysql, response, {plugin_at(mysql), attributes_at(mysql)}},
    };
    for (const auto& row : table) {
        for (std::size_t size = 0; size <= row.payload.size(); ++size) {
            const Exact part{std::string_view{row.payload}.substr(0, size)};
            const bool good =
                size == row.payload.size() || std::ranges::find(row.good_prefixes, size) != row.good_prefixes.end();
            EXPECT_EQ(row.decode(part.bytes()), good) << row.name << " cut at " << size;
        }
        EXPECT_FALSE(row.decode(wire::as_bytes(row.payload + "x"))) << row.name;
    }
}

TEST(Nonce, has_no_byte_at_which_a_client_would_stop)
{
    std::array<std::byte, 20> random{};
    for (unsigned value = 0; value < 256; ++value) {
        random.fill(static_cast<std::byte>(value));
        for (const std::byte octet : nonce_of(random)) {
            EXPECT_TRUE(octet != std::byte{0} && octet != std::byte{'$'} && octet < std::byte{128}) << value;
        }
    }
}

TEST(Capabilities, what_carries_statements_past_the_relay_is_never_agreed_on)
{
    EXPECT_EQ((relayed & masked), Capabilities{});
    for (const auto one : {Capability::compress, Capability::zstd_compression_algorithm, Capability::no_schema,
                           Capability::optional_resultset_metadata, Capability::com_multi})
        EXPECT_FALSE(relayed.has(one)) << static_cast<std::uint64_t>(one);
    for (const auto one : {Capability::deprecate_eof, Capability::session_track, Capability::query_attributes,
                           Capability::multi_statements, Capability::extended_metadata, Capability::progress,
                           Capability::cache_metadata})
        EXPECT_TRUE(relayed.has(one)) << static_cast<std::uint64_t>(one);
    EXPECT_EQ(relayed.bits() >> 38, 0U) << "bits that nobody has defined";
}

} // namespace handshake_test
} // namespace stepgate::protocols::mysql
