"""One answer for the very same statement again, where a rule allows it: so many times, in the same session, with the same values; on both protocols.

tests/unit/challenges/elevation_test.cpp has the attacks one by one, seen to fail without their protections.
"""
import re
import threading
import unittest

import psycopg
import pymysql

from harness import PATIENCE, Stack
from mariadb import MySqlStack

POLICY = """
[[rule]]
id = "again"
when = {statement = ["delete"], where = ["present"]}
then = {challenge = {level = 1, elevation = {for = "10m", scope = "statement", count = 3}}}
"""
SQL = "DELETE FROM scratch WHERE id = %s"


class Again:
    """The tests; the classes below say where."""

    def later(self, connection, sql=SQL, values=(1,)):
        """Runs a statement on a thread: a list that gets its row count or error."""
        result = []

        def run():
            cursor = connection.cursor()
            try:
                cursor.execute(sql, values)
                result.append(cursor.rowcount)
            except (psycopg.Error, pymysql.Error) as error:
                result.append(error)
        thread = threading.Thread(target=run)
        thread.start()
        self.addCleanup(thread.join, PATIENCE)
        return thread, result

    def approved_under(self, connection, sql):
        """What the page says that the statement depends on: it is asked for, approved, and runs."""
        thread, result = self.later(connection, sql, None)
        challenge = self.demo.wait_pending()
        shown = self.premises(challenge)
        self.demo.approve(challenge)
        thread.join(PATIENCE)
        self.assertIsInstance(result[0], int)
        return shown

    def premises(self, challenge):
        return {one["name"]: one["value"] for one in self.demo.call("GET", f"/challenges/{challenge['id']}")["statements"][0]["premises"]}

    def approved(self, connection):
        thread, result = self.later(connection)
        challenge = self.demo.wait_pending()
        detail = self.demo.call("GET", f"/challenges/{challenge['id']}")
        self.assertEqual(detail["elevation"], {"seconds": 600, "scope": "statement", "count": 3})
        self.demo.approve(challenge)
        thread.join(PATIENCE)
        self.assertEqual(result, [1])
        return challenge

    def is_held(self, connection, sql=SQL, values=(1,)):
        """It asks anew, and is denied."""
        thread, result = self.later(connection, sql, values)
        self.demo.deny(self.demo.wait_pending())
        thread.join(PATIENCE)
        self.assertIsInstance(result[0], Exception)

    def passes(self, connection):
        thread, result = self.later(connection)
        thread.join(PATIENCE)
        self.assertIsInstance(result[0], int, result)

    def test_the_same_statement_three_times_and_nothing_else(self):
        connection, other = self.connect(), self.connect()
        challenge = self.approved(connection)
        self.is_held(connection, values=(2,))
        self.is_held(connection, sql=SQL + " ")
        self.is_held(other)
        self.passes(connection)
        self.assertEqual([(e["scope"], e["left"]) for e in self.demo.call("GET", "/elevations")["elevations"]], [("statement", 1)])
        self.passes(connection)
        self.is_held(connection)
        mine = [r["details"].get("ordinal") for r in self.stack.audit("--type", "release") if r.get("challenge") == challenge["id"]]
        self.assertEqual(mine, [None, 2, 3])
        past = next(p for p in self.demo.call("GET", "/history")["challenges"] if p["id"] == challenge["id"])
        self.assertEqual((past["outcome"], past["releases"]), ("consumed", 3))
        self.assertIn("the journal is intact", self.stack.run("audit", "verify"))

    def test_what_a_prepared_statement_was_is_part_of_it(self):
        connection = self.connect()
        cursor = connection.cursor()
        cursor.execute(self.PREPARE % 1)
        thread, result = self.later(connection, "EXECUTE again", None)
        challenge = self.demo.wait_pending()
        shown = self.demo.call("GET", f"/challenges/{challenge['id']}")["statements"][0]
        self.assertEqual((shown["sql"], shown["premises"]), ("EXECUTE again", [{"name": "runs", "value": "DELETE FROM scratch WHERE id = 1"}]))
        self.demo.approve(challenge)
        thread.join(PATIENCE)
        self.assertEqual(result, [1])
        cursor.execute("DEALLOCATE PREPARE again")
        cursor.execute(self.PREPARE % 2)
        self.is_held(connection, "EXECUTE again", None)
        self.assertIn("the journal is intact", self.stack.run("audit", "verify"))

    def test_a_temporary_table_is_another_one(self):
        connection = self.connect()
        cursor = connection.cursor()
        cursor.execute("CREATE TEMPORARY TABLE scratch (id int)")
        cursor.execute("INSERT INTO scratch VALUES (1)")
        challenge = self.approved(connection)
        self.assertIn("may be a temporary table of the session", self.premises(challenge).values())
        cursor.execute(self.AWAY)
        self.is_held(connection)
        self.assertEqual(self.stack.cluster.shop("SELECT count(*) FROM scratch"), "1")
        self.assertIn("the journal is intact", self.stack.run("audit", "verify"))

    def test_it_ends_by_a_button_and_with_its_session(self):
        connection = self.connect()
        challenge = self.approved(connection)
        self.demo.call("DELETE", f"/elevations/{challenge['id']}")
        self.is_held(connection)
        self.refill()
        self.approved(connection)
        connection.close()
        self.refill()
        self.is_held(self.connect())


