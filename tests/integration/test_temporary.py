"""Temporary relations: no catalog shows them, so what a session made for itself is known from its own statements only. As many
as it likes, one after the other; what they hold keeps its labels under any name; and none of their names hides from others
what everybody has. Checked by taking it out: without SessionState::settle_relations test_a_thousand fails, without the effects of
Walk::rename_relation, Walk::makes and is_own (catalog_change.cpp) the labels and test_what_others_have do, without
SessionState::transaction_failed test_a_failed_block."""
import unittest

from harness import wait_for
from test_lineage import stack_with
from wire import Wire, query

# The next snapshot must not take for old what no snapshot has.
ANOTHER = "CREATE TABLE another_{0} (a int)", "SELECT pg_sleep(0.5)"
COPY = "SELECT tax_ref AS x FROM staff"
LABELLED = {
    "renamed": (f"CREATE TEMP TABLE a1 AS {COPY}", "ALTER TABLE a1 RENAME TO b1", *ANOTHER, "SELECT x FROM b1"),
    "filled_and_renamed": ("CREATE TEMP TABLE a2 (x text)", "INSERT INTO a2 SELECT tax_ref FROM staff", "ALTER TABLE a2 RENAME TO b2",
                           *ANOTHER, "DROP TABLE IF EXISTS a2", "SELECT x FROM b2"),
    "view_over_one": ("CREATE TEMP TABLE a3 (a int)", f"CREATE VIEW b3 AS {COPY}, a3", *ANOTHER, "SELECT x FROM b3"),
    "in_its_schema": (f"CREATE TABLE pg_temp.a4 AS {COPY}", *ANOTHER, "SELECT x FROM a4"),
    "by_the_path": ("SET search_path = pg_temp, public", f"CREATE TABLE a5 AS {COPY}", "RESET search_path", *ANOTHER, "SELECT x FROM a5"),
    "copied_and_dropped": (f"CREATE TEMP TABLE a6 AS {COPY}", "CREATE TEMP TABLE b6 AS SELECT x AS y FROM a6", "DROP TABLE a6",
                           *ANOTHER, "SELECT y FROM b6"),
    "drop_taken_back": (f"CREATE TEMP TABLE a7 AS {COPY}", "BEGIN", "DROP TABLE a7", "ROLLBACK", *ANOTHER, "SELECT x FROM a7"),
    "drop_failed": (f"CREATE TEMP TABLE a8 AS {COPY}", "BEGIN", "DROP TABLE a8", "SELECT 1/0", "COMMIT; SELECT x FROM a8"),
    "discard_taken_back": (f"CREATE TEMP TABLE a9 AS {COPY}", "BEGIN", "DISCARD TEMP", "ROLLBACK", *ANOTHER, "SELECT x FROM a9"),
}
NOT_LABELLED = {
    "made_anew": (f"CREATE TEMP TABLE c1 AS {COPY}", "DROP TABLE c1", "CREATE TEMP TABLE c1 AS SELECT note AS x FROM harmless",
                  "SELECT x FROM c1"),
    "gone_with_the_block": ("BEGIN", f"CREATE TEMP TABLE c2 ON COMMIT DROP AS {COPY}", "COMMIT", "CREATE TEMP TABLE c2 (x text)",
                            "SELECT x FROM c2"),
    "gone_with_discard": (f"CREATE TEMP TABLE c3 AS {COPY}", "DISCARD ALL", "CREATE TEMP TABLE c3 (x text)", "SELECT x FROM c3"),
}
# What of them a session has made when it gives everybody a view of that name.
HIDING = {
    "there": ("CREATE TEMP TABLE {0} (a int)", "CREATE VIEW public.{0} AS " + COPY),
    "gone_with_the_block": ("BEGIN", "CREATE TEMP TABLE {0} (a int) ON COMMIT DROP", "COMMIT", "CREATE VIEW {0} AS " + COPY),
    "taken_back": ("BEGIN", "CREATE TEMP TABLE {0} (a int)", "ROLLBACK", "CREATE VIEW {0} AS " + COPY),
}
FAILED = {
    "commit": ("BEGIN", "SET search_path = aside", "SELECT 1/0", "COMMIT; SELECT x FROM shown"),
    "prepare": ("BEGIN", "SET search_path = aside", "SELECT 1/0", "PREPARE TRANSACTION 'x'", "SELECT x FROM shown"),
    "in_flight": ("BEGIN", "SET search_path = aside", "SELECT 1/0; SELECT 1", "COMMIT; SELECT x FROM shown WHERE true"),
}


