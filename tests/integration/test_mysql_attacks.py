"""Attacks with single commands of MySQL's protocol: what was judged and approved is what the server executes."""
# Seen to fail with its protection taken out: types and long data of an execution that failed, types that no packet has room for.
import struct
import unittest
import unittest.mock

import pymysql
from pymysql._auth import scramble_caching_sha2

from harness import PATIENCE, wait_for
from mariadb import ORACLE, MySqlCase
from mysql_raw import BULK, CLOSE, EXECUTE, FETCH, LONG_DATA, RawCommands, WithBulk, WithCache

LAST_PREPARED = 0xffffffff
TEXT, BIG, INTEGER, JSON, DOUBLE = b"\xfd\0", b"\x08\0", b"\x03\0", b"\xf5\0", b"\x05\0"


def text(value):
    return bytes([len(value)]) + value


class Case(RawCommands, MySqlCase):
    listener = 'announce = "wait"'

    def run_raw(self, connection, statement, rest=b"", flags=0):
        """The first packet that answers an execution with `rest` behind its header, or the error."""
        return self.command(connection, EXECUTE, struct.pack("<IBI", statement, flags, 1) + rest).get_all_data()

    def asked(self, work, approve=False, person=None):
        """(values that the question shows, what came of it) of something that is held."""
        person = person or self.demo
        thread, result = self.later(work)
        wait_for(lambda: result or person.pending(), "a hold", every=0.05)
        self.assertEqual(result, [], "not held")
        challenge = person.pending()[0]
        detail = person.call("GET", f"/challenges/{challenge['id']}")
        (person.approve if approve else person.deny)(challenge)
        thread.join(PATIENCE)
        return [value.get("value") for value in detail["statements"][0]["parameters"]], result[0]

    def denied(self, work, person=None):
        _, result = self.asked(work, person=person)
        self.assertIsInstance(result, pymysql.Error)
        self.assertEqual(result.args[0], 1227)

    def words(self):
        return self.stack.cluster.shop("SELECT DISTINCT word FROM scratch ORDER BY word").split()