class OnPostgres(Again, unittest.TestCase):
    PREPARE = "PREPARE again AS DELETE FROM scratch WHERE id = %d"
    AWAY = "ALTER TABLE pg_temp.scratch RENAME TO away"

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(policy=POLICY)
        cls.addClassCleanup(cls.stack.close)
        cls.stack.cluster.shop("CREATE TABLE scratch (id int)")
        cls.stack.cluster.admin("CREATE ROLE reader; GRANT reader TO app")
        cls.stack.cluster.shop("CREATE SCHEMA aside; CREATE TABLE aside.scratch (id int); GRANT ALL ON scratch TO reader;"
                                "CREATE TABLE kept (id int); ALTER TABLE kept ENABLE ROW LEVEL SECURITY;"
                                "CREATE POLICY own ON kept USING (id = current_setting('app.tenant')::int)")
        cls.stack.start()
        cls.demo = cls.stack.person()

    def refill(self):
        self.stack.cluster.shop("TRUNCATE scratch; INSERT INTO scratch VALUES (1)")

    def setUp(self):
        self.refill()

    def connect(self):
        connection = psycopg.connect(host="127.0.0.1", port=self.stack.port, user="demo", password=self.stack.password, dbname="shop", autocommit=True,
                                     prepare_threshold=None)
        self.addCleanup(connection.close)
        return connection

    def test_what_the_session_set_is_part_of_the_question(self):
        for before, sql, after, shown in (
                ("SET search_path = aside", "DELETE FROM scratch WHERE id = 7", "RESET search_path", {"search_path": "aside"}),
                ("SET DateStyle = 'DMY'", "DELETE FROM scratch WHERE id = date '01/02/2026' - date '2026-01-01'", "SET DateStyle = 'ISO, MDY'", {"DateStyle": "ISO, DMY"}),
                ("SET ROLE reader", "DELETE FROM scratch WHERE id = 8", "RESET ROLE", {"role": "reader"}),
                ("SET app.tenant = '1'", "DELETE FROM scratch WHERE id = current_setting('app.tenant')::int", "SET app.tenant = '2'", {"app.tenant": "1"}),
                ("SET app.tenant = '3'", "DELETE FROM kept WHERE id > 2", "RESET app.tenant", {"app.tenant": "3"}),
                ("SET app.request = '3'", "DELETE FROM scratch WHERE id = 10", "SET app.request = '4'", {}),
                ("SELECT set_config('app.api_key', '1', false)", "DELETE FROM scratch WHERE id = length(current_setting('app.api_key'))",
                 "SELECT set_config('app.api_key', 'two', false)", {"app.api_key": "was set (SESSION.1)"}),
                ("SET extra_float_digits = 0", "DELETE FROM scratch WHERE id::float8::text = '1'", "BEGIN; SET LOCAL extra_float_digits = 3", {"extra_float_digits": "0"}),
                ("SET LOCAL bytea_output = 'escape'", "DELETE FROM scratch WHERE id = 9", "SELECT 1", {})):
            with self.subTest(before):
                connection = self.connect()
                connection.execute(before)
                premises = self.approved_under(connection, sql)
                connection.execute(sql)
                connection.execute(after)
                if shown:
                    self.is_held(connection, sql, None)
                else:
                    connection.execute(sql)
                self.assertEqual({name: re.sub(r"\([^()]+\.", "(SESSION.", value) for name, value in premises.items()}, shown)

    def test_several_in_one_group_are_one_question_and_count_each(self):
        connection = self.connect()
        result = []

        def run(times):
            with connection.pipeline():
                for _ in range(times):
                    connection.execute(SQL, (1,))
            result.append("done")
        thread = threading.Thread(target=run, args=(2,))
        thread.start()
        challenge = self.demo.wait_pending()
        self.assertEqual(len(self.demo.call("GET", f"/challenges/{challenge['id']}")["statements"]), 2)
        self.demo.approve(challenge)
        thread.join(PATIENCE)
        self.assertEqual(result, ["done"])
        self.passes(connection)
        self.is_held(connection)
        self.assertIn("the journal is intact", self.stack.run("audit", "verify"))


