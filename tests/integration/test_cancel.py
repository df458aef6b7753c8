"""Everything that ends a hold without an approval, on the real server: cancels of every kind, a client that leaves, time limits
and death of the server's process. Each gives the right SQLSTATE, and nothing runs later.
"""
import os
import select
import signal
import time
import unittest

from harness import Stack, wait_for
from raw_client import RawClient, bind, errors, execute, parse, query, rows, SYNC

LENIENT = """
[[rule]]
id = "delete-without-where"
when = {statement = ["delete"], where = ["missing"]}
then = {challenge = {level = 1}}
[default]
opaque = "allow"
"""


class Cancel(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(policy=LENIENT)
        cls.addClassCleanup(cls.stack.close)
        # Functions that reach into other sessions must not be held here: this file is about what they do.
        for pack in (cls.stack.home / "packs").glob("*.toml"):
            pack.write_text("")
        cls.eve = cls.stack.run("user", "add", "eve", "--generate-password").split("password: ")[1].split()[0]
        cls.stack.start()
        cls.demo = cls.stack.person()

    def setUp(self):
        self.stack.cluster.shop("CREATE TABLE IF NOT EXISTS scratch (id int)")
        self.stack.cluster.shop("TRUNCATE scratch; INSERT INTO scratch VALUES (1), (2), (3)")
        self.assertEqual(self.demo.pending(), [])

    def rows(self):
        return int(self.stack.cluster.shop("SELECT count(*) FROM scratch"))

    def held(self, **how):
        client = RawClient(self.stack, **how)
        self.addCleanup(client.close)
        client.send(query("DELETE FROM scratch"))
        return client, self.demo.wait_pending()

    def state(self, challenge):
        return self.demo.call("GET", f"/challenges/{challenge['id']}")["state"]

    def assert_cancelled(self, client, challenge):
        self.assertEqual(errors(client.answers()), ["57014"])
        self.assertEqual(self.state(challenge), "cancelled")
        status, _ = self.demo.call("POST", f"/challenges/{challenge['id']}/passkey/begin", {}, expect=None)
        self.assertIn(status, (409, 410))
        self.assertEqual(self.rows(), 3)
        self.assertEqual(rows(client.ask("SELECT 1")), [["1"]])

    def test_cancel_request_of_every_kind(self):
        for tls in (False, True):
            for minor, size in ((0, 4), (2, 32)):
                with self.subTest(tls=tls, minor=minor):
                    client, challenge = self.held(tls=tls, minor=minor)
                    self.assertEqual(len(client.key), size)
                    self.assertTrue(client.cancel())
                    self.assert_cancelled(client, challenge)

    def test_a_wrong_key_does_nothing(self):
        client, challenge = self.held()
        self.assertTrue(client.cancel(b"nope"))
        self.assertTrue(client.cancel(client.key + b"\0"))
        self.assertTrue(client.silent())
        self.assertEqual(self.state(challenge), "pending")
        self.assertTrue(client.cancel())
        self.assert_cancelled(client, challenge)

    def test_pg_cancel_backend(self):
        other = RawClient(self.stack)
        self.addCleanup(other.close)
        client, challenge = self.held()
        self.assertEqual(rows(other.ask(f"SELECT pg_cancel_backend({client.process})")), [["t"]])
        self.assert_cancelled(client, challenge)
        client, challenge = self.held()
        other.send(parse("", "SELECT pg_cancel_backend($1)"), bind("", "", [str(client.process)]), execute(), SYNC)
        self.assertEqual(rows(other.answers()), [["t"]])
        self.assert_cancelled(client, challenge)

    def test_pg_cancel_backend_of_another_user(self):
        client, challenge = self.held()
        own, self.stack.password = self.stack.password, self.eve
        try:
            other = RawClient(self.stack, user="eve")
        finally:
            self.stack.password = own
        self.addCleanup(other.close)
        self.assertEqual(rows(other.ask(f"SELECT pg_cancel_backend({client.process})")), [["t"]])  # the server sees one account
        self.assertTrue(client.silent())
        self.assertEqual(self.state(challenge), "pending")
        self.demo.deny(challenge)
        self.assertEqual(errors(client.answers()), ["42501"])

    def test_pg_terminate_backend(self):
        other = RawClient(self.stack)
        self.addCleanup(other.close)
        client, challenge = self.held()
        self.assertEqual(rows(other.ask(f"SELECT pg_terminate_backend({client.process})")), [["t"]])
        self.assertEqual(errors(client.answers(last="")), ["57P01"])
        self.assertEqual(self.state(challenge), "cancelled")
        self.assertEqual(self.rows(), 3)

    def test_cancel_inside_a_transaction_fails_it(self):
        client = RawClient(self.stack)
        self.addCleanup(client.close)
        client.ask("BEGIN")
        client.ask("INSERT INTO scratch VALUES (4)")
        client.send(query("DELETE FROM scratch"))
        self.demo.wait_pending()
        client.cancel()
        answers = client.answers()
        self.assertEqual(errors(answers), ["57014"])
        self.assertEqual(answers[-1], ("Z", b"E"))
        self.assertEqual(errors(client.ask("SELECT 1")), ["25P02"])
        client.ask("COMMIT")
        self.assertEqual(self.rows(), 3)

    def waiting_for_catalogs(self):
        """A client whose statement waits: what its name means is being changed by another session."""
        other = RawClient(self.stack)
        self.addCleanup(other.close)
        other.ask("BEGIN")
        other.ask("ALTER TABLE scratch ADD COLUMN another int")
        client = RawClient(self.stack)
        self.addCleanup(client.close)
        client.send(query("SELECT id FROM scratch"))
        return client

    def cancel_until_answered(self, client):
        """A request that comes before the statement waits cancels nothing, as at a server."""
        while not select.select([client.socket], [], [], 0.5)[0]:
            client.cancel()
        return client.answers()

    def test_cancel_of_what_waits_for_the_catalogs_and_then_passes(self):
        client = self.waiting_for_catalogs()
        begun = time.monotonic()
        self.assertEqual(errors(self.cancel_until_answered(client)), ["57014"])
        self.assertLess(time.monotonic() - begun, 9)  # it would wait for ten seconds, then for the other session's lock
        self.assertEqual(rows(client.ask("SELECT 1")), [["1"]])

    def test_cancel_of_what_waits_for_the_catalogs_and_then_is_held(self):
        self.stack.reload_policy(LENIENT.replace('opaque = "allow"', 'opaque = {challenge = {level = 1}}'))
        self.addCleanup(self.stack.reload_policy, LENIENT)
        client = self.waiting_for_catalogs()
        self.assertEqual(errors(self.cancel_until_answered(client)), ["57014"])
        self.assertEqual(self.demo.pending(), [])
        self.assertEqual(rows(client.ask("SELECT 1")), [["1"]])

    def test_idle_in_transaction_timeout(self):
        client = RawClient(self.stack)
        self.addCleanup(client.close)
        client.ask("SET idle_in_transaction_session_timeout = '2s'")
        client.ask("BEGIN")
        client.ask("INSERT INTO scratch VALUES (4)")
        client.send(query("DELETE FROM scratch"))
        challenge = self.demo.wait_pending()
        self.assertEqual(errors(client.answers(last="")), ["25P03"])
        self.assertEqual(self.state(challenge), "cancelled")
        self.assertEqual(self.rows(), 3)

    def test_a_client_that_leaves(self):
        client, challenge = self.held()
        client.close()
        wait_for(lambda: self.state(challenge) == "cancelled", "cancellation")
        self.assertEqual(self.rows(), 3)

    def test_the_server_dies(self):
        stack = Stack().start()
        self.addCleanup(stack.close)
        demo = stack.person()
        client = RawClient(stack)
        self.addCleanup(client.close)
        client.send(query("DELETE FROM orders"))
        challenge = demo.wait_pending()
        os.kill(client.process, signal.SIGKILL)  # the server restarts itself, and ends all its sessions
        got = client.answers(last="")
        self.assertIn(errors(got), ([], ["57P02"]))  # kill -9 leaves no time for a last word of that process
        self.assertEqual(demo.call("GET", f"/challenges/{challenge['id']}")["state"], "cancelled")
        wait_for(lambda: self.alive(stack), "the server's recovery", every=0.2)
        self.assertEqual(stack.cluster.shop("SELECT count(*) FROM orders"), "800")

    @staticmethod
    def alive(stack):
        try:
            return stack.cluster.admin("SELECT 1") == "1"
        except AssertionError:
            return False


if __name__ == "__main__":
    unittest.main()
