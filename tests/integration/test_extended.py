"""Judged at execution: every way in which PostgreSQL's protocol separates a text from its execution, on the real server.
"""
import struct
import unittest

from harness import Stack
from raw_client import RawClient, FLUSH, SYNC, bind, close, describe, errors, execute, field, message, parse, query, rows

POLICY = """
[[label]]
table = "public.customers"
columns = {ssn = ["pii"]}
[[rule]]
id = "read-ssn"
when = {reads = {labels = ["pii"]}}
then = {challenge = {level = 1}}
[[rule]]
id = "empties"
when = {statement = ["delete", "update"], where = ["missing", "always_true"]}
then = {challenge = {level = 1}}
[[rule]]
id = "deletes-one"
when = {statement = ["delete"], where = ["present"], writes = {tables = ["scratch"]}}
then = {challenge = {level = 1}}
[default]
opaque = {challenge = {level = 1}}
"""
SSN = "SELECT ssn FROM customers ORDER BY id"


class Extended(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(policy=POLICY)
        cls.addClassCleanup(cls.stack.close)
        for pack in (cls.stack.home / "packs").glob("*.toml"):
            pack.write_text("")  # this file is about when, not about what
        cls.stack.start()
        cls.demo = cls.stack.person()

    def setUp(self):
        self.stack.cluster.shop("CREATE TABLE IF NOT EXISTS scratch (id int, note text)")
        self.stack.cluster.shop("TRUNCATE scratch; INSERT INTO scratch VALUES (1, 'a'), (2, 'b'), (3, 'c')")
        self.assertEqual(self.demo.pending(), [])
        self.client = RawClient(self.stack)
        self.addCleanup(self.client.close)

    def count(self):
        return int(self.stack.cluster.shop("SELECT count(*) FROM scratch"))

    def approve(self):
        """Waits for the hold, approves it and gives it back."""
        challenge = self.demo.wait_pending()
        detail = self.demo.call("GET", f"/challenges/{challenge['id']}")
        self.demo.approve(challenge)
        return detail

    def deny(self):
        challenge = self.demo.wait_pending()
        self.demo.deny(challenge)
        return challenge

    def nothing_asked(self):
        self.assertEqual(self.demo.pending(), [])

    def kinds(self, answers):
        return "".join(kind for kind, _ in answers)

    # Statements and portals

    def test_a_parse_alone_is_never_held(self):
        self.client.send(parse("s", "DELETE FROM scratch"), describe("S", "s"), SYNC)
        self.assertEqual(self.kinds(self.client.answers()), "1tnZ")
        self.nothing_asked()

    def test_a_named_statement_is_judged_each_time_it_is_bound(self):
        self.client.send(parse("s", "DELETE FROM scratch WHERE id = $1"), SYNC).answers()
        for value, left in (("1", 2), ("2", 1)):
            self.client.send(bind("", "s", [value]), execute(), SYNC)
            shown = self.approve()
            self.assertEqual([p["value"] for p in shown["statements"][0]["parameters"]], [value])
            self.assertEqual(self.kinds(self.client.answers()), "2CZ")
            self.assertEqual(self.count(), left)

    def test_what_was_never_made_is_the_servers_to_refuse(self):
        self.client.send(bind("", ""), SYNC)
        self.assertEqual(errors(self.client.answers()), ["26000"])
        self.assertEqual(self.demo.pending(), [])

    def test_the_unnamed_statement_can_be_bound_again(self):
        self.client.send(parse("", "DELETE FROM scratch WHERE id = $1"), SYNC).answers()
        self.client.send(bind("", "", ["1"]), execute(), SYNC)
        self.approve()
        self.assertEqual(self.kinds(self.client.answers()), "2CZ")
        self.client.send(bind("", "", ["2"]), execute(), SYNC)
        self.deny()
        self.assertEqual(errors(self.client.answers()), ["42501"])
        self.assertEqual(self.count(), 2)

    def test_values_are_shown_as_what_they_are(self):
        sql = "DELETE FROM scratch WHERE id = $1 AND note = $2 AND $3 > 0.1 AND $4 > '2000-01-01' AND $5 = ANY($6)"
        types = (23, 25, 1700, 1082, 23, 1007)
        numeric = struct.pack(">HhHHHH", 2, 0, 0, 2, 12, 5000)  # 12.50
        array = struct.pack(">iiIii", 1, 0, 23, 2, 1) + struct.pack(">iiii", 4, 7, 4, 9)
        self.client.send(parse("", sql, types),
                         bind("", "", [struct.pack(">i", -5), "x", numeric, struct.pack(">i", 8842), None, array], [1, 0, 1, 1, 1, 1]),
                         execute(), SYNC)
        shown = self.approve()["statements"][0]["parameters"]
        self.assertEqual([p.get("value") for p in shown], ["-5", "x", "12.50", "2024-03-17", None, "{7,9}"])
        self.assertEqual(self.kinds(self.client.answers()), "12CZ")

    def test_types_that_the_server_chose_are_shown_too(self):
        self.client.send(parse("s", "DELETE FROM scratch WHERE id = $1"), describe("S", "s"), SYNC).answers()
        self.client.send(bind("", "s", [struct.pack(">i", 3)], [1]), execute(), SYNC)
        shown = self.approve()["statements"][0]["parameters"]
        self.assertEqual([(p["value"], p["type"]) for p in shown], [("3", "int4")])
        self.assertEqual(self.kinds(self.client.answers()), "2CZ")

    def test_a_portal_that_goes_on_in_another_group_is_judged_again(self):
        self.client.ask("BEGIN")
        self.client.send(parse("", SSN), bind("p", ""), execute("p", 50), SYNC)
        self.approve()
        first = self.client.answers()
        self.assertEqual(len(rows(first)), 50)
        self.assertEqual(self.kinds(first)[-2:], "sZ")  # PortalSuspended
        self.client.send(execute("p", 50), SYNC)
        self.approve()
        self.assertEqual(len(rows(self.client.answers())), 50)
        self.client.send(execute("p"), SYNC)
        self.deny()
        refused = self.client.answers()
        self.assertEqual((rows(refused), errors(refused)), ([], ["42501"]))
        self.assertEqual(refused[-1], ("Z", b"E"))

    def test_a_portal_that_goes_on_in_its_group_was_judged(self):
        self.client.send(parse("", SSN), bind("p", ""), execute("p", 50), execute("p", 50), execute("p"), SYNC)
        shown = self.approve()
        self.assertEqual(len(shown["statements"]), 1)
        answers = self.client.answers()
        self.assertEqual(len(rows(answers)), 200)
        self.assertEqual(self.kinds(answers).count("s"), 2)

    def test_a_portal_is_judged_again_where_its_group_moves_the_path(self):
        """What it calls looks names up when it is executed."""
        self.client.ask("CREATE SCHEMA side; CREATE TABLE side.customers AS SELECT 1 AS id, 'nobody' AS ssn")
        self.client.ask("CREATE FUNCTION side.first_ssn() RETURNS text LANGUAGE sql AS 'SELECT ssn FROM customers ORDER BY id LIMIT 1'")
        self.client.ask("SET search_path = side")
        bound = parse("", "SELECT side.first_ssn()") + bind("p", "")
        self.client.send(bound, parse("", "SET search_path = side, gone"), bind("", ""), execute(), execute("p"), SYNC)
        self.assertEqual(rows(self.client.answers()), [["nobody"]])
        self.nothing_asked()
        self.client.send(bound, parse("", "SET search_path = public"), bind("", ""), execute(), execute("p"), SYNC)
        self.deny()
        self.assertEqual(errors(self.client.answers()), ["42501"])

    def test_a_closed_name_means_nothing(self):
        """Only the server knows what it means, so it is asked: its error is that of the message, which never reaches it."""
        self.client.send(parse("s", "SELECT 1"), close("S", "s"), bind("", "s"), execute(), SYNC)
        self.assertEqual(errors(self.client.answers()), ["26000"])
        self.client.send(parse("s", "SELECT 1"), bind("p", "s"), close("P", "p"), execute("p"), SYNC)
        self.assertEqual(errors(self.client.answers()), ["34000"])
        self.client.send(execute("p"), SYNC, query("SELECT 7"))
        self.assertEqual(errors(self.client.answers()), ["34000"])
        self.assertEqual(rows(self.client.answers()), [["7"]])
        self.client.ask("DEALLOCATE ALL")
        self.client.send(bind("", "s"), FLUSH)
        self.assertEqual(self.client.next()[0], "E")
        self.assertEqual(self.client.send(execute(), SYNC).kinds(), "Z")
        self.client.ask("BEGIN")
        self.client.send(bind("", "s"), execute(), SYNC)
        failed = self.client.answers()
        self.assertEqual((errors(failed), failed[-1]), (["26000"], ("Z", b"E")))
        self.client.ask("ROLLBACK")
        self.assertEqual(self.demo.pending(), [])

    def test_portals_end_with_their_transaction(self):
        self.client.ask("BEGIN")
        self.client.send(parse("", "SELECT generate_series(1, 9)"), bind("p", ""), execute("p", 2), SYNC).answers()
        self.client.ask("COMMIT")
        self.client.send(execute("p", 2), SYNC)
        self.assertEqual(errors(self.client.answers()), ["34000"])

    # Pipelines

    def test_answers_to_what_went_before_keep_flowing(self):
        self.client.send(query("SELECT 'before'"), query("DELETE FROM scratch"), query("SELECT 'behind'"))
        self.assertEqual(rows(self.client.answers()), [["before"]])
        challenge = self.demo.wait_pending()
        self.assertTrue(self.client.silent())
        self.demo.approve(challenge)
        self.assertEqual(self.kinds(self.client.answers()), "CZ")
        self.assertEqual(rows(self.client.answers()), [["behind"]])

    def test_pipelined_groups_wait_one_by_one(self):
        group = [parse("", "INSERT INTO scratch VALUES (9, 'z')"), bind("", ""), execute(), SYNC]
        self.client.send(*group, parse("", "DELETE FROM scratch"), bind("", ""), execute(), SYNC, *group)
        self.assertEqual(self.kinds(self.client.answers()), "12CZ")
        self.deny()
        self.assertEqual(errors(self.client.answers()), ["42501"])
        self.assertEqual(self.kinds(self.client.answers()), "12CZ")
        self.assertEqual(self.count(), 5)

    def test_flush(self):
        self.client.send(parse("", "DELETE FROM scratch"), FLUSH)
        self.assertEqual(self.client.next()[0], "1")
        self.client.send(bind("", ""), describe("P"), FLUSH)
        self.approve()
        self.assertEqual([self.client.next()[0] for _ in range(2)], ["2", "n"])
        self.assertEqual(self.count(), 3)
        self.client.send(execute(), FLUSH)
        self.assertEqual(self.client.next()[0], "C")
        self.client.send(SYNC)
        self.assertEqual(self.client.next()[0], "Z")
        self.nothing_asked()
        self.assertEqual(self.count(), 0)

    def test_a_denial_before_flush_discards_up_to_sync(self):
        self.client.send(parse("", "DELETE FROM scratch"), bind("", ""), FLUSH)
        self.assertEqual(self.client.next()[0], "1")
        self.deny()
        kind, body = self.client.next()
        self.assertEqual((kind, field(body, "C")), ("E", "42501"))
        self.client.send(execute(), query("SELECT 1"), SYNC)  # the server discards a Query too
        self.assertEqual(self.client.next()[0], "Z")
        self.assertEqual(rows(self.client.ask("SELECT 1")), [["1"]])
        self.assertEqual(self.count(), 3)

    def test_a_batch_is_one_question(self):
        self.client.send(parse("s", "DELETE FROM scratch WHERE id = $1"), SYNC).answers()
        batch = [part for value in "123" for part in (bind("", "s", [value]), execute())]
        self.client.send(*batch, SYNC)
        shown = self.approve()
        self.assertEqual([s["parameters"][0]["value"] for s in shown["statements"]], ["1", "2", "3"])
        self.assertEqual(self.kinds(self.client.answers()), "2C2C2CZ")
        self.assertEqual(self.count(), 0)

    def test_a_denied_batch_does_nothing(self):
        self.client.send(parse("", "INSERT INTO scratch VALUES (4, 'd')"), bind("", ""), execute(),
                         parse("", "DELETE FROM scratch"), bind("", ""), execute(), SYNC)
        self.deny()
        answers = self.client.answers()
        self.assertEqual(errors(answers), ["42501"])
        self.assertEqual(self.count(), 3)  # one implicit transaction, as on the server itself

    # One namespace

    def test_sql_prepares_and_the_wire_binds(self):
        self.client.ask("PREPARE s AS DELETE FROM scratch")
        self.client.send(bind("", "s"), execute(), SYNC)
        shown = self.approve()
        self.assertIn("DELETE FROM scratch", shown["statements"][0]["sql"])
        self.assertEqual(self.kinds(self.client.answers()), "2CZ")
        self.assertEqual(self.count(), 0)

    def test_the_wire_prepares_and_sql_executes(self):
        self.client.send(parse("s", "DELETE FROM scratch"), SYNC).answers()
        self.client.send(query("EXECUTE s"))
        self.deny()
        self.assertEqual(errors(self.client.answers()), ["42501"])
        self.assertEqual(self.count(), 3)
        self.client.ask("DEALLOCATE s")
        self.client.ask("PREPARE s AS SELECT 1")
        self.assertEqual(rows(self.client.ask("EXECUTE s")), [["1"]])

    def test_cursors(self):
        self.client.ask("BEGIN")
        self.client.send(query(f"DECLARE c CURSOR FOR {SSN}"))
        self.approve()
        self.client.answers()
        self.client.send(query("FETCH 2 FROM c"))
        self.approve()
        self.assertEqual(len(rows(self.client.answers())), 2)
        self.client.send(query("FETCH ALL FROM c"))
        self.deny()
        refused = self.client.answers()
        self.assertEqual((rows(refused), errors(refused)), ([], ["42501"]))

    def test_a_cursor_with_hold_outlives_its_transaction(self):
        self.client.ask("BEGIN")
        self.client.send(query(f"DECLARE c CURSOR WITH HOLD FOR {SSN}"))
        self.approve()
        self.client.answers()
        self.client.ask("COMMIT")
        self.client.send(query("FETCH 2 FROM c"))
        self.deny()
        self.assertEqual(errors(self.client.answers()), ["42501"])

    def test_a_portal_of_the_wire_is_a_cursor_of_sql(self):
        self.client.ask("BEGIN")
        self.client.send(parse("", SSN), bind("po", ""), SYNC)
        self.approve()
        self.client.answers()
        self.client.send(query("FETCH ALL FROM po"))
        self.deny()
        refused = self.client.answers()
        self.assertEqual((rows(refused), errors(refused)), ([], ["42501"]))

    def test_a_cursor_that_was_opened_out_of_sight(self):
        """Fails both ways when unknown cursors are not opaque (walk_utility.cpp, fetch): tried."""
        self.client.ask("BEGIN")
        self.client.send(query(f"DO $$ DECLARE r refcursor := 'hidden'; BEGIN OPEN r FOR {SSN}; END $$"))
        self.approve()
        self.client.answers()
        for fetch in ([query("FETCH ALL FROM hidden")], [execute("hidden"), SYNC]):
            with self.subTest(fetch=fetch):
                self.client.ask("SAVEPOINT s")
                self.client.send(*fetch)
                self.deny()
                refused = self.client.answers()
                self.assertEqual((rows(refused), errors(refused)), ([], ["42501"]))
                self.client.ask("ROLLBACK TO s")

    # Messages of several statements, and COPY

    def test_all_statements_of_a_message_are_one_question(self):
        self.client.send(query("INSERT INTO scratch VALUES (4, 'd'); DELETE FROM scratch; SELECT 1"))
        self.deny()
        self.assertEqual(errors(self.client.answers()), ["42501"])
        self.assertEqual(self.count(), 3)
        self.client.send(query("INSERT INTO scratch VALUES (4, 'd'); DELETE FROM scratch; SELECT 1"))
        self.approve()
        self.assertEqual(self.kinds(self.client.answers()), "CCTDCZ")
        self.assertEqual(self.count(), 0)

    def test_copy_in(self):
        self.client.send(query("COPY scratch FROM STDIN"))
        self.assertEqual(self.client.next()[0], "G")
        self.client.send(message("d", b"7\tx\n8\ty\n"), message("c"))
        self.assertEqual(self.kinds(self.client.answers()), "CZ")
        self.assertEqual(self.count(), 5)

    def test_copy_in_that_the_client_gives_up(self):
        self.client.send(query("COPY scratch FROM STDIN"))
        self.assertEqual(self.client.next()[0], "G")
        self.client.send(message("d", b"7\tx\n"), message("f", b"never mind\0"))
        self.assertEqual(errors(self.client.answers()), ["57014"])
        self.assertEqual(self.count(), 3)
        self.assertEqual(rows(self.client.ask("SELECT 1")), [["1"]])

    def test_copy_in_of_the_extended_protocol(self):
        self.client.send(parse("", "COPY scratch FROM STDIN"), bind("", ""), execute(), SYNC)
        self.assertEqual([self.client.next()[0] for _ in range(3)], ["1", "2", "G"])
        self.client.send(message("d", b"7\tx\n"), message("c"), SYNC)
        self.assertEqual(self.kinds(self.client.answers()), "CZ")
        self.assertEqual(self.count(), 4)

    def test_copy_out_of_personal_data_is_held(self):
        self.client.send(query("COPY customers (ssn) TO STDOUT"))
        self.deny()
        self.assertEqual(self.kinds(self.client.answers()), "EZ")
        self.client.send(query("COPY (SELECT id FROM customers) TO STDOUT"))
        self.assertEqual(self.kinds(self.client.answers()).count("d"), 200)

    def test_what_stands_behind_a_copy_is_judged_before_the_copy(self):
        self.client.send(query(f"COPY scratch FROM STDIN; {SSN}"))
        self.deny()
        self.assertEqual(self.kinds(self.client.answers()), "EZ")
        self.client.send(query(f"COPY scratch FROM STDIN; {SSN}"))
        self.approve()
        self.assertEqual(self.client.next()[0], "G")
        self.client.send(message("d", b"7\tx\n"), message("c"))
        answers = self.client.answers()
        self.assertEqual(len(rows(answers)), 200)
        self.assertEqual(self.count(), 4)


if __name__ == "__main__":
    unittest.main()
