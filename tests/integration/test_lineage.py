"""Labels follow what they were given to: views, renames, copies, partitions, and nothing is looked up in catalogs that a
change has made old. On an observing listener, so that the audit says what would have been held; then on an enforcing one."""
import re
import time
import unittest

from harness import Stack, wait_for
from raw_client import RawClient, errors, query
from wire import Wire

# Names that no shipped pack matches.
POLICY = """
[[label]]
table = "public.staff"
columns = {tax_ref = ["pii"]}
[[label]]
column_regex = '^secret_code$'
labels = ["secret"]
[[rule]]
id = "labelled"
when = {reads = {labels = ["pii", "secret"]}}
then = {challenge = {level = 1}}
because = "Labelled"
"""
TABLES = """
CREATE TABLE staff (id int, tax_ref text);
INSERT INTO staff VALUES (1, 'X-1');
CREATE TABLE vault (id int, secret_code text);
CREATE TABLE harmless (id int, note text);
CREATE TABLE readings (at date, secret_code text) PARTITION BY RANGE (at);
CREATE TABLE readings_2026 PARTITION OF readings FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE base (id int);
CREATE TABLE child (secret_code text) INHERITS (base);
CREATE VIEW staff_view AS SELECT id, tax_ref AS a FROM staff;
CREATE VIEW view_of_view AS SELECT a AS b FROM staff_view;
"""


def stack_with(mode):
    stack = Stack(policy=POLICY)
    text = stack.config.read_text().replace('mode = "enforce"', f'mode = "{mode}"')
    text = re.sub(r"^policies = .*$", 'policies = ["site.toml"]', text, flags=re.M)
    stack.config.write_text(text)
    stack.cluster.shop(TABLES)
    return stack


