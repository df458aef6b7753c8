"""Compression between clients and stepgate: real clients with zlib and zstd, holds over it, and packets that no client sends."""
# Seen to fail with its protection taken out: what does not unpack to what its header says. (The limit and the numbers: in the unit tests.)
import select
import socket
import subprocess
import threading
import unittest
import zlib

import MySQLdb
import pymysql

from harness import PATIENCE, ROOT, wait_for
from mariadb import ORACLE, MySqlCase, Screen

MYSQL_SERVER = ROOT / "tests/support/mysql_server.sh"
COMPRESS = 1 << 5
MUCH = "SELECT id, repeat(sha2(id, 256), 150) FROM orders ORDER BY id"  # 7.7 MB: more packets than there are numbers for them


class Packed:
    """A connection of PyMySQL, which knows no compression, with zlib under it. Checks the numbers as libmysqlclient does."""

    def __init__(self, sock, rfile):
        self.sock, self.rfile, self.rest, self.number, self.checks = sock, rfile, b"", 0, True

    def sendall(self, data):
        if data[3] == 0:  # a command begins
            self.number = 0
        self.send(zlib.compress(data), len(data))

    def send(self, payload, unpacked, number=None):
        number = self.number if number is None else number
        self.sock.sendall(len(payload).to_bytes(3, "little") + bytes([number]) + unpacked.to_bytes(3, "little") + payload)
        self.number = (number + 1) % 256

    def read(self, size):
        while len(self.rest) < size:
            header = self.rfile.read(7)
            if len(header) < 7:
                return b""
            payload = self.rfile.read(int.from_bytes(header[:3], "little"))
            unpacked = int.from_bytes(header[4:], "little")
            if self.checks and header[3] != self.number:
                raise AssertionError(f"number {header[3]} where {self.number} was due")
            self.number = (self.number + 1) % 256
            self.rest += zlib.decompress(payload) if unpacked else payload
        data, self.rest = self.rest[:size], self.rest[size:]
        return data

    def __getattr__(self, name):
        return getattr(self.sock, name)


class Connection(pymysql.connections.Connection):
    def _request_authentication(self):
        super()._request_authentication()
        self._sock = self._rfile = Packed(self._sock, self._rfile)


