"""What people see of themselves and others on the web, and take back: elevations, browser sessions, database sessions, passwords.

Each was seen failing with its protection taken out: every reason for which an elevation ends (sign-out here, of another browser and everywhere; a factor added
and removed; another password; a disabled user; a new policy; a new address); what signing out everywhere takes (streams, tokens, database passwords);
the lockout, and that the listener counts; the end of a short-lived password.
"""
import contextlib
import os
import signal
import sqlite3
import subprocess
import unittest
import urllib.parse

from harness import DRAIN, PATIENCE, SITE_POLICY, Person, Program, Stack, wait_for
from wire import Wire, query

RULES = SITE_POLICY + """
[[rule]]
id = "comment-once"
when = {statement = ["comment"]}
then = {challenge = {level = 1, elevation = {for = "10m", scope = "user_address"}}}
because = "Once in ten minutes"
"""
COMMENT = "COMMENT ON TABLE payments IS 'x'"


def setUpModule():
    global stack, demo, ann, boss
    stack = Stack(policy=RULES)
    unittest.addModuleCleanup(stack.close)
    passwords["demo"] = stack.password
    for name, flags in (("ann", ()), ("boss", ("--admin",))):
        out = stack.run("user", "add", name, "--generate-password", *flags)
        passwords[name] = out.split("password: ")[1].split()[0]
    stack.start()
    demo, ann, boss = map(stack.person, ("demo", "ann", "boss"))


passwords = {}


def another_browser():
    """Of demo's; not signed in."""
    other = Person(stack, "demo")
    other.passkey = demo.passkey
    return other


def connect(person, address="127.0.0.1", password=None):
    wire = Wire(stack.port, address=address)
    wire.login(person.name, password or passwords[person.name], "shop", {})
    return wire


