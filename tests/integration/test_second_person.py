"""A statement that needs a colleague: both answer on pages of their own, with a proof each, for the same digest."""
import unittest

from harness import PATIENCE, Stack, wait_for

RULE = """
[[rule]]
id = "two-people"
when = {statement = ["truncate"]}
then = {challenge = {level = 3, approvers = {group = "dba", count = 2}}}
because = "Nobody empties a table alone"
"""


class SecondPerson(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(policy=RULE)
        for name, group in (("ann", "dba"), ("ben", "dba"), ("eve", "ops")):
            cls.stack.run("user", "add", name, "--generate-password", "--group", group)
        cls.stack.start()
        cls.demo, cls.ann, cls.ben, cls.eve = map(cls.stack.person, ("demo", "ann", "ben", "eve"))

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def hold(self):
        process = self.stack.psql("-c", "TRUNCATE payments")
        return process, self.demo.wait_pending()

    def test_runs_when_the_requester_and_two_others_have_proved(self):
        process, challenge = self.hold()
        path = f"/challenges/{challenge['id']}"
        self.assertEqual(self.eve.call("GET", path, expect=None)[0], 404)
        self.assertEqual([c["id"] for c in self.ann.pending()], [challenge["id"]])
        self.ann.approve(challenge)
        self.demo.approve(challenge)
        self.assertEqual(self.demo.call("GET", path)["waits_for_others"], True)
        self.ann.approve(challenge)  # once more: one person counts once
        self.assertEqual(self.demo.call("GET", path)["state"], "pending")
        self.assertEqual(self.stack.cluster.shop("SELECT count(*) > 0 FROM payments"), "t")
        self.ben.approve(challenge)
        out, err = process.communicate(timeout=PATIENCE)
        self.assertIn("TRUNCATE TABLE", out, err)
        self.assertRegex(err, r"STATEMENT HELD · approve at \S+ · code \S+ · and by 2 colleagues in dba")
        self.assertEqual(self.stack.cluster.shop("SELECT count(*) FROM payments"), "0")
        proofs = [r for r in self.stack.audit("--type", "proof_accepted")]
        self.assertGreaterEqual(len(proofs), 3)
        self.stack.run("audit", "verify")

    def test_a_colleagues_no_ends_it_and_says_why(self):
        process, challenge = self.hold()
        self.demo.approve(challenge)
        self.ann.approve(challenge)
        self.ben.call("POST", f"/challenges/{challenge['id']}/deny", {"reason": "the report still runs"})
        _, err = process.communicate(timeout=PATIENCE)
        self.assertIn("denied by ben: the report still runs", err)
        self.assertEqual(self.ann.call("GET", f"/challenges/{challenge['id']}")["state"], "denied")


if __name__ == "__main__":
    unittest.main()
