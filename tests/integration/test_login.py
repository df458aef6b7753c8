"""Logins and the edges of the protocol: TLS in all modes, wrong passwords, cancels, malformed and forbidden messages."""
import asyncio
import os
import re
import socket
import ssl
import struct
import time
import unittest

import asyncpg

import wire
from harness import PATIENCE, Stack, wait_for

SSL_REQUEST = struct.pack(">II", 8, 80877103)
GSS_REQUEST = struct.pack(">II", 8, 80877104)


def startup(version=196608, **parameters):
    body = b"".join(k.encode() + b"\0" + v.encode() + b"\0" for k, v in parameters.items()) + b"\0"
    return struct.pack(">II", len(body) + 8, version) + body


def message(kind, body=b""):
    return kind + struct.pack(">I", len(body) + 4) + body


class Wire:
    """A client that can be wrong on purpose."""

    def __init__(self, stack):
        self.socket = socket.create_connection(("127.0.0.1", stack.port), PATIENCE)

    def send(self, data):
        self.socket.sendall(data)
        return self

    def rest(self):
        """Everything until the proxy closes."""
        data = b""
        while True:
            try:
                part = self.socket.recv(65536)
            except ConnectionResetError:
                return data
            if not part:
                return data
            data += part


class Login(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack().start()
        cls.addClassCleanup(cls.stack.close)

    def test_scram_with_and_without_tls(self):
        for mode in ("disable", "prefer", "require"):
            with self.subTest(mode):
                self.assertEqual(self.stack.ask("SELECT 1", PGSSLMODE=mode)[:2], (0, "1"))

    def test_certificate_is_verified_by_the_client(self):
        ca = str(self.stack.home / "tls/ca.crt")
        self.assertEqual(self.stack.ask("SELECT 1", PGSSLMODE="verify-full", PGSSLROOTCERT=ca, PGHOST="localhost")[0], 0)

    def test_channel_binding_can_be_required(self):
        self.assertEqual(self.stack.ask("SELECT 1", PGCHANNELBINDING="require", PGSSLMODE="require")[:2], (0, "1"))

    def test_wrong_password_and_unknown_user_answer_alike(self):
        wrong = self.stack.ask("SELECT 1", PGPASSWORD="wrong")
        unknown = self.stack.ask("SELECT 1", PGUSER="nobody", PGPASSWORD="wrong")
        self.assertEqual(wrong[0], unknown[0])
        self.assertEqual(wrong[2].replace('"demo"', "X"), unknown[2].replace('"nobody"', "X"))
        self.assertIn("authentication failed", wrong[2])

    def test_disabled_user_cannot_log_in(self):
        self.stack.run("user", "add", "leaver", "--password-file", self.password_file("secret-1"))
        self.eventually(lambda: self.stack.ask("SELECT 1", PGUSER="leaver", PGPASSWORD="secret-1")[0] == 0)
        with wire.Wire(self.stack.port, "leaver", "secret-1") as connected:
            self.stack.run("user", "disable", "leaver")
            kind, text = connected.reply()  # without having asked anything
            self.assertEqual((kind, text[:5]), ("E", "57P01"), text)
        self.eventually(lambda: "authentication failed" in self.stack.ask("SELECT 1", PGUSER="leaver", PGPASSWORD="secret-1")[2])

    def password_file(self, password):
        file = self.stack.folder / "password"
        file.write_text(password + "\n")
        return file

    def eventually(self, condition):
        end = time.monotonic() + PATIENCE
        while not condition():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.1)

    def assert_fatal(self, answer, sqlstate):
        self.assertIn(b"SFATAL\0", answer)
        self.assertIn(b"C" + sqlstate + b"\0", answer)

    def test_gss_is_declined_and_tls_still_offered(self):
        wire = Wire(self.stack).send(GSS_REQUEST)
        self.assertEqual(wire.socket.recv(1), b"N")
        wire.send(SSL_REQUEST)
        self.assertEqual(wire.socket.recv(1), b"S")

    def test_plaintext_behind_the_tls_request_is_never_used(self):
        wire = Wire(self.stack).send(SSL_REQUEST + startup(user="demo", database="shop"))
        self.assertNotIn(b"R\0\0\0", wire.rest())

    def test_direct_tls_needs_the_alpn_protocol(self):
        for protocols, good in ((["postgresql"], True), (None, False), (["http/1.1"], False)):
            with self.subTest(str(protocols)):
                context = ssl.create_default_context(cafile=self.stack.home / "tls/ca.crt")
                if protocols:
                    context.set_alpn_protocols(protocols)
                raw = socket.create_connection(("127.0.0.1", self.stack.port), PATIENCE)
                if good:
                    with context.wrap_socket(raw, server_hostname="localhost") as tls:
                        tls.sendall(startup(user="demo", database="shop"))
                        self.assertEqual(tls.recv(1), b"R")
                else:
                    with self.assertRaises(OSError):
                        with context.wrap_socket(raw, server_hostname="localhost") as tls:
                            tls.sendall(startup(user="demo", database="shop"))
                            if not tls.recv(1):
                                raise OSError("closed")

    def test_startup_keys_are_allow_listed(self):
        """Only who logged in is told: a rule may allow them to some users. Replication: test_special_messages.py."""
        for key, value in (("role", "postgres"), ("standard_conforming_strings", "off"),
                           ("options", "-c role=postgres"), ("options", "-crole=postgres"), ("session_authorization", "x"),
                           ("options", "--role=postgres")):
            with self.subTest(f"{key}={value}"), self.assertRaises(asyncpg.PostgresError) as refused:
                asyncio.run(asyncpg.connect(host="127.0.0.1", port=self.stack.port, user="demo", password=self.stack.password,
                                            database="shop", ssl=False, timeout=PATIENCE, server_settings={key: value}))
            self.assertEqual(refused.exception.sqlstate, "42501", str(refused.exception))

    def test_other_encodings_are_refused(self):
        code, _, error = self.stack.ask("SELECT 1", PGCLIENTENCODING="SJIS")
        self.assertNotEqual(code, 0)
        self.assertIn("FATAL", error)

    def test_newer_minor_version_is_negotiated(self):
        wire = Wire(self.stack).send(startup(196609 + 998, user="demo", database="shop"))
        self.assertEqual(wire.socket.recv(1), b"v")

    def test_unsupported_major_version(self):
        self.assert_fatal(Wire(self.stack).send(startup(2 << 16, user="demo")).rest(), b"0A000")

    def test_malformed_first_packets_are_closed(self):
        for name, data in (("zero length", b"\0\0\0\0"), ("huge length", b"\x7f\xff\xff\xff\0\3\0\0"), ("garbage", b"GET / HTTP/1.1\r\n\r\n"),
                           ("no terminator", struct.pack(">II", 12, 196608) + b"user"), ("no user", startup(database="shop"))):
            with self.subTest(name):
                self.assertNotIn(b"R\0\0\0", Wire(self.stack).send(data).rest())

    def test_cancel_with_a_wrong_key_does_nothing(self):
        wire = Wire(self.stack).send(struct.pack(">IIII", 16, 80877102, 1, 2))
        self.assertEqual(wire.rest(), b"")