class Executions(Case):
    """What an execution leaves behind at the server when it fails there must not become part of the next one."""

    UPDATE = "UPDATE scratch SET word = ? WHERE word <> ? OR true"

    def test_long_data_of_one_that_failed(self):
        """MySQL keeps it where it did not come to read the values, and it would win over those of the next one."""
        connection = self.connect(autocommit=True)
        statement, _ = self.prepare(connection, self.UPDATE)
        connection._execute_command(LONG_DATA, struct.pack("<IH", statement, 0) + b"kept")
        shown, failed = self.asked(lambda: self.run_raw(connection, statement, b"\0\1" + JSON + TEXT + text(b"y")), approve=True)
        self.assertEqual((shown, type(failed)), (["kept", "y"], pymysql.err.OperationalError if ORACLE else type(failed)))
        connection._execute_command(LONG_DATA, struct.pack("<IH", statement, 1) + b"second")
        shown, _ = self.asked(lambda: self.run_raw(connection, statement, b"\0\1" + TEXT + TEXT + text(b"shown")), approve=True)
        self.assertEqual((shown, self.words()), (["shown", "second"], ["shown"]))

    def test_types_of_one_that_failed(self):
        """MariaDB stops at the first type that it does not take: the next one, without types, would be read with older ones."""
        connection = self.connect(autocommit=True)
        statement, _ = self.prepare(connection, "UPDATE scratch SET id = 5 + ?, word = ?")
        self.asked(lambda: self.run_raw(connection, statement, b"\0\1" + TEXT + TEXT + text(b"1") + text(b"first")), approve=True)
        self.asked(lambda: self.run_raw(connection, statement, b"\0\1" + JSON + BIG + text(b"{}") + struct.pack("<q", 5)), approve=True)
        before = self.words()
        number, = struct.unpack("<q", text(b"hacked!"))
        shown, _ = self.asked(lambda: self.run_raw(connection, statement, b"\0\0" + text(b"1") + text(b"hacked!")), approve=True)
        self.assertEqual(shown, ["1", str(number)])
        self.assertIn(self.words(), (before, [str(number)]))  # refused again, or what was shown

    def test_types_that_no_server_knows(self):
        connection = self.connect(autocommit=True)
        statement, _ = self.prepare(connection, "INSERT INTO scratch VALUES (1, ?)")
        with self.assertRaises(pymysql.Error) as caught:
            self.run_raw(connection, statement, b"\0\1\xfd\1" + text(b"x"))
        self.assertEqual(caught.exception.args[0], 1835)
        self.assertEqual(self.rows(), 3)

    def test_types_that_the_packet_has_no_room_for(self):
        """The server has not seen those of the denied one, and they cannot be added to a packet of 16 MiB."""
        connection = self.connect(autocommit=True, max_allowed_packet=64 << 20)
        statement, _ = self.prepare(connection, "UPDATE scratch SET id = length(?) + ?")
        self.denied(lambda: self.run_raw(connection, statement, b"\0\1" + TEXT + INTEGER + text(b"x") + struct.pack("<i", 5)))
        size = 17 << 20
        large = b"\xfe" + struct.pack("<Q", size) + b"x" * size + struct.pack("<i", 5)
        thread, result = self.later(lambda: self.run_raw(connection, statement, b"\0\0" + large))
        wait_for(lambda: result or self.demo.pending(), "an answer", every=0.05)
        for challenge in self.demo.pending():
            self.demo.deny(challenge)
        thread.join(PATIENCE)
        self.assertEqual(result[0].args[0], 1153)
        self.denied(lambda: self.run_raw(connection, statement, b"\0\1" + TEXT + INTEGER + large))

    @unittest.skipIf(ORACLE, "MariaDB's")
    def test_rows_of_a_bulk_execution_that_failed(self):
        with unittest.mock.patch("pymysql.connections.struct", WithBulk):
            connection = self.connect(autocommit=True)
        statement, _ = self.prepare(connection, "UPDATE scratch SET id = ?, word = ? WHERE id = 1 OR true")

        def bulk(types, *rows):
            return self.command(connection, BULK, struct.pack("<IH", statement, 0x80 if types else 0) + types + b"".join(rows))
        self.asked(lambda: bulk(TEXT + TEXT, b"\0" + text(b"1") + b"\0" + text(b"first")), approve=True)
        # Approved rows are those rows, once.
        self.denied(lambda: bulk(TEXT + TEXT, b"\0" + text(b"1") + b"\0" + text(b"first"), b"\0" + text(b"1") + b"\0" + text(b"second")))
        self.asked(lambda: bulk(JSON + BIG, b"\0" + text(b"{}") + b"\0" + struct.pack("<q", 5)), approve=True)
        number, = struct.unpack("<q", text(b"hacked!"))
        shown, _ = self.asked(lambda: bulk(b"", b"\0" + text(b"1") + b"\0" + text(b"hacked!")), approve=True)
        self.assertEqual(shown, ["1", str(number)])
        self.assertIn(self.words(), (["first"], [str(number)]))