class Counter(threading.Thread):
    """Stands between a client and stepgate and counts what the client is sent."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.listener, self.to, self.bytes = socket.create_server(("127.0.0.1", 0)), port, 0
        self.port = self.listener.getsockname()[1]

    def run(self):
        client, _ = self.listener.accept()
        server = socket.create_connection(("127.0.0.1", self.to))
        while True:
            for ready in select.select([client, server], [], [])[0]:
                data = ready.recv(65536)
                if not data:
                    client.close(), server.close(), self.listener.close()
                    return
                self.bytes += len(data) if ready is server else 0
                (client if ready is server else server).sendall(data)


class Compression(MySqlCase):
    listener, settings = 'announce = "wait"\nlocal_infile = true', ("--local-infile=ON",) if ORACLE else ()

    def mysql(self, *arguments):
        """MySQL's own client, or nothing where it cannot be had."""
        if subprocess.run([MYSQL_SERVER, "root"], capture_output=True).returncode:
            self.skipTest("MySQL's client cannot be had here")
        return [MYSQL_SERVER, "run", "mysql", "--no-defaults", "-h127.0.0.1", "-udemo", f"-p{self.stack.password}", *arguments, "shop"]

    def packed(self, **more):
        connection = self.stack.pymysql(kind=Connection, client_flag=COMPRESS, read_timeout=PATIENCE, **more)
        self.addCleanup(lambda: connection.open and connection.close())
        return connection

    def counted(self, arguments, sql):
        """(output, bytes that the client was sent)."""
        counter = Counter(self.stack.port)
        counter.start()
        done = subprocess.run([*arguments, f"-P{counter.port}", "-N", "-B"], input=sql, capture_output=True, text=True, timeout=PATIENCE)
        counter.join(PATIENCE)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout, counter.bytes

    def test_mariadb(self):
        self.packs(self.stack.arguments(), "--compress")

    def test_mysql_zlib(self):
        self.packs(self.mysql(), "--compression-algorithms=zlib")

    def test_mysql_zstd(self):
        self.packs(self.mysql(), "--compression-algorithms=zstd")

    def test_mysql_with_both_and_the_highest_level(self):
        self.packs(self.mysql(), "--compression-algorithms=zstd,zlib,uncompressed", "--zstd-compression-level=22")
        self.packs(self.mysql(), "--compression-algorithms=zstd", "--zstd-compression-level=22")

    def packs(self, arguments, *options):
        """The same answers in much fewer bytes; the statement is long too."""
        sql = f"{MUCH}; SELECT length('{'word ' * 100000}'), 'behind';\n"
        plain, many = self.counted(arguments, sql)
        packed, few = self.counted([*arguments[:-1], *options, arguments[-1]], sql)
        self.assertEqual(plain.splitlines()[-1], "500000\tbehind")
        self.assertEqual(packed, plain)
        self.assertLess(few, many / 5)

    def test_held_and_shown(self):
        mysql = self.mysql(f"-P{self.stack.port}", "--compression-algorithms=zstd")
        for screen, prompt in ((Screen(self, self.stack.arguments("--compress", "--disable-auto-rehash")), "[shop]>"), (Screen(self, mysql), "mysql>")):
            with self.subTest(prompt):
                screen.until(prompt)
                screen.type("DELETE FROM scratch WHERE true;\n")
                screen.until("STATEMENT HELD")
                challenge = self.demo.wait_pending()
                screen.until(challenge["code"])
                self.demo.approve(challenge)
                screen.until("Query OK, 3 rows affected")
                screen.type("DELETE FROM orders WHERE true;\n")
                screen.until("STATEMENT HELD")
                self.demo.deny(self.demo.wait_pending())
                screen.until("1227")
                screen.type(f"{MUCH} LIMIT 20; SELECT concat('still ', 'alive');\n")
                screen.until("| still alive ")
                self.setUp()

    def test_file_of_the_client(self):
        path = self.stack.folder / "rows.txt"
        path.write_text("".join(f"{number}\tw{number}\n" for number in range(100000)))
        self.assertEqual(self.stack.ask(f"LOAD DATA LOCAL INFILE '{path}' INTO TABLE scratch; SELECT 'behind it'", "--local-infile=1",
                                        "--compress"), (0, "behind it", ""))
        self.assertEqual(self.rows(), 100003)

    def test_another_user_on_the_same_connection(self):
        connection = MySQLdb.connect(host="127.0.0.1", port=self.stack.port, user="demo", passwd=self.stack.password, db="shop", compress=True)
        connection.change_user("demo", self.stack.password, "information_schema")
        cursor = connection.cursor()
        cursor.execute("SELECT database(), repeat('a', 1000)")
        self.assertEqual(cursor.fetchone(), ("information_schema", "a" * 1000))
        connection.close()

    def answered(self, connection):
        connection._next_seq_id = 1
        connection._read_query_result()
        self.assertEqual(connection._result.rows, ((42,),))

    def test_packets_begin_and_end_anywhere(self):
        connection = self.packed()
        wire = connection._sock
        command = b"\x0a\0\0\0\x03SELECT 42"
        for pieces in ([command[:1], command[1:6], command[6:]], [bytes([b]) for b in command], [command]):
            wire.number = 0
            for piece in pieces:
                wire.send(piece, 0)
            self.answered(connection)
        wire.number = 0
        wire.send(zlib.compress(command * 2), 2 * len(command))
        for _ in range(2):
            self.answered(connection)
            wire.number = 1

    def test_next_command_before_the_answer_to_the_first(self):
        connection = self.packed()
        wire = connection._sock
        command = b"\x0a\0\0\0\x03SELECT 42"
        wire.send(command, 0, 0)
        wire.send(command, 0, 0)
        for _ in range(2):
            wire.number = 1
            self.answered(connection)

    def test_what_no_client_sends(self):
        """Nothing of it runs, the client is told, and the audit knows."""
        command = b"\x14\0\0\0\x03DELETE FROM scratch"
        attacks = {
            "a bomb": (1157, lambda wire: wire.send(zlib.compress(command + b"\0" * 5000000), len(command))),
            "no compression at all": (1157, lambda wire: wire.send(b"\0" * 60, 600)),
            "something behind it": (1157, lambda wire: wire.send(zlib.compress(command) + command, len(command))),
            "out of order": (1156, lambda wire: wire.send(command, 0, 3)),
            "nothing": (1157, lambda wire: wire.send(b"", 0)),
        }
        for name, (code, attack) in attacks.items():
            with self.subTest(name):
                connection = self.packed()
                before = self.refusals()
                attack(connection._sock)
                connection._sock.checks = False
                with self.assertRaises(pymysql.Error) as caught:
                    connection._next_seq_id = 1
                    connection._read_packet()
                self.assertEqual(caught.exception.args[0], code)
                wait_for(lambda: self.refusals() > before, "the violation in the audit")
        self.assertEqual(self.rows(), 3)

    def refusals(self):
        return len([r for r in self.stack.audit() if "packet" in str(r["details"]) and r["type"] == "protocol_error"])


if __name__ == "__main__":
    unittest.main()
