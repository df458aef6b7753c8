"""TLS from stepgate to a MySQL or MariaDB server: whose certificates it takes, in each mode."""
import os
import pathlib
import socket
import struct
import subprocess
import tempfile
import threading
import unittest

from harness import BINARY, free_port
from mariadb import MySqlStack

GOOD, OTHER = "server.crt", "stepgate/tls/ca.crt"  # the server's own certificate, and one that has not signed it


class TlsStack(MySqlStack):
    """A server with a certificate for "localhost", and a listener for each way to look at it."""
    # name: host, mode, authority, whether it may be talked to
    LISTENERS = {"name and authority": ("localhost", "verify-full", GOOD, True),
                 "another name": ("127.0.0.1", "verify-full", GOOD, False),
                 "another name, not looked at": ("127.0.0.1", "verify-ca", GOOD, True),
                 "another authority": ("localhost", "verify-full", OTHER, False),
                 "another authority, name not looked at": ("127.0.0.1", "verify-ca", OTHER, False),
                 "nothing looked at": ("127.0.0.1", "require", None, True)}

    def make_cluster(self):
        key, certificate = self.folder / "server.key", self.folder / GOOD
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
        key.chmod(0o644)
        self.settings = (f"--ssl-ca={certificate}", f"--ssl-cert={certificate}", f"--ssl-key={key}")
        return super().make_cluster()

    def configure(self, *args):
        super().configure(*args)
        self.ports = {name: free_port() for name in self.LISTENERS}
        with self.config.open("a") as config:
            for name, (host, mode, authority, _) in self.LISTENERS.items():
                ca = f', ca = "{self.folder / authority}"' if authority else ""
                config.write(f'\n[[listener]]\nname = "{self.ports[name]}"\nprotocol = "mysql"\nlisten = "127.0.0.1:{self.ports[name]}"\n'
                             f'[listener.upstream]\nhost = "{host}"\nport = {self.cluster.port}\ntls = {{mode = "{mode}"{ca}}}\n'
                             'user = "app"\npassword = {file = "upstream.password"}\n')


class WantsThePassword(threading.Thread):
    """A server that asks for the password as it is, whatever the account's plugin."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener, self.heard = socket.create_server(("127.0.0.1", 0)), b""
        self.port = self.listener.getsockname()[1]

    def run(self):
        capabilities = 1 << 9 | 1 << 15 | 1 << 19 | 1 << 3
        greeting = (b"\x0a10.11.0-MariaDB\0" + struct.pack("<I", 7) + b"12345678\0" + struct.pack("<H", capabilities & 0xffff) + b"\x2d\x02\0" +
                    struct.pack("<H", capabilities >> 16) + bytes([21]) + b"\0" * 10 + b"123456789012\0mysql_native_password\0")
        while True:
            client, _ = self.listener.accept()
            client.settimeout(5)
            try:
                client.sendall(len(greeting).to_bytes(3, "little") + b"\0" + greeting)
                self.heard += client.recv(65536)
                switch = b"\xfemysql_clear_password\0"
                client.sendall(len(switch).to_bytes(3, "little") + b"\2" + switch)
                self.heard += client.recv(65536)
            except OSError:
                pass
            client.close()


class UpstreamTls(unittest.TestCase):
    def test_no_password_as_it_is_without_tls(self):
        """Seen with the directory of plugins that the library has: the password arrives."""
        server = WantsThePassword()
        server.start()
        with tempfile.TemporaryDirectory() as folder:
            home = pathlib.Path(folder)
            (home / "site.toml").write_text('[default]\nopaque = "deny"\n')
            (home / "stepgate.toml").write_text(f"""policies = ["site.toml"]
[web]
listen = "127.0.0.1:0"
public_url = "https://localhost"
[[listener]]
name = "plain"
protocol = "mysql"
listen = "127.0.0.1:0"
[listener.upstream]
host = "127.0.0.1"
port = {server.port}
tls = {{mode = "disable"}}
user = "app"
password = {{env = "STEPGATE_TEST_SECRET"}}
""")
            done = subprocess.run([BINARY, "catalog", "dump", "--config", home / "stepgate.toml"], capture_output=True, text=True,
                                  env=dict(os.environ, STEPGATE_TEST_SECRET="as-it-is"))
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(b"app\0", server.heard)
        self.assertNotIn(b"as-it-is", server.heard)
        self.assertIn("mysql_clear_password", done.stderr)

    def test_modes(self):
        stack = TlsStack()
        self.addCleanup(stack.close)
        stack.start()
        for name, (_, _, _, may) in stack.LISTENERS.items():
            with self.subTest(name):
                stack.port = stack.ports[name]
                code, out, error = stack.ask("SHOW STATUS LIKE 'Ssl_version'", tls=False)
                dump = stack.run("catalog", "dump", "--listener", str(stack.port), expect=None)
                if may:
                    self.assertEqual((code, out[:15]), (0, "Ssl_version\tTLS"), error)
                    self.assertIn('"customers"', dump.stdout)
                else:
                    self.assertEqual(code, 1)
                    self.assertIn("ERROR 1429", error)
                    self.assertEqual((dump.returncode, dump.stdout), (1, ""))
                    self.assertIn("the catalogs could not be read: ", dump.stderr)
        log = (stack.folder / "serve.log").read_text()
        self.assertIn("TLS handshake failed", log)


if __name__ == "__main__":
    unittest.main()
