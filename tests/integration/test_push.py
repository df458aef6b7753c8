"""Messages to browsers, with a push service of our own over TLS that reads what it is given: enrolment, number matching, and what ends it.

That an approver cannot use the requester's token was seen failing with the check of its user taken out.
"""
import contextlib
import gzip
import re
import unittest

import push_service
from harness import DRAIN, SITE_POLICY, Stack, free_port, wait_for
from wire import Wire, query

RULES = SITE_POLICY + """
[[rule]]
id = "comment-alone"
when = {statement = ["comment"]}
then = {challenge = {level = 1, elevation = {for = "10m", scope = "session"}}}
because = "A comment is for good"
[[rule]]
id = "grant-with-approval"
when = {statement = ["grant"]}
then = {challenge = {level = 1, approvers = {group = "approvers"}}}
because = "Others get in"
[[rule]]
id = "revoke-highest"
when = {statement = ["revoke"]}
then = {challenge = {level = 3}}
because = "Others are locked out"
"""
COMMENT = "COMMENT ON TABLE payments IS 'secret-4711'"


PEOPLE = [f"person{number}" for number in range(1, 12)]  # one a test: a user gets five messages a minute and no more


def setUpModule():
    global stack, service, ann
    service = push_service.PushService(free_port())
    unittest.addModuleCleanup(service.stop)
    stack = Stack(policy=RULES, extra=DRAIN + service.configuration())
    unittest.addModuleCleanup(stack.close)
    service.start(stack.home / "tls/server.crt", stack.home / "tls/server.key")
    stack.run("user", "add", "ann", "--generate-password", "--group", "approvers")
    for name in PEOPLE:
        added = stack.run("user", "add", name, "--generate-password")
        passwords[name] = re.search(r"password: (\S+)", added).group(1)
    stack.start()
    ann = stack.person("ann")


passwords = {}


