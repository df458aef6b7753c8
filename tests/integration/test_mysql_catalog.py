"""What stands behind the names in a statement, on the second wire: views, triggers, foreign keys, routines, renames and copies, as the
server's own catalogs have them; against a real MariaDB and a real MySQL."""
# Protections that were taken out once, one at a time, and the tests that failed then:
#   what is behind a view                  view over personal data, made just now, that takes a table's name, prepared before, dump and explain
#   triggers                               trigger that destroys
#   foreign keys                           cascade, procedure (which deletes what others point to)
#   bodies of routines                     function, procedure, procedure that runs any text
#   bodies as they were written            literals in bodies
#   statements judged anew at execution    prepared on the wire
#   catalogs known to be old, or at all    view made just now, that takes a table's name, prepared before (also on the wire), tables without an account
import json
import os
import struct
import subprocess
import threading
import unittest

import pymysql

from harness import BINARY, PATIENCE, SITE_POLICY, wait_for
from mariadb import ORACLE, MySqlCase, MySqlStack

# The account that stepgate reads the catalogs with: it sees all of them, as the README asks.
ACCOUNT = "CREATE USER reader@'%' IDENTIFIED BY 'reads'; GRANT SELECT, SHOW VIEW, TRIGGER, PROCESS ON *.* TO reader@'%'"
LISTENER = 'announce = "wait"\ncatalog = {user = "reader", password = {env = "STEPGATE_TEST_READER"}}'
POLICY = SITE_POLICY + """
[[label]]
table = "secrets"
columns = {code = ["tag"]}
[[label]]
table = "pieces"
columns = {code = ["tag"]}
[[rule]]
id = "tagged"
when = {reads = {labels = ["tag"]}}
then = {challenge = {level = 1}} # each time
[[rule]]
id = "payments-change"
when = {writes = {tables = ["payments"]}}
then = {challenge = {level = 1}}
"""
SETUP = """DROP TABLE IF EXISTS secrets, taken, bait, kept;
CREATE TABLE secrets (id int, code varchar(20)); INSERT INTO secrets VALUES (1, 'x');
CREATE TABLE bait (id int); CREATE TABLE kept (id int);
CREATE TRIGGER bait_t BEFORE INSERT ON bait FOR EACH ROW DELETE FROM kept;
CREATE VIEW items AS SELECT item FROM orders;
CREATE FUNCTION leak() RETURNS varchar(20) READS SQL DATA RETURN (SELECT max(ssn) FROM customers);
DELIMITER //
CREATE PROCEDURE anything(t text) BEGIN SET @t = t; PREPARE s FROM @t; EXECUTE s; END//
CREATE PROCEDURE hides(ID int) DELETE FROM kept WHERE id = id//
CREATE PROCEDURE forget(id int) DELETE FROM kept WHERE kept.id = id//"""

# Read as information_schema shows them, without escapes and doubled quotes, some read nothing and others cannot be read.
LITERALS = r"""CREATE TABLE below (id int) ENGINE = MyISAM; CREATE TABLE broken (id int) ENGINE = MERGE UNION = (below); DROP TABLE below;
CREATE TABLE pieces (code text) ENGINE = MyISAM; CREATE TABLE whole (code text) ENGINE = MERGE UNION = (pieces);
CREATE TABLE noted (id int, word text);
CREATE TABLE defaulted (id int, ssn varchar(20), word varchar(20) DEFAULT (ssn), other varchar(20) DEFAULT 'ssn'); INSERT INTO defaulted (id, ssn) VALUES (1, '1');
CREATE FUNCTION quotes() RETURNS text READS SQL DATA RETURN (SELECT concat('\'', ssn, '\'') FROM customers LIMIT 1);
CREATE FUNCTION slashes(a enum('(', 'it''s')) RETURNS text READS SQL DATA COMMENT 'RETURN concat(\''
    RETURN concat('\\', (SELECT max(ssn) FROM customers), '/*' /* */);
CREATE TRIGGER noted_t BEFORE INSERT ON noted FOR EACH ROW SET NEW.word = concat('\'', (SELECT max(ssn) FROM customers), '\'');
CREATE TRIGGER noted_u BEFORE UPDATE ON noted /* ' */ FOR EACH ROW SET NEW.word = concat('''', (SELECT max(ssn) FROM customers));
SET sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES';
CREATE PROCEDURE "other mode"() COMMENT 'it''s \ SELECT 1 -- \' SELECT '\', "ssn", '\' FROM customers LIMIT 1;
SET sql_mode = default;
CREATE FUNCTION escapes(t text) RETURNS text NO SQL RETURN replace(replace(t, '\\', '/'), '''', "\"");
""" + "".join(f"CREATE FUNCTION another{i}() RETURNS text NO SQL RETURN 'x';\n" for i in range(120))  # more than are asked for at once


