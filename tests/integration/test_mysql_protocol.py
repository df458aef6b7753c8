"""Logins and commands of MySQL's protocol through stepgate, with a real MariaDB behind it."""
# Each was seen to fail with its protection taken out: the allow-list, executions and bulk executions judged with their values, types and long
# data of what did not run, COM_INIT_DB, COM_RESET_CONNECTION asked after, COM_CHANGE_USER as another session, masked capabilities, files that nobody named.
import select
import socket
import struct
import threading
import unittest
import unittest.mock

import MySQLdb
import pymysql

from harness import PATIENCE, wait_for
from mariadb import ORACLE, MySqlCase, Screen
from mysql_raw import BULK, CLOSE, EXECUTE, FETCH, LONG_DATA, RESET, RawCommands, WithBulk


class Case(MySqlCase):
    listener, settings = 'announce = "wait"', ("--max-connect-errors=3",)


class Charsets(Case):
    # Those that policies/mysql/charset.cpp calls `other`.
    OTHER = ("armscii8 cp1250 cp1251 cp1256 cp1257 cp850 cp852 cp866 dec8 eucjpms euckr gb2312 geostd8 greek hebrew hp8 keybcs2 koi8r koi8u "
             "latin2 latin5 latin7 macce macroman tis620 ujis").split()

    def test_no_character_of_theirs_holds_a_quote_or_a_backslash(self):
        """What stepgate's lexer trusts in, asked of the server itself."""
        server = pymysql.connect(host="127.0.0.1", port=self.stack.cluster.port, user="app", password="app-password")
        self.addCleanup(server.close)

        def value(sql):
            try:
                server.query(sql)
            except pymysql.err.MySQLError as error:
                self.assertEqual(error.args[0], 1300, sql)  # no character at all: refused
                return 5
            return server._result.rows[0][1]
        for charset in self.OTHER:
            server.query(b"SET NAMES " + charset.encode())
            for byte in (bytes([n]) for n in range(128, 256)):
                for literal in (b"'" + byte + b"'", b"'" + byte + b"\\\\'", b"'\\" + byte + b"'"):
                    self.assertEqual(value(b"SELECT LENGTH(" + literal + b") a, 5 b"), 5, (charset, literal))

    def test_a_text_in_ascii_passes_in_any_of_them(self):
        connection = self.connect()
        for charset in ("koi8r", "sjis"):
            connection.query(b"SET NAMES " + charset.encode())
            connection.query(b"SELECT 'it\\'s' FROM scratch")
        thread = threading.Thread(target=lambda: self.assertRaises(pymysql.err.MySQLError, connection.query, b"SELECT '\x95\x5c' FROM scratch"))
        thread.start()
        self.demo.deny(self.demo.wait_pending())
        thread.join(PATIENCE)
        self.assertFalse(thread.is_alive())