class Messages(unittest.TestCase):
    """After a login that psycopg2 did: its socket goes on with bytes of ours."""

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(extra='[limits]\nmessage = "1MiB"\n').start()
        cls.addClassCleanup(cls.stack.close)

    def connect(self):
        import psycopg2
        connection = psycopg2.connect(host="127.0.0.1", port=self.stack.port, user="demo", password=self.stack.password,
                                      dbname="shop", sslmode="disable")
        raw = socket.socket(fileno=os.dup(connection.fileno()))
        raw.setblocking(True)
        raw.settimeout(PATIENCE)
        self.addCleanup(connection.close)
        self.addCleanup(raw.close)
        return raw

    def exchange(self, data):
        wire = Wire.__new__(Wire)
        wire.socket = self.connect()
        try:
            wire.send(data)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return wire.rest()

    def test_refused_messages(self):
        cases = (("unknown type", message(b"!"), b"08P01"), ("length below four", b"Q\0\0\0\3", b"08P01"),
                 ("negative length", b"Q\xff\xff\xff\xff", b"08P01"), ("over the limit", b"Q" + struct.pack(">I", 2 << 20), b"54000"),
                 ("query without terminator", message(b"Q", b"SELECT 1"), b"08P01"), ("trailing bytes", message(b"Q", b"SELECT 1\0x"), b"08P01"),
                 ("password out of order", message(b"p", b"x\0"), b"08P01"))
        for name, data, sqlstate in cases:
            with self.subTest(name):
                answer = self.exchange(data)
                self.assertIn(b"SFATAL\0", answer)
                self.assertIn(b"C" + sqlstate + b"\0", answer)

    def test_function_call_is_refused_and_the_session_lives(self):
        body = struct.pack(">IHHH", 1598, 0, 0, 0)  # random()
        answer = self.exchange(message(b"F", body) + message(b"Q", b"SELECT 4711\0") + message(b"X"))
        self.assertIn(b"C42501\0", answer)
        self.assertIn(b"4711", answer)