class Observed(unittest.TestCase):
    def setUp(self):
        self.stack = stack_with("observe")
        self.addCleanup(self.stack.close)
        self.stack.start()

    def labels(self, *statements):
        """Runs the statements as one session; the labels that the audit has for the last one."""
        args = [a for s in statements for a in ("-c", s)]
        process = self.stack.psql("-v", "ON_ERROR_STOP=1", *args)
        _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, err)
        # The index may be a moment behind the journal.
        records = wait_for(lambda: [r for r in self.stack.audit("--type", "statement") if r.get("text") == statements[-1]],
                           f"the record of {statements[-1]}")
        return records[-1]["labels"]

    def test_star_and_views(self):
        self.assertEqual(self.labels("SELECT * FROM harmless"), [])
        self.assertEqual(self.labels("SELECT * FROM vault"), ["secret"])
        self.assertEqual(self.labels("SELECT v FROM vault v"), ["secret"])
        self.assertEqual(self.labels("SELECT id FROM vault"), [])
        self.assertEqual(self.labels("SELECT a FROM staff_view"), ["pii"])
        self.assertEqual(self.labels("SELECT b FROM view_of_view"), ["pii"])

    def test_families(self):
        self.assertEqual(self.labels("SELECT * FROM readings_2026"), ["secret"])
        self.assertEqual(self.labels("SELECT * FROM readings"), ["secret"])
        self.assertEqual(self.labels("SELECT * FROM child"), ["secret"])

    def test_columns_that_hold_rows(self):
        self.stack.cluster.shop("CREATE TYPE person AS (secret_code text, x int); CREATE DOMAIN one AS person;"
                                "CREATE TYPE nested AS (p person, n int);"
                                "CREATE TABLE holder (id int, c person, many person[], d one, n nested, s staff)")
        wait_for(lambda: self.labels("SELECT c FROM holder") == ["secret"], "a snapshot with the table")
        for sql in ("SELECT (c).secret_code FROM holder", "SELECT * FROM holder", "SELECT (holder.c).* FROM holder", "SELECT c::text FROM holder",
                    "SELECT row_to_json(c) FROM holder", "SELECT u.secret_code FROM holder, unnest(many) u", "SELECT d FROM holder",
                    "SELECT ((n).p).secret_code FROM holder", "SELECT id FROM holder WHERE (c).secret_code = (d).secret_code",
                    "SELECT (y).secret_code FROM (SELECT c AS y FROM holder) z"):
            with self.subTest(sql):
                self.assertIn("secret", self.labels(sql))
        self.assertEqual(self.labels("SELECT (s).tax_ref FROM holder"), ["pii"])
        self.assertEqual(self.labels("SELECT s FROM holder"), ["pii"])
        self.assertEqual(self.labels("SELECT id FROM holder"), [])

    def test_renamed_table(self):
        self.assertEqual(self.labels("ALTER TABLE staff RENAME TO s1", "SELECT tax_ref FROM s1"), ["pii"])
        self.assertEqual(self.labels("ALTER TABLE s1 RENAME TO s2", "SELECT * FROM s2"), ["pii"])
        self.stack.stop()  # what was learned is in the store
        self.stack.start()
        self.assertEqual(self.labels("SELECT * FROM s2"), ["pii"])
        self.assertEqual(self.labels("SELECT id FROM s2"), [])

    def test_renamed_column(self):
        self.assertEqual(self.labels("ALTER TABLE staff RENAME COLUMN tax_ref TO note", "SELECT note FROM staff"), ["pii"])
        self.assertEqual(self.labels("ALTER TABLE vault RENAME secret_code TO x", "SELECT x FROM vault"), ["secret"])

    def test_copies(self):
        self.assertEqual(self.labels("CREATE TABLE c1 AS SELECT tax_ref AS x FROM staff", "SELECT x FROM c1"), ["pii"])
        self.assertEqual(self.labels("SELECT tax_ref INTO c2 FROM staff", "TABLE c2"), ["pii"])
        self.assertEqual(self.labels("INSERT INTO harmless SELECT id, tax_ref FROM staff", "SELECT note FROM harmless"), ["pii"])
        self.assertEqual(self.labels("CREATE MATERIALIZED VIEW m AS SELECT a FROM staff_view", "SELECT * FROM m"), ["pii"])
        self.assertEqual(self.labels("CREATE TABLE c3 AS SELECT x FROM c1", "SELECT x FROM c3"), ["pii"])
        self.assertEqual(self.labels("ALTER TABLE c3 RENAME TO c4", "SELECT x FROM c4"), ["pii"])
        self.assertEqual(self.labels("CREATE TEMP TABLE t AS SELECT tax_ref AS x FROM staff", "SELECT x FROM t"), ["pii"])
        self.stack.stop()
        self.stack.start()
        self.assertEqual(self.labels("SELECT x FROM c4"), ["pii"])
        self.assertEqual(self.labels("SELECT note FROM harmless"), ["pii"])
        self.assertEqual(self.labels("SELECT id FROM staff"), [])

    def test_metrics(self):
        self.labels("SELECT 1")
        name = '{listener="%s",database="shop"}' % re.search(r'^name = "(.*)"', self.stack.config.read_text(), re.M).group(1)
        wait_for(lambda: self.stack.metrics().get("stepgate_catalog_available" + name) == 1, "a snapshot")
        metrics = self.stack.metrics()
        self.assertGreater(metrics["stepgate_catalog_relations" + name], 10)
        self.assertEqual(metrics["stepgate_catalog_failures_total" + name], 0)
        reads = metrics["stepgate_catalog_reads_total" + name]
        for _ in range(3):  # tables of the session's own are nobody else's business
            self.labels("CREATE TEMP TABLE own (a int)", "INSERT INTO own VALUES (1)", "DROP TABLE own", "SELECT 2")
        time.sleep(0.5)
        self.assertEqual(self.stack.metrics()["stepgate_catalog_reads_total" + name], reads)
        self.labels("CREATE TABLE everybodys (a int)")
        wait_for(lambda: self.stack.metrics()["stepgate_catalog_reads_total" + name] > reads, "the catalogs read again")


