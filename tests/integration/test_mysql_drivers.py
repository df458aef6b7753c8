"""The drivers people use with MySQL and MariaDB, unchanged: they log in, prepare, send batches and become other users; a held statement
waits and then answers. PyMySQL, mysqlclient and the terminals' clients are in the other test_mysql_* files."""
import os
import pathlib
import unittest

from harness import run_program, wait_for
from mariadb import MySqlCase

HERE = pathlib.Path(__file__).resolve().parent
CLIENTS = pathlib.Path(os.environ.get("STEPGATE_CLIENTS", HERE / "clients"))
JDBC = "/usr/share/java/mariadb-java-client.jar"


class Drivers(MySqlCase):
    listener = 'announce = "wait"'

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        added = cls.stack.run("user", "add", "second", "--generate-password")
        password = added.split("password:")[1].split()[0]
        wait_for(lambda: cls.stack.ask("SELECT 1", user="second", password=password)[0] == 0, "the new user", every=0.3)
        cls.env = dict(os.environ, MYSQL_PORT=str(cls.stack.port), MYSQL_PASSWORD=cls.stack.password, SECOND_PASSWORD=password)

    def program(self, *command):
        run_program(self, self.demo, command, self.env)

    def test_mysql2(self):
        self.program("node", str(CLIENTS / "node_mysql.mjs"), "mysql2")

    def test_mariadb_of_npm(self):
        self.program("node", str(CLIENTS / "node_mysql.mjs"), "mariadb")

    def test_connector_j(self):
        self.program("java", "-cp", JDBC, str(HERE / "clients/MariaJdbc.java"))


if __name__ == "__main__":
    unittest.main()