class ReadByAnother(MySqlCase):
    """The catalogs are read by an account of their own; `prepare` makes it, and what it finds as stepgate starts."""
    policy = POLICY

    @classmethod
    def setUpClass(cls):
        os.environ["STEPGATE_TEST_READER"] = "reads"
        cls.stack = MySqlStack(policy=cls.policy, listener=LISTENER, settings=cls.settings)
        cls.addClassCleanup(cls.stack.close)
        cls.prepare(cls.stack.cluster)
        cls.stack.start()
        cls.demo = cls.stack.person("demo")


class Catalog(ReadByAnother):
    settings = ("--log-bin-trust-function-creators=ON",)

    @classmethod
    def prepare(cls, cluster):
        cluster.admin(ACCOUNT)
        cluster.shop(LITERALS + SETUP)

    def setUp(self):
        super().setUp()
        self.cursor = self.connect(autocommit=True).cursor()

    def passes(self, sql):
        self.cursor.execute(sql)
        self.assertEqual(self.demo.pending(), [])
        return self.cursor.fetchall()

    def held(self, sql, approve=False):
        """The challenge that the statement met."""
        result = []

        def run():
            try:
                result.append(self.cursor.execute(sql))
            except pymysql.Error as error:
                result.append(error)
        thread = threading.Thread(target=run)
        thread.start()
        wait_for(lambda: result or self.demo.pending(), f"a hold of {sql}", every=0.05)
        self.assertEqual(result, [], f"not held: {sql}")
        challenge = self.demo.call("GET", f"/challenges/{self.demo.pending()[0]['id']}")
        (self.demo.approve if approve else self.demo.deny)(challenge)
        thread.join(PATIENCE)
        self.assertEqual(isinstance(result[0], pymysql.Error), not approve, result)
        return challenge

    def understood(self, challenge):
        self.assertEqual(challenge["opaque_reasons"], [])
        return challenge

    def test_view_over_personal_data(self):
        self.assertIn("pii", self.understood(self.held("SELECT city FROM customer_contacts"))["labels"])

    def test_what_runs_inside(self):
        """Rules find what texts, blocks, routines and events create, alter and set inside."""
        self.stack.cluster.shop("DELIMITER //\nCREATE DEFINER=app PROCEDURE grows() SET GLOBAL max_connections = 151//\n"
                                "CREATE DEFINER=app PROCEDURE hires() CREATE USER eve//")
        self.passes("DROP TABLE IF EXISTS nothing_there")  # so that the catalogs are read anew
        texts = {"CALL grows()": "server-settings", "CALL hires()": "role-change",
                 "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SET GLOBAL max_connections = 151": "server-settings"}
        if ORACLE:  # the other one wants the privileges when it prepares
            self.passes("PREPARE hire FROM 'CREATE USER eve'")
            self.passes("PREPARE grow FROM 'SET GLOBAL max_connections = 151'")
            texts |= {"EXECUTE hire": "role-change", "EXECUTE grow": "server-settings"}
        else:
            texts |= {"EXECUTE IMMEDIATE 'CREATE USER eve'": "role-change", "EXECUTE IMMEDIATE 'CREATE FUNCTION f() RETURNS int RETURN 1'": "hidden-code",
                      "BEGIN NOT ATOMIC CREATE USER eve; END": "role-change", "IF 1 THEN SET GLOBAL max_connections = 151; END IF": "server-settings"}
        for sql, rule in texts.items():
            with self.subTest(sql):
                self.assertIn(rule, self.understood(self.held(sql))["rules"])
        if not ORACLE:
            self.passes("CREATE TEMPORARY TABLE own (id int)")
            self.passes("EXECUTE IMMEDIATE 'DROP TEMPORARY TABLE own'")

    def test_a_default_that_is_another_column(self):
        self.assertEqual(self.passes("SELECT other FROM defaulted"), (("ssn",),))
        self.assertIn("pii", self.understood(self.held("SELECT concat(word) FROM defaulted"))["labels"])

    def test_locks_of_a_view_over_personal_data(self):
        """As mysqldump takes them; it reads the rows afterwards."""
        self.passes("LOCK TABLES customer_contacts READ /*!32311 LOCAL */, customers READ /*!32311 LOCAL */")
        self.passes("UNLOCK TABLES")

    def test_harmless_view(self):
        self.assertEqual(len(self.passes("SELECT item FROM items LIMIT 3")), 3)

    def test_view_made_just_now(self):
        self.passes("CREATE OR REPLACE VIEW fresh AS SELECT quantity FROM orders")
        self.passes("SELECT quantity FROM fresh LIMIT 1")
        self.held("CREATE OR REPLACE VIEW fresh AS SELECT code AS quantity FROM secrets", approve=True)
        self.assertIn("tag", self.held("SELECT quantity FROM fresh LIMIT 1")["labels"])

    def test_view_that_takes_a_tables_name(self):
        """An old snapshot would pass it."""
        self.passes("CREATE TABLE plain (a int)")
        self.passes("SELECT count(*) FROM plain")
        self.held("DROP TABLE plain", approve=True)
        self.held("CREATE VIEW plain AS SELECT code AS a FROM secrets", approve=True)
        self.assertIn("tag", self.held("SELECT a FROM plain")["labels"])
        self.stack.cluster.shop("DROP VIEW plain")

    def test_trigger_that_destroys(self):
        self.assertIn("delete-without-where", self.understood(self.held("INSERT INTO bait VALUES (1)"))["rules"])

    def test_cascade(self):
        self.assertIn("payments-change", self.understood(self.held("DELETE FROM orders WHERE id = 1"))["rules"])
        self.passes("UPDATE orders SET quantity = 3 WHERE id = 1")

    def test_procedure(self):
        self.assertIn("payments-change", self.understood(self.held("CALL purge_inactive('1990-01-01')"))["rules"])

    def test_parameter_hides_a_column(self):
        self.assertIn("delete-without-where", self.understood(self.held("CALL hides(1)"))["rules"])
        self.passes("CALL forget(1)")

    def test_what_is_asked_after_a_call_comes_in_any_character_set(self):
        cursor = self.connect().cursor()
        for charset in ("utf16", "utf8mb4"):
            cursor.execute(f"SET character_set_results = {charset}")
            cursor.execute("CALL forget(1)")
            cursor.execute("DELETE FROM scratch WHERE id = 5")

    def test_procedure_that_runs_any_text(self):
        self.assertIn("default.opaque", self.held("CALL anything('select 1')")["rules"])

    def test_function(self):
        self.assertIn("pii", self.understood(self.held("SELECT leak()"))["labels"])
        self.assertIn("pii", self.understood(self.held("SELECT shop.LEAK()"))["labels"])

    def test_literals_in_bodies(self):
        self.assertIn("pii", self.understood(self.held("SELECT quotes()"))["labels"])
        self.assertIn("pii", self.understood(self.held("SELECT slashes('(')"))["labels"])
        self.assertIn("pii", self.understood(self.held("INSERT INTO noted (id) VALUES (1)"))["labels"])
        self.assertIn("pii", self.understood(self.held("UPDATE noted SET id = 2 WHERE id = 1"))["labels"])
        self.assertIn("pii", self.understood(self.held("CALL `other mode`"))["labels"])
        self.assertEqual(self.passes(r"SELECT escapes('a\\b''')"), (('a/b"',),))

    def test_tables_below(self):
        """Beside a table that the server cannot show."""
        self.assertIn("tag", self.understood(self.held("SELECT code FROM whole"))["labels"])
        self.held("SELECT id FROM broken")

    def test_labels_follow_a_rename(self):
        self.held("RENAME TABLE secrets TO taken", approve=True)
        self.assertIn("tag", self.held("SELECT code FROM taken", approve=True)["labels"])
        self.held("ALTER TABLE taken RENAME TO secrets", approve=True)

    def test_labels_follow_a_copy(self):
        self.held("CREATE TABLE copied AS SELECT code AS harmless FROM secrets", approve=True)
        self.assertIn("tag", self.held("SELECT harmless FROM copied")["labels"])
        self.stack.cluster.shop("DROP TABLE copied")

    def test_temporary_table(self):
        self.passes("CREATE TEMPORARY TABLE work (id int)")
        self.passes("INSERT INTO work SELECT id FROM orders")
        self.assertEqual(self.passes("SELECT count(*) FROM work"), ((800,),))

    def test_prepared_before_the_view_changed(self):
        """The server looks names up again at each execution."""
        self.passes("CREATE OR REPLACE VIEW swapped AS SELECT quantity FROM orders")
        self.passes("PREPARE s FROM 'SELECT * FROM swapped LIMIT 1'")
        self.passes("EXECUTE s")
        self.held("CREATE OR REPLACE VIEW swapped AS SELECT code FROM secrets", approve=True)
        self.assertIn("tag", self.held("EXECUTE s")["labels"])

    def test_prepared_on_the_wire_before_the_view_changed(self):
        self.passes("CREATE OR REPLACE VIEW wired AS SELECT quantity FROM orders")
        connection = self.cursor.connection
        connection._execute_command(0x16, b"SELECT * FROM wired LIMIT 1")
        statement, columns, _ = struct.unpack_from("<IHH", connection._read_packet().get_all_data(), 1)
        for _ in range(columns + 1):  # definitions and their EOF
            connection._read_packet()
        self.held("CREATE OR REPLACE VIEW wired AS SELECT code FROM secrets", approve=True)
        result = []

        def execute():
            connection._execute_command(0x17, struct.pack("<IBI", statement, 0, 1))
            try:
                result.append(connection._read_packet())
            except pymysql.Error as error:
                result.append(error)
        thread = threading.Thread(target=execute)
        thread.start()
        wait_for(lambda: result or self.demo.pending(), "a hold of the execution", every=0.05)
        self.assertEqual(result, [], "not held")
        challenge = self.demo.call("GET", f"/challenges/{self.demo.pending()[0]['id']}")
        self.demo.deny(challenge)
        thread.join(PATIENCE)
        self.assertIn("tag", challenge["labels"])
        self.assertEqual(result[0].args[0], 1227)

    def test_age_of_the_catalogs_is_a_metric(self):
        ages = {name: age for name, age in self.stack.metrics().items() if name.startswith("stepgate_catalog_age_seconds{")}
        self.assertEqual(len(ages), 1, ages)
        self.assertLess(*ages.values(), 300)

    def test_dump_and_explain(self):
        dump = self.stack.home / "catalog.json"
        dump.write_text(self.stack.run("catalog", "dump"))
        read = json.loads(dump.read_text())
        self.assertEqual(read["mysql"]["vendor"], "mysql" if ORACLE else "mariadb")
        asked = subprocess.run([BINARY, "explain", "--dialect", "mysql" if ORACLE else "mariadb", "--catalog", dump, "--database", "shop",
                                "select city from customer_contacts"], capture_output=True, text=True, check=True)
        facts = json.loads(asked.stdout)["facts"]
        self.assertEqual([r["table"] for r in facts["statements"][0]["reads"]], ["shop.customer_contacts", "shop.customers"])
        self.assertFalse(facts["opaque"])


