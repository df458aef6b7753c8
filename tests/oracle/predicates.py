#!/usr/bin/env python3
"""Random DELETEs on real servers: what `where` says of each, beside the rows that it deletes from several random sets of rows. See README.md."""
import argparse
import collections
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/integration"))

ROWS = 4     # in the table that is deleted from
SETS = 16    # of rows; those of even number hold no NULL
MISSED = 3   # per cent of the statements that may delete all rows or none, whatever the rows, and be called `present`
OVER = 4     # per cent that may be called `always_true` and delete some rows of a set without NULL
DEFINITIONS = ("CREATE TABLE orders (id int PRIMARY KEY, total int)", "CREATE TABLE payments (id int, order_id int)")


class Statements:
    """DELETEs from `orders o`, maybe joined with something else, by predicates of columns, small numbers and subqueries."""

    def __init__(self, postgres, seed):
        self.postgres, self.random = postgres, random.Random(seed)

    def scalar(self, tables, nested=False):
        chance = self.random.random()
        if not nested and not self.postgres and chance < 0.03:
            return f"{self.random.choice(('least', 'greatest', 'coalesce'))}({self.scalar(tables, True)}, {self.scalar(tables, True)})"
        if not nested and not self.postgres and chance < 0.05:
            return f"cast({self.scalar(tables, True)} AS signed)"
        if not nested and chance < 0.1:
            return f"{self.scalar(tables, True)} {self.random.choice('+-*')} {self.scalar(tables, True)}"
        if chance < 0.3:
            return str(self.random.randint(-2, 2))
        if self.postgres and not nested and chance < 0.4:
            form = self.random.choice(("least({}, {})", "greatest({}, {})", "coalesce({}, {})", "nullif({}, {})", "num_nulls({}, {})",
                                       "CASE WHEN {} IS NULL THEN 0 ELSE {} END", "sign({} - {})::int", "length(repeat('x', {} + {}))"))
            return form.format(self.scalar(tables, True), self.scalar(tables, True))
        alias, columns = self.random.choice(tables)
        return f"{alias}.{self.random.choice(columns)}"

    def source(self, alias):
        """(what stands in FROM, (alias, its columns))"""
        text, columns = self.random.choice((
            ("payments", ["id", "order_id"]), ("payments", ["id", "order_id"]), ("orders", ["id", "total"]), ("orders", ["id", "total"]),
            ("(SELECT id AS a, total FROM orders)", ["a", "total"]), ("(SELECT id, total FROM orders WHERE total = 1)", ["id", "total"]),
            ("(SELECT 1 AS x)", ["x"])))
        return f"{text} {alias}", (alias, columns)

    def subquery(self, tables, depth, given):
        text, inner = self.source(f"i{depth}")
        condition = f" WHERE {self.predicate(tables + [inner] * 2, depth)}" if self.random.random() < 0.7 else ""
        return f"(SELECT {given or f'{inner[0]}.{self.random.choice(inner[1])}'} FROM {text}{condition})"

    def predicate(self, tables, depth):
        chance, pick = self.random.random(), self.random.choice
        if depth and not self.postgres and self.random.random() < 0.08:
            one, other = self.predicate(tables, depth - 1), self.predicate(tables, depth - 1)
            return pick((f"({one} XOR {other})", f"IF({one}, {pick('01')}, {pick('01')})",
                         f"(CASE WHEN {one} THEN {pick('01')} WHEN {other} THEN {pick('01')} ELSE {pick('01')} END = {pick('01')})"))
        if depth and chance < 0.5:
            return f"({self.predicate(tables, depth - 1)} {pick(('AND', 'OR'))} {self.predicate(tables, depth - 1)})"
        if depth and chance < 0.56:
            return f"(NOT {self.predicate(tables, depth - 1)})"
        if depth and chance < 0.66:
            return f"{pick(('', 'NOT '))}EXISTS {self.subquery(tables, depth - 1, pick(('1', '*')))}"
        if depth and chance < 0.76:
            return f"{self.scalar(tables)} IN {self.subquery(tables, depth - 1, None)}"
        if chance < 0.8:
            return f"({self.scalar(tables)} IS {pick(('', 'NOT '))}NULL)"
        if chance < 0.84:
            return f"{self.scalar(tables)} BETWEEN {self.scalar(tables)} AND {self.scalar(tables)}"
        return f"{self.scalar(tables)} {pick(('=', '=', '<', '>', '<=', '>=', '<>'))} {self.scalar(tables)}"

    def statement(self):
        target = ("o", ["id", "total"])
        begin = "DELETE FROM orders AS o" if self.postgres else "DELETE o FROM orders AS o"
        if self.random.random() < 0.4:
            return f"{begin} WHERE {self.predicate([target], 2)}"
        text, other = self.source("p")
        tables = [target, other]
        if self.postgres:
            return f"{begin} USING {text} WHERE {self.predicate(tables, 2)}"
        pairs = f" ON {self.predicate(tables, 1)}" if self.random.random() < 0.4 else ""
        return f"{begin} JOIN {text}{pairs} WHERE {self.predicate(tables, 2)}"


