#include "protocols/mysql/client_login.h"
#include "protocols/mysql/fast_cache.h"
#include "protocols/mysql/server_login.h"
#include "tests/unit/mysql_protocol/captures.h"

#include <gtest/gtest.h>

namespace stepgate::protocols::mysql
{
namespace login_test
{

const RsaKey& server_key()
{
    static const RsaKey key = *RsaKey::generate();
    return key;
}

Nonce test_nonce()
{
    Nonce nonce;
    std::ranges::copy(wire::as_bytes("01234567890123456789"), nonce.begin());
    return nonce;
}

wire::View view(const std::string& text)
{
    return wire::as_bytes(text);
}

template <class Digest>
std::string text_of(const result<Digest>& digest)
{
    return text(*digest);
}

ServerLogin::Settings settings(bool tls, bool fast = false)
{
    ServerLogin::Settings settings{test_nonce(), tls, &server_key(),
                                   [](auto password) { return password == "secret"; }};
    if (fast)
        settings.digest = *sha2_digest("secret");
    return settings;
}

/// What a machine did, as a word.
std::string said(const ServerLogin::Action& action)
{
    if (const auto* change = std::get_if<ServerLogin::Switch>(&action))
        return "switch " + std::string{change->plugin};
    if (const auto* more = std::get_if<ServerLogin::More>(&action))
        return more->data.size() == 1 ? "more " + std::to_string(std::to_integer<int>(more->data[0])) : "key";
    if (const auto* accept = std::get_if<ServerLogin::Accept>(&action))
        return std::string{accept->data.empty() ? "accept" : "accept fast"} + (accept->learned ? ", learned" : "");
    return make_error_code(std::get<ServerLogin::Reject>(action).error).message();
}

std::string said(const ClientLogin::Action& action)
{
    if (const auto* answer = std::get_if<ClientLogin::Answer>(&action))
        return std::string{answer->plugin} + " " + text(answer->auth);
    if (const auto* respond = std::get_if<ClientLogin::Respond>(&action))
        return "respond " + text(respond->data);
    if (std::holds_alternative<ClientLogin::Wait>(action))
        return "wait";
    return make_error_code(std::get<ClientLogin::Fail>(action).error).message();
}

std::string text_of(errc code)
{
    return make_error_code(code).message();
}

TEST(Scramble, is_that_of_real_clients)
{
    const auto mariadb = *decode_greeting(view(captures::mariadb_greeting));
    const auto native = decode_handshake_response(view(captures::mariadb_response))->auth;
    EXPECT_EQ(text_of(native_answer("secret", mariadb.nonce)), text(native));
    const auto mysql = *decode_greeting(view(captures::mysql_greeting));
    const auto sha2 = decode_handshake_response(view(captures::mysql_response))->auth;
    EXPECT_EQ(text_of(sha2_answer("secret", mysql.nonce)), text(sha2));
    std::string challenge;
    for (char octet = 1; octet <= 32; ++octet)
        challenge += octet;
    EXPECT_EQ(text_of(ed25519_answer("secret", view(challenge))), captures::ed25519_answer);
}

TEST(Scramble, proves_one_password_to_one_nonce)
{
    const auto digest = *sha2_digest("secret");
    const auto old_digest = *native_digest("secret");
    const auto nonce = test_nonce();
    auto other = nonce;
    other[19] = std::byte{'x'};
    EXPECT_TRUE(*answers(*sha2_answer("secret", nonce), digest, nonce));
    EXPECT_FALSE(*answers(*sha2_answer("secrex", nonce), digest, nonce));
    EXPECT_FALSE(*answers(*sha2_answer("secret", nonce), digest, other));
    EXPECT_FALSE(*answers(view("short"), digest, nonce));
    EXPECT_TRUE(*answers(*native_answer("secret", nonce), old_digest, nonce));
    EXPECT_FALSE(*answers(*native_answer("secrex", nonce), old_digest, nonce));
    EXPECT_FALSE(*answers(*native_answer("secret", nonce), old_digest, other));
    EXPECT_FALSE(*answers({}, old_digest, nonce));
}

TEST(RsaKey, carries_a_password_bound_to_the_nonce)
{
    const auto client = RsaKey::from_public_pem(server_key().public_pem());
    ASSERT_TRUE(client);
    const auto cipher = client->encrypt("secret", test_nonce());
    ASSERT_TRUE(cipher);
    EXPECT_EQ(*server_key().decrypt(*cipher, test_nonce()), "secret");
    auto other = test_nonce();
    other[0] = std::byte{'x'};
    EXPECT_NE(*server_key().decrypt(*cipher, other), "secret");
    EXPECT_FALSE(client->decrypt(*cipher, test_nonce())) << "the public half decrypts nothing";
    auto forged = *cipher;
    forged[9] ^= std::byte{1};
    EXPECT_EQ(server_key().decrypt(forged, test_nonce()).error(), errc::wrong_password);
    EXPECT_FALSE(server_key().decrypt(view("short"), test_nonce()));
}

TEST(RsaKey, refuses_what_is_no_strong_key)
{
    EXPECT_EQ(RsaKey::from_public_pem("no key").error(), errc::invalid_key);
    EXPECT_EQ(RsaKey::from_private_pem(server_key().public_pem()).error(), errc::invalid_key);
    EXPECT_EQ(RsaKey::generate(1024).error(), errc::invalid_key);
}

struct Dialogue {
    const char* name;
    ServerLogin::Settings settings;
    std::string plugin; // of the client's first answer
    std::string auth;
    std::vector<std::string> then; // its further packets
    std::string said;              // all that the server says
};

std::string sha2(std::string_view password)
{
    return text_of(sha2_answer(password, test_nonce()));
}

std::string native(std::string_view password)
{
    return text_of(native_answer(password, test_nonce()));
}

std::string cipher(std::string_view password)
{
    return text(*server_key().encrypt(password, test_nonce()));
}

ServerLogin::Settings with_native(bool known)
{
    auto with = settings(true);
    with.allow_native = true;
    if (known)
        with.native = *native_digest("secret");
    return with;
}

ServerLogin::Settings without_key()
{
    auto without = settings(false);
    without.rsa = nullptr;
    return without;
}

ServerLogin::Settings with_old_digest()
{
    auto with = settings(true);
    with.digest = *sha2_digest("old secret");
    return with;
}

std::string run(const Dialogue& dialogue)
{
    ServerLogin login{dialogue.settings};
    HandshakeResponse response;
    response.plugin = dialogue.plugin;
    response.auth = wire::as_bytes(dialogue.auth);
    if (dialogue.plugin != "none")
        response.capabilities = Capability::plugin_auth;
    std::string all = said(login.on(response));
    for (const auto& payload : dialogue.then)
        all += "; " + said(login.on_answer(Exact{payload}.bytes()));
    return all;
}

std::vector<Dialogue> dialogues()
{
    const std::string zero(1, '\0'), wrong = text_of(errc::wrong_password), malformed = text_of(errc::malformed_auth);
    const std::string plugin{caching_sha2_password}, old{mysql_native_password};
    const std::string switched = "switch caching_sha2_password; ";
    return {
        {"full over TLS", settings(true), plugin, sha2("secret"), {"secret" + zero}, "more 4; accept, learned"},
        {"full over TLS, wrong", settings(true), plugin, sha2("secrex"), {"secrex" + zero}, "more 4; " + wrong},
        {"full over TLS, no 0 behind it", settings(true), plugin, sha2("secret"), {"secret"}, "more 4; " + malformed},
        {"full over TLS, a 0 in it",
         settings(true),
         plugin,
         sha2("x"),
         {zero + "secret" + zero},
         "more 4; " + malformed},
        {"full over TLS, nothing", settings(true), plugin, sha2("secret"), {""}, "more 4; " + malformed},
        {"full over TLS, too long",
         settings(true),
         plugin,
         sha2("x"),
         {std::string(256, 'x') + zero},
         "more 4; " + malformed},
        {"full with RSA",
         settings(false),
         plugin,
         sha2("secret"),
         {"\2", cipher("secret")},
         "more 4; key; accept, learned"},
        {"full with an RSA key known before",
         settings(false),
         plugin,
         sha2("secret"),
         {cipher("secret")},
         "more 4; accept, learned"},
        {"full with RSA, wrong",
         settings(false),
         plugin,
         sha2("secrex"),
         {"\2", cipher("secrex")},
         "more 4; key; " + wrong},
        {"clear text without TLS", settings(false), plugin, sha2("secret"), {"secret" + zero}, "more 4; " + wrong},
        {"the key asked for twice", settings(false), plugin, sha2("secret"), {"\2", "\2"}, "more 4; key; " + wrong},
        {"neither TLS nor a key", without_key(), plugin, sha2("secret"), {}, text_of(errc::insecure)},
        {"fast", settings(true, true), plugin, sha2("secret"), {}, "accept fast"},
        {"fast without TLS", settings(false, true), plugin, sha2("secret"), {}, "accept fast"},
        {"fast, wrong", settings(true, true), plugin, sha2("secrex"), {"secrex" + zero}, "more 4; " + wrong},
        {"fast with the digest of an old password",
         with_old_digest(),
         plugin,
         sha2("secret"),
         {"secret" + zero},
         "more 4; accept, learned"},
        {"answer of the wrong size", settings(true), plugin, "short", {}, malformed},
        {"no password", settings(true), plugin, "", {}, wrong},
        {"no password, as some write it", settings(true), plugin, zero, {}, wrong},
        {"another plugin",
         settings(true),
         "dialog",
         "x",
         {sha2("secret"), "secret" + zero},
         switched + "more 4; accept, learned"},
        {"no plugin named", settings(true, true), "", "", {sha2("secret")}, switched + "accept fast"},
        {"native, not allowed",
         settings(true),
         old,
         native("secret"),
         {sha2("secret"), "secret" + zero},
         switched + "more 4; accept, learned"},
        {"native", with_native(true), old, native("secret"), {}, "accept"},
        {"native, wrong", with_native(true), old, native("secrex"), {}, wrong},
        {"native, the greeting was for another plugin",
         with_native(true),
         old,
         "",
         {native("secret")},
         "switch mysql_native_password; accept"},
        {"native, no password", with_native(true), old, "", {""}, "switch mysql_native_password; " + wrong},
        {"a client without plugins or a password", with_native(true), "none", "", {}, wrong},
        {"native, but no digest",
         with_native(false),
         old,
         native("secret"),
         {sha2("secret"), "secret" + zero},
         switched + "more 4; accept, learned"},
        {"a client without plugins", with_native(true), "none", native("secret"), {}, "accept"},
        {"a client without plugins, no digest", with_native(false), "none", native("secret"), {}, wrong},
        {"a client without plugins, native not allowed",
         settings(true),
         "none",
         native("secret"),
         {},
         text_of(errc::unsupported_plugin)},
    };
}

TEST(ServerLogin, dialogues)
{
    for (const auto& dialogue : dialogues())
        EXPECT_EQ(run(dialogue), dialogue.said) << dialogue.name;
}

TEST(ServerLogin, answers_nothing_after_its_end)
{
    for (auto dialogue : dialogues()) {
        if (dialogue.said.ends_with("more 4"))
            continue;
        dialogue.then.push_back("secret" + std::string(1, '\0'));
        EXPECT_EQ(run(dialogue), dialogue.said + "; " + text_of(errc::unexpected_message)) << dialogue.name;
    }
}

/// Each step of each dialogue gets nonsense instead: none may end in a login.
TEST(ServerLogin, nonsense_at_every_step_lets_nobody_in)
{
    for (const auto& dialogue : dialogues()) {
        for (std::size_t step = 0; step <= dialogue.then.size(); ++step) {
            for (const auto& nonsense : {std::string{}, std::string(32, 'x'), std::string(256, '\1'), raw("\1\0")}) {
                auto spoilt = dialogue;
                (step == 0 ? spoilt.auth : spoilt.then[step - 1]) = nonsense;
                if (step > 0)
                    spoilt.then.resize(step);
                else
                    spoilt.then.clear();
                EXPECT_EQ(run(spoilt).find("accept"), std::string::npos) << dialogue.name << " at step " << step;
            }
        }
    }
}

TEST(ServerLogin, a_stranger_cannot_tell_unknown_users_from_wrong_passwords)
{
    auto unknown = settings(true);
    unknown.check = [](std::string_view) { return false; };
    const Dialogue nobody{"", unknown, std::string{caching_sha2_password}, sha2("guess"), {raw("guess\0")}, ""};
    const Dialogue known{"", settings(true, true), std::string{caching_sha2_password}, sha2("guess"), {raw("guess\0")},
                         ""};
    EXPECT_EQ(run(nobody), run(known));
}

TEST(FastCache, counts_only_with_the_verifier_it_was_checked_against)
{
    FastCache cache{2};
    const auto digest = *sha2_digest("secret");
    cache.keep("ann", "verifier 1", digest);
    EXPECT_EQ(cache.find("ann", "verifier 1"), digest);
    EXPECT_FALSE(cache.find("ann", "verifier 2"));
    EXPECT_FALSE(cache.find("bob", "verifier 1"));
    cache.keep("ann", "verifier 2", *sha2_digest("new"));
    EXPECT_FALSE(cache.find("ann", "verifier 1"));
    cache.keep("bob", "v", digest);
    cache.keep("cat", "v", digest);
    EXPECT_TRUE(cache.find("cat", "v"));
    EXPECT_LE(cache.find("ann", "verifier 2").has_value() + cache.find("bob", "v").has_value(), 1);
}

Greeting greeting_of(std::string_view plugin)
{
    Greeting greeting;
    greeting.plugin = plugin;
    greeting.nonce = test_nonce();
    return greeting;
}

ClientLogin::Settings client(bool tls)
{
    return {"secret", tls};
}

/// Both machines against each other, with a server that prefers `plugin`.
std::string login(ClientLogin& mine, ServerLogin& theirs, std::string_view plugin)
{
    const auto answer = std::get<ClientLogin::Answer>(mine.on(greeting_of(plugin)));
    auto action = theirs.start(answer.plugin, answer.auth, true);
    for (int round = 0; round < 5; ++round) {
        ClientLogin::Action next = ClientLogin::Wait{};
        if (const auto* change = std::get_if<ServerLogin::Switch>(&action))
            next = mine.on(AuthSwitch{change->plugin, change->data});
        else if (const auto* more = std::get_if<ServerLogin::More>(&action))
            next = mine.on_more(more->data);
        else
            break;
        const auto* respond = std::get_if<ClientLogin::Respond>(&next);
        if (respond == nullptr)
            return said(next);
        action = theirs.on_answer(respond->data);
    }
    if (const auto* accept = std::get_if<ServerLogin::Accept>(&action); accept != nullptr && !accept->data.empty()) {
        EXPECT_EQ(said(mine.on_more(accept->data)), "wait");
    }
    EXPECT_TRUE(mine.may_be_accepted());
    return said(action);
}

struct Pair {
    const char* name;
    ClientLogin::Settings client;
    ServerLogin::Settings server;
    std::string_view plugin;
    std::string said;
};

TEST(ClientLogin, gets_into_a_server)
{
    const std::string insecure = text_of(errc::insecure);
    const Pair table[] = {
        {"fast", client(false), settings(false, true), caching_sha2_password, "accept fast"},
        {"full over TLS", client(true), settings(true), caching_sha2_password, "accept, learned"},
        {"a key known before",
         {"secret", false, &server_key()},
         settings(false),
         caching_sha2_password,
         "accept, learned"},
        {"a key asked for",
         {"secret", false, nullptr, true},
         settings(false),
         caching_sha2_password,
         "accept, learned"},
        {"never the password to an unknown key", client(false), settings(false), caching_sha2_password, insecure},
        {"native", client(true), with_native(true), mysql_native_password, "accept"},
        {"switched from native", client(true), settings(true), mysql_native_password, "accept, learned"},
        {"switched from a plugin that is not spoken", client(true), settings(true), "dialog", "accept, learned"},
    };
    for (const auto& row : table) {
        ClientLogin mine{row.client};
        ServerLogin theirs{row.server};
        EXPECT_EQ(login(mine, theirs, row.plugin), row.said) << row.name;
    }
}

struct Switched {
    const char* name;
    bool tls;
    std::string_view plugin;
    std::string data;
    std::string said;
};

TEST(ClientLogin, switches_only_to_what_is_safe)
{
    const std::string nonce = "98765432109876543210", zero(1, '\0');
    const std::string challenge = raw("\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17"
                                      "\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x20");
    const std::string malformed = text_of(errc::malformed_switch);
    Nonce other;
    std::ranges::copy(wire::as_bytes(nonce), other.begin());
    const Switched table[] = {
        {"clear over TLS", true, mysql_clear_password, "", "respond secret" + zero},
        {"clear without TLS", false, mysql_clear_password, "", text_of(errc::insecure)},
        {"ed25519", false, client_ed25519, challenge, "respond " + captures::ed25519_answer},
        {"ed25519 of another size", false, client_ed25519, challenge + "x", malformed},
        {"native with a new nonce", false, mysql_native_password, nonce + zero,
         "respond " + text_of(native_answer("secret", other))},
        {"sha2 without a 0", false, caching_sha2_password, nonce, "respond " + text_of(sha2_answer("secret", other))},
        {"a short nonce", false, mysql_native_password, "short", malformed},
        {"a long nonce", false, mysql_native_password, nonce + "xx", malformed},
        {"a plugin that is not spoken", true, "dialog", nonce, text_of(errc::unsupported_plugin)},
    };
    for (const auto& row : table) {
        ClientLogin mine{client(row.tls)};
        (void)mine.on(greeting_of(caching_sha2_password));
        EXPECT_EQ(said(mine.on(AuthSwitch{row.plugin, wire::as_bytes(row.data)})), row.said) << row.name;
        EXPECT_EQ(mine.may_be_accepted(), row.said.starts_with("respond")) << row.name;
        EXPECT_EQ(said(mine.on(AuthSwitch{row.plugin, wire::as_bytes(row.data)})), text_of(errc::unexpected_message))
            << row.name << ", twice";
    }
}

TEST(ClientLogin, without_a_password_answers_nothing)
{
    ClientLogin mine{{"", false}};
    EXPECT_EQ(said(mine.on(greeting_of(caching_sha2_password))), "caching_sha2_password ");
}

TEST(ClientLogin, fails_at_every_step_that_does_not_follow)
{
    const std::string unexpected = text_of(errc::unexpected_message), malformed = text_of(errc::malformed_auth);
    {
        ClientLogin mine{client(true)};
        EXPECT_EQ(said(mine.on_more(view("\3"))), unexpected) << "before the greeting";
        EXPECT_FALSE(mine.may_be_accepted());
    }
    {
        ClientLogin mine{client(true)};
        (void)mine.on(greeting_of(mysql_native_password));
        EXPECT_EQ(said(mine.on_more(view("\4"))), unexpected) << "native has nothing more to say";
        EXPECT_FALSE(mine.may_be_accepted());
    }
    {
        ClientLogin mine{client(true)};
        (void)mine.on(greeting_of(caching_sha2_password));
        EXPECT_EQ(said(mine.on_more(view("\5"))), malformed);
        EXPECT_EQ(said(mine.on_more(view("\3"))), unexpected) << "after its end";
    }
    {
        ClientLogin mine{client(true)};
        (void)mine.on(greeting_of(caching_sha2_password));
        EXPECT_EQ(said(mine.on_more(view("\4"))), "respond " + raw("secret\0"));
        EXPECT_EQ(said(mine.on_more(view("\4"))), unexpected) << "the password is sent once";
    }
    {
        ClientLogin mine{{"secret", false, nullptr, true}};
        (void)mine.on(greeting_of(caching_sha2_password));
        EXPECT_EQ(said(mine.on_more(view("\4"))), "respond \2");
        EXPECT_EQ(said(mine.on_more(view("no key"))), text_of(errc::invalid_key));
        EXPECT_FALSE(mine.may_be_accepted());
    }
    {
        ClientLogin mine{{"secret", false, nullptr, true}};
        (void)mine.on(greeting_of(caching_sha2_password));
        (void)mine.on_more(view("\4"));
        EXPECT_EQ(said(mine.on(AuthSwitch{mysql_clear_password, {}})), unexpected) << "while the key is awaited";
    }
}

} // namespace login_test
} // namespace stepgate::protocols::mysql
