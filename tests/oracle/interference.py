#!/usr/bin/env python3
"""Random queries at two databases that differ in one column: those that answer differently read it, whatever stepgate says. See README.md."""
import argparse
import collections
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/integration"))

SECRETS = {"judged": ("111", "222", "333"), "beside": ("333", "444", "2")}  # the two databases, and the ssn of their customers
TABLES = {"customers": ["id", "ssn", "city"], "scratch": ["id", "word"], "papers": ["id", "x"]}
# Texts alone, so that PostgreSQL compares whatever stands on both sides.
DEFINITIONS = ("CREATE TABLE customers (id varchar(20) PRIMARY KEY, ssn varchar(20) NOT NULL, city varchar(20))",
               "CREATE TABLE scratch (id varchar(20), word varchar(20))",
               "CREATE VIEW papers AS SELECT id, ssn AS x FROM customers",
               "INSERT INTO scratch VALUES ('1', '222'), ('2', 'b'), ('5', 'ssn')")
NAMES = ["ssn", "ssn", "id", "city", "word", "x"]
AGAIN = 8      # connections on each that what was missed is run again
LONGEST = 700  # characters; longer ones show nothing that short ones do not


class Queries:
    """SELECTs over those tables that name columns in every odd way. A scope is a list of (alias, its columns), the nearest last."""

    def __init__(self, dialect, seed):
        self.dialect, self.postgres, self.random, self.made, self.ctes = dialect, dialect == "postgres", random.Random(seed), 0, []
        self.schema = "public" if self.postgres else "judged"

    def chance(self, share):
        return self.random.random() < share

    def pick(self, *of):
        return self.random.choice(of)

    def one_of(self, **dialects):
        return self.random.choice(dialects["all"] + dialects.get(self.dialect, []) + ([] if self.postgres else dialects.get("both", [])))

    def alias(self):
        self.made += 1
        return self.pick("a", "b", "customers", "ssn", "x") + (str(self.made) if self.chance(0.7) else "")

    def name(self, scope):
        """A column: of the scope mostly, else whatever the server makes of it."""
        alias, columns = self.random.choice(scope[-4:]) if scope else (None, NAMES)
        column = self.random.choice(columns if columns and self.chance(0.65) else NAMES)
        if not alias or self.chance(0.4):
            return column
        if alias in TABLES and self.chance(0.2):
            return f"{self.schema}.{alias}.{column}"
        return f"{alias}.{column}"

    def whole(self, scope):
        """PostgreSQL: something made of a whole row."""
        if not scope:
            return "'a'"
        row = self.random.choice(scope[-4:])[0]
        form = self.pick("{}::text", "text({})", "{}.text", "to_jsonb({}) ->> 'ssn'", "row_to_json({})::text", "format('%s', {})", "concat({})",
                         "ssn({})", "({}).ssn", "({}.*)::text", "CAST(ROW({}.*) AS text)", "count({})::text", "max({}::text)", "({} IS NULL)::text",
                         "(to_json({}) #>> '{{ssn}}')", "json_agg({0} ORDER BY {0}.id)::text", "array_agg({})::text", "{} :: varchar",
                         "(jsonb_populate_record({}, '{{\"city\": \"y\"}}')).ssn", "row({}, 1)::text", "(array[{}])[1]::text", "quote_nullable({})")
        return form.format(row)

    def value(self, scope, depth):
        """(an expression, what its column is called where nothing else is said)"""
        chance = self.random.random()
        if chance < 0.5:
            name = self.name(scope)
            return name, name.split(".")[-1]
        if chance < 0.6:
            return self.one_of(all=["'222'", "'5'", "'ssn'", "NULL"], both=["2", "true", "_utf8mb4'222'", "'s' 'sn'"]), "ssn"
        if self.postgres and chance < 0.72:
            return self.whole(scope), "ssn"
        if depth > 0 and chance < 0.8:
            text, columns = self.query(depth - 1, 1, scope)
            return f"({text})", columns[0]
        inner, called = self.value(scope, depth - 1) if depth > 0 else (self.name(scope), "x")
        form = self.one_of(
            all=["({})", "concat({})", "coalesce({}, '1')", "max({})", "count({})", "count(DISTINCT {})", "min({}) OVER ()", "nullif({}, '222')",
                 "CASE WHEN {} > '2' THEN '1' END", "CASE {} WHEN '222' THEN '5' ELSE 'b' END", "row_number() OVER (ORDER BY {})", "length({})",
                 "replace({}, '1', 'x')", "trim({})", "greatest({}, '3')"],
            postgres=["({})::varchar", "CAST({} AS text)", '{} COLLATE "C"', "string_agg({}, '' ORDER BY id)", "count(*) FILTER (WHERE {} > '2')",
                      "(ARRAY[{}])[1]", "ROW({})::text", "json_build_array({})::text", "percentile_disc(0.5) WITHIN GROUP (ORDER BY {})",
                      "lag({}) OVER w", "to_jsonb({})::text", "substring({} FROM '.')", "({} IS DISTINCT FROM '222')::text", "quote_literal({})"],
            both=["+{}", "if({}, 1, 2)", "{} COLLATE utf8mb4_bin", "name_const('ssn', '222')", "name_const('x', '222')", "json_array({})",
                  "group_concat({})", "{{x {}}}", "ifnull({}, 1)", "cast({} AS char)", "json_extract(json_array({}), '$[0]')", "hex({})",
                  "rank() OVER (PARTITION BY {} ORDER BY id)", "!{}", "convert({} USING utf8mb4)", "json_object('a', {})", "lag({}) OVER w"],
            mysql=["any_value({})", "json_value(json_array({}), '$[0]')", "bin_to_uuid({})"],
            mariadb=["nvl({}, 1)", "json_value(json_array({}), '$[0]')", "median({}) OVER (PARTITION BY id)", "chr({})"])
        if form in ("({})", "trim({})"):
            return form.format(inner), called
        return form.format(inner), "ssn" if "ssn" in form else "x"

    def text(self, scope, depth=0):
        return self.value(scope, depth)[0]

    def condition(self, scope, depth):
        chance = self.random.random()
        if depth > 0 and chance < 0.1:
            return f"{self.pick('', 'NOT ')}EXISTS ({self.query(depth - 1, None, scope)[0]})"
        if depth > 0 and chance < 0.25:
            return f"{self.text(scope)} {self.pick('IN', 'NOT IN', '= ANY', '> ALL')} ({self.query(depth - 1, 1, scope)[0]})"
        if depth > 0 and chance < 0.32:
            return f"({self.text(scope)}, {self.text(scope)}) {self.pick('IN', '=', '>')} ({self.query(depth - 1, 2, scope)[0]})"
        if depth > 0 and chance < 0.42:
            return f"({self.condition(scope, depth - 1)} {self.pick('AND', 'OR')} {self.condition(scope, depth - 1)})"
        if chance < 0.5:
            return f"{self.text(scope)} IS {self.pick('', 'NOT ')}NULL"
        if chance < 0.56:
            return f"({self.text(scope)}, {self.text(scope)}) {self.pick('=', '<', '<>')} ('222', {self.text(scope)})"
        if chance < 0.6:
            return f"{self.text(scope)} BETWEEN {self.text(scope)} AND {self.text(scope)}"
        operator = self.one_of(all=["=", "=", ">", "<", "<>", "LIKE"], postgres=["IS DISTINCT FROM", "~"], both=["<=>", "REGEXP"])
        return f"{self.text(scope, depth - 1)} {operator} {self.text(scope, depth - 1)}"

    def called(self, columns):
        """An alias, maybe with names for columns: (what follows the table, (alias, columns))."""
        alias = self.alias()
        if self.chance(0.3) and columns:
            columns = self.random.sample(["ssn", "x", "id", "word"], min(len(columns), 4))
            return f" {self.pick('', 'AS ')}{alias} ({', '.join(columns)})", (alias, columns)
        return f" {self.pick('', 'AS ')}{alias}", (alias, columns)

    def table(self, scope, depth, before):
        """(what stands in FROM, what it adds to the scope); `before` stands to its left."""
        chance = self.random.random()
        if depth > 0 and chance < 0.3:
            lateral = chance < 0.12 and self.dialect != "mariadb"
            query, columns = self.query(depth - 1, self.pick(1, 1, 2), scope + before if lateral else [])
            alias, entry = self.called(columns)
            return f"{'LATERAL ' * lateral}({query}){alias}", [entry]
        if chance < 0.36:
            return self.made_of_json(scope + before)
        if depth > 0 and chance < 0.45:
            joined, entries = self.sources(scope, depth - 1)
            if self.postgres and " JOIN " in joined and self.chance(0.3):
                alias, entry = self.called([column for _, columns in entries for column in columns])
                return f"({joined}){alias}", [entry]
            return f"({joined})", entries
        if chance < 0.53:
            width, row = self.pick(1, 2), "ROW" * (self.dialect == "mysql")
            rows = ", ".join(f"{row}({', '.join(self.pick(*SHOWN) for _ in range(width))})" for _ in range(2))
            first = ["column1", "column2"] if self.postgres else ["ssn", "222"] if not row else ["column_0", "column_1"]
            alias, entry = self.called(first[:width])
            return f"(VALUES {rows}){alias}", [entry]
        name, columns = self.random.choice(list(TABLES.items()) + [("customers", TABLES["customers"])] + self.ctes * 2)
        if self.chance(0.5):
            return name, [(name, columns)]
        alias, entry = self.called(columns) if self.postgres else (f" {self.alias()}", None)
        return f"{name}{alias}", [entry or (alias.strip(), columns)]

    def made_of_json(self, scope):
        value, column = self.name(scope), self.pick("ssn", "x", "id")
        if self.postgres:
            form, columns = self.pick(("unnest(ARRAY[{}])", ["a"]), ("jsonb_array_elements_text(jsonb_build_array({}))", ["value"]),
                                      ("regexp_split_to_table({}, '')", ["a"]), ("jsonb_each_text(jsonb_build_object('x', {}))", ["key", "value"]),
                                      ("ROWS FROM (unnest(ARRAY[{}]), generate_series(1, 2))", ["a", "b"]),
                                      ("json_to_record(json_build_object('ssn', {})) AS", None))
            if columns is None:
                alias = self.alias()
                return f"{form.format(value)} {alias} (ssn text, x text)", [(alias, ["ssn", "x"])]
            alias, entry = self.called(columns)
            return form.format(value) + alias, [entry]
        alias, more = self.alias(), self.pick("", ", y FOR ORDINALITY", ", NESTED PATH '$' COLUMNS (word varchar(20) PATH '$')")
        return (f"JSON_TABLE(json_array({value}), '$[*]' COLUMNS ({column} varchar(20) PATH '$'{more})) {alias}",
                [(alias, [column] + ["word"] * ("word" in more))])

    def sources(self, scope, depth):
        text, entries = self.table(scope, depth, [])
        for _ in range(self.pick(0, 0, 1, 1, 2)):
            chance = self.random.random()
            right, added = self.table(scope, depth - 1, entries)
            kind = self.one_of(all=["JOIN", "JOIN", "LEFT JOIN", "RIGHT JOIN"], postgres=["FULL JOIN"], both=["STRAIGHT_JOIN"])
            if chance < 0.2:
                text += f", {right}"
            elif chance < 0.35:
                text += f" NATURAL {self.pick('', 'LEFT ')}JOIN {right}"
            elif chance < 0.6:
                text += f" {kind} {right} USING ({self.pick('id', 'id', 'ssn', 'x', 'id, ssn')})"
                if self.postgres and self.chance(0.2):
                    alias = self.alias()
                    text, added = f"{text} AS {alias}", added + [(alias, ["id"])]
            elif chance < 0.7:
                text += f" CROSS JOIN {right}"
            else:
                text += f" {kind} {right} ON {self.condition(scope + entries + added, depth - 1)}"
            entries = entries + added
        return text, entries

    def listed(self, scope, entries, depth, width):
        """(what is selected, its columns)"""
        if width is None and self.chance(0.2):
            if self.chance(0.5):
                return "*", [column for _, columns in entries for column in columns]
            alias, columns = self.random.choice(entries)
            return f"{alias}.*", columns
        texts, columns = [], []
        for _ in range(width or self.pick(1, 2)):
            text, column = self.value(scope + entries, depth - 1)
            if self.chance(0.35):
                column = self.random.choice(NAMES)
                text += f"{self.pick(' AS', '')} {column}"
            texts.append(text)
            columns.append(column)
        return ", ".join(texts), columns

    def query(self, depth, width=None, scope=()):
        """(its text, what its columns are called)"""
        begin, kept, scope = "", list(self.ctes), list(scope)
        if depth > 0 and self.chance(0.15):
            name, (text, columns) = self.pick("q", "customers", "scratch", "x"), self.query(depth - 1, self.pick(1, 2), scope)
            names = self.random.sample(["ssn", "x", "id"], len(columns)) if self.chance(0.4) else None
            begin = f"WITH {self.pick('', 'RECURSIVE ')}{name}{' (' + ', '.join(names) + ')' if names else ''} AS ({text}) "
            self.ctes.append((name, names or columns))
        text, entries = self.sources(scope, depth)
        what, columns = self.listed(scope, entries, depth, width)
        seen = scope + entries
        distinct = self.pick("", "", "", "DISTINCT ", f"DISTINCT ON ({self.name(seen)}) " if self.postgres else "SQL_SMALL_RESULT ")
        sql = f"{begin}SELECT {distinct}{what} FROM {text}"
        if self.chance(0.45):
            sql += f" WHERE {self.condition(seen, depth)}"
        if self.chance(0.15):
            form = self.one_of(all=["{}", "{}"], postgres=["GROUPING SETS (({}), ())", "CUBE ({})"], both=["{} WITH ROLLUP"])
            sql += f" GROUP BY {form.format(self.text(seen))}"
        if self.chance(0.1):
            sql += f" HAVING {self.condition(seen + [(None, columns)], 0)}"
        if " OVER w" in what:
            sql += f" WINDOW w AS ({self.pick('PARTITION', 'ORDER')} BY {self.name(seen)})"
        if depth > 0 and self.chance(0.12):
            other = self.query(depth - 1, len(columns), scope)[0]
            sql += f" {self.pick('UNION', 'UNION ALL', 'EXCEPT', 'INTERSECT')} {self.pick(other, f'({other})')}"
        if self.chance(0.25):
            sql += f" ORDER BY {self.pick(self.text(seen), self.random.choice(columns or NAMES), '1')}"
        if self.chance(0.1):
            sql += " LIMIT 1"
        self.ctes = kept
        return sql, columns

    def __iter__(self):
        while True:
            self.made, self.ctes = 0, []
            text, _ = self.query(self.pick(0, 1, 1, 2))
            if len(text) <= LONGEST and not self.crashes(text):
                yield text

    def crashes(self, text):
        """MariaDB 10.11 does at many joins by name beside JSON_TABLE, or beside a column with its database that is not there."""
        return self.dialect == "mariadb" and re.search(r"NATURAL|USING \(", text) and re.search(r"JSON_TABLE|judged\.", text)