class Values(Case):
    """A WHERE that holds for every row only by the values that are given."""

    def test_patterns_that_match_everything(self):
        connection = self.connect(autocommit=True)
        statement, _ = self.prepare(connection, "DELETE FROM scratch WHERE word LIKE ? AND id = id")
        self.denied(lambda: self.run_raw(connection, statement, b"\0\1" + TEXT + text(b"%")))
        self.denied(lambda: self.run_raw(connection, statement, b"\0\0" + text(b"%%")))
        connection._execute_command(LONG_DATA, struct.pack("<IH", statement, 0) + b"%")
        self.denied(lambda: self.run_raw(connection, statement, b"\0\0"))
        cursor = connection.cursor()
        cursor.execute("PREPARE p FROM 'UPDATE scratch SET word = ''z'' WHERE word REGEXP ?'")
        cursor.execute("SET @any = '.*', @none = 'qq'")
        self.denied(lambda: cursor.execute("EXECUTE p USING @any"))
        if not ORACLE:
            self.denied(lambda: cursor.execute("EXECUTE IMMEDIATE 'DELETE FROM scratch WHERE word LIKE ?' USING '%'"))
        self.assertEqual(self.words(), ["a", "b", "c"])
        cursor.execute("EXECUTE p USING @none")
        self.run_raw(connection, statement, b"\0\0" + text(b"a%"))
        self.assertEqual(self.words(), ["b", "c"])

    def test_a_text_beside_a_number(self):  # 'abc' = 0: seen to delete all rows unheld, also in strict mode
        connection = self.connect(autocommit=True)
        cursor = connection.cursor()
        for condition in ("word = 0", "NOT word", "word <> 5", "word + 0 = 0", "word IN (0, 1)"):
            with self.subTest(condition):
                self.denied(lambda condition=condition: cursor.execute(f"DELETE FROM scratch WHERE {condition}"))
        statement, _ = self.prepare(connection, "DELETE FROM scratch WHERE word = ?")
        self.denied(lambda: self.run_raw(connection, statement, b"\0\1" + BIG + struct.pack("<q", 0)))
        self.assertEqual(self.words(), ["a", "b", "c"])
        cursor.execute("DELETE FROM scratch WHERE word = '0'")
        self.run_raw(connection, statement, b"\0\1" + TEXT + text(b"a"))
        self.assertEqual(self.words(), ["b", "c"])

    def test_numbers_that_make_it_every_row(self):
        connection = self.connect(autocommit=True)
        above, _ = self.prepare(connection, "DELETE FROM orders WHERE id > ?")
        number = struct.Struct("<q").pack
        self.denied(lambda: self.run_raw(connection, above, b"\0\1" + BIG + number(0)))
        self.denied(lambda: self.run_raw(connection, above, b"\0\1" + INTEGER + struct.pack("<i", -1)))
        self.denied(lambda: self.run_raw(connection, above, b"\0\1" + DOUBLE + struct.pack("<d", 0.5)))
        self.denied(lambda: self.run_raw(connection, above, b"\0\1" + TEXT + text(b"0.5")))
        self.denied(lambda: self.run_raw(connection, above, b"\0\1" + TEXT + text(b"0")))
        self.run_raw(connection, above, b"\0\1" + BIG + number(5_000_000))
        self.denied(lambda: self.run_raw(connection, above, b"\0\1" + BIG + number(0)))
        cursor = connection.cursor()
        cursor.execute("PREPARE p FROM 'DELETE FROM orders WHERE id > ?'")
        for value in ("0", "0.5"):
            cursor.execute(f"SET @n = {value}")
            self.denied(lambda: cursor.execute("EXECUTE p USING @n"))
        self.assertEqual(self.stack.cluster.shop("SELECT count(*) FROM orders"), "800")

    def test_numbers_that_come_to_matter(self):
        connection = self.connect(autocommit=True)
        statement, _ = self.prepare(connection, "DELETE FROM scratch WHERE id = ?")
        for one in (7, 0, 8):
            self.run_raw(connection, statement, b"\0\1" + BIG + struct.pack("<q", one))
        cursor = connection.cursor()
        self.asked(lambda: cursor.execute("ALTER TABLE scratch MODIFY id varchar(20)"), approve=True)
        self.addCleanup(self.stack.cluster.shop, "DELETE FROM scratch; ALTER TABLE scratch MODIFY id int")
        self.stack.cluster.shop("UPDATE scratch SET id = 'x'")
        self.denied(lambda: self.run_raw(connection, statement, b"\0\1" + BIG + struct.pack("<q", 0)))
        self.assertEqual(self.words(), ["a", "b", "c"])

    @unittest.skipIf(ORACLE, "MariaDB's")
    def test_numbers_in_any_row(self):
        with unittest.mock.patch("pymysql.connections.struct", WithBulk):
            connection = self.connect(autocommit=True)
        statement, _ = self.prepare(connection, "DELETE FROM orders WHERE id > ?")

        def bulk(*numbers):
            rows = b"".join(b"\0" + struct.pack("<q", one) for one in numbers)
            return self.command(connection, BULK, struct.pack("<IH", statement, 0x80) + BIG + rows)
        self.denied(lambda: bulk(5_000_000, 0, 6_000_000))
        bulk(5_000_000, 6_000_000)
        statement, _ = self.prepare(connection, "DELETE FROM scratch WHERE word = ?")
        self.denied(lambda: bulk(-5, 0, 5))  # beside a text

    def test_conditions_that_hold_by_what_constants_come_to(self):
        cursor = self.connect(autocommit=True).cursor()
        for condition in ("NOT (id = 0)", "(id, item) > (0, '')", "sign(id) = 1", "item LIKE 0x25", "UPPER(item) = 0", "item = LENGTH('')"):
            with self.subTest(condition):
                self.denied(lambda condition=condition: cursor.execute(f"DELETE FROM orders WHERE {condition}"))
        cursor.execute("DELETE FROM orders WHERE NOT (id <> 0) OR (id, item) < (0, '') OR item LIKE 0x2041")

    @unittest.skipIf(not ORACLE, "MySQL's")
    def test_a_database_that_nobody_can_write_to(self):
        self.denied(lambda: self.connect().cursor().execute("ALTER DATABASE shop READ ONLY = 1"))

    def test_a_condition_that_may_be_left_out(self):
        connection = self.connect(autocommit=True)
        statement, _ = self.prepare(connection, "DELETE FROM scratch WHERE ? IS NULL OR word = ?")

        def run(first, second):
            values = b"".join(text(one) for one in (first, second) if one is not None)
            nulls = bytes([(first is None) + 2 * (second is None)])
            return self.run_raw(connection, statement, nulls + b"\1" + TEXT + TEXT + values)
        run(b"a", b"a")
        self.assertEqual(self.words(), ["b", "c"])
        for values in ((None, b"b"), (None, None), (b"", b"b"), (b"it's", b"b")):
            with self.subTest(values):
                self.denied(lambda values=values: run(*values))
        coalesced, _ = self.prepare(connection, "DELETE FROM scratch WHERE word = COALESCE(?, word)")
        self.denied(lambda: self.run_raw(connection, coalesced, b"\1\1" + TEXT))
        self.run_raw(connection, coalesced, b"\0\1" + TEXT + text(b"b"))
        self.assertEqual(self.words(), ["c"])

    @unittest.skipIf(ORACLE, "MariaDB's")
    def test_two_numbers_in_any_row(self):
        with unittest.mock.patch("pymysql.connections.struct", WithBulk):
            connection = self.connect(autocommit=True)
        statement, _ = self.prepare(connection, "DELETE FROM orders WHERE id BETWEEN ? AND ?")

        def bulk(*rows):
            values = b"".join(b"\0" + struct.pack("<q", low) + b"\0" + struct.pack("<q", high) for low, high in rows)
            return self.command(connection, BULK, struct.pack("<IH", statement, 0x80) + BIG + BIG + values)
        self.denied(lambda: bulk((-9, -8), (1, 5_000_000_000), (6_000_000_000, 6_000_000_001)))  # neither is the least or greatest
        bulk((-9, -8), (5_000_000_000, 5_000_000_001), (6_000_000_000, 6_000_000_001))
        self.denied(lambda: bulk(*((-9 - n, -8) for n in range(5000))))  # nobody reads so many
        statement, _ = self.prepare(connection, "DELETE FROM orders WHERE id = ? AND customer_id = ?")
        bulk(*((-9 - n, -8) for n in range(5000)))

    @unittest.skipIf(ORACLE, "MariaDB's")
    def test_a_pattern_in_any_row(self):
        with unittest.mock.patch("pymysql.connections.struct", WithBulk):
            connection = self.connect(autocommit=True)
        statement, _ = self.prepare(connection, "DELETE FROM scratch WHERE word LIKE ? OR id = ?")

        def bulk(*patterns):
            rows = b"".join(b"\0" + text(pattern) + b"\0" + struct.pack("<q", -1) for pattern in patterns)
            return self.command(connection, BULK, struct.pack("<IH", statement, 0x80) + TEXT + BIG + rows)
        self.denied(lambda: bulk(b"a", b"%"))
        bulk(b"a", b"b%")
        self.assertEqual(self.words(), ["c"])


