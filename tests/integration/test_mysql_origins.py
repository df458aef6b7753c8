"""The second line of defence: what the server says of a result's columns. stepgate reads these texts right; so that it does not know what the real
server runs, something between the two writes other bytes into them: 'ssn' becomes a name."""
# Each was seen to fail with its protection taken out: columns that are not looked at, rows that follow the error, cursors that are fetched from,
# reads that are forgotten.
import contextlib
import select
import socket
import ssl
import struct
import threading
import unittest
import unittest.mock

import pymysql

from harness import PATIENCE
from mariadb import ORACLE, MySqlCase, MySqlStack
from mysql_raw import EXECUTE, FETCH, RawCommands, WithCache

POLICY = """
[[label]]
table = "customers"
columns = {ssn = ["pii"], email = ["pii"]}

[[label]]
column_regex = "passport"
labels = ["pii"]

[[rule]]
id = "read-pii"
when = {reads = {labels = ["pii"]}, user = {not_in_group = ["dpo"]}}
then = {challenge = {level = 1}}
"""


class Between(threading.Thread):
    """Forwards connections to a port, and takes the quotes off what goes there. It ends the TLS of both sides where the client asks for some."""

    def __init__(self, port, certificate):
        super().__init__(daemon=True)
        self.to, self.listener = port, socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.as_server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.as_server.load_cert_chain(certificate / "server.crt", certificate / "server.key")
        self.as_client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.as_client.check_hostname, self.as_client.verify_mode = False, ssl.CERT_NONE
        self.start()

    def run(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        server = socket.create_connection(("127.0.0.1", self.to))
        with contextlib.suppress(OSError, EOFError):
            client.sendall(packet(server))  # the greeting
            first = packet(client)
            server.sendall(first)
            if len(first) == 36 and first[5] & 8:  # SSLRequest: CLIENT_SSL, and no user
                client = self.as_server.wrap_socket(client, server_side=True)
                server = self.as_client.wrap_socket(server)
            self.copy(client, server)
        client.close()
        server.close()

    @staticmethod
    def copy(client, server):
        while True:
            ready = [end for end in (client, server) if isinstance(end, ssl.SSLSocket) and end.pending()]
            for end in ready or select.select([client, server], [], [])[0]:
                end.setblocking(False)  # what came may be for TLS alone: a ticket
                try:
                    data = end.recv(1 << 16)
                except ssl.SSLWantReadError:
                    continue
                finally:
                    end.setblocking(True)
                if not data:
                    return
                if end is client:
                    server.sendall(data.replace(b"'ssn'", b" ssn ").replace(b"'email'", b" email "))
                else:
                    client.sendall(data)


def packet(end):
    """A whole packet, and not a byte more: TLS may follow it."""
    data = b""
    while len(data) < 4 or len(data) < 4 + int.from_bytes(data[:3], "little"):
        more = end.recv(4 - len(data) if len(data) < 4 else 4 + int.from_bytes(data[:3], "little") - len(data))
        if not more:
            raise EOFError
        data += more
    return data


class Stack(MySqlStack):
    def configure(self, *args, **options):
        super().configure(*args, **options)
        for pack in (self.home / "packs").glob("*.toml"):
            pack.write_text("")
        between = Between(self.cluster.port, self.home / "tls")
        text = self.config.read_text().replace(f"port = {self.cluster.port}", f"port = {between.port}")
        assert str(between.port) in text
        self.config.write_text(text)


class Origins(RawCommands, MySqlCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(policy=POLICY, listener='announce = "wait"', hold=cls.hold)
        cls.addClassCleanup(cls.stack.close)
        cls.ann = cls.stack.run("user", "add", "ann", "--generate-password", "--group", "dpo").split("password: ")[1].split()[0]
        cls.stack.start()
        cls.demo = cls.stack.person()

    def withheld(self, work):
        with self.assertRaises(pymysql.Error) as caught:
            work()
        self.assertEqual(caught.exception.args[0], 1227)
        self.assertIn("rows withheld by rule read-pii: the server says that they come from shop.customers (ssn", caught.exception.args[1])
        self.assertIn("Run it again", caught.exception.args[1])

    def test_rows_are_withheld_and_asked_for_when_it_is_run_again(self):
        cursor = self.connect().cursor()
        sql = "SELECT id, 'ssn' FROM customers WHERE id < 4"
        self.withheld(lambda: cursor.execute(sql))
        cursor.execute("SELECT 'still here'")
        self.assertEqual(cursor.fetchone(), ("still here",))
        for approved in (False, True):
            thread, result = self.later(lambda: self.connect().cursor().execute(sql))  # in another session, too
            challenge = self.demo.wait_pending()
            self.assertIn("shop.customers (ssn)", challenge["tables"])
            self.demo.approve(challenge) if approved else self.demo.deny(challenge)
            thread.join(PATIENCE)
        self.assertEqual(result, [3])
        self.assertIn(["read-pii"], [r["rules"] for r in self.stack.audit() if r["type"] == "statement" and r.get("action") == "deny"])
        self.assertIn("the journal is intact", self.stack.run("audit", "verify"))

    def test_many_rows_and_columns(self):
        """What is left of the result is swallowed, however it is cut into reads; all of its columns are learned."""
        cursor = self.connect().cursor()
        wide = ", ".join(f"o.item AS a{i}" for i in range(600))
        sql = f"SELECT {wide}, c.'ssn', c.'email' FROM orders o, customers c".replace("c.'", "'")
        self.withheld(lambda: cursor.execute(sql))
        for _ in range(2):
            cursor.execute("SELECT count(*) FROM orders")
            self.assertEqual(cursor.fetchone(), (800,))
        thread, result = self.later(lambda: cursor.execute(sql))
        challenge = self.demo.wait_pending()
        self.assertIn("shop.customers (email, ssn)", challenge["tables"])
        self.demo.deny(challenge)
        thread.join(PATIENCE)

    def test_one_of_several_results(self):
        connection = self.connect(client_flag=pymysql.constants.CLIENT.MULTI_STATEMENTS)
        cursor = connection.cursor()
        cursor.execute("SELECT 1; SELECT 'ssn' FROM customers LIMIT 2; SELECT 3")
        self.assertEqual(cursor.fetchall(), ((1,),))
        self.withheld(cursor.nextset)
        cursor = connection.cursor()
        cursor.execute("SELECT 4")
        self.assertEqual(cursor.fetchone(), (4,))

    def test_whatever_character_set_results_are_in(self):
        for number, charset in enumerate(("utf16", "utf16le", "ucs2", "utf32", "latin1"), start=1):
            with self.subTest(charset):
                cursor = self.connect().cursor()
                cursor.execute(f"SET character_set_results = {charset}")
                cursor.execute("SELECT city FROM customers LIMIT 1")
                self.withheld(lambda: cursor.execute(f"SELECT 'ssn' FROM customers LIMIT {number}"))

    def test_cursors_of_the_protocol_give_no_rows(self):
        connection = self.connect(autocommit=True)
        statement, _ = self.prepare(connection, "SELECT 'ssn' FROM customers WHERE id < 100")
        execute = struct.pack("<IBI", statement, 1, 1)  # CURSOR_TYPE_READ_ONLY
        self.withheld(lambda: self.command(connection, EXECUTE, execute))
        with self.assertRaises(pymysql.Error) as caught:
            self.command(connection, FETCH, struct.pack("<II", statement, 10))
        self.assertEqual(caught.exception.args[0], 1243)
        thread, result = self.later(lambda: self.command(connection, EXECUTE, execute))
        self.demo.deny(self.demo.wait_pending())
        thread.join(PATIENCE)
        self.assertEqual(result[0].args[0], 1227)

    @unittest.skipIf(ORACLE, "MySQL describes the columns of every result")
    def test_columns_that_the_server_does_not_describe_again(self):
        with unittest.mock.patch("pymysql.connections.struct", WithCache):
            connection = self.connect(autocommit=True)

        def rows(statement):
            """What comes before the first row, and how many rows there are."""
            head = [self.command(connection, EXECUTE, struct.pack("<IBI", statement, 0, 1)).get_all_data()]
            while not (packet := connection._read_packet()).is_eof_packet():
                head.append(packet.get_all_data())
            count = 0
            while not connection._read_packet().is_eof_packet():
                count += 1
            return head, count

        harmless, _ = self.prepare(connection, "SELECT city, id FROM customers LIMIT 3")
        for _ in range(3):
            self.assertEqual(rows(harmless), ([b"\x02\0"], 3))
        labelled, _ = self.prepare(connection, "SELECT 'ssn', id FROM customers LIMIT 5")
        self.withheld(lambda: rows(labelled))
        self.assertEqual(rows(harmless), ([b"\x02\0"], 3))
        for approved in (False, True):
            thread, result = self.later(lambda: rows(labelled))
            challenge = self.demo.wait_pending()
            self.demo.approve(challenge) if approved else self.demo.deny(challenge)
            thread.join(PATIENCE)
        self.assertEqual(result, [([b"\x02\0"], 5)])
        # After a change the server describes them anew, and that counts from then on.
        renewed, _ = self.prepare(connection, "SELECT * FROM scratch")
        unseen, _ = self.prepare(connection, "SELECT 'ssn', s.* FROM customers c, scratch s WHERE s.id = 1 AND c.id = 1")
        self.assertEqual(rows(renewed), ([b"\x02\0"], 3))
        self.addCleanup(self.stack.cluster.shop, "ALTER TABLE scratch DROP COLUMN more")
        self.stack.cluster.shop("ALTER TABLE scratch ADD COLUMN more int")
        head, count = rows(renewed)
        self.assertEqual((head[0], len(head), count), (b"\x03\1", 4, 3))
        self.assertEqual(rows(renewed), ([b"\x03\0"], 3))
        cursor = connection.cursor()  # texts are described always
        self.assertEqual(cursor.execute("SELECT city FROM customers LIMIT 2"), 2)
        cursor.execute("CREATE OR REPLACE PROCEDURE two() BEGIN SELECT city FROM customers LIMIT 1; SELECT id, city FROM customers LIMIT 2; END")
        two, _ = self.prepare(connection, "CALL two()")
        for _ in range(2):
            self.assertEqual(rows(two)[0][0], b"\1\1")
            self.assertEqual(connection._read_packet().get_all_data(), b"\2\1")
            for _ in range(2):
                while not connection._read_packet().is_eof_packet():
                    pass
            connection._read_packet()
        # Those of rows that were withheld the client was not told: it could not read what comes without them.
        self.withheld(lambda: rows(unseen))
        thread, result = self.later(lambda: rows(unseen))
        self.demo.approve(self.demo.wait_pending())
        thread.join(PATIENCE)
        self.assertEqual(result[0].args[0], 1615, result)
        self.assertIn("Prepare the statement again", result[0].args[1])
        self.assertEqual(rows(harmless), ([b"\x02\0"], 3))

    def test_what_the_text_shows_or_nobody_labelled_passes(self):
        cursor = self.connect().cursor()
        for sql in ("SELECT 'city', c.* FROM orders c LIMIT 2", "SELECT z.city FROM (SELECT city FROM customers) z LIMIT 2", "SHOW COLUMNS FROM customers",
                    "SELECT max('ssn') FROM customers", "SHOW TABLES",
                    "SELECT j.* FROM JSON_TABLE('{}', '$' COLUMNS (passport int PATH '$.p')) j"):
            with self.subTest(sql):
                cursor.execute(sql)

    def test_who_may_is_not_asked(self):
        cursor = self.connect(user="ann", password=self.ann).cursor()
        self.assertEqual(cursor.execute("SELECT 'ssn', city FROM customers LIMIT 3"), 3)


if __name__ == "__main__":
    unittest.main()