SHOWN = ("'ssn'", "'222'", "'1'")  # in VALUES


class Server:
    """One with both databases, and a new one where a statement ended it."""

    def __init__(self, folder, kind):
        self.folder, self.kind, self.ended, self.server = folder, kind, 0, None
        self.start()

    def start(self):
        self.server = self.make(self.folder / str(self.ended))
        for name in SECRETS:
            connection = self.connect(name)
            with connection.cursor() as cursor:
                for definition in DEFINITIONS + self.kind.definitions:
                    cursor.execute(definition)
                cursor.executemany("INSERT INTO customers VALUES (%s, %s, %s)", list(zip("123", SECRETS[name], ("Oslo", "Rome", "Bern"))))
                for definition in self.kind.later:
                    cursor.execute(definition)
            connection.commit()
            connection.close()

    def again(self, name):
        """A connection instead of one that broke."""
        try:
            return self.connect(name)
        except Exception:  # of either library
            self.server.stop()
            self.ended += 1
            self.start()
            return self.connect(name)


class Postgres(Server):
    table = "public.customers"

    def make(self, folder):
        from harness import Cluster
        server = Cluster(folder, "autovacuum=off")  # plans, and with them the order of rows, are to be the same in both
        for name in SECRETS:
            server.admin(f"CREATE DATABASE {name} OWNER app")
        self.address = f"postgres://app:app-password@127.0.0.1:{server.port}/judged"
        return server

    def connect(self, database):
        import psycopg2
        connection = psycopg2.connect(host="127.0.0.1", port=self.server.port, user="app", password="app-password", dbname=database,
                                      options="-c statement_timeout=2s")
        connection.autocommit = True
        return connection


