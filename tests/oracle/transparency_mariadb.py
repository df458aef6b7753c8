#!/usr/bin/env python3
"""Runs tests of MariaDB's suite with MariaDB's mysqltest, directly and through stepgate in observe mode, and compares what each put out.

What differs is run directly once more: a test whose output differs between two direct runs says nothing. See README.md.
"""
import argparse
import collections
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from report import SKIPPED
from transparency import lines_that_differ

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/integration"))

LONGEST = 150  # seconds for a test
FAILURES = 3   # in a row, on both sides
SETTINGS = ("--log-bin-trust-function-creators=1", "--max-allowed-packet=16M", "--default-storage-engine=MyISAM", "--secure-file-priv=")
# They stop the server, take its accounts away, want another build or other programs, or replicate.
LEFT_OUT = re.compile(r"shutdown|restart|kill_and|have_debug|have_perl|galera|master-slave|rpl_|big_test|global_priv|mysql\.user|"
                      r"(from|into|update|table) mysql\.|set password|flush privileges|wait_until_disc|--perl|^perl;|\$MYSQL", re.I | re.M)
# Only root is known to stepgate as well.
OF_OTHERS = re.compile(r"^[-\s]*(connect\s*\(?\s*[^,\n]+,[^,\n]*,\s*|change_user\s+)(?!root\b)\w", re.I | re.M)
WITHOUT_PASSWORD = re.compile(r"(connect\s*\(?\s*[^,\n(]+,\s*[^,\n]*,\s*root|change_user\s+root)\s*(?:,\s*(?=[,)\n;])|(?=\)?;?\s*$))", re.I | re.M)
# What differs though stepgate passes everything on, and why.
OPENED = "the server counts a table's triggers, hidden columns or periods when it opens it: the reading of the catalogs had"
ASKED = "counts what stepgate asked in the session: what a procedure may have changed, what a reset leaves"
ROW = "the row in a warning of a variable is that of the statement before, one of stepgate's own"
COUNTED = "the server counts what asked for the catalogs, too"
PORT = "the server's own port, where a test asks for that which it connects to"
SAMPLED = "estimates of a server that takes samples"
EXPLAINED = {"features": OPENED, "invisible_field": OPENED, "versioning.sysvars": OPENED, "vcol.not_supported": OPENED, "status2": ASKED,
             "reset_connection": ASKED, "range_notembedded": ASKED, "sp-vars": ROW, "sysschema.pr_table_exists": ROW, "range_aria_dbt3": SAMPLED,
             "sys_vars.query_cache_limit_func": COUNTED, "sys_vars.port_basic": PORT, "secondary_key_costs": SAMPLED, "order_by_limit_join": SAMPLED}
INCLUDED = re.compile(r"^\s*-*\s*source\s+([^\s;$]+)", re.I | re.M)
HASH = re.compile(r"'\*[0-9A-F]{40}'")  # of root's password, which is another one behind stepgate
# What a database folder holds by right; a test writes others, which keep the database from being dropped.
TABLES = {".frm", ".ibd", ".MYI", ".MYD", ".MAI", ".MAD", ".opt", ".TRG", ".TRN", ".par", ".CSV", ".CSM", ".MRG", ".isl", ".ARZ", ".BAK"}
SERVERS_OWN = {"information_schema", "mysql", "performance_schema", "sys"}


class Gone(Exception):
    """A server that a test ended, or left as nobody can clean it."""


