"""Running it: reload, drain, limits, a server or a disk that fails, wrong configuration, the command line."""
import asyncio
import contextlib
import datetime
import http.client
import json
import os
import pathlib
import re
import resource
import shlex
import signal
import socket
import sqlite3
import subprocess
import threading
import time
import unittest

import asyncpg
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from harness import BINARY, PATIENCE, Person, Stack, free_port, wait_for
from passkey import Passkey


class Running(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack().start()
        cls.addClassCleanup(cls.stack.close)

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.stack.admin_port, timeout=PATIENCE)
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    def test_health_ready_and_metrics(self):
        self.assertEqual(self.get("/healthz")[0], 200)
        self.assertEqual(self.get("/readyz")[0], 200)
        before = self.stack.metrics()['stepgate_statements_total{action="allow"}']
        self.stack.ask("SELECT 1")
        self.assertGreater(self.stack.metrics()['stepgate_statements_total{action="allow"}'], before)

    def test_what_it_knows_is_written_to_no_core_file(self):
        stack = Stack()
        self.addCleanup(stack.close)
        stack.start(preexec=lambda: resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)))
        limits = pathlib.Path(f"/proc/{stack.process.pid}/limits").read_text()
        self.assertRegex(limits, r"Max core file size +0 +unlimited")

    def test_reload_takes_a_good_policy_and_keeps_the_old_one_for_a_bad_one(self):
        site = self.stack.home / "site.toml"
        good = site.read_text()
        self.addCleanup(lambda: (site.write_text(good), self.stack.process.send_signal(signal.SIGHUP)))
        site.write_text(good + '\n[[rule]]\nid = "no-4711"\nwhen = {sql_regex = "4711"}\nthen = "deny"\nbecause = "a test"\n')
        self.stack.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "no-4711" in self.stack.ask("SELECT 4711")[2], "the new rule")
        site.write_text("this is not a policy\n")
        self.stack.process.send_signal(signal.SIGHUP)
        log = self.stack.folder / "serve.log"
        wait_for(lambda: "site.toml:1" in log.read_text(), "the error with its place")
        self.assertIn("no-4711", self.stack.ask("SELECT 4711")[2], "the old policy must stay")

    def test_reload_says_what_counts_from_the_next_start_on(self):
        config = self.stack.config.read_text()
        self.addCleanup(self.stack.config.write_text, config)
        self.stack.config.write_text("threads = 3\n" + config)
        self.stack.process.send_signal(signal.SIGHUP)
        log = self.stack.folder / "serve.log"
        wait_for(lambda: "threads has changed: that counts from the next start on" in log.read_text(), "the warning")
        self.assertNotIn("[[listener]] has changed", log.read_text())

    def test_explain_says_what_would_happen(self):
        line = self.stack.run("explain", "--user", "demo", "DELETE FROM orders")
        answer = json.loads(line)
        self.assertEqual(answer["verdict"]["action"], "challenge")
        self.assertIn("delete-without-where", answer["verdict"]["rules"])
        self.assertEqual(answer["facts"]["statements"][0]["where"], "missing")