class Absent(MySqlCase):
    """DROP .. IF EXISTS of what is not there, with which dumps and migrations begin, and of what was made past stepgate a moment ago."""

    def test_of_nothing_passes(self):
        cursor = self.connect().cursor()
        for sql in ("DROP TABLE IF EXISTS nothing_there", "DROP TABLE IF EXISTS nothing_there, shop.nor_this", "DROP VIEW IF EXISTS nothing_there",
                    "DROP PROCEDURE IF EXISTS nothing_there", "DROP FUNCTION IF EXISTS shop.nothing_there", "DROP TRIGGER IF EXISTS nothing_there",
                    *(() if ORACLE else ("ALTER TABLE scratch DROP COLUMN IF EXISTS nothing_there",))):
            with self.subTest(sql):
                self.assertEqual(cursor.execute(sql), 0)
        self.assertEqual(self.demo.pending(), [])

    def test_of_what_was_just_made_is_held(self):
        cursor = self.connect().cursor()
        cursor.execute("DROP TABLE IF EXISTS late")
        self.stack.cluster.shop("CREATE TABLE late (n int)")
        thread, result = self.later(lambda: cursor.execute("DROP TABLE IF EXISTS late"))
        self.demo.deny(self.demo.wait_pending())
        thread.join(PATIENCE)
        self.assertEqual(result[0].args[0], 1227)
        self.assertEqual(self.stack.cluster.shop("SELECT count(*) FROM late"), "0")

    def test_programs_and_columns_that_were_just_made_are_held(self):
        cursor = self.connect().cursor()
        for make, drop in (("CREATE PROCEDURE late_one() DO 1", "DROP PROCEDURE IF EXISTS late_one"),
                           ("CREATE FUNCTION late_two() RETURNS int DETERMINISTIC RETURN 1", "DROP FUNCTION IF EXISTS late_two"),
                           ("CREATE TRIGGER late_three BEFORE INSERT ON scratch FOR EACH ROW SET @x = 1", "DROP TRIGGER IF EXISTS late_three"),
                           *(() if ORACLE else (("ALTER TABLE scratch ADD late_four int", "ALTER TABLE scratch DROP COLUMN IF EXISTS late_four"),))):
            with self.subTest(drop):
                cursor.execute(drop)
                self.stack.cluster.shop(make)
                self.addCleanup(self.stack.cluster.shop, drop.replace("IF EXISTS ", ""))
                thread, result = self.later(lambda: cursor.execute(drop))
                self.demo.deny(self.demo.wait_pending())
                thread.join(PATIENCE)
                self.assertEqual(result[0].args[0], 1227)