class Side:
    """A server of its own, and how its tests reach it."""

    def __init__(self, server, port, password, folder):
        self.server, self.port, self.password, self.folder = server, port, password, folder
        self.clean()

    def clean(self):
        for database in set(self.server.admin("SHOW DATABASES").split("\n")) - SERVERS_OWN:
            data = self.server.folder / "data" / database
            for left in data.iterdir() if data.is_dir() else ():
                if left.suffix not in TABLES:
                    left.unlink()
            self.server.admin(f"DROP DATABASE `{database}`")
        self.server.admin("CREATE DATABASE test CHARACTER SET latin1; CREATE DATABASE mtr;"
                          "CREATE PROCEDURE mtr.add_suppression(pattern varchar(255)) DO 0")

    def run(self, suite, test):
        """What the test put out, or None if it took too long."""
        shutil.rmtree(self.folder, ignore_errors=True)
        for name in ("tmp", "log"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "std_data").symlink_to(suite.tests / "std_data")
        env = dict(os.environ, MYSQL_TEST_DIR=str(suite.tests), MYSQLTEST_VARDIR=str(self.folder), MYSQL_TMP_DIR=str(self.folder / "tmp"),
                   MASTER_MYPORT=str(self.port), ROOT_PASSWORD=self.password, LC_ALL="C")
        command = [suite.program, "--no-defaults", "--silent", "--protocol=tcp", "--host=127.0.0.1", f"--port={self.port}", "--user=root",
                   f"--password={self.password}", "--ssl", "--database=test", f"--basedir={suite.tests}", f"--tmpdir={self.folder / 'tmp'}",
                   f"--logdir={self.folder / 'log'}", f"--test-file={suite.file_of(test)}",
                   *suite.switches]
        try:
            done = subprocess.run(command, env=env, cwd=suite.tests, capture_output=True, timeout=LONGEST)
        except subprocess.TimeoutExpired:
            return None
        finally:
            try:
                self.clean()
            except AssertionError as error:
                raise Gone(str(error)) from error
        text = (done.stdout + b"\n" + done.stderr).decode(errors="backslashreplace")
        for own, common in ((self.folder, "VAR"), (self.server.folder, "SERVER"), (self.port, "PORT"), (self.server.port, "PORT")):
            text = re.sub(rf"(?<!\w){re.escape(str(own))}(?!\w)", common, text)
        return HASH.sub("HASH", re.sub(r"errno: \d+", "errno", text)) + f"\nexit code {done.returncode}"


class Suite:
    """The tests, changed so that root has a password, and the program that runs them."""

    def __init__(self, unpacked, folder, *switches):
        self.program, self.tests, self.switches = unpacked / "usr/bin/mariadb-test", folder / "suite", switches
        shutil.copytree(unpacked / "usr/share/mysql/mysql-test", self.tests)
        for file in [*self.tests.rglob("*.test"), *self.tests.rglob("*.inc")]:
            text = file.read_bytes().decode("latin1")
            file.write_bytes(WITHOUT_PASSWORD.sub(r"\1,$ROOT_PASSWORD", text).encode("latin1"))

    def names(self, suites):
        """`suites`: others than the main one, whose tests are called vcol.vcol_keys."""
        return sorted(file.stem for file in self.tests.glob("main/*.test")) + [
            f"{name}.{file.stem}" for name in suites for file in sorted(self.tests.glob(f"suite/{name}/**/*.test"))]

    def file_of(self, test):
        suite, _, name = test.rpartition(".")
        folder = self.tests / "suite" / suite if suite else self.tests / "main"
        return folder / f"t/{name}.test" if (folder / "t").is_dir() else folder / f"{name}.test"

    def is_left_out(self, test):
        text = self.whole(self.file_of(test), set())
        return LEFT_OUT.search(text) is not None or OF_OTHERS.search(text) is not None

    def whole(self, file, seen):
        """Its text, and that of the files that it includes."""
        if file in seen or not file.is_file():
            return ""
        seen.add(file)
        text = file.read_bytes().decode("latin1")
        return text + "".join(self.whole(folder / name, seen) for name in INCLUDED.findall(text) for folder in (self.tests, file.parent))


def observing(folder, settings=SETTINGS):
    """(a stepgate before a server, how tests reach it)"""
    from harness import BINARY
    from mariadb import MariaDb, MySqlStack

    class Observing(MySqlStack):
        def make_cluster(self):
            return opened(MariaDb(self.folder / "cluster", *settings), "secret")

        def configure(self, *_, **__):
            done = subprocess.run([BINARY, "init", "--upstream", f"mysql://root@127.0.0.1:{self.cluster.port}/test", "--directory", self.home,
                                   "--listen", f"127.0.0.1:{self.port}", "--web", f"127.0.0.1:{self.web_port}", "--user", "root"],
                                  env=dict(os.environ, MYSQL_PWD="secret"), capture_output=True, text=True, check=True)
            self.password = re.search(r"password: (\S+)", done.stdout).group(1)
            text = self.config.read_text().replace('mode = "enforce"', 'mode = "observe"\nlocal_infile = true')
            text = text.replace("[[listener]]", f'[admin]\nlisten = "127.0.0.1:{self.admin_port}"\n\n[[listener]]')
            self.config.write_text(text)

    stack = Observing().start()
    return stack, Side(stack.cluster, stack.port, stack.password, folder / "through")


