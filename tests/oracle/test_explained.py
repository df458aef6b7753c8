"""What is taken out of the servers' notes about resolved statements, and what the judge calls a miss of columns."""
import unittest

import mariadb
from explained import columns


class Columns(unittest.TestCase):
    def test_of_tables_and_aliases(self):
        self.assertEqual(columns("/* select#1 */ select `shop`.`c`.`ssn` AS `x`,`shop`.`orders`.`id` AS `id` from `shop`.`customers` `c` join `shop`.`orders`"
                                 " where `shop`.`c`.`city` = '`shop`.`orders`.`item`'"),
                         {("shop", ("customers",), "ssn"), ("shop", ("customers",), "city"), ("shop", ("orders",), "id")})

    def test_an_alias_of_two_tables_is_one_of_them(self):
        self.assertEqual(columns("select `d`.`t`.`a` AS `a` from `d`.`one` `t` union select 1 from `d`.`two` `t`"),
                         {("d", ("one", "two"), "a")})

    def test_derived_tables_are_none(self):
        self.assertEqual(columns("select `z`.`id` AS `id` from (select `d`.`t`.`ssn` AS `id` from `d`.`t`) `z` where `d`.`z`.`x` = 1"), {("d", ("t",), "ssn")})

    def test_names_with_quotes(self):
        self.assertEqual(columns("select `d`.`a``b`.`c.d` AS `x` from `d`.`a``b`"), {("d", ("a`b",), "c.d")})

    def test_of_rows_that_are_inserted_are_none(self):
        self.assertEqual(columns("insert into `d`.`t` (`d`.`t`.`a`) values (`d`.`t`.`b`)"), set())
        self.assertEqual(columns("insert into `d`.`t` values ((select `d`.`u`.`a` from `d`.`u`))"), {("d", ("u",), "a")})
        self.assertEqual(columns("insert into `d`.`t` (`d`.`t`.`a`) values ((select `d`.`t`.`b` from `d`.`t` ))"), {("d", ("t",), "a"), ("d", ("t",), "b")})
        self.assertEqual(columns("insert into `d`.`t`(a) values (`d`.`t`.`b`)"), set())
        self.assertEqual(columns("select value(`d`.`t`.`a`) AS `x` from `d`.`t`"), set())
        self.assertEqual(columns("select default(`d`.`t`.`a`) AS `x` from `d`.`t`"), set())

    def test_changes(self):
        self.assertEqual(columns("delete `d`.`t` from `d`.`t` `o` where (`d`.`o`.`id` = 1)"), {("d", ("t",), "id")})


class Judge(unittest.TestCase):
    def missed(self, reads, columns, writes=()):
        facts = {"opaque": False, "statements": [{"reads": reads, "writes": list(writes), "destructive": False}]}
        return mariadb.judge({"sql": "select 1", "facts": facts, "touched": [], "columns": columns})[0]

    def test_a_column_must_be_read(self):
        shown = {"table": "shop.customers", "columns": ["city"]}
        self.assertEqual(self.missed([shown], [("shop", ("customers",), "City")]), [])
        self.assertEqual(self.missed([shown], [("shop", ("customers",), "ssn")]), [("COLUMN", "shop.customers.ssn")])
        self.assertEqual(self.missed([{"table": "customers", "columns": ["*"]}], [("shop", ("customers",), "ssn")]), [])
        self.assertEqual(self.missed([], [("shop", ("customers",), "ssn")], [{"table": "shop.customers", "columns": ["ssn"]}]), [])
        self.assertEqual(self.missed([shown], [("shop", ("customers", "orders"), "city")]), [])
        self.assertEqual(self.missed([], [("information_schema", ("TABLES",), "TABLE_NAME")]), [])


if __name__ == "__main__":
    unittest.main()