class MySql(Server):
    table = "judged.customers"

    def __init__(self, folder, kind, oracle):
        self.oracle = oracle
        super().__init__(folder, kind)

    def make(self, folder):
        from mariadb import MariaDb, OracleMySql
        server = (OracleMySql if self.oracle else MariaDb)(folder)
        for name in SECRETS:
            server.admin(f"CREATE DATABASE {name} CHARACTER SET utf8mb4; GRANT ALL ON {name}.* TO app@'%'")
        self.address = f"mysql://app:app-password@127.0.0.1:{server.port}/judged"
        return server

    def connect(self, database):
        import pymysql
        limit = "max_execution_time = 2000" if self.oracle else "max_statement_time = 2"
        return pymysql.connect(host="127.0.0.1", port=self.server.port, user="app", password="app-password", database=database, charset="utf8mb4",
                               init_command=f"SET sql_mode = '', {limit}", read_timeout=20)


class Database:
    """One of the two, and what it answers."""
    definitions, later = (), ()  # beside DEFINITIONS, and once there are rows

    def __init__(self, server, name):
        self.server, self.name, self.connection = server, name, server.connect(name)
        self.wrote = {}  # {text: {table: its columns with other values, none where whole rows came or went}}

    def answer(self, sql):
        """(whether it was run, what came back): rows in their order, or the error, which tells of values too."""
        self.status = None  # PostgreSQL's word for what was done: "UPDATE 2"
        try:
            with self.connection.cursor() as cursor:
                cursor.execute(sql.replace("judged.", self.name + "."))
                self.status = getattr(cursor, "statusmessage", None)
                return True, repr(cursor.fetchall() if cursor.description else None)
        except Exception as error:  # of either library
            if getattr(self.connection, "closed", False) or not getattr(self.connection, "open", True):
                self.connection = self.server.again(self.name)
                return False, None
            # What is refused before any row is read tells nothing of rows; its words quote names and numbers of tables.
            refused = "SQL syntax" in str(error) or (getattr(error, "pgcode", None) or "").startswith("42")
            return False, None if refused else self.words(error).replace(self.name + ".", "judged.")

    def words(self, error):
        return str(error)


