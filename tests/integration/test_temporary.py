"""Temporary relations: no catalog shows them, so what a session made for itself is known from its own statements only. As many
as it likes, one after the other; what they hold keeps its labels under any name; and none of their names hides from others
what everybody has. Checked by taking it out: without SessionState::settle_relations test_a_thousand fails, without the effects of
Walk::rename_relation, Walk::makes and is_own (catalog_change.cpp) the labels and test_what_others_have do, without
SessionState::transaction_failed test_a_failed_block."""
import threading
import unittest

from harness import Stack, wait_for
from test_lineage import stack_with
from wire import Wire, bind, execute, message, parse, query

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


# What is done to a temporary table that is surely there destroys nothing of value.
OWN = {
    "rows": ("CREATE TEMP TABLE {0} (a int)", "INSERT INTO {0} VALUES (1)", "CREATE INDEX ON {0} (a)", "DELETE FROM {0}", "UPDATE {0} SET a = 2",
             "TRUNCATE {0}", "DELETE FROM pg_temp.{0}", "DROP TABLE {0}"),
    "copied": ("CREATE TEMP TABLE {0} AS SELECT id FROM orders", "DELETE FROM {0}", "DROP TABLE IF EXISTS {0}"),
    "in_a_block": ("BEGIN", "CREATE TEMP TABLE {0} (a int) ON COMMIT DROP", "DELETE FROM {0}", "COMMIT"),
    "in_one_text": ("BEGIN; CREATE TEMP TABLE {0} (a int); UPDATE {0} SET a = 1; COMMIT; TRUNCATE {0}",),
    "of_a_committed_block": ("BEGIN", "CREATE TEMP TABLE {0} (a int)", "COMMIT", "BEGIN", "TRUNCATE {0}", "ROLLBACK", "DELETE FROM {0}"),
    "prepared_before": ("PREPARE {0} AS SELECT 1", "CREATE TEMP TABLE {0} (a int)", "DELETE FROM {0}"),
    "altered": ("CREATE TEMP TABLE {0} (a int)", "ALTER TABLE {0} ADD b int UNIQUE", "DELETE FROM {0}", "ALTER TABLE {0} DROP b"),
}
# The last statement may mean a table that everybody has: {0}, which was made around stepgate, or one that it names.
ATTACKS = {
    "none": ("DELETE FROM {0}",),
    "not_made": ("CREATE TEMP TABLE {0} (a nothing)", "DELETE FROM {0}"),
    "dropped": ("CREATE TEMP TABLE {0} (a int)", "DROP TABLE {0}", "DELETE FROM {0}"),
    "dropped_in_one_text": ("CREATE TEMP TABLE {0} (a int)", "DROP TABLE {0}; DELETE FROM {0}"),
    "taken_back": ("BEGIN", "CREATE TEMP TABLE {0} (a int)", "ROLLBACK", "DELETE FROM {0}"),
    "taken_back_in_one_text": ("BEGIN; CREATE TEMP TABLE {0} (a int); ROLLBACK; DELETE FROM {0}",),
    "failed_block": ("BEGIN", "CREATE TEMP TABLE {0} (a int)", "SELECT 1/0", "COMMIT", "DELETE FROM {0}"),
    "failed_text": ("CREATE TEMP TABLE {0} (a int); SELECT 1/0", "DELETE FROM {0}"),
    "to_savepoint": ("BEGIN", "SAVEPOINT s", "CREATE TEMP TABLE {0} (a int)", "ROLLBACK TO s", "TRUNCATE {0}"),
    "on_commit_drop": ("BEGIN", "CREATE TEMP TABLE {0} (a int) ON COMMIT DROP", "COMMIT", "DELETE FROM {0}"),
    "on_commit_drop_alone": ("CREATE TEMP TABLE {0} (a int) ON COMMIT DROP", "DELETE FROM {0}"),
    "discard_temp": ("CREATE TEMP TABLE {0} (a int)", "DISCARD TEMP", "DELETE FROM {0}"),
    "discard_all": ("CREATE TEMP TABLE {0} (a int)", "DISCARD ALL", "UPDATE {0} SET a = 1"),
    "renamed": ("CREATE TEMP TABLE {0} (a int)", "ALTER TABLE {0} RENAME TO else_{0}", "DELETE FROM {0}"),
    "path": ("CREATE TEMP TABLE {0} (a int)", "SET search_path = public, pg_temp", "DELETE FROM {0}"),
    "qualified": ("CREATE TEMP TABLE {0} (a int)", "DELETE FROM public.{0}"),
    "another_one_too": ("CREATE TEMP TABLE {0} (a int)", "TRUNCATE {0}, orders"),
    "in_a_with": ("CREATE TEMP TABLE {0} (a int)", "WITH x AS (DELETE FROM orders RETURNING 1) DELETE FROM {0}"),
    "parent": ("CREATE TEMP TABLE {0} () INHERITS (orders)", "DELETE FROM orders"),
    "view": ("CREATE TEMP VIEW {0} AS SELECT * FROM orders", "DELETE FROM {0}"),
    "view_that_was_there": ("DO $$BEGIN EXECUTE (SELECT 'CREATE TEMP VIEW {0} AS SELECT * FROM public.{0}' FROM orders LIMIT 1); END$$",
                            "SET search_path = public", "CREATE TEMP TABLE IF NOT EXISTS {0} (a int)", "DELETE FROM {0}"),
    "maybe_made": ("SELECT perhaps()", "DELETE FROM maybe_made"),
    "dropped_by_text": ("CREATE TEMP TABLE {0} (a int)", "DO $$BEGIN EXECUTE (SELECT 'DROP TABLE {0}' FROM orders LIMIT 1); END$$",
                        "SET search_path = public", "DELETE FROM {0}"),
    "dropped_inside": ("CREATE TEMP TABLE {0} (a int)", "SELECT takes_{0}()", "DELETE FROM {0}"),
}