class Types(MySqlCase):
    """Another type of a column that holds all that it held passes; what loses something, or may, is held."""

    def test_wider_passes_and_narrower_is_held(self):
        self.stack.cluster.shop("ALTER TABLE scratch ADD kind enum('a', 'b'), ADD small smallint unsigned NOT NULL DEFAULT 1")
        self.addCleanup(self.stack.cluster.shop, "ALTER TABLE scratch DROP kind, DROP small")
        cursor = self.connect(autocommit=True).cursor()
        cursor.execute("ALTER TABLE scratch ADD INDEX (id)")  # so that the catalogs are read anew
        for sql in ("ALTER TABLE scratch MODIFY word varchar(100) DEFAULT 'x' COMMENT 'wider'", "ALTER TABLE scratch CHANGE COLUMN word word mediumtext NULL",
                    "ALTER TABLE scratch MODIFY kind enum('a','b','c') AFTER id", "ALTER TABLE scratch MODIFY small int NOT NULL, MODIFY id bigint"):
            with self.subTest(sql):
                cursor.execute(sql)
        for sql in ("ALTER TABLE scratch MODIFY id int", "ALTER TABLE scratch MODIFY word varchar(100)", "ALTER TABLE scratch MODIFY kind enum('b','a','c')",
                    "ALTER TABLE scratch MODIFY small int unsigned NOT NULL", "ALTER TABLE scratch MODIFY word mediumtext CHARACTER SET ascii", "ALTER TABLE scratch DEFAULT CHARACTER SET ascii, MODIFY word mediumtext"):
            with self.subTest(sql):
                thread, result = self.later(lambda: cursor.execute(sql))
                self.demo.deny(self.demo.wait_pending())
                thread.join(PATIENCE)
                self.assertEqual(result[0].args[0], 1227)


