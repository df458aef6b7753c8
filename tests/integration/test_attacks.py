"""Attacks on the challenge itself, one test a line of their list (LINES), here and in the modules that have what they need; script injection
by hostile texts is tried in a real browser: "script in statement text stays text" in tests/browser.

Each was seen failing with its protection taken out: the session's age at changes of factors; the passkey's origin, signature and counter; a code's window of time and its claim; the
machine's refusal of what comes after the outcome; the headers; the cookie's attributes, its end at sign-out and at a new sign-in; strong sessions
for changes of factors; of a push its single use, its number, its token and its challenge (its user: test_push.py); one answer for foreign and unknown challenges, and made-up credentials for users that do not exist.
"""
import copy
import http.client
import json
import pathlib
import re
import ssl
import subprocess
import threading
import time
import unittest

from harness import BINARY, DRAIN, PATIENCE, Person, Stack, free_port, wait_for
from passkey import decode, encode
from push_service import PushService
from threat_case import POLICY, Case, connect, connect_second, rows, start
from wire import SYNC, Wire, bind, execute, parse, query

# Each line of the list, and the tests of it by name, all against the running server.
LINES = {
    "replay on another statement or session": "threats_challenge.a_proof_is_for_one_challenge threats_challenge.a_used_challenge_takes_no_second_proof",
    "replay by another user": "threats_challenge.nobody_else_sees_approves_or_denies_it mysql_hold.other_text_or_user_meets_another_question",
    "replay on another server": "attacks.a_proof_replayed_on_another_server",
    "a proof for text A used on text B": "attacks.a_proof_for_one_text_is_none_for_another attacks.a_proof_for_some_values_is_none_for_others",
    "the same code twice": "attacks.codes_are_good_once_and_not_from_another_time hold.wrong_then_right_then_replayed",
    "guessed codes": "hold.z_guessing_locks_out threats_challenge.a_pin_is_not_guessed_and_proves_one_kind_only "
                     "threats_challenge.codes_on_paper_and_by_mail_are_not_guessed "
                     "push.a_wrong_number_ends_the_push_and_other_factors_still_do people.it_gets_slower_and_slower "
                     "mysql_protocol.guessed_passwords_make_the_next_try_wait",
    "phishing: another origin": "attacks.phishing_the_passkey_signed_on_another_origin",
    "phishing: the short code": "attacks.phishing_the_code_in_the_terminal_is_the_one_on_the_page",
    "self-approval": "second_person.who_may_approve_does_not_approve_their_own",
    "one person twice": "second_person.runs_when_the_requester_and_two_others_have_proved",
    "two nodes racing": "attacks.a_second_node_on_the_same_store_does_not_start",
    "two tabs racing": "attacks.racing_tabs_have_one_outcome",
    "two approvals racing": "second_person.colleagues_racing_have_one_outcome",
    "approval after expiry": "attacks.an_approval_after_expiry_releases_nothing",
    "approval after the client left": "threats_challenge.an_approval_after_the_client_left_releases_nothing",
    "approval after a policy change": "threats_challenge.an_approval_after_a_policy_change_is_not_enough "
                                      "mysql_hold.an_approval_before_a_policy_change_is_not_enough",
    "cross-site request forgery": "threats_challenge.requests_of_other_pages_do_nothing",
    "clickjacking": "attacks.pages_are_neither_framed_nor_run_scripts_of_others",
    "session fixation": "threats_challenge.a_session_that_was_there_before_the_sign_in_is_not_the_one_after",
    "a stolen cookie": "attacks.a_cookie_is_of_no_use_to_scripts_other_sites_or_after_sign_out attacks.a_stolen_cookie_changes_no_factors_and_makes_no_tokens",
    "enumeration": "attacks.identities_are_not_found_out threats_challenge.an_unknown_user_and_a_wrong_password_are_told_alike",
    "enrolment with a weak factor": "attacks.codes_are_good_once_and_not_from_another_time threats_challenge.a_link_does_not_add_a_factor_to_somebody_who_has_one",
    "clock skew": "attacks.codes_are_good_once_and_not_from_another_time threats_challenge.a_login_at_the_provider_is_new_and_for_one_challenge",
}


def setUpModule():
    global stack, demo, second, service
    service = PushService(free_port())
    unittest.addModuleCleanup(service.stop)
    stack, demo, second = start(extra=DRAIN + service.configuration(), before_serving=lambda made: service.start(
        made.home / "tls/server.crt", made.home / "tls/server.key"))


