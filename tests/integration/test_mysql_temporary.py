"""Temporary tables: what is done to one that the session surely made itself is not asked for, as it destroys nothing that others
have; whatever may mean another table is."""
import struct
import unittest

import pymysql

from harness import PATIENCE, wait_for
from mariadb import MySqlCase
from mysql_raw import EXECUTE, RawCommands

OWN = {
    "rows": ("CREATE TEMPORARY TABLE {0} (a int)", "INSERT INTO {0} VALUES (1)", "CREATE INDEX i ON {0} (a)", "DELETE FROM {0}",
             "UPDATE {0} SET a = 2", "DELETE FROM shop.{0} WHERE 1", "TRUNCATE {0}", "DROP TEMPORARY TABLE {0}"),
    "dropped_as_a_table": ("CREATE TEMPORARY TABLE {0} AS SELECT id FROM orders", "DELETE FROM {0}", "DROP TABLE {0}"),
    "rolled_back": ("BEGIN", "CREATE TEMPORARY TABLE {0} (a int)", "ROLLBACK", "DELETE FROM {0}"),
    "altered": ("CREATE TEMPORARY TABLE {0} (a int)", "ALTER TABLE {0} ADD COLUMN b int, ADD INDEX (b)", "DELETE FROM {0}", "ALTER TABLE {0} DROP COLUMN b"),
    "behind_a_call": ("CREATE TEMPORARY TABLE {0} (a int)", "CALL looks()", "DELETE FROM {0}"),
    "behind_errors": ("CREATE TEMPORARY TABLE {0} (a int)", "!CREATE TABLE orders (a int)", "!SET sql_mode = 'nonsense'", "!ALTER TABLE {0} ADD a int",
                      "DELETE FROM {0}"),
    "made_anew": ("CREATE TEMPORARY TABLE {0} (a int)", "DROP TEMPORARY TABLE {0}", "CREATE TEMPORARY TABLE {0} (a int)",
                  "TRUNCATE TABLE {0}"),
}
# The last statement may mean a table that everybody has: {0}, which was made around stepgate, or one that it names.
ATTACKS = {
    "none": ("DELETE FROM {0}",),
    "not_made": ("CREATE TEMPORARY TABLE {0} (a nothing)", "DELETE FROM {0}"),
    "dropped": ("CREATE TEMPORARY TABLE {0} (a int)", "DROP TEMPORARY TABLE {0}", "DELETE FROM {0}"),
    "dropped_as_a_table": ("CREATE TEMPORARY TABLE {0} (a int)", "DROP TABLE {0}", "DELETE FROM {0}"),
    "dropped_twice": ("CREATE TEMPORARY TABLE {0} (a int)", "DROP TABLE {0}", "DROP TABLE {0}"),
    "dropped_in_one_text": ("CREATE TEMPORARY TABLE {0} (a int)", "DROP TEMPORARY TABLE {0}; DELETE FROM {0}"),
    "renamed": ("CREATE TEMPORARY TABLE {0} (a int)", "ALTER TABLE {0} RENAME TO else_{0}", "DELETE FROM {0}"),
    "renamed_by_what_fails": ("CREATE TEMPORARY TABLE {0} (a int)", "ALTER TABLE {0} RENAME TO else_{0}; SELECT nothing", "DELETE FROM {0}"),
    "of_another_database": ("CREATE TEMPORARY TABLE other.{0} (a int)", "DELETE FROM {0}"),
    "another_one_too": ("CREATE TEMPORARY TABLE {0} (a int)", "DELETE {0}, scratch FROM {0} JOIN scratch"),
    "merge": ("CREATE TEMPORARY TABLE {0} (a int) ENGINE=MERGE UNION=(isam)", "DELETE FROM {0}"),
    "dropped_inside": ("CREATE TEMPORARY TABLE {0} (a int)", "CALL takes()", "DELETE FROM {0}"),
    "dropped_by_function": ("CREATE TEMPORARY TABLE {0} (a int)", "SELECT gives()", "DELETE FROM {0}"),
    "dropped_by_text": ("CREATE TEMPORARY TABLE {0} (a int)", "PREPARE p FROM 'DROP TEMPORARY TABLE {0}'", "EXECUTE p", "DELETE FROM {0}"),
    "inside": ("CREATE TEMPORARY TABLE {0} (a int)", "CALL clears()"),
}


