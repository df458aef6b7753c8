#include "protocols/postgres/authentication.h"
#include "protocols/postgres/query.h"
#include "protocols/postgres/reply.h"
#include "protocols/postgres/report.h"
#include "protocols/postgres/startup.h"
#include "tests/unit/postgres_protocol/support.h"

#include <gtest/gtest.h>

#include <functional>

namespace stepgate::protocols::postgres
{
namespace messages_test
{

using Decode = std::function<boost::system::error_code(const Frame&)>;

/// The error of a decoder, or none. Reads the values of lists too, so that a bad view is noticed.
template <class T>
Decode decode(result<T> (*decoder)(const Frame&))
{
    return [decoder](const Frame& frame) { return decoder(frame).error(); };
}

boost::system::error_code row_description(const Frame& frame)
{
    std::vector<Column> columns;
    return decode_row_description(frame, columns).error();
}

boost::system::error_code bind(const Frame& frame)
{
    const auto bind = decode_bind(frame);
    if (!bind)
        return bind.error();
    std::size_t count = 0;
    for (const auto value : bind->parameters) {
        EXPECT_TRUE(!value || value->size() <= frame.bytes.size());
        ++count;
    }
    EXPECT_EQ(count, bind->parameters.size());
    return {};
}

struct Good {
    const char* name;
    char type;
    std::string body;
    Decode decoder;
    bool more_is_good = false;       // the last field is as long as the message
    std::size_t shortest = SIZE_MAX; // a prefix from this size on is good, too
};

const std::string startup_30 = raw("\0\3\0\0user\0ann\0database\0shop\0\0");

std::vector<Good> good_messages()
{
    const auto startup = decode(decode_startup_packet);
    const auto authentication = decode(decode_authentication);
    return {
        {"start-up 3.0", 0, startup_30, startup},
        {"start-up 3.2", 0, raw("\0\3\0\2user\0ann\0\0"), startup},
        {"start-up with an empty value", 0, raw("\0\3\0\0user\0ann\0options\0\0\0"), startup},
        {"SSLRequest", 0, raw("\x04\xd2\x16\x2f"), startup},
        {"GSSENCRequest", 0, raw("\x04\xd2\x16\x30"), startup},
        {"CancelRequest 3.0", 0, raw("\x04\xd2\x16\x2e\0\0\0\7abcd"), startup, true},
        {"CancelRequest 3.2", 0, raw("\x04\xd2\x16\x2e\0\0\0\7") + std::string(256, 'k'), startup, false, 12},
        {"NegotiateProtocolVersion", 'v', raw("\0\0\0\2\0\0\0\2_pq_.a\0_pq_.b\0"),
         decode(decode_negotiate_protocol_version)},
        {"AuthenticationOk", 'R', raw("\0\0\0\0"), authentication},
        {"AuthenticationCleartextPassword", 'R', raw("\0\0\0\3"), authentication},
        {"AuthenticationMD5Password", 'R', raw("\0\0\0\5salt"), authentication},
        {"AuthenticationSASL", 'R', raw("\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"), authentication},
        {"AuthenticationSASLContinue", 'R', raw("\0\0\0\x0br=abc"), authentication, true, 4},
        {"AuthenticationSASLFinal", 'R', raw("\0\0\0\x0cv=abc"), authentication, true, 4},
        {"PasswordMessage", 'p', raw("secret\0"), decode(decode_password)},
        {"SASLInitialResponse", 'p', raw("SCRAM-SHA-256\0\0\0\0\5n,,n="), decode(decode_sasl_initial_response)},
        {"SASLInitialResponse without one", 'p', raw("SCRAM-SHA-256\0\xff\xff\xff\xff"),
         decode(decode_sasl_initial_response)},
        {"SASLResponse", 'p', "c=biws", decode(decode_sasl_response), true, 0},
        {"BackendKeyData 3.0", 'K', raw("\0\0\0\7abcd"), decode(decode_key_data), true},
        {"BackendKeyData 3.2", 'K', raw("\0\0\0\7") + std::string(256, 'k'), decode(decode_key_data), false, 8},
        {"ParameterStatus", 'S', raw("TimeZone\0Etc/UTC\0"), decode(decode_parameter_status)},
        {"ReadyForQuery", 'Z', "T", decode(decode_ready_for_query)},
        {"Query", 'Q', raw("select 1\0"), decode(decode_query)},
        {"empty Query", 'Q', raw("\0"), decode(decode_query)},
        {"Parse", 'P', raw("s1\0select $1\0\0\1\0\0\0\x17"), decode(decode_parse)},
        {"Parse without types", 'P', raw("\0select 1\0\0\0"), decode(decode_parse)},
        {"Bind", 'B', raw("p\0s\0\0\1\0\1\0\3\0\0\0\4abcd\xff\xff\xff\xff\0\0\0\0\0\2\0\1\0\0"), bind},
        {"Bind with a format each", 'B', raw("\0\0\0\2\0\1\0\0\0\2\0\0\0\1a\0\0\0\1b\0\0"), bind},
        {"Bind of nothing", 'B', raw("\0\0\0\0\0\0\0\0"), bind},
        {"Describe statement", 'D', raw("Ss1\0"), decode(decode_describe)},
        {"Describe portal", 'D', raw("P\0"), decode(decode_describe)},
        {"Execute", 'E', raw("p\0\0\0\0\x64"), decode(decode_execute)},
        {"Close", 'C', raw("Ss1\0"), decode(decode_close)},
        {"FunctionCall", 'F', raw("\0\0\3\xe8\0\1\0\1\0\2\0\0\0\1x\xff\xff\xff\xff\0\1"), decode(decode_function_call)},
        {"CopyFail", 'f', raw("no more\0"), decode(decode_copy_fail)},
        {"Sync", 'S', "", [](const Frame& frame) { return check_empty(frame).error(); }},
        {"CopyInResponse", 'G', raw("\1\0\2\0\1\0\1"), decode(decode_copy_response)},
        {"CopyOutResponse", 'H', raw("\0\0\1\0\0"), decode(decode_copy_response)},
        {"CopyBothResponse", 'W', raw("\0\0\0"), decode(decode_copy_response)},
        {"CommandComplete", 'C', raw("INSERT 0 5\0"), decode(decode_command_complete)},
        {"ErrorResponse", 'E', raw("SFEHLER\0VERROR\0C42501\0Mno\0Dwhy\0Hhow\0\0"), decode(decode_report)},
        {"NoticeResponse with unknown fields", 'N', raw("SNOTICE\0C00000\0Mhi\0qnew\0Fx.c\0\0"), decode(decode_report)},
        {"DataRow of one column", 'D', raw("\0\1\0\0\0\2ab"), decode(decode_only_value)},
        {"NotificationResponse", 'A', raw("\0\0\0\7channel\0payload\0"), decode(decode_notification)},
        {"RowDescription", 'T',
         raw("\0\2ssn\0\0\0\x40\1\0\3\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0"
             "c\0\0\0\0\0\0\0\0\0\0\x17\0\4\xff\xff\xff\xff\0\1"),
         row_description},
        {"RowDescription without columns", 'T', raw("\0\0"), row_description},
        {"ParameterDescription", 't', raw("\0\2\0\0\0\x17\0\0\0\x19"), decode(decode_parameter_description)},
    };
}

TEST(Messages, good_ones_are_decoded)
{
    for (const auto& good : good_messages())
        EXPECT_FALSE(good.decoder(message(good.type, good.body).frame())) << good.name;
}

TEST(Messages, no_prefix_of_one_is_decoded)
{
    for (const auto& good : good_messages()) {
        for (std::size_t size = good.type == 0 ? 4 : 0; size < good.body.size(); ++size) {
            const bool is_good = size >= good.shortest;
            const auto error = good.decoder(message(good.type, good.body.substr(0, size)).frame());
            EXPECT_EQ(!error, is_good) << good.name << ", " << size << " bytes";
        }
    }
}

TEST(Messages, bytes_after_the_last_field_are_refused)
{
    for (const auto& good : good_messages()) {
        for (const char extra : {'\0', 'x'}) {
            const auto error = good.decoder(message(good.type, good.body + std::string(1, extra)).frame());
            EXPECT_EQ(!error, good.more_is_good) << good.name;
        }
    }
}

TEST(Messages, another_type_than_the_decoder_is_for_is_refused)
{
    for (const auto& good : good_messages()) {
        if (good.name == std::string_view{"Sync"})
            continue;
        const Message other = message(good.type == 0 ? 'Q' : 'X', good.body);
        EXPECT_EQ(good.decoder(other.frame()), errc::unexpected_message) << good.name;
    }
}

TEST(Messages, bad_ones_are_refused)
{
    const auto startup = decode(decode_startup_packet);
    std::string many = raw("\0\3\0\0user\0a\0");
    for (int i = 0; i < 200; ++i)
        many += std::to_string(i) + raw("\0v\0");
    const struct {
        const char* name;
        char type;
        std::string body;
        Decode decoder;
        errc expected;
    } cases[] = {
        {"start-up 2.0", 0, raw("\0\2\0\0user\0ann\0\0"), startup, errc::unsupported_protocol},
        {"start-up 4.0", 0, raw("\0\4\0\0user\0ann\0\0"), startup, errc::unsupported_protocol},
        {"unknown request code", 0, raw("\x04\xd2\x16\x31"), startup, errc::unsupported_protocol},
        {"start-up without a user", 0, raw("\0\3\0\0database\0shop\0\0"), startup, errc::malformed_startup},
        {"start-up with an empty user", 0, raw("\0\3\0\0user\0\0\0"), startup, errc::malformed_startup},
        {"start-up with two users", 0, raw("\0\3\0\0user\0ann\0user\0bob\0\0"), startup, errc::malformed_startup},
        {"start-up with nothing", 0, raw("\0\3\0\0\0"), startup, errc::malformed_startup},
        {"start-up with too many parameters", 0, many + raw("\0"), startup, errc::malformed_startup},
        {"start-up with a name but no value", 0, raw("\0\3\0\0user\0ann\0x\0"), startup, errc::malformed_startup},
        {"CancelRequest with a long key", 0, raw("\x04\xd2\x16\x2e\0\0\0\7") + std::string(257, 'k'), startup,
         errc::malformed_cancel},
        {"BackendKeyData with a long key", 'K', raw("\0\0\0\7") + std::string(257, 'k'), decode(decode_key_data),
         errc::malformed_key},
        {"NegotiateProtocolVersion, negative count", 'v', raw("\0\0\0\2\xff\xff\xff\xff"),
         decode(decode_negotiate_protocol_version), errc::malformed_negotiation},
        {"NegotiateProtocolVersion, forged count", 'v', raw("\0\0\0\2\x7f\xff\xff\xffx\0"),
         decode(decode_negotiate_protocol_version), errc::malformed_negotiation},
        {"Kerberos", 'R', raw("\0\0\0\2"), decode(decode_authentication), errc::malformed_authentication},
        {"GSSAPI", 'R', raw("\0\0\0\7"), decode(decode_authentication), errc::malformed_authentication},
        {"SASL without mechanisms", 'R', raw("\0\0\0\x0a\0"), decode(decode_authentication),
         errc::malformed_authentication},
        {"SASLInitialResponse, negative length", 'p', raw("X\0\xff\xff\xff\xfe"), decode(decode_sasl_initial_response),
         errc::malformed_password},
        {"password with a NUL", 'p', raw("a\0b\0"), decode(decode_password), errc::malformed_password},
        {"ReadyForQuery X", 'Z', "X", decode(decode_ready_for_query), errc::malformed_ready},
        {"Query with two texts", 'Q', raw("select 1\0drop table t\0"), decode(decode_query), errc::malformed_query},
        {"Bind, value of length -2", 'B', raw("\0\0\0\0\0\1\xff\xff\xff\xfe\0\0"), bind, errc::malformed_bind},
        {"Bind, value longer than the frame", 'B', raw("\0\0\0\0\0\1\x7f\xff\xff\xff\0\0"), bind, errc::malformed_bind},
        {"Bind, forged number of values", 'B', raw("\0\0\0\0\xff\xff\0\0"), bind, errc::malformed_bind},
        {"Bind, forged number of formats", 'B', raw("\0\0\xff\xff\0\0\0\0"), bind, errc::malformed_bind},
        {"Bind, two formats for three values", 'B',
         raw("\0\0\0\2\0\0\0\0\0\3\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0"), bind, errc::malformed_bind},
        {"Parse, forged number of types", 'P', raw("\0\0\xff\xff"), decode(decode_parse), errc::malformed_parse},
        {"Describe something else", 'D', raw("Xs1\0"), decode(decode_describe), errc::malformed_describe},
        {"Close something else", 'C', raw("xs1\0"), decode(decode_close), errc::malformed_close},
        {"copy in format 2", 'G', raw("\2\0\0"), decode(decode_copy_response), errc::malformed_copy},
        {"ErrorResponse without a code", 'E', raw("SERROR\0Mno\0\0"), decode(decode_report), errc::malformed_report},
        {"ErrorResponse with a short code", 'E', raw("SERROR\0C4250\0Mno\0\0"), decode(decode_report),
         errc::malformed_report},
        {"DataRow of two columns", 'D', raw("\0\2\0\0\0\0\0\0\0\0"), decode(decode_only_value), errc::malformed_row},
        {"DataRow of NULL", 'D', raw("\0\1\xff\xff\xff\xff"), decode(decode_only_value), errc::malformed_row},
        {"DataRow, forged size", 'D', raw("\0\1\x7f\xff\xff\xff"), decode(decode_only_value), errc::malformed_row},
        {"RowDescription, forged number of columns", 'T', raw("\xff\xff"), row_description, errc::malformed_row},
    };
    for (const auto& test : cases)
        EXPECT_EQ(test.decoder(message(test.type, test.body).frame()), test.expected) << test.name;
}

TEST(Startup, fields)
{
    const Message packet = message('\0', startup_30);
    const auto decoded = decode_startup_packet(packet.frame());
    ASSERT_TRUE(decoded);
    const auto& startup = std::get<Startup>(*decoded);
    EXPECT_EQ(startup.version, (Version{3, 0}));
    EXPECT_EQ(startup.find("user"), "ann");
    EXPECT_EQ(startup.find("database"), "shop");
    EXPECT_EQ(startup.find("options"), "");
    EXPECT_EQ(startup.parameters.size(), 2U);
    const Message again = encoded([&](wire::Bytes& out) { encode_startup(out, startup); });
    EXPECT_EQ(wire::as_text(again.bytes()), wire::as_text(packet.bytes()));
}

TEST(Startup, requests_are_encoded_as_they_are_decoded)
{
    const Message ssl = encoded(encode_ssl_request);
    EXPECT_TRUE(std::holds_alternative<SslRequest>(*decode_startup_packet(ssl.frame())));
    const Message cancel = encoded([](wire::Bytes& out) {
        encode_cancel_request(out, {42, wire::as_bytes("0123456789")});
    });
    const auto decoded = decode_startup_packet(cancel.frame());
    ASSERT_TRUE(decoded);
    EXPECT_EQ(std::get<CancelRequest>(*decoded).process, 42);
    EXPECT_EQ(wire::as_text(std::get<CancelRequest>(*decoded).key), "0123456789");
    const Message key = encoded([](wire::Bytes& out) { encode_key_data(out, {42, wire::as_bytes("abcd")}); });
    EXPECT_EQ(decode_key_data(key.frame())->process, 42);
    const Message negotiation = encoded([](wire::Bytes& out) {
        encode_negotiate_protocol_version(out, {0, {"_pq_.x"}});
    });
    const auto negotiated = decode_negotiate_protocol_version(negotiation.frame());
    EXPECT_EQ(negotiated->newest_minor, 0);
    EXPECT_EQ(negotiated->unknown_options, std::vector<std::string_view>{"_pq_.x"});
}

TEST(Negotiation, carries_the_whole_version_as_servers_send_it)
{
    const Message message_15 = message('v', raw("\0\3\0\0\0\0\0\0")); // PostgreSQL 15 to a client of 3.2
    EXPECT_EQ(decode_negotiate_protocol_version(message_15.frame())->newest_minor, 0);
    const Message ours = encoded([](wire::Bytes& out) { encode_negotiate_protocol_version(out, {2, {}}); });
    EXPECT_EQ(wire::as_text(ours.frame().body()), raw("\0\3\0\2\0\0\0\0"));
}

TEST(Authentication, is_encoded_as_it_is_decoded)
{
    const auto back = [](auto encode) { return *decode_authentication(encoded(encode).frame()); };
    EXPECT_TRUE(std::holds_alternative<AuthenticationOk>(back(encode_authentication_ok)));
    EXPECT_TRUE(std::holds_alternative<AuthenticationCleartext>(back(encode_authentication_cleartext)));
    constexpr std::array salt{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}};
    const auto md5 = back([&](wire::Bytes& out) { encode_authentication_md5(out, salt); });
    EXPECT_EQ(std::get<AuthenticationMd5>(md5).salt, salt);

