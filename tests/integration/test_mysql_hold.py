"""The main job on the second wire, with real clients against a real MariaDB and a real MySQL: held, shown, approved or not, and what the
server and the audit say about it afterwards."""
# Seen to fail without their protections: KILL QUERY that only the server hears of, the server's time-out passed on as the answer, an approval kept
# for a statement without its user.
import re
import subprocess
import time
import unittest

import pymysql

from harness import PATIENCE, ROOT, approved_and_asked_again, wait_for
from mariadb import ORACLE, MySqlCase

AGAIN = re.compile(r"approve at (https://\S+/c/(\S+)) . code (\S{3}-\S{3}) . needs a passkey, or [^()]*, then run it again")


class Case(MySqlCase):
    def state(self, challenge):
        return self.demo.call("GET", f"/challenges/{challenge['id']}")["state"]

    def run_later(self, cursor, sql, values=None):
        return self.later(lambda: cursor.execute(sql, values))


class Waits(Case):
    """announce = "wait": a driver waits for as long as there is to answer."""
    listener = 'announce = "wait"'

    def test_harmless_passes(self):
        self.assertEqual(self.stack.ask("SELECT count(*) FROM orders"), (0, "800", ""))
        self.assertEqual(self.demo.pending(), [])

    def test_approved_runs_on_the_same_connection(self):
        connection = self.connect()
        cursor = connection.cursor()
        thread, result = self.run_later(cursor, "DELETE FROM scratch")
        challenge = self.demo.wait_pending()
        self.assertEqual(self.rows(), 3, "it ran before the approval")
        self.demo.approve(challenge)
        thread.join(PATIENCE)
        self.assertEqual(result, [3])
        connection.commit()
        cursor.execute("SELECT connection_id()")
        self.assertEqual(cursor.fetchone()[0], connection.thread_id())
        self.assertEqual(self.rows(), 0)
        session = self.demo.call("GET", f"/challenges/{challenge['id']}")["session"]
        mine = [r for r in self.stack.audit() if r["session"] == session]
        types = [r["type"] for r in mine]
        for expected in ("session_start", "statement", "challenge_opened", "proof_accepted", "release"):
            self.assertIn(expected, types)
        self.assertIn("the journal is intact", self.stack.run("audit", "verify"))

    def test_denied_is_an_error_and_the_session_lives(self):
        cursor = self.connect().cursor()
        thread, result = self.run_later(cursor, "DELETE FROM scratch")
        self.demo.deny(self.demo.wait_pending())
        thread.join(PATIENCE)
        self.assertEqual(result[0].args[0], 1227)
        self.assertIn("delete-without-where", result[0].args[1])
        cursor.execute("SELECT 'still here'")
        self.assertEqual(cursor.fetchone(), ("still here",))
        self.assertEqual(self.rows(), 3)

    def test_transaction_stays_open_after_a_denial(self):
        connection = self.connect()
        cursor = connection.cursor()
        cursor.execute("INSERT INTO scratch VALUES (4, 'd')")
        thread, result = self.run_later(cursor, "DELETE FROM scratch")
        challenge = self.demo.wait_pending()
        self.assertTrue(self.demo.call("GET", f"/challenges/{challenge['id']}")["in_transaction"])
        self.demo.deny(challenge)
        thread.join(PATIENCE)
        self.assertEqual(result[0].args[0], 1227)
        connection.commit()
        self.assertEqual(self.rows(), 4)

    def test_many_statements_in_one_text_are_judged_together(self):
        cursor = self.connect(client_flag=pymysql.constants.CLIENT.MULTI_STATEMENTS).cursor()
        thread, result = self.run_later(cursor, "SELECT 1; DELETE FROM scratch")
        challenge = self.demo.wait_pending()
        self.assertEqual(len(self.demo.pending()), 1)
        self.demo.deny(challenge)
        thread.join(PATIENCE)
        self.assertEqual(result[0].args[0], 1227)
        self.assertEqual(self.rows(), 3)

    def test_kill_query_ends_the_hold_and_nothing_runs_later(self):
        connection = self.connect()
        thread, result = self.run_later(connection.cursor(), "DELETE FROM scratch")
        challenge = self.demo.wait_pending()
        self.assertEqual(self.connect().cursor().execute(f"KILL QUERY {connection.thread_id()}"), 0)
        thread.join(PATIENCE)
        self.assertEqual(result[0].args[0], 1317)
        self.assertEqual(self.state(challenge), "cancelled")
        cursor = connection.cursor()
        cursor.execute("SELECT 'still here'")
        self.assertEqual(cursor.fetchone(), ("still here",))
        self.assertEqual(self.rows(), 3)

    def test_kill_query_of_what_waits_for_the_catalogs(self):
        reader = self.connect()
        reader.cursor().execute("SELECT * FROM scratch")  # in a transaction: the table cannot be changed before its end
        changing, changed = self.run_later(self.connect().cursor(), "ALTER TABLE scratch ADD COLUMN another int")
        time.sleep(0.5)
        connection = self.connect()
        thread, result = self.run_later(connection.cursor(), "SELECT id FROM scratch")
        time.sleep(0.5)
        begun = time.monotonic()
        while thread.is_alive():  # before the statement waits there is nothing to kill
            self.connect().cursor().execute(f"KILL QUERY {connection.thread_id()}")
            thread.join(0.5)
        self.assertEqual(result[0].args[0], 1317)
        self.assertLess(time.monotonic() - begun, 9)  # it would wait for ten seconds, and be held then
        self.assertEqual(self.demo.pending(), [])
        reader.rollback()
        changing.join(PATIENCE)
        self.assertEqual(changed, [0])
        self.stack.cluster.shop("ALTER TABLE scratch DROP COLUMN another")

    def test_command_process_kill_ends_the_hold(self):
        connection = self.connect()
        thread, result = self.run_later(connection.cursor(), "DELETE FROM scratch")
        challenge = self.demo.wait_pending()
        killer = self.connect()
        if ORACLE:  # it does not know the command any more; the hold has ended before it hears of it
            with self.assertRaisesRegex(pymysql.Error, "1047"):
                killer.kill(connection.thread_id())
        else:
            killer.kill(connection.thread_id())
        thread.join(PATIENCE)
        self.assertIsInstance(result[0], pymysql.Error)
        self.assertEqual(self.state(challenge), "cancelled")
        self.assertEqual(self.rows(), 3)

    def test_kill_of_the_session_ends_the_hold(self):
        script = ROOT / "tests/support/mysql_server.sh"
        admin = [script, "run", "mysqladmin", "--no-defaults", "-h127.0.0.1", f"-P{self.stack.port}", "-udemo", f"-p{self.stack.password}", "kill"]
        ways = {"KILL": lambda thread_id: self.connect().cursor().execute(f"KILL {thread_id}")}
        if subprocess.run([script, "root"], capture_output=True).returncode == 0:
            ways["mysqladmin"] = lambda thread_id: subprocess.run([*admin, str(thread_id)], check=True, capture_output=True)
        for name, kill in ways.items():
            with self.subTest(name):
                connection = self.connect()
                thread, result = self.run_later(connection.cursor(), "DELETE FROM scratch")
                challenge = self.demo.wait_pending()
                kill(connection.thread_id())
                thread.join(PATIENCE)
                self.assertIsInstance(result[0], pymysql.Error)
                self.assertEqual(self.state(challenge), "cancelled")
                with self.assertRaises((pymysql.Error, AttributeError)):  # of a connection that it has closed
                    connection.ping(reconnect=False)
                self.assertEqual(self.rows(), 3)

    def test_sessions_of_others_are_not_ended_unasked(self):
        others = self.stack.cluster.admin("SELECT CONNECTION_ID()")
        texts = [f"KILL {others}", f"KILL CONNECTION {others} + 0", f"KILL {others}1", f"SELECT 1; KILL {others}"]
        if not ORACLE:
            texts += ["KILL QUERY USER nobody", "KILL USER nobody", "KILL CONNECTION USER nobody"]
        for sql in texts:
            with self.subTest(sql):
                thread, result = self.run_later(self.connect(client_flag=pymysql.constants.CLIENT.MULTI_STATEMENTS).cursor(), sql)
                challenge = self.demo.wait_pending()
                self.assertIn("other-sessions-mysql", challenge["rules"])
                self.demo.deny(challenge)
                thread.join(PATIENCE)
                self.assertEqual(result[0].args[0], 1227)

    def test_client_that_leaves_cancels_the_hold(self):
        process = self.stack.mariadb("-e", "DELETE FROM scratch")
        challenge = self.demo.wait_pending()
        process.kill()
        process.communicate()
        wait_for(lambda: self.state(challenge) == "cancelled", "cancellation")
        self.assertEqual(self.rows(), 3)

    def test_server_that_ends_the_session_while_held(self):
        connection = self.connect()
        thread, result = self.run_later(connection.cursor(), "DELETE FROM scratch")
        challenge = self.demo.wait_pending()
        self.stack.cluster.admin(f"KILL {connection.thread_id()}")
        thread.join(PATIENCE)
        self.assertIsInstance(result[0], pymysql.Error)
        wait_for(lambda: self.state(challenge) == "cancelled", "cancellation")
        self.assertEqual(self.rows(), 3)

    def test_wait_timeout_while_held_is_not_the_answer(self):
        connection = self.connect()
        cursor = connection.cursor()
        cursor.execute("SET wait_timeout = 1")
        thread, result = self.run_later(cursor, "DELETE FROM scratch")
        challenge = self.demo.wait_pending()
        thread.join(PATIENCE)
        self.assertEqual(result[0].args[0], 1053, "not the server's 4031 (MySQL), nor a bare end (MariaDB)")
        wait_for(lambda: self.state(challenge) == "cancelled", "cancellation")
        self.assertEqual(self.rows(), 3)

    def test_personal_data_is_held_and_its_literals_stay_out_of_the_audit(self):
        thread, result = self.run_later(self.connect().cursor(), 'SELECT name FROM customers WHERE ssn = "123-45-6789"')
        challenge = self.demo.wait_pending()
        self.assertIn("pii", challenge["labels"])
        self.demo.deny(challenge)
        thread.join(PATIENCE)
        records = self.stack.audit()
        self.assertFalse([r for r in records if "123-45-6789" in str(r)])
        self.assertTrue([r for r in records if "FROM customers WHERE ssn" in str(r)])

    def test_trigger_made_around_stepgate(self):
        """It counts once anything is defined through stepgate, or at the next refresh."""
        self.stack.cluster.shop("DROP TABLE IF EXISTS bait; CREATE TABLE bait (id int); CREATE TRIGGER bait_t BEFORE INSERT ON bait "
                                "FOR EACH ROW DELETE FROM scratch")
        cursor = self.connect(autocommit=True).cursor()
        cursor.execute("CREATE TABLE IF NOT EXISTS asks_again (a int)")
        cursor.execute("SELECT count(*) FROM asks_again")  # waits for the catalogs that show it
        thread, result = self.run_later(cursor, "INSERT INTO bait VALUES (1)")
        challenge = self.demo.wait_pending()
        self.assertEqual(challenge["rules"], ["delete-without-where"])
        self.demo.deny(challenge)
        thread.join(PATIENCE)
        self.assertEqual(self.rows(), 3)
        self.stack.cluster.shop("DROP TABLE bait, asks_again")

    def test_an_approval_is_for_the_tables_that_were_shown(self):
        """Another session replaces the view behind which they are while the statement is held."""
        other = self.connect(autocommit=True).cursor()
        for sql in ("CREATE TABLE IF NOT EXISTS others (id int)", "INSERT INTO others VALUES (1)",
                    "CREATE OR REPLACE VIEW through AS SELECT id FROM scratch"):
            other.execute(sql)
        thread, result = self.run_later(self.connect(autocommit=True).cursor(), "DELETE FROM through")
        one = self.demo.wait_pending()
        other.execute("CREATE OR REPLACE VIEW through AS SELECT id FROM others")
        two = approved_and_asked_again(self, self.demo, one, "shop.scratch", "shop.others")
        self.assertEqual(self.stack.cluster.shop("SELECT count(*) FROM others"), "1", "it ran on what nobody was shown")
        self.demo.approve(two)
        thread.join(PATIENCE)
        self.assertEqual((result, self.rows()), ([1], 3))
        self.stack.cluster.shop("DROP VIEW through; DROP TABLE others")
        self.stack.run("audit", "verify")

    def test_settings_of_the_session_are_followed(self):
        cursor = self.connect().cursor()
        cursor.execute("SET sql_mode = 'ANSI_QUOTES'")
        thread, result = self.run_later(cursor, 'DELETE FROM "scratch"')
        self.demo.deny(self.demo.wait_pending())
        thread.join(PATIENCE)
        cursor.execute("USE information_schema")
        thread, result = self.run_later(cursor, "DELETE FROM shop.scratch")
        challenge = self.demo.wait_pending()
        self.assertEqual(challenge["database"], "information_schema")
        self.demo.deny(challenge)
        thread.join(PATIENCE)

    def test_procedure_that_changes_the_session(self):
        """What a procedure prepared or set is not known after it, whatever was known before."""
        self.stack.cluster.shop("CREATE PROCEDURE IF NOT EXISTS swaps() PREPARE known FROM 'DELETE FROM scratch'")
        cursor = self.connect().cursor()
        cursor.execute("PREPARE known FROM 'SELECT 1'")
        cursor.execute("EXECUTE known")
        for sql in ("CALL swaps()", "EXECUTE known"):
            thread, result = self.run_later(cursor, sql)
            challenge = self.demo.wait_pending()
            self.demo.approve(challenge) if sql.startswith("CALL") else self.demo.deny(challenge)
            thread.join(PATIENCE)
        self.assertEqual((result[0].args[0], self.rows()), (1227, 3))