class Configuration(unittest.TestCase):
    def test_all_errors_at_once_with_their_places(self):
        stack = Stack()
        self.addCleanup(stack.close)
        stack.config.write_text(stack.config.read_text() + 'colour = "green"\n')
        (stack.home / "site.toml").write_text('[[rule]]\nid = "x"\nwhen = {statement = ["detele"]}\nthen = "deny"\n')
        done = stack.run("check", expect=None)
        self.assertEqual(done.returncode, 2)
        self.assertIn('did you mean "delete"', done.stderr)
        self.assertIn("colour", done.stderr)
        *errors, count = done.stderr.splitlines()
        self.assertEqual(count, f"{len(errors)} errors")
        for line in errors:
            self.assertRegex(line, r"^\S+:\d+:\d+: ")
        served = subprocess.run([BINARY, "serve", "--config", stack.config], capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(served.returncode, 2)

    def test_a_port_that_is_taken_is_no_wrong_configuration(self):
        stack = Stack()
        self.addCleanup(stack.close)
        with socket.socket() as other:
            other.bind(("127.0.0.1", stack.port))
            other.listen()
            done = subprocess.run([BINARY, "serve", "--config", stack.config], capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, 1, "a service manager is to try again")
        self.assertIn(str(stack.port), done.stderr)

    def test_a_store_that_is_not_there_is_not_made_by_reading(self):
        stack = Stack()
        self.addCleanup(stack.close)
        (store,) = stack.home.glob("*.db")
        for command in (["user", "list"], ["user", "disable", "demo"], ["enroll", "demo"], ["audit", "tail"], ["audit", "search"]):
            for file in [*stack.home.glob("*.db*"), *stack.home.glob("audit/*")]:
                file.unlink()
            done = stack.run(*command, expect=None)
            self.assertEqual((done.returncode, done.stdout), (2, ""), command)
            self.assertTrue(done.stderr, command)
            self.assertEqual([*stack.home.glob("*.db*"), *stack.home.glob("audit/*")], [], command)
        self.assertIn(f"there is no store {store}", stack.run("user", "list", expect=None).stderr)
        stack.run("user", "add", "first", "--generate-password")
        self.assertRegex(stack.run("user", "list"), r"(?m)^first\b.*  passkeys=0  authenticators=0  recovery-codes=0$")

    def test_unknown_command_is_usage(self):
        for words, says in ((["bogus"], ('"bogus" is not a command', " serve ", " audit")),
                            (["bogus", "--help"], ('"bogus" is not a command',)),
                            (["audit", "bogus", "--help"], ('stepgate audit: "bogus" is not a command', " verify"))):
            done = subprocess.run([BINARY, *words], capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stdout), (2, ""), words)
            for text in says:
                self.assertIn(text, done.stderr, words)
        self.assertEqual(subprocess.run([BINARY], capture_output=True).returncode, 2)
        for command in ([], ["init"], ["serve"], ["check"], ["explain"], ["user"], ["user", "add"], ["enroll"], ["audit"],
                        ["audit", "verify"], ["audit", "search"]):
            done = subprocess.run([BINARY, *command, "--help"], capture_output=True, text=True)
            self.assertEqual((done.returncode, bool(done.stdout)), (0, True), command)


    def test_client_certificates_that_plaintext_goes_around_are_a_warning(self):
        stack = Stack()
        self.addCleanup(stack.close)
        text = stack.config.read_text()
        self.assertEqual(stack.run("check", expect=None).stderr, "")
        stack.config.write_text(text.replace('mode = "prefer"', 'client_ca = "tls/ca.crt", mode = "prefer"'))
        self.assertIn("asks for client certificates on TLS only", stack.run("check", expect=None).stderr)
        stack.config.write_text(text.replace('mode = "prefer"', 'client_ca = "tls/ca.crt", mode = "require"'))
        self.assertEqual(stack.run("check", expect=None).stderr, "")


    def test_what_others_will_not_take_is_a_warning(self):
        stack = Stack()
        self.addCleanup(stack.close)
        certificate = stack.home / "tls/server.crt"
        key = serialization.load_pem_private_key((stack.home / "tls/server.key").read_bytes(), None)
        now = datetime.datetime.now(datetime.timezone.utc)

        def good_for(begin, end):
            name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
            made = x509.CertificateBuilder(name, name, key.public_key(), 1, now + datetime.timedelta(begin), now + datetime.timedelta(end))
            certificate.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

        def date(days):
            return (now + datetime.timedelta(days)).date().isoformat()
        for begin, end, said in ((-9, -2, f"has expired on {date(-2)}"), (2, 9, f"is not good before {date(2)}"), (-2, 9, f"expires on {date(9)}")):
            good_for(begin, end)
            done = stack.run("check", expect=None)
            self.assertEqual((done.returncode, done.stderr), (0, f"warning: the certificate {certificate} {said}\n"))
        good_for(-2, 30)
        self.assertEqual(stack.run("check", expect=None).stderr, "")
        stack.start()
        metric = f'stepgate_certificate_not_after_timestamp_seconds{{file="{certificate}"}}'
        self.assertEqual(stack.metrics()[metric], int((now + datetime.timedelta(30)).timestamp()))
        good_for(-9, -2)
        stack.process.send_signal(signal.SIGHUP)
        wait_for(lambda: f"{certificate} has expired on" in (stack.folder / "serve.log").read_text(), "a warning as it is loaded")
        wait_for(lambda: stack.metrics()[metric] == int((now - datetime.timedelta(2)).timestamp()), "its date")
        stack.config.write_text(stack.config.read_text().replace("https://localhost", "https://127.0.0.1"))
        self.assertIn("browsers make passkeys only for host names", stack.run("check", expect=None).stderr)


    def test_secrets_that_everybody_may_read_are_a_warning(self):
        stack = Stack().start()
        self.addCleanup(stack.close)
        stack.stop()
        for name in ("tls/server.key", "upstream.password", "stepgate.db", "stepgate.db.key", "audit/audit.key", "audit/redaction.key"):
            file = stack.home / name
            folder, mode = file.parent.stat().st_mode, file.stat().st_mode
            for loose, inside, says in ((0o644, 0o755, f"may read {file}, which is secret: chmod o= {file}"), (0o666, 0o755, f"may write {file}"),
                                        (0o640, 0o755, ""), (0o644, 0o700, "")):
                with self.subTest(name, mode=oct(loose), folder=oct(inside)):
                    file.chmod(loose)
                    file.parent.chmod(inside)
                    said = stack.run("check", expect=None).stderr
                    self.assertTrue(said.startswith("warning: every user") and says in said if says else said == "", said)
            file.chmod(mode)
            file.parent.chmod(folder)
        (stack.home / "stepgate.db.key").chmod(0o644)
        stack.start()
        self.assertIn("chmod o=", (stack.folder / "serve.log").read_text())