    const std::array<std::string_view, 2> offered{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"};
    const Message sasl = encoded([&](wire::Bytes& out) { encode_authentication_sasl(out, offered); });
    const auto decoded = decode_authentication(sasl.frame());
    EXPECT_EQ(std::get<AuthenticationSasl>(*decoded).mechanisms,
              std::vector<std::string_view>(offered.begin(), offered.end()));
    const Message next =
        encoded([](wire::Bytes& out) { encode_authentication_sasl_continue(out, wire::as_bytes("r=1")); });
    const auto continued = decode_authentication(next.frame());
    EXPECT_EQ(wire::as_text(std::get<AuthenticationSaslContinue>(*continued).data), "r=1");
    const Message last =
        encoded([](wire::Bytes& out) { encode_authentication_sasl_final(out, wire::as_bytes("v=1")); });
    const auto finished = decode_authentication(last.frame());
    EXPECT_EQ(wire::as_text(std::get<AuthenticationSaslFinal>(*finished).data), "v=1");
}

TEST(Authentication, responses_are_encoded_as_they_are_decoded)
{
    const Message password = encoded([](wire::Bytes& out) { encode_password(out, "secret"); });
    EXPECT_EQ(decode_password(password.frame())->password, "secret");
    const Message none = encoded([](wire::Bytes& out) { encode_sasl_initial_response(out, {"X", std::nullopt}); });
    EXPECT_FALSE(decode_sasl_initial_response(none.frame())->response);
    const Message empty = encoded([](wire::Bytes& out) { encode_sasl_initial_response(out, {"X", wire::View{}}); });
    EXPECT_TRUE(decode_sasl_initial_response(empty.frame())->response);
    const Message response = encoded([](wire::Bytes& out) { encode_sasl_response(out, wire::as_bytes("c=")); });
    EXPECT_EQ(wire::as_text(decode_sasl_response(response.frame())->response), "c=");
}

TEST(Bind, values_are_read_where_they_lie)
{
    const Message frame = message('B', raw("p\0s\0\0\1\0\1\0\3\0\0\0\4abcd\xff\xff\xff\xff\0\0\0\0\0\2\0\1\0\0"));
    const auto bind = decode_bind(frame.frame());
    ASSERT_TRUE(bind);
    EXPECT_EQ(bind->portal, "p");
    EXPECT_EQ(bind->statement, "s");
    EXPECT_EQ(bind->parameter_formats.size(), 1U);
    EXPECT_EQ(bind->parameter_formats[0], 1);
    std::vector<std::string> values;
    for (const auto value : bind->parameters)
        values.push_back(value ? std::string{wire::as_text(*value)} : "NULL");
    EXPECT_EQ(values, (std::vector<std::string>{"abcd", "NULL", ""}));
    EXPECT_EQ(bind->parameters.encoded().size(), 4U + 4 + 4 + 4);
    EXPECT_EQ(bind->result_formats.size(), 2U);
    EXPECT_EQ(bind->result_formats[0], 1);
    EXPECT_EQ(bind->result_formats[1], 0);
}

TEST(Bind, takes_65535_parameters_as_servers_do)
{
    std::string body = raw("\0\0\0\0\xff\xff");
    for (int i = 0; i < 65535; ++i)
        body.append("\xff\xff\xff\xff", 4);
    const Message frame = message('B', body + raw("\0\0"));
    const auto bind = decode_bind(frame.frame());
    ASSERT_TRUE(bind);
    EXPECT_EQ(bind->parameters.size(), 65535U);
}

TEST(Parse, fields)
{
    const Message frame = message('P', raw("s1\0select $1\0\0\2\0\0\0\x17\xff\xff\xff\xff"));
    const auto parse = decode_parse(frame.frame());
    ASSERT_TRUE(parse);
    EXPECT_EQ(parse->statement, "s1");
    EXPECT_EQ(parse->sql, "select $1");
    ASSERT_EQ(parse->parameter_types.size(), 2U);
    EXPECT_EQ(parse->parameter_types[0], 23U);
    EXPECT_EQ(parse->parameter_types[1], 0xffffffffU);
    const Message own = encoded([](wire::Bytes& out) { encode_parse(out, "x", "select 1"); });
    EXPECT_EQ(decode_parse(own.frame())->sql, "select 1");
}

TEST(CommandComplete, rows)
{
    const struct {
        const char* tag;
        std::optional<std::uint64_t> rows;
    } cases[] = {
        {"INSERT 0 5", 5}, {"SELECT 18446744073709551615", UINT64_MAX},
        {"DELETE 0", 0},   {"COPY 17", 17},
        {"BEGIN", {}},     {"CREATE TABLE", {}},
        {"", {}},          {" ", {}},
        {"SELECT -1", {}}, {"SELECT 5x", {}},
        {"FETCH 3", 3},    {"SELECT 18446744073709551616", {}},
        {"MERGE 2", 2},    {"SELECT  ", {}},
    };
    for (const auto& test : cases) {
        const Message frame = encoded([&](wire::Bytes& out) { encode_command_complete(out, test.tag); });
        const auto complete = decode_command_complete(frame.frame());
        ASSERT_TRUE(complete) << test.tag;
        EXPECT_EQ(complete->tag, test.tag);
        EXPECT_EQ(complete->rows, test.rows) << test.tag;
    }
}

TEST(Report, is_encoded_as_it_is_decoded)
{
    const Report report{"ERROR", "42501", "statement denied", "Rule x.", "Ask y."};
    const Message frame = encoded([&](wire::Bytes& out) { encode_error(out, report); });
    const auto decoded = decode_report(frame.frame());
    ASSERT_TRUE(decoded);
    EXPECT_EQ(frame.frame().type, 'E');
    EXPECT_EQ(decoded->severity, "ERROR");
    EXPECT_EQ(decoded->code, "42501");
    EXPECT_EQ(decoded->message, "statement denied");
    EXPECT_EQ(decoded->detail, "Rule x.");
    EXPECT_EQ(decoded->hint, "Ask y.");
    EXPECT_FALSE(decoded->is_fatal());
    EXPECT_EQ(encoded([&](wire::Bytes& out) { encode_notice(out, report); }).frame().type, 'N');
}

TEST(Reports, a_detail_is_replaced_and_the_rest_stays)
{
    const Message error = message('E', raw("SERROR\0VERROR\0C23502\0Mno\0DFailing row\0sapp\0tstaff\0cname\0Fx.c\0\0"));
    const auto decoded = decode_report(error.frame());
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->schema, "app");
    EXPECT_EQ(decoded->table, "staff");
    const Message other =
        encoded([&](wire::Bytes& out) { EXPECT_TRUE(encode_with_detail(out, error.frame(), "hidden")); });
    EXPECT_EQ(wire::as_text(other.frame().body()),
              raw("SERROR\0VERROR\0C23502\0Mno\0Dhidden\0sapp\0tstaff\0cname\0Fx.c\0\0"));
    wire::Bytes out;
    EXPECT_FALSE(encode_with_detail(out, message('E', raw("SERROR\0C23502")).frame(), "hidden"));
    EXPECT_FALSE(encode_with_detail(out, message('N', raw("C00000\0\0")).frame(), "hidden"));
}

TEST(Report, severity_is_the_one_that_is_not_translated)
{
    const Message german = message('E', raw("SFATAL (de)\0VFATAL\0C57P01\0Mx\0\0"));
    EXPECT_TRUE(decode_report(german.frame())->is_fatal());
    const Message old = message('E', raw("SPANIC\0CXX000\0Mx\0\0"));
    EXPECT_TRUE(decode_report(old.frame())->is_fatal());
}

TEST(Report, of_an_error_of_this_library)
{
    const struct {
        errc error;
        const char* sqlstate;
    } cases[] = {
        {errc::too_large, "54000"},          {errc::unsupported_protocol, "0A000"}, {errc::malformed_bind, "08P01"},
        {errc::wrong_password, "28P01"},     {errc::downgraded, "28000"},           {errc::crypto_failure, "XX000"},
        {errc::unexpected_message, "08P01"},
    };
    for (const auto& test : cases) {
        const Message frame = encoded([&](wire::Bytes& out) { encode_fatal(out, test.error); });
        const auto report = decode_report(frame.frame());
        ASSERT_TRUE(report);
        EXPECT_EQ(report->code, test.sqlstate);
        EXPECT_EQ(report->message, make_error_code(test.error).message());
        EXPECT_TRUE(report->is_fatal());
    }
}

TEST(Errors, each_has_a_text_and_a_state)
{
    for (int code = 1; code <= static_cast<int>(errc::crypto_failure); ++code) {
        EXPECT_NE(make_error_code(static_cast<errc>(code)).message(), "unknown PostgreSQL protocol error") << code;
        EXPECT_EQ(sqlstate(static_cast<errc>(code)).size(), 5U) << code;
    }
}

TEST(RowDescription, fields_there_and_back)
{
    const std::vector<Column> columns{{"ssn", 16385, 3, 25, -1, -1, 0}, {"n", 0, 0, 23, 4, -1, 1}};
    const Message frame = encoded([&](wire::Bytes& out) { encode_row_description(out, columns); });
    std::vector<Column> back;
    ASSERT_TRUE(decode_row_description(frame.frame(), back));
    ASSERT_EQ(back.size(), 2U);
    EXPECT_EQ(back[0].name, "ssn");
    EXPECT_EQ(back[0].table, 16385U);
    EXPECT_EQ(back[0].number, 3);
    EXPECT_EQ(back[1].type, 23U);
    EXPECT_EQ(back[1].format, 1);
}

TEST(Types, only_those_of_the_protocol)
{
    int frontend = 0, backend = 0;
    for (int c = 0; c < 256; ++c) {
        frontend += is_frontend_type(static_cast<char>(c)) ? 1 : 0;
        backend += is_backend_type(static_cast<char>(c)) ? 1 : 0;
    }
    EXPECT_EQ(frontend, 14);
    EXPECT_EQ(backend, 24);
}

} // namespace messages_test
} // namespace stepgate::protocols::postgres
