"""The server turns literals into values of their types as it reads a text, before anything is executed: within an array, a row or a range a
domain's CHECK looks at them then, and calls whatever it calls. So a text can tell something as soon as it is parsed or prepared."""
# Seen to fail without their protections: Parse that is judged at Bind only, PREPARE that is judged at EXECUTE only, ranges without what they
# are made of, a domain's default that is no value of its type.
import unittest

from harness import Stack
from raw_client import RawClient, bind, close, describe, errors, execute, parse, query, rows, FLUSH, SYNC

TYPES = """
CREATE FUNCTION is_known(v text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN EXISTS (SELECT FROM customers WHERE ssn = v); END $$;
CREATE DOMAIN known_ssn AS text CHECK (is_known(VALUE));
CREATE TYPE person AS (ssn known_ssn);
CREATE TYPE ssns AS RANGE (subtype = known_ssn);
CREATE DOMAIN several AS known_ssn[];
CREATE TABLE people (several known_ssn[], one person);
CREATE TABLE parts (several known_ssn[]) PARTITION BY LIST (several);
CREATE DOMAIN small AS int CHECK (VALUE < 100);
CREATE TABLE sizes (size small[]);
"""
EARLY = ["SELECT '{nobody}'::known_ssn[]", "SELECT '(nobody)'::person", "SELECT '[nobody,nobody]'::ssns", "SELECT '{[nobody,nobody]}'::ssns_multirange",
         "SELECT 1 FROM people WHERE several = '{nobody}'", "INSERT INTO people (one) VALUES ('(nobody)')", "SELECT coalesce(several, '{nobody}') FROM people",
         "SELECT '{nobody}'::several", "SELECT '(nobody,)'::people"]
DEFINITIONS = ["PREPARE early AS SELECT '{nobody}'::known_ssn[]", "CREATE DOMAIN other AS known_ssn[] DEFAULT '{nobody}'", "ALTER DOMAIN several SET DEFAULT '{nobody}'",
               "CREATE TABLE part PARTITION OF parts FOR VALUES IN ('{nobody}')", "ALTER TABLE people ALTER several SET DEFAULT '{nobody}'", "CREATE TABLE later (several known_ssn[] DEFAULT '{nobody}')",
               "CREATE VIEW seen AS SELECT '{nobody}'::known_ssn[]"]