class Login(Case):
    def test_with_tls_and_without(self):
        for tls in (True, False):
            with self.subTest(tls=tls):
                self.assertEqual(self.stack.ask("SELECT 1", tls=tls), (0, "1", ""))

    def test_wrong_password_and_unknown_user_get_the_same_answer(self):
        answers = {self.stack.ask("SELECT 1", user=user, password="wrong", tls=tls)[2].replace(user, "X")
                   for user in ("demo", "nobody") for tls in (True, False)}
        self.assertEqual(answers, {"ERROR 1045 (28000): Access denied for user 'X' (stepgate)"})
        for again in range(2):  # a fast proof after a full one
            self.assertEqual(self.stack.ask("SELECT 1")[0], 0)
            self.assertIn("1045", self.stack.ask("SELECT 1", password="")[2])

    def test_guessed_passwords_make_the_next_try_wait(self):
        password = self.stack.run("user", "add", "guessed", "--generate-password").split("password: ")[1].split()[0]

        def login(password, address):
            """None, or why not."""
            try:
                pymysql.connect(host="127.0.0.1", port=self.stack.port, user="guessed", password=password, bind_address=address,
                                ssl={"ca": str(self.stack.home / "tls/ca.crt")}).close()
            except pymysql.Error as error:
                return str(error)
        wait_for(lambda: login(password, "127.0.0.4") is None, "the user to be known", every=0.2)

        def locked():
            for _ in range(5):
                self.assertIsNotNone(login("wrong", "127.0.0.3"))
            return login(password, "127.0.0.3")  # None: too late, the machine is slow
        self.assertRegex(wait_for(locked, "a lockout", every=0), r"1045.*too many failed logins for user \\?\"guessed")
        self.assertIsNone(login(password, "127.0.0.4"), "from elsewhere")
        wait_for(lambda: login(password, "127.0.0.3") is None, "the end of the wait", every=0.2)

    def test_a_short_lived_password_opens_until_it_is_revoked(self):
        made = self.demo.call("POST", "/database-passwords", {})
        for again in range(2):  # in full, then fast
            self.assertEqual(self.stack.ask("SELECT 1", password=made["password"]), (0, "1", ""))
        self.assertEqual(self.stack.ask("SELECT 1")[0], 0, "the other one still does")
        target, = self.demo.call("GET", "/database-passwords")["targets"]
        self.assertTrue(target["command"].startswith(f"mysql --host=127.0.0.1 --port={self.stack.port} --user=demo --password"), target)
        self.demo.call("DELETE", f"/database-passwords/{made['id']}")
        self.assertIn("1045", self.stack.ask("SELECT 1", password=made["password"])[2])
        self.assertEqual(self.stack.ask("SELECT 1")[0], 0)

    def test_a_session_that_is_ended_on_a_page_says_by_whom(self):
        process = self.stack.mariadb("-e", "DELETE FROM scratch")
        code = self.demo.wait_pending()["code"]
        one = next(s for s in self.demo.call("GET", "/database-sessions")["sessions"] if s["held"] == code)
        self.assertIn(one["dialect"], ("mysql", "mariadb"))
        self.demo.call("DELETE", f"/database-sessions/{one['id']}")
        _, err = process.communicate(timeout=PATIENCE)
        self.assertIn("1053", err)
        self.assertIn("demo ended this session on stepgate's page", err)
        self.assertEqual(self.rows(), 3)

    def test_a_session_that_is_ended_takes_its_running_statement_along(self):
        # Without send_kill it went on at the server. (SLEEP looks itself whether its client is still there.)
        process = self.stack.mariadb("-e", "SELECT COUNT(*) FROM information_schema.columns a, information_schema.columns b,"
                                     " information_schema.columns c, information_schema.columns d")
        runs = lambda: self.stack.cluster.admin("SELECT 1 FROM information_schema.processlist WHERE info LIKE 'SELECT COUNT(*) FROM information%'")
        wait_for(runs, "the statement to run")
        one = next(s for s in self.demo.call("GET", "/database-sessions")["sessions"] if s["dialect"] in ("mysql", "mariadb"))
        self.demo.call("DELETE", f"/database-sessions/{one['id']}")
        _, err = process.communicate(timeout=PATIENCE)
        self.assertNotEqual(err, "")
        wait_for(lambda: not runs(), "the statement to end")

    def test_disabled_user_is_refused_although_its_password_is_known(self):
        added = self.stack.run("user", "add", "gone", "--generate-password")
        password = added.split("password:")[1].split()[0] if "password:" in added else added.split()[-1]
        wait_for(lambda: self.stack.ask("SELECT 1", user="gone", password=password)[0] == 0, "the new user", every=0.3)
        self.stack.run("user", "disable", "gone")
        wait_for(lambda: "1045" in self.stack.ask("SELECT 1", user="gone", password=password)[2], "the refusal", every=0.3)

    def test_unknown_database(self):
        self.assertIn("into database 'nowhere'", self.stack.ask("SELECT 1", database="nowhere")[2])
        self.stack.cluster.admin("GRANT SELECT ON nowhere.* TO app@'%'")
        self.assertIn("ERROR 1049 (42000): Unknown database 'nowhere'", self.stack.ask("SELECT 1", database="nowhere")[2])

    def test_thread_id_is_the_servers(self):
        connection = self.connect()
        with connection.cursor() as cursor:
            cursor.execute("SELECT connection_id()")
            self.assertEqual(cursor.fetchone(), (connection.thread_id(),))

    def test_strangers_do_not_make_the_server_block_this_host(self):
        for _ in range(8):  # more than max_connect_errors
            with socket.create_connection(("127.0.0.1", self.stack.port)) as stranger:
                stranger.recv(100)
        wait_for(lambda: self.stack.ask("SELECT 1")[0] == 0, "a login")

    def test_mysqlclient(self):
        connection = MySQLdb.connect(host="127.0.0.1", port=self.stack.port, user="demo", passwd=self.stack.password, db="shop")
        cursor = connection.cursor()
        cursor.execute("SELECT count(*) FROM orders")
        self.assertEqual(cursor.fetchone(), (800,))
        connection.close()