class Observed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = stack_with("observe")
        cls.addClassCleanup(cls.stack.close)
        cls.stack.cluster.shop(f"CREATE VIEW shown AS {COPY}; CREATE SCHEMA aside; CREATE VIEW aside.shown AS SELECT note AS x FROM harmless")
        cls.stack.start()

    def labels(self, *statements):
        """Runs the statements as one session, whatever fails; the labels that the audit has for the last one."""
        process = self.stack.psql(*[a for s in statements for a in ("-c", s)])
        process.communicate(timeout=60)
        text = statements[-1]
        records = wait_for(lambda: [r for r in self.stack.audit("--type", "statement") if r.get("text") == text], f"the record of {text}")
        return records[-1]["labels"]

    def test_labels_stay(self):
        for name, statements in LABELLED.items():
            with self.subTest(name):
                self.assertEqual(self.labels(*(s.format(name) for s in statements)), ["pii"])

    def test_labels_go(self):
        for name, statements in NOT_LABELLED.items():
            with self.subTest(name):
                self.assertEqual(self.labels(*statements), [])

    def test_what_others_have_is_not_hidden(self):
        for name, statements in HIDING.items():
            with self.subTest(name):
                self.labels(*(s.format("hidden_" + name) for s in statements))
                self.assertEqual(self.labels(f"SELECT x FROM hidden_{name}"), ["pii"])

    def test_a_failed_block_is_taken_back(self):
        for name in ("commit", "prepare"):
            with self.subTest(name):
                self.assertEqual(self.labels(*FAILED[name]), ["pii"])
        with Wire(self.stack.port, "demo", self.stack.password) as wire:
            for sql in FAILED["in_flight"][:2]:
                wire.ask(sql)
            wire.send(*(query(sql) for sql in FAILED["in_flight"][2:]))
            for _ in FAILED["in_flight"][2:]:
                wire.until("Z")
        text = FAILED["in_flight"][-1]
        records = wait_for(lambda: [r for r in self.stack.audit("--type", "statement") if r.get("text") == text], "the record")
        self.assertEqual(records[-1]["labels"], ["pii"])


class Enforced(unittest.TestCase):
    def test_a_thousand(self):
        stack = stack_with("enforce")
        self.addCleanup(stack.close)
        stack.start()
        demo = stack.person()
        with Wire(stack.port, "demo", stack.password) as wire:
            def passes(sql):
                answer = wire.ask(sql)
                self.assertEqual([m for m in answer if m[0] == "E"], [], sql)
            for i in range(250):
                passes(f"CREATE TEMP TABLE job_{i} AS SELECT id FROM harmless")
                passes(f"CREATE INDEX ON job_{i} (id)")
                passes(f"DROP TABLE job_{i}")
                passes(f"BEGIN; CREATE TEMP TABLE step_{i} (a int) ON COMMIT DROP; COMMIT")
                passes("BEGIN")
                passes(f"CREATE TEMP TABLE undone_{i} (a int)")
                passes("ROLLBACK")
                passes(f"CREATE TEMP TABLE kept_{i} (a int)")
                if i % 100 == 99:
                    passes("DISCARD TEMP")
                passes(f"SELECT note FROM harmless WHERE id = {i}")
        self.assertEqual(demo.pending(), [])
        process = stack.psql("-c", "CREATE TEMP TABLE mine (x text)", "-c", f"INSERT INTO mine {COPY}", "-c", "SELECT x FROM mine")
        demo.approve(demo.wait_pending())
        challenge = demo.wait_pending()
        self.assertEqual(challenge["labels"], ["pii"])
        demo.deny(challenge)
        self.assertNotIn("X-1", process.communicate(timeout=60)[0])

    def test_a_procedure_that_committed_and_then_failed(self):
        stack = stack_with("enforce")
        self.addCleanup(stack.close)
        stack.cluster.shop(f"CREATE PROCEDURE keeps() LANGUAGE plpgsql AS $$BEGIN CREATE TEMP TABLE kept AS {COPY}; COMMIT; RAISE 'late'; END$$")
        stack.start()
        demo = stack.person()
        with Wire(stack.port, "demo", stack.password) as wire:
            wire.send(query("CALL keeps()"))
            demo.approve(demo.wait_pending())
            while wire.reply()[0] != "Z":
                pass
            wire.send(query("SELECT x || '' FROM kept"))
            challenge = demo.wait_pending()
            self.assertEqual(challenge["labels"], ["pii"])
            demo.deny(challenge)


if __name__ == "__main__":
    unittest.main()