class Init(unittest.TestCase):
    def test_as_the_readme_says_from_another_folder(self):
        stack = Stack()
        self.addCleanup(stack.close)
        (stack.folder / "here").mkdir()
        listen, web, server = f"127.0.0.1:{stack.port}", f"127.0.0.1:{stack.web_port}", f"127.0.0.1:{stack.cluster.port}/shop"

        def run(*args, expect=0, **env):
            done = subprocess.run([BINARY, *args], cwd=stack.folder / "here", env={**os.environ, **env}, capture_output=True, text=True,
                                  timeout=PATIENCE)
            self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
            return done.stdout + done.stderr
        init = ("init", "--upstream", f"postgresql://app@{server}")
        self.assertIn("PGPASSWORD, which is not set", run(*init, expect=2))
        self.assertRegex(run("init", "--upstream", f"postgresql://{server}", expect=2, PGPASSWORD="app-password"), 'names no account, so "[^"]+" was tried; write postgresql://account@')
        for options in (("--listen", "127.0.0.1"), ("--web", "::1:8443")):
            self.assertRegex(run(*init, *options, expect=2, PGPASSWORD="app-password"), r"^stepgate: --\w+ \S+ (has no port|is an IPv6)")
        for scheme in ("mysql", "mariadb"):
            self.assertIn("is a MySQL or MariaDB there?", run("init", "--upstream", f"{scheme}://app@{server}", expect=2))
        self.assertIn("without parameters", run("init", "--upstream", f"mysql://app@{server}?ssl-mode=REQUIRED", expect=2))
        said = run(*init, "--user", "demo", "--listen", listen, "--web", web, PGPASSWORD="app-password")
        self.assertIn("stepgate serve --config stepgate/stepgate.toml", said)
        self.assertIn("psql 'host=::1 ", run(*init, "--listen", "[::1]:6432", "--directory", "six", PGPASSWORD="app-password"))
        stack.cluster.admin("""CREATE DATABASE "odd 'name" OWNER app""")
        odd = run("init", "--upstream", f"postgresql://app@{server[:-4]}odd%20%27name", "--listen", "0.0.0.0:6432", "--directory", "odd",
                  PGPASSWORD="app-password").strip().splitlines()[-1]
        line = shlex.split(odd)  # as a shell takes it
        self.assertEqual((line[1], line[2].split()[0], line[2].partition("dbname=")[2]), ("psql", "host=localhost", r"'odd \'name'"))
        self.assertIn("without a path", run(*init, "--public-url", "https://a.example/path", "--directory", "path", expect=2))
        (stack.folder / "here/half").mkdir()
        (stack.folder / "here/half/site.toml").write_text("")
        self.assertIn("half/site.toml exists already", run(*init, "--directory", "half", expect=2, PGPASSWORD="app-password"))
        self.assertEqual([f.name for f in (stack.folder / "here/half").iterdir()], ["site.toml"])
        config = ("--config", "stepgate/stepgate.toml")
        self.assertRegex(run("user", "list", *config), r"(?m)^demo\b")
        for wrong in ("", "a\nb", "\u202eadmin", "x" * 64):
            self.assertIn("cannot be a name", run("user", "add", *config, wrong, "--generate-password", expect=2))
            self.assertIn("cannot be a name", run("user", "add", *config, "ann", "--group", wrong, "--generate-password", expect=2))
        self.assertNotIn("\u202e", run("user", "add", *config, "\u202eadmin", "--generate-password", expect=2))
        self.assertIn("--database does", run("catalog", "dump", *config, expect=1))
        served = subprocess.Popen([BINARY, "serve", *config], cwd=stack.folder / "here", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(served.communicate)
        self.addCleanup(served.kill)
        self.assertRegex(served.stdout.readline(), "^ready")
        stack.password = re.search(r"password: (\S+)", said).group(1)
        self.assertEqual(stack.ask("SELECT 1")[:2], (0, "1"))


class Supervised(unittest.TestCase):
    def test_a_service_manager_is_told_when_it_serves_and_when_it_stops(self):
        for name in ("{folder}/notify", "@stepgate-test-{pid}"):
            with self.subTest(name):
                stack = Stack()
                self.addCleanup(stack.close)
                name = name.format(folder=stack.folder, pid=os.getpid())
                manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                self.addCleanup(manager.close)
                manager.bind(name.replace("@", "\0"))
                manager.settimeout(PATIENCE)
                stack.start(preexec=lambda: os.putenv("NOTIFY_SOCKET", name))
                self.assertEqual(manager.recv(100), b"READY=1")
                self.assertEqual(stack.ask("SELECT 1")[:2], (0, "1"))
                stack.process.send_signal(signal.SIGTERM)
                self.assertEqual(manager.recv(100), b"STOPPING=1")
                self.assertEqual(stack.stop(), 0)


class Draining(unittest.TestCase):
    def test_idle_sessions_are_told_and_the_exit_is_clean(self):
        stack = Stack().start()
        self.addCleanup(stack.close)
        busy = stack.psql("-c", "SELECT count(*) FROM generate_series(1, 3000000)")
        wait_for(lambda: stack.metrics()["stepgate_sessions"] == 1, "the session")
        self.assertEqual(stack.stop(), 0)
        busy.communicate(timeout=PATIENCE)

    def test_a_second_signal_ends_what_is_busy(self):
        stack = Stack(extra='[limits]\ndrain = "10m"\n').start()
        self.addCleanup(stack.close)
        busy = stack.psql("-c", "SELECT count(*) FROM generate_series(1, 3000000000)")
        self.addCleanup(busy.kill)
        wait_for(lambda: stack.metrics()["stepgate_sessions"] == 1, "the session")
        stack.process.send_signal(signal.SIGTERM)
        wait_for(lambda: stack.ask("SELECT 1")[0] != 0, "no more to be let in")
        self.assertIsNone(stack.process.poll())
        self.assertEqual(stack.stop(), 0)
        busy.communicate(timeout=PATIENCE)


class Faults(unittest.TestCase):
    def test_server_down_is_08006(self):
        stack = Stack().start()
        self.addCleanup(stack.close)
        stack.cluster.stop()
        code, out, err = stack.ask("SELECT 1", "-v", "VERBOSITY=verbose")
        self.assertNotEqual(code, 0)
        self.assertIn("server", err)

    def test_a_server_that_says_nothing_is_named(self):
        stack = Stack()
        self.addCleanup(stack.close)
        silent = socket.create_server(("127.0.0.1", 0))  # connections wait for an accept that never comes
        self.addCleanup(silent.close)
        port = silent.getsockname()[1]
        stack.config.write_text(stack.config.read_text().replace(f"port = {stack.cluster.port}\n", f"port = {port}\n"))
        stack.start()
        code, out, err = stack.ask("SELECT 1", PGSSLMODE="require")
        self.assertIn("cannot reach the server", err, (code, out))
        why = f"127.0.0.1:{port} did not answer within 10 s"
        self.assertIn(why, (stack.folder / "serve.log").read_text())
        self.assertEqual([r["details"]["reason"] for r in stack.audit("--type", "login_failed")], [why])

    def test_journal_that_cannot_be_written_refuses_statements(self):
        stack = Stack()
        self.addCleanup(stack.close)
        # A file size limit stands in for a full disk: every write past it fails.
        stack.start(preexec=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (512 * 1024, 512 * 1024)))
        process = stack.psql("-f", "-")
        script = "".join(f"SELECT {n}, '{'x' * 4000}';\n" for n in range(2000))
        out, err = process.communicate(script, timeout=PATIENCE * 3)
        self.assertIn("audit", err)
        self.assertEqual(stack.metrics()["stepgate_audit_healthy"], 0)

    def test_an_audit_that_was_moved_away_releases_nothing_until_it_is_back(self):
        stack = Stack().start()
        self.addCleanup(stack.close)
        demo = stack.person()
        audit, away = stack.home / "audit", stack.home / "away"
        held = stack.psql("-c", "DELETE FROM payments WHERE true")
        challenge = demo.wait_pending()
        audit.rename(away)
        wait_for(lambda: stack.metrics()["stepgate_audit_healthy"] == 0, "the audit's failure")
        demo.approve(challenge, expect=None)
        out, err = held.communicate(timeout=PATIENCE)
        self.assertEqual(out, "")
        self.assertIn("the audit journal cannot be written", err)
        self.assertIn("audit", stack.ask("SELECT 1")[2])
        self.assertIn("put the audit directory back", (stack.folder / "serve.log").read_text())
        self.assertEqual((stack.folder / "serve.log").read_text().count("could not take an event of challenge"), 1)
        self.assertEqual(stack.cluster.shop("SELECT count(*) FROM payments"), "700")
        away.rename(audit)
        wait_for(lambda: stack.metrics()["stepgate_audit_healthy"] == 1, "the audit's recovery")
        self.assertEqual(stack.ask("SELECT 1")[:2], (0, "1"))
        self.assertIn("the journal is intact", stack.run("audit", "verify"))

    def test_catalogs_that_cannot_be_read_hold_what_may_be_a_view(self):
        stack = Stack(listener='catalog = {user = "watcher", password = {file = "watcher.password"}}')
        self.addCleanup(stack.close)
        (stack.home / "watcher.password").write_text("old")
        (stack.home / "watcher.password").chmod(0o600)
        stack.cluster.admin("CREATE ROLE watcher LOGIN PASSWORD 'new'")
        stack.cluster.shop("CREATE VIEW plain AS SELECT substr(ssn, 1) AS a FROM customers;"
                           "CREATE FUNCTION known(text, text) RETURNS bool LANGUAGE sql AS 'SELECT EXISTS (SELECT FROM customers WHERE ssn = $2)';"
                           "CREATE OPERATOR === (LEFTARG = text, RIGHTARG = text, FUNCTION = known); CREATE DOMAIN known_ssn AS text CHECK (known(VALUE, VALUE))")
        demo = stack.start().person()
        for sql in ("SELECT a FROM plain LIMIT 1", "SELECT count(*) FROM orders", "SELECT 'x' === '123-45-6789'", "SELECT '123-45-6789'::known_ssn",
                    "PREPARE p (known_ssn) AS SELECT $1; EXECUTE p ('123-45-6789')"):
            held = stack.psql("-c", sql)
            challenge = demo.wait_pending()
            self.assertIn("cannot be read", str(demo.call("GET", f"/challenges/{challenge['id']}")["opaque_reasons"]))
            demo.deny(challenge)
            self.assertEqual(held.communicate(timeout=PATIENCE)[0], "")
        self.assertEqual(stack.ask("SELECT upper('x'::varchar(5)), relname FROM pg_class WHERE relname = 'orders'")[:2], (0, "X|orders"))
        stack.cluster.admin("ALTER ROLE watcher PASSWORD 'old'")
        session = stack.psql("-f", "-")  # who logs in has it tried again
        wait_for(lambda: any(n.startswith("stepgate_catalog_available") and v for n, v in stack.metrics().items()), "the catalogs")
        self.assertEqual(session.communicate("SELECT count(*) FROM orders", timeout=PATIENCE)[0], "800\n")

    def test_an_identity_provider_that_hangs_keeps_nobody_else_waiting(self):
        silent = socket.create_server(("127.0.0.1", free_port()), backlog=100)  # takes connections and says nothing
        self.addCleanup(silent.close)
        stack = Stack(extra='[[identity_provider]]\nname = "corp"\nclient_id = "stepgate"\nsign_in = true\n'
                            f'issuer = "https://127.0.0.1:{silent.getsockname()[1]}"\n')
        self.addCleanup(stack.close)
        demo = stack.start().person()
        answers = []
        waiting = [threading.Thread(target=lambda: answers.append(Person(stack, "demo").call(
            "POST", "/session/identity-provider/begin", {"provider": "corp"}, expect=None)[0])) for _ in range(8)]
        for one in waiting:
            one.start()
        time.sleep(0.5)  # they are at work
        began = time.monotonic()
        self.assertEqual(demo.pending(), [])
        self.assertLess(time.monotonic() - began, 4)
        self.assertEqual(stack.stop(), 0)
        self.assertLess(time.monotonic() - began, 9)  # not after all have waited in vain
        for one in waiting:
            one.join()

    def test_a_server_that_hangs_while_its_catalogs_are_read_holds_up_no_stop(self):
        stack = Stack(listener='catalog = {refresh = "1s"}')
        self.addCleanup(stack.close)
        stack.start()
        session = stack.psql("-f", "-")
        server = None
        postmaster = (stack.cluster.folder / "data/postmaster.pid").read_text().split()[0]
        try:
            def freeze_reader():
                found = subprocess.run(["pgrep", "-P", postmaster, "-f", "postgres: app shop .* (SELECT|idle in transaction|BEGIN)"],
                                       capture_output=True, text=True)
                for pid in map(int, found.stdout.split()):
                    with contextlib.suppress(ProcessLookupError):  # it is done already
                        os.kill(pid, signal.SIGSTOP)
                        return pid
                return None
            # The reading's own server process, stopped in the middle of it: its connection stays open.
            server = wait_for(freeze_reader, "a reading", every=0)
            time.sleep(1.5)
            began = time.monotonic()
            self.assertEqual(stack.stop(), 0)
            self.assertLess(time.monotonic() - began, 10)
        finally:
            if server:
                with contextlib.suppress(ProcessLookupError):  # it was ending when it was stopped
                    os.kill(server, signal.SIGCONT)
            session.kill()
            session.communicate()

    def test_a_server_that_never_answers_a_reading_holds_up_no_stop(self):
        """The client libraries wait for it as they connect, and cannot be told to stop."""
        for protocol in ("postgres", "mysql"):
            with self.subTest(protocol):
                stack = Stack()
                self.addCleanup(stack.close)
                silent = socket.create_server(("127.0.0.1", 0))
                self.addCleanup(silent.close)
                text = stack.config.read_text().replace(f"port = {stack.cluster.port}\n", f"port = {silent.getsockname()[1]}\n")
                stack.config.write_text(text.replace('protocol = "postgres"', f'protocol = "{protocol}"'))
                stack.start()
                client = None
                if protocol == "postgres":  # read for who logs in; MySQL's catalog is read from the start
                    client = stack.psql("-c", "SELECT 1")
                silent.settimeout(PATIENCE)
                accepted, _ = silent.accept()
                self.addCleanup(accepted.close)
                time.sleep(1)  # it waits
                began = time.monotonic()
                self.assertEqual(stack.stop(), 0)
                self.assertLess(time.monotonic() - began, 6)  # drain = "2s"
                if client:
                    client.communicate(timeout=PATIENCE)

    def test_who_is_refused_holds_no_descriptors(self):
        """Seen: from one address, beyond its limit, silent connections took all descriptors; the audit then refused everybody's statements."""
        stack = Stack(extra="[limits]\nconnections_per_address = 20\n").start()
        self.addCleanup(stack.close)
        files = pathlib.Path(f"/proc/{stack.process.pid}/fd")
        before = len(list(files.iterdir()))
        with contextlib.ExitStack() as open_ones:
            for _ in range(400):
                open_ones.enter_context(socket.create_connection(("127.0.0.1", stack.port)))
            wait_for(lambda: stack.metrics()["stepgate_connections_refused_total"] >= 400 - 20 - 64, "the others to be closed")
            self.assertLess(len(list(files.iterdir())) - before, 20 + 64 + 10)
        wait_for(lambda: stack.ask("SELECT 1")[:2] == (0, "1"), "room again")

    def test_few_descriptors_are_shared_out(self):
        """Seen: with a hard limit below what limits.connections needs, connections took all, and the audit refused everybody's statements."""
        def few(most):
            return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        stack = Stack()
        self.addCleanup(stack.close)
        stack.start(preexec=few(400))
        demo = stack.person()
        session = stack.psql("-f", "-", stdin=subprocess.PIPE)
        session.stdin.write("SELECT 1;\n")
        session.stdin.flush()
        self.assertEqual(session.stdout.readline(), "1\n")
        with contextlib.ExitStack() as open_ones:
            for port in (stack.port, stack.web_port):
                for _ in range(400):
                    open_ones.enter_context(socket.create_connection(("127.0.0.1", port)))
            time.sleep(1)  # they are let in, as far as they are
            session.stdin.write("SELECT 2;\nDELETE FROM payments WHERE true;\n")
            session.stdin.flush()
            self.assertEqual(session.stdout.readline(), "2\n")
            wait_for(lambda: stack.audit("--type", "challenge_opened"), "the hold in the audit")
            self.assertLess(len(list(pathlib.Path(f"/proc/{stack.process.pid}/fd").iterdir())), 400 - 40)
        demo.approve(demo.wait_pending())
        self.assertEqual(session.communicate(timeout=PATIENCE)[0], "DELETE 700\n")
        self.assertEqual(stack.metrics()["stepgate_audit_healthy"], 1)
        self.assertRegex((stack.folder / "serve.log").read_text(), r"the limit is 400: no more than \d+ are let in, and \d+ to the pages")
        self.assertEqual(stack.stop(), 0)
        done = subprocess.run([BINARY, "serve", "--config", stack.config], capture_output=True, text=True, timeout=PATIENCE, preexec_fn=few(200))
        self.assertEqual(done.returncode, 2)
        self.assertIn("the limit of 200 file descriptors is too low", done.stderr)

    def test_connection_limits(self):
        """Of a user, of an address, in all: the one too many is told so, and leaving makes room."""
        first = Stack()
        self.addCleanup(first.close)
        for limit, says in (("connections_per_user", 'of user "demo"'), ("connections_per_address", "from this address"),
                            ("connections", "in all")):
            with self.subTest(limit):
                stack = Stack(extra=f"[limits]\n{limit} = 2\n", cluster=first.cluster).start()
                self.addCleanup(stack.close)
                inside = [stack.psql("-c", "SELECT 1", "-f", "-") for _ in range(2)]
                wait_for(lambda: stack.metrics()["stepgate_sessions"] == 2, "two sessions")
                for _ in range(3):  # refused ones take no place
                    code, _, err = stack.ask("SELECT 1")
                    self.assertEqual(code, 2)
                    self.assertIn("too many connections to stepgate", err)
                    self.assertIn(says, err)
                self.assertEqual(self.sqlstate(stack), "53300")
                refused = stack.audit("--type", "login_failed")
                self.assertEqual({(r["user"], r["details"]["reason"].startswith("too many")) for r in refused}, {("demo", True)})
                inside.pop().communicate("", timeout=PATIENCE)
                wait_for(lambda: stack.ask("SELECT 1")[:2] == (0, "1"), "the place that became free")
                inside.pop().communicate("", timeout=PATIENCE)

    def sqlstate(self, stack):
        """psql does not show the one of a refused connection."""
        with self.assertRaises(asyncpg.PostgresError) as refused:
            asyncio.run(asyncpg.connect(host="127.0.0.1", port=stack.port, user="demo", password=stack.password,
                                        database="shop", ssl=False, timeout=PATIENCE))
        return refused.exception.sqlstate