class ChangeUser(Case):
    """COM_CHANGE_USER, as mysqlclient sends it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        added = cls.stack.run("user", "add", "second", "--generate-password")
        cls.password = added.split("password:")[1].split()[0]
        wait_for(lambda: cls.stack.ask("SELECT 1", user="second", password=cls.password)[0] == 0, "the new user", every=0.3)
        cls.second = cls.stack.person("second")

    def connect(self, **more):
        connection = MySQLdb.connect(host="127.0.0.1", port=self.stack.port, user="demo", passwd=self.stack.password, db="shop", **more)
        self.addCleanup(connection.close)
        return connection

    def sessions(self, user):
        return [r for r in self.stack.audit() if r["type"] in ("session_start", "session_end") and r["user"] == user]

    def test_is_another_session_of_another_user(self):
        for tls in (True, False):
            with self.subTest(tls=tls):
                connection = self.connect(**({"ssl": {"ca": str(self.stack.home / "tls/ca.crt")}} if tls else {}))
                cursor = connection.cursor()
                thread_id = connection.thread_id()
                for sql in ("SET sql_mode = 'ANSI_QUOTES'", "SET @mine = 1", "INSERT INTO scratch VALUES (4, 'd')"):
                    cursor.execute(sql)
                before = len(self.sessions("second"))
                connection.change_user("second", self.password, "information_schema")
                cursor.execute("SELECT @mine, connection_id(), database(), \"text\"")
                self.assertEqual(cursor.fetchone(), (None, thread_id, "information_schema", "text"))
                self.assertEqual(self.rows(), 3, "what the first had not committed is still there")
                wait_for(lambda: len(self.sessions("second")) > before, "a session of the second in the audit")
                started = self.sessions("second")[-1]
                self.assertEqual((started["type"], started["database"]), ("session_start", "information_schema"))
                self.assertTrue([r for r in self.sessions("demo") if r["details"].get("reason") == "COM_CHANGE_USER"])

                result = []
                thread = threading.Thread(target=lambda: result.append(self.error_of(cursor, "DELETE FROM shop.scratch")))
                thread.start()
                challenge = self.second.wait_pending()
                self.assertEqual(self.demo.pending(), [], "it is shown to whom it does not belong to any more")
                detail = self.second.call("GET", f"/challenges/{challenge['id']}")
                self.assertEqual((detail["user"], detail["database"], detail["session"]), ("second", "information_schema", started["session"]))
                self.second.deny(challenge)
                thread.join(PATIENCE)
                self.assertEqual(result[0], 1227)

    @staticmethod
    def error_of(cursor, sql):
        try:
            return cursor.execute(sql)
        except MySQLdb.Error as error:
            return error.args[0]

    def test_wrong_password_ends_the_session(self):
        for user, password in (("second", "wrong"), ("nobody", self.password), ("second", self.stack.password)):
            with self.subTest(user=user):
                connection = self.connect()
                with self.assertRaises(MySQLdb.Error) as caught:
                    connection.change_user(user, password, "shop")
                self.assertEqual(caught.exception.args[0], 1045)
                with self.assertRaises(MySQLdb.Error):
                    connection.cursor().execute("SELECT 1")
        def failed():
            return [r["user"] for r in self.stack.audit() if r["type"] == "login_failed"]
        wait_for(lambda: failed().count("second") >= 2 and "nobody" in failed(), "the refusals in the audit", every=0.2)

    def test_database_that_the_server_refuses(self):
        connection = self.connect()
        with self.assertRaises(MySQLdb.Error) as caught:
            connection.change_user("second", self.password, "nowhere")
        self.assertIn("nowhere", str(caught.exception))


class WithAttributes(pymysql.connections.Connection):
    """Puts query attributes before each text, as clients do that have agreed on them."""
    attributes = b"\0\1"  # none, of one set

    def _execute_command(self, command, sql):
        sql = sql.encode() if isinstance(sql, str) else sql
        super()._execute_command(command, (self.attributes if command == 3 else b"") + sql)


class Commands(RawCommands, Case):
    def test_outside_the_allow_list(self):
        connection = self.connect()
        for number, payload in ((0x05, b"made"), (0x06, b"shop"), (0x07, b"\1"), (0x0a, b""), (0x0d, b""), (0x12, b"\0" * 10),
                                (0x15, b"\0" * 18), (0x1d, b""), (0x1e, b"\0" * 20), (0x77, b"")):
            with self.subTest(number=hex(number)):
                with self.assertRaises(pymysql.Error) as caught:
                    self.command(connection, number, payload)
                self.assertEqual(caught.exception.args[0], 1047)
        connection.ping(reconnect=False)
        refused = [r for r in self.stack.audit() if "is not allowed through stepgate" in str(r)]
        self.assertGreaterEqual(len(refused), 10)

    def test_many_statements_that_a_command_turned_on(self):
        connection = self.connect(autocommit=True)
        self.command(connection, 0x1b, b"\0\0")
        thread, result = self.later(lambda: connection.cursor().execute("SELECT 1; DELETE FROM scratch"))
        self.demo.deny(self.demo.wait_pending())
        thread.join(PATIENCE)
        self.assertEqual((result[0].args[0], self.rows()), (1227, 3))

    def test_what_cannot_be_followed_is_not_offered(self):
        offered = self.connect().server_capabilities
        for name, bit in (("no_schema", 4), ("local_files", 7), ("optional_resultset_metadata", 25), ("multi_factor_authentication", 28)):
            self.assertFalse(offered >> bit & 1, name)

    def test_columns_of_a_table(self):
        """COM_FIELD_LIST is judged, and recorded, as the SHOW COLUMNS that it stands for."""
        connection = self.connect()
        connection._execute_command(0x04, b"scratch\0")
        names = []
        while (packet := connection._read_packet()).get_all_data()[:1] != b"\xfe":
            names.append(packet.get_all_data().split(b"\x07scratch")[-1][1:5])
        self.assertEqual([name[:2] for name in names], [b"id", b"wo"])
        with self.assertRaises(pymysql.Error) as caught:
            self.command(connection, 0x04, b"nothing\0")
        self.assertIn(caught.exception.args[0], (1146, 1227))
        wait_for(lambda: [r for r in self.stack.audit() if "SHOW COLUMNS FROM `scratch`" in str(r)], "the statement in the audit")

    def test_attributes_of_a_query(self):
        """They stand before the text: what is judged begins behind them, and they are part of what is approved."""
        attributes = WithAttributes if ORACLE else None  # MariaDB has none: nobody may agree on them
        connection = self.stack.pymysql(kind=attributes, client_flag=1 << 27, autocommit=True)
        self.addCleanup(connection.close)
        self.assertEqual(bool(connection.server_capabilities >> 27 & 1), ORACLE)
        connection.attributes = b"\1\1\0\1\xfd\0\5trace\6abc123" if ORACLE else b""
        cursor = connection.cursor()
        cursor.execute("SELECT count(*) FROM scratch")
        self.assertEqual(cursor.fetchone(), (3,))
        thread, result = self.later(lambda: cursor.execute("DELETE FROM scratch"))
        challenge = self.demo.wait_pending()
        statement = self.demo.call("GET", f"/challenges/{challenge['id']}")["statements"][0]
        self.assertEqual(statement["sql"], "DELETE FROM scratch")
        self.assertEqual("abc123" in str(statement["parameters"]), ORACLE)
        self.demo.approve(challenge)
        thread.join(PATIENCE)
        self.assertEqual((result, self.rows()), ([3], 0))

    def test_attributes_that_nobody_agreed_on_are_text(self):
        connection = self.connect(autocommit=True)
        with self.assertRaises(pymysql.Error):
            thread, result = self.later(lambda: self.command(connection, 3, b"\0\1DELETE FROM scratch"))
            wait_for(lambda: result or self.demo.pending(), "an answer")
            for challenge in self.demo.pending():
                self.demo.deny(challenge)
            thread.join(PATIENCE)
            raise result[0]
        self.assertEqual(self.rows(), 3)

    def test_prepared_statement_is_judged_when_it_runs(self):
        connection = self.connect(autocommit=True)
        statement, parameters = self.prepare(connection, "DELETE FROM scratch WHERE id > ? OR true")
        self.assertEqual((parameters, self.demo.pending()), (1, []))
        thread, result = self.later(lambda: self.execute(connection, statement, 41))
        challenge = self.demo.wait_pending()
        detail = self.demo.call("GET", f"/challenges/{challenge['id']}")
        self.assertIn("41", str(detail["statements"][0]["parameters"]))
        self.assertEqual(self.rows(), 3)
        self.demo.approve(challenge)
        thread.join(PATIENCE)
        self.assertEqual(result, [3])
        self.assertEqual(self.rows(), 0)

    def test_execution_after_a_denied_one_that_brought_the_types(self):
        connection = self.connect(autocommit=True)
        statement, _ = self.prepare(connection, "DELETE FROM scratch WHERE id > ? OR true")
        thread, result = self.later(lambda: self.execute(connection, statement, 41))
        self.demo.deny(self.demo.wait_pending())
        thread.join(PATIENCE)
        self.assertEqual(result[0].args[0], 1227)
        thread, result = self.later(lambda: self.execute(connection, statement, 42, types=False))
        challenge = self.demo.wait_pending()
        self.assertIn("42", str(self.demo.call("GET", f"/challenges/{challenge['id']}")["statements"][0]["parameters"]))
        self.demo.approve(challenge)
        thread.join(PATIENCE)
        self.assertEqual(result, [3])

    def test_long_data_is_part_of_what_is_approved(self):
        connection = self.connect(autocommit=True)
        statement, _ = self.prepare(connection, "UPDATE scratch SET word = ?")
        connection._execute_command(LONG_DATA, struct.pack("<IH", statement, 0) + b"long ")
        connection._execute_command(LONG_DATA, struct.pack("<IH", statement, 0) + b"word")
        thread, result = self.later(lambda: self.execute(connection, statement, None))
        challenge = self.demo.wait_pending()
        self.assertIn("long word", str(self.demo.call("GET", f"/challenges/{challenge['id']}")["statements"][0]["parameters"]))
        self.demo.approve(challenge)
        thread.join(PATIENCE)
        self.assertEqual(result, [3])
        self.assertEqual(self.stack.cluster.shop("SELECT DISTINCT word FROM scratch"), "long word")

    @unittest.skipIf(ORACLE, "MariaDB's")
    def test_bulk_execution_is_judged_with_all_its_rows(self):
        with unittest.mock.patch("pymysql.connections.struct", WithBulk):
            connection = self.connect(autocommit=True)
        statement, _ = self.prepare(connection, "UPDATE scratch SET word = ? WHERE id = ? OR true")

        def bulk(*rows, types=True):
            payload = struct.pack("<IH", statement, 0x80 if types else 0) + (b"\xfd\0\x08\0" if types else b"")
            payload += b"".join(b"\0" + bytes([len(word)]) + word + b"\0" + struct.pack("<q", number) for word, number in rows)
            return self.command(connection, BULK, payload).get_all_data()[1]
        # The rows of a denied one are not run, and its types are not lost for the next.
        for types, approved in ((True, False), (False, True)):
            thread, result = self.later(lambda: bulk((b"first", 1), (b"second", 2), types=types))
            challenge = self.demo.wait_pending()
            shown = str(self.demo.call("GET", f"/challenges/{challenge['id']}")["statements"][0]["parameters"])
            for value in ("first", "second", "1", "2"):
                self.assertIn(value, shown)
            self.demo.approve(challenge) if approved else self.demo.deny(challenge)
            thread.join(PATIENCE)
            if not approved:
                self.assertEqual(result[0].args[0], 1227)
                self.assertEqual(self.stack.cluster.shop("SELECT count(*) FROM scratch WHERE word = 'second'"), "0")
        self.assertEqual(result, [6])
        self.assertEqual(self.stack.cluster.shop("SELECT DISTINCT word FROM scratch"), "second")
        for payload in (struct.pack("<IH", statement, 0x40), struct.pack("<IH", statement, 0x80) + b"\xfd\0"):
            with self.assertRaises(pymysql.Error) as caught:
                self.command(connection, BULK, payload)
            self.assertEqual(caught.exception.args[0], 1835)

    @unittest.skipIf(ORACLE, "MariaDB's")
    def test_patterns_of_a_bulk_execution(self):
        """Whichever of its rows makes the WHERE hold for every row of the table."""
        with unittest.mock.patch("pymysql.connections.struct", WithBulk):
            connection = self.connect(autocommit=True)
        statement, _ = self.prepare(connection, "DELETE FROM scratch WHERE word LIKE ? AND word REGEXP ?")

        def bulk(*rows):
            payload = struct.pack("<IH", statement, 0x80) + b"\xfd\0\xfd\0"
            payload += b"".join(b"\0" + bytes([len(value)]) + value for row in rows for value in row)
            return self.command(connection, BULK, payload).get_all_data()[1]
        bulk((b"none", b".*"), (b"%", b"^none$"))
        self.assertEqual(self.rows(), 3)
        thread, result = self.later(lambda: bulk((b"none", b".*"), (b"%", b"none"), (b"%", b".*")))
        self.demo.deny(self.demo.wait_pending())
        thread.join(PATIENCE)
        self.assertEqual((result[0].args[0], self.rows()), (1227, 3))

    @unittest.skipIf(ORACLE, "MariaDB's")
    def test_the_last_prepared_statement(self):
        connection = self.connect(autocommit=True)
        self.prepare(connection, "SELECT 1")
        self.prepare(connection, "DELETE FROM scratch")
        thread, result = self.later(lambda: self.execute(connection, 0xffffffff))
        self.demo.deny(self.demo.wait_pending())
        thread.join(PATIENCE)
        self.assertEqual((result[0].args[0], self.rows()), (1227, 3))

    def test_harmless_prepared_statements_pass_and_unknown_ones_are_errors(self):
        connection = self.connect(autocommit=True)
        statement, _ = self.prepare(connection, "INSERT INTO scratch VALUES (?, 'x')")
        self.assertEqual(self.execute(connection, statement, 7), 1)
        self.assertEqual(self.execute(connection, statement, 8, types=False), 1)
        self.assertEqual(self.rows(), 5)
        self.command(connection, RESET, struct.pack("<I", statement))
        connection._execute_command(CLOSE, struct.pack("<I", statement))
        for number, payload in ((EXECUTE, struct.pack("<IBI", statement, 0, 1)), (FETCH, struct.pack("<II", 99, 1))):
            with self.assertRaises(pymysql.Error) as caught:
                self.command(connection, number, payload)
            self.assertEqual(caught.exception.args[0], 1243)
        connection.ping(reconnect=False)

    def test_statement_prepared_under_other_settings(self):
        """Under ANSI_QUOTES this reads a column; the server may read the text anew, so both readings are held apart."""
        connection = self.connect(autocommit=True)
        statement, _ = self.prepare(connection, 'SELECT count(*) FROM customers WHERE "ssn" = 1')
        with connection.cursor() as cursor:
            cursor.execute("SET sql_mode = 'ANSI_QUOTES'")
        thread, result = self.later(lambda: self.execute(connection, statement))
        self.demo.deny(self.demo.wait_pending())
        thread.join(PATIENCE)
        self.assertEqual(result[0].args[0], 1227)

    @unittest.skipIf(ORACLE, "MariaDB's")
    def test_bulk_execution_of_what_was_prepared_under_other_settings(self):
        """The server keeps the reading of then, in which this copies a labelled column."""
        with unittest.mock.patch("pymysql.connections.struct", WithBulk):
            connection = self.connect(autocommit=True)
        with connection.cursor() as cursor:
            cursor.execute("SET sql_mode = 'ANSI_QUOTES'")
            statement, _ = self.prepare(connection, 'INSERT INTO scratch SELECT id, "ssn" FROM customers WHERE id = ?')
            cursor.execute("SET sql_mode = ''")
        thread, result = self.later(lambda: self.command(
            connection, BULK, struct.pack("<IH", statement, 0x80) + b"\x08\0" + b"\0" + struct.pack("<q", 7)))
        self.demo.deny(self.demo.wait_pending())
        thread.join(PATIENCE)
        self.assertEqual((result[0].args[0], self.rows()), (1227, 3))

    def test_reset_connection_forgets_settings(self):
        connection = self.connect(autocommit=True)
        with connection.cursor() as cursor:
            cursor.execute("SET sql_mode = 'ANSI_QUOTES'")
            self.command(connection, 0x1f)
            cursor.execute('SELECT "ssn", count(*) FROM customers')  # a text again, not a column
            self.assertEqual(cursor.fetchone(), ("ssn", 200))

    def test_init_db_and_change_of_names(self):
        connection = self.connect()
        connection.select_db("information_schema")
        thread, result = self.later(lambda: connection.cursor().execute("DELETE FROM shop.scratch"))
        challenge = self.demo.wait_pending()
        self.assertEqual((challenge["tables"], challenge["database"]), (["shop.scratch"], "information_schema"))
        self.demo.deny(challenge)
        thread.join(PATIENCE)

    @unittest.skipIf(ORACLE, "MariaDB's statements")
    def test_results_of_a_loop_over_a_cursor(self):
        """The server says of them that a cursor is open, which is the loop's."""
        self.assertEqual(self.stack.ask("delimiter $$\nFOR r IN (SELECT id FROM scratch ORDER BY id) DO SELECT r.id; END FOR$$"), (0, "1\n2\n3", ""))

    def test_databases_in_utf16_and_utf32(self):
        for name, charset in (("wide", "utf16"), ("w", "utf32"), ("wi", "utf32"), ("wid", "utf32"), ("wider", "utf32")):
            self.stack.cluster.admin(f"CREATE DATABASE {name} CHARACTER SET {charset}; GRANT ALL ON {name}.* TO app@'%'")
            self.addCleanup(self.stack.cluster.admin, f"DROP DATABASE {name}")
            self.assertEqual(self.stack.ask(f"USE {name}; SELECT DATABASE(); USE shop; SELECT DATABASE()"), (0, f"{name}\nshop", ""))

    def test_files_of_clients_stay_where_they_are(self):
        code, _, error = self.stack.ask("LOAD DATA LOCAL INFILE '/etc/hostname' INTO TABLE scratch", "--local-infile=1")
        self.assertEqual((code, self.rows()), (1, 3), error)

    def test_large_result_and_large_text(self):
        with self.connect(max_allowed_packet=64 << 20).cursor() as cursor:
            cursor.execute("SELECT repeat('x', 100000) FROM orders LIMIT 150")
        with self.connect().cursor() as cursor:
            cursor.execute("SELECT 'y', repeat('x', 3000000)")
            self.assertEqual(len(cursor.fetchone()[1]), 3000000)

    def test_split_packets(self):
        """A text over 16 MiB is judged as a whole: here it is larger than the analyzer reads, so it is held."""
        connection = self.connect(max_allowed_packet=64 << 20)
        thread, result = self.later(lambda: connection.cursor().execute("SELECT '" + "x" * (17 << 20) + "'"))
        challenge = self.demo.wait_pending()
        self.demo.deny(challenge)
        thread.join(PATIENCE)
        self.assertEqual(result[0].args[0], 1227)
        connection.ping(reconnect=False)

    def test_client_that_breaks_the_protocol(self):
        connection = self.connect()
        connection._write_bytes(b"\x01\0\0\x05\x0e")  # a sequence that no command has
        with self.assertRaises(pymysql.Error):
            connection._read_packet()


