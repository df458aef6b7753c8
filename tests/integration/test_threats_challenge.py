"""Attacks on the challenge, on the audit, and by load and faults (tests/integration/test_threats.py has the statements and the protocol, and
says how it was checked that these tests fail without what they test)."""
import collections
import json
import os
import pathlib
import re
import shutil
import tempfile
import unittest

from harness import DRAIN, Person, free_port, wait_for
from mail_server import Mailbox, text_of
from provider import Provider
from threat_case import MARK, POLICY, Case, connect, connect_second, rows, start
from wire import Wire, query


def setUpModule():
    global stack, demo, second, mailbox, provider
    folder = pathlib.Path(tempfile.mkdtemp(prefix="stepgate-test-mail."))
    unittest.addModuleCleanup(shutil.rmtree, folder)
    mailbox, provider = Mailbox(free_port()), Provider(free_port())

    def before_serving(of):
        global third_password
        added = of.run("user", "add", "third", "--generate-password", "--email", "third@example.com")
        third_password = re.search(r"password: (\S+)", added).group(1)
        mailbox.start(of.home / "tls/server.crt", of.home / "tls/server.key")
        unittest.addModuleCleanup(mailbox.stop)
        unittest.addModuleCleanup(provider.stop)
        provider.start(of)
    settings = mailbox.configuration(folder / "password") + provider.configuration(folder / "secret")
    stack, demo, second = start(DRAIN + settings, before_serving)


