"""The ways in which statements slip past a proxy, each as a named test against a real server: what must be held is held, and what must be
refused is refused, before any data flows. The statements are in tests/cases/threats; what needs more than statements is here.

How it was checked that each case fails without its protection: in a copy of the tree every protection below got a switch that takes it
out, and stepgate ran once for each with that one out (`rows`: and the second line of defence too, which would stop the rows of most
reads) while the named cases ran on a fresh copy of the database. With none out all passed; with one out, those behind it failed. A name
stands for all cases that contain it.
  Protocol and session
    a Bind is held (postgres_inspect.cpp; rows)                                      a_bind_waits
    a call by number needs a rule (postgres_function_call.cpp)                       function_calls_by_number
    SQL sees the wire's statements and portals (session, rename)                     executed_by_sql, fetched_by_sql, a_skipped_close
    unknown statements and cursors are opaque (walk_utility.cpp)                     unknown_prepared, unknown_cursor, a_cursor_of_sql
    a statement is judged at each execution (SQL: walk_utility.cpp; wire: refresh)   names_are_resolved, prepared_
    an approval is for one execution (must_hold after a hold)                        an_approval_is_for_one_execution
    all executions of a batch are judged (postgres_plan.cpp)                         a_batch_is_judged_whole
    all statements of a message are judged (analyzer.cpp, walk_all)                  what_follows_a_copy, second_statement, copy_then_delete
    the session's state goes along inside a message (analyzer.cpp; rows)             names_inside_one_message
    both lexings (analyzer.cpp); waiting for effects in flight (must_settle)         lexing_that_changes, with_another_lexing, what_a_held_batch
    portals executed again or in part (postgres_server_side.cpp), FETCH (walk)       a_portal_sets_once
    waiting for names of an earlier group (names.h, is_sure)                         a_refused_parse, a_skipped_parse
    client_encoding and replication of the start (postgres_startup.cpp)              startup_keys, replication
    UTF-8 and encodings (analyzer.cpp, refusal)                                      encodings_and_bytes
    bytes behind SSLRequest; ALPN (postgres_front_door.cpp)                          plaintext_behind, direct_tls
    the limit of a message's size (scanner.cpp); CancelRequest                       messages_that_are_no_messages, a_cancel_ends
    details of errors (postgres_errors.cpp)                                          the_detail_shows_no_labelled_row
  Hidden reads, each with `rows` (walk_*.cpp: the part that reads it is skipped)
    target list, arguments, whole rows, `*`, column aliases, WITH, NATURAL, USING, ON, ORDER BY, WHERE, aggregates, windows, GROUP BY,
    DISTINCT ON, LIMIT, UNION, VALUES, subqueries, FROM (..), TABLESAMPLE, RETURNING, INSERT .. SELECT, ON CONFLICT, SET, MERGE, COPY,
    DECLARE, EXECUTE, EXPLAIN: the cases of those names in hidden_reads, and those of side_channels that read in the same place
  What stands behind names (follow.cpp, bodies.cpp, walk_drops.cpp, walk_objects.cpp, walk_tables.cpp)
    functions, built SQL, DO, operators, built-ins that are not on the list          sql_in_text
    triggers, rules, cascades                                                        table_with_a_, foreign_key_cascade
    names that change while deferred triggers wait (walk_behind.cpp)                 deferred_trigger
    views (rows); what CREATE .. AS, INTO and CREATE VIEW read                       view_with_names, laundering_view, create_table_as, select_into
    generated columns, defaults, index expressions, statistics, publications         the cases of those names in laundering
  Destruction
    WHERE missing; always true; MERGE on a constant (walk_queries.cpp)               destruction
    COMMIT PREPARED, COPY to and from files and programs (walk_utility.cpp)          commit_prepared, copy_to_a, copy_from_a
  Each rule of the packs that the cases name, one by one                             all cases that name it; read-pii: hidden_reads
  Reads of partitions and children stay held when parents are not followed (follow.cpp, CatalogLabels): the lineage labels children too.
  The words with escapes and long names are read by PostgreSQL's own parser, which cannot be taken out.
Those of test_threats_challenge.py, in a tree with all of these out at once:
    the proof's challenge is compared (challenge-web/factors/webauthn.cpp)           a_proof_is_for_one_challenge
    whose challenge it is (challenge-web/server/challenge_api.cpp)                   nobody_else_sees
    origin and CSRF token (challenge-web/server/router.cpp)                          requests_of_other_pages
    the verdict after a policy change (proxy/session/gate.cpp, covers)               an_approval_after_a_policy_change
"""
import re
import ssl
import struct
import unittest