class Ranges(MySqlCase):
    """WHERE that leave out no row by what the types of columns can hold: the server deletes all rows, and stepgate asks."""

    def test_every_row_is_held(self):
        self.stack.cluster.shop("CREATE TABLE ranges (id int AUTO_INCREMENT PRIMARY KEY, age tinyint unsigned NOT NULL, kind enum('a', 'b'), flag bit(1), "
                                "code varchar(3)); INSERT INTO ranges (age, kind, flag, code) VALUES (0, 'a', 0, ''), (255, 'b', 1, 'abc'), (7, 'a', 1, 'x')")
        self.addCleanup(self.stack.cluster.shop, "DROP TABLE ranges")
        cursor = self.connect(autocommit=True).cursor()
        cursor.execute("DROP TABLE IF EXISTS nothing_there")  # so that the catalogs are read anew
        for where in ("age <= 255", "age BETWEEN 0 AND '255'", "kind IN ('a', 'b')", "flag IN (0, 1)", "flag IN (b'0', b'1')", "CHAR_LENGTH(code) < 4", "age NOT BETWEEN 5 AND 1",
                      "id DIV 1 = id", "id MOD 1 = 0", "CONCAT(code, '') = code", "GREATEST(id, 0) = id", "LEAST(age, 255) = age", "id XOR 0", "ABS(id) > 0",
                      "id NOT IN (0)", "id >= ALL (SELECT min(id) FROM (SELECT * FROM ranges) r)", "NOT EXISTS (SELECT 1 FROM scratch WHERE scratch.id = ranges.id AND 1 = 0)",
                      "EXISTS (SELECT count(*) FROM scratch WHERE scratch.id = ranges.id)"):
            with self.subTest(where):
                left = self.stack.cluster.shop(f"BEGIN; DELETE FROM ranges WHERE {where}; SELECT count(*) FROM ranges; ROLLBACK")
                self.assertEqual(left, "0")
                thread, result = self.later(lambda: cursor.execute(f"DELETE FROM ranges WHERE {where}"))
                self.demo.deny(self.demo.wait_pending())
                thread.join(PATIENCE)
                self.assertEqual(result[0].args[0], 1227)
        for where in ("age <= 254 AND id = 0", "kind IN ('a', 'c') AND id = 0", "TRIM(code) = code AND id = 0", "age % 2 = 5"):
            with self.subTest(where):
                self.assertEqual(cursor.execute(f"DELETE FROM ranges WHERE {where}"), 0)