class Own(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(level_one=True)
        cls.addClassCleanup(cls.stack.close)
        cls.stack.cluster.shop(
            "CREATE FUNCTION perhaps() RETURNS int LANGUAGE plpgsql AS $$BEGIN IF random() > 2 THEN CREATE TEMP TABLE maybe_made (a int); END IF; RETURN 1; END$$;"
            "CREATE FUNCTION takes_dropped_inside() RETURNS int LANGUAGE plpgsql AS $$BEGIN DROP TABLE dropped_inside; RETURN 1; END$$")
        cls.stack.start()
        cls.demo = cls.stack.person()

    def wire(self):
        wire = Wire(self.stack.port, "demo", self.stack.password)
        self.addCleanup(wire.socket.close)
        wire.ask("SELECT 1 FROM orders LIMIT 1")  # a snapshot is there
        return wire

    def held(self, wire, *messages, ends=1):
        """What is sent ends as often, and is held at the last."""
        wire.send(*messages)
        thread, got = self.answers(wire, ends)
        wait_for(lambda: not thread.is_alive() or self.demo.pending(), "a hold", every=0.05)
        self.assertTrue(thread.is_alive(), f"not held: {got}")
        challenge = self.demo.pending()[0]
        self.demo.deny(challenge)
        thread.join()
        self.assertIn("denied by demo", str(got))
        return challenge

    def test_passes(self):
        for name, statements in OWN.items():
            with self.subTest(name):
                wire = self.wire()
                for sql in statements:
                    wire.send(query(sql.format("own_" + name)))
                    thread, got = self.answers(wire)
                    wait_for(lambda: got or self.demo.pending(), sql)
                    for challenge in self.demo.pending():
                        self.demo.deny(challenge)
                    thread.join()
                    self.assertEqual([m for m in got if m[0] == "E"], [], sql)

    def test_attacks_are_held(self):
        for name, statements in ATTACKS.items():
            with self.subTest(name):
                wire = self.wire()
                # Around stepgate: the next snapshot is some time away.
                self.stack.cluster.shop(f"CREATE TABLE {name} (a int); INSERT INTO {name} VALUES (1); GRANT ALL ON {name} TO PUBLIC")
                for sql in statements[:-1]:
                    self.run_one(wire, sql.format(name))
                self.held(wire, query(statements[-1].format(name)))
                self.assertEqual(self.stack.cluster.shop(f"SELECT count(*) FROM {name} WHERE a = 1"), "1")

    def answers(self, wire, ends=1):
        got = []
        thread = threading.Thread(target=lambda: [got.extend(wire.until("Z")) for _ in range(ends)])
        thread.start()
        return thread, got

    def run_one(self, wire, sql):
        """Whether it is held or not: the server does it."""
        wire.send(query(sql))
        thread, _ = self.answers(wire)
        while thread.is_alive():
            for challenge in self.demo.pending():
                self.demo.approve(challenge)
            thread.join(0.05)

    def test_pipelined(self):
        """Judged with the answers to what was sent before, which may take it all back."""
        for name, first in {"piped_drop": "DROP TABLE {0}", "piped_rollback": "ROLLBACK", "piped_discard": "DISCARD ALL"}.items():
            with self.subTest(name):
                wire = self.wire()
                self.stack.cluster.shop(f"CREATE TABLE {name} (a int); INSERT INTO {name} VALUES (1); GRANT ALL ON {name} TO PUBLIC")
                if first == "ROLLBACK":
                    wire.ask("BEGIN")
                wire.ask(f"CREATE TEMP TABLE {name} (a int)")
                self.held(wire, query(first.format(name)), query(f"DELETE FROM {name}"), ends=2)
                self.assertEqual(self.stack.cluster.shop(f"SELECT count(*) FROM {name}"), "1")

    def test_taken_back_at_the_sync(self):
        """One group's error is not here yet when the next is judged, though the answer to its CREATE is."""
        wire = self.wire()
        self.stack.cluster.shop("CREATE TABLE synced (a int); INSERT INTO synced VALUES (1); GRANT ALL ON synced TO PUBLIC")
        wire.send(parse("", "CREATE TEMP TABLE synced (a int)"), bind(), execute(), message("H")).until("C")
        self.held(wire, parse("", "SELECT 1/(random() * 0)::int"), bind(), execute(), message("S"),
                  parse("", "DELETE FROM synced"), bind(), execute(), message("S"), ends=2)
        self.assertEqual(self.stack.cluster.shop("SELECT count(*) FROM synced"), "1")

    def test_prepared_before_and_after(self):
        """The server plans it anew for what the name means then."""
        wire = self.wire()
        wire.ask("CREATE TEMP TABLE planned (a int)")
        wire.send(parse("p", "DELETE FROM planned"), bind("", "p"), execute(), message("S"))
        self.assertNotIn("E", [m[0] for m in wire.until("Z")])
        wire.ask("DROP TABLE planned")
        self.stack.cluster.shop("CREATE TABLE planned (a int); INSERT INTO planned VALUES (1); GRANT ALL ON planned TO PUBLIC")
        self.held(wire, bind("", "p"), execute(), message("S"))
        wire.ask("CREATE TEMP TABLE planned (a int)")
        wire.send(bind("", "p"), execute(), message("S"))
        self.assertNotIn("E", [m[0] for m in wire.until("Z")])
        self.assertEqual(self.stack.cluster.shop("SELECT count(*) FROM planned"), "1")

    def test_others_have_none(self):
        """What is known of a text with this session's tables is not what another session's means."""
        mine, other = self.wire(), self.wire()
        mine.ask("CREATE TEMP TABLE mine (a int)")
        for _ in range(2):
            self.assertNotIn("E", [m[0] for m in mine.ask("DELETE FROM mine")])
            self.held(other, query("DELETE FROM mine"))

    def test_label(self):
        """What was copied into one is asked for as before."""
        wire = self.wire()
        self.run_one(wire, "CREATE TEMP TABLE copies AS SELECT ssn FROM customers")
        challenge = self.held(wire, query("DELETE FROM copies RETURNING ssn"))
        self.assertTrue(challenge["labels"])


if __name__ == "__main__":
    unittest.main()