from threat_case import CASES, MARK, Case, connect, rows, start
from wire import (FLUSH, GSS_REQUEST, SSL_REQUEST, SYNC, Wire, bind, close, describe, execute, message, parse, query, raw_text, startup)

# `\'` ends a literal or does not: the first text reads ssn where backslashes escape, the second where they do not.
READS_WITH_BACKSLASHES = r"SELECT 'a\', $x$ ', ssn FROM customers --$x$"
READS_WITHOUT = r"SELECT '\', ssn FROM customers --'"


def setUpModule():
    global stack, demo, second
    stack, demo, second = start()


class Statements(Case):
    """One test a line of tests/cases/threats; they are made below."""

    def check(self, rules, statements, must_run):
        *before, last = [part.replace("\\n", "\n") for part in statements.split(" ;; ")]
        with Wire(stack.cluster.port, "app", "app-password") as server:
            got = server.send(parse("", last), SYNC).until("Z")
            error = next((text for kind, text in got if kind == "E"), "")
            if must_run:
                self.assertEqual(error, "", "the case does not run on the server")
            elif "multiple commands" not in error:
                self.assertFalse(error.startswith("42601"), f"the case is no SQL: {error}")
        with connect() as wire:
            for sql in before:
                self.assert_passes(wire, sql)
            wire.send(query(f"{last}\n/* {MARK} */"))
            self.assert_held(wire, *rules)


def make_cases():
    for file in sorted(CASES.glob("*.threats")):
        for line in file.read_text().splitlines():
            if not line or line.startswith("#"):
                continue
            name, rules, statements = (part.strip() for part in line.split(" | ", 2))
            slug = re.sub(r"\W+", "_", f"{file.stem} {name}").strip("_").lower()
            must_run = file.stem == "hidden_reads" and "multiple" not in name and "; " not in statements and ";;" not in statements
            setattr(Statements, f"test_{slug}", lambda self, r=rules.split(), s=statements, m=must_run: self.check(r, s, m))


make_cases()


