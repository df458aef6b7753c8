"""Texts and names in encodings other than UTF8, and names longer than the server keeps: what stepgate reads is what the server runs.

Each was seen passing a statement that it should hold before: names on the wire compared whole (PostgreSQL compares 63 bytes) or as the bytes
of another client encoding, texts prepared in SJIS read as UTF8, and a LATIN1 database that folds É and keeps forty of them in a name.
"""
import subprocess
import unittest

from harness import ROOT, SITE_POLICY, Stack
from raw_client import SYNC, RawClient, bind, close, errors, execute, field, message, parse, query, rows

LONG = "p" * 63
SHORT, WHOLE = "é" * 31, "é" * 40  # 62 bytes of UTF-8, where stepgate's parser cuts; 40 bytes of LATIN1


def held(answers):
    return [field(body, "M") for kind, body in answers if kind == "E" and field(body, "M").startswith("statement held: ")]


class Encodings(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(policy=SITE_POLICY, hold='{timeout = "1s", in_transaction = "1s"}')
        cls.addClassCleanup(cls.stack.close)
        cls.stack.cluster.admin("CREATE DATABASE latin OWNER app TEMPLATE template0 ENCODING LATIN1 LC_COLLATE 'C' LC_CTYPE 'C'")
        cls.stack.cluster.psql("-c", "SET client_encoding = UTF8", "-c", f'CREATE TABLE "{SHORT}" (id int, note text); CREATE TABLE "{WHOLE}" (id int, ssn text); CREATE TABLE "é" (ssn text); '
                               'CREATE TABLE "É" (ssn text)', user="app", password="app-password", database="latin")
        cls.stack.start()

    def client(self, **parameters):
        client = RawClient(self.stack, **parameters)
        self.addCleanup(client.close)
        return client

    def count(self):
        return self.stack.cluster.shop("SELECT count(*) FROM orders")

    def test_the_server_compares_63_bytes_of_a_statement_s_name(self):
        client, before = self.client(), self.count()
        client.send(parse(LONG, "SELECT 1"), SYNC).answers()
        client.send(close("S", LONG + "x"), SYNC).answers()
        client.send(parse(LONG + "y", "DELETE FROM orders"), SYNC).answers()
        self.assertTrue(held(client.send(bind("", LONG), execute(), SYNC).answers()))
        self.assertEqual(self.count(), before)

    def test_names_in_another_client_encoding(self):
        client = self.client()
        self.assertEqual(errors(client.send(parse("é", "SELECT 1"), bind("", "é"), execute(), SYNC).answers()), [])
        client.ask("SET client_encoding = 'LATIN1'")
        got = client.send(message("C", b"S\xe9\0"), SYNC).answers()
        self.assertEqual((errors(got), got[-1][0]), (["0A000"], ""))
        pipelined = self.client()
        pipelined.send(parse("é", "SELECT 1"), SYNC).answers()
        got = pipelined.send(query("SET client_encoding = 'LATIN1'"), message("C", b"S\xe9\0"), SYNC).answers(last="E")
        self.assertEqual(errors(got), ["0A000"])

    def test_a_text_prepared_in_another_encoding(self):
        # In SJIS \x95\ is one character; in UTF-8 \xc3\x95 is, and the backslash escapes the quote.
        for lead in (b"\x95", b"\xc3\x95"):
            for back in (False, True):
                for run in (query("EXECUTE s"), bind("", "s") + execute() + SYNC):
                    with self.subTest(lead=lead, back=back, run=run):
                        client = self.client()
                        client.ask("SET client_encoding = 'SJIS'")
                        sql = b"SELECT E'" + lead + b"\\', ssn || '' FROM customers LIMIT 1 --'"
                        client.send(message("P", b"s\0" + sql + b"\0\0\0"), SYNC).answers()
                        if back:
                            client.ask("SET client_encoding = 'UTF8'")
                        self.assertTrue(held(client.send(run).answers()))

    def test_what_needs_no_other_encoding_passes_in_one(self):
        client = self.client()
        client.ask("SET client_encoding = 'LATIN1'")
        for messages in ((query("SELECT 1"),), (parse("s", "SELECT 2"), bind("", "s"), execute(), SYNC), (query("EXECUTE s"),)):
            self.assertEqual(errors(client.send(*messages).answers()), [])

    def test_names_in_a_latin1_database(self):
        client = self.client(database="latin")
        for sql in (f"SELECT ssn || '' FROM \"{WHOLE}\"", "SELECT ssn || '' FROM É", f"DO $$BEGIN PERFORM 1 FROM É; END$$",
                    "SELECT ssn || '' FROM U&\"" + r"\00e9" * 40 + '"'):
            with self.subTest(sql=sql):
                self.assertTrue(held(client.ask(sql)))
        client.send(parse("s", "SELECT ssn || '' FROM É"), SYNC).answers()
        self.assertTrue(held(client.ask("EXECUTE s")))
        for sql in (f'SELECT * FROM "{SHORT[:20]}"', "SELECT 'É' AS été", 'SELECT 1 AS "État"', "SELECT $$Élan$$"):
            with self.subTest(sql=sql):
                self.assertFalse(held(client.ask(sql)))


if __name__ == "__main__":
    unittest.main()