class Temporary(RawCommands, MySqlCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.stack.cluster.admin("CREATE DATABASE other; GRANT ALL ON other.* TO app")
        cls.stack.cluster.shop("CREATE TABLE isam (a int) ENGINE=MyISAM")
        cls.stack.cluster.shop("DELIMITER //\nCREATE FUNCTION gives() RETURNS int DETERMINISTIC BEGIN "
                               "DROP TEMPORARY TABLE IF EXISTS dropped_by_function; RETURN 1; END//")
        cls.stack.cluster.shop("CREATE DEFINER=app PROCEDURE looks() SELECT count(*) FROM orders")
        cls.stack.cluster.shop("CREATE PROCEDURE takes() DROP TEMPORARY TABLE dropped_inside")
        cls.stack.cluster.shop("DELIMITER //\nCREATE PROCEDURE clears() BEGIN DROP TEMPORARY TABLE inside; DELETE FROM inside; END//")

        cls.stack.ask("DROP TABLE IF EXISTS nothing_there")  # so that the catalogs are read anew

    def cursor(self):
        connection = self.connect(autocommit=True, client_flag=pymysql.constants.CLIENT.MULTI_STATEMENTS)
        cursor = connection.cursor()
        cursor.execute("SELECT count(*) FROM orders")
        return cursor

    def run_one(self, cursor, sql):
        """Whether it is held or not: the server does it."""
        def work():
            cursor.execute(sql)
            while cursor.nextset():
                pass
        thread, result = self.later(work)
        while thread.is_alive():
            for challenge in self.demo.pending():
                self.demo.approve(challenge)
            thread.join(0.05)
        return result[0]

    def held(self, work):
        thread, result = self.later(work)
        wait_for(lambda: result or self.demo.pending(), "a hold", every=0.05)
        self.assertEqual(result, [], "not held")
        self.demo.deny(self.demo.pending()[0])
        thread.join(PATIENCE)
        self.assertIsInstance(result[0], pymysql.Error)
        self.assertEqual(result[0].args[0], 1227)

    def made_around(self, name):
        """The next snapshot is some time away."""
        self.stack.cluster.shop(f"CREATE TABLE {name} (a int); INSERT INTO {name} VALUES (1)")

    def test_passes(self):
        for name, statements in OWN.items():
            with self.subTest(name):
                cursor = self.cursor()
                for sql in statements:
                    fails = sql.startswith("!")
                    thread, result = self.later(lambda sql=sql: cursor.execute(sql.lstrip("!").format("own_" + name)))
                    wait_for(lambda: result or self.demo.pending(), sql, every=0.02)
                    for challenge in self.demo.pending():
                        self.demo.deny(challenge)
                    thread.join(PATIENCE)
                    self.assertEqual(isinstance(result[0], pymysql.Error), fails, (sql, result))
                    self.assertNotIn("1227", str(result[0]))

    def test_attacks_are_held(self):
        for name, statements in ATTACKS.items():
            with self.subTest(name):
                cursor = self.cursor()
                self.made_around(name)
                for sql in statements[:-1]:
                    self.run_one(cursor, sql.format(name))
                self.held(lambda: cursor.execute(statements[-1].format(name)))
                self.assertEqual(self.stack.cluster.shop(f"SELECT count(*) FROM {name}"), "1")

    def test_prepared(self):
        """The servers look the name up again at each execution."""
        cursor = self.cursor()
        connection = cursor.connection
        cursor.execute("CREATE TEMPORARY TABLE planned (a int)")
        statement, _ = self.prepare(connection, "DELETE FROM planned")
        run = lambda: self.command(connection, EXECUTE, struct.pack("<IBI", statement, 0, 1))
        run()
        cursor.execute("DROP TEMPORARY TABLE planned")
        self.made_around("planned")
        self.held(run)
        cursor.execute("CREATE TEMPORARY TABLE planned (a int)")
        run()
        self.assertEqual(self.stack.cluster.shop("SELECT count(*) FROM planned"), "1")

    def test_reset(self):
        cursor = self.cursor()
        cursor.execute("CREATE TEMPORARY TABLE was_reset (a int)")
        self.made_around("was_reset")
        self.command(cursor.connection, 0x1f)
        self.held(lambda: cursor.execute("DELETE FROM was_reset"))

    def test_others_have_none(self):
        """What is known of a text with this session's tables is not what another session's means."""
        self.stack.cluster.shop("CREATE TABLE mine (a int); INSERT INTO mine VALUES (1)")
        self.addCleanup(self.stack.cluster.shop, "DROP TABLE mine")
        mine, other = self.cursor(), self.cursor()
        mine.execute("CREATE TEMPORARY TABLE mine (a int)")
        for _ in range(2):
            mine.execute("DELETE FROM mine")
            self.held(lambda: other.execute("DELETE FROM mine"))
        self.assertEqual(self.stack.cluster.shop("SELECT count(*) FROM mine"), "1")


if __name__ == "__main__":
    unittest.main()
