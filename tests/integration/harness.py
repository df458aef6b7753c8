"""A whole stepgate in front of a real PostgreSQL, for tests, and a person who answers its challenges over the web API.

Every answer of the web API is checked against its contract (contract.py). The program is STEPGATE_BINARY (CMake sets it). Every Stack has its own cluster, folder and
ports; `stop` removes them.
"""
import base64
import contextlib
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time

import contract
from passkey import Passkey

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("STEPGATE_BINARY", str(ROOT / "build/dev/bin/stepgate"))
PATIENCE = float(os.environ.get("STEPGATE_TEST_PATIENCE", "30"))  # seconds before a wait is a failure

DRAIN = '[limits]\ndrain = "2s"\n'
SITE_POLICY = (ROOT / "compose/shop.toml").read_text()


def free_port():
    """Not one of those that the system gives to outgoing connections: such a connection might have it when the listener wants it."""
    return int(subprocess.run([ROOT / "compose/free_port.sh"], check=True, capture_output=True, text=True).stdout)


def wait_for(condition, what, timeout=PATIENCE, every=0.02):
    """Polls until `condition()` is true and returns its value; fails with `what` when it never is."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {timeout} s in vain for: {what}")
        time.sleep(every)


def run_program(case, person, command, env):
    """Runs a client program whose first held statement is approved and whose second is denied; it says "all good" at its end."""
    done = []
    thread = threading.Thread(target=lambda: done.append(
        subprocess.run(command, env=env, capture_output=True, text=True, timeout=PATIENCE * 3)))
    thread.start()
    try:
        person.approve(person.wait_pending())
        person.deny(person.wait_pending())
    finally:
        thread.join()
        print(*(f"{d.stdout}{d.stderr}" for d in done))
    case.assertEqual(done[0].returncode, 0, done[0].stdout + done[0].stderr)
    case.assertIn("all good", done[0].stdout)


def approved_and_asked_again(case, person, shown, table, other):
    """Approves a challenge for `table`, whose statement would change `other` by now: the challenge that asks for that."""
    person.approve(shown)
    again = person.wait_pending()
    first, second = (person.call("GET", f"/challenges/{each['id']}") for each in (shown, again))
    case.assertEqual((first["state"], first["close_reason"]), ("cancelled", "what it would do has changed"))
    case.assertIn(table, str(first["tables"]))
    case.assertNotIn(table, str(second["tables"]))
    case.assertIn(other, str(second["tables"]))
    return again


class Cluster:
    """A PostgreSQL 15 of our own with the demo's shop, owned by the role `app`."""

    def __init__(self, folder, *settings):
        self.folder = pathlib.Path(folder)
        options = [part for s in settings for part in ("-c", s)]
        out = subprocess.run([ROOT / "compose/cluster.sh", "start", self.folder, *options], check=True,
                             capture_output=True, text=True).stdout
        self.port = int(out.split()[-1])
        self.admin("CREATE ROLE app LOGIN PASSWORD 'app-password'")
        self.admin("CREATE DATABASE shop OWNER app")
        self.psql("-f", str(ROOT / "compose/shop.sql"), user="app", password="app-password", database="shop")

    def psql(self, *args, user="postgres", password="postgres", database="postgres"):
        env = dict(os.environ, PGPASSWORD=password)
        done = subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.port), "-U", user,
                               "-d", database, *args], env=env, capture_output=True, text=True)
        if done.returncode:
            raise AssertionError(f"psql {args}: {done.stderr}")
        return done.stdout.strip()

    def admin(self, sql, database="postgres"):
        return self.psql("-c", sql, database=database)

    def shop(self, sql):
        """Asks the server itself, around stepgate: what is really in the tables."""
        return self.psql("-c", sql, user="app", password="app-password", database="shop")

    def stop(self):
        subprocess.run([ROOT / "compose/cluster.sh", "stop", self.folder], check=False)