def another_installation():
    """A second stepgate in front of the same server, with demo's own passkey; there a passkey is asked for again after 2 s, and an open
    transaction holds for 4 s."""
    made = Stack(policy=POLICY, hold='{timeout = "60s", in_transaction = "4s"}', cluster=stack.cluster)
    made.config.write_text(made.config.read_text().replace("[web]\n", '[web]\nstep_up = "2s"\n'))
    made.start()
    person = Person(made, "demo")
    person.passkey = copy.copy(demo.passkey)
    person.passkey.origin = made.public_url
    return made, person.enrol()


def raw(path, headers=()):
    """An answer with its headers, of a page that nobody signed in to."""
    context = ssl.create_default_context(cafile=stack.folder / "stepgate/tls/ca.crt")
    connection = http.client.HTTPSConnection("localhost", stack.web_port, context=context)
    connection.request("GET", path, headers=dict(headers))
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


class AttackCase(Case):
    def held(self, wire, sql="DELETE FROM scratch"):
        wire.send(query(sql))
        return self.assert_held(wire)

    def options(self, identity):
        return demo.call("POST", f"/challenges/{identity}/passkey/begin", {})["options"]

    def answer(self, identity, credential, who=None):
        return (who or demo).call("POST", f"/challenges/{identity}/passkey", {"credential": credential}, expect=None)

    def assert_still_pending(self, identity):
        self.assertIn(identity, {c["id"] for c in demo.pending()})


