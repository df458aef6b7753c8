"""A stepgate in front of a real MariaDB or Oracle MySQL: the Stack of harness.py with other servers and clients."""
import fcntl
import os
import pathlib
import pty
import re
import select
import subprocess
import termios
import threading
import time
import unittest

import pymysql

from harness import BINARY, DRAIN, PATIENCE, ROOT, SITE_POLICY, Stack

CLIENT = "mariadb"
ORACLE = os.environ.get("STEPGATE_MYSQL") == "oracle"  # the same tests, in front of the other server


class MariaDb:
    """A MariaDB of our own with the demo's shop, used by the account `app`."""

    SCRIPT = ROOT / "compose/mariadb.sh"

    def __init__(self, folder, *settings):
        self.folder = pathlib.Path(folder)
        started = subprocess.run([self.SCRIPT, "start", self.folder, *settings], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 text=True)
        if started.returncode == 77:
            raise unittest.SkipTest("this server cannot be had here")
        started.check_returncode()
        self.port = int(started.stdout.split()[-1])
        self.admin("CREATE DATABASE shop; CREATE USER app@'%' IDENTIFIED BY 'app-password'; GRANT ALL ON shop.* TO app@'%'")
        with open(ROOT / "compose/shop.mysql.sql") as script:
            subprocess.run(self.command("shop"), stdin=script, check=True)

    def command(self, database):
        return [CLIENT, "--no-defaults", f"--socket={self.folder}/socket", "-uroot", "-proot", "-N", "-B", database]

    def admin(self, sql, database="mysql"):
        done = subprocess.run([*self.command(database), "-e", sql], capture_output=True, text=True)
        if done.returncode:
            raise AssertionError(f"{sql}: {done.stderr}")
        return done.stdout.strip()

    def shop(self, sql):
        """Asks the server itself, around stepgate: what is really in the tables."""
        return self.admin(sql, "shop")

    def stop(self):
        subprocess.run([self.SCRIPT, "stop", self.folder], check=False)


class OracleMySql(MariaDb):
    """The same with Oracle's server of tests/support/mysql_server.sh."""

    SCRIPT = ROOT / "tests/support/mysql_server.sh"

    def command(self, database):
        return [CLIENT, "--no-defaults", f"--socket={self.folder}/socket", "-uroot", "-N", "-B", database]


class MySqlStack(Stack):
    """Such a server, a configured stepgate that serves, and a user `demo`."""

    def __init__(self, listener="", policy=SITE_POLICY, hold='{timeout = "5m", in_transaction = "60s", silent = "1s"}', settings=(), extra=""):
        self.settings = settings
        super().__init__(policy=policy, listener=listener, hold=hold, extra=extra, cluster=None)

    def make_cluster(self):
        server = OracleMySql if ORACLE else MariaDb
        cluster = server(self.folder / "cluster", *self.settings)
        # Before stepgate reads the catalog: a table that is made around it is not known before the next refresh.
        cluster.shop("CREATE TABLE scratch (id int, word varchar(20))")
        return cluster

    def configure(self, policy, extra, listener, upstream, hold, level_one, packs):
        env = dict(os.environ, MYSQL_PWD="app-password")
        done = subprocess.run([BINARY, "init", "--upstream", f"mysql://app@127.0.0.1:{self.cluster.port}/shop",
                               "--directory", self.home, "--listen", f"127.0.0.1:{self.port}",
                               "--web", f"127.0.0.1:{self.web_port}", "--user", "demo"],
                              env=env, capture_output=True, text=True)
        if done.returncode:
            raise AssertionError(f"init: {done.stderr}")
        self.password = re.search(r"password: (\S+)", done.stdout).group(1)
        (self.home / "site.toml").write_text(policy + "\n[default]\nopaque = {challenge = {level = 2}}\n")
        text = re.sub(r"^hold = .*$", f"hold = {hold}", self.config.read_text(), flags=re.M)
        text = text.replace("[[listener]]", f'[admin]\nlisten = "127.0.0.1:{self.admin_port}"\n\n{extra or DRAIN}\n[[listener]]')
        self.config.write_text(text.replace("[listener.upstream]", f"{listener}\n[listener.upstream]"))

    def arguments(self, *args, database="shop", user="demo", password=None, tls=True):
        return [CLIENT, "--no-defaults", "-h127.0.0.1", f"-P{self.port}", f"-u{user}",
                f"-p{self.password if password is None else password}", "--ssl" if tls else "--skip-ssl", *args, database]

    def mariadb(self, *args, **options):
        """Starts the mariadb CLI through stepgate; the caller reads and waits."""
        return subprocess.Popen(self.arguments("-N", "-B", *args, **options), text=True, stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def ask(self, sql, *args, **options):
        """One run of the CLI to its end: (exit code, output, errors)."""
        process = self.mariadb(*args, "-e", sql, **options)
        out, err = process.communicate(timeout=PATIENCE)
        return process.returncode, out.strip(), err.strip()

    def pymysql(self, kind=None, user="demo", password=None, **more):
        import pymysql
        import ssl
        context = ssl.create_default_context(cafile=self.home / "tls/ca.crt")
        context.check_hostname = False
        return (kind or pymysql.connect)(host="127.0.0.1", port=self.port, user=user, password=password or self.password, database="shop",
                                         ssl=context, **more)


class Screen:
    """A program on a terminal of its own."""

    def __init__(self, case, arguments, env=None):
        self.case, self.seen = case, ""
        self.terminal, slave = pty.openpty()
        self.process = subprocess.Popen(arguments, stdin=slave, stdout=slave, stderr=slave, close_fds=True, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0), env=dict(os.environ, **(env or {})))
        os.close(slave)
        case.addCleanup(self.close)

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.terminal)

    def until(self, text):
        """What appears before `text`."""
        end = time.monotonic() + PATIENCE
        while text not in self.seen:
            self.case.assertLess(time.monotonic(), end, f"{text!r} never came: {self.seen!r}")
            if select.select([self.terminal], [], [], 0.2)[0]:
                self.seen += os.read(self.terminal, 65536).decode(errors="replace")
        before, self.seen = self.seen.split(text, 1)
        return before

    def type(self, text):
        os.write(self.terminal, text.encode())


class MySqlCase(unittest.TestCase):
    """Tests that share a stack, with a small table that is as new for each."""
    listener, hold, settings = "", '{timeout = "5m", in_transaction = "60s", silent = "1s"}', ()

    @classmethod
    def setUpClass(cls):
        cls.stack = MySqlStack(listener=cls.listener, hold=cls.hold, settings=cls.settings).start()
        cls.addClassCleanup(cls.stack.close)
        cls.demo = cls.stack.person()

    def setUp(self):
        self.stack.cluster.shop("DELETE FROM scratch; INSERT INTO scratch VALUES (1, 'a'), (2, 'b'), (3, 'c')")
        self.assertEqual(self.demo.pending(), [], "left behind by the test before")

    def rows(self):
        return int(self.stack.cluster.shop("SELECT count(*) FROM scratch"))

    def connect(self, **more):
        # What is held unexpectedly fails, and does not wait for its own end.
        connection = self.stack.pymysql(**{"read_timeout": PATIENCE * 2, **more})
        self.addCleanup(lambda: connection.open and connection.close())
        return connection

    def later(self, work):
        """Does on a thread what is held: (thread, list that gets its result or error)."""
        result = []

        def run():
            try:
                result.append(work())
            except pymysql.Error as error:
                result.append(error)
        thread = threading.Thread(target=run)
        thread.start()
        self.addCleanup(thread.join, PATIENCE)
        return thread, result