class Observing(unittest.TestCase):
    def test_observe_holds_nothing_and_records_the_verdict(self):
        stack = Stack()
        self.addCleanup(stack.close)
        stack.config.write_text(stack.config.read_text().replace('mode = "enforce"', 'mode = "observe"'))
        stack.start()
        self.assertEqual(stack.ask("DELETE FROM payments WHERE true")[:2], (0, "DELETE 700"))
        self.assertTrue(stack.audit("--rule", "delete-without-where"))
        self.assertEqual([r["details"].get("action", r.get("action")) for r in stack.audit("--action", "challenge")], ["observe:challenge"])
        self.assertIn("one of: allow, notify, challenge, deny", stack.run("audit", "search", "--action", "alow", expect=None).stderr)

    def test_observing_needs_no_pages(self):
        stack = Stack()
        self.addCleanup(stack.close)
        text = stack.config.read_text()
        self.assertEqual(text.count("[web]"), 1)
        without = re.sub(r"\[web\]\n(?:[a-z].*\n)*", "", text)
        stack.config.write_text(without)
        self.assertIn("there is no [web]", stack.run("check", expect=None).stderr)
        stack.config.write_text(without.replace('mode = "enforce"', 'mode = "observe"'))
        stack.run("check")
        stack.start()
        self.assertEqual(stack.ask("DELETE FROM payments WHERE true")[:2], (0, "DELETE 700"))
        self.assertTrue(stack.audit("--rule", "delete-without-where"))
        stack.process.send_signal(signal.SIGHUP)
        self.assertEqual(stack.ask("SELECT 1")[:2], (0, "1"))
        self.assertEqual(stack.stop(), 0)
        stack.config.write_text(stack.config.read_text().replace(f'[admin]\nlisten = "127.0.0.1:{stack.admin_port}"\n', ""))
        stack.start()
        self.assertEqual(stack.ask("SELECT 1")[:2], (0, "1"))
        self.assertEqual(stack.stop(), 0)