class Hidden(MySqlCase):
    def test_a_star_does_not_stand_for_invisible_columns(self):
        self.stack.cluster.shop("CREATE TABLE payments2 (id int, iban varchar(40) INVISIBLE DEFAULT 'PT50', note varchar(9)); INSERT INTO payments2 (id, note) VALUES (1, 'n')")
        self.stack.reload_policy((self.stack.home / "site.toml").read_text() + '\n[[label]]\ntable = "payments2"\ncolumns = {iban = ["pci"]}\n')
        cursor = self.connect().cursor()
        cursor.execute("DROP TABLE IF EXISTS nothing_there")  # so that the catalogs are read anew
        cursor.execute("SELECT * FROM payments2")
        self.assertEqual(cursor.fetchall(), ((1, "n"),))
        for sql in ("SELECT *, iban FROM payments2", "SELECT * FROM payments2 WHERE iban > 'A'"):
            with self.subTest(sql):
                thread, result = self.later(lambda: cursor.execute(sql))
                self.demo.deny(self.demo.wait_pending())
                thread.join(PATIENCE)
                self.assertEqual(result[0].args[0], 1227)


class EveryRow(MySqlCase):
    def test_a_loop_over_all_rows_and_conditions_on_what_the_server_numbers(self):
        self.stack.cluster.shop("DELIMITER //\nCREATE DEFINER=app PROCEDURE one_by_one() BEGIN DECLARE v int; DECLARE done int DEFAULT 0; DECLARE c CURSOR FOR SELECT id FROM orders;"
                                " DECLARE CONTINUE HANDLER FOR NOT FOUND SET done = 1; OPEN c; l: LOOP FETCH c INTO v; IF done THEN LEAVE l; END IF;"
                                " DELETE FROM orders WHERE id = v; END LOOP; CLOSE c; END//")
        cursor = self.connect().cursor()
        cursor.execute("DROP TABLE IF EXISTS nothing_there")  # so that the catalogs are read anew
        texts = ["DELETE FROM orders WHERE id > 0", "DELETE FROM orders WHERE id <> 0", "DELETE FROM orders WHERE id",
                 "DELETE FROM orders WHERE customer_id IN (SELECT id FROM customers)", "CALL one_by_one()"]
        if not ORACLE:
            texts.append("BEGIN NOT ATOMIC FOR r IN (SELECT id FROM orders) DO DELETE FROM orders WHERE id = r.id; END FOR; END")
        for sql in texts:
            with self.subTest(sql):
                thread, result = self.later(lambda: cursor.execute(sql))
                challenge = self.demo.wait_pending()
                self.assertIn("delete-without-where", challenge["rules"])
                self.demo.deny(challenge)
                thread.join(PATIENCE)
                self.assertEqual(result[0].args[0], 1227)
        self.assertEqual(self.stack.cluster.shop("SELECT count(*) FROM orders"), "800")