class Elevation(unittest.TestCase):
    """An elevation passes what is asked again until somebody or something ends it."""

    def setUp(self):
        self.wire = connect(demo)
        self.addCleanup(self.wire.socket.close)

    def held(self):
        """Is the statement held now? Then it is given up."""
        self.wire.send(query(COMMENT))
        for kind, text in iter(self.wire.reply, None):
            if "STATEMENT HELD" in text:
                demo.deny(demo.wait_pending())
                self.wire.until("Z")
                return True
            if kind == "Z":
                return False

    def elevate(self):
        if self.mine():
            demo.call("DELETE", f"/elevations/{self.mine()[0]['id']}")
        self.wire.send(query(COMMENT))
        demo.approve(demo.wait_pending())
        self.wire.until("Z")
        self.assertFalse(self.held(), "the second time it passes")
        return self.mine()[0]

    def mine(self):
        return [one for one in demo.call("GET", "/elevations")["elevations"] if one["user"] == "demo"]

    def assert_ended(self, reason):
        self.assertEqual(self.mine(), [])
        self.assertTrue(self.held())
        ended = [r for r in stack.audit("--type", "elevation_ended")][-1]
        self.assertEqual((ended["user"], ended["details"]["reason"]), ("demo", reason), ended)

    def test_it_is_listed_and_its_user_ends_it(self):
        one = self.elevate()
        self.assertEqual((one["scope"], one["database"], one["rules"], one["client_address"]),
                         ("user_address", "shop", ["comment-once"], "127.0.0.1"))
        self.assertEqual(ann.call("GET", "/elevations")["elevations"], [])
        self.assertEqual(ann.call("DELETE", f"/elevations/{one['id']}", expect=None)[0], 404)
        self.assertFalse(self.held(), "somebody else cannot end it")
        demo.call("DELETE", f"/elevations/{one['id']}")
        self.assertEqual(demo.call("DELETE", f"/elevations/{one['id']}", expect=None)[0], 404)
        self.assert_ended("revoked")
        started = [r for r in stack.audit("--type", "elevation_started") if r["challenge"] == one["id"]]
        self.assertEqual([(r["details"]["seconds"], r["details"]["scope"]) for r in started], [(600, "user_address")])

    def test_an_admin_ends_it(self):
        one = self.elevate()
        self.assertIn(one["id"], [other["id"] for other in boss.call("GET", "/elevations")["elevations"]])
        boss.call("DELETE", f"/elevations/{one['id']}")
        self.assert_ended("revoked")
        self.assertEqual(stack.audit("--type", "elevation_ended")[-1]["details"]["by"], "boss")

    def test_signing_out_ends_it(self):
        self.elevate()
        demo.call("DELETE", "/session")
        demo.sign_in()
        self.assert_ended("signed out")

    def test_signing_out_everywhere_or_another_browser_ends_it(self):
        self.elevate()
        demo.call("DELETE", "/web-sessions")
        demo.sign_in()
        self.assert_ended("signed out everywhere")
        self.elevate()
        another_browser().sign_in()
        other = next(one for one in demo.call("GET", "/web-sessions")["sessions"] if not one["current"])
        demo.call("DELETE", f"/web-sessions/{other['id']}")
        self.assert_ended("signed out")

    def test_another_password_ends_it(self):
        """No command changes passwords: somebody with the store's file does."""
        self.elevate()
        with contextlib.closing(sqlite3.connect(next(stack.home.glob("*.db")))) as store:
            def change(verifier):
                with store:
                    store.execute("UPDATE users SET scram_verifier = ? WHERE name = 'demo'", (verifier,))
            (old,), = store.execute("SELECT scram_verifier FROM users WHERE name = 'demo'")
            change("another")
            try:
                wait_for(lambda: not self.mine(), "the change to be seen", every=0.1)
            finally:
                change(old)
                wait_for(self.login, "the old one to be good again").socket.close()
        self.assert_ended("user password changed")

    def test_a_factor_more_or_less_ends_it(self):
        self.elevate()
        demo.enrol_app()
        self.assert_ended("a factor was added")
        self.elevate()
        app = next(factor for factor in demo.call("GET", "/factors")["factors"] if factor["kind"] == "totp")
        demo.call("DELETE", f"/factors/{app['id']}")
        self.assert_ended("a factor was removed")
        self.elevate()
        demo.call("POST", "/factors/pin", {"pin": "correct horse"})
        self.assert_ended("a factor was added")
        self.elevate()
        demo.call("POST", "/factors/pin", {"pin": "battery staple"})
        self.assert_ended("a factor was added")

    def test_a_new_policy_ends_it(self):
        self.elevate()
        with (stack.home / "site.toml").open("a") as file:
            file.write("# changed\n[[rule]]\nid = 'more'\nwhen = {statement = ['vacuum']}\nthen = 'deny'\n")
        stack.process.send_signal(signal.SIGHUP)
        wait_for(lambda: not self.mine(), "the new policy")
        self.assert_ended("the policy has changed")

    def test_disabling_the_user_ends_it(self):
        self.elevate()
        stack.run("user", "disable", "demo")
        wait_for(lambda: not boss.call("GET", "/elevations")["elevations"], "its end")
        stack.run("user", "disable", "demo", "--undo")
        demo.sign_in()
        self.wire.socket.close()
        self.wire = wait_for(self.login, "the user to be enabled")
        self.assert_ended("user disabled")

    def login(self):
        try:
            return connect(demo)
        except PermissionError:
            return None

    def test_a_login_from_another_address_ends_it(self):
        self.elevate()
        connect(ann, "127.0.0.2").socket.close()
        self.assertFalse(self.held(), "another user's login does not matter")
        connect(demo, "127.0.0.2").socket.close()
        self.assert_ended("a session from another address")