class RunsAgain(Case):
    """announce = "auto": who cannot be told while waiting gets an error, and the same statement passes once."""

    def again(self, sql, *args):
        code, out, err = self.stack.ask(sql, *args)
        self.assertEqual(code, 1, out)
        self.assertIn("ERROR 1227 (42000)", err)
        match = AGAIN.search(err)
        self.assertIsNotNone(match, err)
        self.assertLess(len(err), 700)
        return match

    def test_approved_after_the_error_passes_once(self):
        match = self.again("DELETE FROM scratch")
        challenge = self.demo.wait_pending()
        self.assertEqual((match.group(2), match.group(3)), (challenge["id"], challenge["code"]))
        self.assertTrue(self.demo.call("GET", f"/challenges/{challenge['id']}")["run_again"])
        self.demo.approve(challenge)
        self.assertEqual(self.rows(), 3)
        self.assertEqual(self.stack.ask("DELETE FROM scratch")[0], 0)
        self.assertEqual(self.rows(), 0)
        self.assertNotEqual(self.again("DELETE FROM scratch").group(2), challenge["id"], "the approval was used twice")
        self.demo.deny(self.demo.wait_pending())
        self.hears_denial()
        self.stack.run("audit", "verify")

    def test_other_text_or_user_meets_another_question(self):
        first = self.again("DELETE FROM scratch")
        self.assertEqual(self.again("DELETE FROM scratch").group(2), first.group(2), "the same question was asked twice")
        self.assertNotEqual(self.again("DELETE  FROM scratch").group(2), first.group(2))
        password = re.search(r"password: (\S+)", self.stack.run("user", "add", "mallory", "--generate-password")).group(1)
        for challenge in self.demo.pending():
            self.demo.approve(challenge) if challenge["id"] == first.group(2) else self.demo.deny(challenge)
        self.assertEqual(self.stack.ask("DELETE FROM scratch WHERE true")[0], 1)
        self.assertEqual(self.rows(), 3)
        self.demo.deny(self.demo.wait_pending())
        code, _, err = wait_for(lambda: (lambda said: "1227" in said[2] and said)(self.stack.ask("DELETE FROM scratch", user="mallory", password=password)),
                                "mallory to be known")
        self.assertEqual(code, 1)
        self.assertNotEqual(AGAIN.search(err).group(2), first.group(2), "another user's answer")
        self.assertEqual(self.rows(), 3)
        self.assertEqual(self.stack.ask("DELETE FROM scratch")[0], 0)

    def test_what_it_means_in_the_session_is_part_of_the_question(self):
        cursor = self.connect(autocommit=True).cursor()

        def held(sql):
            with self.assertRaises(pymysql.Error) as caught:
                cursor.execute(sql)
            self.assertEqual(caught.exception.args[0], 1227)
            return self.demo.wait_pending()
        cursor.execute("PREPARE p FROM 'DELETE FROM scratch'")
        self.demo.approve(held("EXECUTE p"))
        cursor.execute("PREPARE p FROM 'UPDATE scratch SET id = 9'")
        self.demo.deny(held("EXECUTE p"))
        self.assertEqual(self.rows(), 3)
        cursor.execute("PREPARE p FROM 'DELETE FROM scratch'")
        cursor.execute("EXECUTE p")
        self.assertEqual(self.rows(), 0)
        by_id = "SELECT ssn FROM customers WHERE id = @id"
        cursor.execute("SET @id = 1")
        challenge = held(by_id)
        self.assertEqual(self.demo.call("GET", f"/challenges/{challenge['id']}")["statements"][0]["premises"], [{"name": "@id", "value": "1"}])
        self.demo.approve(challenge)
        cursor.execute("SET @id = 2")
        self.demo.deny(held(by_id))
        by_email = "SELECT id, \"ssn\" FROM customers WHERE email = 'x'"
        self.demo.approve(held(by_email))
        cursor.execute("SET sql_mode = ANSI_QUOTES")
        self.demo.deny(held(by_email))

    def test_a_temporary_table_is_another_one(self):
        cursor = self.connect(autocommit=True).cursor()
        cursor.execute("CREATE TEMPORARY TABLE scratch (id int)")
        self.again_from(cursor)
        self.demo.approve(self.demo.wait_pending())
        cursor.execute("DROP TEMPORARY TABLE scratch")
        self.again_from(cursor)
        self.demo.deny(self.demo.wait_pending())
        self.hears_denial()
        self.assertEqual(self.rows(), 3)

    def hears_denial(self):
        code, _, err = self.stack.ask("DELETE FROM scratch")
        self.assertEqual((code, self.demo.pending()), (1, []))
        self.assertRegex(err, r"ERROR 1227 \(42000\).*statement denied \(rule delete-without-where\)\. denied by demo")

    def test_one_approval_is_for_one_of_two_runs_at_once(self):
        connections = [self.connect(autocommit=True), self.connect(autocommit=True)]
        for number in range(5):  # it takes both between the question and the release
            self.setUp()
            sql = f"DELETE FROM scratch WHERE {number} = {number}"
            self.again_from(connections[0].cursor(), sql)
            self.demo.approve(self.demo.wait_pending())
            runs = [self.run_later(connection.cursor(), sql) for connection in connections]
            for thread, _ in runs:
                thread.join(PATIENCE)
            results = [result[0] for _, result in runs]
            self.assertEqual(sum(result == 3 for result in results), 1, results)
            lost, = (result for result in results if result != 3)
            self.assertRegex(lost.args[1], r"its approval let another run of it pass\. Run it again|, then run it again")
            for challenge in self.demo.pending():
                self.demo.deny(challenge)

    def again_from(self, cursor, sql="DELETE FROM scratch"):
        with self.assertRaises(pymysql.Error) as caught:
            cursor.execute(sql)
        self.assertEqual(caught.exception.args[0], 1227)

    def test_an_approval_before_a_policy_change_is_not_enough(self):
        policy = (self.stack.home / "site.toml").read_text()
        self.again("DELETE FROM scratch")
        self.demo.approve(self.demo.wait_pending())
        self.stack.reload_policy(policy + '\n[[rule]]\nid = "no-more"\nwhen = {statement = ["delete"]}\nthen = "deny"\n')
        code, _, err = self.stack.ask("DELETE FROM scratch")
        self.stack.reload_policy(policy)
        self.assertEqual(code, 1)
        self.assertIn("no-more", err)
        self.assertEqual(self.rows(), 3)
        self.assertEqual(self.stack.ask("DELETE FROM scratch")[0], 0, "what was shown is enough again")

    def test_approved_within_the_short_wait_runs_at_once(self):
        self.stack.stop()
        self.stack.config.write_text(self.stack.config.read_text().replace('silent = "1s"', 'silent = "20s"'))
        self.stack.start()
        process = self.stack.mariadb("-e", "DELETE FROM scratch")
        self.demo.approve(self.demo.wait_pending())
        self.assertEqual(process.wait(PATIENCE), 0, process.communicate())
        self.assertEqual(self.rows(), 0)
        self.stack.stop()
        self.stack.config.write_text(self.stack.config.read_text().replace('silent = "20s"', 'silent = "1s"'))
        self.stack.start()

    def test_denial_is_told_once_and_then_asked_anew(self):
        first = self.again("DELETE FROM scratch")
        self.demo.deny(self.demo.wait_pending())
        self.again("DELETE FROM  scratch")
        self.demo.deny(self.demo.wait_pending())
        self.hears_denial()
        self.assertNotEqual(self.again("DELETE FROM scratch").group(2), first.group(2))
        self.demo.deny(self.demo.wait_pending())
        self.hears_denial()


if __name__ == "__main__":
    unittest.main()
