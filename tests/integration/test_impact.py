"""What the page of a challenge says about the effect of a held statement, asked of the real server on the side.
"""
import unittest

from harness import Stack, wait_for
from raw_client import RawClient, SYNC, bind, execute, parse, query

POLICY = """
[[label]]
table = "customers"
columns = {ssn = ["pii"]}

[[rule]]
id = "every-delete"
when = {statement = ["delete", "truncate", "alter", "update"]}
then = {challenge = {level = 1}}
[default]
opaque = {challenge = {level = 1}}
"""


class Impact(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(policy=POLICY)
        cls.addClassCleanup(cls.stack.close)
        for pack in (cls.stack.home / "packs").glob("*.toml"):
            pack.write_text("")
        cls.stack.cluster.admin("ANALYZE", database="shop")
        cls.stack.start()
        cls.demo = cls.stack.person()

    def setUp(self):
        self.client = RawClient(self.stack)
        self.addCleanup(self.client.close)

    def impact(self, *messages):
        """Of the statement that these messages hold, once it is there; the statement is denied then."""
        self.client.send(*messages)
        challenge = self.demo.wait_pending()
        path = f"/challenges/{challenge['id']}"
        impact = wait_for(lambda: self.demo.call("GET", path)["impact"], "an estimate", every=0.1)
        self.demo.deny(challenge)
        self.client.answers()
        return impact

    def test_rows_tables_and_cascades(self):
        impact = self.impact(query("DELETE FROM customers WHERE id <= 100"))
        self.assertEqual(impact["problem"], "")
        self.assertAlmostEqual(impact["rows"], 100, delta=20)
        self.assertEqual(impact["tables"], ["public.customers"])
        self.assertEqual(impact["cascades"], ["public.orders (rows are deleted; about 800 rows in all)",
                                              "public.payments (rows are deleted; about 700 rows in all)"])
        self.assertEqual(impact["locks"], [])
        self.assertEqual(self.stack.cluster.shop("SELECT count(*) FROM customers"), "200")

    def test_values_count(self):
        for value, rows in (("1", 1), ("400", 400)):
            impact = self.impact(parse("", "DELETE FROM orders WHERE id <= $1"), bind("", "", [value]), execute(), SYNC)
            self.assertAlmostEqual(impact["rows"], rows, delta=40)
            self.assertEqual(impact["problem"], "")

    def test_what_the_session_set_is_no_value(self):
        self.client.send(query("SET DateStyle = 'DMY'"))
        self.client.answers()
        impact = self.impact(parse("", "DELETE FROM orders WHERE id <= $1"), bind("", "", ["400"]), execute(), SYNC)
        self.assertEqual(impact["problem"], "")
        self.assertAlmostEqual(impact["rows"], 400, delta=40)

    def test_what_is_asked_about_shows_in_no_number(self):
        """The planner knows how often values occur: before anybody approved, its estimate would say how many have this one."""
        impact = self.impact(query("DELETE FROM customers WHERE ssn LIKE '1%'"))
        self.assertIn("that would tell of the data", impact["problem"])
        self.assertEqual((impact["rows"], impact["tables"]), (None, ["public.customers"]))
        impact = self.impact(query("UPDATE customers SET city = ssn"))
        self.assertEqual((impact["problem"], impact["rows"]), ("", 200))

    def test_truncate_empties(self):
        impact = self.impact(query("TRUNCATE public.payments"))
        self.assertEqual((impact["rows"], impact["tables"]), (700, ["public.payments"]))

    def test_locks_of_the_transaction(self):
        self.client.ask("BEGIN")
        self.client.ask("INSERT INTO orders (customer_id, item, quantity) VALUES (1, 'lamp', 1)")
        impact = self.impact(query("DELETE FROM orders"))
        self.assertIn("RowExclusiveLock on public.orders", impact["locks"])
        self.client.ask("ROLLBACK")

    def test_a_failure_is_said(self):
        impact = self.impact(query("DELETE FROM no_such_table"))
        self.assertIn("does not exist", impact["problem"])
        self.assertNotIn("EXPLAIN", impact["problem"], "nobody typed that")
        self.assertIsNone(impact["rows"])

    def test_functions_of_users_are_not_planned(self):
        self.stack.cluster.shop("CREATE OR REPLACE FUNCTION sly(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS "
                                "$$ BEGIN RAISE EXCEPTION 'sly ran'; END $$")
        impact = self.impact(query("DELETE FROM orders WHERE id = sly(1)"))
        self.assertIn("could run", impact["problem"])
        self.assertNotIn("sly ran", impact["problem"])

    def test_temporary_tables_are_not_planned(self):
        """Another session sees none, or a table of the same name."""
        for sql in ("DELETE FROM orders", "DELETE FROM pg_temp.orders"):
            self.client.ask("CREATE TEMPORARY TABLE IF NOT EXISTS orders (id int)")
            impact = self.impact(query(sql))
            self.assertIn("temporary table", impact["problem"])
            self.assertEqual((impact["rows"], impact["cascades"]), (None, []))

    def test_nothing_can_be_changed(self):
        before = self.stack.cluster.shop("SELECT count(*) FROM orders")
        self.impact(query("WITH d AS (DELETE FROM orders RETURNING 1) SELECT count(*) FROM d"))
        self.assertEqual(self.stack.cluster.shop("SELECT count(*) FROM orders"), before)


if __name__ == "__main__":
    unittest.main()
