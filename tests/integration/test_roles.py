"""Who may call what: every route of openapi.yaml with every role, against the running server. A route without a line here fails the test."""
import re
import unittest

from harness import ROOT, Person, Program, Stack, wait_for

ROLES = ("none", "enrolling", "engineer", "approver", "auditor", "admin")
ANYONE = ROLES
ENROLLING = ROLES[1:]
SIGNED_IN = ROLES[2:]
EXPECTED = {
    "GET /session": ENROLLING,
    "DELETE /session": ENROLLING,
    "POST /session/passkey/begin": ANYONE,
    "POST /session/passkey/finish": ANYONE,
    "POST /session/totp": ANYONE,
    "POST /session/recovery-code": ANYONE,
    "GET /identity-providers": ANYONE,
    "POST /session/identity-provider/begin": ANYONE,
    "POST /session/identity-provider/finish": ANYONE,
    "POST /session/enrolment": ANYONE,
    "GET /factors": ENROLLING,
    "POST /factors/passkey/begin": ENROLLING,
    "POST /factors/passkey/finish": ENROLLING,
    "POST /factors/totp/begin": ENROLLING,
    "POST /factors/totp/finish": ENROLLING,
    "POST /factors/recovery-codes/begin": SIGNED_IN,
    "POST /factors/recovery-codes/finish": SIGNED_IN,
    "POST /factors/pin": SIGNED_IN,
    "GET /factors/push": SIGNED_IN,
    "POST /factors/push/begin": SIGNED_IN,
    "POST /factors/push/finish": SIGNED_IN,
    "DELETE /factors/{id}": SIGNED_IN,
    "GET /challenges": SIGNED_IN,
    "GET /challenges/{id}": SIGNED_IN,
    "POST /challenges/{id}/passkey/begin": SIGNED_IN,
    "POST /challenges/{id}/passkey": SIGNED_IN,
    "POST /challenges/{id}/totp": SIGNED_IN,
    "POST /challenges/{id}/pin": SIGNED_IN,
    "POST /challenges/{id}/recovery-code": SIGNED_IN,
    "POST /challenges/{id}/email-code/begin": SIGNED_IN,
    "GET /challenges/{id}/email-code": SIGNED_IN,
    "POST /challenges/{id}/email-code": SIGNED_IN,
    "POST /challenges/{id}/push/begin": SIGNED_IN,
    "POST /challenges/{id}/push/open": SIGNED_IN,
    "POST /challenges/{id}/push": SIGNED_IN,
    "POST /challenges/{id}/identity-provider/begin": SIGNED_IN,
    "POST /challenges/{id}/identity-provider": SIGNED_IN,
    "POST /challenges/{id}/deny": SIGNED_IN,
    "POST /challenges/{id}/withdraw": SIGNED_IN,
    "POST /challenges/{id}/reason": SIGNED_IN,
    "GET /history": SIGNED_IN,
    "GET /policy": ("auditor", "admin"),
    "GET /elevations": SIGNED_IN,
    "DELETE /elevations/{id}": SIGNED_IN,
    "GET /web-sessions": SIGNED_IN,
    "DELETE /web-sessions": SIGNED_IN,
    "DELETE /web-sessions/{id}": SIGNED_IN,
    "GET /database-sessions": SIGNED_IN,
    "DELETE /database-sessions/{id}": SIGNED_IN,
    "GET /database-passwords": SIGNED_IN,
    "POST /database-passwords": SIGNED_IN,
    "DELETE /database-passwords/{id}": SIGNED_IN,
    "GET /api-tokens": SIGNED_IN,
    "POST /api-tokens": SIGNED_IN,
    "DELETE /api-tokens/{id}": SIGNED_IN,
    "GET /events": SIGNED_IN,
    "GET /users": ("admin",),
    "POST /users": ("admin",),
    "POST /users/{name}/groups": ("admin",),
    "POST /users/{name}/disable": ("admin",),
    "POST /users/{name}/enable": ("admin",),
    "POST /users/{name}/enrolment": ("admin",),
    "GET /audit/records": ("auditor",),
    "GET /audit/records/{sequence}": ("auditor",),
    "GET /audit/status": ("auditor",),
}
SCOPES = {  # what a token needs; no other route takes one
    "GET /challenges": "challenges:read",
    "GET /challenges/{id}": "challenges:read",
    "GET /history": "challenges:read",
    "GET /events": "challenges:read",
    "POST /challenges/{id}/deny": "challenges:write",
    "POST /challenges/{id}/withdraw": "challenges:write",
    "POST /challenges/{id}/reason": "challenges:write",
    "GET /elevations": "sessions:read",
    "DELETE /elevations/{id}": "sessions:end",
    "GET /database-sessions": "sessions:read",
    "DELETE /database-sessions/{id}": "sessions:end",
    "GET /users": "users:read",
    "POST /users/{name}/disable": "users:disable",
    "GET /policy": "policy:read",
    "GET /audit/records": "audit:read",
    "GET /audit/records/{sequence}": "audit:read",
    "GET /audit/status": "audit:read",
}
NO_TOKENS = {"not_for_tokens", "needs_scope", "needs_role"}
REFUSALS = {"not_signed_in", "enrolment_only", "needs_role"}


def documented():
    """"GET /session" for each operation of openapi.yaml, found by its indentation."""
    found, path, inside = [], "", False
    for line in (ROOT / "challenge-web/api/openapi.yaml").read_text().splitlines():
        if line and not line.startswith(" "):
            inside = line == "paths:"
        if not inside:
            continue
        if match := re.fullmatch(r"  (/\S*):", line):
            path = match.group(1)
        elif match := re.fullmatch(r"    (get|post|delete|put|patch):", line):
            found.append(f"{match.group(1).upper()} {path}")
    return found


