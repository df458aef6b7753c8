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
SETTINGS = ("--log-bin-trust-function-creators=1", "--max-allowed-packet=16M", "--default-storage-engine=MyISAM", "--secure-file-priv=")
# They stop the server, take its accounts away, want another build or other programs, or replicate.
LEFT_OUT = re.compile(r"shutdown|restart|kill_and|have_debug|have_perl|galera|master-slave|rpl_|big_test|global_priv|mysql\.user|"
                      r"(from|into|update|table) mysql\.|set password|flush privileges|wait_until_disc|--perl|^perl;|\$MYSQL", re.I | re.M)
# Only root is known to stepgate as well.
OF_OTHERS = re.compile(r"^[-\s]*(connect\s*\(?\s*[^,\n]+,[^,\n]*,\s*|change_user\s+)(?!root\b)\w", re.I | re.M)
WITHOUT_PASSWORD = re.compile(r"(connect\s*\(?\s*[^,\n(]+,\s*[^,\n]*,\s*root|change_user\s+root)\s*(?:,\s*(?=[,)\n;])|(?=\)?;?\s*$))", re.I | re.M)
SERVERS_OWN = {"information_schema", "mysql", "performance_schema", "sys"}


class Side:
    """A server of its own, and how its tests reach it."""

    def __init__(self, server, port, password, folder):
        self.server, self.port, self.password, self.folder = server, port, password, folder
        self.clean()

    def clean(self):
        for database in set(self.server.admin("SHOW DATABASES").split("\n")) - SERVERS_OWN:
            data = self.server.folder / "data" / database
            for left in data.glob("*.txt") if data.is_dir() else ():
                left.unlink()  # what a test wrote there, which keeps the database from being dropped
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
                   f"--logdir={self.folder / 'log'}", f"--test-file={suite.tests / 'main' / test}.test"]
        try:
            done = subprocess.run(command, env=env, cwd=suite.tests, capture_output=True, timeout=LONGEST)
        except subprocess.TimeoutExpired:
            return None
        finally:
            try:
                self.clean()
            except AssertionError as error:
                raise SystemExit(f"{test} leaves a server that cannot be cleaned: {error}") from error
        text = (done.stdout + b"\n" + done.stderr).decode(errors="backslashreplace")
        for own, common in ((self.folder, "VAR"), (self.server.folder, "SERVER"), (self.port, "PORT"), (self.server.port, "PORT")):
            text = text.replace(str(own), common)
        return re.sub(r"errno: \d+", "errno", text) + f"\nexit code {done.returncode}"


class Suite:
    """The tests, changed so that root has a password, and the program that runs them."""

    def __init__(self, unpacked, folder):
        self.program, self.tests = unpacked / "usr/bin/mariadb-test", folder / "suite"
        shutil.copytree(unpacked / "usr/share/mysql/mysql-test", self.tests)
        for file in [*self.tests.glob("main/*.test"), *self.tests.glob("*/*.inc")]:
            text = file.read_bytes().decode("latin1")
            file.write_bytes(WITHOUT_PASSWORD.sub(r"\1,$ROOT_PASSWORD", text).encode("latin1"))

    def names(self):
        return sorted(file.stem for file in self.tests.glob("main/*.test"))

    def is_left_out(self, test):
        text = (self.tests / "main" / f"{test}.test").read_text(errors="replace")
        return LEFT_OUT.search(text) is not None or OF_OTHERS.search(text) is not None


def observing(folder):
    """(a stepgate before a server, the password of its user root)"""
    from harness import BINARY
    from mariadb import MariaDb, MySqlStack

    class Observing(MySqlStack):
        def make_cluster(self):
            return opened(MariaDb(self.folder / "cluster", *SETTINGS), "secret")

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


def compared(suite, direct, through, tests):
    """(kind, test, lines that differ) of each."""
    for test in tests:
        if suite.is_left_out(test):
            yield "left out", test, []
            continue
        one, other = direct.run(suite, test), through.run(suite, test)
        if one is not None and one == other:
            yield "alike" if one.endswith("exit code 0") else "fail alike", test, []
        elif one is None or direct.run(suite, test) != one:
            yield "unsteady", test, []
        else:
            yield "differ", test, lines_that_differ(one, other or "took too long")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stepgate", required=True)
    parser.add_argument("--cache", required=True, type=pathlib.Path, help="where the suite is kept")
    parser.add_argument("--tests", nargs="*", help="only these")
    options = parser.parse_args()
    fetched = subprocess.run([ROOT / "tests/oracle/mariadb_source.sh", options.cache], capture_output=True, text=True)
    if fetched.returncode == 77:
        print(f"SKIPPED: MariaDB's test suite cannot be had here: {fetched.stderr.strip()}")
        return SKIPPED
    fetched.check_returncode()
    os.environ["STEPGATE_BINARY"] = options.stepgate
    from mariadb import MariaDb
    with tempfile.TemporaryDirectory(prefix="stepgate-transparency.") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        suite = Suite(pathlib.Path(fetched.stdout.strip()), folder)
        stack, through = observing(folder)
        server = opened(MariaDb(folder / "server", *SETTINGS), stack.password)
        kinds = collections.defaultdict(list)
        try:
            direct = Side(server, server.port, stack.password, folder / "direct")
            for kind, test, lines in compared(suite, direct, through, options.tests or suite.names()):
                kinds[kind].append(test)
                if lines:
                    print(f"\n== {test}\n" + "\n".join(lines[:40]), flush=True)
        finally:
            server.stop()
            stack.close()
    print(f"{sum(map(len, kinds.values()))} tests: " + ", ".join(f"{len(names)} {kind}" for kind, names in sorted(kinds.items())))
    for kind in ("fail alike", "unsteady"):
        print(f"{kind}: {' '.join(kinds[kind])}")
    return 1 if kinds["differ"] or not kinds["alike"] else 0


if __name__ == "__main__":
    sys.exit(main())
