"""Who somebody is changes while their sessions, answers and links live: what they are now counts, not what they were."""
import unittest

from harness import PATIENCE, Person, Stack, wait_for

RULES = """
[[rule]]
id = "not-dpo"
when = {statement = ["comment"], user = {not_in_group = ["dpo"]}}
then = "deny"
[[rule]]
id = "two-people"
when = {statement = ["truncate"]}
then = {challenge = {level = 1, approvers = {group = "dba", count = 2}}}
"""


class Standing(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(policy=RULES, level_one=True)
        cls.passwords = {}
        for name, group in (("ann", "dba"), ("ben", "dba"), ("dan", "dpo")):
            added = cls.stack.run("user", "add", name, "--generate-password", "--group", group)
            cls.passwords[name] = added.split("password: ")[1].split()[0]
        cls.stack.run("user", "add", "root", "--generate-password", "--admin")
        cls.stack.start()
        cls.demo, cls.ann, cls.ben, cls.root = map(cls.stack.person, ("demo", "ann", "ben", "root"))

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def set_groups(self, name, *groups):
        self.root.call("POST", f"/users/{name}/groups", {"groups": list(groups)})

    def test_who_leaves_a_group_has_left_it_in_open_sessions_too(self):
        process = self.stack.psql(PGUSER="dan", PGPASSWORD=self.passwords["dan"])

        def comment(text):
            process.stdin.write(f"COMMENT ON TABLE payments IS '{text}';\n\\echo done\n")
            process.stdin.flush()
            lines = iter(process.stdout.readline, "done\n")
            return "".join(lines)
        self.assertEqual(comment("allowed"), "COMMENT\n")
        self.set_groups("dan")
        wait_for(lambda: comment("denied") == "", "the session to know")  # once the change is in the audit
        self.set_groups("dan", "dpo")
        wait_for(lambda: comment("allowed again") == "COMMENT\n", "the session to know")
        self.assertIn("statement refused by rule not-dpo", process.communicate(timeout=PATIENCE)[1])
        self.assertEqual(self.stack.cluster.shop("SELECT obj_description('payments'::regclass)"), "allowed again")

    def approved_by_ann(self):
        process = self.stack.psql("-c", "TRUNCATE payments")
        challenge = self.demo.wait_pending()
        self.demo.approve(challenge)
        self.ann.approve(challenge)
        return process, challenge

    def assert_not_released(self, process, challenge):
        self.ben.approve(challenge)
        _, err = process.communicate(timeout=PATIENCE)
        self.assertIn("ann approved it and may not any more", err)
        self.assertEqual(self.stack.cluster.shop("SELECT count(*) > 0 FROM payments"), "t")
        shown = self.demo.call("GET", f"/challenges/{challenge['id']}")
        self.assertEqual((shown["state"], shown["close_reason"]), ("cancelled", "ann approved it and may not any more"))

    def test_who_leaves_the_group_of_approvers_has_not_approved(self):
        process, challenge = self.approved_by_ann()
        self.set_groups("ann")
        self.assert_not_released(process, challenge)
        self.set_groups("ann", "dba")

    def test_who_is_disabled_has_not_approved(self):
        process, challenge = self.approved_by_ann()
        self.root.call("POST", "/users/ann/disable", {})
        self.assert_not_released(process, challenge)
        self.root.call("POST", "/users/ann/enable", {})
        self.ann.sign_in()

    def test_an_enrolment_link_ends_with_the_next_one_and_with_a_reset(self):
        self.stack.run("user", "add", "eve", "--generate-password")

        def link(*more):
            return self.stack.run("enroll", *more, "eve").strip().split("#")[1]

        def redeem(token):
            return Person(self.stack, "eve").call("POST", "/session/enrolment", {"token": token}, expect=None)[0]
        lost = link()
        newest = link()
        self.assertEqual(redeem(lost), 401)
        self.assertEqual(redeem(newest), 200)
        self.assertEqual(redeem(newest), 401, "once")
        unused = link()
        link("--reset")
        self.assertEqual(redeem(unused), 401)


if __name__ == "__main__":
    unittest.main()