class Roles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack()
        cls.addClassCleanup(cls.stack.close)
        for name, flags in (("enrolling", ()), ("engineer", ()), ("approver", ("--group", "approvers")), ("auditor", ("--auditor",)),
                            ("admin", ("--admin",))):
            cls.stack.run("user", "add", name, "--generate-password", *flags)
        cls.stack.start()
        cls.people = {"none": Person(cls.stack, "nobody"), "enrolling": Person(cls.stack, "enrolling").redeem(),
                      **{name: cls.stack.person(name) for name in ROLES[2:]}}

    def test_every_route_has_an_expectation(self):
        self.assertEqual(sorted(documented()), sorted(EXPECTED))

    def call(self, role, route):
        return self.call_as(self.people[role], route, EXPECTED[route] is ANYONE)

    def call_as(self, who, route, limited_is_an_answer=False):
        """The code of an error, or "" for an answer."""
        method, path = route.split()
        path = re.sub(r"\{sequence\}", "1", path)
        path = re.sub(r"\{\w+\}", "unknown", path)

        def once():
            status, answer = who.call(method, path, {} if method == "POST" else None, expect=None)
            limited = status == 429 and answer["error"]["code"] == "rate_limited"
            return None if limited and not limited_is_an_answer else (status, answer)
        status, answer = wait_for(once, f"{route} for {who.name}", every=0.5)
        return answer["error"]["code"] if status >= 400 else ""

    def test_each_role_may_do_what_it_needs_and_no_more(self):
        everywhere, here = "DELETE /web-sessions", "DELETE /session"  # they end what the others need
        for role in ROLES:
            self.check(role, everywhere)
            if role in SIGNED_IN:
                self.people[role].sign_in()
        for role in ROLES:
            for route in [route for route in documented() if route not in (everywhere, here)] + [here]:
                if route == "GET /events" and role in EXPECTED[route]:
                    continue  # an answer that never ends: tests/unit/web/server_test.cpp
                self.check(role, route)

    def program(self, user, *scopes):
        made = self.stack.run("token", "add", user, "--name", "test", *(part for scope in scopes for part in ("--scope", scope)))
        return Program(self.stack, made.splitlines()[-1])

    def test_each_scope_of_a_token_opens_its_routes_and_no_other(self):
        self.stack.run("user", "add", "everything", "--generate-password", "--auditor", "--admin")
        every_scope = sorted(set(SCOPES.values()))
        everything = self.program("everything", *every_scope)
        for route in documented():
            if route != "GET /events":  # test_agents.py reads it
                with self.subTest(route=route):
                    code = self.call_as(everything, route)
                    self.assertEqual(code == "not_for_tokens", route not in SCOPES, code)
                    self.assertNotIn(code, NO_TOKENS - {"not_for_tokens"})
        for scope in every_scope:
            one = self.program("everything", scope)
            for route, needed in SCOPES.items():
                if route != "GET /events" or needed != scope:
                    with self.subTest(scope=scope, route=route):
                        self.assertEqual(self.call_as(one, route) == "needs_scope", needed != scope)

    def test_a_token_has_no_more_than_its_users_roles(self):
        self.stack.run("token", "add", "engineer", "--name", "test", "--scope", "audit:read", expect=2)
        self.assertEqual(self.people["engineer"].call("POST", "/api-tokens", {"name": "a", "scopes": ["users:read"]}, expect=None)[1]["error"]["code"],
                         "needs_role")
        listed = self.people["engineer"].call("GET", "/api-tokens")["scopes"]
        self.assertEqual(listed, ["challenges:read", "challenges:write", "sessions:read", "sessions:end"])

    def check(self, role, route):
        with self.subTest(role=role, route=route):
            code = self.call(role, route)
            self.assertEqual(code not in REFUSALS, role in EXPECTED[route], code)

    def test_an_admin_makes_a_user_who_enrols_and_an_approval_group_counts_at_once(self):
        boss = Person(self.stack, "admin")
        boss.passkey = self.people["admin"].passkey
        boss.sign_in()
        boss.call("POST", "/users", {"name": "newcomer", "groups": []})
        link = boss.call("POST", "/users/newcomer/enrolment", {})["link"]
        newcomer = Person(self.stack, "newcomer")
        newcomer.call("POST", "/session/enrolment", {"token": link.split("#")[1]})
        begun = newcomer.call("POST", "/factors/passkey/begin", {})
        newcomer.call("POST", "/factors/passkey/finish", {"ceremony": begun["ceremony"], "name": "test",
                                                          "credential": newcomer.passkey.register(begun["options"])})
        boss.call("POST", "/users/newcomer/groups", {"groups": ["approvers"]})
        self.assertEqual(newcomer.call("GET", "/session")["groups"], ["approvers"])
        self.assertEqual(boss.call("POST", "/users/admin/groups", {"groups": ["approvers"]}, expect=None)[0], 403)
        boss.call("POST", "/users/newcomer/disable", {})
        self.assertEqual(newcomer.call("GET", "/session", expect=None)[0], 401)
        asked = [(r["details"]["change"], r["details"]["by"]) for r in self.stack.audit("--type", "user_changed", "--user", "newcomer")]
        self.assertEqual(asked, [(change, "admin") for change in ("added", "enrolment link", "groups changed", "disabled")])


if __name__ == "__main__":
    unittest.main()
