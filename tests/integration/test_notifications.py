"""Who is told of what: signed webhooks that are tried again, Slack, Teams and mail, against receivers over real TLS; and what no message says."""
import json
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

import psycopg2

import contract
from harness import BINARY, DRAIN, SITE_POLICY, Stack, free_port, wait_for
from mail_server import Mailbox, text_of
from webhook_server import SECRET, Receiver

POLICY = SITE_POLICY + """
[[rule]]
id = "two-people"
when = {statement = ["truncate"]}
then = {challenge = {level = 1, approvers = {group = "dba"}}}
"""
EVENTS = ("challenge_opened", "challenge_decided", "escalated", "second_person_needed", "lockout", "user_changed", "policy_changed")
LITERAL = "hunter2"


def notifications(name, kind, events, **keys):
    lines = [f'name = "{name}"', f'kind = "{kind}"', f"events = {json.dumps(events)}", *(f"{key} = {value}" for key, value in keys.items())]
    return "[[notifications]]\n" + "\n".join(lines) + "\n"


class Notifications(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="stepgate-test-notify."))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.receiver, cls.mailbox = Receiver(free_port()), Mailbox(free_port())
        for name, text in (("secret", SECRET), ("chat", cls.receiver.url("/slack"))):
            (cls.folder / name).write_text(text + "\n")
        web = {"ca": '"tls/ca.crt"'}
        secret = {"secret": f'{{file = "{cls.folder}/secret"}}', **web}
        cls.stack = Stack(policy=POLICY, level_one=True, extra=DRAIN + cls.mailbox.configuration(cls.folder / "password") + "".join((
            notifications("hook", "webhook", EVENTS, url=f'"{cls.receiver.url("/hook")}"', **secret),
            notifications("gone", "webhook", ["user_changed"], url=f'"{cls.receiver.url("/gone")}"', **secret),
            notifications("chat", "slack", ["second_person_needed"], url=f'{{file = "{cls.folder}/chat"}}', **web),
            notifications("card", "teams", ["challenge_opened"], url=f'"{cls.receiver.url("/teams")}"', rules='["two-people"]', **web),
            notifications("second", "email", ["second_person_needed"], approvers="true", to='["ops@example.com"]'))))
        cls.addClassCleanup(cls.stack.close)
        tls = cls.stack.home / "tls/server.crt", cls.stack.home / "tls/server.key"
        cls.receiver.start(*tls)
        cls.addClassCleanup(cls.receiver.stop)
        cls.mailbox.start(*tls)
        cls.addClassCleanup(cls.mailbox.stop)
        for name in ("ann", "ben"):
            cls.stack.run("user", "add", name, "--generate-password", "--group", "dba", "--email", f"{name}@example.com")
        cls.stack.start()
        cls.demo = cls.stack.person()

    def hold(self, sql):
        process = self.stack.psql("-c", sql)
        return process, self.demo.wait_pending()

    def end(self, process, challenge):
        self.demo.deny(challenge)
        process.communicate()

    def opened(self, challenge, kind="challenge_opened"):
        return wait_for(lambda: [r for r in self.receiver.requests if r.path == "/hook" and r.json["type"] == kind and
                                 r.json["data"]["challenge"] == challenge["id"]], f"{kind} of the challenge")

    def test_a_webhook_is_signed_and_tried_again_with_its_id_until_it_is_taken(self):
        self.receiver.answers["challenge_opened"] = [500, 302]
        process, challenge = self.hold(f"DELETE FROM orders WHERE true OR status = '{LITERAL}' /* {LITERAL} */")
        self.demo.call("POST", f"/challenges/{challenge['id']}/reason", {"reason": f"because of {LITERAL}"})
        wait_for(lambda: len(self.opened(challenge)) == 3, "the third try")
        tries = self.opened(challenge)
        for one in tries:
            one.verify()
        self.assertEqual(len({one.headers["webhook-id"] for one in tries}), 1)
        self.assertFalse([r for r in self.receiver.requests if r.path == "/elsewhere"], "a redirect was followed")
        body = tries[0].json
        contract.check_schema("Notification", body)
        self.assertEqual(body["data"]["statements"], ["delete from orders where true or status = $1"])
        self.assertEqual((body["data"]["user"], body["data"]["code"]), ("demo", challenge["code"]))
        self.assertEqual(body["data"]["url"], f"{self.stack.public_url}/c/{challenge['id']}")
        self.demo.call("POST", f"/challenges/{challenge['id']}/deny", {"reason": f"not {LITERAL}"})
        process.communicate()
        decided = self.opened(challenge, "challenge_decided")[0]
        contract.check_schema("Notification", decided.json)
        self.assertEqual((decided.json["data"]["outcome"], decided.json["data"]["by"]), ("denied", "demo"))
        wait_for(lambda: self.stack.metrics()['stepgate_notifications_total{target="hook",outcome="retried"}'] == 2, "two retries")
        self.nothing_leaked()

    def nothing_leaked(self):
        everything = "".join(r.body.decode() for r in self.receiver.requests)
        everything += "".join(f"{m['Subject']} {text_of(m)}" for _, m in self.mailbox.messages)
        self.assertNotIn(LITERAL, everything)

    def test_a_second_person_is_asked_for_on_every_way(self):
        process, challenge = self.hold("TRUNCATE payments /* hunter2 */")
        link = f"{self.stack.public_url}/c/{challenge['id']}"
        self.assertEqual(self.opened(challenge, "second_person_needed")[0].json["data"]["group"], "dba")
        slack = wait_for(lambda: [r.json for r in self.receiver.requests if r.path == "/slack" and len(r.json["blocks"]) == 4], "the chat")[0]
        self.assertEqual([block["type"] for block in slack["blocks"]], ["header", "section", "section", "section"])
        self.assertEqual(slack["blocks"][-1]["text"], {"type": "mrkdwn", "text": f"<{link}|Open the challenge>"})
        self.assertIn({"type": "plain_text", "text": "Approvals: 1 of dba", "emoji": False}, slack["blocks"][1]["fields"])
        card = wait_for(lambda: [r.json["attachments"][0] for r in self.receiver.requests if r.path == "/teams" and challenge["id"] in r.body.decode()],
                        "the card")[0]
        self.assertEqual(card["contentType"], "application/vnd.microsoft.card.adaptive")
        self.assertEqual(card["content"]["actions"], [{"type": "Action.OpenUrl", "title": "Open the challenge", "url": link}])
        mails = wait_for(lambda: [m for m in self.mailbox.messages if link in text_of(m[1])][2:] and
                         [m for m in self.mailbox.messages if link in text_of(m[1])], "three mails")
        self.assertEqual(sorted(to for to, _ in mails), ["ann@example.com", "ben@example.com", "ops@example.com"])
        self.assertEqual(mails[0][1]["Subject"], "stepgate: Approval needed: demo on shop")
        self.end(process, challenge)
        self.nothing_leaked()

    def test_wrong_passwords_are_told_and_a_name_only_if_it_is_a_users(self):
        before = len([r for r in self.receiver.requests if r.json.get("type") == "lockout"])
        for name in ("ann", LITERAL):
            for _ in range(5):
                with self.assertRaises(psycopg2.OperationalError):
                    psycopg2.connect(host="127.0.0.1", port=self.stack.port, user=name, password="wrong", dbname="shop")
        told = [r.json for r in self.receiver.wait("/hook", "lockout", before + 2)][before:]
        for one in told:
            contract.check_schema("Notification", one)
        self.assertEqual([one["data"] for one in told], [{"user": "ann", "address": "127.0.0.1"}, {"address": "127.0.0.1"}])
        self.nothing_leaked()

    def test_a_factor_that_wrong_answers_lock_is_told_without_them(self):
        self.demo.call("POST", "/factors/pin", {"pin": f"{LITERAL} is my PIN"})
        process, challenge = self.hold("DELETE FROM orders")

        def told():
            return [r.json for r in self.receiver.requests if r.json.get("type") == "lockout" and "factor" in r.json["data"]]
        for _ in range(6):
            self.assertGreaterEqual(self.demo.call("POST", f"/challenges/{challenge['id']}/pin", {"pin": f"{LITERAL} is wrong"}, expect=None)[0], 400)
        one, = wait_for(told, "the lock")
        contract.check_schema("Notification", one)
        self.assertEqual(one["data"], {"user": "demo", "factor": "pin"})
        self.end(process, challenge)
        self.nothing_leaked()

    def test_changes_of_users_and_policy_are_told_and_a_receiver_that_is_gone_is_left_alone(self):
        def failed(count):
            return wait_for(lambda: [r for r in self.stack.audit("--type", "notification_failed")][count - 1:], "the audit of failures")
        wait_for(lambda: self.stack.metrics()['stepgate_notifications_waiting{target="gone"}'] == 0, "an empty queue")
        asked = len([r for r in self.receiver.requests if r.path == "/gone"])
        self.receiver.answers["/gone"] = [410]
        self.stack.run("user", "add", "eve", "--generate-password")
        added = wait_for(lambda: [r.json["data"] for r in self.receiver.requests if r.json.get("type") == "user_changed" and
                                  r.json["data"]["user"] == "eve"], "the user")
        self.assertEqual(added[0], {"user": "eve", "change": "added", "by": "command line"})
        record = failed(1)[-1]["details"]
        self.assertEqual((record["target"], record["event"]), ("gone", "user_changed"))
        self.stack.run("user", "disable", "eve")
        self.assertEqual(failed(2)[-1]["details"]["reason"], "the receiver has said that it is gone")
        self.assertEqual(len([r for r in self.receiver.requests if r.path == "/gone"]), asked + 1)
        with (self.stack.home / "site.toml").open("a") as site:
            site.write('[[rule]]\nid = "another"\nwhen = {statement = ["vacuum"]}\nthen = "notify"\n')
        self.stack.process.send_signal(signal.SIGHUP)
        changed = self.receiver.wait("/hook", "policy_changed")[0].json
        contract.check_schema("Notification", changed)
        self.assertRegex(changed["data"]["revision"], r"^[0-9a-f]+$")
        self.stack.run("user", "disable", "eve", "--undo")
        self.receiver.wait("/gone", count=asked + 2)  # the reload asks it again
        self.assertGreaterEqual(self.stack.metrics()['stepgate_notifications_total{target="hook",outcome="sent"}'], 3)
        log = (self.stack.folder / "serve.log").read_text()
        self.assertNotIn(SECRET, log)
        self.assertNotIn("/slack", log)

    def assert_refused(self, name, code, text):
        done = self.stack.run("notify", "test", name, expect=None)
        self.assertEqual(done.returncode, code)
        self.assertIn(text, done.stderr)

    def test_a_message_can_be_sent_by_hand(self):
        self.assertEqual(self.stack.run("notify", "test", "hook"), "hook answers 200: status 200\n")
        request = self.receiver.wait("/hook", "test")[0]
        request.verify()
        contract.check_schema("Notification", request.json)
        self.assertEqual(self.stack.run("notify", "test", "chat"), "chat answers 200: status 200\n")
        self.receiver.answers["/teams"] = [400]
        self.assert_refused("card", 1, "card answers 400: status 400")
        self.assert_refused("none", 2, "the configuration has: hook gone chat card second")
        self.assertIn("ann@example.com: the mail server has it", self.stack.run("notify", "test", "second", "--group", "dba"))
        self.stack.run("check")

    def test_a_bad_secret_is_found_before_serving(self):
        bad = self.folder / "bad.toml"
        text = self.stack.config.read_text().replace(f"{self.folder}/secret", f"{self.folder}/chat")
        (self.stack.home / bad.name).write_text(text)
        done = subprocess.run([BINARY, "notify", "test", "--config", self.stack.home / bad.name, "hook"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, "notifications hook: its secret cannot be read, or is not whsec_")
        self.assertFalse(re.search(re.escape(self.receiver.url("/slack")), done.stderr))


if __name__ == "__main__":
    unittest.main()
