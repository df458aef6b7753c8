#!/usr/bin/env python3
"""Runs the tests of drivers on servers of our own, directly and through stepgate in observe mode, and compares test by test what came of them.

The drivers' tests are those of Debian's packages. What differs is run both ways once more: a test that then is alike says nothing. See README.md.
"""
import argparse
import collections
import concurrent.futures
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from report import SKIPPED
from transparency import Stepgate
from transparency_mariadb import opened, observing

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/integration"))

LONGEST = 300  # seconds for a suite
GO_SOURCES = pathlib.Path("/usr/share/gocode")  # where Debian's packages for Go have theirs
# What differs though stepgate passes everything on, and why.
EXPLAINED = {"mysql TestTLS": "asks the server for the cipher of a connection that ends at stepgate, which offers TLS where the server does not"}


class GoSuite:
    """Tests of a Go package, which find their server through the environment."""

    def __init__(self, dialect, packages, environment, databases=()):
        self.dialect, self.packages, self.environment, self.databases = dialect, packages, environment, databases

    def run(self, place, folder):
        """{test: "pass", "fail" or "skip"}"""
        env = dict(os.environ, GOPATH=str(GO_SOURCES), GO111MODULE="off", GOFLAGS="", GOCACHE=str(folder / "go"), HOME=str(folder),
                   **{name: value.format(**place) for name, value in self.environment.items()})
        done = subprocess.run(["go", "test", "-count=1", "-p=1", "-vet=off", "-json", *self.packages], env=env, cwd=folder, capture_output=True,
                              text=True, timeout=LONGEST)
        events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        return {f"{event['Package'].rpartition('/')[2]} {event['Test']}": event["Action"]
                for event in events if "Test" in event and event["Action"] in ("pass", "fail", "skip")}


class UnittestSuite:
    """Tests of a Python package's source, which find their server through the environment."""

    OUTCOMES = """
import sys, tests, unittest
class Told(unittest.TestResult):
    def addSuccess(self, test): print(test.id(), "pass")
    def addFailure(self, test, _): print(test.id(), "fail")
    def addSkip(self, test, _): print(test.id(), "skip")
    addError = addFailure
tests.test_suite().run(Told())
"""

    def __init__(self, dialect, package, environment, databases=()):
        self.dialect, self.package, self.environment, self.databases = dialect, package, environment, databases
        self.source = None

    def run(self, place, _):
        env = dict(os.environ, **{name: value.format(**place) for name, value in self.environment.items()})
        done = subprocess.run(["/usr/bin/python3", "-B", "-c", self.OUTCOMES], env=env, cwd=self.source, capture_output=True, text=True,
                              timeout=LONGEST)
        return dict(line.rsplit(" ", 1) for line in done.stdout.splitlines() if line.rpartition(" ")[2] in ("pass", "fail", "skip"))


PGX = "host=127.0.0.1 port={port} user=postgres password={password} dbname=pgx_test sslmode=disable"
SUITES = {
    "pgx": GoSuite("postgres", ["github.com/jackc/pgconn/...", "github.com/jackc/pgx/v4", "github.com/jackc/pgx/v4/stdlib",
                                "github.com/jackc/pgx/v4/pgxpool"],
                   {"PGX_TEST_DATABASE": PGX, "PGX_TEST_CONN_STRING": PGX, "PGX_TEST_TCP_CONN_STRING": PGX}, ["pgx_test"]),
    "pq": GoSuite("postgres", ["github.com/lib/pq/..."],
                  {"PGHOST": "127.0.0.1", "PGPORT": "{port}", "PGUSER": "postgres", "PGPASSWORD": "{password}", "PGSSLMODE": "disable",
                   "PGDATABASE": "pqgotest"}, ["pqgotest"]),
    "psycopg2": UnittestSuite("postgres", "psycopg2",
                              {"PSYCOPG2_TESTDB": "psycopg2_test", "PSYCOPG2_TESTDB_HOST": "127.0.0.1", "PSYCOPG2_TESTDB_PORT": "{port}",
                               "PSYCOPG2_TESTDB_USER": "postgres", "PGPASSWORD": "{password}"}, ["psycopg2_test"]),
    "go-mysql": GoSuite("mariadb", ["github.com/go-sql-driver/mysql"],
                        {"MYSQL_TEST_USER": "root", "MYSQL_TEST_PASS": "{password}", "MYSQL_TEST_ADDR": "127.0.0.1:{port}"}, ["gotest"]),
}