class Person:
    """Somebody with a passkey (and, when asked, an authenticator app) and a web session, over the JSON API."""

    def __init__(self, stack, name):
        self.stack, self.name = stack, name
        self.cookie = self.csrf = self.secret = None
        self.passkey = Passkey(stack.folder, stack.public_url)
        self.last_step = 0
        self.source = None  # (address, 0): from where it connects

    def connect(self):
        if self.stack.plain_web:
            return http.client.HTTPConnection("127.0.0.1", self.stack.web_port, timeout=PATIENCE)
        context = ssl.create_default_context(cafile=self.stack.folder / "stepgate/tls/ca.crt")
        return http.client.HTTPSConnection("localhost", self.stack.web_port, context=context, timeout=PATIENCE, source_address=self.source)

    def call(self, method, path, body=None, expect=(200, 201, 204), headers=None):
        head = {"Origin": self.stack.public_url}
        if self.cookie:
            head["Cookie"] = self.cookie
        if self.csrf:
            head["X-CSRF-Token"] = self.csrf
        data = None
        if body is not None:
            data = json.dumps(body)
            head["Content-Type"] = "application/json"
        head.update(headers or {})
        with contextlib.closing(self.connect()) as connection:
            connection.request(method, "/api/v1" + path, data, head)
            answer = connection.getresponse()
            text = answer.read().decode()
            set_cookie = answer.getheader("Set-Cookie")
        if expect and answer.status not in expect:
            raise AssertionError(f"{method} {path}: {answer.status} {text}")
        if set_cookie and answer.status < 300:
            self.cookie = set_cookie.split(";")[0]
        value = json.loads(text) if text else None
        contract.check(method, path, answer.status, value)
        if isinstance(value, dict):
            session = value.get("session", value)
            if isinstance(session, dict) and "csrf_token" in session:
                self.csrf = session["csrf_token"]
        return value if expect else (answer.status, value)

    def sign_in(self):
        self.cookie = self.csrf = None
        begun = self.call("POST", "/session/passkey/begin", {"user": self.name})
        self.call("POST", "/session/passkey/finish", {"ceremony": begun["ceremony"], "credential": self.passkey.sign(begun["options"])})

    def code(self):
        """The next code that was not used yet: each is good once, so within 30 s the next step's is taken."""
        step = max(int(time.time()) // 30, self.last_step + 1)
        while step > int(time.time()) // 30 + 1:
            time.sleep(0.2)
        self.last_step = step
        digest = hmac.new(self.secret, struct.pack(">Q", step), hashlib.sha1).digest()
        offset = digest[-1] & 15
        return f"{(struct.unpack('>I', digest[offset:offset + 4])[0] & 0x7fffffff) % 1000000:06d}"

    def redeem(self):
        token = self.stack.run("enroll", self.name).strip().split("#")[1]
        self.call("POST", "/session/enrolment", {"token": token})
        return self

    def enrol(self):
        """Redeems an enrolment link and adds a passkey as the first factor."""
        self.redeem()
        begun = self.call("POST", "/factors/passkey/begin", {})
        self.call("POST", "/factors/passkey/finish", {"ceremony": begun["ceremony"], "name": "test",
                                                      "credential": self.passkey.register(begun["options"])})
        return self

    def enrol_app(self):
        """Adds an authenticator app."""
        begun = self.call("POST", "/factors/totp/begin", {})
        secret = begun["secret"]
        self.secret = base64.b32decode(secret + "=" * (-len(secret) % 8))
        self.last_step = 0  # none of this secret was used
        self.call("POST", "/factors/totp/finish", {"ceremony": begun["ceremony"], "code": self.code()})
        return self

    def pending(self):
        return [c for c in self.call("GET", "/challenges")["challenges"] if c["state"] == "pending"]

    def wait_pending(self):
        # Not faster than the API's limit for one address allows.
        return wait_for(self.pending, f"a pending challenge of {self.name}", every=0.1)[0]

    def approve(self, challenge, expect=(200,)):
        begun = self.call("POST", f"/challenges/{challenge['id']}/passkey/begin", {}, expect=expect and (200,))
        options = (begun if expect else begun[1])["options"]
        return self.call("POST", f"/challenges/{challenge['id']}/passkey", {"credential": self.passkey.sign(options)}, expect=expect)

    def approve_with_code(self, challenge, expect=(200,)):
        return self.call("POST", f"/challenges/{challenge['id']}/totp", {"code": self.code()}, expect=expect)

    def deny(self, challenge):
        return self.call("POST", f"/challenges/{challenge['id']}/deny", {})


class Program(Person):
    """A program with a token: no cookie, no Origin, no CSRF token."""

    def __init__(self, stack, token):
        super().__init__(stack, "a program")
        self.token = token

    def call(self, method, path, body=None, expect=(200, 201, 204), headers=None):
        return super().call(method, path, body, expect, {"Authorization": f"Bearer {self.token}", **(headers or {})})

    def events(self):
        """What the stream says of challenges, as it comes; the first is None: from then on nothing is missed."""
        with contextlib.closing(self.connect()) as connection:
            connection.request("GET", "/api/v1/events", headers={"Authorization": f"Bearer {self.token}"})
            answer = connection.getresponse()
            assert answer.status == 200, answer.read()
            name = ""
            while line := answer.readline().decode().rstrip("\n"):
                if line.startswith("event: "):
                    name = line[7:]
                elif line.startswith("data: ") and name in ("ready", "challenge"):
                    yield json.loads(line[6:]) if name == "challenge" else None
                if line.startswith("data: "):
                    answer.readline()  # the empty line after each


class Stack:
    """A cluster, a configured stepgate that serves, and a user `demo`."""

    def __init__(self, policy=SITE_POLICY, extra="", listener="", upstream="", hold="", cluster_settings=(), level_one=False,
                 packs=("destructive.toml", "pii.toml"), cluster=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="stepgate-test."))
        self.folder.chmod(0o711)
        self.owns_cluster = cluster is None
        self.cluster_settings = cluster_settings
        self.cluster = cluster or self.make_cluster()
        self.port, self.web_port, self.admin_port = free_port(), free_port(), free_port()
        self.public_url = f"https://localhost:{self.web_port}"
        self.home = self.folder / "stepgate"
        self.config = self.home / "stepgate.toml"
        self.process = None
        self.plain_web = False  # the test took the certificate out of [web]
        try:
            self.configure(policy, extra, listener, upstream, hold, level_one, packs)
        except BaseException:
            self.close()
            raise

    def make_cluster(self):
        return Cluster(self.folder / "cluster", *self.cluster_settings)

    def configure(self, policy, extra, listener, upstream, hold, level_one, packs):
        env = dict(os.environ, PGPASSWORD="app-password")
        out = subprocess.run([BINARY, "init", "--upstream", f"postgresql://app@127.0.0.1:{self.cluster.port}/shop",
                              "--directory", self.home, "--listen", f"127.0.0.1:{self.port}",
                              "--web", f"127.0.0.1:{self.web_port}", "--user", "demo"],
                             env=env, check=True, capture_output=True, text=True).stdout
        self.password = re.search(r"password: (\S+)", out).group(1)
        (self.home / "site.toml").write_text(policy)
        text = self.config.read_text()
        if level_one:  # an authenticator alone must do in tests that are not about levels
            for pack in packs:
                file = self.home / "packs" / pack
                file.write_text(re.sub(r"level = [23]", "level = 1", file.read_text()))
            (self.home / "site.toml").write_text(
                policy + ("" if "[default]" in policy else "\n[default]\nopaque = {challenge = {level = 1}}\n"))
        if hold:
            text = re.sub(r"^hold = .*$", f"hold = {hold}", text, flags=re.M)
        text = text.replace("[[listener]]", f'[admin]\nlisten = "127.0.0.1:{self.admin_port}"\n\n{extra or DRAIN}\n[[listener]]')
        text = text.replace("[listener.upstream]", f"{listener}\n[listener.upstream]") + upstream + "\n"
        self.config.write_text(text)

    def run(self, *args, expect=0, text_in=None):
        args = [str(a) for a in args]
        place = 2 if args[0] in ("user", "audit", "catalog", "notify", "token") else 1
        done = subprocess.run([BINARY, *args[:place], "--config", str(self.config), *args[place:]], capture_output=True,
                              text=True, input=text_in)
        if expect is not None and done.returncode != expect:
            raise AssertionError(f"stepgate {args}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout if expect is not None else done

    def catalog(self, database="shop"):
        """A snapshot of the catalogs, as JSON."""
        return self.run("catalog", "dump", "--database", database)

    def start(self, preexec=None):
        self.log = open(self.folder / "serve.log", "ab")
        self.process = subprocess.Popen([BINARY, "serve", "--config", str(self.config)], stdout=subprocess.PIPE,
                                        stderr=self.log, text=True, preexec_fn=preexec)
        line = self.process.stdout.readline()
        if not line.startswith("ready"):
            self.process.wait(PATIENCE)
            raise AssertionError(f"stepgate did not start: {line}{(self.folder / 'serve.log').read_text()}")
        threading.Thread(target=self.process.stdout.read, daemon=True).start()
        return self

    def reload_policy(self, text):
        """Another site.toml, once it is in force."""
        def loaded():
            return (self.folder / "serve.log").read_text().count("in force")
        before = loaded()
        (self.home / "site.toml").write_text(text)
        self.process.send_signal(signal.SIGHUP)
        wait_for(lambda: loaded() > before, "the new policy", every=0.05)

    def person(self, name="demo"):
        return Person(self, name).enrol()

    def env(self, **more):
        return {**os.environ, "PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": "demo", "PGPASSWORD": self.password,
                "PGDATABASE": "shop", **more}

    def psql(self, *args, stdin=None, **env):
        """Starts psql through stepgate; the caller reads and waits."""
        return subprocess.Popen(["psql", "-XAt", *args], env=self.env(**env), text=True,
                                stdin=subprocess.PIPE if stdin is None else stdin,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def ask(self, sql, *args, **env):
        """One psql run to its end: (exit code, output, errors)."""
        process = self.psql(*args, "-c", sql, **env)
        out, err = process.communicate(timeout=PATIENCE)
        return process.returncode, out.strip(), err.strip()

    def metrics(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request("GET", "/metrics")
            text = connection.getresponse().read().decode()
        return {m.group(1): float(m.group(2)) for m in re.finditer(r"^(stepgate_\S+) (\S+)$", text, re.M)}

    def audit(self, *filters):
        """Records as the reviewer exports them, oldest first; waits until the index has caught up."""
        def caught_up():
            # In the order in which a record goes: the other way round one could slip from the queue into the journal in between.
            return self.metrics().get("stepgate_audit_queued_bytes", 1) == 0 and \
                   self.metrics().get("stepgate_audit_index_lag_records", 1) == 0
        if self.process and self.process.poll() is None:
            wait_for(caught_up, "the audit index")
            time.sleep(0.05)  # what the writer had in its hands is in neither figure
            wait_for(caught_up, "the audit index")
        lines = self.run("audit", "export", "--format", "jsonl", *filters).splitlines()
        return sorted((json.loads(line) for line in lines), key=lambda r: r["sequence"])

    def stop(self, with_signal=signal.SIGTERM):
        """Ends the program and answers with its exit code; one that hangs is killed, and that is a failure."""
        if self.process is None:
            return None
        self.log.close()
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError("stepgate did not stop") from None

    def print_warnings(self):
        """What stepgate complained of, for who has to find out why a test failed elsewhere."""
        log = self.folder / "serve.log"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        for line in [line for line in lines if '"level":"info"' not in line][-20:]:
            print(line[:500], file=sys.stderr)

    def close(self):
        try:
            self.stop()
            self.print_warnings()
        finally:
            if self.owns_cluster:
                self.cluster.stop()
            shutil.rmtree(self.folder, ignore_errors=True)
