#include "protocols/postgres/crypto.h"
#include "protocols/postgres/md5.h"
#include "protocols/postgres/scram_client.h"
#include "protocols/postgres/scram_server.h"

#include <gtest/gtest.h>

#include <functional>
#include <span>

namespace stepgate::protocols::postgres
{
namespace scram_test
{

// RFC 7677, 3: user "user", password "pencil".
const std::string client_nonce = "rOprNGfwEbeRWgbNEkqO";
const std::string server_nonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const std::string rfc_client_first = "n,,n=user,r=" + client_nonce;
const std::string rfc_server_first = "r=" + client_nonce + server_nonce + ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
const std::string rfc_client_final =
    "c=biws,r=" + client_nonce + server_nonce + ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
const std::string rfc_server_final = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

wire::Bytes bytes(std::string_view text)
{
    const auto view = wire::as_bytes(text);
    return {view.begin(), view.end()};
}

ScramVerifier verifier_of(std::string_view password)
{
    wire::Bytes salt;
    EXPECT_TRUE(decode_base64("W22ZaJ0SNY7soEsUEjb6gQ==", salt));
    return *make_verifier(password, salt, 4096);
}

ScramServer::Settings server_settings(wire::Bytes binding = {})
{
    static const ScramVerifier verifier = verifier_of("pencil");
    return {verifier, true, server_nonce, std::move(binding)};
}

std::string show(const ScramServer::Action& action)
{
    if (const auto* next = std::get_if<ScramServer::Continue>(&action))
        return "continue " + next->data;
    if (const auto* accept = std::get_if<ScramServer::Accept>(&action))
        return "accept " + accept->data;
    return "reject " + make_error_code(std::get<ScramServer::Reject>(action).error).message();
}

std::string show(const ScramClient::Action& action)
{
    if (const auto* initial = std::get_if<ScramClient::Initial>(&action))
        return std::string{initial->mechanism} + " " + initial->response;
    if (const auto* respond = std::get_if<ScramClient::Respond>(&action))
        return "respond " + respond->response;
    if (std::holds_alternative<ScramClient::Verified>(action))
        return "verified";
    return "fail " + make_error_code(std::get<ScramClient::Fail>(action).error).message();
}

std::string reject(errc error)
{
    return "reject " + make_error_code(error).message();
}

std::string fail(errc error)
{
    return "fail " + make_error_code(error).message();
}

ScramServer::Action first(ScramServer& server, std::string_view text, std::string_view mechanism = scram_sha_256)
{
    return server.on(SaslInitialResponse{mechanism, wire::as_bytes(text)});
}

ScramServer::Action last(ScramServer& server, std::string_view text)
{
    return server.on(SaslResponse{wire::as_bytes(text)});
}

TEST(ScramServer, speaks_as_in_rfc_7677)
{
    ScramServer server{server_settings()};
    EXPECT_EQ(show(first(server, rfc_client_first)), "continue " + rfc_server_first);
    EXPECT_EQ(show(last(server, rfc_client_final)), "accept " + rfc_server_final);
}

TEST(ScramServer, gives_the_client_key_that_belongs_to_the_verifier)
{
    ScramServer server{server_settings()};
    (void)first(server, rfc_client_first);
    const auto action = last(server, rfc_client_final);
    const auto& accept = std::get<ScramServer::Accept>(action);
    EXPECT_EQ(*sha256(accept.client_key), server_settings().verifier.stored_key);
}

TEST(ScramServer, asks_for_a_first_message_that_was_left_out)
{
    ScramServer server{server_settings()};
    EXPECT_EQ(show(server.on(SaslInitialResponse{scram_sha_256, std::nullopt})), "continue ");
    EXPECT_EQ(show(last(server, rfc_client_first)), "continue " + rfc_server_first);
    EXPECT_EQ(show(last(server, rfc_client_final)), "accept " + rfc_server_final);
}

TEST(ScramServer, refuses_bad_first_messages)
{
    const struct {
        const char* name;
        bool tls;
        std::string_view mechanism;
        std::string message;
        errc expected;
    } cases[] = {
        {"unknown mechanism", true, "SCRAM-SHA-1", rfc_client_first, errc::unsupported_mechanism},
        {"-PLUS without TLS", false, scram_sha_256_plus, "p=tls-server-end-point,,n=,r=x", errc::unsupported_mechanism},
        {"-PLUS without a binding", true, scram_sha_256_plus, rfc_client_first, errc::malformed_scram},
        {"-PLUS with another binding type", true, scram_sha_256_plus, "p=tls-unique,,n=,r=x", errc::malformed_scram},
        {"binding without -PLUS", true, scram_sha_256, "p=tls-server-end-point,,n=,r=x", errc::malformed_scram},
        {"'y' although -PLUS was offered", true, scram_sha_256, "y,,n=,r=x", errc::downgraded},
        {"authorization identity", false, scram_sha_256, "n,a=root,n=,r=x", errc::unsupported_scram},
        {"mandatory extension", false, scram_sha_256, "n,,m=x,n=,r=x", errc::unsupported_scram},
        {"no nonce", false, scram_sha_256, "n,,n=user", errc::malformed_scram},
        {"empty nonce", false, scram_sha_256, "n,,n=,r=", errc::malformed_scram},
        {"nonce with a space", false, scram_sha_256, "n,,n=,r=a b", errc::malformed_scram},
        {"nonce outside ASCII", false, scram_sha_256, "n,,n=,r=\xc3\xa4", errc::malformed_scram},
        {"NUL", false, scram_sha_256, std::string("n,,n=,r=x\0", 10), errc::malformed_scram},
        {"nonce before name", false, scram_sha_256, "n,,r=x,n=", errc::malformed_scram},
        {"trailing comma", false, scram_sha_256, "n,,n=,r=x,", errc::malformed_scram},
        {"trailing rubbish", false, scram_sha_256, "n,,n=,r=x,?", errc::malformed_scram},
        {"empty", false, scram_sha_256, "", errc::malformed_scram},
        {"only a flag", false, scram_sha_256, "n", errc::malformed_scram},
        {"flag x", false, scram_sha_256, "x,,n=,r=x", errc::malformed_scram},
    };
    for (const auto& test : cases) {
        ScramServer server{server_settings(test.tls ? bytes("hash") : wire::Bytes{})};
        EXPECT_EQ(show(first(server, test.message, test.mechanism)), reject(test.expected)) << test.name;
        EXPECT_EQ(show(last(server, rfc_client_final)), reject(errc::unexpected_message)) << test.name;
    }
}

TEST(ScramServer, no_prefix_of_a_first_message_but_a_shorter_nonce_is_taken)
{
    const std::size_t nonce_at = rfc_client_first.find("r=") + 2;
    for (std::size_t size = 0; size <= rfc_client_first.size(); ++size) {
        ScramServer server{server_settings()};
        const auto action = first(server, rfc_client_first.substr(0, size));
        EXPECT_EQ(std::holds_alternative<ScramServer::Continue>(action), size > nonce_at) << size;
    }
}

TEST(ScramServer, no_prefix_of_a_proof_is_taken)
{
    for (std::size_t size = 0; size < rfc_client_final.size(); ++size) {
        ScramServer server{server_settings()};
        (void)first(server, rfc_client_first);
        EXPECT_TRUE(std::holds_alternative<ScramServer::Reject>(last(server, rfc_client_final.substr(0, size))))
            << size;
    }
}

TEST(ScramServer, no_changed_byte_of_a_proof_is_taken)
{
    for (std::size_t at = 0; at < rfc_client_final.size(); ++at) {
        for (const int flip : {1, 2, 32, 128}) {
            ScramServer server{server_settings()};
            (void)first(server, rfc_client_first);
            std::string changed = rfc_client_final;
            changed[at] = static_cast<char>(changed[at] ^ flip);
            EXPECT_TRUE(std::holds_alternative<ScramServer::Reject>(last(server, changed))) << at << " " << flip;
        }
    }
}

TEST(ScramServer, says_what_is_wrong_with_a_proof)
{
    const std::string nonce = client_nonce + server_nonce;
    const std::string proof = ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    const struct {
        const char* name;
        std::string message;
        errc expected;
    } cases[] = {
        {"tampered nonce", "c=biws,r=" + nonce + "x" + proof, errc::malformed_scram},
        {"nonce of the client alone", "c=biws,r=" + client_nonce + proof, errc::malformed_scram},
        {"another gs2 header", "c=eSws,r=" + nonce + proof, errc::wrong_channel_binding},
        {"header not in base64", "c=n,,,r=" + nonce + proof, errc::malformed_scram},
        {"wrong proof", "c=biws,r=" + nonce + ",p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", errc::wrong_password},
        {"short proof", "c=biws,r=" + nonce + ",p=AAAA", errc::malformed_scram},
        {"no proof", "c=biws,r=" + nonce, errc::malformed_scram},
        {"something after the proof", rfc_client_final + ",x=1", errc::malformed_scram},
    };
    for (const auto& test : cases) {
        ScramServer server{server_settings()};
        (void)first(server, rfc_client_first);
        EXPECT_EQ(show(last(server, test.message)), reject(test.expected)) << test.name;
        EXPECT_EQ(show(last(server, rfc_client_final)), reject(errc::unexpected_message))
            << test.name << ": one try a login";
    }
}

TEST(ScramServer, unknown_user_and_wrong_password_look_the_same)
{
    const auto mock = *mock_verifier("nobody", wire::as_bytes("installation secret"));
    const auto again = *mock_verifier("nobody", wire::as_bytes("installation secret"));
    EXPECT_EQ(format_verifier(mock), format_verifier(again)) << "the same salt at every try";
    EXPECT_NE(mock.salt, mock_verifier("other", wire::as_bytes("installation secret"))->salt);
    EXPECT_NE(mock.salt, mock_verifier("nobody", wire::as_bytes("other secret"))->salt);
    EXPECT_EQ(mock.salt.size(), 16U);
    EXPECT_EQ(mock.iterations, scram_default_iterations);

    ScramServer server{{mock, false, server_nonce}};
    const std::string challenge = show(first(server, rfc_client_first));
    EXPECT_EQ(challenge.size(), ("continue " + rfc_server_first).size());
    EXPECT_EQ(show(last(server, rfc_client_final)), reject(errc::wrong_password));
}

TEST(ScramServer, takes_any_password_of_a_user_who_has_several)
{
    auto settings = server_settings();
    settings.verifier = verifier_of("another");
    settings.others = {verifier_of("a third"), verifier_of("pencil")};
    ScramServer server{settings};
    EXPECT_EQ(show(first(server, rfc_client_first)), "continue " + rfc_server_first);
    EXPECT_EQ(show(last(server, rfc_client_final)), "accept " + rfc_server_final);
    settings.others.pop_back();
    ScramServer without{settings};
    (void)first(without, rfc_client_first);
    EXPECT_EQ(show(last(without, rfc_client_final)), reject(errc::wrong_password));
    settings.others = {verifier_of("pencil")};
    settings.known_user = false;
    ScramServer unknown{settings};
    (void)first(unknown, rfc_client_first);
    EXPECT_EQ(show(last(unknown, rfc_client_final)), reject(errc::wrong_password));
}

TEST(ScramServer, even_a_matching_proof_of_an_unknown_user_is_refused)
{
    auto settings = server_settings();
    settings.known_user = false;
    ScramServer server{std::move(settings)};
    (void)first(server, rfc_client_first);
    EXPECT_EQ(show(last(server, rfc_client_final)), reject(errc::wrong_password));
}

TEST(ScramServer, takes_messages_only_in_their_order)
{
    ScramServer proof_first{server_settings()};
    EXPECT_EQ(show(last(proof_first, rfc_client_final)), reject(errc::unexpected_message));
    ScramServer twice{server_settings()};
    (void)first(twice, rfc_client_first);
    EXPECT_EQ(show(first(twice, rfc_client_first)), reject(errc::unexpected_message));
    EXPECT_EQ(show(last(twice, rfc_client_final)), reject(errc::unexpected_message));
    ScramServer again{server_settings()};
    (void)first(again, rfc_client_first);
    (void)last(again, rfc_client_final);
    EXPECT_EQ(show(last(again, rfc_client_final)), reject(errc::unexpected_message));
}

// Both machines against each other.

using Change = std::function<std::string(std::string)>;

struct Login {
    std::string password = "pencil";
    wire::Bytes client_binding = {}, server_binding = {};
    bool require_binding = false;
    std::vector<std::string_view> offered = {}; // instead of what the server offers
    std::array<Change, 4> change = {};          // of each message on its way
};

std::string changed(const Change& change, std::string message)
{
    return change ? change(std::move(message)) : message;
}

/// The outcome for the client and for the server.
std::string log_in(const Login& login)
{
    ScramServer server{server_settings(login.server_binding)};
    ScramClient client{{login.password, "clientNonce", login.client_binding, login.require_binding}};
    const auto offered = login.offered.empty() ? server.mechanisms() : login.offered;
    const auto start = client.on(AuthenticationSasl{offered});
    const auto* initial = std::get_if<ScramClient::Initial>(&start);
    if (initial == nullptr)
        return show(start);
    const auto server_first = first(server, changed(login.change[0], initial->response), initial->mechanism);
    const auto* next = std::get_if<ScramServer::Continue>(&server_first);
    if (next == nullptr)
        return show(server_first);
    const std::string challenge = changed(login.change[1], next->data);
    const auto proof = client.on(AuthenticationSaslContinue{wire::as_bytes(challenge)});
    const auto* respond = std::get_if<ScramClient::Respond>(&proof);
    if (respond == nullptr)
        return show(proof);
    const auto end = last(server, changed(login.change[2], respond->response));
    const auto* accept = std::get_if<ScramServer::Accept>(&end);
    if (accept == nullptr)
        return show(end);
    const std::string signature = changed(login.change[3], accept->data);
    const auto outcome = client.on(AuthenticationSaslFinal{wire::as_bytes(signature)});
    EXPECT_EQ(client.verified(), std::holds_alternative<ScramClient::Verified>(outcome));
    return std::string{initial->mechanism} + " " + show(outcome);
}

Change replace(std::string from, std::string to)
{
    return [from = std::move(from), to = std::move(to)](std::string text) {
        const auto at = text.find(from);
        EXPECT_NE(at, std::string::npos) << from << " in " << text;
        return at == std::string::npos ? text : text.replace(at, from.size(), to);
    };
}

TEST(Scram, both_machines_against_each_other)
{
    const wire::Bytes hash = bytes("hash of the certificate"), other = bytes("hash of another one");
    const struct {
        const char* name;
        Login login;
        std::string expected;
    } cases[] = {
        {"plain", {}, "SCRAM-SHA-256 verified"},
        {"bound", {.client_binding = hash, .server_binding = hash}, "SCRAM-SHA-256-PLUS verified"},
        {"bound, as required",
         {.client_binding = hash, .server_binding = hash, .require_binding = true},
         "SCRAM-SHA-256-PLUS verified"},
        {"a server that cannot bind", {.client_binding = hash}, "SCRAM-SHA-256 verified"},
        {"a client that cannot bind", {.server_binding = hash}, "SCRAM-SHA-256 verified"},
        {"someone in between", {.client_binding = hash, .server_binding = other}, reject(errc::wrong_channel_binding)},
        {"someone removed the offer to bind",
         {.client_binding = hash, .server_binding = hash, .offered = {scram_sha_256}},
         reject(errc::downgraded)},
        {"someone removed the offer, and the client insists",
         {.client_binding = hash, .server_binding = hash, .require_binding = true, .offered = {scram_sha_256}},
         fail(errc::unsupported_mechanism)},
        {"someone turned 'y' into 'n'",
         {.client_binding = hash, .server_binding = hash, .offered = {scram_sha_256}, .change = {replace("y,", "n,")}},
         reject(errc::wrong_channel_binding)},
        {"nothing that we speak", {.offered = {"GS2-KRB5"}}, fail(errc::unsupported_mechanism)},
        {"wrong password", {.password = "pencils"}, reject(errc::wrong_password)},
        {"empty password", {.password = ""}, reject(errc::wrong_password)},
        {"client nonce changed on its way",
         {.change = {replace("clientNonce", "otherNonce!")}},
         fail(errc::malformed_scram)},
        {"server nonce changed", {.change = {nullptr, replace("%hv", "%hw")}}, reject(errc::malformed_scram)},
        {"server nonce removed", {.change = {nullptr, replace(server_nonce, "")}}, fail(errc::malformed_scram)},
        {"another salt", {.change = {nullptr, replace("s=W2", "s=X2")}}, reject(errc::wrong_password)},
        {"no salt", {.change = {nullptr, replace("s=W22ZaJ0SNY7soEsUEjb6gQ==", "s=")}}, fail(errc::malformed_scram)},
        {"too few rounds", {.change = {nullptr, replace("i=4096", "i=1")}}, fail(errc::weak_server)},
        {"too many rounds", {.change = {nullptr, replace("i=4096", "i=999999999")}}, fail(errc::weak_server)},
        {"rounds out of range", {.change = {nullptr, replace("i=4096", "i=4294967296")}}, fail(errc::malformed_scram)},
        {"negative rounds", {.change = {nullptr, replace("i=4096", "i=-4096")}}, fail(errc::malformed_scram)},
        {"a server that does not know the password",
         {.change = {nullptr, nullptr, nullptr, replace("v=", "v=AAAA")}},
         "SCRAM-SHA-256 " + fail(errc::malformed_scram)},
        {"a false signature",
         {.change = {nullptr, nullptr, nullptr,
                     [](const std::string&) { return "v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="; }}},
         "SCRAM-SHA-256 " + fail(errc::wrong_server)},
        {"an error instead of a signature",
         {.change = {nullptr, nullptr, nullptr, [](const std::string&) { return "e=invalid-proof"; }}},
         "SCRAM-SHA-256 " + fail(errc::wrong_password)},
    };
    for (const auto& test : cases)
        EXPECT_EQ(log_in(test.login), test.expected) << test.name;
}

TEST(Scram, no_prefix_of_a_servers_message_is_taken)
{
    for (std::size_t size = 0; size < rfc_server_first.size(); ++size) {
        ScramClient client{{"pencil", client_nonce}};
        (void)client.on(AuthenticationSasl{{scram_sha_256}});
        const auto action = client.on(AuthenticationSaslContinue{wire::as_bytes(rfc_server_first.substr(0, size))});
        EXPECT_TRUE(std::holds_alternative<ScramClient::Fail>(action)) << size;
    }
}

TEST(ScramClient, takes_messages_only_in_their_order)
{
    const std::string unexpected = fail(errc::unexpected_message);
    ScramClient client{{"pencil", client_nonce}};
    EXPECT_EQ(show(client.on(AuthenticationSaslContinue{})), unexpected);
    EXPECT_EQ(show(client.on(AuthenticationSasl{{scram_sha_256}})), unexpected) << "failed for good";
    ScramClient skips{{"pencil", client_nonce}};
    (void)skips.on(AuthenticationSasl{{scram_sha_256}});
    EXPECT_EQ(show(skips.on(AuthenticationSaslFinal{wire::as_bytes(rfc_server_final)})), unexpected);
    EXPECT_FALSE(skips.verified());
}

// What was kept is never the answer to another question.
TEST(ScramKeyCache, gives_what_would_be_derived)
{
    const wire::Bytes salt = bytes("one salt"), other = bytes("another salt");
    ScramKeyCache cache;
    const struct {
        const char* password;
        const wire::Bytes& salt;
        int iterations;
    } asked[] = {{"pencil", salt, 4096},  {"pencil", salt, 4096},   {"pencil", other, 4096},
                 {"pencil", other, 4097}, {"pencils", other, 4097}, {"pencil", salt, 4096}};
    for (const auto& one : asked) {
        const auto expected = derive_scram_keys(one.password, one.salt, one.iterations);
        const auto given = cache.keys(one.password, one.salt, one.iterations);
        ASSERT_TRUE(expected && given);
        EXPECT_EQ(given->client, expected->client);
        EXPECT_EQ(given->server, expected->server);
    }
}

TEST(Verifier, text_there_and_back)
{
    const std::string text = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
                             "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
    EXPECT_EQ(format_verifier(verifier_of("pencil")), text);
    const auto parsed = parse_verifier(text);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(format_verifier(*parsed), text);
    for (std::size_t size = 0; size < text.size(); ++size)
        EXPECT_FALSE(parse_verifier(text.substr(0, size))) << size;
    const struct {
        const char* name;
        std::string from, to;
    } cases[] = {
        {"another mechanism", "SHA-256", "SHA-512"},
        {"no rounds", "4096", ""},
        {"zero rounds", "4096", "0"},
        {"negative rounds", "4096", "-1"},
        {"huge rounds", "4096", "99999999999"},
        {"no salt", "W22ZaJ0SNY7soEsUEjb6gQ==", ""},
        {"salt not base64", "W22Z", "W2-Z"},
        {"short key", "WG5d", ""},
        {"something behind", "2dU=", "2dU=:"},
    };
    for (const auto& test : cases)
        EXPECT_FALSE(parse_verifier(replace(test.from, test.to)(text))) << test.name;
    EXPECT_FALSE(parse_verifier("md5c4ca4238a0b923820dcc509a6f75849b"));
}

TEST(Verifier, knows_its_password)
{
    const auto verifier = *make_verifier("secret", wire::as_bytes("0123456789abcdef"), 1);
    EXPECT_TRUE(*is_password(verifier, "secret"));
    EXPECT_FALSE(*is_password(verifier, "secrex"));
    EXPECT_FALSE(*is_password(verifier, ""));
}

TEST(Verifier, needs_salt_and_rounds)
{
    EXPECT_EQ(make_verifier("x", {}, 4096).error(), errc::invalid_verifier);
    EXPECT_EQ(make_verifier("x", wire::as_bytes("salt"), 0).error(), errc::invalid_verifier);
}

TEST(Password, is_prepared_by_saslprep_where_that_is_possible)
{
    const struct {
        const char* name;
        std::string password, expected;
    } cases[] = {
        {"ASCII stays", "pass word!", "pass word!"},
        {"empty stays", "", ""},
        {"soft hyphen goes (RFC 4013, 3)", "I\xc2\xadX", "IX"},
        {"compatibility forms (RFC 4013, 3)", "\xe2\x85\xa8", "IX"},
        {"ordinal a (RFC 4013, 3)", "\xc2\xaa", "a"},
        {"no-break space becomes a space",
         "a\xc2\xa0"
         "b",
         "a b"},
        {"composed and decomposed are the same", "u\xcc\x88", "\xc3\xbc"},
        {"ASCII control characters stay, as in PostgreSQL", "a\x07", "a\x07"},
        {"forbidden characters: as it is", "\xc3\xa4\x07", "\xc3\xa4\x07"},
        {"mixed directions: as it is", "\xd8\xa7\x31", "\xd8\xa7\x31"},
        {"Latin-1: as it is",
         "stra\xdf"
         "e",
         "stra\xdf"
         "e"},
        {"unassigned in Unicode 3.2: as it is", "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
    };
    for (const auto& test : cases)
        EXPECT_EQ(prepare_password(test.password), test.expected) << test.name;
}

TEST(Base64, is_strict)
{
    wire::Bytes out;
    for (const char* good : {"", "AA==", "AAA=", "AAAA", "W22ZaJ0SNY7soEsUEjb6gQ=="}) {
        EXPECT_TRUE(decode_base64(good, out)) << good;
        EXPECT_EQ(encode_base64(out), good);
    }
    for (const char* bad :
         {"A", "AA", "AAA", "=", "====", "AB==", "AA==AAAA", " AAA", "AAA\n", "AA-_", "A=AA", "AAAAA"})
        EXPECT_FALSE(decode_base64(bad, out)) << bad;
}

TEST(Md5, answers_as_postgresql_expects)
{
    // echo -n "md5$(echo -n "$(echo -n secretann | md5sum | cut -c-32)salt" | md5sum)"
    EXPECT_EQ(*md5_password("ann", "secret", wire::as_bytes("salt")), "md5b8f5ba9f485dba302ec0963f7ee9ba8f");
}

} // namespace scram_test
} // namespace stepgate::protocols::postgres