class Attacks(AttackCase):
    def test_phishing_the_passkey_signed_on_another_origin(self):
        with connect() as wire:
            identity = self.held(wire)
            elsewhere = copy.copy(demo.passkey)
            elsewhere.origin = "https://stepgate.evil.example"
            elsewhere.count += 100
            self.assertEqual(self.answer(identity, elsewhere.sign(self.options(identity)))[0], 400)
            self.assert_still_pending(identity)

    def test_phishing_the_code_in_the_terminal_is_the_one_on_the_page(self):
        with connect() as wire:
            wire.send(query("DELETE FROM scratch"))
            notice = wire.reply()[1]
            identity, code = re.search(r"/c/(\S+)", notice)[1], re.search(r"code (\S+)", notice)[1]
            self.assertEqual(demo.call("GET", f"/challenges/{identity}")["code"], code)

    def test_a_proof_for_one_text_is_none_for_another(self):
        with connect() as one, connect() as another:
            first, last = self.held(one, "DELETE FROM scratch"), self.held(another, "DELETE FROM orders")
            self.assert_proof_stays_with_its_question(first, last)

    def test_a_proof_for_some_values_is_none_for_others(self):
        def with_value(wire, value):
            wire.send(parse("", "DELETE FROM scratch WHERE true OR id::text = $1"), bind("", "", (value,)), execute(), SYNC)
            return self.assert_held(wire, after="1")
        with connect() as one, connect() as another:
            self.assert_proof_stays_with_its_question(with_value(one, "1"), with_value(another, "2"))

    def assert_proof_stays_with_its_question(self, first, last):
        asked, other = self.options(first), self.options(last)
        self.assertNotEqual(asked["challenge"], other["challenge"])
        proof = demo.passkey.sign(asked)
        self.assertEqual(self.answer(last, proof)[0], 400)
        renamed = copy.deepcopy(proof)
        client = json.loads(decode(renamed["response"]["clientDataJSON"]))
        renamed["response"]["clientDataJSON"] = encode(json.dumps({**client, "challenge": other["challenge"]}).encode())
        self.assertEqual(self.answer(last, renamed)[0], 400, "it says that it is for the other one")
        for identity in (first, last):
            self.assert_still_pending(identity)

    def test_a_passkey_answer_whose_flags_or_counter_are_made_up(self):
        with connect() as wire:
            identity = self.held(wire)
            for place, change in ((32, lambda flags: flags ^ demo.passkey.PRESENT), (36, lambda count: count ^ 0x80), (0, lambda rp: rp ^ 1)):
                credential = demo.passkey.sign(self.options(identity))
                data = bytearray(decode(credential["response"]["authenticatorData"]))
                data[place] = change(data[place])
                credential["response"]["authenticatorData"] = encode(bytes(data))
                self.assertEqual(self.answer(identity, credential)[0], 400, place)
            self.assert_still_pending(identity)

    def test_a_cloned_passkey_whose_counter_stands_still(self):
        with connect() as wire:
            clone = copy.copy(demo.passkey)
            demo.approve({"id": self.held(wire)})
            wire.until("Z")
            identity = self.held(wire)
            clone.count = demo.passkey.count - 1
            self.assertEqual(self.answer(identity, clone.sign(self.options(identity)))[0], 400)
            self.assert_still_pending(identity)

    def test_codes_are_good_once_and_not_from_another_time(self):
        second.enrol_app()
        used = second.code()
        self.assertEqual(self.signs_in(used), 200)
        self.assertNotEqual(self.signs_in(used), 200, "the same code again")
        for skew in (-300, 300):  # a clock that is wrong, or a code noted down
            now, second.last_step = time.time, 0
            try:
                time.time = lambda: now() + skew
                code = second.code()
            finally:
                time.time = now
            self.assertNotEqual(self.signs_in(code), 200, skew)

    def signs_in(self, code):
        """With the password and a code only: such a session changes no factors."""
        other = copy.copy(second)
        other.cookie = other.csrf = None
        status, _ = other.call("POST", "/session/totp", {"user": "second", "password": stack.second_password, "code": code}, expect=None)
        if status == 200:
            for path in ("/factors/passkey/begin", "/factors/totp/begin", "/factors/recovery-codes/begin"):
                refused = other.call("POST", path, {}, expect=None)
                self.assertEqual((refused[0], refused[1]["error"]["code"]), (403, "needs_strong_session"), path)
        return status

    def test_racing_tabs_have_one_outcome(self):
        for _ in range(6):
            before = rows("orders")
            with connect() as wire:
                identity = self.held(wire, "DELETE FROM orders WHERE ctid = (SELECT min(ctid) FROM orders) OR (SELECT false)")
                proof = demo.passkey.sign(self.options(identity))
                answers = {}
                tabs = [threading.Thread(target=lambda: answers.update(approve=self.answer(identity, proof)[0])),
                        threading.Thread(target=lambda: answers.update(again=self.answer(identity, proof)[0])),
                        threading.Thread(target=lambda: answers.update(
                            deny=demo.call("POST", f"/challenges/{identity}/deny", {}, expect=None)[0]))]
                for tab in tabs:
                    tab.start()
                for tab in tabs:
                    tab.join()
                ran = not [text for kind, text in wire.until("Z") if kind == "E"]
                self.assertEqual(ran, answers["deny"] != 200, answers)
                self.assertLessEqual([answers["approve"], answers["again"]].count(200), 1, answers)
                late = self.answer(identity, proof)[0], demo.call("POST", f"/challenges/{identity}/deny", {}, expect=None)[0]
                self.assertNotIn(200, late)
            self.assertEqual(rows("orders"), before - 1 if ran else before)

    def test_pages_are_neither_framed_nor_run_scripts_of_others(self):
        for path in ("/", "/api/v1/session"):
            answer = raw(path)
            policy = answer.getheader("Content-Security-Policy")
            self.assertIn("frame-ancestors 'none'", policy, path)
            self.assertEqual(answer.getheader("X-Content-Type-Options"), "nosniff")
            self.assertEqual(answer.getheader("Referrer-Policy"), "no-referrer")
        self.assertIn("default-src 'none'", policy)
        page = raw("/").getheader("Content-Security-Policy")
        self.assertNotIn("unsafe", page)
        self.assertNotIn("http:", page)

    def test_a_cookie_is_of_no_use_to_scripts_other_sites_or_after_sign_out(self):
        begun = demo.call("POST", "/session/passkey/begin", {"user": "demo"})
        context = ssl.create_default_context(cafile=stack.folder / "stepgate/tls/ca.crt")
        cookies = []
        connect_before = demo.connect

        def watched():
            connection = http.client.HTTPSConnection("localhost", stack.web_port, context=context)
            answer = connection.getresponse

            def getresponse():
                got = answer()
                cookies.append(got.getheader("Set-Cookie"))
                return got
            connection.getresponse = getresponse
            return connection
        demo.connect = watched
        try:
            demo.call("POST", "/session/passkey/finish", {"ceremony": begun["ceremony"], "credential": demo.passkey.sign(begun["options"])})
        finally:
            demo.connect = connect_before
        for attribute in ("__Host-", "Secure", "HttpOnly", "SameSite=Strict", "Path=/"):
            self.assertIn(attribute, cookies[-1])
        stolen = copy.copy(demo)
        begun = demo.call("POST", "/session/passkey/begin", {"user": "demo"})
        demo.call("POST", "/session/passkey/finish", {"ceremony": begun["ceremony"], "credential": demo.passkey.sign(begun["options"])})
        leaving, cookie = copy.copy(demo), demo.cookie
        self.sign_in_again()
        leaving.call("DELETE", "/session")
        leaving.cookie = cookie
        self.assertEqual(leaving.call("GET", "/challenges", expect=None)[0], 401)
        self.assertEqual(stolen.call("GET", "/challenges", expect=None)[0], 401, "a new sign-in ends the session before")

    def sign_in_again(self):
        demo.cookie = demo.csrf = None
        begun = demo.call("POST", "/session/passkey/begin", {"user": "demo"})
        demo.call("POST", "/session/passkey/finish", {"ceremony": begun["ceremony"], "credential": demo.passkey.sign(begun["options"])})

    def push(self, identity, token, number, who=None):
        return (who or second).call("POST", f"/challenges/{identity}/push", {"token": token, "number": number}, expect=None)[0]

    def pushed(self, wire, phone):
        """A held statement of second's: its challenge, the number in the terminal, and the token on the phone."""
        seen = len(phone.messages)
        wire.send(query("INSERT INTO ledger DEFAULT VALUES"))
        notice = wire.reply()[1]
        identity, token = phone.question(seen + 1)
        self.assertEqual(re.search(r"/c/(\S+)", notice)[1], identity)
        return identity, re.search(r"number (\d\d)\b", notice)[1], token

    def assert_second_pending(self, identity):
        self.assertIn(identity, {c["id"] for c in second.pending()})

    def test_push_tokens_are_good_once_for_one_challenge_and_one_user(self):
        phone, other_phone = service.enrol(second), service.enrol(demo)
        before = rows("ledger")
        with connect_second() as wire, connect_second() as other:
            identity, number, token = self.pushed(wire, phone)
            elsewhere, other_number, other_token = self.pushed(other, phone)
            with self.subTest("another challenge's token"):
                self.assertEqual(self.push(identity, other_token, number), 400)
                self.assertEqual(self.push(identity, other_token, other_number), 400)
            with self.subTest("another user's token"):
                with connect() as demos:
                    demos.send(query("INSERT INTO ledger DEFAULT VALUES"))
                    foreign, foreign_token = other_phone.question(1)
                    self.assertEqual(self.push(identity, foreign_token, number), 400)
                    self.assertEqual(self.push(foreign, foreign_token, number), 404)
                    self.assertEqual(self.push(identity, token, number, demo), 404)
            with self.subTest("no token, or a made-up one"):
                self.assertEqual(self.push(identity, "", number), 400)
                self.assertEqual(self.push(identity, "A" * 43, number), 400)
            self.assert_second_pending(identity)
            with self.subTest("a wrong number, and then the right one"):
                numbers = second.call("POST", f"/challenges/{elsewhere}/push/open", {"token": other_token})["numbers"]
                self.assertEqual(self.push(elsewhere, other_token, next(n for n in numbers if n != other_number)), 400)
                self.assertEqual(self.push(elsewhere, other_token, other_number), 400)
                self.assert_second_pending(elsewhere)
            with self.subTest("a replay"):
                self.assertEqual(self.push(identity, token, number), 200)
                wire.until("Z")
                self.assertEqual(self.push(identity, token, number), 409)
                again, number, _ = self.pushed(wire, phone)
                self.assertEqual(self.push(again, token, number), 400)
                self.assert_second_pending(again)
        self.assertEqual(rows("ledger"), before + 1)
        for person in (demo, second):
            for factor in person.call("GET", "/factors")["factors"]:
                if factor["kind"] == "push":
                    person.call("DELETE", f"/factors/{factor['id']}")

    def test_identities_are_not_found_out(self):
        with connect() as wire:
            identity = self.held(wire)
            for path in ("", "/passkey/begin", "/deny"):
                method = "POST" if path else "GET"
                body = {} if path else None
                foreign = second.call(method, f"/challenges/{identity}{path}", body, expect=None)
                unknown = second.call(method, f"/challenges/AAAAAAAAAAAAAAAAAAAAAA{path}", body, expect=None)
                self.assertEqual((foreign[0], foreign), (404, unknown), path)
        asked = [demo.call("POST", "/session/passkey/begin", {"user": user}) for user in ("demo", "nobody-at-all")]
        shapes = [{key: (type(value), key == "allowCredentials" and len(value)) for key, value in answer["options"].items()} for answer in asked]
        self.assertEqual(shapes[0], shapes[1])