class WantsAnyFile(threading.Thread):
    """Between stepgate and its server: answers one SELECT with the wish for a file."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.server = port
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]

    def run(self):
        while True:  # the catalog is read through it too
            client, server = self.listening.accept()[0], socket.create_connection(("127.0.0.1", self.server))
            threading.Thread(target=self.relay, args=(client, server), daemon=True).start()

    @staticmethod
    def relay(client, server):
        while True:
            for ready in select.select([client, server], [], [])[0]:
                data = ready.recv(65536)
                if not data:
                    return client.close(), server.close()
                if ready is client and b"SELECT 'a file'" in data:
                    client.sendall(b"\x0c\0\0\x01\xfb/etc/passwd")
                else:
                    (server if ready is client else client).sendall(data)


class Files(Case):
    """LOAD DATA LOCAL, which a listener must allow."""
    listener = 'announce = "wait"\nlocal_infile = true'
    settings = Case.settings + (("--local-infile=ON",) if ORACLE else ())

    def load(self, name, *args):
        path = self.stack.folder / name
        path.write_text("".join(f"{number}\tw{number}\n" for number in range(100000)))
        return path, self.stack.ask(f"LOAD DATA LOCAL INFILE '{path}' INTO TABLE scratch", "--local-infile=1", *args)

    @unittest.skipIf(ORACLE, "its server speaks TLS, so nobody is between")
    def test_server_that_wants_a_file_that_nobody_named(self):
        between = WantsAnyFile(self.stack.cluster.port)
        between.start()
        self.stack.stop()
        text = self.stack.config.read_text()
        self.stack.config.write_text(text.replace(f"port = {self.stack.cluster.port}", f"port = {between.port}"))
        try:
            self.stack.start()
            code, out, error = self.stack.ask("SELECT 'a file'", "--local-infile=1")
            self.assertEqual((code, out), (1, ""), error)
            wait_for(lambda: [r for r in self.stack.audit() if "make no sense" in str(r)], "the violation in the audit")
        finally:
            self.stack.stop()
            self.stack.config.write_text(text)
            self.stack.start()

    def test_passes_where_it_is_allowed(self):
        path, answer = self.load("rows.txt")
        self.assertEqual(answer, (0, "", ""))
        self.assertEqual(self.rows(), 100003)
        self.assertEqual(self.stack.ask(f"LOAD DATA LOCAL INFILE '{path}.none' INTO TABLE scratch; SELECT 1", "--local-infile=1")[0], 1)

    def test_into_a_table_that_is_not_known(self):
        """Held, since nobody knows what happens there; what was approved gets its file."""
        path = self.stack.folder / "unknown.txt"
        path.write_text("7\tseven\n")
        self.stack.cluster.shop("CREATE TABLE newer LIKE scratch")  # around stepgate
        self.addCleanup(self.stack.cluster.shop, "DROP TABLE newer")
        process = self.stack.mariadb("--local-infile=1", "-e", f"LOAD DATA LOCAL INFILE '{path}' INTO TABLE newer; SELECT 'done'")
        self.demo.approve(self.demo.wait_pending())
        out, error = process.communicate(timeout=PATIENCE)
        self.assertEqual((process.returncode, out, error), (0, "done\n", ""))

    def test_whose_name_is_escaped(self):
        for name in ("it's.txt", "C:\\rows.txt", "zeilen-ü.txt"):
            path = self.stack.folder / name
            path.write_text("7\tseven\n")
            written = str(path).replace("\\", "\\\\").replace("'", "\\'")
            self.assertEqual(self.stack.ask(f"LOAD DATA LOCAL INFILE '{written}' INTO TABLE scratch", "--local-infile=1"), (0, "", ""))

    def test_in_texts_that_are_not_read(self):
        """A table's name in a character set whose characters may hold quotes, and another grammar: approved, they get their file."""
        path = self.stack.folder / "other.txt"
        path.write_text("7\tseven\n")
        self.stack.cluster.shop("CREATE TABLE `\u8868` LIKE scratch")
        self.addCleanup(self.stack.cluster.shop, "DROP TABLE `\u8868`")
        sessions = [(charset, "") for charset in ("sjis", "cp932", "ujis", "gbk", "big5")] + [("utf8mb4", "ORACLE")] * (not ORACLE)
        for number, (charset, mode) in enumerate(sessions, start=1):
            with self.subTest(charset=charset, mode=mode):
                connection = self.connect(charset=charset, local_infile=True, autocommit=True)
                cursor = connection.cursor()
                cursor.execute(f"SET sql_mode = '{mode}'")
                thread, result = self.later(lambda: cursor.execute(f"LOAD DATA LOCAL INFILE '{path}' INTO TABLE `\u8868`"))
                self.demo.approve(self.demo.wait_pending())
                thread.join(PATIENCE)
                self.assertEqual(result, [1])
                self.assertEqual(self.stack.cluster.shop("SELECT count(*) FROM `\u8868`"), str(number))
        self.stack.ask("SELECT 1 FROM scratch LIMIT 1")  # waits for the catalogs, which what was not understood may have changed

    @unittest.skipIf(ORACLE, "there the statement cannot be prepared")
    def test_in_a_text_that_is_executed(self):
        path = self.stack.folder / "executed.txt"
        path.write_text("7\tseven\n")
        load = f"LOAD DATA LOCAL INFILE '{path}' INTO TABLE scratch"
        answer = self.stack.ask(f'EXECUTE IMMEDIATE "{load}"; PREPARE p FROM "{load}"; EXECUTE p', "--local-infile=1")
        self.assertEqual((answer, self.rows()), ((0, "", ""), 5))

    def test_held_and_shown_ahead_of_the_file(self):
        """Packets that tell of the hold come before the server's question: numbers differ on both sides, both ways."""
        path = self.stack.folder / "held.txt"
        path.write_text("7\tseven\n")
        screen = Screen(self, self.stack.arguments("--local-infile=1", "--disable-auto-rehash"))
        screen.until("[shop]>")
        screen.type(f"delimiter //\nDELETE FROM scratch; LOAD DATA LOCAL INFILE '{path}' INTO TABLE scratch//\n")
        screen.until("STATEMENT HELD")
        self.demo.approve(self.demo.wait_pending())
        screen.until("Records: 1")
        screen.until("[shop]>")
        self.assertEqual(self.rows(), 1)



