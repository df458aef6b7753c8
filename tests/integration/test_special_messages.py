"""Connections and messages that carry no SQL: replication, start-up parameters, FunctionCall. Refused unless a rule allows them.

Checked once with the protection taken out: with `permit` answering nullopt, Door.StartupKeysThatAreNotAllowed and
Door.ReplicationNeedsARule of the unit tests fail.
"""
import ctypes
import subprocess
import threading
import unittest

import psycopg2

from harness import PATIENCE, SITE_POLICY, Stack

ALLOWED = SITE_POLICY + """
[[rule]]
id = "replicas"
when = {startup_key = ["replication", "row_security"], user = {in = ["demo"]}}
then = "allow"
[[rule]]
id = "by-number"
when = {message = ["function_call"]}
then = "allow"
"""


class PQArgBlock(ctypes.Structure):
    _fields_ = [("len", ctypes.c_int), ("isint", ctypes.c_int), ("integer", ctypes.c_void_p)]


def call_by_number(stack, oid, argument):
    """PQfn of libpq, one text argument: (status, error)."""
    pq = ctypes.CDLL("libpq.so.5")
    pq.PQconnectdb.restype = pq.PQfn.restype = ctypes.c_void_p
    pq.PQresultStatus.argtypes = pq.PQresultErrorMessage.argtypes = pq.PQfinish.argtypes = [ctypes.c_void_p]
    pq.PQresultErrorMessage.restype = ctypes.c_char_p
    pq.PQfn.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_int]
    connection = pq.PQconnectdb(f"host=127.0.0.1 port={stack.port} user=demo password={stack.password} dbname=shop".encode())
    text = ctypes.create_string_buffer(argument.encode())
    block = PQArgBlock(len(argument), 0, ctypes.cast(text, ctypes.c_void_p))
    answer, length = ctypes.create_string_buffer(1024), ctypes.c_int()
    try:
        got = pq.PQfn(connection, oid, answer, ctypes.byref(length), 0, ctypes.byref(block), 1)
        return pq.PQresultStatus(got), (pq.PQresultErrorMessage(got) or b"").decode()
    finally:
        pq.PQfinish(connection)