class TlsRequired(unittest.TestCase):
    def test_plaintext_login_is_refused(self):
        stack = Stack()
        self.addCleanup(stack.close)
        stack.config.write_text(stack.config.read_text().replace('mode = "prefer"', 'mode = "require"'))
        stack.start()
        code, out, err = stack.ask("SELECT 1", PGSSLMODE="disable")
        self.assertNotEqual(code, 0)
        self.assertIn("TLS", err.upper().replace("SSL", "TLS"))
        self.assertEqual(stack.ask("SELECT 1", PGSSLMODE="require")[0], 0)


class Passthrough(unittest.TestCase):
    def test_the_servers_own_accounts(self):
        stack = Stack()
        self.addCleanup(stack.close)
        text = stack.config.read_text().replace('auth = "proxy"', 'auth = "passthrough"')
        text = "\n".join(line for line in text.splitlines() if not line.startswith(("user = ", "password = ")))
        stack.config.write_text(text)
        stack.start()
        self.assertEqual(stack.ask("SELECT current_user", PGUSER="app", PGPASSWORD="app-password")[:2], (0, "app"))
        code, out, err = stack.ask("SELECT 1", PGUSER="app", PGPASSWORD="wrong")
        self.assertIn("authentication failed", err)
        stack.run("user", "add", "app", "--generate-password")
        stack.run("user", "disable", "app")
        # A session that the disabling meets is ended first, in other words.
        wait_for(lambda: 'user "app" is disabled in stepgate' in stack.ask("SELECT 1", PGUSER="app", PGPASSWORD="app-password")[2],
                 "the disabling", every=0.2)


class WithoutTls(unittest.TestCase):
    def test_a_listener_with_tls_disabled_says_no(self):
        stack = Stack()
        self.addCleanup(stack.close)
        text = stack.config.read_text()
        listener = text.index("[[listener]]")
        tls = re.search(r"^tls = .*$", text[listener:], re.M).group(0)
        for setting in ('tls = {mode = "disable"}', ""):
            with self.subTest(setting):
                stack.config.write_text(text[:listener] + text[listener:].replace(tls, setting, 1))
                stack.start()
                wire = Wire(stack).send(SSL_REQUEST)
                self.assertEqual(wire.socket.recv(1), b"N")
                wire.send(startup(user="demo", database="shop"))  # the same connection goes on in clear text
                self.assertEqual(wire.socket.recv(1), b"R")
                wire.socket.close()
                for mode in ("disable", "allow", "prefer"):
                    self.assertEqual(stack.ask("SELECT 1", PGSSLMODE=mode)[:2], (0, "1"), mode)
                code, _, err = stack.ask("SELECT 1", PGSSLMODE="require")
                self.assertEqual(code, 2)
                self.assertIn("server does not support SSL, but SSL was required", err)
                stack.stop()


if __name__ == "__main__":
    unittest.main()
