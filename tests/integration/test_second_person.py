"""A statement that needs a colleague: both answer on pages of their own, with a proof each, for the same digest."""
import json
import pathlib
import threading
import unittest

from harness import PATIENCE, Stack, wait_for

RULE = """
[[rule]]
id = "two-people"
when = {statement = ["truncate"]}
then = {challenge = {level = 3, approvers = {group = "dba", count = 2}}}
because = "Nobody empties a table alone"
[[rule]]
id = "escalates"
when = {statement = ["comment"]}
then = {challenge = {level = 1, approvers = {group = "dba"}, escalate = {after = "1s", group = "ops"}}}
[[rule]]
id = "too-late"
when = {statement = ["vacuum"]}
then = {challenge = {level = 3, escalate = {after = "10m", group = "ops"}}}
"""


class SecondPerson(unittest.TestCase):
    passwords = {}

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(policy=RULE)
        for name, group in (("ann", "dba"), ("ben", "dba"), ("eve", "ops")):
            added = cls.stack.run("user", "add", name, "--generate-password", "--group", group)
            cls.passwords[name] = added.split("password: ")[1].split()[0]
        cls.stack.run("user", "add", "rita", "--generate-password", "--auditor")
        cls.stack.start()
        cls.demo, cls.ann, cls.ben, cls.eve, cls.rita = map(cls.stack.person, ("demo", "ann", "ben", "eve", "rita"))

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
        self.assertRegex(err, r"STATEMENT HELD · approve at \S+ · code \S+ · needs a passkey · and approval by 2 of group dba\n")
        self.assertEqual(self.stack.cluster.shop("SELECT count(*) FROM payments"), "0")
        proofs = [r for r in self.stack.audit("--type", "proof_accepted")]
        self.assertGreaterEqual(len(proofs), 3)
        self.stack.run("audit", "verify")

    def test_who_may_approve_does_not_approve_their_own(self):
        """The requester is of the group that approves, and answers with every factor that they have: none of it counts as another's."""
        process = self.stack.psql("-c", "TRUNCATE payments", PGUSER="ann", PGPASSWORD=self.passwords["ann"])
        challenge = self.ann.wait_pending()
        path = f"/challenges/{challenge['id']}"
        self.ann.approve(challenge)
        self.ann.enrol_app()
        self.ann.approve_with_code(challenge)
        self.ann.approve(challenge)
        self.assertEqual(len(self.ann.call("GET", path)["proofs"]), 3)
        shown = self.ben.call("GET", path)
        self.assertEqual((shown["state"], shown["you"]), ("pending", "approver"))
        self.assertTrue(shown["missing"][0].startswith("The approval of 2 more"), shown["missing"])
        self.ben.approve(challenge)
        self.assertEqual(self.ben.call("GET", path)["state"], "pending", "one of two")
        self.ben.deny(challenge)
        self.assertIn("denied by ben", process.communicate(timeout=PATIENCE)[1])

    def test_colleagues_racing_have_one_outcome(self):
        """One says yes while the other says no: it runs or it does not, and the no was too late exactly where it ran."""
        for number in range(4):
            process = self.stack.psql("-c", f"COMMENT ON TABLE payments IS 'race {number}'")
            challenge = self.demo.wait_pending()
            path = f"/challenges/{challenge['id']}"
            self.demo.approve(challenge)
            begun = self.ann.call("POST", f"{path}/passkey/begin", {})
            proof = {"credential": self.ann.passkey.sign(begun["options"])}
            answers = {}
            racers = [threading.Thread(target=lambda: answers.update(yes=self.ann.call("POST", f"{path}/passkey", proof, expect=None)[0])),
                      threading.Thread(target=lambda: answers.update(no=self.ben.call("POST", f"{path}/deny", {}, expect=None)[0]))]
            for racer in racers[::1 if number % 2 else -1]:
                racer.start()
            for racer in racers:
                racer.join()
            out, err = process.communicate(timeout=PATIENCE)
            ran = "COMMENT" in out
            self.assertEqual(ran, answers["no"] != 200, (answers, err))
            self.assertEqual(self.demo.call("GET", path)["state"], "consumed" if ran else "denied")
            comment = self.stack.cluster.shop("SELECT obj_description('payments'::regclass)")
            self.assertEqual(comment == f"race {number}", ran)
            releases = [r for r in self.stack.audit("--type", "release") if r.get("challenge") == challenge["id"]]
            self.assertEqual(len(releases), 1 if ran else 0)

    def test_a_colleagues_no_ends_it_and_says_why(self):
        process, challenge = self.hold()
        self.demo.approve(challenge)
        self.ann.approve(challenge)
        self.ben.call("POST", f"/challenges/{challenge['id']}/deny", {"reason": "the report still runs"})
        _, err = process.communicate(timeout=PATIENCE)
        self.assertIn("denied by ben: the report still runs", err)
        self.assertEqual(self.ann.call("GET", f"/challenges/{challenge['id']}")["state"], "denied")

    def test_both_say_why(self):
        process, challenge = self.hold()
        path = f"/challenges/{challenge['id']}"
        self.demo.call("POST", f"{path}/reason", {"reason": "ticket 42"})
        self.assertEqual(self.ann.call("GET", path)["request_reason"], "ticket 42")
        begun = self.ann.call("POST", f"{path}/passkey/begin", {})
        self.ann.call("POST", f"{path}/passkey", {"credential": self.ann.passkey.sign(begun["options"]), "reason": "seen it"})
        self.assertEqual(self.demo.call("GET", path)["proofs"][0]["reason"], "seen it")
        self.assertEqual(self.demo.call("POST", f"{path}/reason", {"reason": "another"}, expect=None)[0], 409)
        self.demo.call("POST", f"{path}/withdraw", {})
        _, err = process.communicate(timeout=PATIENCE)
        self.assertIn("withdrawn by demo", err)
        self.assertEqual(self.ann.call("GET", path)["state"], "cancelled")
        of_it = {r["type"]: r["details"] for r in self.stack.audit() if r.get("challenge") == challenge["id"]}
        self.assertEqual(of_it["challenge_reason"]["reason"], "ticket 42")
        self.assertEqual(of_it["proof_accepted"]["reason"], "seen it")

    def past(self, person, challenge, query=""):
        """The challenge as this person's history has it, or None."""
        self.stack.audit()  # the index has caught up
        page = person.call("GET", f"/history{query}")
        return next((one for one in page["challenges"] if one["id"] == challenge["id"]), None)

    def test_history_is_of_who_asked_and_of_who_decided(self):
        process, challenge = self.hold()
        self.assertEqual(self.past(self.demo, challenge)["outcome"], "pending")
        self.demo.approve(challenge)
        self.ann.approve(challenge)
        self.ben.call("POST", f"/challenges/{challenge['id']}/deny", {"reason": "not now"})
        process.communicate(timeout=PATIENCE)
        own = self.past(self.demo, challenge)
        self.assertEqual((own["outcome"], own["by"], own["code"], own["user"], own["rules"], own["releases"]),
                         ("denied", "ben", challenge["code"], "demo", ["truncate", "two-people"], 0))
        self.assertIn("not now", own["reason"])
        self.assertEqual([(a["user"], a["factor"]) for a in own["answers"]], [("demo", "passkey"), ("ann", "passkey")])
        for person in (self.ann, self.ben):
            self.assertEqual(self.past(person, challenge), own)
        for person in (self.eve, self.rita):  # who could not decide, and a reviewer: they have the audit
            self.assertIsNone(self.past(person, challenge))
        self.assertIsNone(self.past(self.demo, challenge, "?outcome=consumed"))
        self.assertEqual(self.past(self.demo, challenge, "?outcome=denied&limit=200"), own)

    def test_policy_shows_what_each_rule_did(self):
        process, challenge = self.hold()
        self.demo.deny(challenge)
        process.communicate(timeout=PATIENCE)
        self.stack.audit()
        policy = self.rita.call("GET", "/policy")
        rules = {rule["id"]: rule for rule in policy["rules"]}
        two = rules["two-people"]
        self.assertEqual((pathlib.Path(two["file"]).name, two["line"], two["action"]), ("site.toml", 3, "challenge"))
        self.assertEqual({key: two["challenge"][key] for key in ("level", "approvals", "approvers")}, {"level": 3, "approvals": 2, "approvers": "dba"})
        self.assertEqual(rules["escalates"]["challenge"]["escalate"], {"after": 1, "group": "ops"})
        self.assertGreaterEqual(two["day"]["matched"], 1)
        self.assertGreaterEqual(two["day"]["held"], two["day"]["denied"])
        self.assertGreaterEqual(two["week"]["denied"], 1)
        self.assertIsNotNone(two["last"])
        self.assertIsNone(rules["too-late"]["last"])
        self.assertIsNone(rules["default.opaque"]["file"])
        loaded = self.stack.audit("--type", "policy_loaded")[-1]
        self.assertEqual(policy["revision"], loaded["details"]["revision"])

    def test_escalates_to_another_group(self):
        process = self.stack.psql("-c", "COMMENT ON TABLE payments IS 'x'")
        challenge = self.demo.wait_pending()
        path = f"/challenges/{challenge['id']}"
        self.assertEqual(self.demo.call("GET", path)["escalation"]["group"], "ops")
        self.demo.approve(challenge)
        wait_for(lambda: self.eve.call("GET", path, expect=None)[0] == 200, "the escalation", every=0.1)
        self.assertTrue(self.ann.call("GET", path)["escalation"]["happened"])
        self.eve.approve(challenge)
        out, err = process.communicate(timeout=PATIENCE)
        self.assertIn("COMMENT", out, err)
        self.assertEqual(self.stack.audit("--type", "challenge_escalated")[-1]["details"]["group"], "ops")
        self.stack.run("audit", "verify")

    def test_explain_and_check_show_the_escalation(self):
        explained = json.loads(self.stack.run("explain", "COMMENT ON TABLE payments IS 'x'"))
        self.assertEqual(explained["verdict"]["escalate"], {"after": 1, "group": "ops"})
        self.assertIn("warning: rule too-late escalates to ops after 600 s, but statements wait for 300 s only (hold.timeout)",
                      self.stack.run("check", expect=None).stderr)


if __name__ == "__main__":
    unittest.main()
