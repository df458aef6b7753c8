"""Ordinary traffic through stepgate on both protocols, for the counts of compose/optimized.sh: reads and writes of pgbench and sysbench,
one client and many, in transactions and out of them, with TLS and without (sysbench's TLS wants a client's key, so PostgreSQL's alone), and
statements that were not seen before.
"""
import argparse
import os
import subprocess

import psycopg
import pymysql

from bench import PGBENCH, fill_pgbench, prepared, raise_descriptor_limit
from mysql_bench import BenchStack, MySqlPeer
from mariadb import MariaDb

# Of the shop, with room for a name that makes each a shape of its own.
SHAPES = ("SELECT o.item AS {0} FROM orders o WHERE o.id = 7 ORDER BY {0} LIMIT 3",
          "WITH {0} AS (SELECT id, item FROM orders WHERE id < 5) SELECT count(*) FROM {0} LEFT JOIN orders o ON o.id = {0}.id",
          "UPDATE orders AS {0} SET item = 'x' WHERE {0}.id = -1",
          "SELECT CASE WHEN id > 3 THEN lower(item) ELSE 'none' END AS {0}, coalesce(item, '') FROM orders WHERE id IN (1, 2, 3) AND item LIKE 'a%'")


def run(command, **environment):
    subprocess.run(command, env=dict(os.environ, **environment), check=True, stdout=subprocess.DEVNULL)


def new_shapes(connection, count=2000):
    cursor = connection.cursor()
    for number in range(count):
        cursor.execute(SHAPES[number % len(SHAPES)].format(f"name{number}"))
        if cursor.description:
            cursor.fetchall()


def postgres(arguments):
    stack = prepared(arguments)
    try:
        stack.start()
        fill_pgbench(stack, scale=1)
        for tls in ("disable", "require"):
            for mode in ("simple", "extended", "prepared"):
                for clients in (1, 16):
                    for script in ("select-only", "tpcb-like"):
                        run([PGBENCH, "-n", "-b", script, "-M", mode, "-c", str(clients), "-T", str(arguments.seconds),
                             "-h", "127.0.0.1", "-p", str(stack.port), "-U", "demo", "shop"], PGPASSWORD=stack.password, PGSSLMODE=tls)
        with psycopg.connect(host="127.0.0.1", port=stack.port, user="demo", password=stack.password, dbname="shop", sslmode="disable",
                             autocommit=True) as connection:
            new_shapes(connection)
        stop(stack)
    finally:
        stack.close()


def mysql(arguments):
    stack = BenchStack(MariaDb)
    try:
        run(MySqlPeer("direct", stack.cluster.port, "app", "app-password").sysbench("oltp_read_write", "prepare"))
        stack.start()
        stepgate = MySqlPeer("stepgate", stack.port, "demo", stack.password)
        for workload in ("oltp_point_select", "oltp_read_write"):
            for prepares in ("disable", "auto"):
                for clients in (1, 16):
                    run(stepgate.sysbench(workload, f"--db-ps-mode={prepares}", f"--threads={clients}", f"--time={arguments.seconds}", "run"))
        with pymysql.connect(host="127.0.0.1", port=stack.port, user="demo", password=stack.password, database="shop", autocommit=True) as connection:
            new_shapes(connection)
        stop(stack)
    finally:
        stack.close()


def stop(stack):
    """As an operator would: the counts are written at a regular end."""
    stack.process.terminate()
    if code := stack.process.wait():
        raise SystemExit(f"stepgate ended with {code}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=2, help="of each of the 32 runs")
    parser.add_argument("--threads", type=int, default=1, help="of stepgate on PostgreSQL, for relaying")
    arguments = parser.parse_args()
    raise_descriptor_limit()
    postgres(arguments)
    mysql(arguments)


if __name__ == "__main__":
    main()
