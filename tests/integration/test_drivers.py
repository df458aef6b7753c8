"""The drivers people use, unchanged: they log in, prepare, batch, pipeline and copy; a held statement waits and then answers."""
import asyncio
import os
import pathlib
import threading
import unittest

import asyncpg
import psycopg
import psycopg2

from harness import PATIENCE, Stack, run_program

HERE = pathlib.Path(__file__).resolve().parent
CLIENTS = pathlib.Path(os.environ.get("STEPGATE_CLIENTS", HERE / "clients"))
JDBC = "/usr/share/java/postgresql.jar"


class Drivers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack().start()
        cls.addClassCleanup(cls.stack.close)
        cls.demo = cls.stack.person()

    def setUp(self):
        self.stack.cluster.shop("CREATE TABLE IF NOT EXISTS scratch (id int, note text)")
        self.stack.cluster.shop("TRUNCATE scratch")

    def answer(self, how):
        """Answers the next challenge from another thread, as a person would."""
        failures = []

        def run():
            try:
                how(self.demo.wait_pending())
            except Exception as error:  # shown by the join below
                failures.append(error)

        thread = threading.Thread(target=run)
        thread.start()

        def join():
            thread.join(PATIENCE)
            self.assertEqual(failures, [])

        return join

    def address(self):
        return dict(host="127.0.0.1", port=self.stack.port, user="demo", password=self.stack.password)

    def rows(self):
        return int(self.stack.cluster.shop("SELECT count(*) FROM scratch"))

    def test_psycopg2(self):
        with psycopg2.connect(dbname="shop", **self.address()) as connection, connection.cursor() as cursor:
            cursor.executemany("INSERT INTO scratch VALUES (%s, %s)", [(n, "x") for n in range(10)])
            connection.commit()
            join = self.answer(self.demo.approve)
            cursor.execute("DELETE FROM scratch")
            join()
            self.assertEqual(cursor.rowcount, 10)
            connection.commit()
            join = self.answer(self.demo.deny)
            with self.assertRaises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute("DELETE FROM scratch")
            join()
            with self.assertRaises(psycopg2.errors.InFailedSqlTransaction):
                cursor.execute("SELECT 1")
            connection.rollback()
            cursor.execute("SELECT 1")
            self.assertEqual(cursor.fetchone(), (1,))

    def test_psycopg3_prepared_and_pipeline(self):
        with psycopg.connect(dbname="shop", **self.address(), autocommit=True) as connection:
            notices = []
            connection.add_notice_handler(lambda d: notices.append(d.message_primary))
            for n in range(8):  # becomes a server-side prepared statement on the way
                connection.execute("INSERT INTO scratch VALUES (%s, %s)", (n, "x"))
            with connection.pipeline():
                cursors = [connection.execute("SELECT %s::int", (n,)) for n in range(50)]
            self.assertEqual([c.fetchone()[0] for c in cursors], list(range(50)))
            join = self.answer(self.demo.approve)
            self.assertEqual(connection.execute("DELETE FROM scratch", prepare=True).rowcount, 8)
            join()
            self.assertTrue(any("STATEMENT HELD" in n for n in notices), notices)

    def test_psycopg3_held_in_a_pipeline(self):
        with psycopg.connect(dbname="shop", **self.address(), autocommit=True) as connection:
            connection.execute("INSERT INTO scratch VALUES (1, 'x'), (2, 'y')")
            join = self.answer(self.demo.approve)
            with connection.pipeline():
                before = connection.execute("SELECT 'before'")
                gone = connection.execute("DELETE FROM scratch")
                after = connection.execute("SELECT count(*) FROM scratch")
            join()
            self.assertEqual((before.fetchone()[0], gone.rowcount, after.fetchone()[0]), ("before", 2, 0))

    def test_psycopg3_denied_in_a_pipeline(self):
        with psycopg.connect(dbname="shop", **self.address(), autocommit=True) as connection:
            connection.execute("INSERT INTO scratch VALUES (1, 'x'), (2, 'y')")
            join = self.answer(self.demo.deny)
            with self.assertRaises(psycopg.errors.InsufficientPrivilege):
                with connection.pipeline():
                    connection.execute("INSERT INTO scratch VALUES (3, 'z')")
                    connection.execute("DELETE FROM scratch")
            join()
            self.assertEqual(connection.execute("SELECT 'alive'").fetchone(), ("alive",))
        self.assertIn(self.rows(), (2, 3))

    def test_psycopg3_binary_parameters_and_copy(self):
        with psycopg.connect(dbname="shop", **self.address(), autocommit=True) as connection:
            self.assertEqual(connection.execute("SELECT %b::int8 + 1", (41,), binary=True).fetchone(), (42,))
            with connection.cursor().copy("COPY scratch FROM STDIN") as copy:
                for n in range(1000):
                    copy.write_row((n, "x" * 100))
            with connection.cursor().copy("COPY scratch TO STDOUT") as copy:
                self.assertEqual(sum(1 for _ in copy.rows()), 1000)

    def test_asyncpg(self):
        async def run():
            connection = await asyncpg.connect(database="shop", **self.address())
            try:
                await connection.executemany("INSERT INTO scratch VALUES ($1, $2)", [(n, "x") for n in range(100)])
                self.assertEqual(await connection.fetchval("SELECT count(*) FROM scratch WHERE id < $1", 50), 50)
                async with connection.transaction():
                    self.assertEqual(len([r async for r in connection.cursor("SELECT id FROM scratch WHERE id < 20")]), 20)
                prepared = await connection.prepare("DELETE FROM scratch")
                join = self.answer(self.demo.approve)
                await prepared.fetch()
                join()
                self.assertEqual(prepared.get_statusmsg(), "DELETE 100")
                join = self.answer(self.demo.deny)
                with self.assertRaises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute("DELETE FROM scratch WHERE $1::int = $1", 1)
                join()
                self.assertEqual(await connection.fetchval("SELECT 1"), 1)
            finally:
                await connection.close()

        asyncio.run(asyncio.wait_for(run(), PATIENCE * 2))

    def program(self, *command):
        run_program(self, self.demo, command, self.stack.env(PGSSLMODE="disable"))

    def test_pgjdbc(self):
        self.program("java", "-cp", JDBC, str(HERE / "clients/Jdbc.java"))

    def test_node_postgres(self):
        self.program("node", str(CLIENTS / "node_postgres.mjs"))


if __name__ == "__main__":
    unittest.main()
