"""The snapshot of a database that has one of everything (catalog.sql), as `stepgate catalog dump` prints it."""
import json
import os
import pathlib
import re
import subprocess
import unittest

from harness import BINARY, PATIENCE, Stack

HERE = pathlib.Path(__file__).resolve().parent


class Dump(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack()
        cls.addClassCleanup(cls.stack.close)
        cls.stack.cluster.admin("CREATE DATABASE everything")
        cls.stack.cluster.psql("-f", str(HERE / "catalog.sql"), database="everything")
        cls.stack.cluster.admin("GRANT CONNECT ON DATABASE everything TO app")
        text = cls.stack.config.read_text().replace('database = "shop"', "")
        cls.stack.config.write_text(text)
        # A temporary table of a session that is still there.
        cls.other = subprocess.Popen(
            ["psql", "-XqAt", "-h", "127.0.0.1", "-p", str(cls.stack.cluster.port), "-U", "postgres", "everything"],
            env={**os.environ, "PGPASSWORD": "postgres"}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        cls.addClassCleanup(cls.other.communicate)
        cls.other.stdin.write("CREATE TEMP TABLE customers (other int); CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql"
                              " AS 'SELECT 1'; SELECT 1;\n")
        cls.other.stdin.flush()
        cls.other.stdout.readline()
        # The account of the listener owns nothing there: what it needs everybody may read.
        cls.catalog = json.loads(cls.stack.catalog("everything"))
        cls.relations = {(r["schema"], r["name"]): r for r in cls.catalog["relations"]}
        cls.by_oid = {r["oid"]: r for r in cls.catalog["relations"]}
        cls.functions = {}
        for f in cls.catalog["functions"]:
            cls.functions.setdefault(f"{f['schema']}.{f['name']}", []).append(f)
        cls.function_names = {f["oid"]: f"{f['schema']}.{f['name']}" for f in cls.catalog["functions"]}
        cls.types = {t["oid"]: f"{t['schema']}.{t['name']}" for t in cls.catalog["types"]}
        cls.types_by_name = {f"{t['schema']}.{t['name']}": t for t in cls.catalog["types"]}
        cls.customers = cls.relations["app", "customers"]

    def test_a_server_that_answers_with_something_else_is_an_error(self):
        server = subprocess.Popen([pathlib.Path(BINARY).parent / "scripted_server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(server.communicate)
        odd = self.stack.home / "odd.toml"
        odd.write_text(re.sub(rf"^port = {self.stack.cluster.port}$", f"port = {server.stdout.readline().strip()}",
                              self.stack.config.read_text(), flags=re.M))
        done = subprocess.run([BINARY, "catalog", "dump", "--config", odd, "--database", "shop"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 1, done.stderr)  # and no crash
        self.assertIn("the server answered with other columns than were asked for", done.stderr)

    def test_what_reads_foreign_tables(self):
        self.assertEqual(self.relations["app", "of_file"]["handler"], "app.file_fdw_handler")
        self.assertNotIn("handler", self.customers)

    def function(self, name):
        self.assertEqual(len(self.functions[name]), 1)
        return self.functions[name][0]

    def names(self, oids):
        return [f"{self.by_oid[o]['schema']}.{self.by_oid[o]['name']}" for o in oids]

    def test_head(self):
        self.assertEqual(self.catalog["stepgate_catalog"], 1)
        self.assertEqual(self.catalog["database"], "everything")
        self.assertEqual(self.catalog["server_version"] // 10000, 15)
        self.assertTrue(self.catalog["event_triggers"])
        self.assertEqual([self.function_names[o] for o in self.catalog["event_trigger_functions"]], ["app.on_ddl"])
        self.assertEqual(self.customers["owner"], "postgres")
        for schema in ("app", "odd.name", "pg_catalog", "information_schema", "public"):
            self.assertIn(schema, self.catalog["schemas"])

    def test_only_what_users_made(self):
        self.assertEqual({s for s, _ in self.relations} & {"pg_catalog", "information_schema", "pg_toast"}, set())
        self.assertEqual([r for r in self.relations if r[0].startswith("pg_temp")], [])
        self.assertEqual([f for f in self.functions if f.startswith("pg_temp")], [])
        self.assertEqual([t for t in self.types_by_name if t.startswith("pg_temp")], [])
        self.assertNotIn("pg_catalog.now", self.functions)
        self.assertIn("pg_catalog.text", self.types_by_name)  # but every type has a name
        self.assertIn("public.digest", self.functions)        # an extension's is no part of the system
        self.assertEqual(self.functions["public.digest"][0]["language"], "c")

    def test_kinds(self):
        kinds = {"customers": "table", "orders": "partitioned_table", "orders_low": "table", "v": "view", "m": "materialized_view",
                 "customers_id_seq": "sequence", "customers_lower": "index", "point3": "composite", "unlogged": "table"}
        self.assertEqual({n: self.relations["app", n]["kind"] for n in kinds}, kinds)
        odd = self.relations["odd.name", 'Odd " Table']
        self.assertEqual(odd["columns"][0]["name"], 'Odd " Column')

    def test_columns(self):
        columns = [(c["name"], c["number"], self.types[c["type"]], c.get("generated", False), c.get("expression", ""))
                   for c in self.customers["columns"]]
        self.assertEqual(columns, [
            ("id", 1, "pg_catalog.int4", False, ""),
            ("name", 3, "pg_catalog.text", False, "'nobody'::text"),
            ("upper_name", 4, "pg_catalog.text", True, "upper(name)"),
            ("ssn", 5, "pg_catalog.text", False, ""),
        ])

    def test_typed_tables(self):
        self.assertEqual(self.types[self.relations["app", "typed"]["of_type"]], "app.point3")
        self.assertNotIn("of_type", self.customers)

    def test_not_null(self):
        self.assertEqual([c["name"] for c in self.customers["columns"] if c.get("not_null", False)], ["id"])

    def test_views(self):
        self.assertEqual(" ".join(self.relations["app", "v"]["definition"].split()),
                         "SELECT customers.name, customers.ssn FROM app.customers;")
        self.assertIn("FROM app.v", self.relations["app", "v_over_v"]["definition"])
        self.assertIn("count(*)", self.relations["app", "m"]["definition"])
        self.assertNotIn("definition", self.customers)

    def test_families(self):
        self.assertEqual(self.names(self.relations["app", "orders_low"]["parents"]), ["app.orders"])
        self.assertEqual(self.names(self.relations["app", "orders"]["children"]), ["app.orders_low"])
        self.assertEqual(self.names(self.customers["children"]), ["app.vip"])

    def triggers(self, relation):
        return [(t["name"], sorted(t["events"]), self.function_names[t["function"]], t.get("when", ""))
                for t in self.relations["app", relation].get("triggers", [])]

    def test_triggers(self):
        self.assertEqual(self.triggers("customers"), [
            ("audit WHEN (", ["delete", "update"], "app.trigger_body", "(old.name <> ' WHEN ('::text)"),
            ("emptied", ["truncate"], "app.trigger_body", ""),
        ])  # neither the one that is switched off nor those of foreign keys
        self.assertEqual(self.triggers("v"), [("instead", ["insert"], "app.trigger_body", "")])
        self.assertEqual(self.triggers("orders_low"), [("on_parent", ["insert"], "app.trigger_body", "")])

    def test_deferrable_triggers(self):
        self.assertEqual([t.get("deferrable", False) for t in self.relations["app", "unlogged"]["triggers"]], [True])
        self.assertEqual([t.get("deferrable", False) for t in self.customers["triggers"]], [False, False])

    def test_operator_classes_that_indexes_name(self):
        self.assertEqual([self.function_names[o] for o in self.relations["app", "unlogged"]["index_functions"]], ["app.backwards"])
        self.assertNotIn("index_functions", self.customers)
        integer = self.types_by_name["pg_catalog.int4"]
        self.assertNotIn("functions", integer)  # nobody gets there who does not name the class

    def test_rules(self):
        rules = self.relations["app", "log"]["rules"]
        self.assertEqual([r["name"] for r in rules], ["also"])
        self.assertIn("DELETE FROM app.unlogged", rules[0]["definition"])
        self.assertNotIn("rules", self.relations["app", "v"])  # a view's own rule is its definition

    def test_foreign_keys(self):
        keys = [(self.names([k["relation"]])[0], k["columns"], k["our_columns"], k.get("on_delete", "none"), k.get("on_update", "none"))
                for k in self.customers["referenced_by"]]
        self.assertEqual(sorted(keys), [("app.orders", ["customer"], ["id"], "cascade", "set_null"),
                                        ("app.orders_low", ["customer"], ["id"], "cascade", "set_null")])
        pair = self.relations["app", "pair"]["referenced_by"]
        self.assertEqual([(k["columns"], k["our_columns"], k["on_delete"]) for k in pair], [(["x", "y"], ["b", "a"], "set_default")])

    def test_primary_keys(self):
        self.assertEqual(self.customers["primary_key"], ["id"])
        self.assertEqual(self.relations["app", "pair"]["primary_key"], ["b", "a"])

    def test_row_security(self):
        self.assertTrue(self.customers["row_security"])
        self.assertEqual(self.customers["policies"], [
            {"name": "own", "using": "(name = CURRENT_USER)", "check": "(length(ssn) = 9)"}])
        self.assertFalse(self.relations["app", "orders"].get("row_security", False))

    def test_expressions_of_tables(self):
        self.assertEqual(self.customers["checks"], ["(length(name) > 0)"])
        self.assertEqual(sorted(self.customers["index_expressions"]), [
            "((ssn || 'x'::text))", "(ssn IS NOT NULL)", "length(name)", "length(ssn)", "lower(name)"])
        self.assertEqual(self.relations["app", "orders"]["index_expressions"], ["(customer % 10)"])

    def test_what_indexes_and_partitions_compare(self):
        keys = {key["name"]: (key["columns"], key.get("clustered", False)) for key in self.customers["index_keys"]}
        self.assertEqual(keys["customers_pkey"], (["id"], True))
        self.assertEqual(keys["customers_lower"], (["id", "*", "*"], False))
        self.assertEqual(self.relations["app", "words"]["default_partition_key"], ["word", "part"])
        self.assertNotIn("default_partition_key", self.relations["app", "orders"], "it has no default partition")

    def test_functions(self):
        f = self.function("app.defaults")
        self.assertEqual((f["language"], f["volatility"], f["kind"], f["security_definer"]), ("sql", "stable", "function", True))
        self.assertEqual(f["argument_names"], ["a", "o", "b", "c"])
        self.assertEqual([self.types[t] for t in f["argument_types"]], ["pg_catalog.int4", "pg_catalog.text", "pg_catalog._int4"])
        self.assertEqual([self.types[t] for t in f["output_types"]], ["pg_catalog.text"])
        self.assertEqual([self.types[t] for t in self.function("app.rows_of")["output_types"]], ["pg_catalog.int4", "pg_catalog.text"])
        self.assertEqual((f["defaults"], f["variadic"], f["default_expressions"]), (2, True, ["'x,y'::text", "ARRAY[1, 2]"]))
        self.assertEqual(f["settings"], [["search_path", "app, pg_temp"], ["work_mem", "1MB"]])
        self.assertEqual(f["body"].strip(), "SELECT b")
        self.assertIn("CREATE OR REPLACE FUNCTION app.defaults(", f["definition"])
        self.assertEqual(self.types[f["returns"]], "pg_catalog.text")

    def test_standard_body(self):
        f = self.function("app.standard")
        self.assertIn("BEGIN ATOMIC", f["body"])
        self.assertIn("SELECT (n + 1)", f["body"])
        self.assertEqual(f["volatility"], "immutable")

    def test_more_functions(self):
        self.assertEqual(len(self.functions["app.overloaded"]), 2)
        self.assertEqual(self.function("app.rows_of")["argument_names"], ["one", "two"])
        self.assertEqual(self.function("app.purge")["kind"], "procedure")
        self.assertIn("DELETE FROM app.log", self.function("app.purge")["body"])
        self.assertEqual(self.function("app.blob_in")["body"], "textin")

    def test_aggregates(self):
        f = self.function("app.total")
        self.assertEqual((f["kind"], f.get("definition", "")), ("aggregate", ""))
        self.assertEqual([self.function_names[o] for o in f["uses"]], ["app.standard"])
        self.assertEqual(f["uses_system"], ["pg_catalog.int4pl"])

    def test_operators(self):
        found = {o["name"]: (self.types.get(o.get("left"), ""), self.types[o["right"]], o["function_name"])
                 for o in self.catalog["operators"] if o["schema"] == "app"}
        self.assertEqual(found, {"===": ("pg_catalog.text", "pg_catalog.int4", "app.differ"),  # behind its own, what negates it
                                 "!!!": ("", "pg_catalog.int4", "pg_catalog.int4abs"),
                                 "!==": ("pg_catalog.text", "pg_catalog.int4", "app.same"),
                                 "<": ("app.blob", "app.blob", "app.blob_less")})
        self.assertEqual([o["function_name"] for o in self.catalog["operators"] if o["name"] == "==="], ["app.same", "app.differ"])

    def test_casts(self):
        found = {(self.types[c["source"]], self.types[c["target"]]): c.get("function_name", "") for c in self.catalog["casts"]}
        self.assertEqual(found["pg_catalog.int4", "app.mood"], "app.to_mood")
        self.assertEqual(found["app.mood", "pg_catalog.text"], "")
        self.assertNotIn(("pg_catalog.int4", "pg_catalog.int8"), found)

    def test_types(self):
        domain = self.types_by_name["app.positive"]
        self.assertEqual((domain["kind"], self.types[domain["base"]], domain["default"]), ("domain", "pg_catalog.int4", "7"))
        self.assertEqual(sorted(domain["checks"]), ["(VALUE > 0)", "(app.standard(VALUE) > 1)"])
        self.assertEqual(self.types_by_name["app.mood"]["kind"], "enumeration")
        self.assertEqual(self.types_by_name["app.span"]["kind"], "range")
        self.assertEqual([self.function_names[o] for o in self.types_by_name["app.span"]["functions"]], ["app.distance"])
        self.assertEqual(self.by_oid[self.types_by_name["app.point3"]["relation"]]["name"], "point3")
        self.assertEqual(self.types[self.types_by_name["app._mood"]["element"]], "app.mood")
        point = self.types_by_name["pg_catalog.point"]
        self.assertNotIn("element", point)
        self.assertEqual([self.function_names[o] for o in point["functions"]], ["app.point_compare"])  # its operator class's
        self.assertNotIn("functions", self.types_by_name["pg_catalog.int4"])
        self.assertEqual(sorted(self.function_names[o] for o in self.types_by_name["app.blob"]["functions"]),
                         ["app.blob_compare", "app.blob_in", "app.blob_less", "app.blob_out"])

    def test_dump_of_nothing_to_read(self):
        done = self.stack.run("catalog", "dump", "--database", "nowhere", expect=None)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn('database "nowhere" does not exist', done.stderr)
        done = self.stack.run("catalog", "dump", "--listener", "none", expect=None)
        self.assertEqual(done.returncode, 2)


class First(unittest.TestCase):
    def test_what_runs_with_values_waits_for_the_first_snapshot(self):
        """The first statements of all: nothing is known of the database yet."""
        stack = Stack()
        self.addCleanup(stack.close)
        stack.cluster.shop("CREATE FUNCTION known(text, text) RETURNS bool LANGUAGE sql AS 'SELECT EXISTS (SELECT FROM customers WHERE ssn = $2)';"
                           "CREATE OPERATOR === (LEFTARG = text, RIGHTARG = text, FUNCTION = known); CREATE DOMAIN known_ssn AS text CHECK (known(VALUE, VALUE))")
        stack.cluster.shop("CREATE DOMAIN word AS text; CREATE TABLE leads AS SELECT id, ssn::word FROM customers")
        for database in ("again", "prepared", "checked"):
            stack.cluster.admin(f"CREATE DATABASE {database} TEMPLATE shop OWNER app")
        demo = stack.start().person()
        for database, sql in (("shop", "SELECT '123-45-6789'::known_ssn"), ("again", "SELECT 'x' === '123-45-6789'"),
                              ("prepared", "PREPARE p (known_ssn) AS SELECT $1; EXECUTE p ('123-45-6789')"),
                              ("checked", "ALTER DOMAIN word ADD CHECK (VALUE <> '123-45-6789')")):
            with self.subTest(sql):
                held = stack.psql("-c", sql, PGDATABASE=database)
                challenge = demo.wait_pending()
                self.assertIn("read-pii" if database == "checked" else "read-secret", challenge["rules"])
                demo.deny(challenge)
                self.assertEqual(held.communicate(timeout=PATIENCE)[0], "")


class Absent(unittest.TestCase):
    """DROP .. IF EXISTS of what is not there, which migrations begin with, and of what was made past stepgate a moment ago."""

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack().start()
        cls.addClassCleanup(cls.stack.close)
        cls.demo = cls.stack.person()
        cls.stack.ask("SELECT * FROM orders LIMIT 1")  # waits for the catalogs to be read

    def test_of_nothing_passes(self):
        for sql in ("DROP TABLE IF EXISTS nothing_there CASCADE", "DROP SEQUENCE IF EXISTS nothing_there, public.nor_this",
                    "BEGIN; DROP VIEW IF EXISTS nothing_there; COMMIT",
                    "DROP TYPE IF EXISTS nothing_there CASCADE", "DROP SCHEMA IF EXISTS nothing_there CASCADE", "DROP FUNCTION IF EXISTS nothing_there(int)",
                    "DROP EXTENSION IF EXISTS hstore"):
            with self.subTest(sql):
                code, _, error = self.stack.ask(sql)
                self.assertEqual((code, self.demo.pending()), (0, []), error)
                self.assertIn("does not exist, skipping", error)

    def test_what_any_name_may_mean_is_looked_up_behind_ones_own_change(self):
        self.stack.cluster.shop("CREATE TYPE place AS (street text)")
        process = self.stack.psql("-q", "-c", "ALTER TYPE place ADD ATTRIBUTE city text", "-c", "SELECT 1 + 2", "-c", "SELECT upper('x')",
                                  "-c", "CREATE DOMAIN positive AS int CHECK (VALUE > 0)", "-c", "SELECT '5'::positive")
        self.assertEqual(process.communicate(timeout=PATIENCE), ("3\nX\n5\n", ""))

    def test_of_what_was_just_made_is_held(self):
        self.assertEqual(self.stack.ask("DROP TABLE IF EXISTS late")[0], 0)
        self.stack.cluster.shop("CREATE TABLE late AS SELECT 1 AS n")
        process = self.stack.psql("-c", "DROP TABLE IF EXISTS late")
        self.demo.deny(self.demo.wait_pending())
        process.communicate()
        self.assertEqual(self.stack.cluster.shop("SELECT n FROM late").strip(), "1")

    def test_of_types_and_schemas_that_were_just_made_is_held(self):
        for make, drop, look in (("CREATE TYPE late_type AS ENUM ('a'); CREATE TABLE of_late_type (a late_type)", "DROP TYPE IF EXISTS late_type CASCADE", "SELECT a FROM of_late_type"),
                                 ("CREATE SCHEMA late; CREATE TABLE late.t (a int)", "DROP SCHEMA IF EXISTS late CASCADE", "SELECT a FROM late.t")):
            with self.subTest(drop):
                self.assertEqual(self.stack.ask(drop)[0], 0)
                self.stack.cluster.shop(make)
                process = self.stack.psql("-c", drop)
                self.demo.deny(self.demo.wait_pending())
                process.communicate()
                self.stack.cluster.shop(look)

    def test_steps_of_migrations_pass(self):
        """What Django, Rails and Alembic send: each step in a block of its own, begun as soon as the one before it is committed."""
        steps = (("CREATE TABLE kinds (id bigserial PRIMARY KEY, name varchar(20) NOT NULL)",),
                 ("ALTER TABLE kinds ALTER COLUMN name DROP NOT NULL",),
                 ("CREATE TABLE posts (id bigserial PRIMARY KEY, title varchar, kind_id bigint, parent_id bigint)",
                  "ALTER TABLE posts ADD CONSTRAINT of_kind FOREIGN KEY (kind_id) REFERENCES kinds (id) DEFERRABLE INITIALLY DEFERRED",
                  "ALTER TABLE posts ADD CONSTRAINT of_parent FOREIGN KEY (parent_id) REFERENCES posts (id)",
                  "UPDATE posts SET title = 'none' WHERE title IS NULL", "ALTER TABLE posts ALTER COLUMN title SET NOT NULL",
                  "UPDATE kinds SET name = 'none' WHERE name IS NULL"),
                 ("CREATE TABLE notes (id int PRIMARY KEY, n int)", "CREATE INDEX notes_n ON notes (n)", "ALTER TABLE notes RENAME n TO number",
                  "ALTER TABLE notes ADD CONSTRAINT positive CHECK (number > 0)", "ALTER TABLE notes RENAME TO remarks",
                  "ALTER TABLE remarks DROP CONSTRAINT positive", "INSERT INTO remarks VALUES (1, 2)"),
                 ("ALTER TABLE kinds RENAME TO sorts", "ALTER TABLE sorts ADD COLUMN n int", "UPDATE sorts SET n = 1 WHERE id = 1",
                  "INSERT INTO sorts (n) VALUES (2)", "DELETE FROM sorts WHERE id = 5", "UPDATE posts SET title = 'x' WHERE id = 1"))
        code, _, error = self.stack.ask("SELECT 'done'", "-q", "-v", "ON_ERROR_STOP=1", "-c", "BEGIN", *(
            part for step in steps for sql in (*step, "COMMIT", "BEGIN") for part in ("-c", sql)), "-c", "COMMIT")
        self.assertEqual((code, self.demo.pending(), error), (0, [], ""))


if __name__ == "__main__":
    unittest.main()