class Challenge(Case):
    def held(self, wire):
        wire.send(query(f"DELETE FROM orders /* {MARK} */"))
        return self.assert_held(wire)

    def begin(self, identity, who=None):
        return (who or demo).call("POST", f"/challenges/{identity}/passkey/begin", {}, expect=None)

    def finish(self, identity, credential, who=None):
        return (who or demo).call("POST", f"/challenges/{identity}/passkey", {"credential": credential}, expect=None)

    def test_a_proof_is_for_one_challenge(self):
        with connect() as one, connect() as other:
            first, last = self.held(one), self.held(other)
            proof = demo.passkey.sign(self.begin(first)[1]["options"])
            self.assertEqual(self.finish(last, proof)[0], 400)
            self.assertEqual({c["id"] for c in demo.pending()} & {first, last}, {first, last})
        self.assertEqual(rows("orders"), 800)

    def test_a_used_challenge_takes_no_second_proof(self):
        with connect() as wire:
            wire.send(query("DELETE FROM scratch"))
            identity = self.assert_held(wire)
            proof = demo.passkey.sign(self.begin(identity)[1]["options"])
            self.assertEqual(self.finish(identity, proof)[0], 200)
            self.assertEqual(wire.until("Z")[-1], ("Z", "I"))
            self.assertEqual(self.finish(identity, proof)[0], 409)

    def test_nobody_else_sees_approves_or_denies_it(self):
        with connect() as wire:
            identity = self.held(wire)
            unknown = second.call("GET", "/challenges/AAAAAAAAAAAAAAAAAAAAAA", expect=None)
            self.assertEqual(second.call("GET", f"/challenges/{identity}", expect=None), unknown)
            self.assertEqual(unknown[0], 404)
            self.assertEqual(self.begin(identity, second)[0], 404)
            self.assertEqual(second.call("POST", f"/challenges/{identity}/deny", {}, expect=None)[0], 404)
            proof = second.passkey.sign(self.begin(identity)[1]["options"])
            self.assertEqual(self.finish(identity, proof)[0], 400, "another person's passkey")

    def test_an_approval_after_the_client_left_releases_nothing(self):
        with connect() as wire:
            identity = self.held(wire)
            proof = demo.passkey.sign(self.begin(identity)[1]["options"])
        wait_for(lambda: identity not in {c["id"] for c in demo.pending()}, "the hold's end", every=0.1)
        self.assertEqual(self.finish(identity, proof)[0], 409)
        self.assertEqual(rows("orders"), 800)

    def test_an_approval_after_a_policy_change_is_not_enough(self):
        with connect() as wire:
            identity = self.held(wire)
            stack.reload_policy(POLICY + '\n[[rule]]\nid = "no-more"\nwhen = {statement = ["delete"]}\nthen = "deny"\n')
            self.addCleanup(stack.reload_policy, POLICY)
            demo.approve({"id": identity}, expect=None)
            error = [text for kind, text in wire.until("Z") if kind == "E"]
            self.assertEqual(error[0][:5], "42501")
            self.assertIn("no-more", error[0])
        self.assertEqual(rows("orders"), 800)

    def test_requests_of_other_pages_do_nothing(self):
        with connect() as wire:
            identity = self.held(wire)
            deny = f"/challenges/{identity}/deny"
            for headers in ({"Origin": "https://evil.example"}, {"X-CSRF-Token": "guess"}, {"Content-Type": "text/plain"}):
                self.assertIn(demo.call("POST", deny, {}, expect=None, headers=headers)[0], (403, 415), headers)
            self.assertIn(identity, {c["id"] for c in demo.pending()})

    def test_a_session_that_was_there_before_the_sign_in_is_not_the_one_after(self):
        cookie = demo.cookie
        begun = demo.call("POST", "/session/passkey/begin", {"user": "demo"})
        demo.call("POST", "/session/passkey/finish", {"ceremony": begun["ceremony"], "credential": demo.passkey.sign(begun["options"])})
        self.assertNotEqual(demo.cookie, cookie)
        new, demo.cookie = demo.cookie, cookie
        self.assertEqual(demo.call("GET", "/challenges", expect=None)[0], 401)
        demo.cookie = new

    def test_a_link_does_not_add_a_factor_to_somebody_who_has_one(self):
        token = stack.run("enroll", "second").strip().split("#")[1]
        cookie, csrf, second.cookie, second.csrf = second.cookie, second.csrf, None, None
        self.assertEqual(second.call("POST", "/session/enrolment", {"token": token}, expect=None)[0], 403)
        second.cookie, second.csrf = cookie, csrf

    def test_a_pin_is_not_guessed_and_proves_one_kind_only(self):
        weak = second.call("POST", "/factors/pin", {"pin": "654321"}, expect=None)
        self.assertEqual((weak[0], weak[1]["error"]["code"]), (400, "weak_pin"))
        pin = second.call("POST", "/factors/pin", {"pin": "314159 apples"})["factor"]["id"]
        with connect_second() as wire:
            path = f"/challenges/{self.held(wire)}/pin"
            self.assertEqual(demo.call("POST", path, {"pin": "314159 apples"}, expect=None)[0], 404, "another person")
            half = second.call("POST", path, {"pin": "314159 apples"})
            self.assertEqual((half["state"], [p["factor"] for p in half["proofs"]]), ("pending", ["pin"]))
            self.assertEqual(second.call("POST", path, {"pin": "314159 apples"}, expect=None)[0], 409, "it counts once")
            answers = [second.call("POST", path, {"pin": f"guess {n}"}, expect=None)[0] for n in range(5)]
            self.assertEqual(answers, [400] * 5)
            self.assertEqual(second.call("POST", path, {"pin": "314159 apples"}, expect=None)[0], 429, "locked")
        proofs = [r["details"] for r in stack.audit("--type", "proof_accepted") if r["details"]["credential"] == pin]
        self.assertEqual([(r["factor"], r["kind"]) for r in proofs], [("pin", "knowledge")])
        self.assertNotIn("apples", json.dumps(stack.audit()))
        self.assertEqual(second.call("POST", "/session/pin", {"user": "second", "pin": "314159 apples"}, expect=None)[0], 404)
        self.assertEqual(rows("orders"), 800)

    def mail_code(self, identity, count):
        second.call("POST", f"/challenges/{identity}/email-code/begin", {})
        wait_for(lambda: second.call("GET", f"/challenges/{identity}/email-code")["delivery"] == "sent", "the mail", every=0.1)
        return re.search(r"^    (\d{4} \d{4})$", text_of(mailbox.wait(count)[1]), re.M).group(1)

    def test_a_mailed_code_is_for_one_challenge_once_and_tells_nothing_of_the_statement(self):
        def answer(identity, code, who=second):
            return who.call("POST", f"/challenges/{identity}/email-code", {"code": code}, expect=None)
        with connect_second() as one, connect_second() as other:
            for wire in (one, other):
                wire.send(query("INSERT INTO ledger SELECT 1 WHERE 'a literal' = 'b'"))
            first, last = (self.assert_held(wire, "keep-ledger") for wire in (one, other))
            mailbox.refused.add("second@example.com")
            second.call("POST", f"/challenges/{first}/email-code/begin", {})
            wait_for(lambda: second.call("GET", f"/challenges/{first}/email-code")["delivery"] == "failed", "the failure", every=0.1)
            mailbox.refused.clear()
            code = self.mail_code(first, 1)
            recipient, message = mailbox.messages[0]
            self.assertEqual((recipient, message["To"]), ("second@example.com", "second@example.com"))
            self.assertNotRegex(str(message) + text_of(message), "ledger|literal")
            self.assertEqual(answer(last, code)[0], 400, "another challenge")
            self.assertEqual(answer(first, code, demo)[0], 404, "another person")
            self.assertIn(answer(first, code)[1]["state"], ("approved", "consumed"))
            self.assertEqual(one.until("Z")[-1], ("Z", "I"))
            self.assertEqual(answer(last, code)[0], 400, "it is spent")
            newer = self.mail_code(last, 2)
            self.assertEqual(answer(last, code)[0], 400, "the one before")
            self.assertEqual(second.call("POST", f"/challenges/{last}/email-code/begin", {}, expect=None)[0], 429, "three messages")
            self.assertIn(answer(last, newer)[1]["state"], ("approved", "consumed"))
        self.assertGreater(mailbox.logins, 0)
        stack.run("audit", "verify")
        self.assertNotIn(code.replace(" ", ""), json.dumps(stack.audit()))

    def test_codes_on_paper_and_by_mail_are_not_guessed(self):
        """Five wrong ones lock each, the right one too; a passkey still does."""
        third = stack.person("third")
        made = third.call("POST", "/factors/recovery-codes/begin", {})
        third.call("POST", "/factors/recovery-codes/finish", {"ceremony": made["ceremony"]})
        with Wire(stack.port, "third", third_password) as wire:
            wire.send(query("INSERT INTO ledger SELECT 1 WHERE false"))
            identity = self.assert_held(wire, "keep-ledger")
            third.call("POST", f"/challenges/{identity}/email-code/begin", {})
            mailed = wait_for(lambda: [text_of(text) for to, text in mailbox.messages if to == "third@example.com"], "the mail", every=0.1)[0]
            for factor, wrong, right in (("recovery-code", "AAAA-BBBB-CCCC-DDD{}", made["codes"][0]),
                                         ("email-code", "0000 000{}", re.search(r"^    (\d{4} \d{4})$", mailed, re.M).group(1))):
                path = f"/challenges/{identity}/{factor}"
                answers = [third.call("POST", path, {"code": wrong.format(number)}, expect=None)[0] for number in range(2, 7)]
                self.assertEqual(answers, [400] * 5, factor)
                status, answer = third.call("POST", path, {"code": right}, expect=None)
                self.assertEqual((status, answer["error"]["code"]), (429, "locked_out"), factor)
            self.assertEqual(third.call("GET", f"/challenges/{identity}")["state"], "pending")
            third.approve({"id": identity})
            self.assertEqual(wire.until("Z")[-1], ("Z", "I"))

    def begin_login(self, identity, who=None):
        return (who or demo).call("POST", f"/challenges/{identity}/identity-provider/begin", {"provider": "corp"})

    def finish_login(self, identity, begun, answer, who=None):
        return (who or demo).call("POST", f"/challenges/{identity}/identity-provider",
                                  {"ceremony": begun["ceremony"], "state": answer["state"], "code": answer["code"], "iss": answer["iss"]}, expect=None)

    def test_a_login_at_the_provider_is_new_and_for_one_challenge(self):
        with connect() as one, connect() as other:
            for wire in (one, other):
                wire.send(query("INSERT INTO ledger SELECT 1 WHERE false"))
            first, last = (self.assert_held(wire, "keep-ledger") for wire in (one, other))

            begun = self.begin_login(first)
            self.assertIn("error", provider.log_in(begun["url"], refuse=True))
            for name, how, code in (("an old login", {"age": 3600}, "login_not_enough"), ("another person", {"account": "second"}, "wrong_answer"),
                                    ("no kind that was asked for", {"acr": "guest"}, "login_not_enough")):
                begun = self.begin_login(first)
                got = self.finish_login(first, begun, provider.log_in(begun["url"], **how))
                self.assertEqual((got[0], got[1]["error"]["code"]), (400, code), name)
            begun = self.begin_login(first)
            answer = provider.log_in(begun["url"])
            self.assertEqual(self.finish_login(first, begun, answer, second)[0], 404, "another person's session")
            self.assertEqual(self.finish_login(last, begun, answer)[0], 400, "another challenge")
            self.assertEqual(self.finish_login(first, begun, answer)[0], 400, "spent")
            begun, twin = self.begin_login(first), self.begin_login(first)
            self.assertEqual(self.finish_login(first, twin, provider.log_in(begun["url"]))[0], 400, "another login's state")

            begun = self.begin_login(first)
            answer = provider.log_in(begun["url"])
            self.assertIn(self.finish_login(first, begun, answer)[1]["state"], ("approved", "consumed"))
            self.assertEqual(one.until("Z")[-1], ("Z", "I"))
        record = [r["details"] for r in stack.audit("--type", "proof_accepted") if r["details"]["factor"] == "identity_provider"][-1]
        self.assertEqual((record["kind"], record["credential"], record["phishing_resistant"]), ("knowledge", "corp/demo", False))
        self.assertIn("id_token", json.loads(record["evidence"]))
        stack.run("audit", "verify")

    def test_a_login_at_the_provider_is_one_factor_whatever_it_says_of_itself(self):
        with connect() as wire:
            identity = self.held(wire)
            begun = self.begin_login(identity)
            half = self.finish_login(identity, begun, provider.log_in(begun["url"], acr="phr"))[1]
            self.assertEqual((half["state"], [p["factor"] for p in half["proofs"]]), ("pending", ["identity_provider"]))

    def test_a_sign_in_at_the_provider_is_for_users_that_there_are(self):
        visitor = Person(stack, "demo")

        def sign_in(**how):
            begun = visitor.call("POST", "/session/identity-provider/begin", {"provider": "corp"})
            answer = provider.log_in(begun["url"], **how)
            return begun, answer, visitor.call("POST", "/session/identity-provider/finish", {"ceremony": begun["ceremony"], **answer}, expect=None)
        self.assertEqual(sign_in(account="nobody")[2][0], 401)
        self.assertEqual([u for u in stack.run("user", "list").splitlines() if u.startswith("nobody")], [], "none was made")
        self.assertEqual(sign_in(age=3600)[2][0], 401, "an old login")
        begun, answer, (status, session) = sign_in()
        self.assertEqual((status, session["user"], session["strong"]), (200, "demo", False))
        again = Person(stack, "demo").call("POST", "/session/identity-provider/finish", {"ceremony": begun["ceremony"], **answer}, expect=None)
        self.assertEqual(again[0], 401, "once")
        self.assertEqual(visitor.call("POST", "/factors/totp/begin", {}, expect=None)[0], 403, "a weak session adds no factor")
        self.assertTrue(sign_in(acr="phr")[2][1]["strong"])
        other = visitor.call("POST", "/session/identity-provider/begin", {"provider": "other"}, expect=None)
        self.assertEqual(other[0], 404)

    def test_an_unknown_user_and_a_wrong_password_are_told_alike(self):
        def sign_in(user):
            cookie, csrf, second.cookie, second.csrf = second.cookie, second.csrf, None, None
            try:
                return second.call("POST", "/session/totp", {"user": user, "password": "wrong", "code": "123456"}, expect=None)
            finally:
                second.cookie, second.csrf = cookie, csrf
        self.assertEqual(sign_in("demo"), sign_in("nobody"))
        errors = []
        for user in ("demo", "nobody"):
            with self.assertRaises(PermissionError) as refused:
                Wire(stack.port, user, "wrong")
            errors.append(str(refused.exception).replace(user, "USER"))
        self.assertEqual(errors[0], errors[1])


