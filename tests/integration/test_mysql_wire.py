"""The MySQL wire library (protocols/mysql) against real servers and real clients, without the rest of the program.

MariaDB comes from Debian; Oracle's MySQL from tests/support/mysql_server.sh, and where it cannot be had those tests are
skipped and say so. STEPGATE_MYSQL_PEER is mysql_peer.cpp.
"""
import os
import pathlib
import select
import shutil
import subprocess
import tempfile
import unittest

from harness import PATIENCE, ROOT, free_port, wait_for

PEER = os.environ.get("STEPGATE_MYSQL_PEER", str(ROOT / "build/dev/bin/mysql_peer"))
MYSQL = ROOT / "tests/support/mysql_server.sh"
# What mysql_peer asks: three statements at once, the last without such a column; a prepared statement; its execution;
# COM_SET_OPTION, COM_RESET_CONNECTION; and who it is.
ANSWERED = "one 2, 0, error 1054; 0; value other 1; 0; 0; me 1; "


def run(*command, patience=PATIENCE * 4):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=patience)
    return done.returncode, done.stdout, done.stderr


def peer(port, user, password, *words):
    return run(PEER, "client", port, user, password, *words)[1].splitlines()


class MariaDb:
    """MariaDB 10.11 of our own."""

    def __init__(self, folder):
        self.folder, self.port = pathlib.Path(folder), free_port()
        user = ["--user=root"] if os.getuid() == 0 else []
        code, out, err = run("mariadb-install-db", "--no-defaults", f"--datadir={folder}/data", *user, "--skip-test-db",
                             "--auth-root-authentication-method=normal")
        if code:
            raise AssertionError(f"mariadb-install-db: {out} {err}")
        self.log = open(f"{folder}/log", "w")
        self.process = subprocess.Popen(["mariadbd", "--no-defaults", *user, f"--datadir={folder}/data", f"--port={self.port}",
                                         "--bind-address=127.0.0.1", f"--socket={folder}/socket"], stdout=self.log,
                                        stderr=self.log)
        wait_for(lambda: self.sql("SELECT 1")[0] == 0, "MariaDB to start")

    def sql(self, text):
        return run("mariadb", "--no-defaults", "-uroot", "-h127.0.0.1", f"-P{self.port}", "-e", text)

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