def opened(server, password):
    server.admin(f"CREATE OR REPLACE USER root@'127.0.0.1' IDENTIFIED BY '{password}'; GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;"
                 "CREATE DATABASE test")
    return server


class Sides:
    """Both, and new ones where a test ended one."""

    def __init__(self, folder):
        self.folder, self.made, self.failed = folder, 0, 0
        self.start()

    def start(self):
        from mariadb import MariaDb
        folder = self.folder / str(self.made)
        folder.mkdir(mode=0o755)
        self.made += 1
        self.stack, self.through = observing(folder)
        self.server = opened(MariaDb(folder / "server", *SETTINGS), self.stack.password)
        self.direct = Side(self.server, self.server.port, self.stack.password, folder / "direct")

    def stop(self):
        self.server.stop()
        self.stack.close()

    def compare(self, suite, test):
        """(kind, lines that differ)"""
        if suite.is_left_out(test):
            return "left out", []
        kind, lines = self.outcome(suite, test)
        self.failed = self.failed + 1 if kind == "fail alike" else 0
        if kind in ("unsteady", "differ") or self.failed == FAILURES:  # what one left behind may be why others fail
            self.failed = 0
            self.stop()
            self.start()
        return kind, lines

    def outcome(self, suite, test):
        try:
            one = self.direct.run(suite, test)
        except Gone as why:
            self.stop()
            self.start()
            return "end the server", [str(why)]
        try:
            other = self.through.run(suite, test)
            if one is not None and one == other:
                return "alike" if one.endswith("exit code 0") else "fail alike", []
            if one is None or self.direct.run(suite, test) != one:
                return "unsteady", []
        except Gone as why:  # the direct run did not
            self.stop()
            self.start()
            return "differ", [str(why)]
        return "explained" if other and test in EXPLAINED else "differ", lines_that_differ(one, other or "took too long")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stepgate", required=True)
    parser.add_argument("--cache", required=True, type=pathlib.Path, help="where the suite is kept")
    parser.add_argument("--tests", nargs="*", help="only these")
    parser.add_argument("--suites", nargs="*", default=[], help="other suites than the main one, too")
    parser.add_argument("--prepared", action="store_true", help="statements are prepared and executed, queries through cursors, wherever the server can")
    options = parser.parse_args()
    fetched = subprocess.run([ROOT / "tests/oracle/mariadb_source.sh", options.cache], capture_output=True, text=True)
    if fetched.returncode == 77:
        print(f"SKIPPED: MariaDB's test suite cannot be had here: {fetched.stderr.strip()}")
        return SKIPPED
    fetched.check_returncode()
    os.environ["STEPGATE_BINARY"] = options.stepgate
    with tempfile.TemporaryDirectory(prefix="stepgate-transparency.") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        suite = Suite(pathlib.Path(fetched.stdout.strip()), folder, *("--ps-protocol", "--cursor-protocol") * options.prepared)
        sides = Sides(folder)
        kinds = collections.defaultdict(list)
        try:
            for test in options.tests or suite.names(options.suites):
                kind, lines = sides.compare(suite, test)
                kinds[kind].append(test)
                if kind == "explained":
                    print(f"{test}: {EXPLAINED[test]}")
                elif lines:
                    print(f"\n== {test}: {kind}\n" + "\n".join(lines[:40]), flush=True)
        finally:
            sides.stop()
    print(f"{sum(map(len, kinds.values()))} tests: " + ", ".join(f"{len(names)} {kind}" for kind, names in sorted(kinds.items())))
    for kind in ("fail alike", "unsteady", "end the server"):
        print(f"{kind}: {' '.join(kinds[kind])}")
    return 1 if kinds["differ"] or not kinds["alike"] else 0


if __name__ == "__main__":
    sys.exit(main())