class UserSet(unittest.TestCase):
    def test_groups_and_roles(self):
        """The first user of `init` is an admin, whom no page lets change themselves: how else would they come into a group?"""
        stack = Stack()
        self.addCleanup(stack.close)

        def user():
            found = json.loads(stack.run("user", "list", "--json"))
            return found["groups"], found["auditor"], found["admin"]
        stack.run("user", "set", "--group", "dba", "--group", "approvers", "--group", "dba", "demo")
        self.assertEqual(user(), (["approvers", "dba"], True, True))
        stack.run("user", "set", "demo", "--no-auditor")
        stack.run("user", "set", "demo", "--email", "demo@example.com")
        self.assertEqual(user(), (["approvers", "dba"], False, True))
        stack.run("user", "set", "demo", "--no-groups", "--no-admin", "--auditor")
        self.assertEqual(user(), ([], True, False))
        self.assertIn("cannot be a name", stack.run("user", "set", "demo", "--group", "a b", expect=None).stderr)
        self.assertEqual(stack.run("user", "set", "demo", "--no-groups", "--group", "dba", expect=None).returncode, 2)
        self.assertEqual(stack.run("user", "set", "demo", expect=None).returncode, 2)
        self.assertIn("added ann", stack.run("user", "add", "--group", "dba", "ann", "--generate-password"))
        self.assertRegex(stack.run("token", "add", "--name", "t", "--scope", "challenges:read", "ann"), r"\S{20}")


