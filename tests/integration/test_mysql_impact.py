"""What the page of a challenge says about the effect of a held statement, asked of the real MariaDB or MySQL on the side."""
# Seen to fail without their protections: functions of users planned, values of rows in errors and plans, variables and temporary tables of the session
# planned as other sessions see them.
import unittest

from harness import PATIENCE, wait_for
from mariadb import ORACLE, MySqlCase, MySqlStack
from mysql_raw import RawCommands

POLICY = """
[[rule]]
id = "everything"
when = {statement = ["delete", "truncate", "alter", "update", "select", "insert"]}
then = {challenge = {level = 1}}
"""


class Case(RawCommands, MySqlCase):
    policy = POLICY

    @classmethod
    def setUpClass(cls):
        cls.stack = MySqlStack(policy=cls.policy, listener='announce = "wait"', hold=cls.hold)
        cls.addClassCleanup(cls.stack.close)
        for pack in (cls.stack.home / "packs").glob("*.toml"):
            pack.write_text("")
        shop = cls.stack.cluster.shop
        shop("DELIMITER //\nCREATE DEFINER=app@'%' FUNCTION sly() RETURNS int DETERMINISTIC MODIFIES SQL DATA BEGIN DELETE FROM scratch; RETURN 1; END//")
        cls.stack.cluster.admin("GRANT PROCESS ON *.* TO app@'%'")
        shop("ANALYZE TABLE customers, orders, payments")
        cls.stack.start()
        cls.demo = cls.stack.person()

    def impact_of(self, work):
        """Of what this holds, once it is there; the statement is denied then."""
        thread, result = self.later(work)
        challenge = self.demo.wait_pending()
        path = f"/challenges/{challenge['id']}"
        impact = wait_for(lambda: self.demo.call("GET", path)["impact"], "an estimate", every=0.1)
        self.demo.deny(challenge)
        thread.join(PATIENCE)
        self.assertEqual(result[0].args[0], 1227)
        return impact

    def impact(self, sql, *before):
        cursor = self.connect(autocommit=True).cursor()
        for statement in before:
            cursor.execute(statement)
        return self.impact_of(lambda: cursor.execute(sql))


class Impact(Case):
    def test_rows_tables_and_cascades(self):
        impact = self.impact("DELETE FROM customers WHERE id <= 100")
        self.assertEqual(impact["problem"], "")
        self.assertAlmostEqual(impact["rows"], 100, delta=20)
        self.assertEqual(impact["tables"], ["shop.customers", "shop.orders", "shop.payments"])
        self.assertEqual([text.split(";")[0] for text in impact["cascades"]],
                         ["shop.orders (rows are deleted", "shop.payments (rows are deleted"])
        self.assertEqual(impact["locks"], [])
        self.assertEqual(self.stack.cluster.shop("SELECT count(*) FROM customers"), "200")

    def test_joins_unions_and_inserts(self):
        for sql, rows in (("UPDATE orders o JOIN customers c ON c.id = o.customer_id SET o.quantity = 1 WHERE c.id = 5", 4),
                          ("SELECT ssn FROM customers UNION ALL SELECT iban FROM payments", 900),
                          ("INSERT INTO scratch SELECT id, item FROM orders WHERE id < 50", 49),
                          ("SELECT * FROM orders WHERE id = -1", 0)):
            with self.subTest(sql):
                impact = self.impact(sql)
                self.assertEqual(impact["problem"], "")
                self.assertAlmostEqual(impact["rows"], rows, delta=rows // 3)

    def test_values_count(self):
        connection = self.connect(autocommit=True)
        statement, _ = self.prepare(connection, "DELETE FROM orders WHERE id <= ?")
        for value, rows in ((1, 1), (400, 400)):
            impact = self.impact_of(lambda: self.execute(connection, statement, value))
            self.assertEqual(impact["problem"], "")
            self.assertAlmostEqual(impact["rows"], rows, delta=40)

    def test_truncate_empties(self):
        impact = self.impact("TRUNCATE shop.payments")
        self.assertAlmostEqual(impact["rows"], 700, delta=100)
        self.assertEqual(impact["tables"], ["shop.payments"])

    def test_settings_of_the_session(self):
        for sql, before in (('DELETE FROM "orders" WHERE "id" <= 10', "SET sql_mode = 'ANSI_QUOTES'"),
                            ("DELETE FROM shop.orders WHERE id <= 10", "USE information_schema"),
                            ("DELETE FROM orders WHERE id <= 10 AND item <> '\xfc'".encode("latin1"), "SET NAMES latin1")):
            with self.subTest(sql):
                impact = self.impact(sql, before)
                self.assertEqual(impact["problem"], "")
                self.assertAlmostEqual(impact["rows"], 10, delta=4)

    def test_locks_of_the_transaction(self):
        connection = self.connect()
        cursor = connection.cursor()
        thread, _ = self.later(lambda: cursor.execute("DELETE FROM orders WHERE id = 7"))
        self.demo.approve(self.demo.wait_pending())
        thread.join(PATIENCE)
        impact = self.impact_of(lambda: cursor.execute("DELETE FROM orders WHERE id = 8"))
        self.assertEqual(len(impact["locks"]), 1, impact)
        self.assertIn("rows changed so far: ", impact["locks"][0])
        connection.rollback()

    def test_a_failure_is_said(self):
        impact = self.impact("DELETE FROM orders WHERE no_such_column = 1")
        self.assertIn("no_such_column", impact["problem"])
        self.assertIsNone(impact["rows"])

    def test_what_only_the_session_has_is_not_planned(self):
        for sql, before, why in (("DELETE FROM orders WHERE id <= @most", "SET @most = 700", "variables"),
                                 ("DELETE FROM scratch", "CREATE TEMPORARY TABLE scratch (id int)", "temporary table")):
            with self.subTest(sql):
                impact = self.impact(sql, before)
                self.assertIn(why, impact["problem"])
                self.assertIsNone(impact["rows"])

    def test_functions_of_users_are_not_planned(self):
        for sql in ("SELECT * FROM orders WHERE id = sly()", "SELECT substr('a', length(sly()))"):
            with self.subTest(sql):
                impact = self.impact(sql)
                self.assertEqual(impact["problem"], "It calls a function that is not the server's own, and planning could run it.")
                self.assertEqual(self.rows(), 3)

    @unittest.skipUnless(ORACLE, "MariaDB's errors show no values")
    def test_errors_show_no_values(self):
        impact = self.impact("SELECT 1 FROM orders WHERE gtid_subset((SELECT item FROM orders LIMIT 1), 'x')")
        self.assertEqual(impact["problem"], "The server does not plan it.")


class OfLabelled(Case):
    policy = POLICY + '''
[[label]]
table = "customers"
columns = {ssn = ["pii"]}

[[rule]]
id = "payments"
when = {reads = {tables = ["shop.payments"]}}
then = {challenge = {level = 1}}
'''

    def test_what_is_asked_for_shows_in_no_plan(self):
        """A row that a key names is read as the plan is made: whether there are rows says what is in it."""
        for sql in ("SELECT id FROM customers WHERE id = 1 AND ssn LIKE '8%'", "SELECT 1 FROM orders WHERE (SELECT iban FROM payments LIMIT 1) > 'M'"):
            with self.subTest(sql):
                impact = self.impact(sql)
                self.assertIn("the plan would show", impact["problem"])
                self.assertIsNone(impact["rows"])
        self.assertIsNotNone(self.impact("SELECT id FROM customers WHERE id = 1")["rows"])


if __name__ == "__main__":
    unittest.main()