class EarlyValues(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack()
        cls.addClassCleanup(cls.stack.close)
        cls.stack.cluster.shop(TYPES)
        cls.stack.start()
        cls.demo = cls.stack.person()

    def setUp(self):
        self.client = RawClient(self.stack)
        self.addCleanup(self.client.close)

    def assert_held(self, *messages):
        """Denied, the server has not looked at the value: its error would be 23514."""
        self.client.send(*messages)
        challenge = self.demo.wait_pending()
        self.demo.deny(challenge)
        self.assertEqual(errors(self.client.answers()), ["42501"])
        return challenge

    def test_parse(self):
        for sql in EARLY:
            with self.subTest(sql):
                self.assert_held(parse("", sql), SYNC)

    def test_query(self):
        for sql in EARLY + DEFINITIONS:
            with self.subTest(sql):
                self.assert_held(query(sql))

    def test_approved_parse_goes_on(self):
        self.client.send(parse("s", EARLY[0]), SYNC)
        self.demo.approve(self.demo.wait_pending())
        self.assertEqual(errors(self.client.answers()), ["23514"])

    def test_parse_and_execution_are_one_question(self):
        self.client.send(parse("", EARLY[0]), bind("", ""), execute(), SYNC)
        self.demo.approve(self.demo.wait_pending())
        self.assertEqual(errors(self.client.answers()), ["23514"])
        self.assertEqual(self.demo.pending(), [])

    def approve_parse(self, *parts):
        self.client.send(*parts, SYNC)
        self.demo.approve(self.demo.wait_pending())
        self.assertEqual(errors(self.client.answers()), [])

    def test_the_yes_to_a_parse_reaches_its_next_execution(self):
        known = self.stack.cluster.shop("SELECT ssn FROM customers LIMIT 1")
        sql = f"SELECT '{{{known}}}'::known_ssn[]"
        self.approve_parse(parse("s", sql), describe("S", "s"))
        self.client.send(bind("", "s"), execute(), SYNC)
        self.assertEqual(rows(self.client.answers()), [[f"{{{known}}}"]])
        self.assertEqual(self.demo.pending(), [])
        self.assert_held(bind("", "s"), execute(), SYNC)  # once
        self.assertIn("the journal is intact", self.stack.run("audit", "verify"))
        session = [r for r in self.stack.audit() if r["type"] in ("release", "statement")][-3:]
        self.assertEqual([r["type"] for r in session], ["statement", "release", "statement"])
        self.assertEqual((session[0]["sqlstate"], session[0]["rows"]), ("00000", 1))  # what was released is what ran
        self.assertEqual(session[1]["details"]["statements"], [str(session[0]["details"]["statement"])])

    def test_the_yes_to_a_parse_ends_with_whatever_runs_next(self):
        known = self.stack.cluster.shop("SELECT ssn FROM customers LIMIT 1")
        sql = f"SELECT '{{{known}}}'::known_ssn[]"
        other = [parse("o", "SELECT 1"), bind("", "o"), execute(), SYNC]
        for between in (other, [query("SELECT 1")], [query("SET search_path = public")], [parse("o2", "SELECT 2"), bind("p", "o2"), SYNC]):
            with self.subTest(between=between):
                self.approve_parse(parse("", sql) if between is other else parse("s", sql))
                self.client.send(*between)
                self.assertEqual(errors(self.client.answers()), [])
                self.assert_held(bind("", "" if between is other else "s"), execute(), SYNC)
                self.client.send(close("S", "s"), close("S", "o"), close("S", "o2"), SYNC).answers()

    def test_the_yes_to_a_parse_says_nothing_of_values(self):
        known = self.stack.cluster.shop("SELECT ssn FROM customers LIMIT 1")
        self.approve_parse(parse("s", f"SELECT '{{{known}}}'::known_ssn[], $1::text"))
        self.assert_held(bind("", "s", ["x"]), execute(), SYNC)

    def test_a_yes_to_two_executions_is_none_to_a_third(self):
        known = self.stack.cluster.shop("SELECT ssn FROM customers LIMIT 1")
        self.client.send(parse("s", f"SELECT '{{{known}}}'::known_ssn[]"), bind("p", "s"), FLUSH)
        self.demo.approve(self.demo.wait_pending())
        self.assertEqual([self.client.next()[0] for _ in range(2)], ["1", "2"])
        self.assert_held(bind("q", "s"), execute("p"), execute("q"), SYNC)

    def test_what_only_computes_passes(self):
        for sql in ("SELECT '{5}'::small[]", "SELECT 1 FROM sizes WHERE size = '{5}'", "SELECT 1 FROM customers WHERE id = 5"):
            with self.subTest(sql):
                self.client.send(parse("", sql), bind("", ""), execute(), SYNC)
                self.assertEqual(errors(self.client.answers()), [])
        self.client.send(parse("", "SELECT ssn FROM customers"), SYNC)  # is asked for when it is executed, as before
        self.assertEqual(errors(self.client.answers()), [])
        self.assertEqual(errors(self.client.ask("PREPARE plain AS SELECT '{5}'::small[]")), [])
        self.assertEqual(rows(self.client.ask("EXECUTE plain")), [["{5}"]])

    def test_a_slip_of_the_pen_is_not_given_to_the_parser(self):
        self.assert_held(query("SELCT '{nobody}'::known_ssn[]"))


class FirstOfAll(unittest.TestCase):
    def test_a_block_waits_for_the_catalogs(self):
        stack = Stack()
        self.addCleanup(stack.close)
        stack.start()
        client = RawClient(stack)
        self.addCleanup(client.close)
        self.assertEqual(errors(client.ask("DO $$ BEGIN NULL; END $$")), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