class OracleMySql:
    """MySQL 9.x of our own."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        skip_without_mysql()
        code, out, err = run(MYSQL, "start", folder)
        if code:
            raise AssertionError(f"mysql_server.sh: {out} {err}")
        self.port = int(out)

    def sql(self, text):
        return run(MYSQL, "run", "mysql", "--no-defaults", "-uroot", "-h127.0.0.1", f"-P{self.port}", "-e", text)

    def stop(self):
        run(MYSQL, "stop", self.folder)


def start(test, kind):
    """A server for all tests of a class."""
    folder = tempfile.mkdtemp(prefix="stepgate-mysql-wire-")
    test.addClassCleanup(shutil.rmtree, folder, True)
    os.mkdir(folder + "/server")
    server = kind(folder + "/server")
    test.addClassCleanup(server.stop)
    return server


def skip_without_mysql():
    code, _, err = run(MYSQL, "root", patience=500)  # the first time it is fetched
    if code == 77:
        raise unittest.SkipTest(f"no Oracle MySQL here: {err.strip()}")


class AtMariaDb(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = start(cls, MariaDb)
        for user, how in (("nat", "BY 'secret'"), ("open", "BY ''")):
            code, _, err = cls.server.sql(f"CREATE USER {user}@'%' IDENTIFIED {how}")
            assert code == 0, err

    def test_native_password(self):
        for words in (["mariadb"], ["mariadb", "modern"]):
            self.assertEqual(peer(self.server.port, "nat", "secret", *words), ["mysql_native_password", ANSWERED], words)

    def test_no_password(self):
        self.assertEqual(peer(self.server.port, "open", "", "mariadb"), ["mysql_native_password", ANSWERED])

    def test_wrong_password(self):
        self.assertIn("refused 1045", peer(self.server.port, "nat", "wrong", "mariadb")[0])

    def test_ed25519(self):
        if self.server.sql("INSTALL SONAME 'auth_ed25519'")[0]:
            self.skipTest("mariadb-server, which has the plugin, is not installed")
        self.server.sql("CREATE USER ed@'%' IDENTIFIED VIA ed25519 USING PASSWORD('secret')")
        self.assertEqual(peer(self.server.port, "ed", "secret", "mariadb"),
                         ["mysql_native_password -> client_ed25519", ANSWERED])
        self.assertIn("refused 1045", peer(self.server.port, "ed", "wrong", "mariadb")[0])


class AtMySql(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = start(cls, OracleMySql)

    def setUp(self):
        # Whoever proved the password once gets the fast path from then on: each test has a user of its own.
        self.user = "u" + self.id().rsplit("_", 1)[-1]
        self.assertEqual(self.server.sql(f"CREATE USER {self.user}@'%' IDENTIFIED BY 'secret'")[0], 0)

    def log_in(self, password, *words):
        return peer(self.server.port, self.user, password, *words)

    def test_full_over_tls_then_fast(self):
        self.assertEqual(self.log_in("secret", "tls"), ["caching_sha2_password 4", ANSWERED])
        self.assertEqual(self.log_in("secret", "tls", "modern"), ["caching_sha2_password 3", ANSWERED])
        self.assertEqual(self.log_in("secret"), ["caching_sha2_password 3", ANSWERED])

    def test_full_over_rsa(self):
        self.assertEqual(self.log_in("secret", "ask-for-key"), ["caching_sha2_password 4 key", ANSWERED])

    def test_the_password_goes_to_no_unknown_key(self):
        self.assertEqual(self.log_in("secret"), ["failed: the password would have to be sent without protection"])

    def test_wrong(self):
        self.assertIn("refused 1045", self.log_in("wrong", "tls")[0])


MARIADB, ORACLE = ["mariadb"], [MYSQL, "run", "mysql"]
BOX = ["STATEMENT HELD", "Approve at https://x", "answer", "42"]


class ForClients(unittest.TestCase):
    """Real clients log in to the library and see a held statement's table, then the answer."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="stepgate-mysql-wire-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        code, _, err = run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2",
                           "-keyout", cls.folder + "/key", "-out", cls.folder + "/cert")
        assert code == 0, err

    def serve(self, *words):
        process = subprocess.Popen([PEER, "server", self.folder + "/cert", self.folder + "/key", *words], text=True,
                                   stdout=subprocess.PIPE)
        self.addCleanup(lambda: (process.kill(), process.communicate()))
        self.out, self.port = process.stdout, int(process.stdout.readline())

    def shows(self, client, *options, password="secret"):
        """What the client prints, and what the library saw."""
        code, out, err = run(*client, "--no-defaults", "-h127.0.0.1", f"-P{self.port}", "-uann", f"-p{password}", *options,
                             "-e", "select 1")
        readable, _, _ = select.select([self.out], [], [], PATIENCE)
        self.assertTrue(readable, f"nobody came: {err}")
        return out.splitlines() if code == 0 else err.splitlines()[-1:], self.out.readline().strip()

    def test_mariadb(self):
        for words in ([], ["mariadb"]):
            self.serve(*words)
            self.assertEqual(self.shows(MARIADB, "--skip-ssl"), (BOX, "ann full key | select 1"))
            self.assertEqual(self.shows(MARIADB, "--skip-ssl"), (BOX, "ann fast | select 1"))
            self.assertEqual(self.shows(MARIADB, "--ssl"), (BOX, "ann tls fast | select 1"))

    def test_mariadb_over_tls(self):
        self.serve()
        self.assertEqual(self.shows(MARIADB, "--ssl"), (BOX, "ann tls full | select 1"))

    def test_mariadb_native(self):
        self.serve("native")
        self.assertEqual(self.shows(MARIADB, "--skip-ssl", "--default-auth=mysql_native_password"), (BOX, "ann switch | select 1"))

    def test_mariadb_native_is_not_allowed_unless_it_is(self):
        self.serve()
        self.assertEqual(self.shows(MARIADB, "--skip-ssl", "--default-auth=mysql_native_password"),
                         (BOX, "ann switch full key | select 1"))

    def test_mysql(self):
        skip_without_mysql()
        self.serve()
        self.assertEqual(self.shows(ORACLE, "--ssl-mode=DISABLED", "--get-server-public-key"),
                         (BOX, "ann full key | select 1"))
        self.assertEqual(self.shows(ORACLE, "--ssl-mode=DISABLED"), (BOX, "ann fast | select 1"))
        self.assertEqual(self.shows(ORACLE, "--ssl-mode=REQUIRED"), (BOX, "ann tls fast | select 1"))

    def test_mysql_over_tls(self):
        skip_without_mysql()
        self.serve()
        self.assertEqual(self.shows(ORACLE, "--ssl-mode=REQUIRED"), (BOX, "ann tls full | select 1"))

    def test_wrong_password(self):
        self.serve()
        shown, seen = self.shows(MARIADB, "--ssl", password="wrong")
        self.assertIn("1045", shown[0])
        self.assertEqual(seen, "ann tls full rejected")


if __name__ == "__main__":
    unittest.main()