class OnMySql(Again, unittest.TestCase):
    PREPARE = "PREPARE again FROM 'DELETE FROM scratch WHERE id = %d'"
    AWAY = "DROP TEMPORARY TABLE scratch"

    @classmethod
    def setUpClass(cls):
        cls.stack = MySqlStack(listener='announce = "wait"', policy=POLICY)
        cls.addClassCleanup(cls.stack.close)
        cls.stack.start()
        cls.demo = cls.stack.person()

    def refill(self):
        self.stack.cluster.shop("DELETE FROM scratch; INSERT INTO scratch VALUES (1, 'a')")

    def test_how_the_text_is_read_is_part_of_the_question(self):
        connection = self.connect()
        cursor = connection.cursor()
        for mode, sql in (("PIPES_AS_CONCAT", "DELETE FROM scratch WHERE word = 'x' || id"), ("HIGH_NOT_PRECEDENCE", "DELETE FROM scratch WHERE NOT id BETWEEN -5 AND 1"),
                          ("NO_BACKSLASH_ESCAPES", "DELETE FROM scratch WHERE word = 'x\\z'")):
            with self.subTest(mode):
                cursor.execute(f"SET sql_mode = 'STRICT_ALL_TABLES,{mode}'")
                shown = self.approved_under(connection, sql)
                cursor.execute(sql)
                cursor.execute("SET sql_mode = 'STRICT_ALL_TABLES'")
                self.is_held(connection, sql, None)
                self.assertEqual(shown, {"sql_mode": mode})

    def test_what_a_session_set_is_part_of_the_question(self):
        connection = self.connect()
        cursor = connection.cursor()
        sql = "DELETE FROM scratch WHERE id < now() AND word > 'A'"
        for setting, back in (("timestamp = 1000000000", "timestamp = DEFAULT"), ("time_zone = '+05:00'", "time_zone = '+06:00'"),
                              ("collation_connection = 'utf8mb4_bin'", "collation_connection = 'utf8mb4_general_ci'"),
                              ("timestamp = 1000000000 + 1", "timestamp = 1000000000 + 2"),
                              ("max_sort_length = 64", "max_sort_length = 1024")):
            with self.subTest(setting):
                cursor.execute(f"SET {setting}")
                shown = self.approved_under(connection, sql)
                cursor.execute(sql)
                cursor.execute(f"SET {back}")
                self.is_held(connection, sql, None)
                self.assertIn(tuple(setting.replace("'", "").split(" = ", 1)), shown.items())

    def test_a_variable_that_the_text_names_is_part_of_the_question(self):
        """Of the session, whichever it is and however it was set: any may decide which rows are meant."""
        connection = self.connect()
        cursor = connection.cursor()
        for sql in ("DELETE FROM scratch WHERE id < @@wait_timeout AND @@time_zone > ''", "DELETE FROM scratch WHERE id < @@LOCAL .`Wait_timeout` AND @@global.port > 0"):
            with self.subTest(sql):
                cursor.execute("SET wait_timeout = 5")
                shown = self.approved_under(connection, sql)
                cursor.execute(sql)
                cursor.execute("SET wait_timeout = 500")
                self.is_held(connection, sql, None)
                self.assertEqual(shown["@@wait_timeout"], "5")

    def setUp(self):
        self.refill()

    def connect(self):
        connection = pymysql.connect(host="127.0.0.1", port=self.stack.port, user="demo", password=self.stack.password, database="shop", autocommit=True,
                                     ssl={"ca": str(self.stack.home / "tls/ca.crt")})
        self.addCleanup(lambda: connection.open and connection.close())
        return connection


if __name__ == "__main__":
    unittest.main()