class Sessions(unittest.TestCase):
    def browsers(self, person):
        return person.call("GET", "/web-sessions")["sessions"]

    def another(self):
        other = another_browser()
        other.sign_in()
        return other

    def test_a_browser_is_signed_out_from_another_one(self):
        other = self.another()
        here = next(one for one in self.browsers(other) if one["current"])
        self.assertIn(here["id"], [one["id"] for one in self.browsers(demo)])
        self.assertEqual(ann.call("DELETE", f"/web-sessions/{here['id']}", expect=None)[0], 404)
        demo.call("DELETE", f"/web-sessions/{here['id']}")
        self.assertEqual(other.call("GET", "/session", expect=None)[0], 401)
        self.assertEqual(demo.call("GET", "/session")["user"], "demo")

    def test_signing_out_everywhere(self):
        other = self.another()
        program = Program(stack, demo.call("POST", "/api-tokens", {"name": "job", "scopes": ["challenges:read"]})["token"])
        events = program.events()
        self.assertIsNone(next(events))
        demo.call("DELETE", "/web-sessions")
        self.assertEqual(list(events), [], "the stream ends")
        self.assertEqual(program.call("GET", "/challenges", expect=None)[0], 401)
        for person in (demo, other):
            self.assertEqual(person.call("GET", "/session", expect=None)[0], 401)
        self.assertEqual(ann.call("GET", "/session")["user"], "ann")
        demo.sign_in()
        self.assertEqual(len(self.browsers(demo)), 1)

    def session_of(self, person, viewer=None):
        return next(one for one in (viewer or person).call("GET", "/database-sessions")["sessions"] if one["user"] == person.name)

    def test_a_database_session_is_seen_and_ended_by_its_user(self):
        with connect(ann) as wire:
            one = self.session_of(ann)
            self.assertEqual((one["database"], one["dialect"], one["client_address"], one["held"]), ("shop", "postgres", "127.0.0.1", None))
            with connect(boss) as other:
                self.assertEqual(ann.call("DELETE", f"/database-sessions/{self.session_of(boss)['id']}", expect=None)[0], 404)
                self.assertEqual(other.ask("SELECT 1")[1], ("D", "1"), "somebody else cannot end it")
            ann.call("DELETE", f"/database-sessions/{one['id']}")
            self.assertEqual(wire.reply(), ("E", "57P01 terminating connection: ann ended this session on stepgate's page"))
            self.assertEqual(wire.reply()[0], "closed")
        wait_for(lambda: not ann.call("GET", "/database-sessions")["sessions"], "the end")
        asked = stack.audit("--type", "session_end_asked")[-1]
        self.assertEqual((asked["user"], asked["session"], asked["details"]["by"]), ("ann", one["id"], "ann"))
        ended = stack.audit("--type", "session_end", "--session", one["id"])[-1]
        self.assertIn("ann ended this session", ended["details"]["reason"])

    def test_an_admin_ends_a_session_that_holds(self):
        with connect(ann) as wire:
            wire.send(query("DELETE FROM orders"))
            challenge = ann.wait_pending()
            one = self.session_of(ann, boss)
            self.assertEqual(one["held"], challenge["code"])
            boss.call("DELETE", f"/database-sessions/{one['id']}")
            self.assertIn("57P01 terminating connection: boss ended", dict(wire.until("E"))["E"])
        # The goodbye is said first: the challenge ends a moment later.
        reason = wait_for(lambda: ann.call("GET", f"/challenges/{challenge['id']}")["close_reason"], "the end of the challenge")
        self.assertEqual(reason, "the session was ended on a page")
        self.assertNotEqual(stack.cluster.shop("SELECT count(*) FROM orders"), "0")

    def test_what_runs_is_cancelled_at_the_server(self):
        with connect(ann) as wire:
            wire.send(query("SELECT count(*) FROM generate_series(1, 1000000000000)"))
            running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%1000000000000)' AND state = 'active'"
            wait_for(lambda: stack.cluster.admin(running) == "1", "the statement to run")
            ann.call("DELETE", f"/database-sessions/{self.session_of(ann)['id']}")
            self.assertIn("E", dict(wire.until("E")))
        wait_for(lambda: stack.cluster.admin(running) == "0", "its end at the server")


