"""What is taken out of .test files, and what the judge of MariaDB's statements must call a miss."""
import unittest

import mariadb
import mysqltest


def read(text):
    return [s.sql.decode() for s in mysqltest.statements(text.encode())]


class Statements(unittest.TestCase):
    def test_end_with_the_delimiter_where_nothing_hides_it(self):
        self.assertEqual(read("select ';' ; select \"a\\\";b\", `;`;\nselect 1 # ; no end\n, 2;\nselect 3 -- ; neither\n;"),
                         ["select ';'", "select \"a\\\";b\", `;`", "select 1 # ; no end\n, 2", "select 3 -- ; neither"])
        self.assertEqual(read("select 'never ends ; select 2"), ["select 'never ends ; select 2"])

    def test_delimiter(self):
        self.assertEqual(read("delimiter //;\ncreate procedure p() begin select 1; end//\ndelimiter ;//\nselect 2;"),
                         ["create procedure p() begin select 1; end", "select 2"])

    def test_commands_are_none(self):
        self.assertEqual(read("--disable_warnings\ndrop table t;\n--source include/x.inc\necho hello;\nlet $x = 5;\neval select $x;\n"
                              "eval select $unknown;\nif (1)\n{\nselect 2;\n}\nperl;\nselect 3;\nEOF\nselect 4;"),
                         ["drop table t", "select 5", "select 2", "select 4"])

    def test_connections_and_what_may_fail(self):
        found = mysqltest.statements(b"connect (con1,localhost,root,,);\n--error ER_DUP_ENTRY\ninsert t values (1);\nselect 1;\n"
                                     b"error 0;\nselect 2;\nconnection default;\nselect 3;")
        self.assertEqual([(s.connection, s.may_fail) for s in found],
                         [("con1", True), ("con1", False), ("con1", False), ("default", False)])


class Judge(unittest.TestCase):
    def judge(self, sql, *touched, reads=(), writes=(), destructive=False, opaque=False):
        facts = {"opaque": opaque, "statements": [{"destructive": destructive, "reads": [{"table": t} for t in reads],
                                                   "writes": [{"table": t} for t in writes]}]}
        return mariadb.judge({"sql": sql, "facts": facts, "touched": touched, "columns": []})

    def test_a_table_that_is_not_reported_is_missed(self):
        self.assertEqual(self.judge("select * from v", ("READ", "test", "t"), reads=["test.v"])[0], [("READ", "test.t")])
        self.assertEqual(self.judge("select * from t", ("READ", "test", "t"), reads=["test.t"]), ([], []))
        self.assertEqual(self.judge("select * from t", ("READ", "other", "t"), reads=["test.t"])[0], [("READ", "other.t")])
        self.assertEqual(self.judge("select * from v", ("READ", "test", "t"), opaque=True), ([], []))

    def test_the_servers_own_tables_are_missed_where_the_text_names_them(self):
        self.assertEqual(self.judge("create procedure p() select 1", ("WRITE", "mysql", "proc"))[0], [])
        self.assertEqual(self.judge("select * from mysql.proc", ("READ", "mysql", "proc"))[0], [("READ", "mysql.proc")])
        self.assertEqual(self.judge("select * from MYSQL . Proc", ("READ", "mysql", "proc"))[0], [("READ", "mysql.proc")])
        self.assertEqual(self.judge("select * from t", ("READ", "mysql", "secret"))[0], [("READ", "mysql.secret")])
        self.assertEqual(self.judge("drop function func", ("WRITE", "mysql", "func"))[0], [])

    def test_tables_are_dropped_with_their_database_only(self):
        self.assertEqual(self.judge("drop database d", ("DROP", "d", "t"), destructive=True)[0], [])
        self.assertEqual(self.judge("create or replace database d", ("DROP", "d", "t"))[0], [("DROP", "d.t")])
        self.assertEqual(self.judge("drop table u", ("DROP", "d", "t"), destructive=True)[0], [("DROP", "d.t")])


class Regardless(unittest.TestCase):
    def test_what_follows_names_needs_the_catalogs(self):
        for sql in (b"create table t (a int)", b"drop table if exists t", b"set @a = 1", b"USE x"):
            self.assertTrue(mariadb.REGARDLESS.search(sql), sql)
        for sql in (b"create table t as select 1", b"create table t\n(a int)\nselect * from u", b"create table t like u", b"insert t values (1)",
                    b"select 1", b"create view v as select 1", b"create table t (a int references u (a))"):
            self.assertFalse(mariadb.REGARDLESS.search(sql), sql)

    def test_what_defines_something_makes_the_catalogs_old(self):
        def changes(sql):
            return bool(mariadb.CHANGES.search(sql) and not mariadb.KEEPS.search(sql))
        for sql in (b"create table t (a int)", b"/* x */ drop view v", b"set statement a=1 for create table t (a int)", b"select 1; drop table t",
                    b"explain select 1; create table t (a int)", b"call p()", b"begin not atomic create table t (a int); end", b"alter table t force"):
            self.assertTrue(changes(sql), sql)
        for sql in (b"show create table t", b"(select 'drop')", b"insert into t values ('create')", b"analyze table t", b"prepare s from 'drop table t'",
                    b"explain create table t (a int)"):
            self.assertFalse(changes(sql), sql)


if __name__ == "__main__":
    unittest.main()