def compared(server, queries, count, kind):
    """(how many texts ran, those whose two answers differ, what each changed)"""
    judged, beside = (kind(server, name) for name in SECRETS)
    accepted, different = 0, []
    for sql, _ in zip(queries, range(count)):
        ran, one = judged.answer(sql)
        ran_too, other = beside.answer(sql)
        accepted += ran or ran_too
        if None not in (one, other) and one != other and judged.answer(sql)[1] == one:
            different.append((sql, one, other))
    return accepted, different, judged.wrote


def certain(server, sql, kind):
    """Whether no answer of the one database is one of the other: rows that are equal to ORDER BY come as they lie in a connection's memory."""
    answers = []
    for name in SECRETS:
        databases = [kind(server, name) for _ in range(AGAIN)]
        answers.append({database.answer(sql)[1] for database in databases})
        for database in databases:
            database.connection.close()
    return not (answers[0] & answers[1]) - {None}


def explained(stepgate, folder, server, dialect, statements):
    """The facts that stepgate finds in each text."""
    home, catalog = folder / "stepgate", folder / "catalog.json"
    if not catalog.exists():
        subprocess.run([stepgate, "init", "--upstream", server.address, "--directory", home, "--user", "judge"], check=True, stdout=subprocess.DEVNULL)
        with open(catalog, "w") as out:
            subprocess.run([stepgate, "catalog", "dump", "--config", home / "stepgate.toml", "--database", "judged"], check=True, stdout=out)
    asked = "".join(json.dumps({"sql": sql}) + "\n" for sql in statements)
    lines = subprocess.run([stepgate, "explain", "--dialect", dialect, "--database", "judged", "--catalog", catalog], input=asked, check=True,
                           capture_output=True, text=True).stdout.splitlines()
    return [json.loads(line)["facts"] for line in lines]