class Cursors(Case):
    def fetch(self, connection, statement, rows):
        packets = [self.command(connection, FETCH, struct.pack("<II", statement, rows)).get_all_data()]
        while packets[-1][0] != 0xfe:
            packets.append(connection._read_packet().get_all_data())
        return packets[:-1]

    def open(self, connection, statement):
        packet = self.run_raw(connection, statement, flags=1)
        for _ in range(packet[0] + 1):  # definitions and their EOF
            connection._read_packet()

    def test_rows_come_only_through_a_cursor_whose_execution_was_released(self):
        connection = self.connect(autocommit=True)
        statement, _ = self.prepare(connection, "SELECT ssn FROM customers")
        self.denied(lambda: self.open(connection, statement))
        with self.assertRaises(pymysql.Error) as caught:
            self.fetch(connection, statement, 3)
        self.assertIn(caught.exception.args[0], (1243, 1421))
        thread, _ = self.later(lambda: self.open(connection, statement))
        self.demo.approve(self.demo.wait_pending())
        thread.join(PATIENCE)
        self.assertEqual(len(self.fetch(connection, statement, 3)), 3)


    @unittest.skipIf(ORACLE, "MariaDB's")
    def test_more_columns_than_are_remembered(self):
        with unittest.mock.patch("pymysql.connections.struct", WithCache):
            connection = self.connect(autocommit=True)
        wide = "SELECT " + ",".join(f"{n} AS {'x' * 60}{n}" for n in range(1000, 5000))
        statements = [self.prepare(connection, wide)[0] for _ in range(40)]
        with self.assertRaises(pymysql.Error) as caught:
            self.run_raw(connection, statements[-1])
        self.assertEqual(caught.exception.args[0], 1461)
        connection._execute_command(CLOSE, struct.pack("<I", statements[0]))
        statement, _ = self.prepare(connection, wide)
        self.assertEqual(self.run_raw(connection, statement), b"\xfc" + struct.pack("<HB", 4000, 0))
        self.assertTrue(connection._read_packet().is_eof_packet())

    def rows_of(self, connection, statement):
        """Of an execution that asks for a cursor: all that comes, to an EOF behind rows."""
        connection._execute_command(EXECUTE, struct.pack("<IBI", statement, 1, 1))
        packets = [connection._read_packet().get_all_data()]
        ends = 0
        while ends < 2 and packets[-1][0] != 0xff:
            packets.append(connection._read_packet().get_all_data())
            ends += packets[-1][0] == 0xfe
        return packets

    @unittest.skipIf(ORACLE, "MariaDB's")
    def test_what_is_described_twice(self):
        connection = self.connect(autocommit=True)
        direct = pymysql.connect(host="127.0.0.1", port=self.stack.cluster.port, user="app", password="app-password", database="shop")
        self.addCleanup(direct.close)
        for sql in ("ANALYZE SELECT id FROM orders WHERE id = 1", "ANALYZE FORMAT=JSON SELECT id FROM orders WHERE id = 1"):
            with self.subTest(sql):
                seen, there = (self.rows_of(one, self.prepare(one, sql)[0]) for one in (connection, direct))
                self.assertEqual([len(packet) for packet in seen[:5]], [len(packet) for packet in there[:5]])
                self.assertEqual(len(seen), len(there))
                self.assertEqual(connection.query("SELECT 1"), 1)


