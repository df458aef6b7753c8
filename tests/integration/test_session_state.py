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
                "start transaction read only", "commit and chain", "rollback and chain", "abort", "end", "prepare transaction 'p'",
                "rollback prepared 'p'", "commit prepared 'p'"]
# Relations t and u of the session's own, made and gone in every way.
TEMPORARY = ["create temp table t (a int)", "create temp table t (a int)", "create temp table t (a int) on commit drop", "drop table t",
             "drop table if exists t", "alter table t rename to u", "alter table u rename to t", "drop table if exists u, t",
             "create temp table if not exists t (a int) on commit drop", "discard temp", "discard all", "create table pg_temp.u (a int)",
             "create temp view u as select 1 as a", "drop view u", "create index on t (a)", "alter table t add b int"]


class SessionStates(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.cluster = Cluster(pathlib.Path(cls.folder.name), "max_prepared_transactions=5")
        cls.addClassCleanup(cls.cluster.stop)
        cls.cluster.admin("CREATE ROLE alice SUPERUSER; CREATE SCHEMA app; CREATE SCHEMA \"My Schema\"")

    def server_says(self, connection):
        """Its settings; None in a failed transaction, where nothing may be asked."""
        if connection.get_transaction_status() == psycopg2.extensions.TRANSACTION_STATUS_INERROR:
            return None
        with connection.cursor() as cursor:
            cursor.execute("select current_setting('search_path'), current_user, current_setting('standard_conforming_strings'), (select"
                           " string_agg(relname::text, ',' order by relname) from pg_class where relname in ('t', 'u') and"
                           " relnamespace = pg_my_temp_schema())")
            path, user, strings, own = cursor.fetchone()
        return (",".join(part.strip().strip('"') for part in path.split(",")), user, strings), own.split(",") if own else []

    def sequence(self, seed, settings=SETTINGS):
        """How often something was certain, and how often the session's own relations were all known as they are."""
        chance = random.Random(seed)
        connection = psycopg2.connect(host="127.0.0.1", port=self.cluster.port, user="postgres", password="postgres",
                                      dbname="postgres")
        connection.autocommit = True
        probe = subprocess.Popen([os.environ["STEPGATE_SESSION_PROBE"]], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, text=True)
        certain, exact, done = 0, 0, []
        try:
            for _ in range(40):
                sql = chance.choice(settings if chance.random() < 0.6 else TRANSACTIONS)
                outcome = "ok"
                try:
                    with connection.cursor() as cursor:
                        cursor.execute(sql)
                        if cursor.statusmessage == "ROLLBACK" and sql.startswith(("commit", "end", "prepare")):
                            outcome = "undone"
                except psycopg2.Error:
                    outcome = "error"
                status = {psycopg2.extensions.TRANSACTION_STATUS_IDLE: "I", psycopg2.extensions.TRANSACTION_STATUS_INERROR: "E"}.get(
                    connection.get_transaction_status(), "T")
                done.append(f"{outcome}: {sql}")
                probe.stdin.write(f"{outcome}\t{status}\t{sql}\n")
                probe.stdin.flush()
                believed = probe.stdout.readline().rstrip("\n").split("\t")
                said = self.server_says(connection)
                if said is None:
                    continue
                kept = [name for name in believed.pop().split(",") if name]
                self.assertLessEqual(set(said[1]), set(kept), f"seed {seed}:\n  " + "\n  ".join(done))
                exact += said[1] == kept
                for belief, truth in zip(believed, said[0]):
                    if belief != "?":
                        certain += 1
                        self.assertEqual(belief, truth, f"seed {seed}:\n  " + "\n  ".join(done))
        finally:
            probe.stdin.close()
            probe.stdout.close()
            probe.wait()
            connection.close()
        return certain, exact

    def test_believes_what_the_server_shows_or_doubts(self):
        certain = sum(self.sequence(seed)[0] for seed in range(60))
        self.assertGreater(certain, 2000, "most must be certain, or the test shows nothing")

    def test_knows_what_is_its_own(self):
        exact = sum(self.sequence(seed, TEMPORARY)[1] for seed in range(60))
        self.assertGreater(exact, 1000, "most must be exact, or names would be kept for ever")


if __name__ == "__main__":
    unittest.main()