class PostgresSides:
    """Two servers, one behind stepgate: what tests leave behind is for themselves."""

    def __init__(self, binary, folder, databases):
        from harness import Cluster
        self.clusters = [Cluster(folder / name, "max_prepared_transactions=10", "wal_level=logical") for name in ("server", "behind")]
        for cluster in self.clusters:
            cluster.admin("CREATE USER pgx_md5")  # a name that tests ask for
            for database in databases:
                cluster.admin(f"CREATE DATABASE {database}")
                cluster.admin("CREATE EXTENSION hstore; CREATE DOMAIN uint64 AS numeric(20,0)", database)
        self.proxy = Stepgate(binary, folder, self.clusters[1].port)
        self.direct, self.through = ({"port": port, "password": "postgres"} for port in (self.clusters[0].port, self.proxy.port))

    def close(self):
        self.proxy.stop()
        for cluster in self.clusters:
            cluster.stop()


class MariaDbSides:
    """Two servers, one behind stepgate; root has one password on both."""

    def __init__(self, _, folder, databases):
        from mariadb import MariaDb
        self.stack, _ = observing(folder, settings=())
        self.server = opened(MariaDb(folder / "server"), self.stack.password)
        for server in (self.server, self.stack.cluster):
            for database in databases:
                server.admin(f"CREATE DATABASE {database}")
        self.direct, self.through = ({"port": port, "password": self.stack.password} for port in (self.server.port, self.stack.port))

    def close(self):
        self.stack.close()
        self.server.stop()


def fetched(suite, cache):
    """Whether its source could be had."""
    if isinstance(suite, GoSuite):
        return all((GO_SOURCES / "src" / package.removesuffix("/...")).is_dir() for package in suite.packages)
    for release in ([], ["--release", "trixie"]):  # archives may have lost the source of this one
        done = subprocess.run([ROOT / "tests/oracle/source.sh", *release, suite.package, cache, "tests/*"], capture_output=True, text=True)
        if done.returncode == 0:
            suite.source = done.stdout.strip()
            return True
    return False


def compare(suite, binary, folder):
    """{kind: tests}"""
    sides = (PostgresSides if suite.dialect == "postgres" else MariaDbSides)(binary, folder, suite.databases)
    with contextlib.closing(sides), concurrent.futures.ThreadPoolExecutor() as both:
        direct, through = both.map(lambda place: suite.run(place, folder), (sides.direct, sides.through))
        differing = [test for test in sorted(direct | through) if direct.get(test) != through.get(test)]
        again = [suite.run(place, folder) for place in (sides.direct, sides.through) if set(differing) - set(EXPLAINED)]
    kinds = collections.defaultdict(list)
    for test in sorted(direct | through):
        if test not in differing:
            kinds[f"{direct[test]} alike"].append(test)
        elif test in EXPLAINED:
            kinds["explained"].append(test)
        else:
            kinds["unsteady" if again[0].get(test) == again[1].get(test) else "differ"].append(test)
    return kinds


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stepgate", required=True)
    parser.add_argument("--cache", required=True, type=pathlib.Path, help="where fetched sources are kept")
    parser.add_argument("--tests", nargs="*", choices=SUITES, help="only these suites")
    options = parser.parse_args()
    os.environ["STEPGATE_BINARY"] = options.stepgate
    failed, compared = False, 0
    for name in options.tests or SUITES:
        suite = SUITES[name]
        if not fetched(suite, options.cache):
            print(f"{name}: SKIPPED, its tests cannot be had here")
            continue
        begun = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="stepgate-transparency.") as folder:
            pathlib.Path(folder).chmod(0o755)
            kinds = compare(suite, options.stepgate, pathlib.Path(folder))
        print(f"{name}: " + ", ".join(f"{len(tests)} {kind}" for kind, tests in sorted(kinds.items())) +
              f" ({time.monotonic() - begun:.0f} s)", flush=True)
        for kind in ("fail alike", "unsteady", "differ"):
            print("".join(f"  {kind}: {test}\n" for test in kinds[kind]), end="")
        for test in kinds["explained"]:
            print(f"  explained: {test}: {EXPLAINED[test]}")
        compared += sum(map(len, kinds.values()))
        failed = failed or bool(kinds["differ"]) or not kinds["pass alike"]
    return 1 if failed else 0 if compared else SKIPPED


if __name__ == "__main__":
    sys.exit(main())