class ChangeUser(Case):
    """COM_CHANGE_USER amid prepared statements, cursors, long data and elevations."""

    def change(self, connection, user, password):
        proof = scramble_caching_sha2(password.encode(), connection.salt[:20])
        packet = self.command(connection, 0x11, user + b"\0" + text(proof) + b"shop\0\xff\0caching_sha2_password\0\0").get_all_data()
        while packet[0] != 0:
            if packet[0] == 0xfe:  # a new challenge
                connection.salt = packet.split(b"\0", 1)[1].rstrip(b"\0")[:20]
                connection.write_packet(scramble_caching_sha2(password.encode(), connection.salt))
            elif packet == b"\1\4":  # the password itself, over TLS
                connection.write_packet(password.encode() + b"\0")
            packet = connection._read_packet().get_all_data()

    def test_nothing_of_the_first_user_is_the_seconds(self):
        added = self.stack.run("user", "add", "second", "--generate-password")
        password = added.split("password:")[1].split()[0]
        wait_for(lambda: self.stack.ask("SELECT 1", user="second", password=password)[0] == 0, "the new user", every=0.3)
        second = self.stack.person("second")
        connection = self.connect(autocommit=True)
        cursor = connection.cursor()
        read = "SELECT email FROM customers LIMIT 1"
        self.asked(lambda: cursor.execute(read), approve=True)
        cursor.execute(read)  # an elevation
        secret, _ = self.prepare(connection, "SELECT ssn FROM customers")
        harmless, _ = self.prepare(connection, "INSERT INTO scratch VALUES (9, ?)")
        connection._execute_command(LONG_DATA, struct.pack("<IH", harmless, 0) + b"left behind")
        rows, _ = self.prepare(connection, "SELECT id FROM scratch")
        packet = self.run_raw(connection, rows, flags=1)
        for _ in range(packet[0] + 1):
            connection._read_packet()
        for sql in ("SET @mine = 1", "PREPARE named FROM 'SELECT ssn FROM customers'", "CREATE TEMPORARY TABLE work (id int)"):
            cursor.execute(sql)

        self.change(connection, b"second", password)
        for statement in (secret, harmless, rows, LAST_PREPARED):
            with self.assertRaises(pymysql.Error) as caught:
                self.run_raw(connection, statement, b"\0\1" + TEXT + text(b"x") if statement == harmless else b"")
            self.assertEqual(caught.exception.args[0], 1243)
        with self.assertRaises(pymysql.Error) as caught:
            self.command(connection, FETCH, struct.pack("<II", rows, 1))
        self.assertEqual(caught.exception.args[0], 1243)
        for sql in (read, "EXECUTE named"):
            self.denied(lambda: cursor.execute(sql), person=second)
        with self.assertRaises(pymysql.Error) as caught:
            cursor.execute("SELECT * FROM work")
        self.assertEqual(caught.exception.args[0], 1146)
        self.assertEqual(self.demo.pending(), [])
        cursor.execute("SELECT @mine")
        self.assertEqual(cursor.fetchone(), (None,))
        again, _ = self.prepare(connection, "INSERT INTO scratch VALUES (9, ?)")
        self.run_raw(connection, again, b"\0\1" + TEXT + text(b"x"))
        self.assertEqual(self.stack.cluster.shop("SELECT word FROM scratch WHERE id = 9"), "x")