class Connect(unittest.TestCase):
    def login(self, password):
        with Wire(stack.port, "demo", password) as wire:
            return wire.ask("SELECT 1")[1]

    def make(self):
        return demo.call("POST", "/database-passwords", {})

    def test_it_opens_the_listener_until_it_is_revoked(self):
        one, other = self.make(), self.make()
        self.assertEqual(self.login(one["password"]), ("D", "1"))
        self.assertEqual(self.login(other["password"]), ("D", "1"))
        self.assertEqual(self.login(stack.password), ("D", "1"))
        demo.call("DELETE", f"/database-passwords/{one['id']}")
        with self.assertRaisesRegex(PermissionError, "^28P01 "):
            self.login(one["password"])
        self.assertEqual(self.login(other["password"]), ("D", "1"))
        with self.assertRaises(PermissionError):
            Wire(stack.port, "ann", other["password"])  # is demo's
        demo.call("DELETE", "/web-sessions")
        demo.sign_in()
        with self.assertRaisesRegex(PermissionError, "^28P01 "):
            self.login(other["password"])
        kinds = [r["type"] for r in stack.audit() if r["details"].get("credential") == one["id"]]
        self.assertEqual(kinds, ["database_password_issued", "database_password_revoked"])

    def test_the_line_of_the_page_works(self):
        made = self.make()
        self.addCleanup(demo.call, "DELETE", f"/database-passwords/{made['id']}")
        odd = """-my "d'b" $(x) \\ ö"""
        stack.cluster.admin("CREATE DATABASE \"" + odd.replace('"', '""') + "\" OWNER app")
        for database in ("shop", odd):
            target, = demo.call("GET", "/database-passwords?" + urllib.parse.urlencode({"database": database}))["targets"]
            done = subprocess.run(["sh", "-c", target["command"] + " -XAtc 'SELECT current_database()'"],
                                  env={**os.environ, "PGPASSWORD": made["password"]}, capture_output=True, text=True, timeout=PATIENCE)
            self.assertEqual(done.stdout.strip(), database, done.stderr)
        target, = demo.call("GET", "/database-passwords")["targets"]
        self.assertIn("dbname=DATABASE", target["command"])


class Guessing(unittest.TestCase):
    """Wrong passwords at the listener and on the web count together, for a user from an address."""

    def wrong(self, password="wrong", address="127.0.0.3"):
        with self.assertRaises(PermissionError) as refused:
            connect(boss, address, password)
        return str(refused.exception)

    def test_it_gets_slower_and_slower(self):
        def locked():
            for _ in range(5):
                self.assertRegex(self.wrong(), "^28P01 ")
            try:
                connect(boss, "127.0.0.3").socket.close()  # too late: the machine is slow
            except PermissionError as error:
                return str(error)
        self.assertRegex(wait_for(locked, "a lockout", every=0), r"^28P01 too many failed logins for user \"boss\" or from this address: wait \d+ s")
        connect(boss, "127.0.0.4").socket.close()  # from elsewhere

        def again():
            try:
                connect(boss, "127.0.0.3").socket.close()
                return True
            except PermissionError:
                return False
        wait_for(again, "the end of the wait", every=0.2)
        self.assertIn("password authentication failed", self.wrong())  # who got in starts anew
        reasons = [r["details"]["reason"] for r in stack.audit("--type", "login_failed", "--user", "boss")]
        self.assertTrue(any("locked out" in reason for reason in reasons), reasons)


    def test_the_web_counts_what_was_wrong_at_the_listener(self):
        web = Person(stack, "ann")
        web.source = ("127.0.0.5", 0)

        def refused():
            for _ in range(5):
                with self.assertRaises(PermissionError):
                    connect(ann, "127.0.0.5", "wrong")
            answer = web.call("POST", "/session/totp", {"user": "ann", "password": passwords["ann"], "code": "123456"}, expect=None)[1]
            return answer["error"]["code"] == "locked_out"
        wait_for(refused, "a lockout", every=0)  # the machine may be slow


class ShortLived(unittest.TestCase):
    """With `passwords = {long_lived = false}` nothing but a password of the Connect page opens a listener, and that one ends by itself."""

    def test_only_short_lived_ones_open_the_listener(self):
        other = Stack(policy=RULES, cluster=stack.cluster, extra=DRAIN + '[passwords]\nlong_lived = false\nlifetime = "3s"\n')
        self.addCleanup(other.close)
        other.start()
        person = other.person()
        with self.assertRaisesRegex(PermissionError, "^28P01 "):
            Wire(other.port, "demo", other.password)
        made = person.call("POST", "/database-passwords", {})
        wire = Wire(other.port, "demo", made["password"])
        self.addCleanup(wire.socket.close)

        def refused():
            try:
                Wire(other.port, "demo", made["password"]).socket.close()
            except PermissionError as error:
                return str(error).startswith("28P01 ")
        wait_for(refused, "the password's end", every=0.2)
        self.assertEqual(wire.ask("SELECT 1")[1], ("D", "1"), "the session that was open stays")
        self.assertEqual(person.call("GET", "/database-passwords")["passwords"], [])


if __name__ == "__main__":
    unittest.main()