class Enforced(unittest.TestCase):
    """A change and what relies on it, right after it: the old meaning must never count.

    Checked by taking it out: without origins (postgres_origins.cpp) and without telling others inside a block (catalog_use.cpp),
    test_origins_… and test_others_wait_… fail: psql gets the labelled rows."""

    @classmethod
    def setUpClass(cls):
        cls.stack = stack_with("enforce")
        cls.addClassCleanup(cls.stack.close)
        cls.stack.start()
        cls.demo = cls.stack.person()

    def held(self, *statements):
        args = [a for s in statements for a in ("-c", s)]
        process = self.stack.psql("-v", "ON_ERROR_STOP=1", *args)
        challenge = self.demo.wait_pending()
        self.demo.deny(challenge)
        process.communicate(timeout=60)
        return challenge

    def test_new_meaning_counts_at_once(self):
        for number in range(5):
            with self.subTest(number=number):
                challenge = self.held(f"CREATE OR REPLACE VIEW swap{number} AS SELECT note AS n FROM harmless",
                                      f"SELECT n FROM swap{number}",
                                      f"CREATE OR REPLACE VIEW swap{number} AS SELECT tax_ref AS n FROM staff",
                                      f"SELECT n FROM swap{number} WHERE true")
                self.assertEqual(challenge["labels"], ["pii"])

    def test_own_changes_count_before_they_are_committed(self):
        """In one text, and in one transaction: neither the meaning before nor the one after is taken for granted."""
        for name, rule, statements in (
                ("text", "labelled", ("ALTER TABLE staff RENAME TO own_text; SELECT tax_ref FROM own_text",)),
                ("block", "labelled", ("BEGIN", "ALTER TABLE staff RENAME TO own_block", "SELECT tax_ref FROM own_block")),
                ("swap", "default.opaque", ("BEGIN", "ALTER TABLE harmless RENAME TO aside", "ALTER TABLE staff RENAME TO harmless",
                                            "SELECT * FROM harmless"))):
            with self.subTest(name):
                challenge = self.held(*statements)
                self.assertIn(rule, challenge["rules"])
                self.assertEqual(self.stack.cluster.shop("SELECT count(*) FROM staff"), "1")

    def test_a_view_replaced_in_the_transaction_is_followed(self):
        self.stack.cluster.shop("DROP VIEW IF EXISTS inner_view; CREATE VIEW inner_view AS SELECT note AS n FROM harmless")
        code, out, err = self.stack.ask("BEGIN; DROP VIEW inner_view; CREATE VIEW inner_view AS SELECT id AS n FROM harmless; "
                                        "SELECT count(n) FROM inner_view; ROLLBACK")
        self.assertEqual(code, 0, err)  # it was made before our eyes, from nothing labelled

    def test_others_wait_for_the_end_of_the_transaction_and_judge_by_its_outcome(self):
        for end, held in (("COMMIT", True), ("ROLLBACK", False)):
            with self.subTest(end), Wire(self.stack.port, "demo", self.stack.password) as one:
                for sql in ("BEGIN", "ALTER TABLE harmless RENAME TO aside", "ALTER TABLE staff RENAME TO harmless"):
                    self.assertEqual(one.ask(sql)[-1][0], "Z")
                other = self.stack.psql("-c", "SELECT * FROM harmless")
                time.sleep(0.5)
                self.assertIsNone(other.poll())
                self.assertEqual(self.demo.pending(), [])
                one.ask(end)
                if held:
                    challenge = self.demo.wait_pending()
                    self.assertEqual(challenge["labels"], ["pii"])
                    self.demo.deny(challenge)
                out, err = other.communicate(timeout=60)
                self.assertNotIn("X-1", out)
                self.assertEqual(other.returncode == 0, not held, err)
            if held:
                self.stack.ask("BEGIN; ALTER TABLE harmless RENAME TO staff; ALTER TABLE aside RENAME TO harmless; COMMIT")

    def test_origins_stop_the_rows_of_what_was_made_elsewhere(self):
        """The snapshot does not know the view, and no name in the text is labelled: the server's description says where the rows are from."""
        self.stack.cluster.shop("ALTER TABLE staff RENAME TO behind_the_back")
        self.addCleanup(self.stack.cluster.shop, "ALTER TABLE behind_the_back RENAME TO staff")
        process = self.stack.psql("-c", "SELECT tax_ref FROM behind_the_back")
        challenge = self.demo.wait_pending()
        self.assertEqual(challenge["labels"], ["pii"])
        detail = self.demo.call("GET", f"/challenges/{challenge['id']}")
        self.assertTrue(any("the server says that its result comes from" in reason for reason in detail["opaque_reasons"]), detail)
        self.demo.deny(challenge)
        out, _ = process.communicate(timeout=60)
        self.assertEqual(out, "")

    def test_harmless_goes_on(self):
        code, out, err = self.stack.ask("CREATE TABLE plain (a int); INSERT INTO plain VALUES (7); SELECT a FROM plain")
        self.assertEqual((code, out.splitlines()[-1]), (0, "7"), err)
        self.assertEqual(self.demo.pending(), [])


class NewTables(unittest.TestCase):
    """Of a table that was just made the columns are not known: who reads all of them without their names waits for the catalogs."""

    def test_whole_rows_wait_for_the_columns(self):
        stack = stack_with("enforce")
        self.addCleanup(stack.close)
        demo = stack.start().person()
        maker, reader = RawClient(stack), RawClient(stack)
        self.addCleanup(maker.close)
        self.addCleanup(reader.close)
        for number, sql in enumerate(("SELECT x::text FROM {} x", "SELECT * FROM {}", "TABLE {}", "COPY {} TO STDOUT", "SELECT to_jsonb(x) FROM {} x") * 4):
            with self.subTest(sql):
                table = f"made_{number}"
                self.assertEqual(errors(maker.ask(f"CREATE TABLE {table} (id int, secret_code text)")), [])
                reader.send(query(sql.format(table)))
                demo.deny(demo.wait_pending())
                self.assertEqual(errors(reader.answers()), ["42501"])


if __name__ == "__main__":
    unittest.main()