class Databases(Case):
    def test_names_that_are_no_names(self):
        """COM_INIT_DB is judged as the USE that it stands for: a name that no USE could have is held."""
        connection = self.connect(autocommit=True)
        for name in (b"shop\0x", b"\xff\xfe"):
            self.denied(lambda: self.command(connection, 0x02, name))
        for name in (b"shop ", b"shop/../mysql", b"`shop`", b""):
            with self.assertRaises(pymysql.Error) as caught:
                self.command(connection, 0x02, name)
            self.assertIn(caught.exception.args[0], (1044, 1046, 1049, 1102), name)
        cursor = connection.cursor()
        cursor.execute("SELECT database()")
        self.assertEqual(cursor.fetchone(), ("shop",))


class Statements(Case):
    def test_user_variables_that_planning_and_preparing_assign(self):
        connection = self.connect(autocommit=True)
        cursor = connection.cursor()
        assigns = "SELECT 1 FROM orders WHERE id = 1 AND EXISTS (SELECT 1 FROM orders WHERE id = 1 AND (@a := 'DELETE FROM scratch') > '')"
        for assign in (lambda: cursor.execute("EXPLAIN SELECT 1 WHERE (@a := 'DELETE FROM scratch') > ''"),
                       lambda: cursor.execute("PREPARE p FROM '%s'" % assigns.replace("'", "''")), lambda: self.prepare(connection, assigns)):
            cursor.execute("SET @a = 'SELECT 1'")
            assign()
            cursor.execute("PREPARE s FROM @a")
            self.denied(lambda: cursor.execute("EXECUTE s"))
            self.assertEqual(self.rows(), 3)

    def test_texts_that_become_others_in_a_variable(self):
        """They are converted to the character set of the connection, and to that of the client when they are prepared."""
        hidden = 'SELECT 1 = "%s" a, ssn FROM customers LIMIT 1 -- "'
        missing = ("SET character_set_connection = swe7", "SET @a = '%s'" % (hidden % r"\\"))  # it has no backslash
        other = ("SET NAMES binary", b"SET @a = '%s'" % hidden.encode().replace(b"%s", b"\xbf\\\\"), "SET NAMES gbk")
        for sqls in (missing, other):
            cursor = self.connect(autocommit=True).cursor()
            for sql in (*sqls, "PREPARE p FROM @a"):
                cursor.execute(sql)
            self.denied(lambda: cursor.execute("EXECUTE p"))

    @unittest.skipUnless(ORACLE, "MariaDB tells these names apart")
    def test_names_of_variables_and_statements_that_are_the_same(self):
        for other in ("e ", "é"):
            cursor = self.connect(autocommit=True).cursor()
            for sql in ("SET @e = 'SELECT 1'", "SET @`%s` = 'SELECT ssn FROM customers LIMIT 1'" % other, "PREPARE p FROM @e"):
                cursor.execute(sql)
            self.denied(lambda: cursor.execute("EXECUTE p"))
        for sql in ("PREPARE e FROM 'SELECT 1'", "PREPARE `e ` FROM 'SELECT ssn FROM customers LIMIT 1'"):
            cursor.execute(sql)
        self.denied(lambda: cursor.execute("EXECUTE e"))

    def test_defaults_are_those_of_the_server_by_now(self):
        """Not those that the session began with."""
        connection = self.connect(autocommit=True)
        admin = self.stack.cluster.admin
        before = admin("SELECT @@GLOBAL.sql_mode")
        self.addCleanup(admin, f"SET GLOBAL sql_mode = '{before}'")
        admin("SET GLOBAL sql_mode = concat(@@GLOBAL.sql_mode, ',ANSI_QUOTES')")
        connection.query("SET sql_mode = DEFAULT")
        self.denied(lambda: connection.query('SELECT "ssn" FROM customers'))

    def test_statements_of_an_xa_transaction_are_judged_when_they_run(self):
        cursor = self.connect(autocommit=True).cursor()
        cursor.execute("XA START 'x'")
        self.denied(lambda: cursor.execute("DELETE FROM scratch"))
        for sql in ("INSERT INTO scratch VALUES (4, 'd')", "XA END 'x'", "XA PREPARE 'x'", "XA COMMIT 'x'"):
            cursor.execute(sql)
        self.assertEqual(self.rows(), 4)

    def test_grants_of_others_show_no_hash_unasked(self):
        cursor = self.connect(autocommit=True).cursor()
        if ORACLE:
            cursor.execute("SHOW GRANTS")
            self.assertNotIn("PASSWORD", str(cursor.fetchall()))
            return
        for sql in ("SHOW GRANTS", "SHOW GRANTS FOR CURRENT_USER()"):  # tools ask this when they connect
            cursor.execute(sql)
        for sql in ("SHOW GRANTS FOR app@'%'", "SHOW CREATE USER"):
            self.denied(lambda: cursor.execute(sql))