class Push(unittest.TestCase):
    def setUp(self):
        name = PEOPLE.pop()
        self.me = stack.person(name)
        self.wire = Wire(stack.port, name, passwords[name])
        self.addCleanup(self.wire.socket.close)

    def hold(self, sql=COMMENT):
        """(challenge, number in the terminal or None)"""
        self.wire.send(query(sql))
        kind, text = self.wire.reply()
        self.assertIn("STATEMENT HELD", text)
        number = re.search(r"number (\d\d)\b", text)
        return re.search(r"/c/(\S+)", text)[1], number and number[1]

    def outcome(self):
        """What became of the held statement: "" or its error."""
        return "".join(text for kind, text in self.wire.until("Z") if kind == "E")

    def answer(self, challenge, token, number, who=None):
        return (who or self.me).call("POST", f"/challenges/{challenge}/push", {"token": token, "number": number}, expect=None)

    def test_the_number_of_the_terminal_releases_the_statement(self):
        browser = service.enrol(self.me)
        challenge, number = self.hold()
        self.assertIsNotNone(number)
        self.assertEqual(browser.question(1)[0], challenge)
        token = browser.question(1)[1]
        message = browser.messages[0]
        self.assertNotIn("4711", str(message))
        self.assertNotIn(number, message["title"] + message["body"])
        shown = self.me.call("GET", f"/challenges/{challenge}")
        self.assertIn("push", shown["usable_factors"])
        self.assertIn(shown["code"], message["title"])
        self.assertNotIn(f'"{number}"', str(shown), "the page does not know the number")
        numbers = self.me.call("POST", f"/challenges/{challenge}/push/open", {"token": token})["numbers"]
        self.assertIn(number, numbers)
        self.assertEqual(self.answer(challenge, token, number)[0], 200)
        self.assertEqual(self.outcome(), "")
        proof = [r for r in stack.audit("--type", "proof_accepted") if r["challenge"] == challenge][-1]["details"]
        self.assertEqual(proof["factor"], "push")
        self.assertNotIn(token, str(proof))
        stack.run("audit", "verify")

    def test_a_wrong_number_ends_the_push_and_other_factors_still_do(self):
        browser = service.enrol(self.me)
        challenge, number = self.hold()
        token = browser.question(1)[1]
        wrong = next(n for n in self.me.call("POST", f"/challenges/{challenge}/push/open", {"token": token})["numbers"] if n != number)
        status, refused = self.answer(challenge, token, wrong)
        self.assertEqual((status, refused["error"]["code"]), (400, "wrong_answer"))
        self.assertEqual(self.answer(challenge, token, number)[0], 400, "a second guess")
        self.assertEqual(self.me.call("POST", f"/challenges/{challenge}/push/begin", {}, expect=None)[0], 409)
        self.assertNotIn("push", self.me.call("GET", f"/challenges/{challenge}")["usable_factors"])
        self.assertIn("wrong code", str([r for r in stack.audit("--type", "proof_rejected") if r["challenge"] == challenge]))
        self.me.approve({"id": challenge})
        self.assertEqual(self.outcome(), "")

    def test_another_message_voids_the_one_before(self):
        browser = service.enrol(self.me)
        challenge, number = self.hold()
        first = browser.question(1)[1]
        self.me.call("POST", f"/challenges/{challenge}/push/begin", {})
        second = browser.question(2)[1]
        self.assertEqual(self.answer(challenge, first, number)[0], 400)
        self.assertEqual(self.answer(challenge, second, number)[0], 200)
        self.assertEqual(self.outcome(), "")

    def test_deny_works_from_there(self):
        browser = service.enrol(self.me)
        challenge, _ = self.hold()
        self.me.deny({"id": browser.question(1)[0]})
        self.assertIn("denied", self.outcome())
        self.assertEqual(self.answer(challenge, browser.question(1)[1], "10")[0], 409)

    def test_enrolment_needs_the_token_of_the_test_message(self):
        browser = service.browser()
        service.key = self.me.call("GET", "/factors/push")["public_key"]
        begun = self.me.call("POST", "/factors/push/begin", browser.subscription())
        browser.wait(1)
        refused = self.me.call("POST", "/factors/push/finish", {"ceremony": begun["ceremony"], "token": "A" * 43}, expect=None)
        self.assertEqual((refused[0], refused[1]["error"]["code"]), (400, "wrong_code"))
        other = ann.call("POST", "/factors/push/finish", {"ceremony": begun["ceremony"], "token": browser.messages[0]["enrol"]}, expect=None)
        self.assertEqual(other[0], 410, "of another session")

    def test_enrolment_refuses_addresses_that_are_no_push_service(self):
        mine = service.browser().subscription()
        before = len(service.requests)
        for endpoint in (f"http://localhost:{service.port}/send/x", f"https://127.0.0.1:{service.port}/send/x", f"https://localhost:{stack.web_port}/x",
                         "https://169.254.169.254/latest/meta-data", f"https://localhost:{service.port}@10.0.0.1/x", "https://fcm.googleapis.com/x"):
            refused = self.me.call("POST", "/factors/push/begin", {**mine, "endpoint": endpoint}, expect=None)
            self.assertEqual((refused[0], refused[1]["error"]["code"]), (400, "push_service_refused"), endpoint)
        self.assertEqual(len(service.requests), before)

    def test_a_browser_that_the_service_forgot_is_removed(self):
        browser = service.enrol(self.me)
        self.me.approve({"id": self.hold()[0]})
        self.assertEqual(self.outcome(), "")
        self.assertEqual(len(self.me.call("GET", "/elevations")["elevations"]), 1)
        del service.browsers[browser.path]
        self.hold("GRANT SELECT ON payments TO app")
        wait_for(lambda: "push" not in self.me.call("GET", "/session")["factors"], "its removal", every=0.1)
        self.assertIn("no longer knows it", str(stack.audit("--type", "factor_removed")[-1]))
        self.me.deny(self.me.wait_pending())
        self.outcome()
        self.assertEqual(self.me.call("GET", "/elevations")["elevations"], [])
        self.assertIsNone(self.hold()[1], "held again; and no number where no message comes")

    def test_a_restart_keeps_the_key_and_the_browsers(self):
        browser = service.enrol(self.me)
        self.wire.socket.close()
        stack.stop()
        stack.start()
        self.assertEqual(self.me.call("GET", "/factors/push")["public_key"], service.key)
        self.wire = Wire(stack.port, self.me.name, passwords[self.me.name])
        self.addCleanup(self.wire.socket.close)
        challenge, number = self.hold()
        self.assertEqual(self.answer(challenge, browser.question(1)[1], number)[0], 200)
        self.assertEqual(self.outcome(), "")

    def test_the_service_worker_is_ours_and_caches_nothing(self):
        with contextlib.closing(self.me.connect()) as connection:
            connection.request("GET", "/sw.js", headers={"Accept-Encoding": "gzip"})
            answer = connection.getresponse()
            script = gzip.decompress(answer.read()).decode()
        self.assertEqual(answer.getheader("Content-Type"), "text/javascript; charset=utf-8")
        self.assertEqual(answer.getheader("Cache-Control"), "no-cache")
        self.assertIn("default-src 'none'", answer.getheader("Content-Security-Policy"))
        self.assertNotIn("importScripts", script)
        self.assertNotIn("caches", script)
        self.assertNotIn("'fetch'", script)

    def test_a_level_that_a_push_does_not_reach_has_no_number(self):
        browser = service.enrol(self.me)
        self.assertIsNone(self.hold("REVOKE SELECT ON payments FROM app")[1])
        self.me.deny(self.me.wait_pending())
        self.outcome()
        self.assertEqual(browser.messages, [])

    def test_approvers_get_a_link_and_answer_otherwise(self):
        mine, anns = service.enrol(self.me), service.enrol(ann)
        challenge, number = self.hold("GRANT SELECT ON payments TO app")
        self.assertEqual(anns.wait(1)["url"], f"/c/{challenge}")
        token = mine.question(1)[1]
        shown = ann.call("GET", f"/challenges/{challenge}")
        self.assertNotIn("push", shown["usable_factors"])
        self.assertEqual(ann.call("POST", f"/challenges/{challenge}/push/open", {"token": token}, expect=None)[0], 400)
        self.assertEqual(self.answer(challenge, token, number, ann)[0], 400, "another's token")
        self.assertEqual(self.answer(challenge, token, number)[0], 200)
        ann.approve({"id": challenge})
        self.assertEqual(self.outcome(), "")


if __name__ == "__main__":
    unittest.main()