class Elsewhere(AttackCase):
    """With another installation in front of the same server."""

    @classmethod
    def setUpClass(cls):
        cls.there, cls.person = another_installation()
        cls.addClassCleanup(cls.there.close)

    def test_a_proof_replayed_on_another_server(self):
        """The same person with the same passkey, at another stepgate in front of the same database."""
        with connect() as wire, Wire(self.there.port, "demo", self.there.password) as other:
            here = self.held(wire)
            elsewhere = self.held(other)
            proof = demo.passkey.sign(self.options(here))
            self.assertEqual(self.answer(elsewhere, proof, self.person)[0], 400)
            self.assertEqual(self.answer(elsewhere, self.person.passkey.sign(self.options(here)), self.person)[0], 400, "with the other's origin")
            self.assertEqual(self.answer(here, proof, self.person)[0], 404)
            self.assertEqual([c["id"] for c in self.person.pending()], [elsewhere])
            self.person.approve({"id": elsewhere})  # the same passkey is good there
            other.until("Z")

    def test_an_approval_after_expiry_releases_nothing(self):
        before = rows("orders")
        with Wire(self.there.port, "demo", self.there.password) as wire:
            wire.ask("BEGIN")
            identity = self.held(wire, "DELETE FROM orders")
            begun = self.person.call("POST", f"/challenges/{identity}/passkey/begin", {})
            proof = self.person.passkey.sign(begun["options"])
            self.assertIn("not approved in 4 s", str(wire.until("Z")))
            for path, body in (("passkey", {"credential": proof}), ("passkey/begin", {}), ("deny", {})):
                self.assertEqual(self.person.call("POST", f"/challenges/{identity}/{path}", body, expect=None)[0], 410, path)
            wire.ask("COMMIT")
        self.assertEqual(rows("orders"), before)

    def test_a_stolen_cookie_changes_no_factors_and_makes_no_tokens(self):
        """A cookie that was stolen, or a browser left open, changes nothing that decides who may approve."""
        thief = copy.copy(self.person)
        factors = thief.call("GET", "/factors")["factors"]

        def refused():
            status, answer = thief.call("POST", "/factors/totp/begin", {}, expect=None)
            return status == 403 and answer["error"]["code"] == "needs_step_up"
        wait_for(refused, "the sign-in to be a while ago", every=0.2)
        for method, path, body in (("POST", "/factors/passkey/begin", {}), ("POST", "/factors/recovery-codes/begin", {}),
                                   ("POST", "/factors/pin", {"pin": "314159 apples"}), ("DELETE", f"/factors/{factors[0]['id']}", None),
                                   ("POST", "/api-tokens", {"name": "mine", "scopes": ["challenges:write"]})):
            status, answer = thief.call(method, path, body, expect=None)
            self.assertEqual((status, answer["error"]["code"]), (403, "needs_step_up"), path)
        self.assertEqual(thief.call("GET", "/factors")["factors"], factors)

        def again():
            self.person.sign_in()
            return self.person.call("POST", "/factors/totp/begin", {}, expect=None)[0] == 200
        wait_for(again, "its owner to be asked", every=0.2)
        self.assertEqual(thief.call("POST", "/factors/totp/begin", {}, expect=None)[1]["error"]["code"], "needs_step_up", "the thief's stays old")

    def test_a_second_node_on_the_same_store_does_not_start(self):
        """Two nodes on one store would each count proofs and executions: the second one does not start."""
        twin = self.there.home / "twin.toml"
        text = self.there.config.read_text()
        for port in (self.there.port, self.there.web_port, self.there.admin_port):
            text = text.replace(f":{port}\"", f":{free_port()}\"")
        twin.write_text(text)
        def refused(why):
            done = subprocess.run([BINARY, "serve", "--config", twin], capture_output=True, text=True, timeout=PATIENCE)
            self.assertEqual(done.returncode, 1)
            self.assertIn(why, done.stderr)
        refused("is written by another stepgate")
        (self.there.home / "audit/lock").unlink()  # by somebody who thinks that it was left behind
        refused("is written by another stepgate")
        twin.write_text(twin.read_text().replace('directory = "audit"', 'directory = "twins-audit"'))
        refused("another stepgate serves from the store")


class Lines(unittest.TestCase):
    def test_each_line_of_the_list_has_its_test(self):
        here = pathlib.Path(__file__).parent
        for line, places in LINES.items():
            for place in places.split():
                module, name = place.split(".")
                with self.subTest(line, test=name):
                    self.assertIn(f"    def test_{name}(self", (here / f"test_{module}.py").read_text())


if __name__ == "__main__":
    unittest.main()