@unittest.skipIf(ORACLE, "MySQL runs no stored function before EXECUTE")
class Preparing(Case):
    def test_functions_that_run_as_a_text_is_prepared(self):
        """MariaDB asks a DETERMINISTIC function how long a result will be."""
        connection = self.connect(autocommit=True)
        cursor = connection.cursor()
        self.asked(lambda: cursor.execute("CREATE FUNCTION wipes() RETURNS int DETERMINISTIC MODIFIES SQL DATA "
                                          "BEGIN DELETE FROM scratch; RETURN 1; END"), approve=True)
        text_of_it = "SELECT substr('a', length(wipes()))"
        cursor.execute("SET @t = concat(reverse('%s'))" % text_of_it[::-1].replace("'", "''"))
        for prepare in (lambda: self.prepare(connection, text_of_it), lambda: cursor.execute("PREPARE p FROM '%s'" % text_of_it.replace("'", "''")),
                        lambda: cursor.execute("PREPARE p FROM @t"), lambda: cursor.execute("EXPLAIN " + text_of_it)):
            self.denied(prepare)
            self.assertEqual(self.rows(), 3)
        _, (statement, _) = self.asked(lambda: self.prepare(connection, text_of_it), approve=True)
        self.assertEqual(self.rows(), 0)  # it ran at once
        self.denied(lambda: self.run_raw(connection, statement))


if __name__ == "__main__":
    unittest.main()
