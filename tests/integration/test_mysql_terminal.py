"""Interactive clients of MySQL and MariaDB, each on a terminal of its own: what a person sees while a statement is held."""
import os
import shutil
import signal
import subprocess
import unittest

from harness import ROOT, wait_for
from mariadb import MySqlCase, Screen

MYSQL_SERVER = ROOT / "tests/support/mysql_server.sh"


class Terminal(MySqlCase):
    def held(self, screen):
        """The challenge that the screen shows. mycli may have another one pending: it asks for mysql.user behind the prompt, to complete names."""
        screen.until("STATEMENT HELD")
        screen.until(f"approve at {self.stack.public_url}/c/")
        shown = screen.until(" · code ")
        challenge = wait_for(lambda: next((c for c in self.demo.pending() if c["id"] == shown), None), "the challenge on the screen", every=0.1)
        self.assertEqual(screen.until(challenge["code"]), "")
        screen.until("needs a passkey, or an authenticator code and a PIN")  # on a line of its own
        screen.until("within 5 min")
        return challenge

    def held_then_approved_then_denied(self, screen, prompt, enter="\n", done="Query OK, 3 rows affected"):
        screen.until(prompt)
        screen.type(f"DELETE FROM scratch;{enter}")
        challenge = self.held(screen)
        self.assertEqual(self.rows(), 3)
        self.demo.approve(challenge)
        screen.until(done)
        screen.until(prompt)
        self.assertEqual(self.rows(), 0)
        screen.type(f"DELETE FROM orders WHERE true;{enter}")
        self.demo.deny(self.held(screen))
        screen.until("1227")
        screen.until("statement denied")
        screen.until(prompt)
        screen.type(f"SELECT concat('still ', 'alive');{enter}")
        screen.until("| still alive ")
        screen.until(prompt)

    def interrupted(self, screen, prompt):
        screen.until(prompt)
        screen.type("DELETE FROM scratch;\n")
        challenge = self.held(screen)
        os.killpg(screen.process.pid, signal.SIGINT)
        screen.until("1317")
        wait_for(lambda: self.demo.call("GET", f"/challenges/{challenge['id']}")["state"] == "cancelled", "cancellation")
        screen.type("SELECT concat('still ', 'alive');\n")
        screen.until("| still alive ")
        self.assertEqual(self.rows(), 3)

    def mariadb_screen(self, *arguments):
        return Screen(self, self.stack.arguments(*arguments))

    def mysql_screen(self, *arguments):
        """MySQL's own client: at its start it asks for the server's version and tries `select $$`."""
        if subprocess.run([MYSQL_SERVER, "root"], capture_output=True).returncode:
            self.skipTest("MySQL's client cannot be had here")
        return Screen(self, [MYSQL_SERVER, "run", "mysql", "--no-defaults", "-h127.0.0.1", f"-P{self.stack.port}", "-udemo",
                             f"-p{self.stack.password}", *arguments, "shop"])

    def test_mariadb(self):
        """Progress reports, in front of a MariaDB; in front of a MySQL its client asks for none, and gets the result of one row."""
        self.held_then_approved_then_denied(self.mariadb_screen(), "[shop]>")

    def test_mariadb_interrupted(self):
        self.interrupted(self.mariadb_screen("--disable-auto-rehash"), "[shop]>")

    def test_mysql(self):
        """A result of one row in front of the real one."""
        screen = self.mysql_screen()
        self.held_then_approved_then_denied(screen, "mysql>")
        # More packets than there are numbers for them, and a second result.
        screen.type("delimiter //\nSELECT ssn FROM customers JOIN orders ON customer_id = customers.id; SELECT concat('behind ', 'it')//\n")
        self.demo.approve(self.held(screen))
        for line in ("800 rows in set", "| behind it "):
            screen.until(line)

    def test_mysql_interrupted(self):
        self.interrupted(self.mysql_screen(), "mysql>")

    def test_mysql_in_a_script_is_no_terminal(self):
        self.mysql_screen("-e", "DELETE FROM scratch").until("then run it again")
        self.demo.deny(self.demo.wait_pending())
        self.assertEqual(self.rows(), 3)

    @unittest.skipUnless(shutil.which("mycli"), "mycli is not installed")
    def test_mycli(self):
        settings = self.stack.folder / "myclirc"
        settings.write_text("[main]\nenable_pager = False\nmulti_line = False\nkeyword_casing = auto\nprompt = 'mycli> '\nless_chatty = True\n")
        screen = Screen(self, ["mycli", f"--myclirc={settings}", "-h", "127.0.0.1", "-P", str(self.stack.port), "-u", "demo",
                               f"--ssl-ca={self.stack.home}/tls/ca.crt", "--no-warn", "shop"],
                        env={"MYSQL_PWD": self.stack.password, "HOME": str(self.stack.folder), "PROMPT_TOOLKIT_NO_CPR": "1"})
        self.held_then_approved_then_denied(screen, "mycli>", "\r", "3 rows affected")


if __name__ == "__main__":
    unittest.main()