class Audit(Case):
    def test_texts_cannot_write_lines_of_their_own(self):
        nasty = '\n{"level":"error","message":"forged"}\n\x1b[31m'
        with connect(application_name="app" + nasty) as wire:
            self.assert_passes(wire, f"SELECT 'audited' /*{nasty}*/")
        stack.audit()
        for line in (stack.folder / "serve.log").read_text().splitlines():
            self.assertNotEqual(json.loads(line)["message"], "forged")
        tail = stack.run("audit", "tail", "-n", "50")
        self.assertNotIn("\x1b", tail)
        self.assertFalse([line for line in tail.splitlines() if not re.match(r"\d+ \d{4}-", line)])

    def test_only_auditors_read_it(self):
        self.assertEqual(demo.call("GET", "/audit/records", expect=None)[0], 200)
        self.assertEqual(second.call("GET", "/audit/records", expect=None)[0], 403)


class Load(Case):
    def test_deep_and_long_statements_are_answered(self):
        deep = {"1+1+..": "SELECT " + "1+" * 30000 + "1", "parentheses": "SELECT " + "(" * 100000, "long": "SELECT '" + "x" * 10_000_000 + "'",
                "many": ";" * 1_000_000, "operators": "SELECT 1 " + "+-" * 100_000 + " 1"}
        for name, sql in deep.items():
            with self.subTest(name), connect() as wire:
                kind, text = wire.send(query(sql)).until("N", "Z")[-1]
                self.assertIn(kind, "NZ", text)
        self.assertIsNone(stack.process.poll())

    def test_slow_and_half_open_clients_do_not_disturb_others(self):
        silent = [Wire(stack.port) for _ in range(200)]
        slow = connect()
        for byte in query("SELECT 42")[:-1]:
            slow.send(bytes([byte]))
        with connect() as wire:
            self.assertIn(("D", "1"), wire.ask("SELECT 1"))
        self.assertIn(("D", "42"), slow.send(b"\0").until("Z"))
        for one in [slow, *silent]:
            one.socket.close()

    def test_a_server_session_that_dies_in_a_result_ends_the_clients(self):
        with connect() as wire:
            wire.send(query("SELECT repeat('x', 10000) FROM generate_series(1, 1000000)"))
            wire.until("D")
            stack.cluster.admin(f"SELECT pg_terminate_backend({wire.process})")
            end = wire.until("E")[-1]  # a server that waits for its client to read cannot say why it ends
            self.assertIn((end[0], end[1][:5]), (("E", "57P01"), ("closed", "")))
        with connect() as wire:
            self.assertIn(("D", "1"), wire.ask("SELECT 1"))

    def cpu_of_threads(self):
        """Seconds of processor time that each kind of thread has taken: {"relay": …, "web": …, "stepgate": the others}."""
        taken = collections.Counter()
        for task in pathlib.Path(f"/proc/{stack.process.pid}/task").iterdir():
            name, numbers = (task / "stat").read_text().split("(", 1)[1].rsplit(")", 1)
            taken[name] += sum(map(int, numbers.split()[11:13])) / os.sysconf("SC_CLK_TCK")
        return taken

    def test_argon2_is_never_on_a_thread_that_relays_or_reads(self):
        demo.sign_in()
        before = self.cpu_of_threads()
        for word in ("apples", "pears", "plums"):
            demo.call("POST", "/factors/pin", {"pin": f"314159 {word}"})
        taken = self.cpu_of_threads()
        taken.subtract(before)
        hashing = taken["stepgate"]
        self.assertGreater(hashing, 0.2, "three hashes of argon2id")
        for name in ("relay", "web"):
            self.assertIn(name, before)
            self.assertLess(taken[name], hashing / 4, taken)

    def test_a_mail_server_that_says_nothing_stops_nobody(self):
        mailbox.silent = True
        self.addCleanup(setattr, mailbox, "silent", False)
        stack.run("user", "set", "demo", "--email", "demo@example.com")
        with connect() as wire, connect() as other:
            wire.send(query("INSERT INTO ledger SELECT 1 WHERE false"))
            identity = self.assert_held(wire, "keep-ledger")
            demo.call("POST", f"/challenges/{identity}/email-code/begin", {})
            for _ in range(3):
                self.assertIn(("D", "1"), other.ask("SELECT 1"))
                self.assertEqual(demo.call("GET", f"/challenges/{identity}/email-code")["delivery"], "sending")
            demo.deny({"id": identity})
            wire.until("Z")

    def test_many_held_statements(self):
        with connect() as other:
            wires = [connect() for _ in range(40)]
            for wire in wires:
                wire.send(query(f"DELETE FROM orders /* {MARK} */"))
            for wire in wires:
                self.assert_held(wire)
            self.assertIn(("D", "1"), other.ask("SELECT 1"))
            for wire in wires:
                wire.socket.close()
        wait_for(lambda: stack.metrics()["stepgate_holds"] == 0, "the end of all holds")


class ZLast(Case):
    """After all others."""

    def test_server_down_is_08006(self):
        stack.cluster.stop()
        with self.assertRaisesRegex(PermissionError, "^08006 "):
            connect()


if __name__ == "__main__":
    unittest.main()