class Protocol(Case):
    def test_a_bind_waits_before_the_server_plans_it(self):
        with connect() as wire:
            wire.send(parse("", f"SELECT ssn FROM customers /* {MARK} */"), describe("S"), bind(), execute(), SYNC)
            self.assert_held(wire, "read-pii", after="1tT")

    def test_function_calls_by_number_are_refused_and_the_session_lives(self):
        with connect() as wire:
            wire.send(message("F", b"\0\0\x06\x48" + b"\0\0" + b"\0\0" + b"\0\0"))
            self.assertEqual(wire.until("Z")[0][1][:5], "42501")
            self.assertIn(("D", "1"), wire.ask("SELECT 1"))

    def test_a_statement_of_the_wire_executed_by_sql(self):
        with connect() as wire:
            wire.send(parse("s", "SELECT ssn FROM customers"), SYNC).until("Z")
            wire.send(query(f"EXECUTE s /* {MARK} */"))
            self.assert_held(wire, "read-pii")

    def test_a_statement_of_sql_bound_by_the_wire(self):
        with connect() as wire:
            self.assert_passes(wire, "PREPARE s AS SELECT ssn FROM customers")
            wire.send(bind("", "s"), execute(), SYNC)
            self.assert_held(wire, "read-pii")

    def test_values_with_which_a_condition_takes_every_row(self):
        for where, value, held in (("item LIKE $1", "%", True), ("item ILIKE $1", "%%", True), ("item SIMILAR TO $1", "%", True), ("item ~ $1", ".*", True),
                                   ("item LIKE ANY ($1)", '{x,"%"}', True), ("item LIKE '%' || $1 || '%'", "", True), ("item >= $1", "", True),
                                   ("id > $1", "0", True), ("id > $1", "-1", True), ("id > $1", "5000000", False), ("id = $1", "0", False),
                                   ("id > $1", " 0 ", True), ("id <= $1", "2147483647", True), ("id > $1::numeric", "-0.5", True), ("id > $1::float8", "-Infinity", True),
                                   ("id > $1::bigint", "12345678901", False), ("id <> ALL ($1)", "{}", True), ("NOT id = ANY ($1)", "{}", True), ("id = ANY ($1)", "{}", False),
                                   ("placed_at > $1", "-infinity", True), ("placed_at > $1", "infinity", False), ("to_jsonb(orders) @> $1", "{}", True),
                                   ("item LIKE $1", "no such%", False), ("item = $1", "", False), ("item = $1", "%", False)):
            with self.subTest(where=where, value=value), connect() as wire:
                mark = f" /* {MARK} */" if held else ""
                wire.send(parse("s", f"DELETE FROM orders WHERE {where}{mark}"), SYNC).until("Z")
                wire.send(bind("", "s", [value]), execute(), SYNC)
                if held:
                    self.assert_held(wire, "delete-without-where")
                else:
                    self.assertIn("2", [kind for kind, _ in wire.until("Z")])

    def test_numbers_with_which_a_condition_takes_every_row(self):
        """In binary format, and of a statement that was bound to others before."""
        with connect() as wire:
            wire.send(parse("above", "DELETE FROM orders WHERE id > $1"), parse("one", "DELETE FROM orders WHERE id = $1"), SYNC).until("Z")
            for one in (5_000_000, 0, 6_000_000):
                wire.send(bind("", "one", [struct.pack(">i", one)]), execute(), SYNC)
                self.assertIn(("C", "DELETE 0"), wire.until("Z"))
            wire.send(bind("", "above", [struct.pack(">i", 5_000_000)]), execute(), SYNC)
            self.assertIn(("C", "DELETE 0"), wire.until("Z"))
            wire.send(bind("", "above", [struct.pack(">i", 0)]), execute(), SYNC)
            self.assert_held(wire, "delete-without-where")

    def test_values_in_binary_format_with_which_a_condition_takes_every_row(self):
        for where, value, held in (("item LIKE $1", b"%%", True), ("id <= $1", struct.pack(">i", 2**31 - 1), True), ("id < $1::bigint", struct.pack(">q", 2**62), True),
                                   ("id <> ALL ($1)", struct.pack(">iii", 0, 0, 23), True), ("to_jsonb(orders) @> $1", b"\x01{}", True),
                                   ("id = $1::bigint", struct.pack(">q", 2**62), False), ("id = ANY ($1)", struct.pack(">iii", 0, 0, 23), False)):
            with self.subTest(where=where, value=value), connect() as wire:
                mark = f" /* {MARK} */" if held else ""
                wire.send(parse("", f"DELETE FROM orders WHERE {where}{mark}"), bind("", "", [value]), execute(), SYNC)
                if held:
                    self.assert_held(wire, "delete-without-where", after="1")
                else:
                    self.assertIn(("C", "DELETE 0"), wire.until("Z"))

    def test_the_row_that_an_upsert_proposes_is_no_read_and_the_row_that_is_there_is_one(self):
        upsert = "INSERT INTO by_phone (id, phone) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET phone = "
        with connect() as wire:
            for value, held in (("excluded.phone", False), ("'x' || by_phone.phone", True)):
                mark = f" /* {MARK} */" if held else ""
                wire.send(parse("", upsert + value + mark), bind("", "", ["1", "555-0199"]), execute(), SYNC)
                if held:
                    self.assert_held(wire, "read-pii", after="12")
                else:
                    self.assertIn(("C", "INSERT 0 1"), wire.until("Z"))

    def test_a_constraint_that_an_upsert_names_is_a_read_of_its_columns(self):
        upsert = "INSERT INTO by_phone VALUES (7, '555-0107') ON CONFLICT ON CONSTRAINT"
        with connect() as wire:
            self.assert_passes(wire, f"{upsert} by_phone_pkey DO UPDATE SET phone = excluded.phone")
            wire.send(query(f"{upsert} by_phone_phone_key DO UPDATE SET id = 8 /* {MARK} */"))
            self.assert_held(wire, "read-pii")

    def test_a_parameter_is_of_a_type_that_runs_code(self):
        erasing = int(stack.cluster.shop("SELECT 'erasing'::regtype::oid"))

        def typed(name):
            return message("P", raw_text(name) + raw_text(f"SELECT $1 /* {MARK} */") + struct.pack(">HI", 1, erasing))
        with connect() as wire:
            wire.send(typed(""), bind(values=["5"]), execute(), SYNC)
            self.assert_held(wire, "delete-without-where", after="1")
        with connect() as wire:
            wire.send(typed("s"), SYNC).until("Z")
            wire.send(query(f"EXECUTE s('5') /* {MARK} */"))
            self.assert_held(wire, "delete-without-where")
        with connect() as wire:
            self.assert_passes(wire, "PREPARE s(erasing) AS SELECT 1")
            wire.send(bind("", "s", ["5"]), execute(), SYNC)
            self.assert_held(wire, "delete-without-where")

    def test_rows_run_what_an_approved_change_gave_their_table(self):
        for change in ("ADD COLUMN made erasing", "ADD CHECK (erase(id))", "ALTER id SET DEFAULT erase_orders()"):
            with self.subTest(change), connect() as wire:
                self.assert_passes(wire, "BEGIN")
                wire.send(query(f"ALTER TABLE heap {change}"))
                demo.approve({"id": self.assert_held(wire, "delete-without-where")})
                self.assertNotIn("E", [kind for kind, _ in wire.until("Z")])
                self.assert_passes(wire, "SELECT count(*) FROM heap")
                wire.send(query(f"INSERT INTO heap SELECT 1 /* {MARK} */"))
                self.assert_held(wire, "default.opaque")

    def test_a_cursor_of_sql_executed_by_the_wire(self):
        with connect() as wire:
            self.assert_passes(wire, "BEGIN")
            self.assert_passes(wire, "DO $$ DECLARE r refcursor := 'nobody_knows_it'; BEGIN OPEN r FOR SELECT id FROM orders; END $$")
            wire.send(execute("nobody_knows_it"), SYNC)
            self.assert_held(wire, "default.opaque")

    def test_a_portal_of_the_wire_fetched_by_sql(self):
        with connect() as wire:
            self.assert_passes(wire, "BEGIN")
            wire.send(parse("", "SELECT id FROM orders WHERE id < 3 ORDER BY id"), bind("po"), SYNC).until("Z")
            self.assertIn(("D", "2"), self.assert_passes(wire, "FETCH ALL FROM po"))
            wire.send(query(f"FETCH ALL FROM other /* {MARK} */"))
            self.assert_held(wire, "default.opaque")

    def test_a_refused_parse_renames_nothing(self):
        for name, messages in (
                ("it exists", [parse("s", "SELECT 1"), SYNC, bind("", "s"), execute(), SYNC]),
                ("skipped", [parse("", "bogus"), close("S", "s"), parse("s", "SELECT 1"), SYNC, bind("", "s"), execute(), SYNC])):
            with self.subTest(name), connect() as wire:
                wire.send(parse("s", "SELECT ssn FROM customers"), SYNC).until("Z")
                wire.send(*messages)
                self.assertEqual([kind for kind, _ in wire.until("Z")], ["E", "Z"])
                self.assert_held(wire, "read-pii")

    def test_a_skipped_parse_does_not_replace_the_unnamed_statement(self):
        with connect() as wire:
            wire.send(parse("", "SELECT ssn FROM customers"), SYNC).until("Z")
            wire.send(parse("x", "SELECT 1/0"), bind("", "x"), execute(), parse("", "SELECT 1"), SYNC, bind(), execute(), SYNC)
            self.assertEqual(wire.until("Z")[-2][0], "E")
            self.assert_held(wire, "read-pii")

    def test_a_skipped_close_renames_nothing_for_sql(self):
        with connect() as wire:
            wire.send(parse("s", "SELECT ssn FROM customers"), SYNC).until("Z")
            wire.send(parse("", "bogus"), close("S", "s"), parse("s", "SELECT 1"), SYNC).until("Z")
            wire.send(query(f"EXECUTE s /* {MARK} */"))
            self.assert_held(wire, "read-pii")

    def test_names_are_resolved_at_each_execution(self):
        for how in ("sql", "wire"):
            with self.subTest(how), connect() as wire:
                self.assert_passes(wire, "SET search_path = lab")
                if how == "sql":
                    self.assert_passes(wire, "PREPARE s AS SELECT body FROM notes")
                else:
                    wire.send(parse("s", "SELECT body FROM notes"), SYNC).until("Z")
                self.assert_passes(wire, "SET search_path = public")
                wire.send(*([query("EXECUTE s")] if how == "sql" else [bind("", "s"), execute(), SYNC]))
                self.assert_held(wire, "read-pii")

    def test_a_search_path_that_a_portal_sets_once_or_in_part_is_not_believed(self):
        reading, sets = query("SELECT body || '' FROM notes"), parse("", "SELECT set_config('search_path', 'lab', false)")
        for first, then in (([bind("c"), execute("c"), SYNC], [execute("c"), SYNC]),  # the second runs nothing
                            ([bind("c"), execute("c", 1), SYNC], [execute("c"), SYNC]),  # nor does it of what was suspended
                            ([bind("c"), SYNC], [query("FETCH 0 FROM c")])):  # not run at all
            with connect() as wire:
                self.assert_passes(wire, "BEGIN")
                wire.send(sets, *first)
                wire.until("Z")
                self.assert_passes(wire, "SET search_path = public")
                wire.send(*then)
                wire.until("Z")
                wire.send(reading)
                self.assert_held(wire, "read-pii")
        with connect() as wire:  # suspended behind its one row: it has run
            self.assert_passes(wire, "BEGIN; SET search_path = lab")
            wire.send(parse("", "SELECT set_config('search_path', 'public', false)"), bind("c"), execute("c", 1), SYNC)
            wire.until("Z")
            wire.send(reading)
            self.assert_held(wire, "read-pii")

    def test_what_a_pipelined_group_sets_hangs_on_its_end(self):
        """Groups that come together: what one has set is taken back where it fails later, and what is set LOCAL ends with it."""
        def run(sql):
            return parse("", sql), bind(), execute()
        for how, *group in (("fails", *run("SET search_path = lab"), *run("SELECT 1 / 0")), ("query fails", *run("SET search_path = lab"), query("SELECT 1 / 0")),
                            ("local", *run("SET LOCAL search_path = lab"), FLUSH), ("local and more", *run("SET LOCAL search_path = lab"), *run("SELECT 1"))):
            for reading in ((query(f"SELECT body || '' FROM notes /* {MARK} */"),), (*run(f"SELECT body || '' FROM notes /* {MARK} */"), SYNC)):
                with self.subTest(how, reading=len(reading)), connect() as wire:
                    wire.send(*group, SYNC, *reading)
                    self.assert_held(wire, "read-pii", after="12CDEZN")
        with connect() as wire:  # a COMMIT that fails, when its error is there already
            self.assert_passes(wire, "BEGIN; SET search_path = lab; CREATE TEMP TABLE twice (id int UNIQUE DEFERRABLE INITIALLY DEFERRED); INSERT INTO twice VALUES (1), (1)")
            wire.send(*run("COMMIT"), FLUSH).until("E")
            wire.send(SYNC, query(f"SELECT body || '' FROM notes /* {MARK} */"))
            self.assert_held(wire, "read-pii", after="Z")
        with connect() as wire:  # what is kept is believed
            wire.send(*run("SET search_path = lab"), *run("SELECT 1"), SYNC, query("SELECT body FROM notes"))
            self.assertIn(("Z", "I"), wire.until("Z"))
            self.assertIn(("D", "nothing private"), wire.until("Z"))

    def test_names_are_resolved_again_after_a_rename(self):
        with connect() as wire:
            self.assert_passes(wire, "PREPARE s AS SELECT body FROM plain_memos")
            wire.send(parse("w", "SELECT body FROM plain_memos"), SYNC).until("Z")
            for execution in ([query("EXECUTE s")], [bind("", "w"), execute(), SYNC]):
                self.assertIn(("D", "nothing private"), wire.send(*execution).until("Z"))
            self.assert_passes(wire, "ALTER TABLE plain_memos RENAME TO aside")
            wire.send(query("ALTER TABLE memos RENAME TO plain_memos"))
            demo.approve({"id": self.assert_held(wire, "rename-labelled")})
            wire.until("Z")
            for execution in ([query("EXECUTE s")], [bind("", "w"), execute(), SYNC]):
                wire.send(*execution)
                demo.deny({"id": self.assert_held(wire, "read-pii")})
                wire.until("Z")

    def test_names_inside_one_message_are_resolved_in_order(self):
        with connect() as wire:
            self.assert_passes(wire, "SET search_path = lab")
            self.assertIn(("D", "nothing private"), self.assert_passes(wire, "SELECT body FROM lab.notes"))
            wire.send(query(f"SELECT set_config('search_path', 'public', false); SELECT body FROM notes /* {MARK} */"))
            self.assert_held(wire, "read-pii")

    def test_an_approval_is_for_one_execution(self):
        with connect() as wire:
            wire.send(parse("d", "DELETE FROM scratch RETURNING $1::text"), SYNC).until("Z")
            wire.send(bind("", "d", ["one"]), execute(), SYNC)
            identity = self.assert_held(wire, "delete-without-where")
            demo.approve({"id": identity})
            self.assertEqual(wire.until("Z")[-1], ("Z", "I"))
            for value in ("one", "another"):
                wire.send(bind("", "d", [value]), execute(), SYNC)
                demo.deny({"id": self.assert_held(wire, "delete-without-where")})
                self.assertEqual(wire.until("Z")[0][1][:5], "42501")

    def test_a_batch_is_judged_whole(self):
        texts = ["SELECT 1", f"DELETE FROM payments /* {MARK} */", f"TRUNCATE orders CASCADE /* {MARK} */"]
        batch = [part for sql in texts for part in (parse("", sql), bind(), execute())]
        for name, messages in (("simple", [query("; ".join(texts))]), ("extended", [*batch, SYNC])):
            with self.subTest(name), connect() as wire:
                wire.send(*messages)
                identity = self.assert_held(wire, "delete-without-where", after="12D1C")
                shown = demo.call("GET", f"/challenges/{identity}")
                self.assertLessEqual({"delete-without-where", "truncate"}, {reason["rule"] for reason in shown["reasons"]})
                demo.deny({"id": identity})
                self.assertEqual(wire.until("Z")[-2][1][:5], "42501")
        self.assertEqual((rows("payments"), rows("orders")), (700, 800))

    def test_what_a_held_batch_changes_counts_for_the_rest_of_it(self):
        changes = {"lexing": ["SET standard_conforming_strings = off", READS_WITH_BACKSLASHES],
                   "names": ["DEALLOCATE q", "PREPARE q AS SELECT ssn FROM customers", "EXECUTE q"]}
        for name, texts in changes.items():
            with self.subTest(name), connect() as wire:
                self.assert_passes(wire, "PREPARE q AS SELECT 1")
                batch = [part for sql in ["DELETE FROM scratch", *texts] for part in (parse("", sql), bind(), execute())]
                wire.send(*batch, SYNC)
                demo.approve({"id": self.assert_held(wire, "delete-without-where", after="1")})
                self.assertIn("APPROVED", wire.reply()[1])
                self.assert_held(wire, "read-pii", "default.opaque", after="12CSN")

    def test_lexing_that_changes_in_a_pipeline(self):
        for change in ("SET standard_conforming_strings = off", "SELECT set_config('standard_conforming_strings', 'off', false)"):
            with self.subTest(change), connect() as wire:
                wire.send(query(change), query(READS_WITH_BACKSLASHES))
                self.assertEqual(wire.until("Z")[-1], ("Z", "I"))
                self.assert_held(wire)
        with self.subTest("rolled back"), connect() as wire:
            wire.send(query("BEGIN"), query("SET standard_conforming_strings = off"), query("ROLLBACK"), query(READS_WITHOUT))
            for _ in range(3):
                wire.until("Z")
            self.assert_held(wire)

    def test_a_lexing_that_the_session_never_changed_is_read_as_the_server_reads_it(self):
        with connect() as wire:
            self.assert_passes(wire, READS_WITH_BACKSLASHES)  # here it is two literals
            wire.send(query(READS_WITHOUT))
            self.assert_held(wire, "read-pii")

    def test_startup_keys_that_change_what_statements_mean_are_refused(self):
        for key, value in (("options", "-c standard_conforming_strings=off"), ("options", "-crole=postgres"), ("role", "postgres"),
                           ("standard_conforming_strings", "off"), ("client_encoding", "SJIS"), ("session_authorization", "postgres")):
            with self.subTest(f"{key}={value}"), self.assertRaisesRegex(PermissionError, "stepgate"):
                connect(**{key: value})

    def test_names_are_looked_up_where_the_login_makes_the_server_look(self):
        read = "SELECT body || '' FROM leaflets"
        for what in ("ROLE app", "DATABASE shop", "ROLE app IN DATABASE shop"):
            with self.subTest(what), connect() as before:
                stack.cluster.admin(f"ALTER {what} SET search_path = lab, public")
                self.addCleanup(stack.cluster.admin, f"ALTER {what} RESET search_path")
                for sql in ((read,), ("SET search_path = public", "RESET search_path", read), ("DISCARD ALL", read)):
                    with connect() as wire:
                        for one in sql[:-1]:
                            self.assert_passes(wire, one)
                        wire.send(query(sql[-1]))
                        self.assert_held(wire, "read-pii")
                self.assert_passes(before, "DISCARD ALL")
                self.assertIn(("D", "nothing private"), self.assert_passes(before, read))
                stack.cluster.admin(f"ALTER {what} RESET search_path")
                with connect(search_path="lab") as wire:
                    wire.send(query(read))
                    self.assert_held(wire, "read-pii")

    def test_conditions_that_a_login_makes_mean_something_else_are_not_understood(self):
        for setting, sql in (("transform_null_equals = on", "DELETE FROM leaflets WHERE (id = NULL) = false"),
                             ("array_nulls = off", "DELETE FROM leaflets WHERE body <> ALL ('{NULL}')")):
            with self.subTest(setting):
                name = setting.split()[0]
                stack.cluster.admin(f"ALTER ROLE app SET {setting}")
                self.addCleanup(stack.cluster.admin, f"ALTER ROLE app RESET {name}")
                with connect() as wire:
                    self.assert_passes(wire, "SELECT id FROM leaflets WHERE body IS NULL")
                    wire.send(query(sql))
                    self.assert_held(wire, "default.opaque")
                stack.cluster.admin(f"ALTER ROLE app RESET {name}")

    def test_replication_connections_are_refused(self):
        for value in ("on", "true", "1", "yes", "database"):
            with self.subTest(value), self.assertRaisesRegex(PermissionError, "not allowed through stepgate"):
                connect(replication=value)

    def test_encodings_and_bytes_that_cannot_be_read(self):
        with connect() as wire:
            wire.send(query(b"SELECT '\xff\xfe'"))
            self.assert_held(wire, "default.opaque")
        with connect() as wire:
            self.assert_passes(wire, "SET client_encoding = 'SJIS'")
            wire.send(query(b"SELECT '\x83\\', ssn FROM customers --'"))
            self.assert_held(wire, "default.opaque")
        with connect() as wire:
            self.assert_fatal(wire.send(message("Q", b"SELECT 1\0; DELETE FROM orders\0")).rest(), "08P01")

    def test_what_follows_a_copy_in_the_same_message_is_held_with_it(self):
        with connect() as wire:
            wire.send(query(f"COPY scratch FROM STDIN; SELECT ssn FROM customers /* {MARK} */"))
            self.assert_held(wire, "read-pii")

    def test_plaintext_behind_a_request_for_tls_is_never_used(self):
        with Wire(stack.port) as wire:
            wire.send(SSL_REQUEST + startup(user="demo", database="shop"))
            self.assertNotIn(b"R", wire.rest()[:2], "it was taken for the startup message")

    def test_direct_tls_needs_its_protocol_and_gss_is_declined(self):
        with Wire(stack.port) as wire:
            self.assertEqual(wire.send(GSS_REQUEST).socket.recv(1), b"N")
        context = ssl.create_default_context(cafile=stack.home / "tls/ca.crt")
        with Wire(stack.port) as wire, self.assertRaises((ssl.SSLError, OSError)):
            tls = context.wrap_socket(wire.socket, server_hostname="localhost")
            tls.sendall(startup(user="demo", database="shop"))
            if not tls.recv(1):
                raise ssl.SSLError("closed")

    def test_a_cancel_ends_the_hold(self):
        with connect() as wire:
            wire.send(query(f"DELETE FROM orders /* {MARK} */"))
            identity = self.assert_held(wire)
            wire.cancel()
            self.assertEqual(wire.until("Z")[0][1][:5], "57014")
            answer = demo.call("POST", f"/challenges/{identity}/passkey/begin", {}, expect=None)
            self.assertEqual(answer[0], 409)
        self.assertEqual(rows("orders"), 800)

    def test_messages_that_are_no_messages_end_the_session(self):
        broken = {"unknown type": message("!"), "length too small": b"Q\0\0\0\3", "negative length": b"Q\xff\xff\xff\xff",
                  "too large": b"Q\x7f\xff\xff\xff", "no end": message("Q", b"DELETE FROM orders"), "sync with a body": message("S", b"x"),
                  "bind cut off": message("B", b"\0\0"), "negative counts": message("B", b"\0\0\xff\xff\xff\xff"),
                  "parse cut off": message("P", b"s"), "password out of order": message("p", b"x\0"), "startup again": startup(user="demo")}
        for name, data in broken.items():
            with self.subTest(name), connect() as wire:
                self.assertRegex(wire.send(data).rest(), rb"SFATAL\0.*C(08P01|54000)\0")