def open_postgres(folder):
    """(the server, a connection to it, its address)"""
    import psycopg2
    from harness import Cluster
    server = Cluster(folder)
    server.admin("CREATE DATABASE judged OWNER app")
    connection = psycopg2.connect(host="127.0.0.1", port=server.port, user="app", password="app-password", dbname="judged")
    return server, connection, f"postgres://app:app-password@127.0.0.1:{server.port}/judged"


def open_mariadb(folder):
    import pymysql
    from mariadb import MariaDb
    server = MariaDb(folder)
    server.admin("CREATE DATABASE judged; GRANT ALL ON judged.* TO app@'%'")
    connection = pymysql.connect(host="127.0.0.1", port=server.port, user="app", password="app-password", database="judged")
    return server, connection, f"mysql://app:app-password@127.0.0.1:{server.port}/judged"


def said(stepgate, folder, address, dialect, statements):
    """What stepgate says of each: "missing", "always_true", "present", or "opaque"."""
    home = folder / "stepgate"
    subprocess.run([stepgate, "init", "--upstream", address, "--directory", home, "--user", "judge"], check=True, stdout=subprocess.DEVNULL)
    catalog = folder / "catalog.json"
    with open(catalog, "w") as out:
        subprocess.run([stepgate, "catalog", "dump", "--config", home / "stepgate.toml", "--database", "judged"], check=True, stdout=out)
    asked = "".join(json.dumps({"sql": sql}) + "\n" for sql in statements)
    told = subprocess.run([stepgate, "explain", "--dialect", dialect, "--database", "judged", "--catalog", catalog], input=asked, check=True,
                          capture_output=True, text=True).stdout
    facts = [json.loads(line)["facts"] for line in told.splitlines()]
    return ["opaque" if one["opaque"] else one["statements"][0]["where"] for one in facts]


def fill(cursor, rows, with_null):
    def value():
        return rows.choice([-2, -1, 0, 1, 2] + [None] * with_null)
    for table in ("orders", "payments"):
        cursor.execute(f"DELETE FROM {table}")
    cursor.executemany("INSERT INTO orders VALUES (%s, %s)", [(key, value()) for key in rows.sample(range(-5, 6), ROWS)])
    cursor.executemany("INSERT INTO payments VALUES (%s, %s)", [(rows.randint(-3, 3), value()) for _ in range(rows.choice((1, 2, 4)))])


def deleted(connection, statements, seed):
    """Of each statement: how many rows it deletes from each set; None where the server refuses it."""
    cursor, rows = connection.cursor(), random.Random(seed)
    counts = [[] for _ in statements]
    for number in range(SETS):
        fill(cursor, rows, number % 2)
        connection.commit()
        for sql, seen in zip(statements, counts):
            try:
                cursor.execute(sql)
                seen.append(cursor.rowcount)
            except Exception:  # it does not matter why
                seen.append(None)
            connection.rollback()
    return counts


def judgement(where, counts):
    if where == "opaque" or None in counts:
        return "opaque, or refused by the server"
    if where == "always_true":
        return "held as of all rows" if all(count in (0, ROWS) for count in counts[::2]) else "held as of all rows, and deletes some"
    return "of some rows, and deletes all or none" if set(counts) <= {0, ROWS} and ROWS in counts else "of some rows"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stepgate", required=True)
    parser.add_argument("--dialect", choices=("postgres", "mariadb"), required=True)
    parser.add_argument("--statements", type=int, default=2500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=20, help="statements of each kind that is wrong")
    options = parser.parse_args()
    os.environ["STEPGATE_BINARY"] = options.stepgate
    source = Statements(options.dialect == "postgres", options.seed)
    statements = [source.statement() for _ in range(options.statements)]
    with tempfile.TemporaryDirectory(prefix="stepgate-predicates.") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        server, connection, address = (open_postgres if options.dialect == "postgres" else open_mariadb)(folder / "server")
        try:
            for definition in DEFINITIONS:
                connection.cursor().execute(definition)
            connection.commit()
            found = said(options.stepgate, folder, address, options.dialect, statements)
            counts = deleted(connection, statements, options.seed)
        finally:
            connection.close()
            server.stop()
    return report(statements, found, counts, options.show)


def report(statements, found, counts, show):
    kinds = [judgement(*one) for one in zip(found, counts)]
    total = collections.Counter(kinds)
    for kind, count in total.most_common():
        print(f"{count:6} {kind}")
    failed = not total["held as of all rows"] or not total["of some rows"]
    for kind, limit in (("of some rows, and deletes all or none", MISSED), ("held as of all rows, and deletes some", OVER)):
        share = 100 * total[kind] / len(statements)
        print(f"\n{kind}: {share:.1f} % (limit {limit} %)")
        failed = failed or share > limit
        wrong = sorted(((sql, rows) for sql, rows, one in zip(statements, counts, kinds) if one == kind), key=lambda one: len(one[0]))
        for sql, rows in wrong[:show]:
            print(f"  {sql}\n    {rows}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