class Outcomes(MySqlCase):
    """What the server keeps of a statement is there for the next one, also where stepgate has a question to the server of its own."""

    def test_outcome_of_the_statement_before(self):
        self.stack.cluster.shop("DELIMITER //\nCREATE DEFINER=app PROCEDURE counts() BEGIN UPDATE scratch SET word = concat(word, 'x') WHERE id > 1; END//\n"
                                "CREATE DEFINER=app PROCEDURE warns() BEGIN SELECT 1; SELECT 1 / 0; UPDATE scratch SET word = 1 / 0 WHERE id = 1; END//")
        cursor = self.connect(autocommit=True).cursor()
        cursor.execute("DROP TABLE IF EXISTS nothing_there")  # so that the catalogs are read anew

        def asked(first, *then):
            cursor.execute("SELECT * FROM customers LIMIT 7" if first is None else "SELECT 1")
            cursor.fetchall()
            try:
                if first:
                    cursor.execute(first)
                    while cursor.nextset():
                        pass
            except pymysql.Error as error:
                self.assertNotEqual(error.args[0], 1227)
            answers = []
            for sql in then:
                cursor.execute(sql)
                answers.append(cursor.fetchall())
            return answers
        cursor.execute("UPDATE scratch SET word = 'a' WHERE id IN (1, 2, 3)")
        self.assertEqual(asked("CALL counts()", "SELECT ROW_COUNT()"), [((2,),)])
        exists = [(("Error", 1050, "Table 'orders' already exists"),)]
        self.assertEqual(asked("CREATE TABLE orders (a int)", "SHOW ERRORS"), exists)
        self.assertEqual(asked("CREATE TABLE orders (a int)", "SHOW WARNINGS LIMIT 5;"), exists)
        self.assertEqual(asked("CREATE TABLE orders (a int)", "GET DIAGNOSTICS CONDITION 1 @m = MESSAGE_TEXT", "SELECT @m"), [(), ((exists[0][0][2],),)])
        self.assertEqual(asked("CREATE TABLE orders (a int)", "SELECT @@error_count"), [((1,),)])
        # Behind it the server is asked again, and nothing is taken for what it was.
        self.assertEqual(asked("SET sql_mode = 'ANSI_QUOTES,nonsense'", "SHOW ERRORS", "SELECT 'x', \"y\" FROM scratch LIMIT 1")[1], (("x", "y"),))


if __name__ == "__main__":
    unittest.main()