class Errors(Case):
    """What a row that breaks a constraint shows of itself in the error."""
    SHOWING = ("UPDATE customers SET name = NULL WHERE id = 1", "UPDATE cities SET city = 'Nowhere' WHERE id = 1",
               "INSERT INTO customers (name, email, ssn, city) VALUES ('n', 'customer1@shop.example', 's', 'c')",
               "UPDATE customers SET email = 'customer1@shop.example' WHERE id = 2")

    def error(self, wire, sql, how):
        if how == "simple":
            wire.send(query(sql))
        else:
            wire.send(parse("", sql), bind(), execute(), SYNC)
        return next(text for kind, text in wire.until("Z") if kind == "E")

    def test_the_detail_shows_no_labelled_row(self):
        for sql in self.SHOWING:
            with self.subTest(sql), Wire(stack.cluster.port, "app", "app-password") as server, connect() as wire:
                said, *_, detail = self.error(server, sql, "simple").split("\n")
                self.assertIn("customer", detail, "the case shows nothing")
                for how in ("simple", "extended"):
                    got = self.error(wire, sql, how).split("\n")
                    self.assertEqual(got[0], said)
                    self.assertNotIn("customer", "".join(got[1:]))
                    self.assertIn("stepgate does not show it", got[1])

    def test_trees_of_queries_show_no_values(self):
        """A cascade runs by itself, and debug_print_plan shows the values it runs with: as numbers, a byte each."""
        address = " ".join(str(byte) for byte in b"customer1")
        stack.cluster.admin("CREATE TABLE letters (address text REFERENCES customers (email) ON DELETE CASCADE)", "shop")
        self.addCleanup(stack.cluster.admin, "DROP TABLE letters", "shop")
        sql = ("SET debug_print_plan = on; SET debug_print_parse = on; SET debug_print_rewritten = on; SET client_min_messages = log;"
               "BEGIN; DELETE FROM customers WHERE id = 1; ROLLBACK")

        def notices(wire):
            return [text for kind, text in wire.send(query(sql)).until("Z") if kind == "N"]
        with Wire(stack.cluster.port, "app", "app-password") as server, connect() as wire:
            self.assertIn(address, "".join(notices(server)), "the case shows nothing")
            got = notices(wire)
            self.assertNotIn(address, "".join(got))
            for title in ("parse tree:", "rewritten parse tree:", "plan:"):
                shown = [text for text in got if text.startswith("00000 " + title)]
                self.assertTrue(shown and all("stepgate does not show it" in text for text in shown), title)

    def test_the_detail_of_other_tables_is_as_it_was(self):
        with connect() as wire:
            self.assertIn("Failing row contains (1, ", self.error(wire, "UPDATE orders SET quantity = 0 WHERE id = 1", "simple"))


class ZLast(Case):
    """After all others."""

    def test_nothing_that_was_held_reached_the_server(self):
        log = (stack.cluster.folder / "server.log").read_text(errors="replace").replace("\n\t", " ")
        self.assertIn("SELECT id FROM orders WHERE id < 3", log, "the log tells what runs")
        # A Parse alone runs nothing and plans nothing; the estimate for the challenge's page is on a read-only connection of
        # its own and plans only what calls no function of users.
        self.assertEqual([line for line in log.splitlines() if MARK in line and " parse " not in line and
                          "EXPLAIN (FORMAT JSON, VERBOSE) " not in line], [])

    def test_who_may_read_the_row_sees_the_detail_of_its_error(self):  # here, since it leaves an elevation
        breaks = "UPDATE notes SET id = 100 WHERE id = 1"
        with connect() as wire:
            self.assertNotIn("very private", str(wire.ask(breaks)))
            wire.send(query("SELECT body FROM notes"))
            demo.approve({"id": self.assert_held(wire, "read-pii")})
            wire.until("Z")
            self.assert_passes(wire, "SELECT id, body FROM notes")
            self.assertIn("very private", str(wire.ask(breaks)))


if __name__ == "__main__":
    unittest.main()
