"""Programs and agents: they read in the error what a held statement needs, watch its challenge with a token, and run it again once people have
approved. They never approve anything themselves. On both protocols, with a driver and HTTP, as an agent would."""
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import psycopg2
import pymysql

from harness import BINARY, DRAIN, SITE_POLICY, Program, Stack, free_port, wait_for
from mariadb import MySqlStack
from push_service import PushService

POLICY = SITE_POLICY + """
[[rule]]
id = "two-people"
when = {statement = ["truncate"]}
then = {challenge = {level = 1, approvers = {group = "dba"}}}
"""
HOLD = '{timeout = "5m", in_transaction = "60s", silent = "1s"}'
RETRY = 'announce = "retry"'


class Agents:
    @classmethod
    def setUpClass(cls):
        cls.service = PushService(free_port())
        cls.addClassCleanup(cls.service.stop)
        cls.stack = cls.make_stack(DRAIN + cls.service.configuration())
        cls.addClassCleanup(cls.stack.close)
        cls.service.start(cls.stack.home / "tls/server.crt", cls.stack.home / "tls/server.key")
        cls.stack.run("user", "add", "ann", "--generate-password", "--group", "dba")
        cls.ben_password = cls.stack.run("user", "add", "ben", "--generate-password").split("password: ")[1].split()[0]
        cls.stack.start()
        cls.demo, cls.ann = cls.stack.person("demo"), cls.stack.person("ann")
        made = cls.demo.call("POST", "/api-tokens", {"name": "agent", "scopes": ["challenges:read", "challenges:write"], "days": 1})
        cls.token, cls.agent = made["id"], Program(cls.stack, made["token"])

    def held(self, sql, *more, **who):
        """Runs it, and reads in the error what it needs: the same, and this, for everybody."""
        with self.assertRaises(self.error) as raised:
            self.run_sql(sql, **who)
        needs = json.loads(self.data_of(raised.exception))
        self.assertEqual(set(needs), {"challenge_id", "url", "code", "requirement", *more})
        self.assertEqual(needs["url"], f"{self.stack.public_url}/c/{needs['challenge_id']}")
        return needs

    def until(self, challenge, state, act):
        """Acts once the stream is open, and follows the challenge until it is in this state."""
        events = self.agent.events()
        self.assertIsNone(next(events))
        act()
        for news in events:
            if news["id"] == challenge and news["state"] == state:
                return
        self.fail("the stream ended")

    def test_an_agent_waits_for_people_and_runs_it_again(self):
        needs = self.held("TRUNCATE TABLE scratch")
        challenge = needs["challenge_id"]
        path = f"/challenges/{challenge}"
        shown = self.agent.call("GET", path)
        self.assertEqual((shown["state"], shown["code"], shown["you"]), ("pending", needs["code"], "requester"))
        self.assertEqual(shown["requirement"], needs["requirement"])
        self.assertEqual((needs["requirement"]["approvers"], needs["requirement"]["approvals"]), ("dba", 1))
        self.agent.call("POST", f"{path}/reason", {"reason": "nightly job"})
        self.assertEqual(self.ann.call("GET", path)["request_reason"], "nightly job")
        for proof in ("totp", "pin", "recovery-code", "passkey/begin", "email-code/begin"):
            status, answer = self.agent.call("POST", f"{path}/{proof}", {"code": "123456"}, expect=None)
            self.assertEqual((status, answer["error"]["code"]), (403, "not_for_tokens"), proof)
        self.assertEqual(self.held("TRUNCATE TABLE scratch")["challenge_id"], challenge, "the same question")

        def approve():
            self.demo.approve(shown)
            self.ann.approve(shown)
        self.until(challenge, "approved", approve)
        self.run_sql("TRUNCATE TABLE scratch")
        self.assertEqual(self.stack.cluster.shop("SELECT count(*) FROM scratch"), "0")
        self.assertEqual(self.agent.call("GET", path)["state"], "consumed")
        self.assertNotEqual(self.held("TRUNCATE TABLE scratch")["challenge_id"], challenge, "one approval, one execution")
        self.assertIn("the journal is intact", self.stack.run("audit", "verify"))
        self.check_bundle(challenge)

    def check_bundle(self, challenge):
        """Both people's signatures hold in a file of its own, with the public key and nothing else of stepgate's."""
        with tempfile.TemporaryDirectory() as elsewhere:
            bundle = pathlib.Path(elsewhere) / "bundle.json"
            bundle.write_text(self.stack.run("audit", "export", "--bundle", challenge))
            key = shutil.copy(self.stack.home / "audit/audit.pub", elsewhere)
            done = subprocess.run([BINARY, "audit", "verify", "--bundle", bundle, "--public-key", key], cwd=elsewhere, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn(f"the bundle of challenge {challenge} holds", done.stdout)
        self.assertEqual(done.stdout.count("the passkey's signature over the statement holds"), 2, done.stdout)

    def test_the_person_behind_an_agent_answers_the_phone_with_the_number_that_it_was_told(self):
        ben = self.stack.person("ben")
        ben.call("POST", "/factors/pin", {"pin": "correct horse"})
        phone = self.service.enrol(ben)
        who = {"user": "ben", "password": self.ben_password}
        needs = self.held("TRUNCATE TABLE ledger", "number", **who)
        challenge, token = phone.question(1)
        self.assertEqual(challenge, needs["challenge_id"])
        self.assertEqual(self.held("TRUNCATE TABLE ledger", "number", **who)["number"], needs["number"], "as long as it is asked")
        ben.call("POST", f"/challenges/{challenge}/push", {"token": token, "number": needs["number"]})
        ben.call("POST", f"/challenges/{challenge}/pin", {"pin": "correct horse"})
        self.held("TRUNCATE TABLE ledger", **who)  # ann's answer is missing, and no number any more
        self.ann.approve({"id": challenge})
        self.run_sql("TRUNCATE TABLE ledger", **who)

    def test_a_denial_and_a_withdrawal_are_seen(self):
        needs = self.held("DELETE FROM orders")
        path = f"/challenges/{needs['challenge_id']}"
        self.until(needs["challenge_id"], "denied", lambda: self.demo.call("POST", f"{path}/deny", {"reason": "not today"}))
        self.assertEqual(self.agent.call("GET", path)["close_reason"], "denied by demo: not today")
        with self.assertRaisesRegex(self.error, "denied by demo: not today"):
            self.run_sql("DELETE FROM orders")  # whoever runs it again hears why not, once
        again = self.held("DELETE FROM orders")["challenge_id"]
        self.assertNotEqual(again, needs["challenge_id"])
        self.until(again, "cancelled", lambda: self.agent.call("POST", f"/challenges/{again}/withdraw", {}))
        self.assertEqual(int(self.stack.cluster.shop("SELECT count(*) FROM orders")), 800)

    def test_a_token_ends_when_it_is_revoked_and_its_uses_are_recorded(self):
        made = self.demo.call("POST", "/api-tokens", {"name": "short", "scopes": ["challenges:read"]})
        program = Program(self.stack, made["token"])
        events = program.events()
        self.assertIsNone(next(events))
        self.assertEqual([t["last_address"] for t in self.demo.call("GET", "/api-tokens")["tokens"] if t["id"] == made["id"]], ["127.0.0.1"])
        self.assertIn(f"{made['id']}  demo  short  challenges:read  until", self.stack.run("token", "list"))
        self.demo.call("DELETE", f"/api-tokens/{made['id']}")
        self.assertEqual(list(events), [], "the stream ends")
        self.assertEqual(program.call("GET", "/challenges", expect=None)[1]["error"]["code"], "invalid_token")
        self.assertEqual(program.call("GET", "/challenges", expect=None, headers={"Cookie": self.demo.cookie})[1]["error"]["code"], "two_credentials")
        records = [(r["type"], r["details"]["credential"]) for r in self.stack.audit() if r["type"].startswith("api_token")]
        self.assertEqual([kind for kind, of in records if of == made["id"]], ["api_token_created", "api_token_used", "api_token_revoked"])
        by_hand = self.stack.run("token", "add", "ann", "--name", "cli", "--scope", "challenges:read").split()
        other = Program(self.stack, by_hand[-1])
        other.call("GET", "/challenges")
        self.stack.run("token", "remove", by_hand[1])
        self.assertEqual(other.call("GET", "/challenges", expect=None)[0], 401)
        revoked = wait_for(lambda: self.stack.audit("--type", "api_token_revoked", "--user", "ann"), "the audit of both")
        self.assertEqual([(r["details"]["credential"], r["details"]["by"]) for r in revoked], [(by_hand[1], "command line")])
        self.assertEqual([r["details"]["by"] for r in self.stack.audit("--type", "api_token_created", "--user", "ann")], ["command line"])
        self.assertNotIn(made["token"], json.dumps(self.stack.audit()))


class Postgres(Agents, unittest.TestCase):
    error = psycopg2.Error

    @classmethod
    def make_stack(cls, extra):
        stack = Stack(policy=POLICY, listener=RETRY, hold=HOLD, extra=extra)
        stack.cluster.shop("CREATE TABLE scratch (id int); INSERT INTO scratch VALUES (1), (2); CREATE TABLE ledger (id int)")
        return stack

    def run_sql(self, sql, user="demo", password=None):
        connection = psycopg2.connect(host="127.0.0.1", port=self.stack.port, user=user, password=password or self.stack.password, dbname="shop")
        try:
            connection.autocommit = True
            connection.cursor().execute(sql)
        finally:
            connection.close()

    def data_of(self, error):
        self.assertEqual(error.pgcode, "42501")
        return error.diag.message_detail


class MySql(Agents, unittest.TestCase):
    error = pymysql.Error

    @classmethod
    def make_stack(cls, extra):
        stack = MySqlStack(policy=POLICY, listener=RETRY, hold=HOLD, extra=extra)
        stack.cluster.shop("INSERT INTO scratch VALUES (1, 'a'), (2, 'b'); CREATE TABLE ledger (id int)")
        return stack

    def run_sql(self, sql, user="demo", password=None):
        connection = self.stack.pymysql(user=user, password=password or self.stack.password)
        try:
            connection.autocommit(True)
            connection.cursor().execute(sql)
        finally:
            connection.close()

    def data_of(self, error):
        code, message = error.args
        self.assertEqual(code, 1227)
        return re.search(r"\{.*", message).group()


if __name__ == "__main__":
    unittest.main()