class HiddenColumns(ReadByAnother):
    """The account that reads the catalogs may not see all columns that sessions may read."""
    policy = SITE_POLICY

    @classmethod
    def prepare(cls, cluster):
        cluster.admin("CREATE USER reader@'%' IDENTIFIED BY 'reads'; GRANT SELECT, TRIGGER, SHOW VIEW ON shop.scratch TO reader@'%';"
                      "GRANT SELECT (id, name), TRIGGER ON shop.customers TO reader@'%'; GRANT TRIGGER, DELETE ON shop.orders TO reader@'%'")
        role = "SET DEFAULT ROLE looks TO reader@'%'" if ORACLE else "SET DEFAULT ROLE looks FOR reader@'%'"
        cluster.shop("CREATE TABLE `ro``led` (id int, note int, ssn varchar(20)); CREATE ROLE looks; GRANT SELECT (id, note) ON `ro``led` TO looks;"
                     "GRANT looks TO reader@'%'; " + role)
        cluster.shop("CREATE TABLE made (id int, ssn varchar(20), hidden varchar(20) AS (ssn)); GRANT SELECT (id, hidden) ON made TO reader@'%'")

    def test_what_may_be_read(self):
        cursor = self.connect(autocommit=True).cursor()
        for sql in ("SELECT id, name FROM customers LIMIT 1", "SELECT * FROM scratch", "SELECT id FROM made", "SELECT note FROM `ro``led`", "SELECT item FROM orders LIMIT 1"):
            with self.subTest(sql):
                cursor.execute(sql)
                self.assertEqual(self.demo.pending(), [])
        for sql, said in (("SELECT ssn FROM customers", "pii"), ("SELECT concat(ssn) FROM customers", "pii"), ("SELECT * FROM customers", "pii"),
                          ("SELECT concat(c.ssn) FROM customers c JOIN scratch s ON c.id = s.id OR 1", "pii"), ("SELECT * FROM orders", "may not see"),
                          ("SELECT concat(hidden) FROM made", "may not see"), ("SELECT concat(ssn) FROM `ro``led`", "pii")):
            with self.subTest(sql):
                thread, result = self.later(lambda: cursor.execute(sql))
                wait_for(lambda: result or self.demo.pending(), f"a hold of {sql}", every=0.05)
                self.assertEqual(result, [], f"not held: {sql}")
                challenge = self.demo.call("GET", f"/challenges/{self.demo.pending()[0]['id']}")
                self.demo.deny(challenge)
                thread.join(PATIENCE)
                self.assertIn(said, str(challenge["opaque_reasons"]) + str(challenge["labels"]))