class UserChanges(unittest.TestCase):
    """Each is recorded once, with who made it; by "command line" where it was one, and by nobody where it went around stepgate.
    Seen failing with the count of what was recorded already taken out."""

    def test_of_the_command_line(self):
        stack = Stack()
        self.addCleanup(stack.close)

        def recorded(count):
            def changes():
                found = [(r["user"], r["details"]["change"], r["details"].get("by")) for r in stack.audit("--type", "user_changed")]
                return found if len(found) >= count else None
            return [(user, change) for user, change, by in wait_for(changes, f"{count} changes of users") if by == "command line"]

        first = [("demo", "added")]
        stack.start()
        self.assertEqual(recorded(1), first)
        for undo in ([], ["--undo"], [], ["--undo"]):  # within a second, more or less
            stack.run("user", "disable", "demo", *undo)
        twice = first + [("demo", "disabled"), ("demo", "enabled")] * 2
        self.assertEqual(recorded(5), twice)
        self.assertEqual(stack.stop(), 0)
        stack.run("user", "disable", "demo")
        stack.run("user", "add", "later", "--generate-password")
        stack.start()
        self.assertEqual(recorded(7), twice + [("demo", "disabled"), ("later", "added")])
        self.assertEqual(stack.stop(), 0)
        stack.start()
        stack.run("user", "disable", "later")
        self.assertEqual(recorded(8), twice + [("demo", "disabled"), ("later", "added"), ("later", "disabled")])

    def test_of_pages_and_of_somebody_who_lost_everything(self):
        stack = Stack()
        self.addCleanup(stack.close)
        stack.run("user", "add", "boss", "--generate-password", "--admin")
        stack.start()
        boss, demo = stack.person("boss"), stack.person()
        demo.enrol_app()
        mine = {factor["id"]: factor["kind"] for factor in demo.call("GET", "/factors")["factors"]}
        token = demo.call("POST", "/api-tokens", {"name": "job", "scopes": ["challenges:read"]})["id"]
        boss.call("POST", "/users", {"name": "ann", "groups": ["dba"]})
        boss.call("POST", "/users/ann/groups", {"groups": ["dba", "ops"]})
        boss.call("POST", "/users/ann/enrolment", {})
        boss.call("POST", "/users/ann/disable", {})
        boss.call("POST", "/users/ann/enable", {})
        stack.run("enroll", "--reset", "demo")
        with contextlib.closing(sqlite3.connect(next(stack.home.glob("*.db")))) as store, store:
            store.execute("UPDATE users SET scram_verifier = 'stolen' WHERE name = 'ann'")
        kinds = ("user_changed", "api_token_created", "api_token_revoked", "factor_removed")

        def changes():
            found = [r for r in stack.audit("--limit", "500") if r["type"] in kinds]
            return found if ("ann", "password changed") in [(r["user"], r["details"].get("change")) for r in found] else None
        found = wait_for(changes, "the last change")
        address, line = "127.0.0.1", "command line"
        of_ann = [(r["details"]["change"], r["details"].get("by"), r["details"].get("client_address"), r["details"].get("groups"))
                  for r in found if r["user"] == "ann"]
        self.assertEqual(of_ann, [("added", "boss", address, "dba"), ("groups changed", "boss", address, "dba,ops"),
                                  ("enrolment link", "boss", address, None), ("disabled", "boss", address, None),
                                  ("enabled", "boss", address, None), ("password changed", None, None, None)])
        of_demo = [(r["type"], r["details"].get("change") or r["details"]["credential"], r["details"]["by"], r["details"].get("client_address"))
                   for r in found if r["user"] == "demo"]
        self.assertEqual(of_demo[:3], [("user_changed", "added", line, None), ("user_changed", "enrolment link", line, None),
                                       ("api_token_created", token, "demo", address)])
        self.assertCountEqual(of_demo[3:], [("factor_removed", factor, line, None) for factor in mine] +
                              [("api_token_revoked", token, line, None), ("user_changed", "enrolment link", line, None)])
        demo.passkey = Passkey(stack.folder, stack.public_url)
        demo.cookie = demo.csrf = None
        demo.enrol()
        self.assertEqual([factor["kind"] for factor in demo.call("GET", "/factors")["factors"]], ["passkey"])
        self.assertIn("the journal is intact", stack.run("audit", "verify"))