def columns_of(facts, what, table):
    """Those of a table that are read, or written; None where the table is not."""
    named = [of["columns"] for statement in facts["statements"] for of in statement[what] if of["table"] == table]
    return {column for columns in named for column in columns} if named else None


def verdict(facts, table, one, other):
    """"read" the column, "opaque", "counted" (see interference_changes.py), or "missed"."""
    def has(what):
        return {"ssn", "*"} & (columns_of(facts, what, table) or set())
    if facts["opaque"]:
        return "opaque"
    return "read" if has("reads") else "counted" if has("writes") and of_counts_alone(one, other) else "missed"


def unseen(facts, schema, wrote):
    """What a text changed and is not said to write: [(table, columns)]"""
    written = {table: columns_of(facts, "writes", schema + table) for table in wrote}
    return [] if facts["opaque"] else [(table, columns) for table, columns in wrote.items()
                                       if written[table] is None or not ("*" in written[table] or set(columns) <= written[table])]


def of_counts_alone(one, other):
    """Whether two answers to a change differ in no more than how many rows it changed, their first line: those that have the value already are not counted."""
    return one.partition("\n")[2] == other.partition("\n")[2] != ""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stepgate", required=True)
    parser.add_argument("--dialect", choices=("postgres", "mariadb", "mysql"), required=True)
    parser.add_argument("--changes", action="store_true", help="statements that change rows in place of queries")
    parser.add_argument("--statements", type=int, default=50000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=20, help="how many that are missed")
    options = parser.parse_args()
    os.environ["STEPGATE_BINARY"] = options.stepgate
    with tempfile.TemporaryDirectory(prefix="stepgate-interference.") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        queries, kind = of_kind(options.changes, options.dialect)
        try:
            server = Postgres(folder, kind) if options.dialect == "postgres" else MySql(folder, kind, options.dialect == "mysql")
        except unittest.SkipTest as why:
            print(why)
            return 77
        try:
            accepted, different, wrote = compared(server, queries(options.dialect, options.seed), options.statements, kind)
            facts = explained(options.stepgate, folder, server, options.dialect, [sql for sql, *_ in different])
            verdicts = [verdict(of, server.table, *answers) for of, (_, *answers) in zip(facts, different)]
            verdicts = ["by chance" if one == "missed" and not certain(server, sql, kind) else one for one, (sql, *_) in zip(verdicts, different)]
            wrote = {sql: of for sql, of in wrote.items() if of}
            facts = explained(options.stepgate, folder, server, options.dialect, wrote)
        finally:
            server.server.stop()
    schema = server.table.partition(".")[0] + "."
    return report(options, accepted, different, verdicts, server.ended, len(wrote),
                  [(sql, of) for sql, of in zip(wrote, (unseen(of, schema, wrote[sql]) for of, sql in zip(facts, wrote))) if of])