@unittest.skipUnless(ORACLE, "MariaDB cannot take a part of a privilege away")
class PartlyRevoked(ReadByAnother):
    """What the catalogs' account has everywhere was taken from it for one database."""
    settings = ("--partial-revokes=ON",)

    @classmethod
    def prepare(cls, cluster):
        cluster.shop("CREATE DATABASE archive; CREATE DATABASE vault; GRANT ALL ON archive.* TO app@'%'; GRANT ALL ON vault.* TO app@'%';"
                     "CREATE TABLE archive.bait (id int); CREATE TABLE archive.kept (id int); INSERT INTO archive.kept VALUES (1);"
                     "CREATE TRIGGER archive.bait_t BEFORE INSERT ON archive.bait FOR EACH ROW DELETE FROM archive.kept;"
                     "CREATE TABLE archive.people (id int, ssn varchar(20), word varchar(20) AS (ssn)); CREATE TABLE bait (id int);"
                     + ACCOUNT + "; GRANT SELECT (id, word) ON archive.people TO reader@'%'; GRANT INSERT ON archive.bait TO reader@'%';"
                     "REVOKE SELECT, TRIGGER ON archive.* FROM reader@'%'; REVOKE SELECT, SHOW VIEW, TRIGGER ON vault.* FROM reader@'%'")

    def test_what_is_not_shown_is_not_taken_for_nothing(self):
        cursor = self.connect(autocommit=True).cursor()
        for sql in ("INSERT INTO bait VALUES (1)", "DROP TABLE IF EXISTS nothing_there"):
            with self.subTest(sql):
                cursor.execute(sql)
                self.assertEqual(self.demo.pending(), [])
        for sql in ("INSERT INTO archive.bait VALUES (1)", "DROP DATABASE IF EXISTS vault", "DROP TABLE IF EXISTS vault.gone",
                    "SELECT concat(word) FROM archive.people"):
            with self.subTest(sql):
                thread, result = self.later(lambda: cursor.execute(sql))
                wait_for(lambda: result or self.demo.pending(), f"a hold of {sql}", every=0.05)
                self.assertEqual(result, [], f"not held: {sql}")
                self.demo.deny(self.demo.pending()[0])
                thread.join(PATIENCE)
        self.assertEqual(self.stack.cluster.shop("SELECT count(*) FROM archive.kept"), "1")


class NoAccount(MySqlCase):
    """Without a snapshot nothing that names a table is understood."""
    listener = 'announce = "wait"\ncatalog = {user = "nobody"}'

    def test_tables_are_held(self):
        cursor = self.connect().cursor()
        cursor.execute("SELECT 1")
        thread = threading.Thread(target=lambda: self.assertRaises(pymysql.Error, cursor.execute, "SELECT count(*) FROM orders"))
        thread.start()
        challenge = self.demo.wait_pending()
        reasons = self.demo.call("GET", f"/challenges/{challenge['id']}")["opaque_reasons"]
        self.assertIn("names shop.orders, and the server's catalogs are not known", reasons)
        self.demo.deny(challenge)
        thread.join(PATIENCE)


if __name__ == "__main__":
    unittest.main()
