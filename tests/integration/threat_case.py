"""What the tests of threats share: one stack with the shipped packs and the demo's labels, two people, and how a hold looks on the wire."""
import re
import unittest

from harness import ROOT, SITE_POLICY, Stack
from wire import Wire

CASES = ROOT / "tests/cases/threats"
LONG = "a_table_whose_name_is_as_long_as_names_of_postgres_can_be_at_all"[:63]
POLICY = SITE_POLICY + f"""
[[label]]
table = "public.notes"
columns = {{body = ["pii"]}}
[[label]]
table = "public.{LONG}"
columns = {{body = ["pii"]}}
[[label]]
table = "public.memos"
columns = {{body = ["pii"]}}
[[label]]
table = "public.parts"
columns = {{body = ["pii"]}}
[[label]]
table = "lab.leaflets"
columns = {{body = ["pii"]}}
[[rule]]
id = "keep-ledger"
when = {{writes = {{tables = ["public.ledger"]}}}}
then = {{challenge = {{level = 1}}}}
because = "The ledger is for good"
"""
MARK = "never-at-the-server"  # in every statement that is held: it must not show in the server's log

stack = demo = second = None


def start(extra="", before_serving=lambda stack: None):
    """For setUpModule: `stack`, and `demo` (an auditor) and `second` with passkeys, until the module is done."""
    global stack, demo, second
    stack = Stack(policy=POLICY, hold='{timeout = "60s", in_transaction = "60s"}', extra=extra,
                  cluster_settings=("log_min_duration_statement=0",))
    unittest.addModuleCleanup(stack.close)
    before_serving(stack)
    stack.cluster.admin("CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;"
                        "GRANT USAGE ON FOREIGN SERVER files TO app; GRANT pg_read_server_files TO app", database="shop")
    stack.cluster.psql("-f", str(CASES / "setup.sql"), user="app", password="app-password", database="shop")
    added = stack.run("user", "add", "second", "--generate-password", "--email", "second@example.com")
    stack.second_password = re.search(r"password: (\S+)", added).group(1)
    stack.start()
    demo, second = stack.person(), stack.person("second")
    return stack, demo, second


def connect(**parameters):
    return Wire(stack.port, "demo", stack.password, **parameters)


def connect_second():
    return Wire(stack.port, "second", stack.second_password)


def rows(table):
    return int(stack.cluster.shop(f"SELECT count(*) FROM {table}"))


class Case(unittest.TestCase):
    def assert_held(self, wire, *rules, after=""):
        """The next news is a hold by one of the rules; before it come only replies of the types `after`."""
        got = [wire.reply()]
        while got[-1][0] in after and "STATEMENT HELD" not in got[-1][1]:
            got.append(wire.reply())
        kind, text = got[-1]
        self.assertEqual(kind, "N", got)
        self.assertIn("STATEMENT HELD", text)
        self.assertNotIn("does not parse", text)
        if rules:
            self.assertTrue(any(f"{rule}: " in text for rule in rules), text)
        return re.search(r"/c/(\S+)", text).group(1)

    def assert_passes(self, wire, sql):
        got = wire.ask(sql)
        self.assertFalse([text for kind, text in got if "STATEMENT HELD" in text], got)
        return got

    def assert_fatal(self, data, sqlstate):
        self.assertIn(b"SFATAL\0", data)
        self.assertIn(b"C" + sqlstate.encode() + b"\0", data)