class BehindAProxy(unittest.TestCase):
    def test_pages_without_tls_on_loopback_only(self):
        stack = Stack()
        self.addCleanup(stack.close)
        head, web, rest = re.split(r"(\[web\]\n(?:[a-z].*\n)*)", stack.config.read_text())
        plain = re.sub(r"tls = .*\n", "", web)
        self.assertNotEqual(plain, web)
        stack.config.write_text(head + plain.replace("127.0.0.1:", "0.0.0.0:") + rest)
        self.assertEqual(stack.run("serve", expect=None).returncode, 2)
        stack.config.write_text(head + plain + rest)
        stack.run("check")
        stack.plain_web = True
        stack.start()
        demo = stack.person()
        process = stack.psql("-c", "DELETE FROM payments WHERE true")
        demo.approve(demo.wait_pending())
        self.assertIn("DELETE 700", process.communicate(timeout=PATIENCE)[0])
        stack.process.send_signal(signal.SIGHUP)
        self.assertEqual(demo.pending(), [])

    def test_limits_and_audit_know_the_client_that_the_proxy_names(self):
        stack = Stack()
        self.addCleanup(stack.close)
        text = stack.config.read_text()
        head, web, rest = re.split(r"(\[web\]\n(?:[a-z].*\n)*)", text)
        stack.config.write_text(head + web + "forwarded_for = true\n" + rest)
        self.assertIn("forwarded_for has no effect with tls", stack.run("check", expect=None).stderr)
        stack.config.write_text(head + re.sub(r"tls = .*\n", "forwarded_for = true\n", web) + rest)
        stack.plain_web = True
        stack.start()
        wrong = {"user": "demo", "password": "x", "code": "000000"}

        def sign_in(address):
            return Person(stack, "demo").call("POST", "/session/totp", wrong, expect=None, headers={"X-Forwarded-For": address})[0]
        guesses = [sign_in(f"10.9.9.{number}, 192.0.2.1") for number in range(6)]  # what clients write in front is no address
        self.assertEqual(guesses, [401] * 5 + [429])
        self.assertEqual(sign_in("192.0.2.1, 192.0.2.2"), 401)
        self.assertEqual(sign_in("nobody"), 401)
        for address in ("203.0.113.9:50123", "[2001:db8::7]:50123"):
            self.assertEqual(sign_in(address), 401)
        found = {r["details"]["client_address"] for r in stack.audit("--type", "web_sign_in_failed")}
        self.assertEqual(found, {"192.0.2.1", "192.0.2.2", "127.0.0.1", "203.0.113.9", "2001:db8::7"})


if __name__ == "__main__":
    unittest.main()
