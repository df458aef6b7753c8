"""Two-phase commit: what is in a prepared transaction was judged, and held, when it ran; COMMIT PREPARED is held since nobody sees
what it brings. What it makes is looked up, and keeps its labels, in other sessions."""
import unittest

from harness import Stack
from wire import Wire


class TwoPhase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(cluster_settings=("max_prepared_transactions=5",))
        cls.addClassCleanup(cls.stack.close)
        cls.stack.start()
        cls.demo = cls.stack.person()

    def wire(self):
        wire = Wire(self.stack.port, "demo", self.stack.password)
        self.addCleanup(wire.socket.close)
        return wire

    def passes(self, wire, sql):
        answer = wire.ask(sql)
        self.assertEqual([m for m in answer if m[0] == "E"], [], sql)
        self.assertEqual(self.demo.pending(), [])
        return answer

    def held(self, *statements, approve):
        """Runs them in one session; the last one is held."""
        args = [a for s in statements for a in ("-c", s)]
        process = self.stack.psql(*args)
        challenge = self.demo.wait_pending()
        self.demo.approve(challenge) if approve else self.demo.deny(challenge)
        out, err = process.communicate(timeout=60)
        return challenge, out, err

    def prepared(self):
        return self.stack.cluster.shop("SELECT string_agg(gid, ' ' ORDER BY gid) FROM pg_prepared_xacts")

    def test_what_was_denied_cannot_be_prepared(self):
        before = self.stack.cluster.shop("SELECT count(*) FROM orders")
        process = self.stack.psql("-c", "BEGIN", "-c", "DELETE FROM orders", "-c", "PREPARE TRANSACTION 'denied'")
        self.demo.deny(self.demo.wait_pending())
        process.communicate(timeout=60)
        self.assertEqual(self.prepared(), "")
        self.assertEqual(self.stack.cluster.shop("SELECT count(*) FROM orders"), before)

    def test_committing_is_held_and_what_it_makes_is_known(self):
        process = self.stack.psql("-c", "BEGIN", "-c", "CREATE VIEW two_phase AS SELECT ssn AS x FROM customers", "-c",
                                  "PREPARE TRANSACTION 'view'")
        self.demo.approve(self.demo.wait_pending())
        process.communicate(timeout=60)
        process = self.stack.psql("-c", "BEGIN", "-c", "CREATE TABLE two_phase_copy AS SELECT ssn AS y FROM customers", "-c",
                                  "PREPARE TRANSACTION 'copy'")
        self.demo.approve(self.demo.wait_pending())
        process.communicate(timeout=60)
        self.assertEqual(self.prepared(), "copy view")
        for name in ("view", "copy"):
            challenge, _, _ = self.held(f"COMMIT PREPARED '{name}'", approve=False)
            self.assertIn("default.opaque", challenge["rules"])
        self.assertEqual(self.prepared(), "copy view")
        for name in ("view", "copy"):
            _, _, err = self.held(f"COMMIT PREPARED '{name}'", approve=True)
            self.assertEqual(err.count("ERROR"), 0, err)
        for sql in ("SELECT x FROM two_phase", "SELECT y FROM two_phase_copy"):
            challenge, out, _ = self.held(sql, approve=False)
            self.assertIn("pii", challenge["labels"])
            self.assertEqual(out, "")

    def test_the_session_goes_on(self):
        """Settings of a transaction that was prepared stay, those of one that could not be do not."""
        wire = self.wire()
        for sql in ("BEGIN", "SET search_path = pg_catalog", "DELETE FROM public.orders WHERE id = -1", "PREPARE TRANSACTION 'kept'",
                    "ROLLBACK PREPARED 'kept'"):
            self.passes(wire, sql)
        self.assertIn(("D", "pg_catalog"), self.passes(wire, "SHOW search_path"))
        wire.ask("RESET search_path")
        for sql in ("BEGIN", "SET search_path = pg_catalog"):
            self.passes(wire, sql)
        wire.ask("SELECT 1/0")
        self.assertIn(("C", "ROLLBACK"), self.passes(wire, "PREPARE TRANSACTION 'failed'"))
        process = self.stack.psql("-c", "BEGIN", "-c", "SET search_path = pg_catalog", "-c", "SELECT 1/0", "-c", "PREPARE TRANSACTION 'f'", "-c",
                                  "SELECT ssn FROM customers")
        challenge = self.demo.wait_pending()
        self.assertIn("pii", challenge["labels"])
        self.demo.deny(challenge)
        process.communicate(timeout=60)


if __name__ == "__main__":
    unittest.main()