class Refused(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack().start()
        cls.addClassCleanup(cls.stack.close)

    def test_replication_in_every_spelling(self):
        for value in ("true", "on", "1", "yes", "database"):
            done = subprocess.run(["psql", f"dbname=shop replication={value}", "-Atc", "IDENTIFY_SYSTEM"], env=self.stack.env(),
                                  capture_output=True, text=True, timeout=PATIENCE)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("replication connections are not allowed", done.stderr)
            self.assertIn('startup_key = ["replication"]', done.stderr)

    def test_settings_of_the_start(self):
        code, out, err = self.stack.ask("SELECT 1", PGOPTIONS="-c row_security=off")
        self.assertNotEqual(code, 0)
        self.assertIn('"row_security" is not allowed', err)
        failed = self.stack.audit("--type", "login_failed")[-1]
        self.assertIn("row_security", failed["details"]["reason"])

    def test_function_call(self):
        oid = int(self.stack.cluster.shop("SELECT 'purge_inactive'::regproc::oid"))
        status, error = call_by_number(self.stack, oid, "1990-01-01")
        self.assertEqual(status, 7)
        self.assertIn("function calls by number are not allowed", error)


class Allowed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(policy=ALLOWED, cluster_settings=("wal_level=logical",)).start()
        cls.addClassCleanup(cls.stack.close)
        cls.demo = cls.stack.person()
        cls.stack.cluster.admin("ALTER ROLE app REPLICATION")

    def test_logical_replication(self):
        self.stack.cluster.shop("CREATE TABLE IF NOT EXISTS scratch (id int)")
        address = ["-h", "127.0.0.1", "-p", str(self.stack.port), "-U", "demo", "-d", "shop", "--slot", "stepgate_test"]
        subprocess.run(["pg_recvlogical", *address, "--create-slot", "-P", "test_decoding"], env=self.stack.env(), check=True, timeout=PATIENCE)
        self.stack.cluster.shop("INSERT INTO scratch VALUES (4711)")
        end = self.stack.cluster.admin("SELECT pg_current_wal_lsn()")
        out = subprocess.run(["pg_recvlogical", *address, "--start", "-E", end, "-f", "-", "--no-loop"], env=self.stack.env(), check=True,
                             capture_output=True, text=True, timeout=PATIENCE).stdout
        self.assertIn("4711", out)
        subprocess.run(["pg_recvlogical", *address, "--drop-slot"], env=self.stack.env(), check=True, timeout=PATIENCE)
        started = [r for r in self.stack.audit("--type", "session_start") if r["details"].get("startup_keys")]
        self.assertEqual(started[-1]["details"]["startup_rules"], ["replicas"])
        self.assertTrue(any("START_REPLICATION" in r["text"] for r in self.stack.audit("--type", "statement")))

    def test_sql_on_a_replication_connection_is_judged(self):
        process = subprocess.Popen(["psql", "dbname=shop replication=database", "-XAtc", "DELETE FROM orders"], env=self.stack.env(),
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.demo.deny(self.demo.wait_pending())
        out, err = process.communicate(timeout=PATIENCE)
        self.assertIn("denied", err)
        self.assertEqual(self.stack.cluster.shop("SELECT count(*) FROM orders"), "800")

    def test_where_a_replication_connection_looks_up_names(self):
        for sql in ("CREATE SCHEMA elsewhere", "CREATE TABLE public.looked_up (id int)",
                    "CREATE TABLE elsewhere.looked_up (ssn text)"):
            self.assertEqual(self.stack.ask(sql)[0], 0, sql)
        self.stack.cluster.admin("ALTER ROLE app SET search_path = elsewhere, public")
        self.addCleanup(self.stack.cluster.admin, "ALTER ROLE app RESET search_path")
        process = subprocess.Popen(["psql", "dbname=shop replication=database", "-XAtc", "SELECT looked_up::text FROM looked_up"], env=self.stack.env(),
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.demo.deny(self.demo.wait_pending())
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual(out, "")
        self.assertIn("denied", err)

    def test_settings_of_the_start(self):
        self.assertEqual(self.stack.ask("SHOW row_security", PGOPTIONS="-c row_security=off")[:2], (0, "off"))

    def test_a_function_of_the_site_is_held(self):
        oid = int(self.stack.cluster.shop("SELECT 'purge_inactive'::regproc::oid"))
        before = self.stack.cluster.shop("SELECT count(*) FROM customers")
        answer = []
        thread = threading.Thread(target=lambda: answer.append(call_by_number(self.stack, oid, "1990-01-01")))
        thread.start()
        challenge = self.demo.wait_pending()
        detail = self.demo.call("GET", f"/challenges/{challenge['id']}")
        self.demo.deny(challenge)
        thread.join(PATIENCE)
        self.assertIn("denied", answer[0][1])
        self.assertTrue(detail["opaque_reasons"], detail)
        self.assertEqual(self.stack.cluster.shop("SELECT count(*) FROM customers"), before)

    def test_large_objects_of_psycopg2(self):
        connection = psycopg2.connect(host="127.0.0.1", port=self.stack.port, user="demo", password=self.stack.password, dbname="shop")
        self.addCleanup(connection.close)
        failures = []

        def answer():  # what makes, opens and writes large objects is not on the list of harmless functions
            try:
                for _ in range(3):
                    self.demo.approve(self.demo.wait_pending())
            except Exception as error:  # shown below
                failures.append(error)

        thread = threading.Thread(target=answer)
        thread.start()
        lob = connection.lobject(0, "wb")
        lob.write(b"hello")
        thread.join(PATIENCE)
        connection.commit()
        self.assertEqual(failures, [])
        written = self.stack.cluster.admin(f"SELECT convert_from(lo_get({lob.oid}), 'UTF8')", database="shop")
        self.assertEqual(written, "hello")


if __name__ == "__main__":
    unittest.main()