def of_kind(changes, dialect):
    if not changes:
        return Queries, Database
    if dialect == "postgres":
        import interference_changes_postgres
        return interference_changes_postgres.PostgresChanges, interference_changes_postgres.PostgresChanged
    import interference_changes
    return interference_changes.Changes, interference_changes.Changed


def report(options, accepted, different, verdicts, ended, wrote, unseen):
    kinds = collections.Counter(verdicts)
    print(f"{options.statements} tried, {accepted} accepted, {len(different)} with different answers: {kinds['read']} read, {kinds['opaque']} opaque, "
          f"{kinds['by chance']} by chance, " + f"{kinds['counted']} only in how many they changed, " * options.changes +
          f"{kinds['missed']} missed" + f"; {wrote} changed something, {len(unseen)} of them unseen" * options.changes +
          f"; {ended} ended the server" * bool(ended))
    missed = sorted((one for one, verdict in zip(different, verdicts) if verdict == "missed"), key=lambda one: len(one[0]))
    for sql, one, other in missed[:options.show]:
        print(f"  {sql}\n    {one[:150]}\n    {other[:150]}")
    for sql, of in sorted(unseen, key=lambda one: len(one[0]))[:options.show]:
        print(f"  {sql}\n    changes {of}")
    return 0 if kinds["read"] and bool(wrote) == options.changes and not missed and not unseen else 1


if __name__ == "__main__":
    sys.exit(main())
