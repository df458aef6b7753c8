"""Random sequences of statements that change how texts are read: what stepgate believes of the session is what the
server shows, or is marked as not certain. Taking a revert out of SessionState::transaction_ended makes this fail."""
import os
import pathlib
import random
import subprocess
import tempfile
import unittest

import psycopg2
import psycopg2.extensions

from harness import Cluster

SETTINGS = [
    "set search_path = app", "set search_path = app, public", "set search_path to \"$user\", public",
    "set search_path to 'app'", "set search_path = \"My Schema\", app", "set search_path to default",
    "set local search_path = app", "set local search_path to default", "set session search_path = public",
    "reset search_path", "select set_config('search_path', 'app, public', false)",
    "select set_config('search_path', 'public', true)", "select set_config('search_path', '\"My Schema\"', 'f')",
    "set role alice", "set local role alice", "set role none", "reset role", "set session authorization alice",
    "set session authorization default", "reset session authorization", "select set_config('role', 'alice', false)",
    "set standard_conforming_strings = off", "set standard_conforming_strings = on", "reset all", "discard all",
    "set local standard_conforming_strings = 'off'",
    "select set_config('search_path', 'app', '1')", "explain select set_config('search_path', 'app', false)",
    "explain (analyze off, analyze) select set_config('search_path', 'app', false)",
    "explain (analyze, analyze off) select set_config('search_path', 'app', false)",
    "create temp table if not exists z as select set_config('search_path', 'app', false)",
    "create temp table z as select set_config('search_path', 'app', false) with no data",
]
TRANSACTIONS = ["begin", "begin", "commit", "rollback", "savepoint s", "rollback to s", "release s", "select 1/0", "select 1",
                "start transaction read only", "commit and chain", "rollback and chain", "abort", "end"]


class SessionStates(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.cluster = Cluster(pathlib.Path(cls.folder.name))
        cls.addClassCleanup(cls.cluster.stop)
        cls.cluster.admin("CREATE ROLE alice SUPERUSER; CREATE SCHEMA app; CREATE SCHEMA \"My Schema\"")

    def server_says(self, connection):
        """Its settings; None in a failed transaction, where nothing may be asked."""
        if connection.get_transaction_status() == psycopg2.extensions.TRANSACTION_STATUS_INERROR:
            return None
        with connection.cursor() as cursor:
            cursor.execute("select current_setting('search_path'), current_user,"
                           " current_setting('standard_conforming_strings')")
            path, user, strings = cursor.fetchone()
        return ",".join(part.strip().strip('"') for part in path.split(",")), user, strings

    def sequence(self, seed):
        chance = random.Random(seed)
        connection = psycopg2.connect(host="127.0.0.1", port=self.cluster.port, user="postgres", password="postgres",
                                      dbname="postgres")
        connection.autocommit = True
        probe = subprocess.Popen([os.environ["STEPGATE_SESSION_PROBE"]], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, text=True)
        certain, done = 0, []
        try:
            for _ in range(40):
                sql = chance.choice(SETTINGS if chance.random() < 0.6 else TRANSACTIONS)
                outcome = "ok"
                try:
                    with connection.cursor() as cursor:
                        cursor.execute(sql)
                        if cursor.statusmessage == "ROLLBACK" and sql.startswith(("commit", "end")):
                            outcome = "undone"
                except psycopg2.Error:
                    outcome = "error"
                idle = connection.get_transaction_status() == psycopg2.extensions.TRANSACTION_STATUS_IDLE
                done.append(f"{outcome}: {sql}")
                probe.stdin.write(f"{outcome}\t{'I' if idle else 'T'}\t{sql}\n")
                probe.stdin.flush()
                believed = probe.stdout.readline().rstrip("\n").split("\t")
                said = self.server_says(connection)
                if said is None:
                    continue
                for belief, truth in zip(believed, said):
                    if belief != "?":
                        certain += 1
                        self.assertEqual(belief, truth, f"seed {seed}:\n  " + "\n  ".join(done))
        finally:
            probe.stdin.close()
            probe.stdout.close()
            probe.wait()
            connection.close()
        return certain

    def test_believes_what_the_server_shows_or_doubts(self):
        certain = sum(self.sequence(seed) for seed in range(60))
        self.assertGreater(certain, 2000, "most must be certain, or the test shows nothing")


if __name__ == "__main__":
    unittest.main()
